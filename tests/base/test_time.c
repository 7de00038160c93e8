#include "base/time.h"
#include "tap.h"

static void test_parse(void)
{
	static const struct {
		const char *text;
		enum rc rc;
		int digits;
		const char *back; /* six digits */
	} rows[] = {
		{ "1970-01-01T00:00:00Z", RC_OK, 0, "1970-01-01T00:00:00.000000Z" },
		{ "2026-11-22T01:02:03.000004Z", RC_OK, 6, "2026-11-22T01:02:03.000004Z" },
		{ "2026-11-22T01:02:03.1Z", RC_OK, 1, "2026-11-22T01:02:03.100000Z" },
		{ "2026-11-22T01:02:03.123456789Z", RC_OK, 9, "2026-11-22T01:02:03.123456Z" },
		{ "2000-02-29T23:59:59.999Z", RC_OK, 3, "2000-02-29T23:59:59.999000Z" },
		{ "2024-02-29T00:00:00Z", RC_OK, 0, "2024-02-29T00:00:00.000000Z" },
		{ "2016-12-31T23:59:60Z", RC_OK, 0, "2016-12-31T23:59:59.999999Z" },
		{ "2016-12-31T23:59:60.5Z", RC_OK, 1, "2016-12-31T23:59:59.999999Z" },
		{ "0001-01-01T00:00:00Z", RC_OK, 0, "0001-01-01T00:00:00.000000Z" },
		{ "9999-12-31T23:59:59.999999Z", RC_OK, 6, "9999-12-31T23:59:59.999999Z" },
		{ "1969-12-31T23:59:59.999999Z", RC_OK, 6, "1969-12-31T23:59:59.999999Z" },
		{ "1600-02-29T12:00:00Z", RC_OK, 0, "1600-02-29T12:00:00.000000Z" },
		{ "1900-02-29T00:00:00Z", RC_BAD, 0, "byte 8" },
		{ "2023-02-29T00:00:00Z", RC_BAD, 0, "byte 8" },
		{ "2023-04-31T00:00:00Z", RC_BAD, 0, "byte 8" },
		{ "2023-01-00T00:00:00Z", RC_BAD, 0, "byte 8" },
		{ "2023-00-01T00:00:00Z", RC_BAD, 0, "byte 5" },
		{ "2023-13-01T00:00:00Z", RC_BAD, 0, "byte 5" },
		{ "0000-01-01T00:00:00Z", RC_BAD, 0, "byte 0" },
		{ "2023-01-01T24:00:00Z", RC_BAD, 0, "byte 11" },
		{ "2023-01-01T00:60:00Z", RC_BAD, 0, "byte 11" },
		{ "2023-01-01T00:00:61Z", RC_BAD, 0, "byte 11" },
		{ "2023-01-01T00:00:00.Z", RC_BAD, 0, "byte 20" },
		{ "2023-01-01T00:00:00", RC_BAD, 0, "byte 19" },
		{ "2023-01-01T00:00:00+00:00", RC_BAD, 0, "byte 19" },
		{ "2023-01-01T00:00:00z", RC_BAD, 0, "byte 19" },
		{ "2023-01-01t00:00:00Z", RC_BAD, 0, "byte 10" },
		{ "2023-01-01 00:00:00Z", RC_BAD, 0, "byte 10" },
		{ "2023-01-01T00:00:00ZZ", RC_BAD, 0, "byte 19" },
		{ "2023-1-01T00:00:00Z", RC_BAD, 0, "byte 6" },
		{ "-023-01-01T00:00:00Z", RC_BAD, 0, "byte 0" },
		{ "2023-01-01T00:00:00.12a4Z", RC_BAD, 0, "byte 22" },
		{ "", RC_BAD, 0, "byte 0" },
		{ "2023", RC_BAD, 0, "byte 4" },
	};
	char out[TIME_TEXT_MAX];

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct err err = { 0 };
		usec t = 77;
		int digits = 99;
		enum rc rc = time_parse(str_of(rows[i].text), &t, &digits, &err);

		EQ_INT(rc, rows[i].rc, rows[i].text);
		if (rc == RC_OK) {
			EQ_STR(time_format(t, out), str_of(rows[i].back), "back");
			EQ_INT(digits, rows[i].digits, "digits");
		} else {
			OK(t == 77 && digits == 99 && strstr(err.text, rows[i].back) != NULL, "%s: %s", rows[i].back, err.text);
		}
	}
}

