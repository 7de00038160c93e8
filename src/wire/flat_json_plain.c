/* A loop with a stack of its own instead of recursion: one turn a member or an
 * item. The stack has a fixed height, so depth costs an error and no memory. */
#include "wire/flat_json_path.h"

#include "base/ascii.h"
#include "base/text.h"
#include "wire/flat_work.h"

struct reader {
	struct flat *f;
	const struct fields *dict;
	const char *p, *start, *end;
	struct err *err;
	uint32_t depth;
	/* the member whose value comes next */
	const char *name;
	size_t name_n;
	uint16_t field, in;
};

#define BAD(r, what) FAIL((r)->err, RC_BAD, "JSON: byte %zu: %s", (size_t)((r)->p - (r)->start), (what))

static void skip_space(struct reader *r)
{
	while (r->p < r->end && ascii_json_space(*r->p))
		r->p++;
}

/* Eight bytes without a quote, a backslash or a control character? A byte is zero, or below 32, where taking one, or 32,
 * from each borrows into its highest bit. */
static bool eight_plain(const char *p)
{
	const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
	uint64_t v, quote, slash;

	memcpy(&v, p, sizeof v);
	quote = v ^ ones * '"';
	slash = v ^ ones * '\\';
	return ((((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((v - ones * ' ') & ~v)) & high) == 0;
}

static bool is_special(char c)
{
	return c == '"' || c == '\\' || (unsigned char)c < ' ';
}

static bool is_escape(char c)
{
	return c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r' || c == 't';
}

/* Behind the backslash. */
static enum rc read_escape(struct reader *r)
{
	if (r->p == r->end)
		return BAD(r, "the text ends inside a string");
	if (*r->p != 'u') {
		if (!is_escape(*r->p))
			return BAD(r, "no such escape");
		r->p++;
		return RC_OK;
	}
	r->p++;
	for (int i = 0; i < 4; i++, r->p++)
		if (r->p == r->end || hex_value(*r->p) < 0)
			return BAD(r, "expected four hexadecimal digits");
	return RC_OK;
}

/* From behind the opening quote to behind the closing one. */
static enum rc read_string(struct reader *r, struct str *ret, bool *ret_escaped)
{
	const char *from = r->p;

	*ret_escaped = false;
	for (;;) {
		while (r->end - r->p >= 8 && eight_plain(r->p))
			r->p += 8;
		while (r->p < r->end && !is_special(*r->p))
			r->p++;
		if (r->p == r->end)
			return BAD(r, "the text ends inside a string");
		if (*r->p == '"')
			break;
		if ((unsigned char)*r->p < ' ')
			return BAD(r, "a control character inside a string");
		r->p++;
		*ret_escaped = true;
		TRY(read_escape(r));
	}
	*ret = str_make(from, (size_t)(r->p++ - from));
	return RC_OK;
}

static bool digits(struct reader *r)
{
	const char *from = r->p;

	while (r->p < r->end && ascii_digit(*r->p))
		r->p++;
	return r->p > from;
}

static bool at_one_of(const struct reader *r, char a, char b)
{
	return r->p < r->end && (*r->p == a || *r->p == b);
}

/* RFC 8259 §6. */
static enum rc read_number(struct reader *r)
{
	if (at_one_of(r, '-', '-'))
		r->p++;
	if (at_one_of(r, '0', '0'))
		r->p++;
	else if (!digits(r))
		return BAD(r, "expected a digit");
	if (at_one_of(r, '.', '.')) {
		r->p++;
		if (!digits(r))
			return BAD(r, "expected a digit");
	}
	if (at_one_of(r, 'e', 'E')) {
		r->p++;
		if (at_one_of(r, '+', '-'))
			r->p++;
		if (!digits(r))
			return BAD(r, "expected a digit");
	}
	return RC_OK;
}

static enum rc read_word(struct reader *r, struct str word)
{
	if ((size_t)(r->end - r->p) < word.n || memcmp(r->p, word.p, word.n) != 0)
		return BAD(r, "expected a value");
	r->p += word.n;
	return RC_OK;
}

static struct flat_level *level(struct reader *r)
{
	return &r->f->work->levels[r->depth];
}

static void put(struct reader *r, enum flat_type type, struct str text, bool escaped)
{
	flat_put(r->f, r->field, str_make(r->name, r->name_n), type, text,
		 (uint8_t)((escaped ? FLAT_ESCAPED : 0) | (level(r)->array ? FLAT_ITEM : 0)));
}

static enum rc read_scalar(struct reader *r)
{
	const char *from = r->p;
	enum flat_type type;
	struct str text;
	bool escaped;

	if (*r->p == '"') {
		r->p++;
		TRY(read_string(r, &text, &escaped));
		put(r, FLAT_STRING, text, escaped);
		return RC_OK;
	}
	if (*r->p == 't' || *r->p == 'f') {
		type = *r->p == 't' ? FLAT_TRUE : FLAT_FALSE;
		TRY(read_word(r, type == FLAT_TRUE ? S("true") : S("false")));
	} else if (*r->p == 'n') {
		type = FLAT_NULL;
		TRY(read_word(r, S("null")));
	} else if (*r->p == '-' || ascii_digit(*r->p)) {
		type = FLAT_NUMBER;
		TRY(read_number(r));
	} else {
		return BAD(r, "expected a value");
	}
	put(r, type, str_make(from, (size_t)(r->p - from)), false);
	return RC_OK;
}

/* At '{' or '['. An object that is an item stands where its array stands. */
static enum rc open_level(struct reader *r)
{
	struct flat_level *l;

	if (r->depth == FLAT_DEPTH_MAX)
		return FAIL(r->err, RC_LIMIT, "JSON: byte %zu: more than %d levels", (size_t)(r->p - r->start), FLAT_DEPTH_MAX);
	r->depth++;
	l = level(r);
	*l = (struct flat_level){ .node = r->in, .field = r->field, .array = *r->p == '[', .name = r->name,
		.name_n = r->name_n > UINT16_MAX ? UINT16_MAX : (uint16_t)r->name_n };
	r->p++;
	return RC_OK;
}

/* Name and colon. */
static enum rc read_name(struct reader *r)
{
	struct str name, plain;
	bool escaped;

	if (r->p == r->end || *r->p != '"')
		return BAD(r, "expected a name");
	r->p++;
	TRY(read_string(r, &name, &escaped));
	skip_space(r);
	if (r->p == r->end || *r->p != ':')
		return BAD(r, "expected ':'");
	r->p++;
	r->name = name.p;
	r->name_n = name.n;
	plain = escaped && name.n <= 6 * FIELD_NAME_MAX ? flat_unescape(r->f, name) : name;
	if (plain.p == NULL)
		return FAIL(r->err, RC_NOMEM, "JSON: out of memory");
	r->field = fields_find(r->dict, level(r)->node, plain, &r->in);
	return RC_OK;
}

/* A member or an item; *ret_opened when it is an object or array, which is then open. */
static enum rc read_element(struct reader *r, bool *ret_opened)
{
	struct flat_level *l = level(r);

	if (l->array) {
		r->name = l->name;
		r->name_n = l->name_n;
		r->field = l->field;
		r->in = l->node;
	} else {
		TRY(read_name(r));
		skip_space(r);
	}
	if (r->p == r->end)
		return BAD(r, "expected a value");
	*ret_opened = *r->p == '{' || *r->p == '[';
	if (*ret_opened && !l->array)
		flat_hold(r->f, r->field);
	return *ret_opened ? open_level(r) : read_scalar(r);
}

static bool at_close(const struct reader *r)
{
	return r->p < r->end && *r->p == (r->f->work->levels[r->depth].array ? ']' : '}');
}

/* Behind an element: closes what ends here, and stops behind a comma or at depth 0. */
static enum rc read_separator(struct reader *r)
{
	for (;;) {
		skip_space(r);
		if (at_close(r)) {
			r->p++;
			if (--r->depth == 0)
				return RC_OK;
			continue;
		}
		if (r->p == r->end || *r->p != ',')
			return BAD(r, level(r)->array ? "expected ',' or ']'" : "expected ',' or '}'");
		r->p++;
		skip_space(r);
		return RC_OK;
	}
}

static enum rc read_members(struct reader *r)
{
	bool opened;

	while (r->depth > 0) {
		TRY(read_element(r, &opened));
		if (opened) {
			skip_space(r);
			if (!at_close(r))
				continue;
		}
		TRY(read_separator(r));
	}
	return RC_OK;
}

enum rc flat_json_plain(struct flat *f, const struct fields *dict, struct str line, struct err *err)
{
	struct reader r = { .f = f, .dict = dict, .p = line.p, .start = line.p, .end = line.p + line.n, .err = err };
	size_t bad;

	flat_clear(f);
	f->format = LOG_JSON;
	f->raw = line;
	if (line.n > UINT32_MAX)
		return FAIL(err, RC_LIMIT, "JSON: a line of %zu bytes", line.n);
	if (line.n >= 3 && memcmp(line.p, "\xEF\xBB\xBF", 3) == 0)
		r.p += 3; /* a mark that some writers put before the text; RFC 8259 §8.1 lets readers pass over it */
	skip_space(&r);
	if (r.p == r.end || *r.p != '{')
		return BAD(&r, "expected an object");
	TRY(open_level(&r));
	skip_space(&r);
	if (at_close(&r))
		TRY(read_separator(&r));
	TRY(read_members(&r));
	skip_space(&r);
	if (r.p < r.end)
		return BAD(&r, "something stands behind the object");
	if (!utf8_valid(line, &bad))
		return FAIL(err, RC_BAD, "JSON: byte %zu: no UTF-8", bad);
	return RC_OK;
}
