#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

#define ARENA_MAX ((size_t)64 << 20)

/* good: the printed form is `shown`; else the error text holds it. */
static const struct {
	const char *name;
	struct str text;
	enum rc rc;
	const char *shown;
} rows[] = {
	/* values */
	{ "words", S(" [ true , false , null ] "), RC_OK, "[true,false,null]" },
	{ "scalar at top", S("\"x\""), RC_OK, "\"x\"" },
	{ "number at top", S("-0.5e-3"), RC_OK, "-0.5e-3" },
	{ "empty containers", S("{\"a\":{},\"b\":[ ]}"), RC_OK, "{\"a\":{},\"b\":[]}" },
	{ "nesting", S("[[1,[2]],{\"a\":[{\"b\":3}]},4]"), RC_OK, "[[1,[2]],{\"a\":[{\"b\":3}]},4]" },
	{ "all white space", S("\t\r\n {\t\"a\"\r:\n1 }"), RC_OK, "{\"a\":1}" },
	{ "empty name", S("{\"\":1}"), RC_OK, "{\"\":1}" },
	{ "delete is no control", S("\"\x7F\""), RC_OK, "\"\x7F\"" },
	/* structure */
	{ "nothing", S(""), RC_BAD, "byte 0): the text ends too early" },
	{ "only space", S(" \n "), RC_BAD, "line 2 column 2 (byte 3): the text ends too early" },
	{ "byte order mark", S("\xEF\xBB\xBF{}"), RC_BAD, "byte 0): expected a value" },
	{ "two values", S("1 2"), RC_BAD, "byte 2): something behind the value" },
	{ "NUL behind", S("{}\0"), RC_BAD, "byte 2): something behind the value" },
	{ "comma at the end of an array", S("[1,]"), RC_BAD, "byte 3): expected a value" },
	{ "comma at the end of an object", S("{\"a\":1,}"), RC_BAD, "byte 7): expected a member name" },
	{ "comma first", S("[,1]"), RC_BAD, "byte 1): expected a value" },
	{ "comma in an empty object", S("{,}"), RC_BAD, "byte 1): expected a member name" },
	{ "no comma", S("[1 2]"), RC_BAD, "byte 3): expected ',' or ']'" },
	{ "no comma in an object", S("{\"a\":1 \"b\":2}"), RC_BAD, "byte 7): expected ',' or '}'" },
	{ "no colon", S("{\"a\" 1}"), RC_BAD, "byte 5): expected ':'" },
	{ "no value", S("{\"a\":}"), RC_BAD, "byte 5): expected a value" },
	{ "name that is no string", S("{1:2}"), RC_BAD, "byte 1): expected a member name" },
	{ "colon in an array", S("[1:2]"), RC_BAD, "byte 2): expected ',' or ']'" },
	{ "wrong bracket", S("[1}"), RC_BAD, "byte 2): expected ',' or ']'" },
	{ "wrong bracket in an object", S("{\"a\":1]"), RC_BAD, "byte 6): expected ',' or '}'" },
	{ "wrong bracket in an empty array", S("[}"), RC_BAD, "byte 1): expected a value" },
	{ "wrong bracket in an empty object", S("{]"), RC_BAD, "byte 1): expected a member name" },
	{ "one bracket too many", S("[]]"), RC_BAD, "byte 2): something behind the value" },
	{ "cut array", S("[1"), RC_BAD, "byte 2): the text ends too early" },
	{ "cut behind a comma", S("[1,"), RC_BAD, "byte 3): the text ends too early" },
	{ "cut object", S("{"), RC_BAD, "byte 1): the text ends too early" },
	{ "cut name", S("{\"ab"), RC_BAD, "byte 4): the text ends too early" },
	{ "cut behind a name", S("{\"a\""), RC_BAD, "byte 4): the text ends too early" },
	{ "cut behind a colon", S("{\"a\":"), RC_BAD, "byte 5): the text ends too early" },
	{ "cut string", S("\"0123456789abcdefgh"), RC_BAD, "byte 19): the text ends too early" },
	{ "cut word", S("[tru"), RC_BAD, "byte 1): expected a value" },
	{ "wrong word", S("[trve]"), RC_BAD, "byte 1): expected a value" },
	{ "upper case", S("[True]"), RC_BAD, "byte 1): expected a value" },
	{ "word with a tail", S("[nullx]"), RC_BAD, "byte 5): expected ',' or ']'" },
	{ "single quotes", S("['a']"), RC_BAD, "byte 1): expected a value" },
	{ "comment", S("[/*x*/1]"), RC_BAD, "byte 1): expected a value" },
	{ "form feed", S("\f1"), RC_BAD, "byte 0): expected a value" },
	{ "line and column", S("[\n1,\n \"\xE8\x81\xAF\" x]"), RC_BAD, "line 3 column 6 (byte 12): expected ',' or ']'" },
	/* numbers */
	{ "zero", S("[0,-0,0.0,0e0,0E+0]"), RC_OK, "[0,-0,0.0,0e0,0E+0]" },
	{ "2^64 and beyond", S("[18446744073709551616,1e999]"), RC_OK, "[18446744073709551616,1e999]" },
	{ "leading zero", S("[01]"), RC_BAD, "byte 1): a number may not begin with 0" },
	{ "leading zero behind minus", S("[-00.5]"), RC_BAD, "byte 2): a number may not begin with 0" },
	{ "plus", S("[+1]"), RC_BAD, "byte 1): expected a value" },
	{ "only minus", S("[-]"), RC_BAD, "byte 2): expected a digit" },
	{ "no whole part", S("[.5]"), RC_BAD, "byte 1): expected a value" },
	{ "no fraction", S("[1.]"), RC_BAD, "byte 3): expected a digit behind the point" },
	{ "no exponent", S("[1e]"), RC_BAD, "byte 3): expected a digit in the exponent" },
	{ "sign without exponent", S("[1e+]"), RC_BAD, "byte 4): expected a digit in the exponent" },
	{ "cut exponent", S("1e"), RC_BAD, "byte 2): the text ends too early" },
	{ "hexadecimal", S("[0x1]"), RC_BAD, "byte 2): expected ',' or ']'" },
	{ "NaN", S("[NaN]"), RC_BAD, "byte 1): expected a value" },
	{ "Infinity", S("[-Infinity]"), RC_BAD, "byte 2): expected a digit" },
	/* strings */
	{ "escapes", S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u8054\\ud83d\\uDE00\""), RC_OK, "\"\\\"\\\\/\\b\\f\\n\\r\\tA\xC3\xA9\xE8\x81\x94\xF0\x9F\x98\x80\"" },
	{ "NUL as an escape", S("\"\\u0000\\u001F\""), RC_OK, "\"\\u0000\\u001f\"" },
	{ "escapes among plain text", S("[\"0123456789abcdef\\n0123456789abcdef\",\"x\",\"\\t\"]"), RC_OK, "[\"0123456789abcdef\\n0123456789abcdef\",\"x\",\"\\t\"]" },
	{ "escaped name", S("{\"\\u0061\":1}"), RC_OK, "{\"a\":1}" },
	{ "UTF-8", S("\"\xC3\xA9 \xE8\x81\xAF\xE9\x98\xB2 \xF0\x9F\x98\x80 0123456789abcdef\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\""), RC_OK,
	  "\"\xC3\xA9 \xE8\x81\xAF\xE9\x98\xB2 \xF0\x9F\x98\x80 0123456789abcdef\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\"" },
	{ "unknown escape", S("\"a\\x\""), RC_BAD, "byte 2): bad escape" },
	{ "upper-case escape", S("\"\\N\""), RC_BAD, "byte 1): bad escape" },
	{ "NUL behind a backslash", S("\"\\\0\""), RC_BAD, "byte 1): bad escape" },
	{ "cut escape", S("\"\\"), RC_BAD, "byte 1): bad escape" },
	{ "short unit", S("\"\\u12\""), RC_BAD, "byte 1): bad escape" },
	{ "unit that is no number", S("\"\\u12g4\""), RC_BAD, "byte 1): bad escape" },
	{ "lone high surrogate", S("\"\\ud83d\""), RC_BAD, "byte 1): bad escape" },
	{ "high surrogate before text", S("\"\\ud83dabcdef\""), RC_BAD, "byte 1): bad escape" },
	{ "high surrogate twice", S("\"\\ud83d\\ud83d\""), RC_BAD, "byte 1): bad escape" },
	{ "high surrogate before another unit", S("\"\\ud83d\\u0041\""), RC_BAD, "byte 1): bad escape" },
	{ "lone low surrogate", S("\"\\ude00\""), RC_BAD, "byte 1): bad escape" },
	{ "tab in a string", S("\"a\tb\""), RC_BAD, "byte 2): control character" },
	{ "line feed in a string", S("\"0123456789abcdef\n\""), RC_BAD, "byte 17): control character" },
	{ "NUL in a string", S("\"a\0b\""), RC_BAD, "byte 2): control character" },
	{ "lone continuation", S("\"a\x80\""), RC_BAD, "byte 2): bytes that are not UTF-8" },
	{ "overlong", S("\"\xC0\xAF\""), RC_BAD, "byte 1): bytes that are not UTF-8" },
	{ "overlong three", S("\"\xE0\x80\xAF\""), RC_BAD, "byte 1): bytes that are not UTF-8" },
	{ "overlong four", S("\"\xF0\x80\x80\xAF\""), RC_BAD, "byte 1): bytes that are not UTF-8" },
	{ "surrogate in UTF-8", S("\"\xED\xA0\x80\""), RC_BAD, "byte 1): bytes that are not UTF-8" },
	{ "above 10FFFF", S("\"\xF4\x90\x80\x80\""), RC_BAD, "byte 1): bytes that are not UTF-8" },
	{ "FE", S("\"0123456789abcdef\xFE\""), RC_BAD, "byte 17): bytes that are not UTF-8" },
	{ "character cut by the quote", S("\"\xE8\x81\""), RC_BAD, "byte 1): bytes that are not UTF-8" },
	{ "character cut by the end", S("\"\xE8\x81"), RC_BAD, "byte 3): the text ends too early" },
	{ "Latin-1", S("{\"caf\xE9\":1}"), RC_BAD, "byte 5): bytes that are not UTF-8" },
	/* names */
	{ "name twice", S("{\"a\":1,\"b\":2,\"a\":3}"), RC_BAD, "byte 13): this member name stands twice" },
	{ "empty name twice", S("{\"\":1,\"\":2}"), RC_BAD, "byte 6): this member name stands twice" },
	{ "name twice by escape", S("{\"a\":1,\"\\u0061\":2}"), RC_BAD, "byte 7): this member name stands twice" },
	{ "name twice, both by escape", S("[{\"\\u0062\":1,\"\\u0062\":2}]"), RC_BAD, "byte 13): this member name stands twice" },
	{ "same name at two levels", S("{\"a\":{\"a\":{\"a\":1}}}"), RC_OK, "{\"a\":{\"a\":{\"a\":1}}}" },
	{ "names that differ in case or length", S("{\"a\":1,\"A\":2,\"aa\":3,\"a\\u0000\":4}"), RC_OK, "{\"a\":1,\"A\":2,\"aa\":3,\"a\\u0000\":4}" },
	{ "names that are alike to a cheap look", S("{\"axb\":1,\"ayb\":2,\"abxxx\":3,\"abyyx\":4,\"acb\":5}"), RC_OK,
	  "{\"axb\":1,\"ayb\":2,\"abxxx\":3,\"abyyx\":4,\"acb\":5}" },
};

