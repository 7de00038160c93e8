#include "base/jsonsplit.h"
#include "base/mem.h"
#include "tap.h"

/* Feeds `text` in pieces of `piece` bytes; elements joined by '|'. */
static enum rc split(struct str text, size_t piece, size_t max, struct buf *out, struct buf *wrapper, struct err *err)
{
	CLEANUP(jsonsplit_freep) struct jsonsplit *s = jsonsplit_new(S("objects"), max);
	struct str element;

	if (s == NULL)
		return RC_NOMEM;
	for (size_t at = 0; at < text.n; at += piece) {
		jsonsplit_feed(s, str_slice(text, at, at + piece));
		for (;;) {
			TRY(jsonsplit_next(s, &element, err));
			if (element.p == NULL)
				break;
			buf_str(out, element);
			buf_char(out, '|');
		}
	}
	TRY(jsonsplit_end(s, err));
	if (jsonsplit_wrapper(s) != NULL)
		json_print(jsonsplit_wrapper(s), wrapper);
	return out->bad;
}

static const struct {
	const char *name, *text;
	enum rc rc;
	const char *elements, *wrapper;
} rows[] = {
	{ "bundle", "{\"type\":\"bundle\",\"id\":\"b\",\"objects\":[{\"a\":1},{\"b\":[{}]}]}", RC_OK, "{\"a\":1}|{\"b\":[{}]}|",
	  "{\"type\":\"bundle\",\"id\":\"b\",\"objects\":[]}" },
	{ "members behind the array", " { \"objects\" : [ {} , { } ] , \"more\" : true,\"next\":\"x]}\" } ", RC_OK, "{}|{ }|",
	  "{\"objects\":[],\"more\":true,\"next\":\"x]}\"}" },
	{ "empty array", "{\"objects\":[ ]}", RC_OK, "", "{\"objects\":[]}" },
	{ "empty envelope", "{}", RC_OK, "{}|", "" },
	{ "bare array", "[{\"a\":\"]\\\"}\\\\\"},\n{}]\n", RC_OK, "{\"a\":\"]\\\"}\\\\\"}|{}|", "" },
	{ "empty bare array", "[]", RC_OK, "", "" },
	{ "lines", "{\"a\":1}\n{\"b\":{\"objects\":[{}]}}\r\n\n{}", RC_OK, "{\"a\":1}|{\"b\":{\"objects\":[{}]}}|{}|", "" },
	{ "lines of bundles", "{\"objects\":[{\"a\":1}]}\n{\"objects\":[{\"a\":2}],\"n\":2}\n", RC_OK, "{\"a\":1}|{\"a\":2}|",
	  "{\"objects\":[],\"n\":2}" },
	{ "objects that is an object", "{\"objects\":{\"0\":{}}}", RC_OK, "{\"objects\":{\"0\":{}}}|", "" },
	{ "name that begins alike", "{\"objectsx\":[{}],\"object\":[{}]}", RC_OK, "{\"objectsx\":[{}],\"object\":[{}]}|", "" },
	{ "member values of each kind", "{\"a\":null,\"b\":-1.5e3,\"c\":\"\\\"\",\"d\":[1,[2]],\"e\":true ,\"objects\":[{}]}", RC_OK, "{}|",
	  "{\"a\":null,\"b\":-1.5e3,\"c\":\"\\\"\",\"d\":[1,[2]],\"e\":true,\"objects\":[]}" },
	{ "long strings", "{\"x\":\"0123456789abcdef0123456789abcdef\\\\\",\"objects\":[{\"y\":\"0123456789abcdef[{0123456789abcdef\"}]}",
	  RC_OK, "{\"y\":\"0123456789abcdef[{0123456789abcdef\"}|",
	  "{\"x\":\"0123456789abcdef0123456789abcdef\\\\\",\"objects\":[]}" },
	{ "nothing", "", RC_BAD, "", "" },
	{ "only space", " \n", RC_BAD, "", "" },
	{ "scalar", "1", RC_BAD, "", "" },
	{ "byte order mark", "\xEF\xBB\xBF{}", RC_BAD, "", "" },
	{ "element that is no object", "[1]", RC_BAD, "", "" },
	{ "element that is an array", "{\"objects\":[[]]}", RC_BAD, "", "" },
	{ "trailing comma", "[{},]", RC_BAD, "{}|", "" },
	{ "no comma", "[{}{}]", RC_BAD, "{}|", "" },
	{ "leading comma", "[,{}]", RC_BAD, "", "" },
	{ "wrong bracket", "[{}}", RC_BAD, "{}|", "" },
	{ "cut in the array", "{\"objects\":[{}", RC_BAD, "{}|", "" },
	{ "cut in an element", "[{\"a\":\"", RC_BAD, "", "" },
	{ "cut behind the array", "{\"objects\":[{}]", RC_BAD, "{}|", "" },
	{ "two objects on a line", "{} {}", RC_BAD, "{}|", "" },
	{ "behind the array", "[{}] {}", RC_BAD, "{}|", "" },
	{ "array on a later line", "{}\n[]", RC_BAD, "{}|", "" },
	{ "no colon", "{\"objects\"[]}", RC_BAD, "", "" },
	{ "no value", "{\"a\":,\"objects\":[]}", RC_BAD, "", "" },
	{ "no name", "{1:2}", RC_BAD, "", "" },
	{ "two arrays", "{\"objects\":[{}],\"objects\":[{}]}", RC_BAD, "{}|", "" },
	{ "a name twice around", "{\"a\":1,\"objects\":[{}],\"a\":2}", RC_BAD, "{}|", "" },
	{ "bad word around", "{\"a\":nul,\"objects\":[{}]}", RC_BAD, "{}|", "" },
	{ "bad UTF-8 around", "{\"a\":\"\xC0\xAF\",\"objects\":[{}]}", RC_BAD, "{}|", "" },
	{ "trailing comma around", "{\"objects\":[{}],}", RC_BAD, "{}|", "" },
};

