/* Correlations see all steps of a group in one place: the group's key decides the
 * shard, and one worker at a time has it. What a shard has counted is known up to
 * one block (`saved`, with its state) and told up to another (`after`): both move
 * in the transactions that write the alerts, so that after a crash the next owner
 * counts again what was not saved and tells what was not told. */
#include "store/blockq_int.h"

#define DAY ((usec)86400 * USEC_PER_SEC)

uint32_t blockq_shards(const struct blockq *q)
{
	return q->shards;
}

uint64_t blockq_seed(const struct blockq *q)
{
	return q->seed;
}

usec blockq_tolerance(const struct blockq *q)
{
	return q->tolerance;
}

/* --- who works --- */

static enum rc say_alive(struct blockq *q, struct str worker, usec lease, struct err *err)
{
	if (lease == 0)
		return DB_RUN(q->db, err, "DELETE FROM bq_worker WHERE name = $1", DB_TEXT(worker));
	return DB_RUN(q->db, err,
		      BQ_NOW(q, "INSERT INTO bq_worker (name, due) SELECT $1, n + $2 FROM (SELECT ",
			     " AS n) AS clock WHERE true ON CONFLICT (name) DO UPDATE SET due = excluded.due"),
		      DB_TEXT(worker), DB_INT(lease));
}

enum rc blockq_worker(struct blockq *q, struct str worker, usec lease, uint32_t *ret_n, struct err *err)
{
	int64_t n = 0;

	TRY(say_alive(q, worker, lease, err));
	TRY(db_run(q->db, NULL, BQ_NOW(q, "DELETE FROM bq_worker WHERE due <= ", ""), NULL, 0, err));
	TRY(db_one_int(q->db, &n, "SELECT count(*) FROM bq_worker", NULL, 0, err));
	*ret_n = (uint32_t)n;
	return RC_OK;
}

/* --- shards --- */

#define RETURNED " RETURNING number, tries, saved, after, fired, ended, late, left_out, state"
#define TAKEN_FROM " ORDER BY saved, number LIMIT 1 FOR UPDATE SKIP LOCKED))" RETURNED

enum rc blockq_shard_take(struct blockq *q, struct str taker, usec lease, struct arena *a, struct blockq_shard *ret, struct err *err)
{
	const char *sql = db_is_pg(q->db)
		? "UPDATE bq_shard SET due = " BQ_NOW_PG " + $1, taker = $2, tries = tries + 1 WHERE number = ANY(ARRAY(SELECT number FROM bq_shard"
		  " WHERE due <= " BQ_NOW_PG TAKEN_FROM
		: "UPDATE bq_shard SET due = " BQ_NOW_LITE " + $1, taker = $2, tries = tries + 1 WHERE number IN (SELECT number FROM bq_shard"
		  " WHERE due <= " BQ_NOW_LITE " ORDER BY saved, number LIMIT 1)" RETURNED;
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = false;

	TRY(DB_START(q->db, &s, err, sql, DB_INT(lease), DB_TEXT(taker)));
	TRY(db_next(s, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "blocks: every shard is taken");
	*ret = (struct blockq_shard){ .number = (uint32_t)db_int(s, 0), .tries = db_int(s, 1), .saved = db_int(s, 2), .after = db_int(s, 3),
				      .fired = db_int(s, 4), .ended = db_int(s, 5), .late = db_int(s, 6), .left_out = db_int(s, 7) };
	TRY(blockq_copy(a, db_bytes(s, 8), &ret->state, err));
	return db_next(s, &row, err); /* to its end: SQLite changes as it is stepped through */
}

enum rc blockq_shard_return(struct blockq *q, struct str taker, const struct blockq_shard *s, struct err *err)
{
	if (s == NULL)
		return DB_RUN(q->db, err, BQ_NOW(q, "UPDATE bq_shard SET due = ", ", taker = '' WHERE taker = $1"), DB_TEXT(taker));
	return DB_RUN(q->db, err, BQ_NOW(q, "UPDATE bq_shard SET due = ", ", taker = '' WHERE number = $1 AND taker = $2 AND tries = $3"),
		      DB_INT(s->number), DB_TEXT(taker), DB_INT(s->tries));
}

enum rc blockq_shards_keep(struct blockq *q, struct str taker, usec lease, struct err *err)
{
	return DB_RUN(q->db, err, BQ_NOW(q, "UPDATE bq_shard SET due = ", " + $2 WHERE taker = $1"), DB_TEXT(taker), DB_INT(lease));
}

/* --- what there is to count --- */

/* From here on nobody can finish what ten takers dropped: else its steps would come after those that are counted behind it. */
static enum rc give_up_stuck(struct blockq *q, struct err *err)
{
	return DB_RUN(q->db, err, BQ_NOW(q, "UPDATE bq_block SET state = 3 WHERE state < 2 AND tries >= $1 AND due <= ", ""), DB_INT(BLOCKQ_TRIES));
}

enum rc blockq_marks(struct blockq *q, int64_t after, size_t most, struct blockq_mark *list, size_t *ret_n, int64_t *ret_upto, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = true;
	size_t n = 0;

	TRY(give_up_stuck(q, err));
	/* One statement, one moment: the newest number counts only when nothing before it is open. */
	TRY(db_one_int(q->db, ret_upto, "SELECT coalesce((SELECT min(number) - 1 FROM bq_block WHERE state < 2), n) FROM bq_meta WHERE key = 'block'", NULL, 0,
		       err));
	TRY(DB_START(q->db, &s, err, "SELECT number, last, put FROM bq_block WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3", DB_INT(after),
		     DB_INT(*ret_upto), DB_INT((int64_t)most)));
	for (;; n++) {
		TRY(db_next(s, &row, err));
		if (!row || n == most)
			break;
		list[n] = (struct blockq_mark){ .number = db_int(s, 0), .newest = db_int(s, 1), .put = db_int(s, 2) };
		if (list[n].newest > list[n].put + DAY)
			list[n].newest = INT64_MIN;
	}
	if (n == most)
		*ret_upto = list[n - 1].number;
	*ret_n = n;
	return RC_OK;
}

enum rc blockq_shard_steps(struct blockq *q, uint32_t shard, int64_t after, int64_t upto, blockq_steps_fn fn, void *ctx, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = true;

	TRY(DB_START(q->db, &s, err, "SELECT block, bytes FROM bq_steps WHERE shard = $1 AND block > $2 AND block <= $3 ORDER BY block",
		     DB_INT(shard), DB_INT(after), DB_INT(upto)));
	for (;;) {
		TRY(db_next(s, &row, err));
		if (!row)
			return RC_OK;
		TRY(fn(ctx, db_int(s, 0), db_bytes(s, 1), err));
	}
}

/* --- what was counted --- */

struct saving {
	struct str taker;
	struct blockq_progress *list;
	size_t n;
};

static enum rc move_shard(struct blockq *q, struct str taker, struct blockq_progress *p, struct err *err)
{
	int64_t fired = p->shard->fired + (int64_t)p->n_alerts;
	uint64_t ours = 0;

