#include "base/ascii.h"
#include "base/err.h"
#include "base/str.h"
#include "tap.h"

static void test_numbers(void)
{
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} rows[] = {
		{ "0", true, 0 }, { "-1", true, -1 }, { "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN }, { "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 }, { "", false, 0 }, { "-", false, 0 }, { "1 ", false, 0 }, { "+1", false, 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int64_t v = 77;
		bool good = str_to_i64(str_of(rows[i].text), &v);

		OK(good == rows[i].good && v == (good ? rows[i].value : 77), "i64 '%s'", rows[i].text);
	}
}

static void test_split(void)
{
	struct str rest = S("a,,b"), piece;
	int n = 0;
	static const char *want[] = { "a", "", "b" };

	while (str_next(&rest, ',', &piece) && n < 3)
		EQ_STR(piece, str_of(want[n]), "piece"), n++;
	EQ_INT(n, 3, "pieces");
}

static void test_search(void)
{
	EQ_INT(str_find(S("hello"), S("l"), 0), 2, "first l");
	EQ_INT(str_find(S("hello"), S("l"), 3), 3, "next l");
	OK(str_find(S("hello"), S("x"), 0) == SIZE_MAX, "absent");
	OK(str_find(S("hi"), S("hello"), 0) == SIZE_MAX, "needle longer than text");
	OK(str_starts(S("abc"), S("ab")) && !str_starts(S("a"), S("ab")), "starts");
	OK(str_ends(S("abc"), S("bc")) && !str_ends(S("c"), S("bc")), "ends");
	EQ_STR(str_trim(S(" \t x y \r\n")), S("x y"), "trim");
	EQ_STR(str_slice(S("abcdef"), 2, 99), S("cdef"), "slice clamps");
	EQ_STR(str_part(S("abcdef"), 2, 3), S("cde"), "a part");
	EQ_STR(str_part(S("abcdef"), 2, SIZE_MAX), S("cdef"), "a part that would overflow");
	EQ_STR(str_part(S("abcdef"), SIZE_MAX, SIZE_MAX), S(""), "a part far behind the end");
	EQ_STR(str_part(S("abcdef"), 6, 1), S(""), "a part at the end");
	OK(str_eq_nocase(S("HoSt"), S("hOsT")), "case folded");
	OK(str_cmp(S("a"), S("ab")) < 0 && str_cmp(S("b"), S("ab")) > 0, "order");
}

/* A needle at every place of texts of every length around a look, among many bytes that look like its ends, or few. */
static void test_find(void)
{
	static const char *const needles[] = { "x", "xy", "xay", "xaaaaaaaaaaaaaaaaaaaay" };
	char text[420];
	size_t wrong = 0;

	for (size_t k = 0; k < COUNTOF(needles); k++) {
		struct str needle = str_of(needles[k]);

		for (size_t n = 0; n <= sizeof text; n++) {
			for (size_t i = 0; i < n; i++)
				text[i] = n % 2 == 0 ? "xbyxy"[i % (k < 2 ? 2 : 5)] : "bbbbbbbbbbbbbbbbx"[i % 17];
			if (k == 0)
				memset(text, 'b', n);
			wrong += str_find(str_make(text, n), needle, 0) != SIZE_MAX;
			for (size_t at = 0; at + needle.n <= n; at += 1 + n / 40) {
				char was[32];

				memcpy(was, text + at, needle.n);
				memcpy(text + at, needle.p, needle.n);
				wrong += str_find(str_make(text, n), needle, 0) != at;
				wrong += str_find(str_make(text, n), needle, at + 1) != SIZE_MAX;
				memcpy(text + at, was, needle.n);
			}
		}
	}
	OK(wrong == 0, "found where it stands, and nowhere else");
}

static void test_ascii(void)
{
	size_t counts[7] = { 0 };

	for (int i = -128; i < 128; i++) {
		char c = (char)i;

		counts[0] += ascii_digit(c), counts[1] += ascii_upper(c), counts[2] += ascii_lower(c), counts[3] += ascii_alpha(c);
		counts[4] += ascii_alnum(c), counts[5] += ascii_space(c), counts[6] += ascii_json_space(c);
	}
	OK(counts[0] == 10 && counts[1] == 26 && counts[2] == 26 && counts[3] == 52 && counts[4] == 62 && counts[5] == 6 && counts[6] == 4,
	   "each class has its size");
	OK(ascii_digit('0') && ascii_digit('9') && ascii_upper('A') && ascii_upper('Z') && ascii_lower('a') && ascii_lower('z'), "and its ends");
	OK(ascii_space('\v') && !ascii_json_space('\v') && ascii_json_space('\r') && !ascii_space('\0'), "kinds of space");
	OK(ascii_to_lower('Z') == 'z' && ascii_to_lower('[') == '[' && ascii_to_lower('\xC4') == '\xC4', "folding");
}

static void test_err(void)
{
	struct err err = { 0 };
	char big[600];

	OK(FAIL(&err, RC_BAD, "byte %d", 41) == RC_BAD && err.rc == RC_BAD, "FAIL yields its code");
	err_prefix(&err, "pattern");
	EQ_STR(str_of(err.text), S("pattern: byte 41"), "prefix");
	memset(big, 'x', sizeof big);
	big[sizeof big - 1] = '\0';
	for (size_t i = 397; i + 3 < sizeof big; i += 3)
		memcpy(big + i, "\xE8\x81\xAF", 3);
	err_set(&err, RC_BAD, "%s", big);
	EQ_INT(strlen(err.text), 397, "torn character is cut");
}

int main(void)
{
	test_numbers();
	test_split();
	test_search();
	test_find();
	test_ascii();
	test_err();
	return tap_done();
}
