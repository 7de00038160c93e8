/* One test of one value, by the plain meaning of Sigma: what every faster way
 * ends in, and the slow way by itself. Values are hostile and may be a megabyte
 * long: each kind but the regular expression looks at a byte a bounded number
 * of times for each piece of its pattern. */
#include "detect/engine_int.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/text.h"

/* ---- wildcards */

#define NO_MATCH SIZE_MAX

/* Behind the character at `at`; a byte that is no UTF-8 counts as one. */
static size_t char_after(struct str s, size_t at)
{
	size_t n = utf8_len(s, at);

	return at + (n == 0 ? 1 : n);
}

static size_t char_before(struct str s, size_t at)
{
	for (size_t n = 1; n <= 4 && n <= at; n++)
		if (utf8_len(s, at - n) == n)
			return at - n;
	return at - 1;
}

/* Literals and ? from `at` on: where they end. */
static size_t match_at(const struct sigma_piece *p, uint32_t n, struct str s, size_t at)
{
	for (uint32_t i = 0; i < n; i++) {
		if (p[i].kind == SIGMA_ONE) {
			if (at >= s.n)
				return NO_MATCH;
			at = char_after(s, at);
		} else {
			if (s.n - at < p[i].text.n || memcmp(s.p + at, p[i].text.p, p[i].text.n) != 0)
				return NO_MATCH;
			at += p[i].text.n;
		}
	}
	return at;
}

/* The same backwards: where they begin when they end at the end of `s`. */
static size_t match_end(const struct sigma_piece *p, uint32_t n, struct str s)
{
	size_t at = s.n;

	while (n-- > 0) {
		if (p[n].kind == SIGMA_ONE) {
			if (at == 0)
				return NO_MATCH;
			at = char_before(s, at);
		} else {
			if (at < p[n].text.n || memcmp(s.p + at - p[n].text.n, p[n].text.p, p[n].text.n) != 0)
				return NO_MATCH;
			at -= p[n].text.n;
		}
	}
	return at;
}

/* The first place at or behind `from` where they end. With their first literal found leftmost, any later one only ends later. */
static size_t match_within(const struct sigma_piece *p, uint32_t n, struct str s, size_t from)
{
	for (; n > 0 && p->kind == SIGMA_ONE; p++, n--) {
		if (from >= s.n)
			return NO_MATCH;
		from = char_after(s, from);
	}
	if (n == 0)
		return from;
	for (;;) {
		size_t end;

		from = str_find(s, p->text, from);
		if (from == SIZE_MAX)
			return NO_MATCH;
		end = match_at(p + 1, n - 1, s, from + p->text.n);
		if (end != NO_MATCH)
			return end;
		from++;
	}
}

static uint32_t run_of(const struct sigma_piece *p, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && p[i].kind != SIGMA_ANY)
		i++;
	return i;
}

bool glob_matches(const struct glob *g, struct str s)
{
	const struct sigma_piece *p = g->pieces;
	uint32_t left = g->n, first = run_of(p, left), last = 0;
	size_t at = match_at(p, first, s, 0), end;

	if (at == NO_MATCH)
		return false;
	if (first == left)
		return at == s.n;
	p += first;
	left -= first;
	while (p[left - 1 - last].kind != SIGMA_ANY)
		last++;
	end = match_end(p + left - last, last, s);
	if (end == NO_MATCH || end < at)
		return false;
	s.n = end;
	left -= last;
	while (left > 1) { /* * piece ... * */
		uint32_t n = run_of(p + 1, left - 1);

		at = match_within(p + 1, n, s, at);
		if (at == NO_MATCH)
			return false;
		p += 1 + n;
		left -= 1 + n;
	}
	return true;
}

/* ---- numbers, addresses, dates */

static size_t digits(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && ascii_digit(s.p[at + n]))
		n++;
	return n;
}

