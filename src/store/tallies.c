#include "store/tallies.h"

#include "store/tickets_internal.h"

#define LIST_MAX 1000
#define COLUMNS "day, collection, tlp, created, first, last, hits, sent, sent_at, id, indicator, input"

struct adding {
	const struct tally *t;
	size_t n;
};

static enum rc add(struct store *s, void *ctx, struct err *err)
{
	const struct adding *x = ctx;
	usec now = time_now();

	for (size_t i = 0; i < x->n; i++) {
		const struct tally *t = &x->t[i];

		TRY(DB_RUN(s->write_db, err,
			   "INSERT INTO tally (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET"
			   " hits = tally.hits + excluded.hits, tlp = CASE WHEN tally.tlp < excluded.tlp THEN excluded.tlp ELSE tally.tlp END,"
			   " first = CASE WHEN tally.first > excluded.first THEN excluded.first ELSE tally.first END,"
			   " last = CASE WHEN tally.last < excluded.last THEN excluded.last ELSE tally.last END",
			   DB_INT(t->day), DB_INT(t->collection), DB_INT(t->tlp), DB_INT(t->created == 0 ? now : t->created), DB_INT(t->first),
			   DB_INT(t->last), DB_INT(t->hits), DB_TEXT(t->id), DB_TEXT(t->indicator), DB_TEXT(t->input)));
	}
	return RC_OK;
}

enum rc tally_add(struct store *s, const struct tally *t, size_t n, struct err *err)
{
	struct adding x = { t, n };

	for (size_t i = 0; i < n; i++) {
		TRY(text_check(t[i].id, TICKET_TEXT_MAX, "tally: id", err));
		TRY(text_check(t[i].indicator, TICKET_TEXT_MAX, "tally: indicator", err));
		TRY(text_check(t[i].input, TICKET_TEXT_MAX, "tally: input", err));
	}
	return n == 0 ? RC_OK : writer_do(s->writer, add, &x, err);
}

struct reading {
	struct str id;
	usec sent_before;
	int64_t day;
	uint32_t limit;
	struct arena *a;
	struct tally *list;
	size_t n;
};

static enum rc collect(struct reading *r, struct dbq *q, struct err *err)
{
	bool row;

	for (r->n = 0;; r->n++) {
		struct tally *t = &r->list[r->n];

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		*t = (struct tally){ .day = db_int(q, 0), .collection = (uint32_t)db_int(q, 1), .tlp = (uint8_t)db_int(q, 2),
				     .created = db_int(q, 3), .first = db_int(q, 4), .last = db_int(q, 5), .hits = db_int(q, 6),
				     .sent = db_int(q, 7), .sent_at = db_int(q, 8), .id = arena_dup(r->a, db_text(q, 9)),
				     .indicator = arena_dup(r->a, db_text(q, 10)), .input = arena_dup(r->a, db_text(q, 11)) };
		if (t->id.p == NULL || t->indicator.p == NULL || t->input.p == NULL)
			return FAIL(err, RC_NOMEM, "tallies: the caller's memory is full");
	}
}

static enum rc read_one(struct db *d, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;

	TRY(DB_START(d, &q, err, "SELECT " COLUMNS " FROM tally WHERE id = $1", DB_TEXT(r->id)));
	return collect(r, q, err);
}

enum rc tally_get(struct store *s, struct str id, struct arena *a, struct tally *ret, struct err *err)
{
	struct tally room[2];
	struct reading r = { .id = id, .a = a, .list = room };

	TRY(store_read(s, read_one, &r, err));
	if (r.n == 0)
		return FAIL(err, RC_NOTFOUND, "tally %.*s: not known", STR(str_slice(id, 0, 64)));
	*ret = room[0];
	return RC_OK;
}

static enum rc read_due(struct db *d, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;

	TRY(DB_START(d, &q, err, "SELECT " COLUMNS " FROM tally WHERE hits <> sent AND (sent_at < $1 OR day < $2) ORDER BY sent_at LIMIT $3",
		     DB_INT(r->sent_before), DB_INT(r->day), DB_INT(r->limit)));
	return collect(r, q, err);
}

enum rc tally_due(struct store *s, usec sent_before, int64_t day, uint32_t limit, struct arena *a, struct tally **ret, size_t *ret_n,
		  struct err *err)
{
	struct reading r = { .sent_before = sent_before, .day = day, .limit = limit < LIST_MAX ? limit : LIST_MAX, .a = a };

	r.list = arena_array(a, (size_t)r.limit + 1, sizeof *r.list);
	if (r.list == NULL)
		return FAIL(err, RC_NOMEM, "tallies: the caller's memory is full");
	TRY(store_read(s, read_due, &r, err));
	*ret = r.list;
	*ret_n = r.n;
	return RC_OK;
}

struct sending {
	struct str id;
	int64_t hits;
	usec at;
};

static enum rc note_sent(struct store *s, void *ctx, struct err *err)
{
	const struct sending *x = ctx;

	return DB_RUN(s->write_db, err, "UPDATE tally SET sent = $2, sent_at = $3 WHERE id = $1", DB_TEXT(x->id), DB_INT(x->hits), DB_INT(x->at));
}

enum rc tally_sent(struct store *s, struct str id, int64_t hits, usec at, struct err *err)
{
	struct sending x = { id, hits, at };

	return writer_do(s->writer, note_sent, &x, err);
}
