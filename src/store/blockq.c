/* Two tables: `bq_block`, small rows that change, and `bq_bytes`, large ones that
 * never do (SQLite writes a changed row whole). `due` is the one thing that is
 * asked when taking: when it was put, then when its lease ends, then never.
 * `state`: 0 ready, 1 taken, 2 done, 3 stuck.
 *
 * A title to a block is the taker's name and the count of takings. blockq_done
 * changes the row only where that title still stands, in the transaction that
 * writes the effects: whoever lost the lease changes no row and writes nothing. */
#include "store/blockq_int.h"

#include "base/hash.h"
#include "base/mem.h"

#define LOCK "SELECT pg_advisory_xact_lock(1279874638)"
#define SHARDS 64

static const char TABLES[] =
	"CREATE TABLE IF NOT EXISTS bq_meta (key TEXT PRIMARY KEY, n BIGINT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS bq_block (id TEXT PRIMARY KEY, state BIGINT NOT NULL, due BIGINT NOT NULL, put BIGINT NOT NULL,"
	" taker TEXT NOT NULL, tries BIGINT NOT NULL, events BIGINT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL,"
	" number BIGINT NOT NULL, bytes BIGINT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS bq_due ON bq_block (due) WHERE state < 2;"
	"CREATE INDEX IF NOT EXISTS bq_open ON bq_block (number) WHERE state < 2;"
	"CREATE UNIQUE INDEX IF NOT EXISTS bq_number ON bq_block (number);"
	"CREATE TABLE IF NOT EXISTS bq_bytes (id TEXT PRIMARY KEY, idx BYTEA NOT NULL, rest BYTEA NOT NULL);"
	"CREATE TABLE IF NOT EXISTS bq_alert (seq BIGINT PRIMARY KEY, block TEXT NOT NULL, ordinal BIGINT NOT NULL, what TEXT NOT NULL,"
	" body BYTEA NOT NULL, UNIQUE (block, ordinal, what));"
	"CREATE TABLE IF NOT EXISTS bq_sighting (indicator TEXT NOT NULL, source TEXT NOT NULL, day BIGINT NOT NULL, count BIGINT NOT NULL,"
	" first BIGINT NOT NULL, last BIGINT NOT NULL, PRIMARY KEY (indicator, source, day));"
	"CREATE TABLE IF NOT EXISTS bq_steps (shard BIGINT NOT NULL, block BIGINT NOT NULL, bytes BYTEA NOT NULL, PRIMARY KEY (shard, block));"
	"CREATE TABLE IF NOT EXISTS bq_worker (name TEXT PRIMARY KEY, due BIGINT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS bq_shard (number BIGINT PRIMARY KEY, due BIGINT NOT NULL, taker TEXT NOT NULL, tries BIGINT NOT NULL,"
	" after BIGINT NOT NULL, saved BIGINT NOT NULL, fired BIGINT NOT NULL, ended BIGINT NOT NULL,"
	" late BIGINT NOT NULL, left_out BIGINT NOT NULL, state BYTEA NOT NULL);";

/* Blocks are compressed already; large rows are few. */
static const char TABLES_PG[] =
	"ALTER TABLE bq_bytes ALTER COLUMN idx SET STORAGE EXTERNAL; ALTER TABLE bq_bytes ALTER COLUMN rest SET STORAGE EXTERNAL;"
	"ALTER TABLE bq_block SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500)";

/* --- transactions --- */

static enum rc transact_once(struct blockq *q, blockq_job job, void *ctx, struct err *err)
{
	enum rc rc;

	TRY(db_begin(q->db, err));
	rc = job(q, ctx, err);
	if (rc == RC_OK)
		rc = db_commit(q->db, err);
	if (rc != RC_OK)
		db_rollback(q->db);
	return rc;
}

enum rc blockq_transact(struct blockq *q, blockq_job job, void *ctx, struct err *err)
{
	enum rc rc = RC_BUSY;

	for (int i = 0; i < BQ_BUSY_TRIES && rc == RC_BUSY; i++)
		rc = transact_once(q, job, ctx, err);
	return rc;
}

enum rc blockq_copy(struct arena *a, struct str from, struct str *ret, struct err *err)
{
	*ret = arena_dup(a, from);
	return ret->p == NULL ? FAIL(err, RC_NOMEM, "blocks: out of memory") : RC_OK;
}

