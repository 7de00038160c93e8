/* Reading bulletins. */
#include "store/bulletins.h"

#include "store/bulletins_internal.h"

#define COUNTED(what) "(SELECT count(*) FROM bulletin_to t WHERE t.bulletin = b.row AND t.who <> ''" what ")"
#define COLUMNS \
	"b.row, b.id, b.number, b.code, b.category, b.title, b.source, b.origin, b.tlp, b.impact, b.exercise, b.is_out, b.issued, b.came, b.due, " \
	COUNTED("") ", " COUNTED(" AND t.received > 0") ", " COUNTED(" AND t.read_at > 0") ", " COUNTED(" AND t.answered > 0")

/* Texts of the current row, from column `first` on, copied. */
static bool copy_texts(struct arena *a, const struct dbq *q, int first, struct str *const *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		*to[i] = arena_dup(a, db_text(q, first + (int)i));
		if (to[i]->p == NULL)
			return false;
	}
	return true;
}

static bool fill_row(struct arena *a, const struct dbq *q, void *row)
{
	struct bulletin_row *b = row;
	struct str *const to[] = { &b->id, &b->number, &b->code, &b->category, &b->title, &b->source, &b->origin };

	b->row = db_int(q, 0);
	b->tlp = (uint8_t)db_int(q, 8);
	b->impact = (uint8_t)db_int(q, 9);
	b->exercise = db_int(q, 10) != 0;
	b->is_out = db_int(q, 11) != 0;
	b->issued = db_int(q, 12);
	b->came = db_int(q, 13);
	b->due = db_int(q, 14);
	b->recipients = db_int(q, 15);
	b->n_received = db_int(q, 16);
	b->n_read = db_int(q, 17);
	b->n_answered = db_int(q, 18);
	b->body = S("");
	return copy_texts(a, q, 1, to, COUNTOF(to));
}

static bool fill_whole(struct arena *a, const struct dbq *q, void *row)
{
	struct bulletin_row *b = row;

	if (!fill_row(a, q, row))
		return false;
	b->body = arena_dup(a, db_text(q, 19));
	return b->body.p != NULL;
}

static bool fill_to(struct arena *a, const struct dbq *q, void *row)
{
	struct bulletin_to *t = row;
	struct str *const to[] = { &t->who, &t->disposition, &t->reason, &t->incident, &t->feedback };

	t->queued = db_int(q, 5);
	t->sent = db_int(q, 6);
	t->received = db_int(q, 7);
	t->read = db_int(q, 8);
	t->answered = db_int(q, 9);
	return copy_texts(a, q, 0, to, COUNTOF(to));
}

static bool fill_errand(struct arena *a, const struct dbq *q, void *row)
{
	struct bulletin_errand *e = row;
	struct str *const to[] = { &e->id, &e->number, &e->to };

	e->row = db_int(q, 0);
	e->tlp = (uint8_t)db_int(q, 4);
	e->receipt = db_int(q, 5) != 0;
	e->received = db_int(q, 6);
	e->read = db_int(q, 7);
	return copy_texts(a, q, 1, to, COUNTOF(to));
}

static bool fill_late(struct arena *a, const struct dbq *q, void *row)
{
	struct bulletin_late *l = row;
	struct str *const to[] = { &l->id, &l->number, &l->who };

	l->row = db_int(q, 0);
	l->due = db_int(q, 4);
	l->exercise = db_int(q, 5) != 0;
	return copy_texts(a, q, 1, to, COUNTOF(to));
}

static bool fill_word(struct arena *a, const struct dbq *q, void *row)
{
	struct bulletin_word *w = row;
	struct str *const to[] = { &w->id, &w->number, &w->code, &w->title, &w->origin, &w->source, &w->who, &w->kind };

	w->row = db_int(q, 0);
	w->tlp = (uint8_t)db_int(q, 9);
	w->exercise = db_int(q, 10) != 0;
	w->due = db_int(q, 11);
	w->at = db_int(q, 12);
	return copy_texts(a, q, 1, to, COUNTOF(to));
}

enum rc bulletin_get(struct store *s, struct str id, struct arena *a, struct bulletin_row *ret, struct err *err)
{
	struct listing l = { .what = "bulletins", .a = a, .size = sizeof *ret, .fill = fill_whole, .n_v = 1, .v = { DB_TEXT(id) },
			     .sql = "SELECT " COLUMNS ", b.body FROM bulletin b WHERE b.id = $1 OR b.number = $1 ORDER BY b.row LIMIT 2" };

	TRY(text_check(id, SHORT_MAX, "alert", err));
	TRY(store_list(s, &l, 2, err));
	if (l.n == 0)
		return FAIL(err, RC_NOTFOUND, "no alert '%.*s'", STR(str_slice(id, 0, 64)));
	if (l.n > 1)
		return FAIL(err, RC_CONFLICT, "alert: several have the number '%.*s'; name it by its id", STR(id));
	*ret = *(struct bulletin_row *)l.rows;
	return RC_OK;
}

