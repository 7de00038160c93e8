/* One pass over the bytes, no recursion: nodes are appended in document order,
 * and while a container is open its `skip` holds the index of the one around it.
 * A run of plain characters inside a string is passed 16 bytes at a time; a
 * string that left ASCII is checked as UTF-8 when its end is known.
 * Escapes are checked in this pass and decoded after it, when the node array
 * has its final size and no longer needs to be the arena's latest piece.
 * Every byte of the text is hostile; s < end is asked before each look. */
#include "base/json.h"

#include "base/ascii.h"
#include "base/json_names.h"
#include "base/json_scan.h"
#include "base/text.h"

#define NONE UINT32_MAX
#define NODES_FIRST 16
#define BYTES_PER_NODE 10 /* a STIX object has one node in about 12 bytes */

const struct json_limits JSON_LIMITS = { (size_t)16 << 20, 64, 4u << 20 };

struct parser {
	const char *start, *end;
	struct arena *arena;
	struct json *nodes;
	uint32_t count, cap, nodes_max;
	uint32_t open, depth, depth_max;
	size_t escaped_bytes; /* in the text, of all strings that hold escapes */
	bool escaped_names;
	enum rc rc;
	struct err *err;
};

static const char *fail(struct parser *ps, enum rc rc, const char *at, const char *why)
{
	size_t line = 1, column = 1;

	for (const char *s = ps->start; s < at; s++) {
		if (*s == '\n')
			line++, column = 1;
		else if (((unsigned char)*s & 0xC0) != 0x80)
			column++;
	}
	ps->rc = FAIL(ps->err, rc, "JSON: line %zu column %zu (byte %zu): %s", line, column, (size_t)(at - ps->start),
		      why);
	return NULL;
}

/* What was expected at `s`, or that the text ends there. */
static const char *expected(struct parser *ps, const char *s, const char *what)
{
	return fail(ps, RC_BAD, s, s == ps->end ? "the text ends too early" : what);
}

static const char *no_room(struct parser *ps, const char *s)
{
	if (ps->cap >= ps->nodes_max)
		return fail(ps, RC_LIMIT, s, "more values than agreed");
	return fail(ps, RC_NOMEM, s, "out of memory");
}

static bool grow(struct parser *ps)
{
	uint32_t cap = ps->cap > ps->nodes_max / 2 ? ps->nodes_max : ps->cap * 2;
	struct json *nodes;

	if (ps->cap >= ps->nodes_max)
		return false;
	nodes = arena_resize(ps->arena, ps->nodes, ps->cap * sizeof *nodes, cap * sizeof *nodes);
	if (nodes == NULL)
		return false;
	ps->nodes = nodes;
	ps->cap = cap;
	return true;
}

static inline struct json *add(struct parser *ps, enum json_type type, const char *s)
{
	struct json *v;

	if (UNLIKELY(ps->count == ps->cap) && !grow(ps)) {
		no_room(ps, s);
		return NULL;
	}
	v = &ps->nodes[ps->count++];
	*v = (struct json){ .skip = 1, .at = (uint32_t)(s - ps->start), .type = (uint8_t)type };
	return v;
}

static inline const char *space(const char *s, const char *end)
{
	while (s < end && ascii_json_space(*s))
		s++;
	return s;
}

/* The first quote, backslash or control character, or `end`. *high is set when
 * something outside ASCII may have been passed. */
static inline const char *plain_run(const char *s, const char *end, bool *high)
{
	vec16 passed = { 0 };
	unsigned char bits = 0;

	for (; end - s >= 16; s += 16) {
		vec16 v = vec16_load(s);
		unsigned stop = vec16_mask(json_special16(v));

		passed |= v;
		if (stop != 0) {
			*high |= vec16_mask(passed) != 0;
			return s + __builtin_ctz(stop);
		}
	}
	for (; s < end && !json_special(*s); s++)
		bits = (unsigned char)(bits | (unsigned char)*s);
	*high |= vec16_mask(passed) != 0 || bits >= 0x80;
	return s;
}

