#include "base/json_number.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define INT_MAX_SAFE 9007199254740991 /* 2^53 - 1, RFC 7493 §2.2 */
#define EXPONENT_DIGITS 17

/* digits x 10^exponent without leading or trailing zeros; zero has no digits. */
struct decimal {
	bool negative;
	uint32_t n;
	int64_t exponent;
	char digits[JSON_NUMBER_MAX];
};

/* False when the exponent has so many digits that it is not worth reading. */
static bool read_exponent(struct str text, int64_t *ret)
{
	bool negative = text.n > 0 && text.p[0] == '-';
	uint64_t v;

	if (text.n > 0 && (text.p[0] == '-' || text.p[0] == '+'))
		text = str_slice(text, 1, text.n);
	while (text.n > 1 && text.p[0] == '0')
		text = str_slice(text, 1, text.n);
	if (text.n > EXPONENT_DIGITS || !str_to_u64(text, &v))
		return false;
	*ret = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

static bool decimal_read(struct decimal *d, const struct json *v)
{
	bool behind_point = false;
	int64_t written = 0;
	uint32_t i = v->p[0] == '-';

	d->negative = i == 1;
	d->n = 0;
	d->exponent = 0;
	for (; i < v->n && v->p[i] != 'e' && v->p[i] != 'E'; i++) {
		if (v->p[i] == '.') {
			behind_point = true;
			continue;
		}
		d->exponent -= behind_point;
		if (d->n > 0 || v->p[i] != '0')
			d->digits[d->n++] = v->p[i];
	}
	if (i < v->n && !read_exponent(str_make(v->p + i + 1, v->n - i - 1), &written) && d->n > 0)
		return false;
	d->exponent += written;
	for (; d->n > 0 && d->digits[d->n - 1] == '0'; d->n--)
		d->exponent++;
	if (d->n == 0)
		d->exponent = 0, d->negative = false;
	return true;
}

bool json_number_same(const struct json *a, const struct json *b)
{
	struct decimal x, y;

	if (str_eq(str_make(a->p, a->n), str_make(b->p, b->n)))
		return true;
	return decimal_read(&x, a) && decimal_read(&y, b) && x.negative == y.negative && x.exponent == y.exponent &&
	       str_eq(str_make(x.digits, x.n), str_make(y.digits, y.n));
}

bool json_int(const struct json *v, int64_t *ret)
{
	struct decimal d;
	int64_t value = 0;

	if (!json_is(v, JSON_NUMBER) || !decimal_read(&d, v) || d.exponent < 0 || d.n + d.exponent > 16)
		return false;
	for (int64_t i = 0; i < d.n + d.exponent; i++)
		value = value * 10 + (i < d.n ? d.digits[i] - '0' : 0);
	if (value > INT_MAX_SAFE)
		return false;
	*ret = d.negative ? -value : value;
	return true;
}

bool json_double(const struct json *v, double *ret)
{
	char text[JSON_NUMBER_MAX + 1];
	double d;

	if (!json_is(v, JSON_NUMBER))
		return false;
	memcpy(text, v->p, v->n);
	text[v->n] = '\0';
	d = strtod(text, NULL);
	if (!isfinite(d))
		return false;
	*ret = d;
	return true;
}

/* Significant digits and the place of the point: 0.d1d2d3... x 10^point. */
struct shortest {
	char digits[20];
	int n, point;
};

/* "d.ddde-xx" as snprintf writes it. */
static void split(const char *text, struct shortest *s)
{
	const char *e = strchr(text, 'e');

	s->n = 0;
	for (const char *p = text; p < e; p++)
		if (*p != '.')
			s->digits[s->n++] = *p;
	s->point = (int)strtol(e + 1, NULL, 10) + 1;
}

/* The decimal of the same length one unit higher, as "d.ddde-xx". Below a power
 * of two doubles lie twice as dense as above it, so the nearest decimal may miss
 * where the next higher one still hits. */
static bool higher_hits(const struct shortest *s, double d, struct shortest *ret)
{
	struct shortest up = *s;
	char text[40];
	int at = up.n - 1;

	while (at >= 0 && up.digits[at] == '9')
		up.digits[at--] = '0';
	if (at >= 0)
		up.digits[at]++;
	else
		up.digits[0] = '1', up.point++;
	snprintf(text, sizeof text, "0.%.*se%d", up.n, up.digits, up.point);
	if (strtod(text, NULL) != d)
		return false;
	*ret = up;
	return true;
}

/* Fewest digits that read back as `d` > 0, and of these the nearest. */
static void find_shortest(double d, struct shortest *s)
{
	char text[40];
	int exponent;
	bool power_of_two = frexp(d, &exponent) == 0.5;

	/* Every decimal of 15 digits survives a normal double, so only subnormal ones need shorter trials. */
	for (int digits = fpclassify(d) == FP_SUBNORMAL ? 1 : 15; digits < 17; digits++) {
		snprintf(text, sizeof text, "%.*e", digits - 1, d);
		split(text, s);
		if (strtod(text, NULL) == d)
			return;
		if (power_of_two && higher_hits(s, d, s))
			return;
	}
	snprintf(text, sizeof text, "%.16e", d);
	split(text, s);
}

static void cut_zeros(struct shortest *s)
{
	while (s->n > 1 && s->digits[s->n - 1] == '0')
		s->n--;
}

static void put_zeros(struct buf *out, int n)
{
	while (n-- > 0)
		buf_char(out, '0');
}

void json_put_double(struct buf *out, double d)
{
	struct shortest s;
	int exponent;

	assert(isfinite(d));
	if (d == 0) {
		buf_char(out, '0');
		return;
	}
	if (d < 0)
		buf_char(out, '-');
	d = fabs(d);
	if (d <= (double)INT_MAX_SAFE && d == floor(d)) {
		buf_u64(out, (uint64_t)d);
		return;
	}
	find_shortest(d, &s);
	cut_zeros(&s);
	exponent = s.point - 1;
	if (s.n <= s.point && s.point <= 21) {
		buf_put(out, s.digits, (size_t)s.n);
		put_zeros(out, s.point - s.n);
	} else if (s.point > 0 && s.point <= 21) {
		buf_put(out, s.digits, (size_t)s.point);
		buf_char(out, '.');
		buf_put(out, s.digits + s.point, (size_t)(s.n - s.point));
	} else if (s.point > -6 && s.point <= 0) {
		buf_cstr(out, "0.");
		put_zeros(out, -s.point);
		buf_put(out, s.digits, (size_t)s.n);
	} else {
		buf_put(out, s.digits, 1);
		if (s.n > 1) {
			buf_char(out, '.');
			buf_put(out, s.digits + 1, (size_t)s.n - 1);
		}
		buf_fmt(out, "e%c%d", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
	}
}
