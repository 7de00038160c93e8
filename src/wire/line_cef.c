/* ArcSight's Common Event Format, version 0 and 1:
 *
 * CEF:0|Vendor|Product|Version|Class|Name|Severity|key=value key=value
 *
 * Values may hold blanks: a value ends where the next key begins, at the last
 * blank before a "=". A "=" within a value ought to be escaped; where senders do
 * not, what stands before it is often no key ("?a=b") and stays value. */
#include "base/ascii.h"
#include "wire/line_int.h"

#define HEADER_FIELDS 6
#define LABELS_MAX 32 /* the format knows 21 */

/* Up to the next bar that is not escaped, which is taken too. */
static bool header_field(struct flat *f, struct str *rest, struct str *ret)
{
	size_t i = 0;
	struct str raw;

	while (i < rest->n && rest->p[i] != '|')
		i += rest->p[i] == '\\' ? 2 : 1;
	if (i >= rest->n)
		return false;
	raw = str_slice(*rest, 0, i);
	*rest = str_slice(*rest, i + 1, rest->n);
	return line_unescape(f, raw, S("|\\"), ret);
}

static bool key_char(char c)
{
	return ascii_alnum(c) || c == '_' || c == '.' || c == '-' || c == '[' || c == ']';
}

/* The next "key=" at or behind `from`: its place and that of its "="; SIZE_MAX: none. */
static size_t next_key(struct str s, size_t from, size_t *ret_equals)
{
	for (size_t at = from; at < s.n; at++) {
		const char *equals = memchr(s.p + at, '=', s.n - at);
		size_t key;

		if (equals == NULL)
			break;
		at = key = (size_t)(equals - s.p);
		while (key > from && key_char(s.p[key - 1]))
			key--;
		if (key == at || (key > from && s.p[key - 1] != ' '))
			continue; /* escaped, empty or within a word */
		*ret_equals = at;
		return key;
	}
	return SIZE_MAX;
}

static void put_time(const struct log_lines *l, struct flat *f, struct str key, struct str text)
{
	static const struct str times[] = { S("rt"), S("end"), S("start") };
	usec t;

	for (size_t i = 0; f->time == 0 && i < COUNTOF(times); i++)
		if (str_eq(key, times[i]) && (log_time_read(text, &t) || line_time_bsd(text, l->now, &t, NULL)))
			f->time = t;
}

/* "cs1Label=Rule" says that cs1 is called Rule: its value is given under that name too. */
static void put_labels(struct log_lines *l, struct flat *f, uint32_t from)
{
	unsigned labels = 0;

	for (uint32_t i = from, end = f->n; i < end && labels < LABELS_MAX; i++) {
		struct str name = str_make(f->v[i].name, f->v[i].name_n), base;

		if (name.n < 6 || name.p[name.n - 1] != 'l' || !str_ends(name, S("Label")) || f->v[i].n == 0)
			continue;
		labels++;
		base = str_slice(name, 0, name.n - 5);
		for (uint32_t k = from; k < end; k++)
			if (str_eq(str_make(f->v[k].name, f->v[k].name_n), base))
				line_put(l, f, str_make(f->v[i].p, f->v[i].n), str_make(f->v[k].p, f->v[k].n), 0);
	}
}

static enum rc extension(struct log_lines *l, struct flat *f, struct str s, struct err *err)
{
	uint32_t from = f->n;
	size_t equals = 0, next_equals = 0, key = next_key(s, 0, &equals);

	while (key != SIZE_MAX) {
		size_t next = next_key(s, equals + 1, &next_equals), end = next == SIZE_MAX ? s.n : next;
		struct str name = str_slice(s, key, equals), text;

		while (end > equals + 1 && s.p[end - 1] == ' ')
			end--;
		if (!line_unescape(f, str_slice(s, equals + 1, end), S("=\\|nr"), &text))
			return line_full(err);
		line_put(l, f, name, text, 0);
		put_time(l, f, name, text);
		key = next;
		equals = next_equals;
	}
	put_labels(l, f, from);
	return RC_OK;
}

bool cef_looks(struct str line)
{
	return line.n > 6 && line.p[0] == 'C' && str_starts(line, S("CEF:")) && ascii_digit(line.p[4]) && (line.p[5] == '|' || ascii_digit(line.p[5]));
}

enum rc cef_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err)
{
	static const enum line_name names[HEADER_FIELDS] = {
		NAME_VENDOR, NAME_PRODUCT, NAME_VERSION, NAME_CLASS, NAME_NAME, NAME_CEF_SEVERITY,
	};
	struct str rest = line, text;

	if (!cef_looks(line))
		return syslog_read(l, f, line, ret_event, err);
	line_put_format(l, f, LOG_CEF);
	if (!header_field(f, &rest, &text))
		return FAIL(err, RC_BAD, "CEF: the header breaks off");
	for (size_t i = 0; i < HEADER_FIELDS; i++) {
		if (!header_field(f, &rest, &text)) {
			if (i + 1 < HEADER_FIELDS)
				return FAIL(err, RC_BAD, "CEF: byte %zu: the header breaks off", (size_t)(rest.p - line.p));
			text = rest; /* an event without an extension may end here */
			rest = S("");
		}
		line_put_fixed(l, f, names[i], FLAT_STRING, text);
	}
	return extension(l, f, rest, err);
}