	if (p->with_state)
		TRY(DB_CHANGE(q->db, &ours, err,
			      "UPDATE bq_shard SET after = $4, saved = $4, fired = $5, ended = $6, late = $7, left_out = $8, state = $9"
			      " WHERE number = $1 AND taker = $2 AND tries = $3",
			      DB_INT(p->shard->number), DB_TEXT(taker), DB_INT(p->shard->tries), DB_INT(p->after), DB_INT(fired), DB_INT(p->ended),
			      DB_INT(p->late), DB_INT(p->left_out), DB_BYTES(p->state)));
	else
		TRY(DB_CHANGE(q->db, &ours, err, "UPDATE bq_shard SET after = $4, fired = $5 WHERE number = $1 AND taker = $2 AND tries = $3",
			      DB_INT(p->shard->number), DB_TEXT(taker), DB_INT(p->shard->tries), DB_INT(p->after), DB_INT(fired)));
	p->lost = ours == 0;
	if (p->lost || !p->with_state)
		return RC_OK;
	return DB_RUN(q->db, err, "DELETE FROM bq_steps WHERE shard = $1 AND block <= $2", DB_INT(p->shard->number), DB_INT(p->after));
}

static enum rc put_fired(struct blockq *q, const struct blockq_progress *p, struct err *err)
{
	char name[32];

	snprintf(name, sizeof name, "shard %u", p->shard->number);
	for (size_t i = 0; i < p->n_alerts && !p->lost; i++) {
		struct blockq_alert a = p->alerts[i];

		a.ordinal = (uint64_t)p->shard->fired + i + 1;
		TRY(blockq_put_alerts(q, str_of(name), &a, 1, err));
	}
	return RC_OK;
}

static enum rc save(struct blockq *q, void *ctx, struct err *err)
{
	const struct saving *x = ctx;

	for (size_t i = 0; i < x->n; i++)
		TRY(move_shard(q, x->taker, &x->list[i], err));
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < x->list[i].n_sightings && !x->list[i].lost; k++)
			TRY(blockq_put_sighting(q, &x->list[i].sightings[k], err));
	for (size_t i = 0; i < x->n; i++)
		TRY(put_fired(q, &x->list[i], err));
	return RC_OK;
}

enum rc blockq_shards_save(struct blockq *q, struct str taker, struct blockq_progress *list, size_t n, struct err *err)
{
	struct saving x = { .taker = taker, .list = list, .n = n };

	TRY(blockq_transact(q, save, &x, err));
	for (size_t i = 0; i < n; i++) {
		struct blockq_shard *s = list[i].shard;

		if (list[i].lost)
			continue;
		s->after = list[i].after;
		s->fired += (int64_t)list[i].n_alerts;
		if (list[i].with_state) {
			s->saved = list[i].after;
			s->ended = list[i].ended;
			s->late = list[i].late;
			s->left_out = list[i].left_out;
		}
	}
	return RC_OK;
}

enum rc blockq_shards_behind(struct blockq *q, int64_t *ret_saved, int64_t *ret_ended, struct err *err)
{
	TRY(db_one_int(q->db, ret_saved, "SELECT min(saved) FROM bq_shard", NULL, 0, err));
	return db_one_int(q->db, ret_ended, "SELECT min(ended) FROM bq_shard", NULL, 0, err);
}
