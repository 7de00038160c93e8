#include "base/buf.h"

#include <stdio.h>

#include "base/mem.h"

#define FIRST_CAP 64

void buf_init(struct buf *b, size_t max)
{
	/* One byte is always kept for the NUL, and doubling must not overflow. */
	*b = (struct buf){ .max = max > SIZE_MAX / 4 ? SIZE_MAX / 4 : max };
}

void buf_done(struct buf *b)
{
	mem_free(b->p);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->bad = RC_OK;
	b->n = 0;
	if (b->p != NULL)
		b->p[0] = '\0';
}

static bool grow(struct buf *b, size_t need)
{
	size_t cap = b->cap * 2 < FIRST_CAP ? FIRST_CAP : b->cap * 2;
	char *p;

	if (cap > b->max + 1)
		cap = b->max + 1;
	if (cap < need)
		cap = need;
	p = mem_resize(b->p, cap);
	if (p == NULL) {
		b->bad = RC_NOMEM;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

char *buf_room(struct buf *b, size_t n)
{
	if (UNLIKELY(b->bad != RC_OK))
		return NULL;
	if (UNLIKELY(n > b->max - b->n)) {
		b->bad = RC_LIMIT;
		return NULL;
	}
	if (UNLIKELY(b->n + n + 1 > b->cap) && !grow(b, b->n + n + 1))
		return NULL;
	return b->p + b->n;
}

void buf_grew(struct buf *b, size_t n)
{
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_put(struct buf *b, const void *bytes, size_t n)
{
	char *to = buf_room(b, n);

	if (to == NULL)
		return;
	if (n > 0)
		memcpy(to, bytes, n);
	buf_grew(b, n);
}

void buf_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

void buf_cstr(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	buf_put(b, digits + at, sizeof digits - at);
}

void buf_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_u64(b, v < 0 ? ~(uint64_t)v + 1 : (uint64_t)v);
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(b, fmt, ap);
	va_end(ap);
}

void buf_vfmt(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *to;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) {
		b->bad = b->bad == RC_OK ? RC_INTERNAL : b->bad;
		return;
	}
	to = buf_room(b, (size_t)n);
	if (to == NULL)
		return;
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	buf_grew(b, (size_t)n);
}

void buf_le32(struct buf *b, uint32_t v)
{
	unsigned char out[4];

	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (unsigned char)(v >> (8 * i));
	buf_put(b, out, sizeof out);
}

void buf_le64(struct buf *b, uint64_t v)
{
	buf_le32(b, (uint32_t)v);
	buf_le32(b, (uint32_t)(v >> 32));
}

void buf_cut(struct buf *b, size_t n)
{
	if (n >= b->n)
		return;
	b->n = n;
	b->p[n] = '\0';
}

enum rc buf_check(const struct buf *b, struct err *err, const char *what)
{
	if (LIKELY(b->bad == RC_OK))
		return RC_OK;
	if (b->bad == RC_LIMIT)
		return FAIL(err, RC_LIMIT, "%s: larger than the agreed %zu bytes", what, b->max);
	if (b->bad == RC_NOMEM)
		return FAIL(err, RC_NOMEM, "%s: out of memory after %zu bytes", what, b->n);
	return FAIL(err, RC_INTERNAL, "%s: cannot be formatted", what);
}
