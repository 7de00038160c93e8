/* A growing byte buffer that is born with a maximum. The first failure (full
 * or out of memory) sticks: later appends do nothing, and one check at the end
 * tells. Always NUL-terminated behind the last byte for libc's sake. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/err.h"
#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;
	enum rc bad; /* RC_OK, RC_LIMIT or RC_NOMEM; sticky */
};

/* An empty buffer that will hold at most `max` bytes; allocates nothing yet. */
void buf_init(struct buf *b, size_t max);

/* Frees the bytes; `b` may be used again with the same maximum. */
void buf_done(struct buf *b);

/* Forgets the content and the failure, keeps the memory. */
void buf_clear(struct buf *b);

void buf_put(struct buf *b, const void *bytes, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_cstr(struct buf *b, const char *s);
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vfmt(struct buf *b, const char *fmt, va_list ap) PRINTF(2, 0);

/* Little-endian, for our own records. */
void buf_le32(struct buf *b, uint32_t v);
void buf_le64(struct buf *b, uint64_t v);

/* `n` writable bytes to be filled by the caller and claimed with buf_grew;
 * NULL after a failure. */
char *buf_room(struct buf *b, size_t n) MUSTUSE;
void buf_grew(struct buf *b, size_t n);

static inline void buf_char(struct buf *b, char c)
{
	char *to = b->bad == RC_OK && b->n + 2 <= b->cap ? b->p + b->n : buf_room(b, 1);

	if (UNLIKELY(to == NULL))
		return;
	to[0] = c;
	to[1] = '\0';
	b->n++;
}

/* Drops everything behind the first `n` bytes. */
void buf_cut(struct buf *b, size_t n);

static inline struct str buf_view(const struct buf *b)
{
	return str_make(b->p == NULL ? "" : b->p, b->n);
}

/* RC_OK, or the sticky failure with a text that names `what`. */
enum rc buf_check(const struct buf *b, struct err *err, const char *what) MUSTUSE;

#endif
