/* Arrays as parameters, for statements that only PostgreSQL sees: a batch goes over
 * in one statement, and a list of any length is one parameter. */
#ifndef STORE_PG_ARRAY_H
#define STORE_PG_ARRAY_H

#include "base/buf.h"
#include "store/db.h"

struct pg_array {
	struct buf b; /* the server's binary form; its head is filled in by pg_array_value */
	uint32_t n;
	char type;    /* 'i', 't' or 'b' as in struct dbv */
};

#define PG_ARRAY_BYTES_MAX ((size_t)512 << 20)

void pg_array_init(struct pg_array *a, char type);
void pg_array_done(struct pg_array *a);
void pg_array_clear(struct pg_array *a);
void pg_array_int(struct pg_array *a, int64_t v);
void pg_array_str(struct pg_array *a, struct str s);
/* RC_OK, or what went wrong while it grew. */
enum rc pg_array_check(const struct pg_array *a, struct err *err) MUSTUSE;
/* The value to bind; borrowed from `a`. */
struct dbv pg_array_value(struct pg_array *a);

#endif
