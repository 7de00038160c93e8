/* IBM's Log Event Extended Format:
 *
 * LEEF:1.0|Vendor|Product|Version|EventID|key=value<tab>key=value
 * LEEF:2.0|Vendor|Product|Version|EventID|Delimiter|key=value...
 *
 * The delimiter of 2.0 is one character or its code (0x5E, x5E); none is a tab. */
#include "base/ascii.h"
#include "base/text.h"
#include "wire/line_int.h"

#define HEADER_FIELDS 4
#define DELIMITER_MAX 4 /* "0x5E" */

static bool header_field(struct str *rest, struct str *ret)
{
	const char *bar = rest->n == 0 ? NULL : memchr(rest->p, '|', rest->n);

	if (bar == NULL)
		return false;
	*ret = str_make(rest->p, (size_t)(bar - rest->p));
	*rest = str_slice(*rest, ret->n + 1, rest->n);
	return true;
}

/* "^", "0x5E", "x5E", "\t", "" */
static bool delimiter(struct str s, char *ret)
{
	size_t x = str_starts(s, S("0x")) || str_starts(s, S("0X")) ? 2 : s.n > 1 && (s.p[0] == 'x' || s.p[0] == 'X') ? 1 : 0;
	int code = 0;

	*ret = '\t';
	if (s.n == 0 || str_eq(s, S("\\t")))
		return true;
	if (x == 0) {
		*ret = s.p[0];
		return s.n == 1;
	}
	for (size_t i = x; i < s.n; i++) {
		int digit = hex_value(s.p[i]);

		if (digit < 0 || (code = code << 4 | digit) > 0xff)
			return false;
	}
	*ret = (char)code;
	return x < s.n && code != 0;
}

static void put_time(const struct log_lines *l, struct flat *f, struct str key, struct str text)
{
	usec t;

	if (str_eq(key, S("devTime")) && (log_time_read(text, &t) || line_time_bsd(text, l->now, &t, NULL)))
		f->time = t;
}

static void attributes(struct log_lines *l, struct flat *f, struct str s, char sep)
{
	struct str pair;

	while (str_next(&s, sep, &pair)) {
		size_t equals = str_find(pair, S("="), 0);
		struct str key = str_trim(str_slice(pair, 0, equals)), text;

		if (equals == SIZE_MAX || key.n == 0)
			continue;
		text = str_slice(pair, equals + 1, pair.n);
		line_put(l, f, key, text, 0);
		put_time(l, f, key, text);
	}
}

bool leef_looks(struct str line)
{
	return line.n > 9 && line.p[0] == 'L' && str_starts(line, S("LEEF:")) && ascii_digit(line.p[5]);
}

enum rc leef_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err)
{
	static const enum line_name names[HEADER_FIELDS] = { NAME_VENDOR, NAME_PRODUCT, NAME_VERSION, NAME_EVENT_ID };
	struct str rest = line, after, text;
	char sep = '\t';

	if (!leef_looks(line))
		return syslog_read(l, f, line, ret_event, err);
	line_put_format(l, f, LOG_LEEF);
	if (!header_field(&rest, &text))
		return FAIL(err, RC_BAD, "LEEF: the header breaks off");
	for (size_t i = 0; i < HEADER_FIELDS; i++) {
		if (!header_field(&rest, &text))
			return FAIL(err, RC_BAD, "LEEF: byte %zu: the header breaks off", (size_t)(rest.p - line.p));
		line_put_fixed(l, f, names[i], FLAT_STRING, text);
	}
	/* The sixth field is 2.0's, but senders of 1.0 know it and senders of 2.0 forget it: then a pair stands there. */
	after = rest;
	if (header_field(&after, &text) && text.n <= DELIMITER_MAX && memchr(text.p, '=', text.n) == NULL) {
		if (!delimiter(text, &sep))
			return FAIL(err, RC_BAD, "LEEF: byte %zu: no delimiter", (size_t)(rest.p - line.p));
		rest = after;
	}
	attributes(l, f, rest, sep);
	return RC_OK;
}
