#include "base/rd.h"

void rd_init(struct rd *r, struct str bytes)
{
	*r = (struct rd){ .p = (const unsigned char *)(bytes.p == NULL ? "" : bytes.p), .n = bytes.n };
}

/* Address of the next `n` bytes, or NULL and the sticky mark. What is left is
 * given up then, so that a loop over a broken input ends. */
static const unsigned char *take(struct rd *r, size_t n)
{
	const unsigned char *p;

	if (n > rd_left(r)) {
		r->bad = true;
		r->pos = r->n;
		return NULL;
	}
	p = r->p + r->pos;
	r->pos += n;
	return p;
}

static uint64_t little(struct rd *r, size_t n)
{
	const unsigned char *p = take(r, n);
	uint64_t v = 0;

	for (size_t i = n; p != NULL && i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

static uint64_t big(struct rd *r, size_t n)
{
	const unsigned char *p = take(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)little(r, 1);
}

uint16_t rd_le16(struct rd *r)
{
	return (uint16_t)little(r, 2);
}

uint32_t rd_le32(struct rd *r)
{
	return (uint32_t)little(r, 4);
}

uint64_t rd_le64(struct rd *r)
{
	return little(r, 8);
}

uint16_t rd_be16(struct rd *r)
{
	return (uint16_t)big(r, 2);
}

uint32_t rd_be32(struct rd *r)
{
	return (uint32_t)big(r, 4);
}

struct str rd_bytes(struct rd *r, size_t n)
{
	const unsigned char *p = take(r, n);

	return p == NULL ? (struct str){ "", 0 } : str_make((const char *)p, n);
}

bool rd_line(struct rd *r, struct str *ret_line)
{
	struct str rest = str_make((const char *)r->p + r->pos, rd_left(r));
	const char *lf;

	if (rest.n == 0)
		return false;
	lf = memchr(rest.p, '\n', rest.n);
	if (lf != NULL)
		rest.n = (size_t)(lf - rest.p);
	r->pos += rest.n + (lf != NULL);
	if (lf != NULL && rest.n > 0 && rest.p[rest.n - 1] == '\r')
		rest.n--;
	*ret_line = rest;
	return true;
}

int rd_peek(const struct rd *r, size_t ahead)
{
	return ahead < rd_left(r) ? r->p[r->pos + ahead] : -1;
}

void rd_skip(struct rd *r, size_t n)
{
	(void)take(r, n);
}
