#include "input/frames.h"

#include "input/input.h"

#define DIGITS_MAX 8

void frames_init(struct frames *f, bool counts)
{
	*f = (struct frames){ .counts = counts };
	buf_init(&f->held, INPUT_MESSAGE_MAX + DIGITS_MAX + 2 * FRAMES_PIECE);
}

void frames_done(struct frames *f)
{
	buf_done(&f->held);
}

enum rc frames_put(struct frames *f, struct str bytes)
{
	size_t rest = frames_held(f);

	if (rest == 0 && f->held.cap > 2 * FRAMES_PIECE)
		buf_done(&f->held); /* a thousand senders that each had one long message must not hold that memory */
	else if (f->at > 0)
		memmove(f->held.p, f->held.p + f->at, rest);
	buf_cut(&f->held, rest);
	f->at = f->end = 0;
	buf_str(&f->held, bytes);
	return f->held.bad == RC_OK ? RC_OK : RC_NOMEM;
}

/* "123 <34>1 ..." when the message begins with a digit that is not 0. */
enum count { COUNT_NONE, COUNT_TORN, COUNT_KNOWN };

static enum count read_count(const struct frames *f, struct str s, size_t *ret_head, size_t *ret_n)
{
	size_t n = 0, i = 0;

	if (!f->counts || s.n == 0 || s.p[0] < '1' || s.p[0] > '9')
		return COUNT_NONE;
	while (i < s.n && i < DIGITS_MAX && s.p[i] >= '0' && s.p[i] <= '9')
		n = n * 10 + (size_t)(s.p[i++] - '0');
	if (i == s.n && i < DIGITS_MAX)
		return COUNT_TORN;
	if (i == s.n || s.p[i] != ' ')
		return COUNT_NONE;
	*ret_head = i + 1;
	*ret_n = n;
	return COUNT_KNOWN;
}

static struct str without_end(struct str s)
{
	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* False: more bytes are needed. */
static bool skip_long(struct frames *f)
{
	struct str s = str_slice(buf_view(&f->held), f->at, f->held.n);
	const char *nl;

	if (f->skip > 0) {
		size_t n = f->skip < s.n ? f->skip : s.n;

		f->skip -= n;
		f->at += n;
	} else if (f->skip_line) {
		nl = s.n == 0 ? NULL : memchr(s.p, '\n', s.n);
		f->at += nl == NULL ? s.n : (size_t)(nl - s.p) + 1;
		f->skip_line = nl == NULL;
	}
	return f->skip == 0 && !f->skip_line;
}

/* A message of `n` bytes behind `head`; false: it is not whole. */
static bool counted(struct frames *f, struct str s, size_t head, size_t n, struct str *ret)
{
	if (n > INPUT_MESSAGE_MAX) {
		f->too_long++;
		f->at += head;
		f->skip = n;
		*ret = S("");
		f->end = f->at;
		return true;
	}
	if (s.n - head < n)
		return false;
	*ret = without_end(str_slice(s, head, head + n));
	f->end = f->at + head + n;
	return true;
}

static bool line(struct frames *f, struct str s, struct str *ret)
{
	const char *nl = s.n == 0 ? NULL : memchr(s.p, '\n', s.n);

	if (nl == NULL && s.n > INPUT_MESSAGE_MAX)
		frames_give_up(f);
	if (nl == NULL)
		return false;
	*ret = without_end(str_make(s.p, (size_t)(nl - s.p)));
	f->end = f->at + (size_t)(nl - s.p) + 1;
	if (ret->n <= INPUT_MESSAGE_MAX)
		return true;
	f->too_long++;
	*ret = S("");
	return true;
}

bool frames_next(struct frames *f, struct str *ret)
{
	while (skip_long(f)) {
		struct str s = str_slice(buf_view(&f->held), f->at, f->held.n);
		size_t head = 0, n = 0;
		enum count c = read_count(f, s, &head, &n);

		if (c == COUNT_TORN || !(c == COUNT_KNOWN ? counted(f, s, head, n, ret) : line(f, s, ret)))
			return false;
		if (ret->n > 0)
			return true;
		frames_taken(f);
	}
	return false;
}

void frames_taken(struct frames *f)
{
	f->at = f->end;
}

bool frames_last(struct frames *f, struct str *ret)
{
	struct str s = str_slice(buf_view(&f->held), f->at, f->held.n);
	size_t head, n;

	if (f->skip > 0 || f->skip_line || read_count(f, s, &head, &n) == COUNT_KNOWN)
		return false;
	*ret = without_end(s);
	f->end = f->held.n;
	return ret->n > 0;
}

void frames_rest(struct frames *f)
{
	if (frames_held(f) > 0)
		return;
	buf_done(&f->held);
	f->at = f->end = 0;
}

void frames_give_up(struct frames *f)
{
	struct str s = str_slice(buf_view(&f->held), f->at, f->held.n);
	size_t head = 0, n = 0;

	f->too_long++;
	if (read_count(f, s, &head, &n) == COUNT_KNOWN)
		f->skip = head + n - s.n;
	else
		f->skip_line = true;
	f->at = f->end = f->held.n;
}
