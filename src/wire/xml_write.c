#include <assert.h>

#include "base/text.h"
#include "wire/xml.h"

/* XML 1.0 §2.2, Char. */
static bool is_char(uint32_t ch)
{
	return ch == '\t' || ch == '\n' || ch == '\r' || (ch >= 0x20 && ch <= 0xD7FF) || (ch >= 0xE000 && ch <= 0xFFFD) || ch >= 0x10000;
}

/* A return and, in attributes, white space would come back as a blank (§2.11, §3.3.3) if they stood as they are. */
static const char *entity(uint32_t ch, bool attribute)
{
	switch (ch) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '\r': return "&#13;";
	case '"': return attribute ? "&quot;" : NULL;
	case '\n': return attribute ? "&#10;" : NULL;
	case '\t': return attribute ? "&#9;" : NULL;
	}
	return NULL;
}

static void put(struct buf *out, struct str s, bool attribute)
{
	for (size_t at = 0; at < s.n;) {
		size_t len = utf8_len(s, at), from = at;
		uint32_t ch = 0xFFFD;
		const char *e;

		if (len > 0)
			ch = utf8_next(s, &at);
		else
			at++;
		e = entity(ch, attribute);
		if (e != NULL)
			buf_cstr(out, e);
		else if (len == 0 || !is_char(ch))
			utf8_put(out, 0xFFFD);
		else
			buf_put(out, s.p + from, len);
	}
}

static void close_tag(struct xmlw *w)
{
	if (w->in_tag)
		buf_char(w->out, '>');
	w->in_tag = false;
}

static void line(struct xmlw *w)
{
	buf_char(w->out, '\n');
	for (uint32_t i = 0; i < w->depth; i++)
		buf_cstr(w->out, "  ");
}

void xmlw_init(struct xmlw *w, struct buf *out)
{
	*w = (struct xmlw){ .out = out };
	buf_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
}

void xmlw_start(struct xmlw *w, const char *name)
{
	assert(w->depth < XMLW_DEPTH_MAX);
	close_tag(w);
	line(w);
	buf_char(w->out, '<');
	buf_cstr(w->out, name);
	w->open[w->depth++] = name;
	w->in_tag = true;
	w->plain = true;
}

void xmlw_attr(struct xmlw *w, const char *name, struct str value)
{
	assert(w->in_tag);
	buf_char(w->out, ' ');
	buf_cstr(w->out, name);
	buf_cstr(w->out, "=\"");
	put(w->out, value, true);
	buf_char(w->out, '"');
}

void xmlw_text(struct xmlw *w, struct str text)
{
	close_tag(w);
	put(w->out, text, false);
}

void xmlw_end(struct xmlw *w)
{
	const char *name;

	assert(w->depth > 0);
	name = w->open[--w->depth];
	if (w->in_tag) {
		buf_cstr(w->out, "/>");
	} else {
		if (!w->plain)
			line(w);
		buf_fmt(w->out, "</%s>", name);
	}
	w->in_tag = w->plain = false;
}

void xmlw_element(struct xmlw *w, const char *name, struct str text)
{
	xmlw_start(w, name);
	xmlw_text(w, text);
	xmlw_end(w);
}
