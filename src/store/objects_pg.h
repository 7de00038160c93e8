/* Objects in PostgreSQL: what the files objects_pg*.c share. The semantics are
 * those of struct object_ops (internal.h); the tables are in schema.c. */
#ifndef STORE_OBJECTS_PG_H
#define STORE_OBJECTS_PG_H

#include "store/db.h"
#include "store/internal.h"
#include "store/pg_array.h"

#define FINGERPRINT_LANES 4

/* The clock of a collection inside the transaction. */
struct pgo_clock {
	uint32_t collection;
	usec last;
	bool moved;
};

/* What the transaction adds to a collection's digest at one TLP level. */
struct pgo_delta {
	uint32_t collection;
	uint8_t tlp;
	int64_t n;
	uint64_t lane[FINGERPRINT_LANES];
};

struct pgo {
	struct db *d;             /* the object writer's own connection */
	struct arena *arena;      /* until the next begin: texts of events, places of a batch */
	struct pgo_clock *clocks;
	size_t n_clocks, cap_clocks;
	struct pgo_delta *deltas;
	size_t n_deltas, cap_deltas;
};

static inline struct pgo *pgo_of(const struct store *s)
{
	return s->objects;
}

/* The next date_added of a collection: `at`, or just behind the last. The transaction has locked all clocks. */
enum rc pgo_tick(struct pgo *o, uint32_t collection, usec at, usec *ret, struct err *err) MUSTUSE;
/* Counts an entry in (sign 1) or out (sign -1) of the collection's digest. */
enum rc pgo_count(struct pgo *o, uint32_t collection, uint8_t tlp, int sign, struct str id, struct str vkey, uint8_t spec,
		  struct err *err) MUSTUSE;

/* A page_query as SQL: init makes the values $1.., conditions appends what they say about `member m`. */
#define PGO_PARAMS 10
struct pgo_where {
	struct buf sql;
	struct pg_array ids, types, specs, vkeys;
	struct dbv v[PGO_PARAMS]; /* $1 collection $2 after $3 mask $4 limit $5 bytes $6.. lists $10 flags */
};
void pgo_where_conditions(struct pgo_where *w, const struct page_query *q);
enum rc pgo_where_init(struct pgo_where *w, const struct page_query *q, usec after, struct err *err) MUSTUSE;
void pgo_where_done(struct pgo_where *w);

enum rc pgo_put(struct store *s, struct object_batch *b, struct event_list *events, struct err *err) MUSTUSE;
enum rc pgo_remove(struct store *s, const struct page_query *q, uint64_t *ret_removed, struct event_list *events,
		   struct err *err) MUSTUSE;
enum rc pgo_remark(struct store *s, struct str id, struct str version, uint8_t tlp, uint8_t flags, struct event_list *events,
		   struct err *err) MUSTUSE;
enum rc pgo_page(struct store *s, const struct page_query *q, struct page *ret, struct err *err) MUSTUSE;
enum rc pgo_total(struct store *s, const struct page_query *q, uint64_t *ret, struct err *err) MUSTUSE;
enum rc pgo_claims(struct store *s, struct str id, struct arena *a, struct claim **ret, size_t *ret_n, struct err *err) MUSTUSE;
enum rc pgo_digest(struct store *s, uint32_t collection, uint32_t tlp_mask, uint64_t *ret_count, unsigned char out[static 32],
		   struct err *err) MUSTUSE;

#endif
