#include "base/json.h"

#include <stdlib.h>

#include "base/json_scan.h"
#include "base/mem.h"
#include "base/text.h"

#define FEW 32

static void put_escape(struct buf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
	const char *letter = c == '\0' ? NULL : strchr(values, c);
	char unit[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
	char pair[2] = { '\\', 'x' };

	if (letter == NULL) {
		buf_put(out, unit, sizeof unit);
		return;
	}
	pair[1] = letters[letter - values];
	buf_put(out, pair, sizeof pair);
}

/* Copies `n` bytes; true when none of them is special. Longer texts end in a
 * step that overlaps the one before. */
static inline bool copy_plain(char *to, const char *p, size_t n)
{
	vec16 v, seen = { 0 };
	bool plain = true;
	size_t at = 0;

	for (; n - at >= 16; at += 16) {
		v = vec16_load(p + at);
		vec16_store(to + at, v);
		seen |= json_special16(v);
	}
	if (n >= 16) {
		v = vec16_load(p + n - 16);
		vec16_store(to + n - 16, v);
		return vec16_mask(seen | json_special16(v)) == 0;
	}
	for (; at < n; at++) {
		to[at] = p[at];
		plain = plain && !json_special(p[at]);
	}
	return plain;
}

/* First special byte at or after `at`, or s.n. */
static size_t next_special(struct str s, size_t at)
{
	for (; s.n - at >= 16; at += 16) {
		unsigned stop = vec16_mask(json_special16(vec16_load(s.p + at)));

		if (stop != 0)
			return at + (size_t)__builtin_ctz(stop);
	}
	while (at < s.n && !json_special(s.p[at]))
		at++;
	return at;
}

/* Text that is known to be UTF-8: what came out of json_parse. */
static inline void quote_valid(struct buf *out, struct str s)
{
	char *to = buf_room(out, s.n + 2);

	if (UNLIKELY(to == NULL))
		return;
	to[0] = '"';
	if (LIKELY(copy_plain(to + 1, s.p, s.n))) {
		to[s.n + 1] = '"';
		buf_grew(out, s.n + 2);
		return;
	}
	buf_char(out, '"');
	for (size_t at = 0, stop; at < s.n; at = stop + 1) {
		stop = next_special(s, at);
		buf_put(out, s.p + at, stop - at);
		if (stop < s.n)
			put_escape(out, (unsigned char)s.p[stop]);
	}
	buf_char(out, '"');
}

/* Text with bytes that are not UTF-8: each becomes U+FFFD. */
static void quote_broken(struct buf *out, struct str s)
{
	buf_char(out, '"');
	for (size_t at = 0; at < s.n;) {
		size_t n = utf8_len(s, at);

		if (n == 0)
			buf_cstr(out, "\xEF\xBF\xBD");
		else if (json_special(s.p[at]))
			put_escape(out, (unsigned char)s.p[at]);
		else
			buf_put(out, s.p + at, n);
		at += n == 0 ? 1 : n;
	}
	buf_char(out, '"');
}

void json_quote(struct buf *out, struct str s)
{
	if (LIKELY(utf8_valid(s, NULL)))
		quote_valid(out, s);
	else
		quote_broken(out, s);
}

/* Literals and strings, which both forms write alike; false for the rest. */
static bool put_simple(const struct json *v, struct buf *out)
{
	switch ((enum json_type)v->type) {
	case JSON_NULL:
		buf_put(out, "null", 4);
		return true;
	case JSON_FALSE:
		buf_put(out, "false", 5);
		return true;
	case JSON_TRUE:
		buf_put(out, "true", 4);
		return true;
	case JSON_STRING:
		quote_valid(out, str_make(v->p, v->n));
		return true;
	case JSON_NUMBER:
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return false;
}

/* Recursion here and below ends at JSON_DEPTH_MAX, which json_parse enforces. */
void json_print(const struct json *v, struct buf *out)
{
	bool more = false;

	if (put_simple(v, out))
		return;
	if (v->type == JSON_NUMBER) {
		buf_put(out, v->p, v->n);
		return;
	}
	buf_char(out, v->type == JSON_ARRAY ? '[' : '{');
	for (const struct json *child = v + 1; child < json_end(v); child = json_after(child)) {
		if (more)
			buf_char(out, ',');
		more = true;
		if (v->type == JSON_OBJECT) {
			quote_valid(out, str_make(child->p, child->n));
			buf_char(out, ':');
			child++;
		}
		json_print(child, out);
	}
	buf_char(out, v->type == JSON_ARRAY ? ']' : '}');
}

/* RFC 8785 §3.2.3: by UTF-16 code units. UTF-8 sorts by code point, which
 * differs only where a character above U+FFFF (whose units are surrogates,
 * D800-DFFF) meets one of U+E000-U+FFFF. */
static int utf16_order(const struct json *a, const struct json *b)
{
	const unsigned char *x = (const unsigned char *)a->p, *y = (const unsigned char *)b->p;
	uint32_t n = a->n < b->n ? a->n : b->n, i = 0;

	while (i < n && x[i] == y[i])
		i++;
	if (i == n)
		return a->n < b->n ? -1 : a->n > b->n;
	if (x[i] >= 0xEE && y[i] >= 0xEE && (x[i] >= 0xF0) != (y[i] >= 0xF0))
		return x[i] >= 0xF0 ? -1 : 1;
	return x[i] < y[i] ? -1 : 1;
}

static int order(const void *a, const void *b)
{
	return utf16_order(*(const struct json *const *)a, *(const struct json *const *)b);
}

static void sort(const struct json **names, size_t n)
{
	if (n > FEW) {
		qsort(names, n, sizeof *names, order);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		const struct json *name = names[i];
		size_t at = i;

		for (; at > 0 && utf16_order(names[at - 1], name) > 0; at--)
			names[at] = names[at - 1];
		names[at] = name;
	}
}

static enum rc put_object(const struct json *v, const struct json **names, struct buf *out, struct err *err)
{
	size_t n = 0;

	JSON_MEMBERS(name, value, v)
		names[n++] = name;
	sort(names, n);
	buf_char(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(out, ',');
		quote_valid(out, str_make(names[i]->p, names[i]->n));
		buf_char(out, ':');
		TRY(json_canonical(names[i] + 1, out, err));
	}
	buf_char(out, '}');
	return RC_OK;
}

static enum rc put_few(const struct json *v, struct buf *out, struct err *err)
{
	const struct json *names[FEW];

	return put_object(v, names, out, err);
}

static enum rc put_many(const struct json *v, struct buf *out, struct err *err)
{
	CLEANUP(mem_freep) const struct json **names = mem_array(v->n, sizeof *names);

	return names == NULL ? FAIL(err, RC_NOMEM, "canonical JSON: out of memory") : put_object(v, names, out, err);
}

static enum rc put_array(const struct json *v, struct buf *out, struct err *err)
{
	bool more = false;

	buf_char(out, '[');
	JSON_EACH(item, v) {
		if (more)
			buf_char(out, ',');
		more = true;
		TRY(json_canonical(item, out, err));
	}
	buf_char(out, ']');
	return RC_OK;
}

enum rc json_canonical(const struct json *v, struct buf *out, struct err *err)
{
	double d;

	if (put_simple(v, out))
		return RC_OK;
	if (v->type == JSON_ARRAY)
		return put_array(v, out, err);
	if (v->type == JSON_OBJECT)
		return v->n <= FEW ? put_few(v, out, err) : put_many(v, out, err);
	if (!json_double(v, &d))
		return FAIL(err, RC_BAD, "canonical JSON: %.*s is beyond a double", v->n > 40 ? 40 : (int)v->n, v->p);
	json_put_double(out, d);
	return RC_OK;
}
