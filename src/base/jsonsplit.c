/* A state machine over bytes. A top-level object is kept (in `around`) until it
 * either ends, and is an element itself, or shows the wanted member with an
 * array, and is a wrapper: from then on only what is outside the array is kept.
 * An element that lies wholly in one piece is handed out where it lies; one that
 * crosses a border is gathered in `element`.
 * Inside values only quotes and brackets are looked at, 16 bytes at a time. */
#include "base/jsonsplit.h"

#include <assert.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "base/vec16.h"

/* In this order: from FIRST_NAME to VALUE_END what is read belongs to a top-level object. */
enum state {
	TOP,	     /* a top-level value, or nothing more */
	LINE_END,    /* behind a top-level object */
	ARRAY_END,   /* behind a top-level array */
	FIRST_NAME,  /* behind '{' of a top-level object */
	NAME,	     /* behind its ',' */
	IN_NAME,
	COLON,
	VALUE,
	IN_STRING,
	IN_SCALAR,
	IN_CONTAINER,
	VALUE_END,
	FIRST_ELEMENT, /* behind '[' */
	ELEMENT,       /* behind its ',' */
	IN_ELEMENT,
	ELEMENT_END,
};

struct jsonsplit {
	char member[JSONSPLIT_MEMBER_MAX];
	size_t member_len;
	enum state state;
	bool begun;	    /* a top-level value has been seen */
	bool wrapper_open;  /* this top-level object has shown the array */
	bool fits;	    /* IN_NAME: the name so far is the member's beginning; behind it: is the member */
	bool in_string;	    /* inside a container or element */
	bool backslash;	    /* the last byte was one, inside a string */
	uint32_t depth;	    /* of a container or element */
	size_t name_len;
	struct buf around, element;
	struct arena *arena; /* of the wrapper's tree */
	const struct json *wrapper;
	struct str piece;
	size_t at, from;    /* next byte; first byte not yet kept */
	uint64_t before;    /* bytes of the pieces before this one */
	uint64_t count;
};

struct jsonsplit *jsonsplit_new(struct str member, size_t element_max)
{
	struct jsonsplit *s = mem_alloc(sizeof *s);

	if (s == NULL)
		return NULL;
	assert(member.n > 0 && member.n <= sizeof s->member);
	memcpy(s->member, member.p, member.n);
	s->member_len = member.n;
	buf_init(&s->around, element_max);
	buf_init(&s->element, element_max);
	s->arena = arena_new(element_max > SIZE_MAX / 64 ? SIZE_MAX : element_max * 16 + 65536);
	if (s->arena != NULL)
		return s;
	mem_free(s);
	return NULL;
}

void jsonsplit_free(struct jsonsplit *s)
{
	if (s == NULL)
		return;
	buf_done(&s->around);
	buf_done(&s->element);
	arena_free(s->arena);
	mem_free(s);
}

void jsonsplit_freep(struct jsonsplit **s)
{
	jsonsplit_free(*s);
}

void jsonsplit_feed(struct jsonsplit *s, struct str piece)
{
	assert(s->at == s->piece.n);
	s->before += s->piece.n;
	s->piece = piece;
	s->at = s->from = 0;
}

static enum rc fail(const struct jsonsplit *s, enum rc rc, const char *why, struct err *err)
{
	return FAIL(err, rc, "JSON: element %llu, byte %llu: %s", (unsigned long long)s->count,
		    (unsigned long long)(s->before + s->at), why);
}

/* First '"' or '\\' in [at, n). */
static size_t string_stop(const char *p, size_t at, size_t n)
{
	for (; n - at >= 16; at += 16) {
		vec16 v = vec16_load(p + at);
		unsigned stop = vec16_mask((vec16)((v == '"') | (v == '\\')));

		if (stop != 0)
			return at + (size_t)__builtin_ctz(stop);
	}
	while (at < n && p[at] != '"' && p[at] != '\\')
		at++;
	return at;
}

/* First quote or bracket in [at, n): '[' and '{', ']' and '}' differ in one bit. */
static size_t bracket_stop(const char *p, size_t at, size_t n)
{
	for (; n - at >= 16; at += 16) {
		vec16 v = vec16_load(p + at), folded = v | 0x20;
		unsigned stop = vec16_mask((vec16)((folded == '{') | (folded == '}') | (v == '"')));

		if (stop != 0)
			return at + (size_t)__builtin_ctz(stop);
	}
	while (at < n && p[at] != '"' && (p[at] | 0x20) != '{' && (p[at] | 0x20) != '}')
		at++;
	return at;
}

/* Goes on inside a string; true when its closing quote has been passed. */
static bool pass_string(struct jsonsplit *s)
{
	const char *p = s->piece.p;
	size_t n = s->piece.n;

	while (s->at < n) {
		if (s->backslash) {
			s->backslash = false;
			s->at++;
			continue;
		}
		s->at = string_stop(p, s->at, n);
		if (s->at == n)
			break;
		if (p[s->at++] == '"')
			return true;
		s->backslash = true;
	}
	return false;
}

