#include "base/mem.h"
#include "base/text.h"
#include "tap.h"

static void test_utf8(void)
{
	static const struct {
		const char *name, *text;
		int bad_at; /* -1: well formed */
	} rows[] = {
		{ "ASCII", "plain", -1 },
		{ "two, three, four bytes", "\xC2\x80 \xE8\x81\xAF \xF0\x9F\x98\x80", -1 },
		{ "last scalar values", "\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF4\x8F\xBF\xBF", -1 },
		{ "lone continuation", "ab\x80", 2 },
		{ "overlong two", "\xC0\xAF", 0 },
		{ "overlong two at C1", "x\xC1\xBF", 1 },
		{ "overlong three", "\xE0\x9F\xBF", 0 },
		{ "overlong four", "\xF0\x8F\xBF\xBF", 0 },
		{ "surrogate D800", "\xED\xA0\x80", 0 },
		{ "surrogate DFFF", "\xED\xBF\xBF", 0 },
		{ "above 10FFFF", "\xF4\x90\x80\x80", 0 },
		{ "F5", "\xF5\x80\x80\x80", 0 },
		{ "FF", "0123456789abcdef\xFF", 16 },
		{ "cut two", "a\xC3", 1 },
		{ "cut three", "ab\xE8\x81", 2 },
		{ "cut four", "\xF0\x9F\x98", 0 },
		{ "third byte no continuation", "\xE8\x81(", 0 },
		{ "fourth byte no continuation", "\xF0\x9F\x98(", 0 },
		{ "far behind", "0123456789abcdef0123456789abcdef\xE8\x81\xAF" "0123456789abcdefg\xE8", 52 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		size_t at = 99;
		bool good = utf8_valid(str_of(rows[i].text), &at);

		OK(good == (rows[i].bad_at < 0) && at == (good ? 99u : (size_t)rows[i].bad_at), "UTF-8: %s", rows[i].name);
		OK(utf8_valid(str_of(rows[i].text), NULL) == good, "position is optional");
	}
	OK(utf8_valid(S("a\0b"), NULL), "NUL is a character");
	/* Again at every offset in a longer text: the ways of looking change with the place. */
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct str text = str_of(rows[i].text);
		bool good = true;

		for (size_t before = 0; before < 40; before++) {
			char around[160];
			size_t at = SIZE_MAX;

			memset(around, 'a', sizeof around);
			memcpy(around + before, text.p, text.n);
			good = good && utf8_valid(str_make(around, sizeof around), &at) == (rows[i].bad_at < 0) &&
			       at == (rows[i].bad_at < 0 ? SIZE_MAX : before + (size_t)rows[i].bad_at);
		}
		OK(good, "UTF-8 at every offset: %s", rows[i].name);
	}
}

static void test_every_char(void)
{
	struct buf b;
	size_t bad = 0;

	buf_init(&b, 8);
	for (uint32_t ch = 0; ch <= 0x10FFFF; ch++) {
		size_t pos = 0;
		bool surrogate = ch >= 0xD800 && ch <= 0xDFFF;

		buf_clear(&b);
		utf8_put(&b, ch);
		bad += utf8_valid(buf_view(&b), NULL) == surrogate;
		bad += !surrogate && (utf8_next(buf_view(&b), &pos) != ch || pos != b.n || utf8_len(buf_view(&b), 0) != b.n);
	}
	EQ_INT(bad, 0, "every scalar value goes to UTF-8 and back");
	buf_done(&b);
}