enum rc bulletin_recipients(struct store *s, int64_t row, struct arena *a, struct bulletin_to **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "bulletins", .a = a, .size = sizeof **ret, .fill = fill_to, .n_v = 1, .v = { DB_INT(row) },
			     .sql = "SELECT who, disposition, reason, incident, feedback, queued, sent, received, read_at, answered FROM bulletin_to"
				    " WHERE bulletin = $1 ORDER BY who" };

	TRY(store_list(s, &l, BULLETIN_TO_MAX, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

enum rc bulletin_list(struct store *s, const struct bulletin_query *q, struct arena *a, struct bulletin_row **ret, size_t *ret_n,
		      struct err *err)
{
	struct listing l = { .what = "bulletins", .a = a, .size = sizeof **ret, .fill = fill_row, .n_v = 7,
			     .v = { DB_INT(q->limit > LIST_MAX ? LIST_MAX : q->limit), DB_INT(q->before == 0 ? INT64_MAX : q->before), DB_TEXT(q->code),
				    DB_TEXT(q->source), DB_INT(q->is_out), DB_INT(q->open), DB_INT(q->tlp_most) },
			     .sql = "SELECT " COLUMNS " FROM bulletin b WHERE b.row < $2 AND b.tlp <= $7 AND ($3 = '' OR b.code = $3) AND ($4 = '' OR b.source = $4)"
				    " AND ($5 < 0 OR b.is_out = $5) AND ($6 = 0 OR EXISTS (SELECT 1 FROM bulletin_to t WHERE t.bulletin = b.row"
				    " AND t.answered = 0 AND b.code <> 'FBI')) ORDER BY b.row DESC LIMIT $1" };

	TRY(text_check(q->code, SHORT_MAX, "code", err));
	TRY(text_check(q->source, SHORT_MAX, "source", err));
	TRY(store_list(s, &l, (size_t)l.v[0].i, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

enum rc bulletin_errands(struct store *s, const struct bulletin_errand *after, uint32_t limit, struct arena *a, struct bulletin_errand **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "bulletins", .a = a, .size = sizeof **ret, .fill = fill_errand, .n_v = 3,
			     .v = { DB_INT(limit > LIST_MAX ? LIST_MAX : limit), DB_INT(after == NULL ? 0 : after->row), DB_TEXT(after == NULL ? S("") : after->to) },
			     .sql = "SELECT b.row, b.id, b.number, t.who, b.tlp, CAST(0 AS BIGINT), t.received, t.read_at FROM bulletin_to t JOIN bulletin b ON b.row = t.bulletin"
				    " WHERE t.who <> '' AND t.sent = 0 AND (b.row, t.who) > ($2, $3)"
				    " UNION ALL SELECT b.row, b.id, b.number, b.origin, b.tlp, CAST(1 AS BIGINT), t.received, t.read_at FROM bulletin_to t"
				    " JOIN bulletin b ON b.row = t.bulletin WHERE t.who = '' AND t.told < 2 AND b.origin <> ''"
				    " AND t.told < CASE WHEN t.read_at > 0 THEN 2 ELSE 1 END AND (b.row, b.origin) > ($2, $3) ORDER BY 1, 4 LIMIT $1" };

	TRY(store_list(s, &l, (size_t)l.v[0].i, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

enum rc bulletin_late_list(struct store *s, usec now, uint32_t limit, struct arena *a, struct bulletin_late **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "bulletins", .a = a, .size = sizeof **ret, .fill = fill_late, .n_v = 2, .v = { DB_INT(limit > LIST_MAX ? LIST_MAX : limit), DB_INT(now) },
			     .sql = "SELECT b.row, b.id, b.number, t.who, b.due, b.exercise FROM bulletin_to t JOIN bulletin b ON b.row = t.bulletin"
				    " WHERE t.late = 0 AND b.due < $2 ORDER BY b.row, t.who LIMIT $1" };

	TRY(store_list(s, &l, (size_t)l.v[0].i, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

enum rc bulletin_words(struct store *s, uint32_t limit, struct arena *a, struct bulletin_word **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "bulletins", .a = a, .size = sizeof **ret, .fill = fill_word, .n_v = 1, .v = { DB_INT(limit > LIST_MAX ? LIST_MAX : limit) },
			     .sql = "SELECT b.row, b.id, b.number, b.code, b.title, b.origin, b.source, w.who, w.kind, b.tlp, b.exercise, b.due, w.at"
				    " FROM bulletin_word w JOIN bulletin b ON b.row = w.bulletin ORDER BY w.at, b.row, w.who LIMIT $1" };

	TRY(store_list(s, &l, (size_t)l.v[0].i, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}