/* A decimal number as JSON writes it (leading zeros are let pass), from end to end. */
bool number_parse(struct str s, double *ret)
{
	char copy[400];
	size_t at = s.n > 0 && s.p[0] == '-', n = digits(s, at);

	if (n == 0 || s.n >= sizeof copy)
		return false;
	if (n == s.n && n <= 15) {
		uint64_t v = 0;

		for (size_t i = 0; i < n; i++)
			v = v * 10 + (uint64_t)(s.p[i] - '0');
		*ret = (double)v;
		return true;
	}
	at += n;
	if (at < s.n && s.p[at] == '.') {
		n = digits(s, at + 1);
		if (n == 0)
			return false;
		at += 1 + n;
	}
	if (at < s.n && (s.p[at] | 32) == 'e') {
		at++;
		at += at < s.n && (s.p[at] == '+' || s.p[at] == '-');
		n = digits(s, at);
		if (n == 0)
			return false;
		at += n;
	}
	if (at != s.n)
		return false;
	memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	*ret = strtod(copy, NULL);
	return true;
}

static bool address_parse(struct str s, uint8_t out[static 16], bool *ret_v4)
{
	char copy[INET6_ADDRSTRLEN + 1];

	if (memchr(s.p, ':', s.n) != NULL)
		s = str_slice(s, 0, str_find(s, S("%"), 0)); /* RFC 4007: the zone of fe80::1%eth0 is no part of the address */
	if (s.n < 2 || s.n > INET6_ADDRSTRLEN)
		return false;
	memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	*ret_v4 = inet_pton(AF_INET, copy, out + 12) == 1;
	if (*ret_v4) {
		memset(out, 0, 10);
		out[10] = out[11] = 0xff;
		return true;
	}
	return inet_pton(AF_INET6, copy, out) == 1;
}

bool net_parse(struct str text, struct net *ret)
{
	size_t slash = str_find(text, S("/"), 0);
	struct net net;
	uint64_t bits;
	bool v4;

	if (!address_parse(str_slice(text, 0, slash), net.address, &v4))
		return false;
	if (slash == SIZE_MAX)
		bits = 128;
	else if (!str_to_u64(str_slice(text, slash + 1, text.n), &bits) || bits > (v4 ? 32 : 128))
		return false;
	else if (v4)
		bits += 96;
	net.bits = (uint8_t)bits;
	*ret = net;
	return true;
}

static bool net_holds(const struct net *net, struct str value)
{
	uint8_t a[16];
	unsigned whole = net->bits / 8, rest = net->bits % 8;
	bool v4;

	if (!address_parse(value, a, &v4) || memcmp(a, net->address, whole) != 0)
		return false;
	/* Nobody who writes ::/0 means IPv4: it lies in there only by the way in which it is kept. */
	if (v4 && net->bits < 96)
		return false;
	return rest == 0 || (a[whole] ^ net->address[whole]) >> (8 - rest) == 0;
}

static bool two(struct str s, size_t at, int *ret)
{
	if (at + 2 > s.n || !ascii_digit(s.p[at]) || !ascii_digit(s.p[at + 1]))
		return false;
	*ret = (s.p[at] - '0') * 10 + s.p[at + 1] - '0';
	return true;
}

static int day_of_year(int year, int month, int day)
{
	static const int before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return before[month - 1] + day + (leap && month > 2);
}

/* 1 = Monday. */
static int day_of_week(int year, int month, int day)
{
	int y = year - 1, days = y * 365 + y / 4 - y / 100 + y / 400 + day_of_year(year, month, day);

	return (days - 1) % 7 + 1;
}

static int weeks_of(int year)
{
	int first = day_of_week(year, 1, 1), last = day_of_week(year, 12, 31);

	return first == 4 || last == 4 ? 53 : 52;
}

/* ISO 8601: week 1 is the one that holds the first Thursday. */
static int week_of(int year, int month, int day)
{
	int week = (day_of_year(year, month, day) - day_of_week(year, month, day) + 10) / 7;

	if (week < 1)
		return weeks_of(year - 1);
	return week > weeks_of(year) ? 1 : week;
}