static void test_rows(void)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct arena *a = arena_new(ARENA_MAX);
		const struct json *v = NULL;
		struct err err = { 0 };
		struct buf b;
		/* A block of exactly this size lets the sanitizer see a read past the end. */
		char *exact = mem_alloc(rows[i].text.n + (rows[i].text.n == 0));
		enum rc rc;

		memcpy(exact, rows[i].text.p, rows[i].text.n);
		rc = json_parse(a, str_make(exact, rows[i].text.n), &JSON_LIMITS, &v, &err);
		buf_init(&b, 10000);
		if (v != NULL)
			json_print(v, &b);
		OK(rc == rows[i].rc && err.rc == rc && (v != NULL) == (rc == RC_OK), "%s: rc", rows[i].name);
		if (!OK(rc == RC_OK ? str_eq(buf_view(&b), str_of(rows[i].shown)) : strstr(err.text, rows[i].shown) != NULL,
			"%s: %s", rows[i].name, rows[i].shown))
			printf("# got %.*s %s\n", STR(buf_view(&b)), err.text);
		buf_done(&b);
		mem_free(exact);
		arena_free(a);
	}
}

/* What may not stand in a string, at every offset of a longer one: the ways of looking change with the place. */
static void test_string_offsets(void)
{
	static const struct {
		const char *name;
		struct str bytes;
		enum rc rc;
	} bad[] = {
		{ "plain", S("x"), RC_OK }, { "delete", S("\x7F"), RC_OK }, { "character", S("\xE8\x81\xAF"), RC_OK }, { "escape", S("\\n"), RC_OK },
		{ "pair", S("\\ud83d\\ude00"), RC_OK }, { "NUL", S("\0"), RC_BAD }, { "1F", S("\x1F"), RC_BAD }, { "80", S("\x80"), RC_BAD },
		{ "FF", S("\xFF"), RC_BAD }, { "overlong", S("\xC0\x80"), RC_BAD }, { "surrogate", S("\xED\xA0\x80"), RC_BAD },
		{ "quote", S("\""), RC_BAD }, { "lone unit", S("\\ud83d"), RC_BAD }, { "bad escape", S("\\ "), RC_BAD },
	};
	CLEANUP(arena_freep) struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; i < COUNTOF(bad); i++) {
		bool good = true;

		for (size_t before = 0; before < 40; before++) {
			char text[102];
			const struct json *v;

			memset(text, 'a', sizeof text);
			text[0] = text[sizeof text - 1] = '"';
			memcpy(text + 1 + before, bad[i].bytes.p, bad[i].bytes.n);
			good = good && json_parse(a, str_make(text, sizeof text), &JSON_LIMITS, &v, NULL) == bad[i].rc;
		}
		OK(good, "%s at every offset", bad[i].name);
	}
}

