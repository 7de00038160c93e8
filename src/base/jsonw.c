#include "base/jsonw.h"

#include <assert.h>

/* Bits of a level. */
#define OBJECT 1
#define HOLDS 2

void jsonw_init(struct jsonw *w, struct buf *out)
{
	*w = (struct jsonw){ .out = out };
}

/* The comma before an item, unless its name has brought it. */
static void separate(struct jsonw *w)
{
	uint8_t *level = &w->level[w->depth];

	if (*level & HOLDS)
		buf_char(w->out, ',');
	*level |= HOLDS;
}

/* What comes before each value. */
static void begin(struct jsonw *w)
{
	assert(!(w->level[w->depth] & OBJECT) || w->after_name);
	if (!w->after_name)
		separate(w);
	w->after_name = 0;
}

static void enter(struct jsonw *w, char bracket, uint8_t kind)
{
	begin(w);
	assert(w->depth + 1 < JSONW_DEPTH_MAX);
	w->level[++w->depth] = kind;
	buf_char(w->out, bracket);
}

static void leave(struct jsonw *w, char bracket, uint8_t kind)
{
	assert(w->depth > 0 && !w->after_name && (w->level[w->depth] & OBJECT) == kind);
	w->depth--;
	buf_char(w->out, bracket);
}

void jsonw_object(struct jsonw *w)
{
	enter(w, '{', OBJECT);
}

void jsonw_object_end(struct jsonw *w)
{
	leave(w, '}', OBJECT);
}

void jsonw_array(struct jsonw *w)
{
	enter(w, '[', 0);
}

void jsonw_array_end(struct jsonw *w)
{
	leave(w, ']', 0);
}

void jsonw_name(struct jsonw *w, const char *name)
{
	jsonw_name_str(w, str_of(name));
}

void jsonw_name_str(struct jsonw *w, struct str name)
{
	assert((w->level[w->depth] & OBJECT) && !w->after_name);
	separate(w);
	json_quote(w->out, name);
	buf_char(w->out, ':');
	w->after_name = 1;
}

void jsonw_str(struct jsonw *w, struct str s)
{
	begin(w);
	json_quote(w->out, s);
}

void jsonw_cstr(struct jsonw *w, const char *s)
{
	jsonw_str(w, str_of(s));
}

void jsonw_int(struct jsonw *w, int64_t v)
{
	begin(w);
	buf_i64(w->out, v);
}

void jsonw_double(struct jsonw *w, double v)
{
	begin(w);
	json_put_double(w->out, v);
}

void jsonw_bool(struct jsonw *w, bool v)
{
	jsonw_raw(w, v ? S("true") : S("false"));
}

void jsonw_null(struct jsonw *w)
{
	jsonw_raw(w, S("null"));
}

void jsonw_time(struct jsonw *w, usec t)
{
	char text[TIME_TEXT_MAX];

	jsonw_str(w, time_format(t, text));
}

void jsonw_raw(struct jsonw *w, struct str json)
{
	begin(w);
	buf_str(w->out, json);
}

void jsonw_value(struct jsonw *w, const struct json *v)
{
	begin(w);
	json_print(v, w->out);
}

void jsonw_m_str(struct jsonw *w, const char *name, struct str s)
{
	jsonw_name(w, name);
	jsonw_str(w, s);
}

void jsonw_m_cstr(struct jsonw *w, const char *name, const char *s)
{
	jsonw_name(w, name);
	jsonw_cstr(w, s);
}

void jsonw_m_int(struct jsonw *w, const char *name, int64_t v)
{
	jsonw_name(w, name);
	jsonw_int(w, v);
}

void jsonw_m_bool(struct jsonw *w, const char *name, bool v)
{
	jsonw_name(w, name);
	jsonw_bool(w, v);
}

void jsonw_m_time(struct jsonw *w, const char *name, usec t)
{
	jsonw_name(w, name);
	jsonw_time(w, t);
}
