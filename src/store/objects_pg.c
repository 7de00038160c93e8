/* The transaction of the object writer in PostgreSQL. It locks the row of
 * collection 0 first, so all writers of one database, also of several nodes, go
 * one after the other: date_added then grows in commit order, which neither an
 * identity column nor the clock alone would give. Clocks and digests are kept in
 * memory while the transaction runs and written once before its commit. */
#include "store/objects_pg.h"

#include "base/mem.h"

#define TEXTS_MAX ((size_t)1 << 30)

static enum rc open_objects(struct store *s, struct err *err)
{
	struct db_open_opts opts = { .url = s->url };
	struct pgo *o = mem_alloc(sizeof *o);

	if (o == NULL)
		return FAIL(err, RC_NOMEM, "objects: no memory");
	s->objects = o;
	if (s->read_only)
		return RC_OK;
	o->arena = arena_new(TEXTS_MAX);
	if (o->arena == NULL)
		return FAIL(err, RC_NOMEM, "objects: no memory");
	return db_open(&opts, &o->d, err);
}

static void close_objects(struct store *s)
{
	struct pgo *o = s->objects;

	db_close(o->d);
	arena_free(o->arena);
	mem_free(o->clocks);
	mem_free(o->deltas);
	mem_free(o);
	s->objects = NULL;
}

static enum rc begin(struct store *s, struct err *err)
{
	struct pgo *o = pgo_of(s);
	int64_t last;

	o->n_clocks = o->n_deltas = 0;
	arena_reset(o->arena);
	TRY(db_begin(o->d, err));
	return DB_ONE_INT(o->d, &last, err,
			  "INSERT INTO collection_state (collection, last_added) VALUES (0, 0) ON CONFLICT (collection)"
			  " DO UPDATE SET last_added = collection_state.last_added RETURNING last_added");
}

/* Room for one more element of `size`; doubles. */
static bool room(void **p, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap == 0 ? 16 : *cap * 2;
	void *grown;

	if (n < *cap)
		return true;
	grown = mem_resize(*p, more * size);
	if (grown == NULL)
		return false;
	*p = grown;
	*cap = more;
	return true;
}

static enum rc clock_of(struct pgo *o, uint32_t collection, struct pgo_clock **ret, struct err *err)
{
	void *p = o->clocks;
	int64_t last;

	for (size_t i = 0; i < o->n_clocks; i++) {
		if (o->clocks[i].collection == collection) {
			*ret = &o->clocks[i];
			return RC_OK;
		}
	}
	TRY(DB_ONE_INT(o->d, &last, err, "SELECT coalesce(max(last_added), 0) FROM collection_state WHERE collection = $1",
		       DB_INT(collection)));
	if (!room(&p, o->n_clocks, &o->cap_clocks, sizeof *o->clocks))
		return FAIL(err, RC_NOMEM, "objects: no memory");
	o->clocks = p;
	*ret = &o->clocks[o->n_clocks++];
	**ret = (struct pgo_clock){ .collection = collection, .last = last };
	return RC_OK;
}

enum rc pgo_tick(struct pgo *o, uint32_t collection, usec at, usec *ret, struct err *err)
{
	struct pgo_clock *c;

	TRY(clock_of(o, collection, &c, err));
	c->last = at > c->last ? at : c->last + 1;
	c->moved = true;
	*ret = c->last;
	return RC_OK;
}

static enum rc delta_of(struct pgo *o, uint32_t collection, uint8_t tlp, struct pgo_delta **ret, struct err *err)
{
	void *p = o->deltas;

	for (size_t i = 0; i < o->n_deltas; i++) {
		if (o->deltas[i].collection == collection && o->deltas[i].tlp == tlp) {
			*ret = &o->deltas[i];
			return RC_OK;
		}
	}
	if (!room(&p, o->n_deltas, &o->cap_deltas, sizeof *o->deltas))
		return FAIL(err, RC_NOMEM, "objects: no memory");
	o->deltas = p;
	*ret = &o->deltas[o->n_deltas++];
	**ret = (struct pgo_delta){ .collection = collection, .tlp = tlp };
	return RC_OK;
}