/* --- opening --- */

struct making { uint32_t shards; usec tolerance; };

static enum rc fill_tables(struct blockq *q, const struct making *m, struct err *err)
{
	uint64_t seed = 0;

	random_bytes(&seed, sizeof seed);
	if (db_is_pg(q->db))
		TRY(db_exec(q->db, TABLES_PG, err));
	TRY(DB_RUN(q->db, err,
		   "INSERT INTO bq_meta (key, n) VALUES ('version', $1), ('shards', $2), ('tolerance', $3), ('seed', $4), ('alert', 0), ('block', 0)",
		   DB_INT(BQ_VERSION), DB_INT(m->shards), DB_INT(m->tolerance), DB_INT((int64_t)(seed >> 1 | 1))));
	for (uint32_t i = 0; i < m->shards; i++)
		TRY(DB_RUN(q->db, err,
			   "INSERT INTO bq_shard (number, due, taker, tries, after, saved, fired, ended, late, left_out, state)"
			   " VALUES ($1, 0, '', 0, 0, 0, 0, 0, 0, 0, $2)",
			   DB_INT(i), DB_BYTES(S(""))));
	return RC_OK;
}

static enum rc make_tables(struct blockq *q, void *ctx, struct err *err)
{
	int64_t n = 0;

	if (db_is_pg(q->db))
		TRY(db_exec(q->db, LOCK, err)); /* two at once would trip over each other in the catalogue */
	TRY(db_exec(q->db, TABLES, err));
	TRY(db_one_int(q->db, &n, "SELECT count(*) FROM bq_meta", NULL, 0, err));
	return n > 0 ? RC_OK : fill_tables(q, ctx, err);
}

static enum rc read_meta(struct blockq *q, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	int64_t version = 0, shards = 0;
	bool row = true;

	TRY(db_start(q->db, &s, "SELECT key, n FROM bq_meta", NULL, 0, err));
	for (;;) {
		struct str key;

		TRY(db_next(s, &row, err));
		if (!row)
			break;
		key = db_text(s, 0);
		if (str_eq(key, S("version")))
			version = db_int(s, 1);
		else if (str_eq(key, S("shards")))
			shards = db_int(s, 1);
		else if (str_eq(key, S("tolerance")))
			q->tolerance = db_int(s, 1);
		else if (str_eq(key, S("seed")))
			q->seed = (uint64_t)db_int(s, 1);
	}
	if (version != BQ_VERSION)
		return FAIL(err, RC_UNSUPPORTED, "blocks: tables of version %lld; this program works with version %d", (long long)version, BQ_VERSION);
	if (shards < 1 || shards > BLOCKQ_SHARDS_MAX || q->tolerance <= 0)
		return FAIL(err, RC_CORRUPT, "blocks: %lld shards", (long long)shards);
	q->shards = (uint32_t)shards;
	return RC_OK;
}

static enum rc open_all(struct blockq *q, const struct blockq_opts *o, struct err *err)
{
	struct making m = { .shards = o->shards == 0 ? SHARDS : o->shards, .tolerance = o->tolerance <= 0 ? BLOCKQ_TOLERANCE : o->tolerance };

	if (m.shards > BLOCKQ_SHARDS_MAX)
		return FAIL(err, RC_LIMIT, "blocks: more than %d shards", BLOCKQ_SHARDS_MAX);
	TRY(db_open(&q->opts, &q->db, err));
	if (o->create)
		TRY(blockq_transact(q, make_tables, &m, err));
	return read_meta(q, err);
}

enum rc blockq_open(const struct blockq_opts *o, struct blockq **ret, struct err *err)
{
	struct blockq *q = mem_alloc(sizeof *q);
	enum rc rc;

	if (q == NULL)
		return FAIL(err, RC_NOMEM, "blocks: out of memory");
	q->path = o->path == NULL ? NULL : mem_strdup(o->path);
	q->url = o->url == NULL ? NULL : mem_strdup(o->url);
	q->opts = (struct db_open_opts){ .path = q->path, .url = q->url, .create = o->create };
	rc = (o->path != NULL && q->path == NULL) || (o->url != NULL && q->url == NULL) ? FAIL(err, RC_NOMEM, "blocks: out of memory")
											: open_all(q, o, err);
	if (rc == RC_OK)
		*ret = q;
	else
		blockq_close(q);
	return rc;
}