static void test_every_day(void)
{
	char out[TIME_TEXT_MAX];
	int64_t bad = 0, days = 0;
	usec back;

	for (usec t = -62135596800 * USEC_PER_SEC; t <= 253402300799 * USEC_PER_SEC; t += 86399 * USEC_PER_SEC, days++)
		bad += time_parse(time_format(t, out), &back, NULL, NULL) != RC_OK || back != t;
	OK(bad == 0 && days > 3652000, "every day of 9999 years goes to text and back");
}

static void test_format(void)
{
	char out[TIME_TEXT_MAX];

	EQ_STR(time_format_ms(1234567, out), S("1970-01-01T00:00:01.234Z"), "three digits, cut");
	EQ_STR(time_format_ms(-1, out), S("1969-12-31T23:59:59.999Z"), "before 1970");
	EQ_STR(time_format(-1, out), S("1969-12-31T23:59:59.999999Z"), "before 1970");
	EQ_STR(time_format(INT64_MAX, out), S("9999-12-31T23:59:59.999999Z"), "clamped above");
	EQ_STR(time_format(INT64_MIN, out), S("0001-01-01T00:00:00.000000Z"), "clamped below");
}

static void test_text_cmp(void)
{
	static const struct {
		const char *a, *b;
		int order;
	} rows[] = {
		{ "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z", 0 },
		{ "2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.10000000000Z", 0 },
		{ "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00.1234568Z", -1 },
		{ "2026-01-01T00:00:00.12345670001Z", "2026-01-01T00:00:00.1234567Z", 1 },
		{ "2026-01-01T00:00:01Z", "2026-01-01T00:00:00.999Z", 1 },
		{ "2025-12-31T23:59:59.9Z", "2026-01-01T00:00:00Z", -1 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int there = time_text_cmp(str_of(rows[i].a), str_of(rows[i].b));
		int back = time_text_cmp(str_of(rows[i].b), str_of(rows[i].a));

		OK((there > 0) - (there < 0) == rows[i].order && (back > 0) - (back < 0) == -rows[i].order, "%s to %s",
		   rows[i].a, rows[i].b);
	}
}

static void test_clock(void)
{
	usec mono = time_mono(), now;

	time_fake_set(1000);
	OK(time_now() == 1000 && time_mono() >= mono, "fake clock");
	mono = time_mono();
	time_fake_step(5);
	OK(time_now() == 1005 && time_mono() == mono + 5, "both move by a step");
	time_fake_set(2000);
	OK(time_now() == 2000 && time_mono() == mono + 1000, "and by setting it");
	time_fake_set(10);
	OK(time_now() == 10 && time_mono() == mono + 1000, "spans never go back");
	time_fake_step((usec)3600 * USEC_PER_SEC);
	mono = time_mono();
	time_fake_off();
	OK(time_mono() >= mono, "nor when the real clock returns");
	now = time_now();
	OK(now > 1700000000 * USEC_PER_SEC, "the real clock is back");
	time_fake_off();
	OK(time_mono() >= mono, "off twice");
}

static void offsets(void)
{
	static const struct { const char *text; const char *utc; } rows[] = {
		{ "2026-02-28T00:30:00+08:00", "2026-02-27T16:30:00.000000Z" }, { "2026-02-28T00:30:00-05:30", "2026-02-28T06:00:00.000000Z" },
		{ "2026-02-28 00:30:00.5+00:00", "2026-02-28T00:30:00.500000Z" }, { "2026-02-28t00:30:00z", "2026-02-28T00:30:00.000000Z" },
		{ "2026-02-28T00:30:00+24:00", NULL }, { "2026-02-28T00:30:00+0800", NULL }, { "2026-02-28T00:30:00", NULL }, { "+08:00", NULL }, { "", NULL },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		char out[TIME_TEXT_MAX];
		usec t;
		enum rc rc = time_parse_offset(str_of(rows[i].text), &t, NULL);

		if (rows[i].utc == NULL)
			OK(rc == RC_BAD, "offset refused: '%s'", rows[i].text);
		else if (OK(rc == RC_OK, "offset read: '%s'", rows[i].text))
			EQ_STR(time_format(t, out), str_of(rows[i].utc), "and it is that instant");
	}
	for (int64_t day = -719162, bad = 0; day <= 2932896; day += 97) {
		struct date d = date_of_days(day);

		bad += date_to_days(d) != day || d.day < 1 || d.day > date_month_days(d.year, d.month);
		if (day + 97 > 2932896)
			OK(bad == 0, "days to dates and back, years 1 to 9999");
	}
}

int main(void)
{
	test_parse();
	test_every_day();
	test_format();
	test_text_cmp();
	test_clock();
	offsets();
	return tap_done();
}