enum rc pgo_count(struct pgo *o, uint32_t collection, uint8_t tlp, int sign, struct str id, struct str vkey, uint8_t spec,
		  struct err *err)
{
	unsigned char print[32];
	struct pgo_delta *d;

	TRY(delta_of(o, collection, tlp, &d, err));
	object_fingerprint(id, vkey, spec, print);
	d->n += sign;
	for (int lane = 0; lane < FINGERPRINT_LANES; lane++) {
		uint64_t v = 0;

		for (int i = 7; i >= 0; i--)
			v = v << 8 | print[lane * 8 + i];
		d->lane[lane] += sign > 0 ? v : -v;
	}
	return RC_OK;
}

/* Added up here and not in SQL: the lanes wrap round, which BIGINT would call an overflow. */
static enum rc write_delta(struct pgo *o, const struct pgo_delta *d, struct err *err)
{
	struct pgo_delta sum = *d;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(o->d, &q, err, "SELECT n, a, b, c, d FROM digest WHERE collection = $1 AND tlp = $2",
		     DB_INT(d->collection), DB_INT(d->tlp)));
	TRY(db_next(q, &row, err));
	if (row) {
		sum.n += db_int(q, 0);
		for (int i = 0; i < FINGERPRINT_LANES; i++)
			sum.lane[i] += (uint64_t)db_int(q, 1 + i);
	}
	db_end(q);
	return DB_RUN(o->d, err,
		      "INSERT INTO digest (collection, tlp, n, a, b, c, d) VALUES ($1, $2, $3, $4, $5, $6, $7)"
		      " ON CONFLICT (collection, tlp) DO UPDATE SET n = excluded.n, a = excluded.a, b = excluded.b,"
		      " c = excluded.c, d = excluded.d",
		      DB_INT(d->collection), DB_INT(d->tlp), DB_INT(sum.n), DB_INT(sum.lane[0]), DB_INT(sum.lane[1]),
		      DB_INT(sum.lane[2]), DB_INT(sum.lane[3]));
}

static enum rc commit(struct store *s, struct err *err)
{
	struct pgo *o = pgo_of(s);

	for (size_t i = 0; i < o->n_deltas; i++)
		TRY(write_delta(o, &o->deltas[i], err));
	for (size_t i = 0; i < o->n_clocks; i++)
		if (o->clocks[i].moved)
			TRY(DB_RUN(o->d, err,
				   "INSERT INTO collection_state (collection, last_added) VALUES ($1, $2)"
				   " ON CONFLICT (collection) DO UPDATE SET last_added = excluded.last_added",
				   DB_INT(o->clocks[i].collection), DB_INT(o->clocks[i].last)));
	return db_commit(o->d, err);
}

static void rollback(struct store *s)
{
	db_rollback(pgo_of(s)->d);
}

static enum rc count_all(struct db *d, void *ctx, struct err *err)
{
	struct store_stats *st = ctx;
	int64_t objects, versions;

	TRY(DB_ONE_INT(d, &versions, err, "SELECT coalesce(sum(n), 0)::bigint FROM digest WHERE collection = 0"));
	TRY(DB_ONE_INT(d, &objects, err, "SELECT count(DISTINCT id) FROM object"));
	st->versions += (uint64_t)versions;
	st->objects += (uint64_t)objects;
	return RC_OK;
}

static void stats(struct store *s, struct store_stats *ret)
{
	struct store_stats mine = { 0 };

	if (store_read(s, count_all, &mine, NULL) != RC_OK)
		return;
	ret->objects += mine.objects;
	ret->versions += mine.versions;
}

const struct object_ops OBJECTS_PG_OPS = {
	.open = open_objects, .close = close_objects, .begin = begin, .put = pgo_put, .remove = pgo_remove,
	.remark = pgo_remark, .commit = commit, .rollback = rollback, .page = pgo_page, .count = pgo_total,
	.claims = pgo_claims, .digest = pgo_digest, .stats = stats,
};