/* Value of "\uXXXX" at `s`, or -1. */
static int32_t unit(const char *s, const char *end)
{
	int32_t v = 0;

	if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_value(s[i]);

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* Behind the escape at `s`, and its character in *ret. Surrogates must pair. */
static const char *escape(const char *s, const char *end, uint32_t *ret)
{
	static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *letter = s + 1 < end && s[1] != '\0' ? strchr(letters, s[1]) : NULL;
	int32_t high, low;

	if (letter != NULL) {
		*ret = (unsigned char)values[letter - letters];
		return s + 2;
	}
	high = unit(s, end);
	if (high < 0 || (high & 0xFC00) == 0xDC00)
		return NULL;
	*ret = (uint32_t)high;
	if ((high & 0xFC00) != 0xD800)
		return s + 6;
	low = unit(s + 6, end);
	if ((low & ~0x3FF) != 0xDC00)
		return NULL;
	*ret = 0x10000 + (((uint32_t)high & 0x3FF) << 10) + ((uint32_t)low & 0x3FF);
	return s + 12;
}

/* The closing quote of the string whose first byte is `first`. */
static inline const char *string_end(struct parser *ps, const char *first, bool *ret_escaped)
{
	const char *s = first, *after;
	bool high = false;
	size_t bad;
	uint32_t ch;

	for (;;) {
		s = plain_run(s, ps->end, &high);
		if (UNLIKELY(s == ps->end))
			return expected(ps, s, "");
		if (LIKELY(*s == '"'))
			break;
		if (*s != '\\')
			return fail(ps, RC_BAD, s, "control character in a string");
		after = escape(s, ps->end, &ch);
		if (after == NULL)
			return fail(ps, RC_BAD, s, "bad escape");
		*ret_escaped = true;
		s = after;
	}
	if (UNLIKELY(high) && !utf8_valid(str_make(first, (size_t)(s - first)), &bad))
		return fail(ps, RC_BAD, first + bad, "bytes that are not UTF-8");
	return s;
}

/* `s` is at the opening quote. */
static inline const char *string(struct parser *ps, const char *s, bool *ret_escaped)
{
	struct json *v = add(ps, JSON_STRING, s);
	bool escaped = false;
	const char *last;

	if (UNLIKELY(v == NULL))
		return NULL;
	last = string_end(ps, s + 1, &escaped);
	if (UNLIKELY(last == NULL))
		return NULL;
	v->p = s + 1;
	v->n = (uint32_t)(last - s - 1);
	v->escaped = escaped;
	if (escaped)
		ps->escaped_bytes += v->n;
	*ret_escaped = escaped;
	return last + 1;
}

static const char *digits(const char *s, const char *end)
{
	while (s < end && ascii_digit(*s))
		s++;
	return s;
}

static const char *number(struct parser *ps, const char *first)
{
	const char *s = first + (*first == '-'), *whole = s;
	struct json *v = add(ps, JSON_NUMBER, first);

	if (v == NULL)
		return NULL;
	s = digits(s, ps->end);
	if (s == whole)
		return expected(ps, s, "expected a digit");
	if (*whole == '0' && s - whole > 1)
		return fail(ps, RC_BAD, whole, "a number may not begin with 0");
	if (s < ps->end && *s == '.') {
		const char *fraction = ++s;

		s = digits(s, ps->end);
		if (s == fraction)
			return expected(ps, s, "expected a digit behind the point");
	}
	if (s < ps->end && (*s == 'e' || *s == 'E')) {
		const char *exponent;

		s++;
		s += s < ps->end && (*s == '+' || *s == '-');
		exponent = s;
		s = digits(s, ps->end);
		if (s == exponent)
			return expected(ps, s, "expected a digit in the exponent");
	}
	if (s - first > JSON_NUMBER_MAX)
		return fail(ps, RC_LIMIT, first, "a number longer than agreed");
	v->p = first;
	v->n = (uint32_t)(s - first);
	return s;
}

static const char *word(struct parser *ps, const char *s, struct str text, enum json_type type)
{
	if (!str_starts(str_make(s, (size_t)(ps->end - s)), text))
		return expected(ps, s, "expected a value");
	return add(ps, type, s) == NULL ? NULL : s + text.n;
}

static inline const char *scalar(struct parser *ps, const char *s)
{
	bool escaped;

	if (UNLIKELY(s == ps->end))
		return expected(ps, s, "");
	switch (*s) {
	case '"':
		return string(ps, s, &escaped);
	case 't':
		return word(ps, s, S("true"), JSON_TRUE);
	case 'f':
		return word(ps, s, S("false"), JSON_FALSE);
	case 'n':
		return word(ps, s, S("null"), JSON_NULL);
	default:
		if (*s == '-' || ascii_digit(*s))
			return number(ps, s);
		return fail(ps, RC_BAD, s, "expected a value");
	}
}

/* Member name and colon; yields where the value begins. */
static inline const char *name(struct parser *ps, const char *s)
{
	bool escaped = false;

	s = space(s, ps->end);
	if (s == ps->end || *s != '"')
		return expected(ps, s, "expected a member name");
	s = string(ps, s, &escaped);
	if (s == NULL)
		return NULL;
	ps->escaped_names |= escaped;
	s = space(s, ps->end);
	if (s == ps->end || *s != ':')
		return expected(ps, s, "expected ':'");
	return s + 1;
}

static const char *check_names(struct parser *ps, const struct json *object, const char *s)
{
	const struct json *twice;
	enum rc rc = json_names_check(object, &twice);

	if (LIKELY(rc == RC_OK))
		return s;
	if (rc == RC_BAD)
		return fail(ps, RC_BAD, ps->start + twice->at, "this member name stands twice in its object");
	return fail(ps, rc, s, "out of memory");
}

static inline const char *close_container(struct parser *ps, const char *s)
{
	struct json *v = &ps->nodes[ps->open];
	uint32_t around = v->skip;

	v->skip = ps->count - ps->open;
	v->p = s + 1;
	ps->open = around;
	ps->depth--;
	if (v->type == JSON_OBJECT && v->n > 1 && check_names(ps, v, s) == NULL)
		return NULL;
	return s + 1;
}

/* `s` is at '{' or '['. */
static inline const char *open_container(struct parser *ps, const char *s)
{
	struct json *v;

	if (ps->depth == ps->depth_max)
		return fail(ps, RC_LIMIT, s, "nested deeper than agreed");
	v = add(ps, *s == '{' ? JSON_OBJECT : JSON_ARRAY, s);
	if (v == NULL)
		return NULL;
	v->skip = ps->open;
	ps->open = ps->count - 1;
	ps->depth++;
	return s + 1;
}

/* Behind a value: closes what ends here and passes the comma (and the next
 * member's name). *ret_done when the outermost value is complete. */
static inline const char *after_value(struct parser *ps, const char *s, bool *ret_done)
{
	while (ps->open != NONE) {
		bool object = ps->nodes[ps->open].type == JSON_OBJECT;

		s = space(s, ps->end);
		if (s < ps->end && *s == ',') {
			ps->nodes[ps->open].n++;
			return object ? name(ps, s + 1) : s + 1;
		}
		if (s == ps->end || *s != (object ? '}' : ']'))
			return expected(ps, s, object ? "expected ',' or '}'" : "expected ',' or ']'");
		s = close_container(ps, s);
		if (s == NULL)
			return NULL;
	}
	*ret_done = true;
	return s;
}

/* An opened container: empty, or on to its first value. */
static inline const char *first_inside(struct parser *ps, const char *s, bool *ret_empty)
{
	bool object = ps->nodes[ps->open].type == JSON_OBJECT;

	s = space(s, ps->end);
	*ret_empty = s < ps->end && *s == (object ? '}' : ']');
	if (*ret_empty)
		return close_container(ps, s);
	ps->nodes[ps->open].n = 1;
	return object ? name(ps, s) : s;
}

static const char *document(struct parser *ps)
{
	const char *s = ps->start;
	bool done = false;

	while (s != NULL && !done) {
		bool complete = true;

		s = space(s, ps->end);
		if (s < ps->end && (*s == '{' || *s == '[')) {
			s = open_container(ps, s);
			if (s != NULL)
				s = first_inside(ps, s, &complete);
		} else {
			s = scalar(ps, s);
		}
		if (s != NULL && complete)
			s = after_value(ps, s, &done);
	}
	if (s == NULL)
		return NULL;
	s = space(s, ps->end);
	return s == ps->end ? s : fail(ps, RC_BAD, s, "something behind the value");
}

/* Decodes the text of `v` to `to`; yields the first byte behind. */
static char *decode(struct json *v, char *to)
{
	const char *s = v->p, *end = v->p + v->n;
	char *first = to;

	for (;;) {
		struct buf one = { .cap = 8, .max = 7 };
		const char *next = memchr(s, '\\', (size_t)(end - s));
		size_t plain = (size_t)((next == NULL ? end : next) - s);
		uint32_t ch = 0;

		memcpy(to, s, plain);
		to += plain;
		if (next == NULL)
			break;
		s = escape(next, end, &ch);
		one.p = to;
		utf8_put(&one, ch);
		to += one.n;
	}
	v->p = first;
	v->n = (uint32_t)(to - first);
	return to;
}

/* All strings with escapes, into one piece of the arena: a decoded string is
 * shorter than its text. Names are compared again, now by what they mean. */
static const char *decode_all(struct parser *ps)
{
	char *to = arena_alloc(ps->arena, ps->escaped_bytes + 8);

	if (to == NULL)
		return fail(ps, RC_NOMEM, ps->start, "out of memory");
	for (uint32_t i = 0; i < ps->count; i++)
		if (ps->nodes[i].escaped)
			to = decode(&ps->nodes[i], to);
	for (uint32_t i = 0; ps->escaped_names && i < ps->count; i++)
		if (ps->nodes[i].type == JSON_OBJECT && check_names(ps, &ps->nodes[i], ps->start) == NULL)
			return NULL;
	return ps->end;
}

static bool reserve(struct parser *ps, size_t bytes)
{
	size_t guess = NODES_FIRST + bytes / BYTES_PER_NODE;

	ps->cap = guess < ps->nodes_max ? (uint32_t)guess : ps->nodes_max;
	ps->nodes = arena_resize(ps->arena, NULL, 0, ps->cap * sizeof *ps->nodes);
	if (ps->nodes == NULL && ps->cap > NODES_FIRST) {
		ps->cap = NODES_FIRST;
		ps->nodes = arena_resize(ps->arena, NULL, 0, ps->cap * sizeof *ps->nodes);
	}
	return ps->nodes != NULL;
}

enum rc json_parse(struct arena *a, struct str text, const struct json_limits *limits, const struct json **ret,
		   struct err *err)
{
	const char *start = text.p == NULL ? "" : text.p;
	struct parser ps = { .start = start, .end = start + text.n, .arena = a, .nodes_max = limits->nodes,
			     .open = NONE, .depth_max = limits->depth, .rc = RC_OK, .err = err };

	if (text.n > limits->bytes || text.n >= UINT32_MAX)
		return FAIL(err, RC_LIMIT, "JSON: %zu bytes, more than the agreed %zu", text.n, limits->bytes);
	if (ps.depth_max > JSON_DEPTH_MAX)
		ps.depth_max = JSON_DEPTH_MAX;
	if (!reserve(&ps, text.n))
		return FAIL(err, RC_NOMEM, "JSON: out of memory");
	if (document(&ps) == NULL)
		return ps.rc;
	ps.nodes = arena_resize(a, ps.nodes, ps.cap * sizeof *ps.nodes, ps.count * sizeof *ps.nodes);
	if (ps.nodes == NULL)
		return FAIL(err, RC_NOMEM, "JSON: out of memory");
	if (ps.escaped_bytes > 0 && decode_all(&ps) == NULL)
		return ps.rc;
	*ret = ps.nodes;
	return RC_OK;
}
