#include "lab/dde.h"

#include "base/ascii.h"
#include "lab/words.h"

#define TEXT_MAX ((size_t)64 << 10)

bool lab_elsewhere(struct str t)
{
	static const struct str schemes[] = { S("http:"), S("https:"), S("ftp:"), S("smb:"), S("webdav:"), S("mhtml:"), S("ms-"), S("ldap:") };

	t = str_trim(t);
	for (size_t i = 0; i < COUNTOF(schemes); i++)
		if (t.n >= schemes[i].n && str_eq_nocase(str_slice(t, 0, schemes[i].n), schemes[i]))
			return true;
	if (t.n >= 5 && str_eq_nocase(str_slice(t, 0, 5), S("file:")))
		t = str_slice(t, 5, t.n);
	if (str_starts(t, S("///")))
		t = str_slice(t, 3, t.n);
	return str_starts(t, S("\\\\")) || str_starts(t, S("//"));
}

/* Services of DDE that are documents' own programs start nothing. */
static bool starts_something(struct str s)
{
	return lab_names_interpreter(s) || lab_word_in(s, S(".exe"), 0) != SIZE_MAX || lab_word_in(s, S("http:"), 0) != SIZE_MAX || lab_word_in(s, S("https:"), 0) != SIZE_MAX;
}

static void judge(struct lab_node *n, struct str text, uint64_t at, uint64_t length)
{
	lab_fact(n, "dde", str_trim(text));
	if (starts_something(text))
		lab_feature(n, LAB_SUSPICIOUS, "dde.starts-program", at, length, "opening the document starts a program by dynamic data exchange");
	else
		lab_feature(n, LAB_NOTE, "dde.link", at, length, "the document takes data from another program by dynamic data exchange");
}

/* Numbers behind QUOTE are letters: { QUOTE 68 68 69 }. */
static struct str read_quotes(struct str s, struct arena *a)
{
	char *to = arena_alloc(a, s.n + 1);
	size_t n = 0, i = 0;

	if (to == NULL)
		return s;
	while (i < s.n) {
		size_t word = lab_word_in(str_slice(s, 0, i + 5), S("quote"), i);
		uint64_t v;

		if (word != i) {
			to[n++] = s.p[i++];
			continue;
		}
		for (i += 5; i < s.n;) {
			size_t from;

			while (i < s.n && s.p[i] == ' ')
				i++;
			from = i;
			while (i < s.n && ascii_digit(s.p[i]))
				i++;
			if (i == from)
				break;
			if (str_to_u64(str_slice(s, from, i), &v) && v > 0 && v < 256)
				to[n++] = (char)v;
		}
	}
	return str_make(to, n);
}

void lab_dde_field(struct lab_node *n, struct str instruction, uint64_t at, uint64_t length)
{
	struct str text = read_quotes(str_slice(instruction, 0, TEXT_MAX), n->a);
	size_t verb = lab_word_in(text, S("ddeauto"), 0);

	if (verb == SIZE_MAX)
		verb = lab_word_in(text, S("dde"), 0);
	if (verb != SIZE_MAX) {
		judge(n, str_slice(text, verb, text.n), at, length);
		return;
	}
	if ((lab_word_in(text, S("includetext"), 0) != SIZE_MAX || lab_word_in(text, S("includepicture"), 0) != SIZE_MAX || lab_word_in(text, S("import"), 0) != SIZE_MAX) &&
	    (str_find(text, S("://"), 0) != SIZE_MAX || str_find(text, S("\\\\\\\\"), 0) != SIZE_MAX))
		lab_feature(n, LAB_NOTE, "field.elsewhere", at, length, "a field fetches something from another machine when the document is opened");
}

void lab_dde_link(struct lab_node *n, struct str service, struct str topic, uint64_t at, uint64_t length)
{
	struct str text = arena_fmt(n->a, "%.*s|%.*s", STR(service), STR(topic));

	if (text.p != NULL)
		judge(n, text, at, length);
}