/* Goes on inside brackets; true when the outermost has been closed. */
static bool pass_brackets(struct jsonsplit *s)
{
	while (s->at < s->piece.n) {
		if (s->in_string) {
			s->in_string = !pass_string(s);
			continue;
		}
		s->at = bracket_stop(s->piece.p, s->at, s->piece.n);
		if (s->at == s->piece.n)
			break;
		switch (s->piece.p[s->at++]) {
		case '"':
			s->in_string = true;
			break;
		case '{':
		case '[':
			s->depth++;
			break;
		default:
			if (--s->depth == 0)
				return true;
		}
	}
	return false;
}

/* Puts what was passed since `from` into `to`. */
static void keep(struct jsonsplit *s, struct buf *to)
{
	buf_put(to, s->piece.p + s->from, s->at - s->from);
	if (to->bad == RC_OK)
		s->from = s->at;
}

static enum rc check(const struct jsonsplit *s, const struct buf *b, struct err *err)
{
	if (LIKELY(b->bad == RC_OK))
		return RC_OK;
	return fail(s, b->bad, b->bad == RC_LIMIT ? "larger than agreed" : "out of memory", err);
}

/* The finished thing that began at `from` or, before this piece, in `b`. */
static enum rc finished(struct jsonsplit *s, struct buf *b, struct str *ret, struct err *err)
{
	if (b->n == 0 && s->at - s->from <= b->max) {
		*ret = str_make(s->piece.p + s->from, s->at - s->from);
		s->from = s->at;
	} else {
		keep(s, b);
		*ret = buf_view(b);
	}
	return check(s, b, err);
}

static enum rc read_wrapper(struct jsonsplit *s, struct err *err)
{
	struct json_limits limits = JSON_LIMITS;
	struct str text;
	enum rc rc;

	keep(s, &s->around);
	TRY(check(s, &s->around, err));
	limits.bytes = s->around.max;
	arena_reset(s->arena);
	s->wrapper = NULL;
	text = arena_dup(s->arena, buf_view(&s->around));
	if (text.p == NULL)
		return fail(s, RC_NOMEM, "out of memory", err);
	rc = json_parse(s->arena, text, &limits, &s->wrapper, err);
	if (rc != RC_OK)
		err_prefix(err, "around the elements");
	return rc;
}

/* A top-level object has been closed. */
static enum rc close_top(struct jsonsplit *s, struct str *ret, struct err *err)
{
	s->state = LINE_END;
	if (s->wrapper_open)
		return read_wrapper(s, err);
	s->count++;
	return finished(s, &s->around, ret, err);
}

/* A top-level value begins. */
static enum rc open_top(struct jsonsplit *s, char c, struct err *err)
{
	if (c != '{' && (c != '[' || s->begun))
		return fail(s, RC_BAD, s->begun ? "expected '{'" : "expected '{' or '['", err);
	s->begun = true;
	s->wrapper_open = false;
	s->from = s->at++;
	s->state = c == '{' ? FIRST_NAME : FIRST_ELEMENT;
	buf_clear(&s->around);
	return RC_OK;
}

static enum rc open_name(struct jsonsplit *s, char c, struct err *err)
{
	if (c != '"')
		return fail(s, RC_BAD, "expected a member name", err);
	s->at++;
	s->name_len = 0;
	s->fits = true;
	s->state = IN_NAME;
	return RC_OK;
}

static void pass_name(struct jsonsplit *s)
{
	size_t start = s->at;
	bool done = pass_string(s);
	size_t n = s->at - start - done;

	s->fits = s->fits && n <= s->member_len - s->name_len &&
		  memcmp(s->member + s->name_len, s->piece.p + start, n) == 0;
	if (s->fits)
		s->name_len += n;
	if (!done)
		return;
	s->fits = s->fits && s->name_len == s->member_len;
	s->state = COLON;
}

static void pass_scalar(struct jsonsplit *s)
{
	for (; s->at < s->piece.n; s->at++) {
		char c = s->piece.p[s->at];

		if (c == ',' || c == '}' || c == ']' || ascii_json_space(c)) {
			s->state = VALUE_END;
			return;
		}
	}
}

static enum rc open_value(struct jsonsplit *s, char c, struct err *err)
{
	if (c == '[' && s->fits) {
		if (s->wrapper_open)
			return fail(s, RC_BAD, "a second array of elements", err);
		s->wrapper_open = true;
		s->at++;
		keep(s, &s->around);
		s->state = FIRST_ELEMENT;
	} else if (c == '{' || c == '[') {
		s->at++;
		s->depth = 1;
		s->state = IN_CONTAINER;
	} else if (c == '"') {
		s->at++;
		s->state = IN_STRING;
	} else if (c == ',' || c == '}' || c == ']') {
		return fail(s, RC_BAD, "expected a value", err);
	} else {
		s->state = IN_SCALAR;
	}
	return RC_OK;
}

static enum rc open_element(struct jsonsplit *s, char c, struct err *err)
{
	if (c != '{')
		return fail(s, RC_BAD, "expected an object", err);
	buf_clear(&s->element);
	s->from = s->at++;
	s->depth = 1;
	s->state = IN_ELEMENT;
	return RC_OK;
}

