#include "wire/flat.h"

#include "base/ascii.h"

#define WHOLE 19       /* "YYYY-MM-DDTHH:MM:SS" */
#define TEXT_MAX 64    /* bytes of a time in a log */

/* "+hh:mm", "-hhmm", "+hh", "Z", "UTC" or nothing, as microseconds to take away. */
static bool read_zone(struct str zone, usec *ret)
{
	uint64_t hours, minutes = 0;
	struct str digits;

	*ret = 0;
	zone = str_trim(zone);
	if (zone.n == 0 || str_eq_nocase(zone, S("Z")) || str_eq(zone, S("UTC")))
		return true;
	if (zone.p[0] != '+' && zone.p[0] != '-')
		return false;
	digits = str_slice(zone, 1, zone.n);
	if (digits.n == 5 && digits.p[2] != ':')
		return false;
	if (digits.n != 2 && digits.n != 4 && digits.n != 5)
		return false;
	if (!str_to_u64(str_slice(digits, 0, 2), &hours) ||
	    (digits.n > 2 && !str_to_u64(str_slice(digits, digits.n - 2, digits.n), &minutes)))
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	*ret = (usec)(hours * 60 + minutes) * 60 * USEC_PER_SEC * (zone.p[0] == '-' ? -1 : 1);
	return true;
}

static bool read_calendar(struct str s, usec *ret)
{
	char text[TEXT_MAX + 2];
	size_t end = WHOLE;
	usec ahead, t;

	if (s.n < WHOLE || s.n > TEXT_MAX || (s.p[10] != ' ' && s.p[10] != 'T' && s.p[10] != 't'))
		return false;
	if (s.n > WHOLE + 1 && (s.p[WHOLE] == '.' || s.p[WHOLE] == ',') && ascii_digit(s.p[WHOLE + 1]))
		for (end++; end < s.n && ascii_digit(s.p[end]);)
			end++;
	memcpy(text, s.p, end);
	text[4] = s.p[4] == '/' ? '-' : s.p[4];
	text[7] = s.p[7] == '/' ? '-' : s.p[7];
	text[10] = 'T';
	if (end > WHOLE)
		text[WHOLE] = '.';
	text[end] = 'Z';
	if (!read_zone(str_slice(s, end, s.n), &ahead) || time_parse(str_make(text, end + 1), &t, NULL, NULL) != RC_OK)
		return false;
	*ret = t - ahead;
	return true;
}

/* Digits of the whole and of the fraction as microseconds; the size of the number tells its unit. */
static bool read_number(struct str s, usec *ret)
{
	size_t point = str_find(s, S("."), 0);
	struct str fraction = point == SIZE_MAX ? S("") : str_slice(s, point + 1, s.n);
	uint64_t whole, micros = 0;
	usec unit = USEC_PER_SEC;

	if (s.n > TEXT_MAX || !str_to_u64(str_slice(s, 0, point), &whole) || whole < 100000000)
		return false;
	for (size_t i = 0; i < 6; i++)
		micros = micros * 10 + (i < fraction.n && ascii_digit(fraction.p[i]) ? (uint64_t)(fraction.p[i] - '0') : 0);
	for (size_t i = 0; i < fraction.n; i++)
		if (!ascii_digit(fraction.p[i]))
			return false;
	if (whole >= 100000000000000000)
		whole /= 1000, unit = 1, micros = 0;
	else if (whole >= 100000000000000)
		unit = 1, micros = 0;
	else if (whole >= 100000000000)
		unit = 1000, micros /= 1000;
	*ret = (usec)whole * unit + (usec)micros;
	return true;
}

bool log_time_read(struct str text, usec *ret)
{
	text = str_trim(text);
	return read_calendar(text, ret) || read_number(text, ret);
}

/* In the order of trust: when it happened before when it was written down or passed on. */
static const char *const names[] = {
	"UtcTime", "SystemTime", "TimeCreated_SystemTime", "TimeCreated", "@timestamp", "EventTime", "eventTime", "timestamp", "ts",
	"TimeGenerated", "eventtime", "time", "event_time", "_time", "date", "datetime", "Timestamp", "published", "createdDateTime",
	"activityDateTime", "CreationTime", "start", "rt", "EventReceivedTime",
	"__REALTIME_TIMESTAMP",
};

static bool is_named(const struct flat_value *v, struct str name)
{
	return v->name != NULL && v->name_n == name.n && memcmp(v->name, name.p, name.n) == 0;
}

static struct str text_of(struct flat *f, struct str name)
{
	for (uint32_t k = 0; k < f->n; k++)
		if (is_named(&f->v[k], name) && f->v[k].n <= TEXT_MAX)
			return flat_text(f, &f->v[k]);
	return S("");
}

/* Firewalls and web servers write the day and the hour into two fields: date=2026-01-02 time=03:04:05 tz="+0800". */
static bool read_halves(struct flat *f, usec *ret)
{
	struct str date = text_of(f, S("date")), hour = text_of(f, S("time")), zone = text_of(f, S("tz"));
	char text[3 * TEXT_MAX + 4];
	int n;

	if (date.n != 10 || hour.n < 8)
		return false;
	n = snprintf(text, sizeof text, "%.*sT%.*s%.*s", STR(date), STR(hour), STR(zone));
	return read_calendar(str_make(text, (size_t)n), ret) || read_calendar(str_make(text, 11 + hour.n), ret);
}

/* Nothing happened before 1970: Windows writes 1601 where it knows no time. */
static bool read_first(struct flat *f, const char *const *of, size_t n, usec *ret)
{
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(of[i]);

		for (uint32_t k = 0; k < f->n; k++)
			if (is_named(&f->v[k], name) && f->v[k].n <= TEXT_MAX && log_time_read(flat_text(f, &f->v[k]), ret) && *ret > 0)
				return true;
	}
	return false;
}

usec flat_time(struct flat *f)
{
	/* What heads a record of EVTX is when it was written into this file, which may be another machine's, days later. */
	static const char *const of_evtx[] = { "UtcTime", "TimeCreated_SystemTime" };
	usec t;

	if (f->format == LOG_EVTX && read_first(f, of_evtx, COUNTOF(of_evtx), &t))
		return t;
	if (f->time != 0)
		return f->time;
	if (read_first(f, names, COUNTOF(names), &t) || read_halves(f, &t))
		return t;
	return 0;
}
