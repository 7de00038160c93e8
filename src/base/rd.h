/* The cursor: the only way hostile bytes are read. A read past the end sets a
 * sticky mark and yields zeros or empty strings; one check at the end tells. */
#ifndef BASE_RD_H
#define BASE_RD_H

#include <endian.h>
#include <stdbool.h>

#include "base/str.h"

struct rd {
	const unsigned char *p;
	size_t n;   /* all bytes */
	size_t pos; /* next byte; pos <= n */
	bool bad;   /* something was read that was not there */
};

void rd_init(struct rd *r, struct str bytes);

uint8_t rd_u8(struct rd *r);
uint16_t rd_le16(struct rd *r);
uint32_t rd_le32(struct rd *r);
uint64_t rd_le64(struct rd *r);
uint16_t rd_be16(struct rd *r);
uint32_t rd_be32(struct rd *r);

/* The next `n` bytes, borrowed from the source; empty when too few are left. */
struct str rd_bytes(struct rd *r, size_t n);

/* The next line without its LF or CRLF; false at the end. The last line need
 * not end in LF. */
bool rd_line(struct rd *r, struct str *ret_line);

/* Look without moving: byte at pos + ahead, or -1 behind the end. Never sets bad. */
int rd_peek(const struct rd *r, size_t ahead);

void rd_skip(struct rd *r, size_t n);

static inline size_t rd_left(const struct rd *r)
{
	return r->n - r->pos;
}

/* Little-endian numbers at a fixed place of bytes that are at hand: for tables and headers taken in one piece. Zero
 * when they are not all there. */
static inline uint16_t str_le16(struct str s, size_t at)
{
	uint16_t v = 0;

	if (at <= s.n && s.n - at >= sizeof v)
		memcpy(&v, s.p + at, sizeof v);
	return le16toh(v);
}

static inline uint32_t str_le32(struct str s, size_t at)
{
	uint32_t v = 0;

	if (at <= s.n && s.n - at >= sizeof v)
		memcpy(&v, s.p + at, sizeof v);
	return le32toh(v);
}

static inline uint64_t str_le64(struct str s, size_t at)
{
	uint64_t v = 0;

	if (at <= s.n && s.n - at >= sizeof v)
		memcpy(&v, s.p + at, sizeof v);
	return le64toh(v);
}

#endif