/* No prefix of a document is a document (but of a number), and none is read past its end. */
static void test_truncated(void)
{
	static const char text[] = "{\"type\":\"indicator\",\"n\":[1,-2.5e3,true,null],\"o\":{\"\\u00e9\":\"\xE8\x81\xAF\\ud83d\\ude00\"}} ";
	struct arena *a = arena_new(ARENA_MAX);
	const struct json *v;
	size_t good = 0;

	for (size_t n = 0; n <= strlen(text); n++) {
		char *exact = mem_alloc(n + (n == 0));

		memcpy(exact, text, n);
		good += json_parse(a, str_make(exact, n), &JSON_LIMITS, &v, NULL) == RC_OK;
		mem_free(exact);
	}
	EQ_INT(good, 2, "only the whole, with and without its last blank");
	arena_free(a);
}

static enum rc parse_nested(uint32_t depth, const char *open, const char *close, const struct json_limits *limits)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(ARENA_MAX);
	const struct json *v;
	struct buf b;
	enum rc rc;

	buf_init(&b, 1 << 20);
	for (uint32_t i = 0; i < depth; i++)
		buf_cstr(&b, open);
	buf_cstr(&b, "1");
	for (uint32_t i = 0; i < depth; i++)
		buf_cstr(&b, close);
	rc = json_parse(a, buf_view(&b), limits, &v, NULL);
	buf_done(&b);
	return rc;
}

