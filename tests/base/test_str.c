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
	OK(str_eq_nocase(S("HoSt"), S("hOsT")), "case folded");
	OK(str_cmp(S("a"), S("ab")) < 0 && str_cmp(S("b"), S("ab")) > 0, "order");
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
	test_err();
	return tap_done();
}