void blockq_close(struct blockq *q)
{
	if (q == NULL)
		return;
	db_close(q->db);
	mem_free(q->path);
	mem_free(q->url);
	mem_free(q);
}

void blockq_closep(struct blockq **q)
{
	blockq_close(*q);
}

enum rc blockq_reconnect(struct blockq *q, struct err *err)
{
	struct db *fresh = NULL;

	TRY(db_open(&q->opts, &fresh, err));
	db_close(q->db);
	q->db = fresh;
	return RC_OK;
}

/* --- putting --- */

struct putting {
	const struct blockq_block *list;
	size_t n;
	bool fresh[BLOCKQ_BATCH_MAX];
	uint64_t n_fresh;
};

static enum rc put_bytes(struct blockq *q, const struct blockq_block *b, bool *ret_new, struct err *err)
{
	uint64_t fresh = 0;

	TRY(DB_CHANGE(q->db, &fresh, err, "INSERT INTO bq_bytes (id, idx, rest) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING", DB_TEXT(b->id),
		      DB_BYTES(str_slice(b->bytes, 0, b->index_n)), DB_BYTES(str_slice(b->bytes, b->index_n, b->bytes.n))));
	*ret_new = fresh > 0;
	return RC_OK;
}

static enum rc put_row(struct blockq *q, const struct blockq_block *b, int64_t number, struct err *err)
{
	return DB_RUN(q->db, err,
		      BQ_NOW(q, "INSERT INTO bq_block (id, state, due, put, taker, tries, events, first, last, number, bytes)"
				" SELECT $1, 0, n, n, '', 0, $2, $3, $4, $5, $6 FROM (SELECT ", " AS n) AS clock"),
		      DB_TEXT(b->id), DB_INT(b->events), DB_INT(b->first), DB_INT(b->last), DB_INT(number), DB_INT((int64_t)b->bytes.n));
}

/* Numbers become visible in their order, because the counter's row stays locked until the commit. */
static enum rc count_on(struct blockq *q, const char *sql, size_t n, int64_t *ret_first, struct err *err)
{
	int64_t last = 0;

	TRY(db_one_int(q->db, &last, sql, &DB_INT((int64_t)n), 1, err));
	*ret_first = last - (int64_t)n + 1;
	return RC_OK;
}

/* The large part first, which others need not wait for. A block that is known takes no number. */
static enum rc put_all(struct blockq *q, void *ctx, struct err *err)
{
	struct putting *p = ctx;
	int64_t number = 0;

	p->n_fresh = 0;
	for (size_t i = 0; i < p->n; i++) {
		TRY(put_bytes(q, &p->list[i], &p->fresh[i], err));
		p->n_fresh += p->fresh[i];
	}
	if (p->n_fresh == 0)
		return RC_OK;
	TRY(count_on(q, "UPDATE bq_meta SET n = n + $1 WHERE key = 'block' RETURNING n", p->n_fresh, &number, err));
	for (size_t i = 0; i < p->n; i++)
		if (p->fresh[i])
			TRY(put_row(q, &p->list[i], number++, err));
	return RC_OK;
}

enum rc blockq_put(struct blockq *q, const struct blockq_block *list, size_t n, uint64_t *ret_new, struct err *err)
{
	struct putting p = { .list = list, .n = n };

	if (n > BLOCKQ_BATCH_MAX)
		return FAIL(err, RC_LIMIT, "blocks: more than %d at once", BLOCKQ_BATCH_MAX);
	for (size_t i = 0; i < n; i++)
		if (list[i].id.n == 0 || list[i].id.n > BLOCKQ_ID_MAX || list[i].bytes.n > BLOCKQ_BYTES_MAX || list[i].index_n > list[i].bytes.n)
			return FAIL(err, RC_LIMIT, "blocks: an id or a block that is too long");
	TRY(blockq_transact(q, put_all, &p, err));
	*ret_new = p.n_fresh;
	return RC_OK;
}

/* --- taking --- */

struct taking {
	struct str taker;
	usec lease;
	size_t most, n;
	struct arena *a;
	struct blockq_taken *list;
};