static void test_limits(void)
{
	struct json_limits few = { 100, 3, 5 }, deep = { 1 << 20, UINT32_MAX, 1 << 20 };
	CLEANUP(arena_freep) struct arena *a = arena_new(ARENA_MAX);
	CLEANUP(arena_freep) struct arena *small = arena_new(256);
	char number[JSON_NUMBER_MAX + 2];
	const struct json *v;
	struct err err;

	EQ_INT(parse_nested(64, "[", "]", &JSON_LIMITS), RC_OK, "64 deep");
	EQ_INT(parse_nested(65, "[", "]", &JSON_LIMITS), RC_LIMIT, "65 deep");
	EQ_INT(parse_nested(64, "{\"a\":", "}", &JSON_LIMITS), RC_OK, "64 objects deep");
	EQ_INT(parse_nested(65, "{\"a\":", "}", &JSON_LIMITS), RC_LIMIT, "65 objects deep");
	EQ_INT(parse_nested(JSON_DEPTH_MAX, "[", "]", &deep), RC_OK, "the deepest");
	EQ_INT(parse_nested(JSON_DEPTH_MAX + 1, "[", "]", &deep), RC_LIMIT, "whatever the limits say");
	EQ_INT(json_parse(a, S("[1,2,3,4]"), &few, &v, &err), RC_OK, "five values");
	EQ_INT(json_parse(a, S("[1,2,3,4,5]"), &few, &v, &err), RC_LIMIT, "six");
	EQ_STR(str_of(err.text), S("JSON: line 1 column 10 (byte 9): more values than agreed"), "which");
	few.bytes = 3;
	EQ_INT(json_parse(a, S("[1]"), &few, &v, &err), RC_OK, "three bytes");
	EQ_INT(json_parse(a, S("[1] "), &few, &v, &err), RC_LIMIT, "four");
	memset(number, '1', sizeof number);
	EQ_INT(json_parse(a, str_make(number, JSON_NUMBER_MAX), &JSON_LIMITS, &v, &err), RC_OK, "longest number");
	EQ_INT(json_parse(a, str_make(number, JSON_NUMBER_MAX + 1), &JSON_LIMITS, &v, &err), RC_LIMIT, "longer one");
	EQ_INT(json_parse(small, S("[1,2,3,4,5,6,7,8,9,10,11]"), &JSON_LIMITS, &v, &err), RC_NOMEM, "small arena");
}

