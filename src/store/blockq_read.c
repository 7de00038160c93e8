/* What came of the blocks, and the blocks as history. */
#include "store/blockq_int.h"

#define PAGE 256

enum rc blockq_alerts(struct blockq *q, int64_t after, size_t most, blockq_alert_fn fn, void *ctx, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = true;

	TRY(DB_START(q->db, &s, err, "SELECT seq, block, ordinal, what, body FROM bq_alert WHERE seq > $1 ORDER BY seq LIMIT $2", DB_INT(after),
		     DB_INT((int64_t)most)));
	for (;;) {
		struct blockq_alert_row a;

		TRY(db_next(s, &row, err));
		if (!row)
			return RC_OK;
		a = (struct blockq_alert_row){ .seq = db_int(s, 0), .block = db_text(s, 1), .ordinal = (uint64_t)db_int(s, 2), .what = db_text(s, 3),
					       .body = db_bytes(s, 4) };
		TRY(fn(ctx, &a, err));
	}
}

enum rc blockq_sightings(struct blockq *q, blockq_sighting_fn fn, void *ctx, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = true;

	TRY(DB_START(q->db, &s, err, "SELECT indicator, source, day, count, first, last FROM bq_sighting ORDER BY indicator, source, day"));
	for (;;) {
		struct blockq_sighting x;

		TRY(db_next(s, &row, err));
		if (!row)
			return RC_OK;
		x = (struct blockq_sighting){ db_text(s, 0), db_text(s, 1), db_int(s, 2), (uint64_t)db_int(s, 3), db_int(s, 4), db_int(s, 5) };
		TRY(fn(ctx, &x, err));
	}
}

/* --- the history --- */

struct paging {
	usec since, until;
	int64_t after; /* number of the latest seen */
	size_t rows;
};

/* The index parts of blocks of other times stay where they are. */
static enum rc each_page(struct blockq *q, struct paging *p, blockq_index_fn fn, void *ctx, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = true;

	p->rows = 0;
	TRY(DB_START(q->db, &s, err,
		     "SELECT b.number, b.id, y.idx FROM bq_block b LEFT JOIN bq_bytes y ON y.id = b.id AND b.last >= $2 AND ($3 = 0 OR b.first < $3)"
		     " WHERE b.number > $1 ORDER BY b.number LIMIT $4",
		     DB_INT(p->after), DB_INT(p->since), DB_INT(p->until), DB_INT(PAGE)));
	for (;;) {
		TRY(db_next(s, &row, err));
		if (!row)
			return RC_OK;
		p->rows++;
		p->after = db_int(s, 0);
		TRY(fn(ctx, db_text(s, 1), db_bytes(s, 2), err));
	}
}

enum rc blockq_each(struct blockq *q, usec since, usec until, blockq_index_fn fn, void *ctx, struct err *err)
{
	struct paging p = { .since = since, .until = until, .rows = PAGE };

	while (p.rows == PAGE)
		TRY(each_page(q, &p, fn, ctx, err));
	return RC_OK;
}

struct expiring {
	usec age;
	uint64_t max_bytes, blocks;
};

/* The number of the newest block that has to go; 0: none. What is done goes, oldest first, until the rest is small enough. */
static enum rc last_to_go(struct blockq *q, const struct expiring *e, int64_t *ret, struct err *err)
{
	int64_t total = 0, by_size = 0;

	TRY(db_one_int(q->db, ret, BQ_NOW(q, "SELECT coalesce(max(number), 0) FROM bq_block WHERE put < ", " - $1"), &DB_INT(e->age), 1, err));
	if (e->max_bytes == 0)
		return RC_OK;
	TRY(db_one_int(q->db, &total, db_is_pg(q->db) ? "SELECT coalesce(sum(bytes), 0)::bigint FROM bq_block" : "SELECT coalesce(sum(bytes), 0) FROM bq_block",
		       NULL, 0, err));
	if ((uint64_t)total <= e->max_bytes)
		return RC_OK;
	/* Newest first, the first block with which those before it are too much. */
	TRY(DB_ONE_INT(q->db, &by_size, err,
		       db_is_pg(q->db) ? "SELECT coalesce(max(number), 0) FROM (SELECT number, sum(bytes) OVER (ORDER BY number DESC)::bigint AS n FROM bq_block) AS x WHERE n > $1"
				       : "SELECT coalesce(max(number), 0) FROM (SELECT number, sum(bytes) OVER (ORDER BY number DESC) AS n FROM bq_block) AS x WHERE n > $1",
		       DB_INT((int64_t)e->max_bytes)));
	*ret = by_size > *ret ? by_size : *ret;
	return RC_OK;
}