static enum rc choose(struct blockq *q, struct taking *t, struct err *err)
{
	/* ARRAY(): the inner SELECT is run once whatever the planner thinks. */
	const char *sql = db_is_pg(q->db)
		? "UPDATE bq_block SET state = 1, due = " BQ_NOW_PG " + $1, taker = $2, tries = tries + 1 WHERE id = ANY(ARRAY(SELECT id FROM bq_block"
		  " WHERE state < 2 AND due <= " BQ_NOW_PG " AND tries < $3 ORDER BY due LIMIT $4 FOR UPDATE SKIP LOCKED)) RETURNING id, tries, number, put"
		: "UPDATE bq_block SET state = 1, due = " BQ_NOW_LITE " + $1, taker = $2, tries = tries + 1 WHERE id IN (SELECT id FROM bq_block"
		  " WHERE state < 2 AND due <= " BQ_NOW_LITE " AND tries < $3 ORDER BY due LIMIT $4) RETURNING id, tries, number, put";
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = true;

	t->n = 0;
	TRY(DB_START(q->db, &s, err, sql, DB_INT(t->lease), DB_TEXT(t->taker), DB_INT(BLOCKQ_TRIES), DB_INT((int64_t)t->most)));
	for (;;) {
		TRY(db_next(s, &row, err));
		if (!row || t->n == t->most)
			return RC_OK;
		t->list[t->n].tries = db_int(s, 1);
		t->list[t->n].number = db_int(s, 2);
		t->list[t->n].put = db_int(s, 3);
		TRY(blockq_copy(t->a, db_text(s, 0), &t->list[t->n].id, err));
		t->n++;
	}
}

static enum rc read_bytes(struct blockq *q, struct str id, struct str *ret_index, struct str *ret_rest, struct dbq **s, struct err *err)
{
	bool row = false;

	TRY(DB_START(q->db, s, err, "SELECT idx, rest FROM bq_bytes WHERE id = $1", DB_TEXT(id)));
	TRY(db_next(*s, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "blocks: there is no %.*s", STR(id));
	*ret_index = db_bytes(*s, 0);
	*ret_rest = db_bytes(*s, 1);
	return RC_OK;
}

static enum rc fetch(struct blockq *q, struct arena *a, struct blockq_taken *t, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	struct str index, rest;
	char *room;

	TRY(read_bytes(q, t->id, &index, &rest, &s, err));
	room = arena_alloc(a, index.n + rest.n + 1);
	if (room == NULL)
		return FAIL(err, RC_NOMEM, "blocks: out of memory");
	memcpy(room, index.p, index.n);
	memcpy(room + index.n, rest.p, rest.n);
	t->bytes = str_make(room, index.n + rest.n);
	return RC_OK;
}

static enum rc take_all(struct blockq *q, void *ctx, struct err *err)
{
	struct taking *t = ctx;

	TRY(choose(q, t, err));
	for (size_t i = 0; i < t->n; i++)
		TRY(fetch(q, t->a, &t->list[i], err));
	return RC_OK;
}

enum rc blockq_take(struct blockq *q, struct str taker, usec lease, size_t most, struct arena *a, struct blockq_taken *list, size_t *ret_n,
		    struct err *err)
{
	struct taking t = { .taker = taker, .lease = lease, .most = most, .a = a, .list = list };

	if (most > BLOCKQ_BATCH_MAX || taker.n > BLOCKQ_NAME_MAX)
		return FAIL(err, RC_LIMIT, "blocks: more than %d at once", BLOCKQ_BATCH_MAX);
	TRY(blockq_transact(q, take_all, &t, err));
	*ret_n = t.n;
	return RC_OK;
}

enum rc blockq_return(struct blockq *q, struct str taker, const struct blockq_taken *t, struct err *err)
{
	return DB_RUN(q->db, err, "UPDATE bq_block SET state = 0, due = put WHERE id = $1 AND state = 1 AND taker = $2 AND tries = $3",
		      DB_TEXT(t->id), DB_TEXT(taker), DB_INT(t->tries));
}

/* --- done --- */

enum rc blockq_put_alerts(struct blockq *q, struct str block, const struct blockq_alert *alerts, size_t n, struct err *err)
{
	int64_t first;