/* {"n0":0,...}, and once more the name number `twice` at the end when it is one. */
static enum rc parse_many(uint32_t names, uint32_t twice, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(ARENA_MAX);
	const struct json *v;
	struct buf b;
	enum rc rc;

	buf_init(&b, 1 << 22);
	buf_char(&b, '{');
	for (uint32_t i = 0; i < names; i++)
		buf_fmt(&b, "%s\"n%u\":%u", i == 0 ? "" : ",", i, i);
	if (twice < names)
		buf_fmt(&b, ",\"n%u\":0", twice);
	buf_char(&b, '}');
	rc = json_parse(a, buf_view(&b), &JSON_LIMITS, &v, err);
	buf_done(&b);
	return rc;
}

static void test_many_names(void)
{
	static const uint32_t counts[] = { 1, 2, 15, 16, 17, 31, 32, 33, 1000, 100000 };

	for (size_t i = 0; i < COUNTOF(counts); i++) {
		struct err err = { 0 };

		EQ_INT(parse_many(counts[i], UINT32_MAX, &err), RC_OK, "different names");
		EQ_INT(parse_many(counts[i], 0, &err), RC_BAD, "the first twice");
		EQ_INT(parse_many(counts[i], counts[i] - 1, &err), RC_BAD, "the last twice");
		OK(strstr(err.text, "stands twice") != NULL, "%u names: %s", counts[i], err.text);
	}
}

/* The promise that other layers walk by: order, skip, at, n. */
static void test_shape(void)
{
	static const struct {
		uint8_t type;
		uint32_t n, skip, at;
		const char *raw;
	} want[] = {
		{ JSON_OBJECT, 2, 9, 1, "{\"a\": [1, \"x\\n\", {}], \"bc\":[\ttrue]}" },
		{ JSON_STRING, 1, 1, 2, "\"a\"" },
		{ JSON_ARRAY, 3, 4, 7, "[1, \"x\\n\", {}]" },
		{ JSON_NUMBER, 1, 1, 8, "1" },
		{ JSON_STRING, 2, 1, 11, "\"x\\n\"" },
		{ JSON_OBJECT, 0, 1, 18, "{}" },
		{ JSON_STRING, 2, 1, 23, "\"bc\"" },
		{ JSON_ARRAY, 1, 2, 28, "[\ttrue]" },
		{ JSON_TRUE, 0, 1, 30, "true" },
	};
	struct str text = S(" {\"a\": [1, \"x\\n\", {}], \"bc\":[\ttrue]}");
	CLEANUP(arena_freep) struct arena *a = arena_new(ARENA_MAX);
	const struct json *v;

	if (!OK(json_parse(a, text, &JSON_LIMITS, &v, NULL) == RC_OK, "parses"))
		return;
	for (size_t i = 0; i < COUNTOF(want); i++) {
		OK(v[i].type == want[i].type && v[i].n == want[i].n && v[i].skip == want[i].skip && v[i].at == want[i].at &&
			   v[i].escaped == (i == 4), "node %zu", i);
		EQ_STR(json_raw(&v[i], text), str_of(want[i].raw), "raw");
	}
	OK(v[1].p == text.p + 3, "plain strings are borrowed from the input");
	EQ_STR(json_str(&v[4]), S("x\n"), "escaped ones are decoded");
}

static void test_no_memory(void)
{
	struct buf b;
	int64_t live;
	enum rc rc = RC_NOMEM;
	uint64_t nth = 0;
	bool clean = true;

	buf_init(&b, 1 << 20);
	buf_cstr(&b, "{\"a\":[");
	for (int i = 0; i < 5000; i++)
		buf_cstr(&b, "1,");
	buf_cstr(&b, "2],\"\\n\":\"\\t\"");
	for (int i = 0; i < 40; i++)
		buf_fmt(&b, ",\"n%d\":{}", i);
	buf_char(&b, '}');
	live = mem_live();
	while (rc == RC_NOMEM && nth < 50) {
		struct err err = { 0 };
		const struct json *v;
		struct arena *a;

		mem_fail_at(++nth, 1);
		a = arena_new(ARENA_MAX);
		rc = a == NULL ? RC_NOMEM : json_parse(a, buf_view(&b), &JSON_LIMITS, &v, &err);
		mem_fail_at(0, 0);
		clean = clean && (a == NULL || err.rc == rc);
		arena_free(a);
		clean = clean && mem_live() == live;
	}
	OK(clean && rc == RC_OK && nth > 4, "every allocation can fail (%llu)", (unsigned long long)nth - 1);
	buf_done(&b);
}

int main(void)
{
	test_rows();
	test_string_offsets();
	test_truncated();
	test_limits();
	test_many_names();
	test_shape();
	test_no_memory();
	return tap_done();
}
