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
	int64_t put;     /* the latest seen */
	char id[BLOCKQ_ID_MAX];
	size_t id_n, rows;
};

static enum rc each_page(struct blockq *q, struct paging *p, blockq_index_fn fn, void *ctx, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	bool row = true;

	p->rows = 0;
	TRY(DB_START(q->db, &s, err,
		     "SELECT b.put, b.id, b.first, b.last, y.idx FROM bq_block b JOIN bq_bytes y ON y.id = b.id"
		     " WHERE (b.put, b.id) > ($1, $2) ORDER BY b.put, b.id LIMIT $3",
		     DB_INT(p->put), DB_TEXT(str_make(p->id, p->id_n)), DB_INT(PAGE)));
	for (;;) {
		struct str id;

		TRY(db_next(s, &row, err));
		if (!row)
			return RC_OK;
		id = str_slice(db_text(s, 1), 0, sizeof p->id);
		p->rows++;
		p->put = db_int(s, 0);
		memcpy(p->id, id.p, id.n);
		p->id_n = id.n;
		if (db_int(s, 3) >= p->since && (p->until == 0 || db_int(s, 2) < p->until))
			TRY(fn(ctx, str_make(p->id, p->id_n), db_bytes(s, 4), err));
	}
}

enum rc blockq_each(struct blockq *q, usec since, usec until, blockq_index_fn fn, void *ctx, struct err *err)
{
	struct paging p = { .since = since, .until = until, .put = INT64_MIN, .rows = PAGE };

	while (p.rows == PAGE)
		TRY(each_page(q, &p, fn, ctx, err));
	return RC_OK;
}

struct expiring {
	usec age;
	uint64_t blocks;
};

static enum rc expire(struct blockq *q, void *ctx, struct err *err)
{
	struct expiring *e = ctx;

	TRY(DB_RUN(q->db, err,
		   BQ_NOW(q, "DELETE FROM bq_bytes WHERE id IN (SELECT id FROM bq_block WHERE state = 2 AND put < ", " - $1)"), DB_INT(e->age)));
	/* Blocks put meanwhile are not done: both statements see the same ones, or the second fewer. */
	return DB_CHANGE(q->db, &e->blocks, err,
			 "DELETE FROM bq_block WHERE state = 2 AND NOT EXISTS (SELECT 1 FROM bq_bytes WHERE bq_bytes.id = bq_block.id)");
}

enum rc blockq_expire(struct blockq *q, usec age, uint64_t *ret_blocks, struct err *err)
{
	struct expiring e = { .age = age };

	TRY(blockq_transact(q, expire, &e, err));
	*ret_blocks = e.blocks;
	return RC_OK;
}

/* --- numbers --- */

enum rc blockq_stats(struct blockq *q, struct blockq_stats *ret, struct err *err)
{
	struct dbq *s CLEANUP(db_endp) = NULL;
	const char *sql = db_is_pg(q->db)
		? "SELECT count(*) FILTER (WHERE state < 2 AND due <= " BQ_NOW_PG " AND tries < $1), count(*) FILTER (WHERE state = 1 AND due > " BQ_NOW_PG
		  "), count(*) FILTER (WHERE state = 2), count(*) FILTER (WHERE state < 2 AND due <= " BQ_NOW_PG " AND tries >= $1),"
		  " coalesce(sum(events), 0)::bigint, coalesce(" BQ_NOW_PG " - min(put) FILTER (WHERE state < 2 AND due <= " BQ_NOW_PG
		  " AND tries < $1), 0), (SELECT count(*) FROM bq_alert), (SELECT count(*) FROM bq_match) FROM bq_block"
		: "SELECT count(*) FILTER (WHERE state < 2 AND due <= " BQ_NOW_LITE " AND tries < $1), count(*) FILTER (WHERE state = 1 AND due > " BQ_NOW_LITE
		  "), count(*) FILTER (WHERE state = 2), count(*) FILTER (WHERE state < 2 AND due <= " BQ_NOW_LITE " AND tries >= $1),"
		  " coalesce(sum(events), 0), coalesce(" BQ_NOW_LITE " - min(put) FILTER (WHERE state < 2 AND due <= " BQ_NOW_LITE
		  " AND tries < $1), 0), (SELECT count(*) FROM bq_alert), (SELECT count(*) FROM bq_match) FROM bq_block";
	bool row = false;

	TRY(DB_START(q->db, &s, err, sql, DB_INT(BLOCKQ_TRIES)));
	TRY(db_next(s, &row, err));
	if (!row)
		return FAIL(err, RC_INTERNAL, "blocks: no numbers");
	*ret = (struct blockq_stats){ .ready = (uint64_t)db_int(s, 0), .taken = (uint64_t)db_int(s, 1), .done = (uint64_t)db_int(s, 2),
				      .stuck = (uint64_t)db_int(s, 3), .events = (uint64_t)db_int(s, 4), .oldest = db_int(s, 5),
				      .alerts = (uint64_t)db_int(s, 6), .matches = (uint64_t)db_int(s, 7) };
	return RC_OK;
}