/* "2025-01-31T10:20:30Z", "2025/01/31 10:20": the parts as written, no time zone is applied. */
static bool date_part(struct str s, enum sigma_part part, int *ret)
{
	int y1, y2, month, day, hour = 0, minute = 0;
	bool time;

	if (!two(s, 0, &y1) || !two(s, 2, &y2) || !two(s, 5, &month) || !two(s, 8, &day) || s.p[4] != s.p[7] ||
	    (s.p[4] != '-' && s.p[4] != '/') || month < 1 || month > 12 || day < 1 || day > 31 || y1 + y2 == 0)
		return false;
	time = s.n >= 16 && (s.p[10] == 'T' || s.p[10] == 't' || s.p[10] == ' ') && two(s, 11, &hour) && s.p[13] == ':' &&
	       two(s, 14, &minute) && hour < 24 && minute < 60;
	switch (part) {
	case SIGMA_MINUTE: *ret = minute; return time;
	case SIGMA_HOUR: *ret = hour; return time;
	case SIGMA_DAY: *ret = day; return true;
	case SIGMA_WEEK: *ret = week_of(y1 * 100 + y2, month, day); return true;
	case SIGMA_MONTH: *ret = month; return true;
	case SIGMA_YEAR: *ret = y1 * 100 + y2; return true;
	}
	return false;
}

/* ---- all kinds */

bool test_related(enum sigma_ref how, struct str a, struct str b)
{
	switch (how) {
	case SIGMA_REF_EQUALS: return str_eq(a, b);
	case SIGMA_REF_CONTAINS: return str_find(a, b, 0) != SIZE_MAX;
	case SIGMA_REF_STARTS: return str_starts(a, b);
	case SIGMA_REF_ENDS: return str_ends(a, b);
	}
	return false;
}

static bool test_truth(const struct test *t, enum flat_type type, struct str folded)
{
	bool wanted = t->number != 0;

	if (type == FLAT_STRING)
		return str_eq(folded, wanted ? S("true") : S("false"));
	return type == (wanted ? FLAT_TRUE : FLAT_FALSE);
}

bool test_order(const struct test *t, double v)
{
	if (t->kind == TEST_NUMBER)
		return !(v < t->number) && !(v > t->number);
	if (t->kind == TEST_LT)
		return v < t->number;
	if (t->kind == TEST_LE)
		return v <= t->number;
	return t->kind == TEST_GT ? v > t->number : v >= t->number;
}

static bool test_number(const struct test *t, enum flat_type type, struct str s)
{
	double v;

	return (type == FLAT_NUMBER || type == FLAT_STRING) && number_parse(s, &v) && test_order(t, v);
}

bool test_value(const struct test *t, enum flat_type type, const struct text *x, struct regex_run *run)
{
	struct str s = t->cased ? x->plain : x->folded;
	int part;

	if (type == FLAT_NULL)
		return false;
	switch ((enum test_kind)t->kind) {
	case TEST_WHOLE: return str_eq(s, t->lit);
	case TEST_PREFIX: return str_starts(s, t->lit);
	case TEST_SUFFIX: return str_ends(s, t->lit);
	case TEST_CONTAINS: return str_find(s, t->lit, 0) != SIZE_MAX;
	case TEST_GLOB: return glob_matches(&t->glob, s);
	case TEST_REGEX: return regex_search(t->regex, x, run);
	case TEST_PRESENT: return true;
	case TEST_CIDR: return net_holds(t->net, x->plain);
	case TEST_NUMBER:
	case TEST_LT:
	case TEST_LE:
	case TEST_GT:
	case TEST_GE: return test_number(t, type, x->plain);
	case TEST_BOOL: return test_truth(t, type, x->folded);
	case TEST_TIME_PART:
		return date_part(x->plain, (enum sigma_part)t->how, &part) && !((double)part < t->number) && !((double)part > t->number);
	case TEST_NEVER:
	case TEST_EXISTS:
	case TEST_NULL:
	case TEST_FIELDREF: break;
	}
	return false;
}
