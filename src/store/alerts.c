#include "store/alerts.h"

#include "store/db.h"
#include "store/tickets_internal.h"

#define TEXT_MAX 4096
#define BATCH_MAX 10000

enum rc alert_check(const struct alert_row *a, struct err *err)
{
	TRY(text_check(a->input, TEXT_MAX, "alert: input", err));
	TRY(text_check(a->observable, TEXT_MAX, "alert: observable", err));
	TRY(text_check(a->indicator, TEXT_MAX, "alert: indicator", err));
	TRY(text_check(a->sighting, TEXT_MAX, "alert: sighting", err));
	TRY(text_check(a->where, TEXT_MAX, "alert: where", err));
	TRY(text_check(a->rule, TEXT_MAX, "alert: rule", err));
	TRY(text_check(a->level, TEXT_MAX, "alert: level", err));
	TRY(text_check(a->cluster, TEXT_MAX, "alert: cluster", err));
	return text_check(a->body, ALERT_BODY_MAX, "alert: body", err);
}

struct batch {
	struct alert_row *rows;
	size_t n;
};

enum rc alerts_insert(struct db *d, struct alert_row *rows, size_t n, struct err *err)
{
	usec now = time_now();
	int64_t first;

	TRY(db_count_on(d, S("alert"), (int64_t)n, &first, err));
	for (size_t i = 0; i < n; i++) {
		struct alert_row *a = &rows[i];

		a->row = first + (int64_t)i;
		TRY(DB_RUN(d, err,
			   "INSERT INTO alert (row, at, seen, input, observable, indicator, sighting, place, body, tlp, rule, level, cluster,"
			   " hits, first, last, ticket) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
			   DB_INT(a->row), DB_INT(a->at), DB_INT(a->seen == 0 ? now : a->seen), DB_TEXT(a->input),
			   DB_TEXT(a->observable), DB_TEXT(a->indicator), DB_TEXT(a->sighting), DB_TEXT(a->where),
			   DB_TEXT(a->body), DB_INT(a->tlp), DB_TEXT(a->rule), DB_TEXT(a->level), DB_TEXT(a->cluster),
			   DB_INT(a->hits == 0 ? 1 : a->hits), DB_INT(a->first == 0 ? a->at : a->first),
			   DB_INT(a->last == 0 ? a->at : a->last), DB_INT(a->ticket)));
	}
	return RC_OK;
}

static enum rc put_alerts(struct store *s, void *ctx, struct err *err)
{
	struct batch *b = ctx;

	return alerts_insert(s->write_db, b->rows, b->n, err);
}

enum rc alert_put(struct store *s, struct alert_row *a, size_t n, struct err *err)
{
	struct batch b = { a, n };

	if (n == 0)
		return RC_OK;
	if (n > BATCH_MAX)
		return FAIL(err, RC_LIMIT, "alerts: more than %d at a time", BATCH_MAX);
	for (size_t i = 0; i < n; i++)
		TRY(alert_check(&a[i], err));
	return writer_do(s->writer, put_alerts, &b, err);
}

static bool fill_alert(struct arena *m, const struct dbq *q, void *row)
{
	struct alert_row *a = row;
	struct str *texts[] = { &a->input, &a->observable, &a->indicator, &a->sighting, &a->where, &a->body, &a->rule, &a->level,
				&a->cluster, &a->number };

	a->row = db_int(q, 0);
	a->at = db_int(q, 1);
	a->seen = db_int(q, 2);
	a->tlp = (uint8_t)db_int(q, 3);
	a->hits = db_int(q, 4);
	a->first = db_int(q, 5);
	a->last = db_int(q, 6);
	a->ticket = db_int(q, 7);
	/* Rows of before alerts were counted. */
	a->first = a->first == 0 ? a->at : a->first;
	a->last = a->last == 0 ? a->at : a->last;
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i] = arena_dup(m, db_text(q, 8 + (int)i));
		if (texts[i]->p == NULL)
			return false;
	}
	return true;
}

#define ALERT_SELECT \
	"SELECT a.row, a.at, a.seen, a.tlp, a.hits, a.first, a.last, a.ticket, a.input, a.observable, a.indicator, a.sighting, a.place," \
	" a.body, a.rule, a.level, a.cluster, t.number FROM alert a LEFT JOIN ticket t ON t.row = a.ticket "

static enum rc list(struct store *s, const char *sql, int64_t key, uint32_t limit, struct arena *a, struct alert_row **ret, size_t *ret_n,
		    struct err *err)
{
	size_t max = limit < BATCH_MAX ? limit : BATCH_MAX;
	struct listing l = { .what = "alerts", .sql = sql, .n_v = 2, .v = { DB_INT(key), DB_INT((int64_t)max) }, .a = a, .fill = fill_alert,
			     .size = sizeof **ret };

	TRY(store_list(s, &l, max, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

enum rc alert_list(struct store *s, int64_t after, uint32_t limit, struct arena *a, struct alert_row **ret, size_t *ret_n,
		   struct err *err)
{
	return list(s, ALERT_SELECT "WHERE a.row > $1 ORDER BY a.row LIMIT $2", after, limit, a, ret, ret_n, err);
}

enum rc alert_of_ticket(struct store *s, int64_t ticket, uint32_t limit, struct arena *a, struct alert_row **ret, size_t *ret_n,
			struct err *err)
{
	return list(s, ALERT_SELECT "WHERE a.ticket = $1 AND a.ticket <> 0 ORDER BY a.row LIMIT $2", ticket, limit, a, ret, ret_n, err);
}
