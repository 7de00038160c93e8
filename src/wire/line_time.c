/* Times as the headers of log lines write them. */
#include "base/ascii.h"
#include "wire/line_int.h"

#define DAY ((usec)86400 * USEC_PER_SEC)

/* Two digits at `at`, or 100. */
static unsigned two(struct str s, size_t at)
{
	unsigned a = (unsigned char)s.p[at] - '0', b = (unsigned char)s.p[at + 1] - '0';

	return a > 9 || b > 9 ? 100 : a * 10 + b;
}

/* Days since 1970-01-01 of a Gregorian date. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year, cycle = (y >= 0 ? y : y - 399) / 400;
	unsigned of_cycle = (unsigned)(y - cycle * 400), of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return cycle * 146097 + (int64_t)(of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year) - 719468;
}

static unsigned days_in(int64_t year, unsigned month)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 ? (leap ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool make(int64_t year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second, usec *ret)
{
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 60)
		return false;
	*ret = days_of(year, month, day) * DAY + (usec)(hour * 3600 + minute * 60 + (second == 60 ? 59 : second)) * USEC_PER_SEC;
	return true;
}

/* ".123" at *at as microseconds. */
static usec fraction(struct str s, size_t *at)
{
	usec micros = 0, unit = USEC_PER_SEC / 10;

	if (*at + 1 >= s.n || s.p[*at] != '.' || !ascii_digit(s.p[*at + 1]))
		return 0;
	for (++*at; *at < s.n && ascii_digit(s.p[*at]); ++*at, unit /= 10)
		micros += (s.p[*at] - '0') * unit;
	return micros;
}

bool line_time_iso(struct str s, usec *ret)
{
	size_t at = 19;
	unsigned hours, minutes;
	usec t;

	if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' || (s.p[10] != 'T' && s.p[10] != 't') || s.p[13] != ':' || s.p[16] != ':')
		return false;
	if (two(s, 0) > 99 || two(s, 2) > 99 ||
		!make(two(s, 0) * 100 + two(s, 2), two(s, 5), two(s, 8), two(s, 11), two(s, 14), two(s, 17), &t))
		return false;
	t += fraction(s, &at);
	if (at + 1 == s.n && (s.p[at] == 'Z' || s.p[at] == 'z')) {
		*ret = t;
		return true;
	}
	if (at + 6 != s.n || (s.p[at] != '+' && s.p[at] != '-') || s.p[at + 3] != ':')
		return false;
	hours = two(s, at + 1);
	minutes = two(s, at + 4);
	if (hours > 23 || minutes > 59)
		return false;
	*ret = t - (usec)(hours * 60 + minutes) * 60 * USEC_PER_SEC * (s.p[at] == '-' ? -1 : 1);
	return true;
}

static unsigned month_of(struct str s)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (unsigned m = 0; s.n >= 3 && m < 12; m++)
		if (str_eq_nocase(str_slice(s, 0, 3), str_make(names + 3 * (size_t)m, 3)))
			return m + 1;
	return 0;
}

/* Four digits behind a blank at *at, followed by a blank, a colon or the end: a year. */
static int64_t year_at(struct str s, size_t *at)
{
	uint64_t year;

	if (*at + 5 > s.n || s.p[*at] != ' ' || (*at + 5 < s.n && s.p[*at + 5] != ' ' && s.p[*at + 5] != ':') ||
		!str_to_u64(str_slice(s, *at + 1, *at + 5), &year) || year < 1970)
		return 0;
	*at += 5;
	return (int64_t)year;
}

static int64_t year_of(usec t)
{
	int64_t year = 1970 + t / (DAY * 365);

	while (days_of(year, 1, 1) * DAY > t)
		year--;
	return year;
}

/* The latest year in which that date lies not more than a day after `now`: the day may be one of leap years only. */
static bool guess(usec now, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second, usec *ret)
{
	int64_t year = year_of(now + DAY);

	for (int tries = 0; tries < 9; tries++, year--)
		if (make(year, month, day, hour, minute, second, ret) && *ret <= now + DAY)
			return true;
	return false;
}

bool line_time_bsd(struct str s, usec now, usec *ret, size_t *ret_n)
{
	unsigned month = month_of(s), day, hour, minute, second;
	size_t at = 4;
	int64_t year;
	usec t, micros;

	if (month == 0 || s.n < 14 || s.p[3] != ' ')
		return false;
	if (s.p[at] == ' ') /* RFC 3164 §4.1.2: a day below ten is padded with a blank */
		at++;
	if (!ascii_digit(s.p[at]))
		return false;
	day = (unsigned)(s.p[at++] - '0');
	if (ascii_digit(s.p[at]))
		day = day * 10 + (unsigned)(s.p[at++] - '0');
	year = year_at(s, &at);
	if (at + 9 > s.n || s.p[at] != ' ' || s.p[at + 3] != ':' || s.p[at + 6] != ':')
		return false;
	hour = two(s, at + 1);
	minute = two(s, at + 4);
	second = two(s, at + 7);
	at += 9;
	micros = fraction(s, &at);
	if (year == 0 && ret_n != NULL)
		year = year_at(s, &at);
	if (ret_n == NULL && !str_eq(str_slice(s, at, s.n), S("")) && !str_eq(str_slice(s, at, s.n), S(" UTC")) &&
		!str_eq(str_slice(s, at, s.n), S(" GMT")))
		return false;
	if (!(year != 0 ? make(year, month, day, hour, minute, second, &t) : guess(now, month, day, hour, minute, second, &t)))
		return false;
	*ret = t + micros;
	if (ret_n != NULL)
		*ret_n = at;
	return true;
}
