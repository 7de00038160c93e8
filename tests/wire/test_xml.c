/* XML in and out: what is read, what is refused, and that a text survives the way there and back. */
#include "wire/xml.h"

#include "base/mem.h"
#include "tap.h"

static enum rc parse(struct arena *a, const char *text, const struct xml_node **ret, struct err *err)
{
	return xml_parse(a, str_of(text), &XML_LIMITS, ret, err);
}

static void reads(struct arena *a)
{
	const struct xml_node *n, *k;
	struct err err = { 0 };

	OK(parse(a, "\xef\xbb\xbf<?xml version='1.0' encoding='Big5'?><p:a xmlns:p='urn:1' x='1 &amp; &lt;2&#10;3' p:y=\"z\">\n <b>t&#x1F600;&gt;</b> <c/>"
		    "<b><![CDATA[<!DOCTYPE html>&]]></b><!-- c --><?pi x?><d>  one<e>two</e> three </d></p:a>", &n, &err) == RC_OK, "a document: %s", err.text);
	EQ_STR(n->name, S("a"), "name without prefix");
	EQ_STR(n->ns, S("urn:1"), "namespace");
	EQ_STR(n->text, S("\n "), "text before the first child");
	EQ_STR(xml_attr(n, "x"), S("1 & <2\n3"), "an attribute, with its entities read");
	EQ_STR(xml_attr(n, "y"), S("z"), "one with a prefix");
	EQ_STR(n->attrs[1].ns, S("urn:1"), "and its namespace");
	EQ_STR(xml_attr(n, "none"), S(""), "one that is not there");
	k = xml_path(n, "b");
	EQ_STR(k->text, S("t\xf0\x9f\x98\x80>"), "characters by number");
	k = xml_again(k);
	OK(k != NULL && xml_again(k) == NULL, "two of a name");
	EQ_STR(k->text, S("<!DOCTYPE html>&"), "a literal part is text");
	EQ_STR(xml_text(n, "d/e"), S("two"), "by path");
	EQ_STR(xml_text(n, "d"), S("one three"), "text around a child");
	OK(xml_path(n, "d/x/y") == NULL && xml_path(NULL, "a") == NULL, "a path to nowhere");
}

static void refuses(struct arena *a)
{
	static const struct { const char *text, *says; enum rc rc; } rows[] = {
		{ "", "is empty", RC_BAD },
		{ "x", "line 1", RC_BAD },
		{ "<a>", "line 1", RC_BAD },
		{ "<a></b>", "line 1", RC_BAD },
		{ "<a/><b/>", "line 1", RC_BAD },
		{ "<a x='1' x='2'/>", "line 1", RC_BAD },
		{ "<p:a/>", "line 1", RC_BAD },
		{ "<a>\n\n&nbsp;</a>", "line 3", RC_BAD },
		{ "<a>&#0;</a>", "line 1", RC_BAD },
		{ "<a>\xff</a>", "is not UTF-8", RC_BAD },
		{ "<!DOCTYPE a><a/>", "document type", RC_BAD },
		{ "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "document type", RC_BAD },
		{ "<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/a.dtd'><a/>", "document type", RC_BAD },
		{ "<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/x'> %p;]><a/>", "document type", RC_BAD },
		{ "<!DOCTYPE l [<!ENTITY a 'lol'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>"
		  "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'><!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'><!ATTLIST l x CDATA '&e;&e;&e;'>]><l>&e;</l>",
		  "document type", RC_BAD },
		{ "<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='file:///etc/passwd'/>", "line 1", RC_BAD },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const struct xml_node *n = NULL;
		struct err err = { 0 };
		enum rc rc = parse(a, rows[i].text, &n, &err);

		OK(rc == rows[i].rc && n == NULL && str_find(str_of(err.text), str_of(rows[i].says), 0) != SIZE_MAX, "row %zu: %s", i, err.text);
	}
}

static void limits(struct arena *a)
{
	const struct xml_limits few = { 1000, 3, 5, 2 };
	static const struct { const char *text, *says; } rows[] = {
		{ "<a><b><c><d/></c></b></a>", "nested too deeply" },
		{ "<a><b/><b/><b/><b/><b/></a>", "too many elements" },
		{ "<a x='1' y='2' z='3'/>", "too many attributes" },
	};
	const struct xml_node *n;
	struct err err = { 0 };
	struct buf b;
	struct arena *little = arena_new(256);

	for (size_t i = 0; i < COUNTOF(rows); i++)
		OK(xml_parse(a, str_of(rows[i].text), &few, &n, &err) == RC_LIMIT && str_find(str_of(err.text), str_of(rows[i].says), 0) != SIZE_MAX, "%s: %s",
		   rows[i].says, err.text);
	OK(xml_parse(a, S("<a x='1' y='2'><b><c/></b><b/><b/></a>"), &few, &n, &err) == RC_OK, "all of them are reached: %s", err.text);
	buf_init(&b, 4096);
	buf_cstr(&b, "<a>");
	for (int i = 0; i < 1000; i++)
		buf_char(&b, 'x');
	buf_cstr(&b, "</a>");
	OK(xml_parse(a, buf_view(&b), &few, &n, &err) == RC_LIMIT, "bytes: %s", err.text);
	OK(xml_parse(little, buf_view(&b), &XML_LIMITS, &n, &err) == RC_LIMIT, "memory: %s", err.text);
	OK(xml_parse(a, str_make("<a>\0</a>", 8), &XML_LIMITS, &n, &err) == RC_BAD, "a nought: %s", err.text);
	buf_done(&b);
	arena_free(little);
}

static void writes(struct arena *a)
{
	const struct str text = S("a<b>&\"c\" \t\nd\r\n \xe4\xba\x8b ]]>");
	const struct xml_node *n;
	struct err err = { 0 };
	struct xmlw w;
	struct buf b;

	buf_init(&b, 4096);
	xmlw_init(&w, &b);
	xmlw_start(&w, "p:a");
	xmlw_attr(&w, "xmlns:p", S("urn:1"));
	xmlw_attr(&w, "x", text);
	xmlw_element(&w, "b", text);
	xmlw_start(&w, "c");
	xmlw_end(&w);
	xmlw_element(&w, "d", S("\x01\xff\xef\xbf\xbf"));
	xmlw_end(&w);
	OK(parse(a, b.p, &n, &err) == RC_OK, "is read again: %s", err.text);
	EQ_STR(xml_attr(n, "x"), text, "an attribute");
	EQ_STR(xml_path(n, "b")->text, text, "a text");
	EQ_STR(xml_text(n, "d"), S("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"), "what XML has no place for");
	EQ_STR(buf_view(&b), S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<p:a xmlns:p=\"urn:1\" x=\"a&lt;b&gt;&amp;&quot;c&quot; &#9;&#10;d&#13;&#10; \xe4\xba\x8b ]]&gt;\">\n"
				"  <b>a&lt;b&gt;&amp;\"c\" \t\nd&#13;\n \xe4\xba\x8b ]]&gt;</b>\n  <c/>\n  <d>\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</d>\n</p:a>"), "as it looks");
	buf_done(&b);
}

int main(void)
{
	void (*const parts[])(struct arena *) = { reads, refuses, limits, writes };

	for (size_t i = 0; i < COUNTOF(parts); i++) {
		struct arena *a = arena_new((size_t)16 << 20);

		if (OK(a != NULL, "memory"))
			parts[i](a);
		arena_free(a);
	}
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