static void test_codings(void)
{
	static const struct {
		const char *bytes, *hex, *base64, *base64url, *percent;
	} rows[] = {
		{ "", "", "", "", "" },
		{ "f", "66", "Zg==", "Zg", "f" },
		{ "fo", "666f", "Zm8=", "Zm8", "fo" },
		{ "foo", "666f6f", "Zm9v", "Zm9v", "foo" },
		{ "foobar", "666f6f626172", "Zm9vYmFy", "Zm9vYmFy", "foobar" },
		{ "\xFB\xFF ~/", "fbff207e2f", "+/8gfi8=", "-_8gfi8", "%FB%FF%20~%2F" },
	};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct str bytes = str_of(rows[i].bytes);

		buf_clear(&b), hex_put(&b, bytes), EQ_STR(buf_view(&b), str_of(rows[i].hex), "hex");
		buf_clear(&b), base64_put(&b, bytes), EQ_STR(buf_view(&b), str_of(rows[i].base64), "base64");
		buf_clear(&b), base64url_put(&b, bytes), EQ_STR(buf_view(&b), str_of(rows[i].base64url), "base64url");
		buf_clear(&b), percent_put(&b, bytes), EQ_STR(buf_view(&b), str_of(rows[i].percent), "percent");
		buf_clear(&b), OK(hex_get(&b, str_of(rows[i].hex)) && str_eq(buf_view(&b), bytes), "from hex");
		buf_clear(&b), OK(base64_get(&b, str_of(rows[i].base64)) && str_eq(buf_view(&b), bytes), "from base64");
		buf_clear(&b), OK(base64url_get(&b, str_of(rows[i].base64url)) && str_eq(buf_view(&b), bytes), "from base64url");
		buf_clear(&b), OK(percent_get(&b, str_of(rows[i].percent), false) && str_eq(buf_view(&b), bytes), "from percent");
	}
	buf_clear(&b), OK(hex_get(&b, S("DeadBeef")) && str_eq(buf_view(&b), S("\xDE\xAD\xBE\xEF")), "both cases");
	buf_clear(&b), OK(percent_get(&b, S("a+b%2b"), true) && str_eq(buf_view(&b), S("a b+")), "plus is a space in queries");
	buf_clear(&b), OK(percent_get(&b, S("a+b"), false) && str_eq(buf_view(&b), S("a+b")), "and itself elsewhere");
	buf_done(&b);
}

static void test_refused(void)
{
	static const struct {
		bool (*get)(struct buf *b, struct str text);
		const char *text;
	} rows[] = {
		{ hex_get, "abc" }, { hex_get, "0g" }, { hex_get, "g0" }, { hex_get, "66 6" }, { hex_get, "66@0" },
		{ base64_get, "Zg=" }, { base64_get, "Zg" }, { base64_get, "Zh==" }, { base64_get, "Zm9=" }, { base64_get, "Z===" },
		{ base64_get, "====" }, { base64_get, "Zm9v\n" }, { base64_get, "Zm 9" }, { base64_get, "-_8=" },
		{ base64_get, "Zg==Zg==" }, { base64url_get, "Zg==" }, { base64url_get, "Z" }, { base64url_get, "Zh" }, { base64url_get, "A" }, { base64_get, "AAAAA===" },
		{ base64url_get, "+/8" }, { base64url_get, "Zm9vY" },
	};
	static const char *percents[] = { "%", "%4", "a%4g", "%g4", "ab%", "%%20" };
	struct buf b;

	buf_init(&b, 100);
	buf_cstr(&b, "kept");
	for (size_t i = 0; i < COUNTOF(rows); i++)
		OK(!rows[i].get(&b, str_of(rows[i].text)) && b.n == 4, "refused: %s", rows[i].text);
	for (size_t i = 0; i < COUNTOF(percents); i++)
		OK(!percent_get(&b, str_of(percents[i]), false) && b.n == 4, "refused: %s", percents[i]);
	buf_done(&b);
}

static void test_csv(void)
{
	static const struct {
		struct str text;
		bool guard;
		const char *want;
	} rows[] = {
		{ S(""), true, "\"\"" }, { S("a,b\n"), true, "\"a,b\n\"" }, { S("say \"x\""), true, "\"say \"\"x\"\"\"" },
		{ S("=1+1"), true, "\"'=1+1\"" }, { S("=1+1"), false, "\"=1+1\"" }, { S("\tx"), true, "\"'\tx\"" }, { S("1=1"), true, "\"1=1\"" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b;

		buf_init(&b, 100);
		csv_put(&b, rows[i].text, rows[i].guard);
		EQ_STR(buf_view(&b), str_of(rows[i].want), "csv");
		buf_done(&b);
	}
}

int main(void)
{
	test_utf8();
	test_every_char();
	test_codings();
	test_refused();
	test_csv();
	return tap_done();
}