	if (n == 0)
		return RC_OK;
	TRY(count_on(q, "UPDATE bq_meta SET n = n + $1 WHERE key = 'alert' RETURNING n", n, &first, err));
	for (size_t i = 0; i < n; i++)
		TRY(DB_RUN(q->db, err,
			   "INSERT INTO bq_alert (seq, block, ordinal, what, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (block, ordinal, what) DO NOTHING",
			   DB_INT(first + (int64_t)i), DB_TEXT(block), DB_INT((int64_t)alerts[i].ordinal), DB_TEXT(alerts[i].what), DB_BYTES(alerts[i].body)));
	return RC_OK;
}

static enum rc put_steps(struct blockq *q, int64_t block, const struct blockq_steps *list, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		TRY(DB_RUN(q->db, err, "INSERT INTO bq_steps (shard, block, bytes) VALUES ($1, $2, $3)", DB_INT(list[i].shard), DB_INT(block),
			   DB_BYTES(list[i].bytes)));
	return RC_OK;
}

enum rc blockq_put_sighting(struct blockq *q, const struct blockq_sighting *s, struct err *err)
{
	return DB_RUN(q->db, err,
		      "INSERT INTO bq_sighting (indicator, source, day, count, first, last) VALUES ($1, $2, $3, $4, $5, $6)"
		      " ON CONFLICT (indicator, source, day) DO UPDATE SET count = bq_sighting.count + excluded.count,"
		      " first = CASE WHEN excluded.first < bq_sighting.first THEN excluded.first ELSE bq_sighting.first END,"
		      " last = CASE WHEN excluded.last > bq_sighting.last THEN excluded.last ELSE bq_sighting.last END",
		      DB_TEXT(s->indicator), DB_TEXT(s->source), DB_INT(s->day), DB_INT((int64_t)s->count), DB_INT(s->first), DB_INT(s->last));
}

struct finishing {
	struct str taker;
	struct blockq_result *list;
	size_t n;
	const struct blockq_sighting **sightings; /* of all that are ours, in the order of their keys */
	size_t n_sightings;
};

static int order_sightings(const void *a, const void *b)
{
	const struct blockq_sighting *x = *(const struct blockq_sighting *const *)a, *y = *(const struct blockq_sighting *const *)b;
	int c = str_cmp(x->indicator, y->indicator);

	if (c == 0)
		c = str_cmp(x->source, y->source);
	return c != 0 ? c : (x->day > y->day) - (x->day < y->day);
}

static enum rc mark_done(struct blockq *q, struct str taker, struct blockq_result *r, struct err *err)
{
	uint64_t ours = 0;

	TRY(DB_CHANGE(q->db, &ours, err, "UPDATE bq_block SET state = 2, due = $4 WHERE id = $1 AND state = 1 AND taker = $2 AND tries = $3",
		      DB_TEXT(r->block->id), DB_TEXT(taker), DB_INT(r->block->tries), DB_INT(BQ_NEVER)));
	r->lost = ours == 0;
	return RC_OK;
}

/* Blocks, steps, then sightings in the order of their keys, then the counter of alerts: all lock rows in one order, so that none waits
 * for another in a circle; the counter, which all want, comes last and is held for the shortest time. */
static enum rc finish_all(struct blockq *q, void *ctx, struct err *err)
{
	struct finishing *f = ctx;

	f->n_sightings = 0;
	for (size_t i = 0; i < f->n; i++) {
		TRY(mark_done(q, f->taker, &f->list[i], err));
		for (size_t k = 0; k < f->list[i].n_sightings && !f->list[i].lost; k++)
			f->sightings[f->n_sightings++] = &f->list[i].sightings[k];
	}
	for (size_t i = 0; i < f->n; i++)
		if (!f->list[i].lost)
			TRY(put_steps(q, f->list[i].block->number, f->list[i].steps, f->list[i].n_steps, err));
	if (f->n_sightings > 0)
		qsort(f->sightings, f->n_sightings, sizeof(const struct blockq_sighting *), order_sightings);
	for (size_t i = 0; i < f->n_sightings; i++)
		TRY(blockq_put_sighting(q, f->sightings[i], err));
	for (size_t i = 0; i < f->n; i++)
		if (!f->list[i].lost)
			TRY(blockq_put_alerts(q, f->list[i].block->id, f->list[i].alerts, f->list[i].n_alerts, err));
	return RC_OK;
}

enum rc blockq_done(struct blockq *q, struct str taker, struct blockq_result *list, size_t n, struct err *err)
{
	struct finishing f = { .taker = taker, .list = list, .n = n };
	size_t sightings = 1;
	enum rc rc;

