/* PyYAML's resolver, because rules are written and tested with it: "yes" and "off" are bools, 0x10 and 1_000 and 1:30
 * are integers, 010 is eight, and a float needs a dot. Dates stay text. */
#include "detect/sigma_scalar.h"

#include <math.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/text.h"

#define NUMBER_MAX 100 /* longer scalars are text */

bool yaml_decimal(struct str text, double *ret)
{
	char copy[NUMBER_MAX + 1];
	size_t i = 0, digits = 0;

	if (text.n == 0 || text.n > NUMBER_MAX)
		return false;
	if (text.p[i] == '-' || text.p[i] == '+')
		i++;
	for (; i < text.n && ascii_digit(text.p[i]); i++)
		digits++;
	if (i < text.n && text.p[i] == '.')
		for (i++; i < text.n && ascii_digit(text.p[i]); i++)
			digits++;
	if (digits == 0)
		return false;
	if (i < text.n && (text.p[i] == 'e' || text.p[i] == 'E')) {
		i++;
		if (i < text.n && (text.p[i] == '-' || text.p[i] == '+'))
			i++;
		for (digits = 0; i < text.n && ascii_digit(text.p[i]); i++)
			digits++;
		if (digits == 0)
			return false;
	}
	if (i != text.n)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	*ret = strtod(copy, NULL);
	return isfinite(*ret);
}

/* Digits of `base` with underscores between; at least one character, false otherwise. */
static bool based(struct str s, int base, double *ret)
{
	double v = 0;
	size_t digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		int d;

		if (s.p[i] == '_')
			continue;
		d = hex_value(s.p[i]);
		if (d < 0 || d >= base)
			return false;
		v = v * base + d;
		digits++;
	}
	*ret = v;
	return digits > 0;
}

/* 1:30:00, base sixty; the last part may have a fraction. */
static enum yaml_kind sexagesimal(struct str s, double *ret)
{
	struct str part, rest = s;
	double v = 0, one = 0;
	bool fraction = false;

	for (size_t n = 0; str_next(&rest, ':', &part); n++) {
		size_t dot = str_find(part, S("."), 0);

		fraction = dot != SIZE_MAX;
		if (fraction ? rest.n != 0 || !yaml_decimal(part, &one) || part.p[0] == '-' || part.p[0] == '+' : !based(part, 10, &one))
			return YAML_TEXT;
		if (n > 0 && (part.n > 2 + (fraction ? part.n - dot : 0) || one >= 60))
			return YAML_TEXT;
		v = v * 60 + one;
	}
	*ret = v;
	return fraction ? YAML_FLOAT : YAML_INT;
}

static enum yaml_kind unsigned_number(struct str s, double *ret)
{
	char plain[NUMBER_MAX];
	size_t n = 0, dot = str_find(s, S("."), 0), colon = str_find(s, S(":"), 0);

	if (s.n == 0 || !(ascii_digit(s.p[0]) || (s.p[0] == '.' && s.n > 1 && ascii_digit(s.p[1]))))
		return YAML_TEXT;
	if (colon != SIZE_MAX)
		return s.p[0] == '0' || s.p[s.n - 1] == ':' ? YAML_TEXT : sexagesimal(s, ret);
	if (dot == SIZE_MAX) {
		if (s.n == 1 || s.p[0] != '0')
			return based(s, 10, ret) ? YAML_INT : YAML_TEXT;
		if (s.p[1] == 'b')
			return based(str_slice(s, 2, s.n), 2, ret) ? YAML_INT : YAML_TEXT;
		if (s.p[1] == 'x')
			return based(str_slice(s, 2, s.n), 16, ret) ? YAML_INT : YAML_TEXT;
		return based(str_slice(s, 1, s.n), 8, ret) ? YAML_INT : YAML_TEXT;
	}
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '_')
			plain[n++] = s.p[i];
		/* An exponent needs its sign: 1.5e3 is text to PyYAML. */
		if ((s.p[i] == 'e' || s.p[i] == 'E') && (i + 1 >= s.n || (s.p[i + 1] != '-' && s.p[i + 1] != '+')))
			return YAML_TEXT;
	}
	return yaml_decimal(str_make(plain, n), ret) ? YAML_FLOAT : YAML_TEXT;
}

static enum yaml_kind number(struct str s, double *ret)
{
	bool minus = s.p[0] == '-', sign = minus || s.p[0] == '+';
	struct str rest = str_slice(s, sign, s.n);
	enum yaml_kind k;

	if (str_eq(rest, S(".inf")) || str_eq(rest, S(".Inf")) || str_eq(rest, S(".INF")) ||
	    (!sign && (str_eq(rest, S(".nan")) || str_eq(rest, S(".NaN")) || str_eq(rest, S(".NAN")))))
		return YAML_TEXT; /* no number that a field could equal */
	k = unsigned_number(rest, ret);
	if (k != YAML_TEXT && minus)
		*ret = -*ret;
	return k;
}

enum yaml_kind yaml_scalar(struct str text, double *ret_number)
{
	static const struct { struct str lower, title, upper; enum yaml_kind kind; double number; } words[] = {
		{ { "true", 4 }, { "True", 4 }, { "TRUE", 4 }, YAML_BOOL, 1 },
		{ { "false", 5 }, { "False", 5 }, { "FALSE", 5 }, YAML_BOOL, 0 },
		{ { "null", 4 }, { "Null", 4 }, { "NULL", 4 }, YAML_NULL, 0 },
		{ { "yes", 3 }, { "Yes", 3 }, { "YES", 3 }, YAML_BOOL, 1 },
		{ { "no", 2 }, { "No", 2 }, { "NO", 2 }, YAML_BOOL, 0 },
		{ { "on", 2 }, { "On", 2 }, { "ON", 2 }, YAML_BOOL, 1 },
		{ { "off", 3 }, { "Off", 3 }, { "OFF", 3 }, YAML_BOOL, 0 },
	};
	char c;

	*ret_number = 0;
	if (text.n == 0)
		return YAML_NULL;
	c = text.p[0];
	if (text.n == 1 && c == '~')
		return YAML_NULL;
	if (ascii_digit(c) || c == '-' || c == '+' || c == '.')
		return text.n > NUMBER_MAX ? YAML_TEXT : number(text, ret_number);
	if (text.n > 5)
		return YAML_TEXT;
	for (size_t i = 0; i < COUNTOF(words); i++) {
		if (words[i].lower.n != text.n)
			continue;
		if (str_eq(text, words[i].lower) || str_eq(text, words[i].title) || str_eq(text, words[i].upper)) {
			*ret_number = words[i].number;
			return words[i].kind;
		}
	}
	return YAML_TEXT;
}
