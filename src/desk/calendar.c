#include "desk/calendar.h"

#include "base/ascii.h"

#define DAY_SECONDS 86400
#define DAY ((usec)DAY_SECONDS * USEC_PER_SEC)
#define HOUR 3600
#define AMOUNT_MAX 100000 /* of any one unit in a period: 273 years of days */

/* --- zones --- */

struct reader {
	struct str text;
	size_t at;
};

static char peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static bool accept(struct reader *r, char c)
{
	if (peek(r) != c || c == '\0')
		return false;
	r->at++;
	return true;
}

static bool read_number(struct reader *r, int most, int *ret)
{
	size_t first = r->at;
	int v = 0;

	while (ascii_digit(peek(r)) && v <= AMOUNT_MAX)
		v = v * 10 + (r->text.p[r->at++] - '0');
	*ret = v;
	return r->at > first && v <= most;
}

static bool read_zone_name(struct reader *r)
{
	size_t first = r->at;

	if (accept(r, '<')) {
		while (peek(r) != '>' && peek(r) != '\0')
			r->at++;
		return accept(r, '>');
	}
	while (ascii_alpha(peek(r)))
		r->at++;
	return r->at - first >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool read_clock(struct reader *r, int32_t *ret)
{
	bool minus = accept(r, '-');
	int h, m = 0, s = 0;

	if (!minus)
		(void)accept(r, '+');
	if (!read_number(r, 167, &h))
		return false;
	if (accept(r, ':') && !read_number(r, 59, &m))
		return false;
	if (accept(r, ':') && !read_number(r, 59, &s))
		return false;
	*ret = (minus ? -1 : 1) * (h * HOUR + m * 60 + s);
	return true;
}

static bool read_change(struct reader *r, struct zone_change *ret)
{
	*ret = (struct zone_change){ .at = 2 * HOUR };
	return accept(r, ',') && accept(r, 'M') && read_number(r, 12, &ret->month) && ret->month >= 1 && accept(r, '.') &&
	       read_number(r, 5, &ret->week) && ret->week >= 1 && accept(r, '.') && read_number(r, 6, &ret->day) &&
	       (!accept(r, '/') || read_clock(r, &ret->at));
}

/* POSIX counts west of Greenwich: "CST-8" is eight hours ahead. */
static bool read_zone(struct reader *r, struct zone *z)
{
	if (!read_zone_name(r) || !read_clock(r, &z->standard))
		return false;
	z->standard = -z->standard;
	if (peek(r) == '\0')
		return true;
	z->has_summer = true;
	z->summer = z->standard + HOUR;
	if (!read_zone_name(r))
		return false;
	if (peek(r) != ',') {
		if (!read_clock(r, &z->summer))
			return false;
		z->summer = -z->summer;
	}
	return read_change(r, &z->to_summer) && read_change(r, &z->to_standard) && peek(r) == '\0';
}

enum rc zone_parse(struct str text, struct zone *ret, struct err *err)
{
	struct reader r = { .text = text };

	*ret = (struct zone){ 0 };
	if (!read_zone(&r, ret))
		return FAIL(err, RC_BAD, "zone '%.*s': byte %zu: expected a POSIX zone like CST-8 or CET-1CEST,M3.5.0,M10.5.0/3", STR(text), r.at);
	return RC_OK;
}

static int week_day(int64_t day)
{
	return (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* The instant of a change in this year, `before`: seconds ahead of UTC until then. */
static usec change_at(const struct zone_change *c, int year, int32_t before)
{
	int64_t first = date_to_days((struct date){ year, c->month, 1 });
	int day = (c->day - week_day(first) + 7) % 7 + (c->week - 1) * 7;

	if (day >= date_month_days(year, c->month))
		day -= 7;
	return ((first + day) * DAY_SECONDS + c->at - before) * USEC_PER_SEC;
}

static int64_t floor_days(usec at)
{
	return at >= 0 ? at / DAY : -((-at + DAY - 1) / DAY);
}

int32_t zone_offset(const struct zone *z, usec at)
{
	usec summer, standard;
	int year;

	if (!z->has_summer)
		return z->standard;
	year = date_of_days(floor_days(at + z->standard * USEC_PER_SEC)).year;
	summer = change_at(&z->to_summer, year, z->standard);
	standard = change_at(&z->to_standard, year, z->summer);
	if (summer < standard)
		return at >= summer && at < standard ? z->summer : z->standard;
	return at >= standard && at < summer ? z->standard : z->summer; /* south of the equator */
}

/* --- days --- */

static bool among(const int64_t *days, size_t n, int64_t day)
{
	size_t lo = 0;

	while (n > lo) {
		size_t mid = lo + (n - lo) / 2;

		if (days[mid] == day)
			return true;
		if (days[mid] < day)
			lo = mid + 1;
		else
			n = mid;
	}
	return false;
}

bool calendar_works(const struct calendar *c, int64_t day)
{
	if (among(c->holidays, c->n_holidays, day))
		return false;
	return (c->weekend >> week_day(day) & 1) == 0 || among(c->workdays, c->n_workdays, day);
}

int64_t calendar_day(const struct calendar *c, usec at, usec *ret_of_day)
{
	usec here = at + zone_offset(&c->zone, at) * USEC_PER_SEC;
	int64_t day = floor_days(here);

	*ret_of_day = here - day * DAY;
	return day;
}

/* Twice, because the offset is that of the instant that is looked for; a time that a change to summer jumps over comes out behind it. */
usec calendar_instant(const struct calendar *c, int64_t day, usec of_day)
{
	usec wall = day * DAY + of_day, guess = wall - zone_offset(&c->zone, wall - c->zone.standard * USEC_PER_SEC) * USEC_PER_SEC;

	return wall - zone_offset(&c->zone, guess) * USEC_PER_SEC;
}

/* --- periods --- */

static bool read_unit(struct reader *r, bool time, struct period *p)
{
	int n;

	if (!read_number(r, AMOUNT_MAX, &n) || strchr(time ? "HMS" : "YMWD", peek(r)) == NULL)
		return false;
	switch (peek(r)) {
	case 'Y':
		p->months += n * 12;
		break;
	case 'W':
		p->days += n * 7;
		break;
	case 'D':
		p->days += n;
		break;
	case 'H':
		p->time += n * HOUR * USEC_PER_SEC;
		break;
	case 'M':
		if (time)
			p->time += n * 60 * USEC_PER_SEC;
		else
			p->months += n;
		break;
	case 'S':
		p->time += n * USEC_PER_SEC;
		break;
	default:
		return false;
	}
	r->at++;
	return true;
}

enum rc period_parse(struct str text, struct period *ret, struct err *err)
{
	struct reader r = { .text = text };
	bool good = accept(&r, 'P'), time = false;

	*ret = (struct period){ 0 };
	while (good && r.at < text.n) {
		if (!time && accept(&r, 'T'))
			time = true;
		good = read_unit(&r, time, ret);
	}
	if (!good || text.n < 3 || ret->months > 12 * 9999)
		return FAIL(err, RC_BAD, "period '%.*s': byte %zu: expected ISO 8601, like PT1H, P3D or P1M", STR(text), r.at);
	return RC_OK;
}

void period_print(const struct period *p, char out[static 48])
{
	int n = snprintf(out, 48, "P");
	int64_t s = p->time / USEC_PER_SEC;

	if (p->months > 0)
		n += snprintf(out + n, (size_t)(48 - n), "%dM", p->months);
	if (p->days > 0)
		n += snprintf(out + n, (size_t)(48 - n), "%dD", p->days);
	if (s > 0)
		n += snprintf(out + n, (size_t)(48 - n), "T");
	if (s >= HOUR)
		n += snprintf(out + n, (size_t)(48 - n), "%lldH", (long long)(s / HOUR));
	if (s / 60 % 60 > 0)
		n += snprintf(out + n, (size_t)(48 - n), "%lldM", (long long)(s / 60 % 60));
	if (s % 60 > 0)
		snprintf(out + n, (size_t)(48 - n), "%lldS", (long long)(s % 60));
}

usec calendar_end(const struct calendar *c, usec from, const struct period *p, unsigned how)
{
	usec of_day;
	int64_t day = calendar_day(c, from, &of_day);
	struct date d;
	int month;

	if (p->months == 0 && p->days == 0)
		return from + p->time;
	d = date_of_days(day);
	month = d.year * 12 + d.month - 1 + p->months;
	d.year = month / 12;
	d.month = month % 12 + 1;
	if (d.day > date_month_days(d.year, d.month))
		d.day = date_month_days(d.year, d.month);
	day = date_to_days(d) + p->days;
	/* A year without one day of work is no calendar. */
	for (int i = 0; (how & PERIOD_ROLL) != 0 && i < 366 && !calendar_works(c, day); i++)
		day++;
	if ((how & PERIOD_WHOLE_DAY) != 0)
		return calendar_instant(c, day + 1, 0) - USEC_PER_SEC + p->time;
	return calendar_instant(c, day, of_day) + p->time;
}