static void test_rows(void)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct str text = str_of(rows[i].text);
		bool good = true;

		for (size_t piece = 1; piece <= text.n + 1; piece++) {
			struct buf out, wrapper;
			struct err err = { 0 };
			enum rc rc;

			buf_init(&out, 4096);
			buf_init(&wrapper, 4096);
			rc = split(text, piece, 4096, &out, &wrapper, &err);
			good = good && rc == rows[i].rc && err.rc == rows[i].rc &&
			       str_eq(buf_view(&out), str_of(rows[i].elements)) &&
			       str_eq(buf_view(&wrapper), str_of(rows[i].wrapper));
			if (!good) {
				printf("# piece %zu: rc %d, '%.*s', '%.*s', %s\n", piece, rc, STR(buf_view(&out)),
				       STR(buf_view(&wrapper)), err.text);
				piece = text.n + 2;
			}
			buf_done(&out);
			buf_done(&wrapper);
		}
		OK(good, "%s, in pieces of every size", rows[i].name);
	}
}

static void test_limits(void)
{
	static const struct {
		const char *name, *text;
		enum rc rc;
	} limits[] = {
		{ "element of 16", "[{\"a\":\"34567890\"}]", RC_OK },
		{ "element of 17", "[{\"a\":\"345678901\"}]", RC_LIMIT },
		{ "top-level object of 17", "{\"a\":\"345678901\"}", RC_LIMIT },
		{ "wrapper of 16", "{\"objects\":[{\"aaa\":\"xx\"}]}  ", RC_OK },
		{ "wrapper of 17", "{\"objects\":[], \"b\":1}", RC_LIMIT },
	};

	for (size_t i = 0; i < COUNTOF(limits); i++) {
		for (size_t piece = 1; piece < 40; piece += 38) {
			struct buf out, wrapper;
			struct err err;

			buf_init(&out, 99);
			buf_init(&wrapper, 99);
			EQ_INT(split(str_of(limits[i].text), piece, 16, &out, &wrapper, &err), limits[i].rc, limits[i].name);
			buf_done(&out);
			buf_done(&wrapper);
		}
	}
}

static void test_place(void)
{
	struct buf out, wrapper;
	struct err err = { 0 };

	buf_init(&out, 99);
	buf_init(&wrapper, 99);
	OK(split(S("[{},{},\n3]"), 4, 99, &out, &wrapper, &err) == RC_BAD, "bad element");
	EQ_STR(str_of(err.text), S("JSON: element 2, byte 8: expected an object"), "names element and byte");
	buf_done(&out);
	buf_done(&wrapper);
}

static void test_no_memory(void)
{
	struct str text = S("{\"type\":\"bundle\",\"objects\":[{\"a\":\"bbbbbbbbbbbbbbbbbbbb\"}],\"z\":[1,2]}");
	int64_t live = mem_live();
	enum rc rc = RC_NOMEM;
	uint64_t nth = 0;
	bool clean = true;

	while (rc != RC_OK && nth < 50) {
		struct buf out, wrapper;
		struct err err = { 0 };

		buf_init(&out, 4096);
		buf_init(&wrapper, 4096);
		buf_char(&out, ' ');
		mem_fail_at(++nth, 0);
		rc = split(text, 7, 4096, &out, &wrapper, &err);
		mem_fail_at(0, 0);
		clean = clean && (rc == RC_OK || rc == RC_NOMEM);
		rc = rc == RC_OK && (out.bad != RC_OK || wrapper.bad != RC_OK) ? RC_NOMEM : rc;
		buf_done(&out);
		buf_done(&wrapper);
		clean = clean && mem_live() == live;
	}
	OK(clean && rc == RC_OK && nth > 4, "every allocation can fail (%llu)", (unsigned long long)nth - 1);
}

int main(void)
{
	test_rows();
	test_limits();
	test_place();
	test_no_memory();
	return tap_done();
}