static enum rc close_array(struct jsonsplit *s)
{
	s->from = s->at++;
	s->state = s->wrapper_open ? VALUE_END : ARRAY_END;
	return RC_OK;
}

static enum rc go_on(struct jsonsplit *s, enum state to)
{
	s->at++;
	s->state = to;
	return RC_OK;
}

/* States between values: `c` is what stands behind the white space. */
static enum rc punctuation(struct jsonsplit *s, char c, struct str *ret, struct err *err)
{
	bool empty = (s->state == FIRST_NAME && c == '}') || (s->state == FIRST_ELEMENT && c == ']');

	if (empty || (s->state == VALUE_END && c == '}') || (s->state == ELEMENT_END && c == ']')) {
		if (c == ']')
			return close_array(s);
		s->at++;
		return close_top(s, ret, err);
	}
	switch (s->state) {
	case TOP:
		return open_top(s, c, err);
	case FIRST_NAME:
	case NAME:
		return open_name(s, c, err);
	case COLON:
		return c == ':' ? go_on(s, VALUE) : fail(s, RC_BAD, "expected ':'", err);
	case VALUE:
		return open_value(s, c, err);
	case VALUE_END:
		return c == ',' ? go_on(s, NAME) : fail(s, RC_BAD, "expected ',' or '}'", err);
	case FIRST_ELEMENT:
	case ELEMENT:
		return open_element(s, c, err);
	case ELEMENT_END:
		return c == ',' ? go_on(s, ELEMENT) : fail(s, RC_BAD, "expected ',' or ']'", err);
	case LINE_END:
		return fail(s, RC_BAD, "something behind the object on its line", err);
	case ARRAY_END:
		return fail(s, RC_BAD, "something behind the array", err);
	case IN_NAME:
	case IN_STRING:
	case IN_SCALAR:
	case IN_CONTAINER:
	case IN_ELEMENT:
		break;
	}
	return fail(s, RC_INTERNAL, "lost", err);
}

static enum rc between(struct jsonsplit *s, struct str *ret, struct err *err)
{
	for (; s->at < s->piece.n; s->at++) {
		char c = s->piece.p[s->at];

		if (!ascii_json_space(c))
			return punctuation(s, c, ret, err);
		if (s->state == LINE_END && c == '\n')
			s->state = TOP;
	}
	return RC_OK;
}

static enum rc step(struct jsonsplit *s, struct str *ret, struct err *err)
{
	switch (s->state) {
	case IN_NAME:
		pass_name(s);
		return RC_OK;
	case IN_STRING:
		if (pass_string(s))
			s->state = VALUE_END;
		return RC_OK;
	case IN_SCALAR:
		pass_scalar(s);
		return RC_OK;
	case IN_CONTAINER:
		if (pass_brackets(s))
			s->state = VALUE_END;
		return RC_OK;
	case IN_ELEMENT:
		if (!pass_brackets(s))
			return RC_OK;
		s->state = ELEMENT_END;
		s->count++;
		return finished(s, &s->element, ret, err);
	case TOP:
	case LINE_END:
	case ARRAY_END:
	case FIRST_NAME:
	case NAME:
	case COLON:
	case VALUE:
	case VALUE_END:
	case FIRST_ELEMENT:
	case ELEMENT:
	case ELEMENT_END:
		break;
	}
	return between(s, ret, err);
}

/* Where the bytes of this state are kept for the next piece, or NULL. */
static struct buf *keeper(struct jsonsplit *s)
{
	if (s->state == IN_ELEMENT)
		return &s->element;
	return s->state >= FIRST_NAME && s->state <= VALUE_END ? &s->around : NULL;
}

enum rc jsonsplit_next(struct jsonsplit *s, struct str *ret_element, struct err *err)
{
	struct str element = { NULL, 0 };
	struct buf *to;

	while (s->at < s->piece.n && element.p == NULL)
		TRY(step(s, &element, err));
	to = element.p == NULL ? keeper(s) : NULL;
	if (to != NULL) {
		keep(s, to);
		TRY(check(s, to, err));
	}
	*ret_element = element;
	return RC_OK;
}

enum rc jsonsplit_end(const struct jsonsplit *s, struct err *err)
{
	bool complete = s->state == LINE_END || s->state == ARRAY_END || (s->state == TOP && s->begun);

	return complete ? RC_OK : fail(s, RC_BAD, "the text ends too early", err);
}

void jsonsplit_unread(const struct jsonsplit *s, struct str *ret_held, struct str *ret_rest)
{
	bool element = s->state == IN_ELEMENT, object = !s->wrapper_open && s->state >= FIRST_NAME && s->state <= VALUE_END;

	*ret_held = element ? buf_view(&s->element) : object ? buf_view(&s->around) : S("");
	*ret_rest = str_slice(s->piece, element || object ? s->from : s->at, s->piece.n);
}

const struct json *jsonsplit_wrapper(const struct jsonsplit *s)
{
	return s->wrapper;
}

uint64_t jsonsplit_count(const struct jsonsplit *s)
{
	return s->count;
}
