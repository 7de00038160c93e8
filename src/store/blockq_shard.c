/* Correlations see all matches of a group in one place: the group's key decides
 * the shard, and one worker at a time has it. State, place in the matches and the
 * alerts that fired move in one transaction, so that after a crash another worker
 * goes on exactly there. */
#include "store/blockq_int.h"

uint32_t blockq_shards(const struct blockq *q)
{
	return q->shards;
}

enum rc blockq_shard_take(struct blockq *q, struct str taker, usec lease, struct arena *a, struct blockq_shard *ret, struct err *err)
{
	/* The one that was looked at longest ago. */
	const char *sql = db_is_pg(q->db)
		? "UPDATE bq_shard SET due = " BQ_NOW_PG " + $1, taker = $2, tries = tries + 1 WHERE number = ANY(ARRAY(SELECT number FROM bq_shard"
		  " WHERE due <= " BQ_NOW_PG " ORDER BY due, number LIMIT 1 FOR UPDATE SKIP LOCKED)) RETURNING number, tries, after, state"
		: "UPDATE bq_shard SET due = " BQ_NOW_LITE " + $1, taker = $2, tries = tries + 1 WHERE number IN (SELECT number FROM bq_shard"
		  " WHERE due <= " BQ_NOW_LITE " ORDER BY due, number LIMIT 1) RETURNING number, tries, after, state";
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = false;

	TRY(DB_START(q->db, &s, err, sql, DB_INT(lease), DB_TEXT(taker)));
	TRY(db_next(s, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "blocks: every shard is taken");
	*ret = (struct blockq_shard){ .number = (uint32_t)db_int(s, 0), .tries = db_int(s, 1), .after = db_int(s, 2) };
	TRY(blockq_copy(a, db_bytes(s, 3), &ret->state, err));
	return db_next(s, &row, err); /* to its end: SQLite changes as it is stepped through */
}

enum rc blockq_shard_read(struct blockq *q, const struct blockq_shard *s, size_t most, struct arena *a, struct blockq_shard_match *list,
			  size_t *ret_n, struct err *err)
{
	struct dbq *st CLEANUP(db_endp) = NULL;
	bool row = true;
	size_t n = 0;

	TRY(DB_START(q->db, &st, err, "SELECT seq, body FROM bq_match WHERE shard = $1 AND seq > $2 ORDER BY seq LIMIT $3", DB_INT(s->number),
		     DB_INT(s->after), DB_INT((int64_t)most)));
	for (;; n++) {
		TRY(db_next(st, &row, err));
		if (!row || n == most)
			break;
		list[n].seq = db_int(st, 0);
		TRY(blockq_copy(a, db_bytes(st, 1), &list[n].body, err));
	}
	*ret_n = n;
	return RC_OK;
}

struct saving {
	struct str taker, state;
	usec lease;
	const struct blockq_shard *s;
	int64_t after;
	const struct blockq_alert *alerts;
	size_t n;
};

static enum rc save(struct blockq *q, void *ctx, struct err *err)
{
	const struct saving *x = ctx;
	uint64_t ours = 0;
	char name[32];

	TRY(DB_CHANGE(q->db, &ours, err,
		      BQ_NOW(q, "UPDATE bq_shard SET after = $4, state = $5, due = ", " + $6 WHERE number = $1 AND taker = $2 AND tries = $3"),
		      DB_INT(x->s->number), DB_TEXT(x->taker), DB_INT(x->s->tries), DB_INT(x->after), DB_BYTES(x->state), DB_INT(x->lease)));
	if (ours == 0)
		return FAIL(err, RC_CONFLICT, "blocks: shard %u is another's by now", x->s->number);
	snprintf(name, sizeof name, "shard %u", x->s->number);
	TRY(blockq_put_alerts(q, str_of(name), x->alerts, x->n, err));
	return DB_RUN(q->db, err, "DELETE FROM bq_match WHERE shard = $1 AND seq <= $2", DB_INT(x->s->number), DB_INT(x->after));
}

enum rc blockq_shard_save(struct blockq *q, struct str taker, usec lease, struct blockq_shard *s, int64_t after, struct str state,
			  const struct blockq_alert *alerts, size_t n, struct err *err)
{
	struct saving x = { .taker = taker, .state = state, .lease = lease, .s = s, .after = after, .alerts = alerts, .n = n };

	TRY(blockq_transact(q, save, &x, err));
	s->after = after;
	return RC_OK;
}
