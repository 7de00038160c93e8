#include "base/time.h"

#include <stdatomic.h>
#include <time.h>

#include "base/ascii.h"

#define DAY_SECONDS 86400
#define YEAR_MIN_SECONDS (-62135596800LL) /* 0001-01-01T00:00:00Z */
#define YEAR_MAX_SECONDS 253402300799LL   /* 9999-12-31T23:59:59Z */
#define LONGEST 1000 /* bytes; digits are counted in an int */
#define WHOLE_LEN 19                      /* "YYYY-MM-DDTHH:MM:SS" */

/* The one clock of the process. `mono_ahead` keeps time_mono from going back
 * when a test hands the clock back to the system. */
static _Atomic int fake;
static _Atomic usec fake_now, fake_mono, mono_ahead;

static usec read_clock(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (usec)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

usec time_now(void)
{
	return UNLIKELY(atomic_load(&fake)) ? atomic_load(&fake_now) : read_clock(CLOCK_REALTIME);
}

void time_nap(usec span)
{
	struct timespec t = { .tv_sec = span / USEC_PER_SEC, .tv_nsec = span % USEC_PER_SEC * 1000 };

	nanosleep(&t, NULL);
}

double time_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

usec time_mono(void)
{
	if (UNLIKELY(atomic_load(&fake)))
		return atomic_load(&fake_mono);
	return read_clock(CLOCK_MONOTONIC) + atomic_load(&mono_ahead);
}

void time_fake_set(usec now)
{
	if (!atomic_load(&fake))
		atomic_store(&fake_mono, time_mono());
	else if (now > atomic_load(&fake_now))
		atomic_fetch_add(&fake_mono, now - atomic_load(&fake_now));
	atomic_store(&fake_now, now);
	atomic_store(&fake, 1);
}

void time_fake_step(usec span)
{
	time_fake_set(time_now() + span);
}

void time_fake_off(void)
{
	usec ahead = atomic_load(&fake_mono) - read_clock(CLOCK_MONOTONIC);

	if (!atomic_load(&fake))
		return;
	if (ahead > atomic_load(&mono_ahead))
		atomic_store(&mono_ahead, ahead);
	atomic_store(&fake, 0);
}

static bool leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && leap_year(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. The year is taken
 * to begin in March, so that the leap day is its last. */
static int64_t days_from_date(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int era = y / 400;
	int of_era = y - era * 400;
	int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* From the first day of the year 1. */
static void date_from_days(uint32_t days, unsigned *year, unsigned *month, unsigned *day)
{
	uint32_t z = days + 306, era = z / 146097, of_era = z - era * 146097;
	uint32_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * y + y / 4 - y / 100);
	uint32_t m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = y + era * 400 + (*month <= 2);
}

int64_t date_to_days(struct date d)
{
	return days_from_date(d.year, d.month, d.day);
}

struct date date_of_days(int64_t days)
{
	unsigned year, month, day;

	date_from_days((uint32_t)(days - YEAR_MIN_SECONDS / DAY_SECONDS), &year, &month, &day);
	return (struct date){ (int)year, (int)month, (int)day };
}

int date_month_days(int year, int month)
{
	return days_in_month(year, month);
}

/* The fixed part: each letter of the shape stands for a digit, the rest for itself. */
static bool shape_fits(struct str text, size_t *ret_at)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";

	for (size_t i = 0; i < WHOLE_LEN; i++) {
		char c = i < text.n ? text.p[i] : '\0';

		if (shape[i] == 'd' ? !ascii_digit(c) : c != shape[i]) {
			*ret_at = i;
			return false;
		}
	}
	return true;
}

static int number(const char *p, int digits)
{
	int v = 0;

	for (int i = 0; i < digits; i++)
		v = v * 10 + (p[i] - '0');
	return v;
}

/* ".123Z" or "Z" at WHOLE_LEN: microseconds and the count of digits. */
static bool read_fraction(struct str text, int *ret_micros, int *ret_digits, size_t *ret_at)
{
	size_t at = WHOLE_LEN;
	int scale = 100000;

	*ret_micros = 0;
	if (at < text.n && text.p[at] == '.') {
		for (at++; at < text.n && ascii_digit(text.p[at]); at++, scale /= 10)
			*ret_micros += (text.p[at] - '0') * scale;
		*ret_digits = (int)(at - WHOLE_LEN - 1);
		if (*ret_digits == 0) {
			*ret_at = at;
			return false;
		}
	} else {
		*ret_digits = 0;
	}
	*ret_at = at;
	return at + 1 == text.n && text.p[at] == 'Z';
}

enum rc time_parse(struct str text, usec *ret, int *ret_digits, struct err *err)
{
	size_t at = 0;
	int year, month, day, hour, minute, second, micros, digits;

	if (text.n > LONGEST)
		return FAIL(err, RC_BAD, "timestamp: too long");
	if (!shape_fits(text, &at) || !read_fraction(text, &micros, &digits, &at))
		return FAIL(err, RC_BAD, "timestamp: byte %zu: expected YYYY-MM-DDTHH:MM:SS[.digits]Z", at);
	year = number(text.p, 4), month = number(text.p + 5, 2), day = number(text.p + 8, 2);
	hour = number(text.p + 11, 2), minute = number(text.p + 14, 2), second = number(text.p + 17, 2);
	if (year < 1)
		return FAIL(err, RC_BAD, "timestamp: byte 0: no year %d", year);
	if (month < 1 || month > 12)
		return FAIL(err, RC_BAD, "timestamp: byte 5: no month %d", month);
	if (day < 1 || day > days_in_month(year, month))
		return FAIL(err, RC_BAD, "timestamp: byte 8: no day %d in this month", day);
	if (hour > 23 || minute > 59 || second > 60)
		return FAIL(err, RC_BAD, "timestamp: byte 11: no such time of day");
	if (second == 60)
		second = 59, micros = 999999;
	*ret = (days_from_date(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second) * USEC_PER_SEC +
	       micros;
	if (ret_digits != NULL)
		*ret_digits = digits;
	return RC_OK;
}

enum rc time_parse_offset(struct str text, usec *ret, struct err *err)
{
	char copy[LONGEST + 1];
	struct str zone = text.n >= 6 ? str_slice(text, text.n - 6, text.n) : S("");
	bool offset = zone.n == 6 && (zone.p[0] == '+' || zone.p[0] == '-') && ascii_digit(zone.p[1]) && ascii_digit(zone.p[2]) &&
		      zone.p[3] == ':' && ascii_digit(zone.p[4]) && ascii_digit(zone.p[5]);
	size_t n = offset ? text.n - 6 : text.n;
	usec ahead = 0;

	if (text.n >= LONGEST)
		return FAIL(err, RC_BAD, "timestamp: too long");
	if (n > 0)
		memcpy(copy, text.p, n);
	if (n > 10 && (copy[10] == 't' || copy[10] == ' '))
		copy[10] = 'T';
	if (offset) {
		if (number(zone.p + 1, 2) > 23 || number(zone.p + 4, 2) > 59)
			return FAIL(err, RC_BAD, "timestamp: byte %zu: no offset %.*s", n, STR(zone));
		ahead = (number(zone.p + 1, 2) * 60 + number(zone.p + 4, 2)) * (zone.p[0] == '-' ? -60 : 60) * USEC_PER_SEC;
		copy[n++] = 'Z';
	} else if (n > 0 && copy[n - 1] == 'z') {
		copy[n - 1] = 'Z';
	}
	TRY(time_parse(str_make(copy, n), ret, NULL, err));
	*ret -= ahead;
	return RC_OK;
}

/* The n-th fraction digit, 0 behind the last. */
static char fraction_digit(struct str text, size_t n)
{
	size_t at = WHOLE_LEN + 1 + n;

	return at + 1 < text.n ? text.p[at] : '0';
}

int time_text_cmp(struct str a, struct str b)
{
	int order = str_cmp(str_slice(a, 0, WHOLE_LEN), str_slice(b, 0, WHOLE_LEN));
	size_t longer = a.n > b.n ? a.n : b.n;

	for (size_t i = 0; order == 0 && i + WHOLE_LEN < longer; i++)
		order = fraction_digit(a, i) - fraction_digit(b, i);
	return order;
}

/* Two digits at a time: a page of a hundred objects formats a hundred instants. */
static inline char *put_two(char *to, unsigned value)
{
	static const char pairs[200] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
		"495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

	memcpy(to, pairs + 2 * value, 2);
	return to + 2;
}

static struct str format(usec t, int digits, char *out)
{
	usec first = YEAR_MIN_SECONDS * USEC_PER_SEC, last = YEAR_MAX_SECONDS * USEC_PER_SEC + USEC_PER_SEC - 1;
	uint64_t since = (uint64_t)((t < first ? first : t > last ? last : t) - first), seconds = since / USEC_PER_SEC;
	uint32_t micros = (uint32_t)(since % USEC_PER_SEC), of_day = (uint32_t)(seconds % DAY_SECONDS);
	unsigned year, month, day;
	char *to = out;

	date_from_days((uint32_t)(seconds / DAY_SECONDS), &year, &month, &day);
	to = put_two(put_two(to, year / 100), year % 100);
	*to++ = '-';
	to = put_two(to, month);
	*to++ = '-';
	to = put_two(to, day);
	*to++ = 'T';
	to = put_two(to, of_day / 3600);
	*to++ = ':';
	to = put_two(to, of_day / 60 % 60);
	*to++ = ':';
	to = put_two(to, of_day % 60);
	*to++ = '.';
	*to++ = (char)('0' + micros / 100000);
	to = put_two(to, micros / 1000 % 100);
	if (digits == 6) {
		*to++ = (char)('0' + micros / 100 % 10);
		to = put_two(to, micros % 100);
	}
	*to++ = 'Z';
	*to = '\0';
	return str_make(out, (size_t)(to - out));
}

struct str time_format(usec t, char out[static TIME_TEXT_MAX])
{
	return format(t, 6, out);
}

struct str time_format_ms(usec t, char out[static TIME_TEXT_MAX])
{
	return format(t, 3, out);
}