	if (n > BLOCKQ_BATCH_MAX)
		return FAIL(err, RC_LIMIT, "blocks: more than %d at once", BLOCKQ_BATCH_MAX);
	for (size_t i = 0; i < n; i++)
		sightings += list[i].n_sightings;
	f.sightings = mem_array(sightings, sizeof(const struct blockq_sighting *));
	if (f.sightings == NULL)
		return FAIL(err, RC_NOMEM, "blocks: out of memory");
	rc = blockq_transact(q, finish_all, &f, err);
	mem_free(f.sightings);
	return rc;
}

/* --- found later --- */

struct finding {
	struct str block;
	const struct blockq_alert *alerts;
	const struct blockq_sighting *sightings;
	size_t n, n_fresh;
	struct blockq_alert *fresh;               /* those that are not known, with */
	const struct blockq_sighting **fresh_sightings;
};

/* Is it done? Then nobody else finds something in it until the end of the transaction. */
static enum rc hold_done(struct blockq *q, struct str block, bool *ret, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row;

	if (db_is_pg(q->db))
		TRY(DB_START(q->db, &s, err, "SELECT state FROM bq_block WHERE id = $1 FOR UPDATE", DB_TEXT(block)));
	else
		TRY(DB_START(q->db, &s, err, "SELECT state FROM bq_block WHERE id = $1", DB_TEXT(block)));
	TRY(db_next(s, &row, err));
	*ret = row && db_int(s, 0) == 2;
	return RC_OK;
}

static enum rc is_known(struct blockq *q, struct str block, const struct blockq_alert *a, bool *ret, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;

	TRY(DB_START(q->db, &s, err, "SELECT seq FROM bq_alert WHERE block = $1 AND ordinal = $2 AND what = $3", DB_TEXT(block),
		     DB_INT((int64_t)a->ordinal), DB_TEXT(a->what)));
	return db_next(s, ret, err);
}

/* The block first, then sightings in the order of their keys, then the counter of alerts, as in finish_all. */
static enum rc find_all(struct blockq *q, void *ctx, struct err *err)
{
	struct finding *f = ctx;
	bool done, known;

	f->n_fresh = 0;
	TRY(hold_done(q, f->block, &done, err));
	for (size_t i = 0; i < f->n && done; i++) {
		TRY(is_known(q, f->block, &f->alerts[i], &known, err));
		if (known)
			continue;
		f->fresh[f->n_fresh] = f->alerts[i];
		f->fresh_sightings[f->n_fresh++] = &f->sightings[i];
	}
	if (f->n_fresh > 0)
		qsort(f->fresh_sightings, f->n_fresh, sizeof(const struct blockq_sighting *), order_sightings);
	for (size_t i = 0; i < f->n_fresh; i++)
		TRY(blockq_put_sighting(q, f->fresh_sightings[i], err));
	return blockq_put_alerts(q, f->block, f->fresh, f->n_fresh, err);
}

enum rc blockq_found(struct blockq *q, struct str block, const struct blockq_alert *alerts, const struct blockq_sighting *sightings, size_t n,
		     uint64_t *ret_new, struct err *err)
{
	struct finding f = { .block = block, .alerts = alerts, .sightings = sightings, .n = n, .fresh = mem_array(n + 1, sizeof *f.fresh),
			     .fresh_sightings = mem_array(n + 1, sizeof *f.fresh_sightings) };
	enum rc rc = f.fresh == NULL || f.fresh_sightings == NULL ? FAIL(err, RC_NOMEM, "blocks: out of memory") : blockq_transact(q, find_all, &f, err);

	*ret_new = rc == RC_OK ? f.n_fresh : 0;
	mem_free(f.fresh);
	mem_free(f.fresh_sightings);
	return rc;
}

enum rc blockq_bytes(struct blockq *q, struct str id, struct buf *out, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	struct str index, rest;

	buf_clear(out);
	TRY(read_bytes(q, id, &index, &rest, &s, err));
	buf_str(out, index);
	buf_str(out, rest);
	return buf_check(out, err, "blocks");
}
