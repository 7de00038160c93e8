#include "cli/when.h"

#include "base/ascii.h"

#define DAY ((usec)86400 * USEC_PER_SEC)
#define SPAN_MAX 100000

/* Two digits at `at`, at most `most`. */
static bool two(struct str s, size_t at, int most, int *ret)
{
	uint64_t n;

	if (at + 2 > s.n || !ascii_digit(s.p[at]) || !str_to_u64(str_slice(s, at, at + 2), &n) || n > (uint64_t)most)
		return false;
	*ret = (int)n;
	return true;
}

/* HH:MM or HH:MM:SS, and nothing behind it. */
static bool clock_time(struct str s, struct tm *tm)
{
	if (s.n != 5 && s.n != 8)
		return false;
	if (!two(s, 0, 23, &tm->tm_hour) || s.p[2] != ':' || !two(s, 3, 59, &tm->tm_min))
		return false;
	return s.n == 5 || (s.p[5] == ':' && two(s, 6, 59, &tm->tm_sec));
}

/* YYYY-MM-DD of the calendar. */
static bool calendar_date(struct str s, struct tm *tm)
{
	uint64_t year;
	int month, day;

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' || !str_to_u64(str_slice(s, 0, 4), &year) || year < 1970)
		return false;
	if (!two(s, 5, 12, &month) || !two(s, 8, 31, &day) || month == 0 || day == 0 || day > date_month_days((int)year, month))
		return false;
	tm->tm_year = (int)year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* The instant at which clocks here show this. */
static bool of_local(const struct tm *shown, usec *ret)
{
	struct tm tm = *shown;
	time_t t;

	tm.tm_isdst = -1;
	t = mktime(&tm);
	*ret = (usec)t * USEC_PER_SEC;
	return t != (time_t)-1;
}

/* The latest time of day up to `now`, or the next one behind it: yesterday's or tomorrow's where today's is on the other side. */
static bool of_day(const struct tm *clock, bool coming, usec now, usec *ret)
{
	time_t seconds = (time_t)(now / USEC_PER_SEC);
	struct tm day;

	if (localtime_r(&seconds, &day) == NULL)
		return false;
	day.tm_hour = clock->tm_hour;
	day.tm_min = clock->tm_min;
	day.tm_sec = clock->tm_sec;
	if (!of_local(&day, ret))
		return false;
	if (coming ? *ret > now : *ret <= now)
		return true;
	day.tm_mday += coming ? 1 : -1;
	return of_local(&day, ret);
}

static bool span(struct str s, usec *ret)
{
	static const struct { char unit; usec of; } units[] = { { 's', USEC_PER_SEC }, { 'm', 60 * USEC_PER_SEC }, { 'h', 3600 * USEC_PER_SEC },
		{ 'd', DAY }, { 'w', 7 * DAY } };
	uint64_t n;

	if (s.n < 2 || !str_to_u64(str_slice(s, 0, s.n - 1), &n) || n > SPAN_MAX)
		return false;
	for (size_t i = 0; i < COUNTOF(units); i++)
		if (s.p[s.n - 1] == units[i].unit) {
			*ret = (usec)n * units[i].of;
			return true;
		}
	return false;
}

enum rc when_read(struct str text, bool coming, usec now, char ret[static TIME_TEXT_MAX], struct err *err)
{
	struct str s = str_trim(text);
	struct tm tm = { 0 };
	usec at = 0, away = 0;

	if (s.n < TIME_TEXT_MAX && time_parse_offset(s, &at, NULL) == RC_OK) {
		snprintf(ret, TIME_TEXT_MAX, "%.*s", STR(s));
		return RC_OK;
	}
	if (str_eq(s, S("now")))
		at = now;
	else if (span(s, &away))
		at = coming ? now + away : now - away;
	else if (clock_time(s, &tm) ? !of_day(&tm, coming, now, &at)
		 : !(s.n > 11 && (s.p[10] == ' ' || s.p[10] == 'T') && calendar_date(str_slice(s, 0, 10), &tm) &&
		     clock_time(str_slice(s, 11, s.n), &tm) && of_local(&tm, &at)))
		return FAIL(err, RC_BAD, "'%.*s' is no time: 23:30, '2026-02-27 23:30', 2026-02-27T23:30:00+08:00, %s, or now", STR(str_slice(s, 0, 60)),
			    coming ? "36h (from now)" : "20m (ago)");
	(void)time_format(at / USEC_PER_SEC * USEC_PER_SEC, ret);
	return RC_OK;
}

struct str when_show(struct str text, char out[static TIME_TEXT_MAX])
{
	usec at;
	time_t seconds;
	struct tm tm;
	long offset;
	int n;

	if (time_parse_offset(text, &at, NULL) != RC_OK)
		return text;
	seconds = (time_t)((at - (at % USEC_PER_SEC + USEC_PER_SEC) % USEC_PER_SEC) / USEC_PER_SEC);
	if (localtime_r(&seconds, &tm) == NULL || tm.tm_year > 9999 - 1900)
		return text;
	offset = tm.tm_gmtoff / 60;
	n = snprintf(out, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (n < 0 || n > TIME_TEXT_MAX - 8)
		return text;
	if (offset == 0)
		snprintf(out + n, TIME_TEXT_MAX - (size_t)n, "Z");
	else
		snprintf(out + n, TIME_TEXT_MAX - (size_t)n, "%c%02ld:%02ld", offset < 0 ? '-' : '+', labs(offset) / 60 % 100, labs(offset) % 60);
	return str_of(out);
}