/* Whoever counts a correlation again needs the times of the blocks it is counted from, as long as somebody may. */
static enum rc last_counted(struct blockq *q, int64_t *ret, struct err *err)
{
	return db_one_int(q->db, ret, BQ_NOW(q, "SELECT coalesce(min(saved), 9223372036854775807) FROM bq_shard WHERE due > ", " - 3600000000"), NULL, 0, err);
}

static enum rc expire(struct blockq *q, void *ctx, struct err *err)
{
	struct expiring *e = ctx;
	int64_t upto = 0, counted = 0;

	TRY(last_to_go(q, e, &upto, err));
	TRY(last_counted(q, &counted, err));
	upto = counted < upto ? counted : upto;
	TRY(DB_RUN(q->db, err, "DELETE FROM bq_bytes WHERE id IN (SELECT id FROM bq_block WHERE state >= 2 AND number <= $1)", DB_INT(upto)));
	/* Blocks done meanwhile stay: their bytes do. */
	return DB_CHANGE(q->db, &e->blocks, err,
			 "DELETE FROM bq_block WHERE state >= 2 AND number <= $1 AND NOT EXISTS (SELECT 1 FROM bq_bytes WHERE bq_bytes.id = bq_block.id)",
			 DB_INT(upto));
}

enum rc blockq_expire(struct blockq *q, usec age, uint64_t max_bytes, uint64_t *ret_blocks, struct err *err)
{
	struct expiring e = { .age = age, .max_bytes = max_bytes > INT64_MAX ? 0 : max_bytes };

	TRY(blockq_transact(q, expire, &e, err));
	*ret_blocks = e.blocks;
	return RC_OK;
}

enum rc blockq_id(struct blockq *q, int64_t number, struct arena *a, struct str *ret, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = false;

	TRY(DB_START(q->db, &s, err, "SELECT id FROM bq_block WHERE number = $1", DB_INT(number)));
	TRY(db_next(s, &row, err));
	if (row)
		return blockq_copy(a, db_text(s, 0), ret, err);
	*ret = S("");
	return RC_OK;
}

/* --- numbers --- */

/* $1: takings after which a block is stuck; the clock stands where it is named. */
#define STATS(NOW, SUM) \
	"SELECT count(*) FILTER (WHERE state < 2 AND due <= " NOW " AND tries < $1), count(*) FILTER (WHERE state = 1 AND due > " NOW ")," \
	" count(*) FILTER (WHERE state = 2), count(*) FILTER (WHERE state = 3 OR (state < 2 AND due <= " NOW " AND tries >= $1))," \
	" coalesce(sum(events), 0)" SUM ", coalesce(sum(bytes), 0)" SUM "," \
	" coalesce(" NOW " - min(put) FILTER (WHERE state < 2 AND due <= " NOW " AND tries < $1), 0), (SELECT count(*) FROM bq_alert)," \
	" (SELECT count(*) FROM bq_steps), (SELECT count(*) FROM bq_worker WHERE due > " NOW ")," \
	" (SELECT n FROM bq_meta WHERE key = 'block'), (SELECT coalesce(min(saved), 0) FROM bq_shard)," \
	" (SELECT coalesce(sum(late), 0)" SUM " FROM bq_shard), (SELECT coalesce(sum(left_out), 0)" SUM " FROM bq_shard) FROM bq_block"

enum rc blockq_stats(struct blockq *q, struct blockq_stats *ret, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = false;

	TRY(DB_START(q->db, &s, err, db_is_pg(q->db) ? STATS(BQ_NOW_PG, "::bigint") : STATS(BQ_NOW_LITE, ""), DB_INT(BLOCKQ_TRIES)));
	TRY(db_next(s, &row, err));
	if (!row)
		return FAIL(err, RC_INTERNAL, "blocks: no numbers");
	*ret = (struct blockq_stats){ .ready = (uint64_t)db_int(s, 0), .taken = (uint64_t)db_int(s, 1), .done = (uint64_t)db_int(s, 2),
				      .stuck = (uint64_t)db_int(s, 3), .events = (uint64_t)db_int(s, 4), .bytes = (uint64_t)db_int(s, 5),
				      .oldest = db_int(s, 6), .alerts = (uint64_t)db_int(s, 7), .steps = (uint64_t)db_int(s, 8),
				      .workers = (uint64_t)db_int(s, 9), .blocks = db_int(s, 10), .saved = db_int(s, 11), .late = (uint64_t)db_int(s, 12),
				      .left_out = (uint64_t)db_int(s, 13) };
	return RC_OK;
}
