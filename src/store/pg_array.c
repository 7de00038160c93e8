#include "store/pg_array.h"

#include <endian.h>

/* Dimensions, "has NULLs", element type, length, lower bound: all 32 bits, big-endian. */
#define HEAD 20
#define EMPTY_HEAD 12

static void be32(unsigned char *out, uint32_t v)
{
	uint32_t be = htobe32(v);

	memcpy(out, &be, sizeof be);
}

void pg_array_init(struct pg_array *a, char type)
{
	*a = (struct pg_array){ .type = type };
	buf_init(&a->b, PG_ARRAY_BYTES_MAX);
	pg_array_clear(a);
}

void pg_array_done(struct pg_array *a)
{
	buf_done(&a->b);
}

void pg_array_clear(struct pg_array *a)
{
	static const unsigned char head[HEAD];

	buf_clear(&a->b);
	buf_put(&a->b, head, sizeof head);
	a->n = 0;
}

static void put_length(struct pg_array *a, size_t n)
{
	unsigned char length[4];

	be32(length, (uint32_t)n);
	buf_put(&a->b, length, sizeof length);
	a->n++;
}

void pg_array_int(struct pg_array *a, int64_t v)
{
	uint64_t be = htobe64((uint64_t)v);

	put_length(a, sizeof be);
	buf_put(&a->b, &be, sizeof be);
}

void pg_array_str(struct pg_array *a, struct str s)
{
	put_length(a, s.n);
	buf_str(&a->b, s);
}

enum rc pg_array_check(const struct pg_array *a, struct err *err)
{
	return buf_check(&a->b, err, "postgresql: a list of values");
}

struct dbv pg_array_value(struct pg_array *a)
{
	unsigned char *head = (unsigned char *)a->b.p;
	uint32_t element = a->type == 'i' ? 20 : a->type == 't' ? 25 : 17;
	char type = a->type == 'i' ? 'I' : a->type == 't' ? 'T' : 'B';

	be32(head, a->n == 0 ? 0 : 1);
	be32(head + 4, 0);
	be32(head + 8, element);
	be32(head + 12, a->n);
	be32(head + 16, 1);
	return (struct dbv){ .type = type, .s = str_make(a->b.p, a->n == 0 ? EMPTY_HEAD : a->b.n) };
}
