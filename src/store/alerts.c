#include "store/alerts.h"

#include "store/db.h"
#include "store/internal.h"

#define TEXT_MAX 4096
#define BODY_MAX ((size_t)1 << 20)
#define BATCH_MAX 10000

static enum rc check_alert(const struct alert_row *a, struct err *err)
{
	TRY(text_check(a->input, TEXT_MAX, "alert: input", err));
	TRY(text_check(a->observable, TEXT_MAX, "alert: observable", err));
	TRY(text_check(a->indicator, TEXT_MAX, "alert: indicator", err));
	TRY(text_check(a->sighting, TEXT_MAX, "alert: sighting", err));
	TRY(text_check(a->where, TEXT_MAX, "alert: where", err));
	return text_check(a->body, BODY_MAX, "alert: body", err);
}

struct batch {
	struct alert_row *rows;
	size_t n;
};

static enum rc put_alerts(struct store *s, void *ctx, struct err *err)
{
	struct batch *b = ctx;
	usec now = time_now();
	int64_t first;

	TRY(db_count_on(s->write_db, S("alert"), (int64_t)b->n, &first, err));
	for (size_t i = 0; i < b->n; i++) {
		struct alert_row *a = &b->rows[i];

		a->row = first + (int64_t)i;
		TRY(DB_RUN(s->write_db, err,
			   "INSERT INTO alert (row, at, seen, input, observable, indicator, sighting, place, body, tlp)"
			   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
			   DB_INT(a->row), DB_INT(a->at), DB_INT(a->seen == 0 ? now : a->seen), DB_TEXT(a->input),
			   DB_TEXT(a->observable), DB_TEXT(a->indicator), DB_TEXT(a->sighting), DB_TEXT(a->where),
			   DB_TEXT(a->body), DB_INT(a->tlp)));
	}
	return RC_OK;
}

enum rc alert_put(struct store *s, struct alert_row *a, size_t n, struct err *err)
{
	struct batch b = { a, n };

	if (n == 0)
		return RC_OK;
	if (n > BATCH_MAX)
		return FAIL(err, RC_LIMIT, "alerts: more than %d at a time", BATCH_MAX);
	for (size_t i = 0; i < n; i++)
		TRY(check_alert(&a[i], err));
	return writer_do(s->writer, put_alerts, &b, err);
}

struct listing {
	int64_t after;
	uint32_t limit;
	struct arena *a;
	struct alert_row *rows;
	size_t n;
};

static bool fill_alert(struct arena *m, const struct dbq *q, struct alert_row *a)
{
	struct str *texts[] = { &a->input, &a->observable, &a->indicator, &a->sighting, &a->where, &a->body };

	a->row = db_int(q, 0);
	a->at = db_int(q, 1);
	a->seen = db_int(q, 2);
	a->tlp = (uint8_t)db_int(q, 3);
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i] = arena_dup(m, db_text(q, 4 + (int)i));
		if (texts[i]->p == NULL)
			return false;
	}
	return true;
}

static enum rc list_alerts(struct db *d, void *ctx, struct err *err)
{
	struct listing *l = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err,
		     "SELECT row, at, seen, tlp, input, observable, indicator, sighting, place, body FROM alert"
		     " WHERE row > $1 ORDER BY row LIMIT $2",
		     DB_INT(l->after), DB_INT(l->limit)));
	for (;;) {
		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		if (!fill_alert(l->a, q, &l->rows[l->n]))
			return FAIL(err, RC_NOMEM, "alerts: the caller's memory is full");
		l->n++;
	}
}

enum rc alert_list(struct store *s, int64_t after, uint32_t limit, struct arena *a, struct alert_row **ret, size_t *ret_n,
		   struct err *err)
{
	struct listing l = { .after = after, .limit = limit < BATCH_MAX ? limit : BATCH_MAX, .a = a };

	l.rows = arena_array(a, (size_t)l.limit + 1, sizeof *l.rows);
	if (l.rows == NULL)
		return FAIL(err, RC_NOMEM, "alerts: the caller's memory is full");
	TRY(store_read(s, list_alerts, &l, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}
