/* Lines may end in CR, LF or CRLF and arrive torn anywhere, even between CR and LF.
 * Every byte is hostile: the peer may be compromised. */
#include "sys/sse.h"

#include "base/text.h"

void sse_init(struct sse *s, size_t max, sse_event on_event, void *ctx)
{
	*s = (struct sse){ .on_event = on_event, .ctx = ctx };
	buf_init(&s->line, max);
	buf_init(&s->data, max);
}

void sse_done(struct sse *s)
{
	buf_done(&s->line);
	buf_done(&s->data);
}

/* The caller has made sure that it fits. */
static void keep(char *to, struct str from)
{
	memcpy(to, from.p, from.n);
	to[from.n] = '\0';
}

/* An empty line: what was gathered becomes an event, if there was any data at all. */
static enum rc dispatch(struct sse *s, struct err *err)
{
	struct str data = buf_view(&s->data);
	bool more = true;

	if (s->has_data) {
		/* Each data line left a line feed behind; the last one is not part of the data. */
		data.n--;
		more = s->on_event(s->ctx, str_of(s->id), s->name[0] == '\0' ? S("message") : str_of(s->name), data);
	}
	buf_clear(&s->data);
	s->name[0] = '\0';
	s->has_data = false;
	return more ? RC_OK : FAIL(err, RC_NOTFOUND, "event stream: the reader wants no more");
}

static enum rc take_field(struct sse *s, struct str name, struct str value, struct err *err)
{
	if (str_eq(name, S("data"))) {
		buf_str(&s->data, value);
		buf_char(&s->data, '\n');
		s->has_data = true;
		return buf_check(&s->data, err, "event stream: event");
	}
	if (str_eq(name, S("event"))) {
		if (value.n >= sizeof s->name)
			return FAIL(err, RC_LIMIT, "event stream: event name longer than %d bytes", SSE_NAME_MAX - 1);
		keep(s->name, value);
	} else if (str_eq(name, S("id")) && memchr(value.p, '\0', value.n) == NULL) {
		if (value.n >= sizeof s->id)
			return FAIL(err, RC_LIMIT, "event stream: id longer than %d bytes", SSE_ID_MAX - 1);
		keep(s->id, value);
	}
	return RC_OK; /* "retry" and unknown fields are ignored: when to come back is the caller's decision */
}

static enum rc take_line(struct sse *s, struct err *err)
{
	struct str line = buf_view(&s->line);
	const char *colon;
	struct str name = line, value = S("");

	if (!s->begun && str_starts(line, S("\xEF\xBB\xBF")))
		line = name = str_slice(line, 3, line.n);
	s->begun = true;
	if (!utf8_valid(line, NULL))
		return FAIL(err, RC_BAD, "event stream: a line that is not UTF-8");
	if (line.n == 0)
		return dispatch(s, err);
	colon = memchr(line.p, ':', line.n);
	if (colon == line.p)
		return RC_OK; /* a comment */
	if (colon != NULL) {
		name = str_make(line.p, (size_t)(colon - line.p));
		value = str_slice(line, name.n + 1, line.n);
		if (value.n > 0 && value.p[0] == ' ')
			value = str_slice(value, 1, value.n);
	}
	return take_field(s, name, value, err);
}

static size_t until_line_end(struct str bytes)
{
	size_t n = 0;

	while (n < bytes.n && bytes.p[n] != '\n' && bytes.p[n] != '\r')
		n++;
	return n;
}

enum rc sse_feed(struct sse *s, struct str bytes, struct err *err)
{
	while (bytes.n > 0) {
		size_t n;

		if (s->after_cr) {
			s->after_cr = false;
			if (bytes.p[0] == '\n') {
				bytes = str_slice(bytes, 1, bytes.n);
				continue;
			}
		}
		n = until_line_end(bytes);
		buf_put(&s->line, bytes.p, n);
		TRY(buf_check(&s->line, err, "event stream: line"));
		if (n == bytes.n)
			return RC_OK;
		s->after_cr = bytes.p[n] == '\r';
		bytes = str_slice(bytes, n + 1, bytes.n);
		TRY(take_line(s, err));
		buf_clear(&s->line);
	}
	return RC_OK;
}
