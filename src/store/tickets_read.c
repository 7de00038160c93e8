/* Reading tickets. */
#include "store/tickets_internal.h"

#define LIST_MAX 1000
#define ALL_REFS_MAX 1024 /* items of all lists of a ticket that are read; two merged ones may hold more than one */

enum rc ticket_fill(struct arena *a, const struct dbq *q, struct ticket *t, struct err *err)
{
	struct str *texts[] = { &t->number, &t->cluster, &t->entity, &t->title, &t->description, &t->class, &t->type, &t->level, &t->reporter,
				&t->victim, &t->victim_name, &t->sector, &t->region, &t->protection, &t->input, &t->where, &t->state,
				&t->assignee, &t->disposition, &t->closed_by, &t->merged_into };

	*t = (struct ticket){ .row = db_int(q, 0), .impact = (uint8_t)db_int(q, 1), .tlp = (uint8_t)db_int(q, 2), .hits = db_int(q, 3),
			      .cut = db_int(q, 4), .first = db_int(q, 5), .last = db_int(q, 6), .opened = db_int(q, 7), .closed = db_int(q, 8) };
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i] = arena_dup(a, db_text(q, 9 + (int)i));
		if (texts[i]->p == NULL)
			return FAIL(err, RC_NOMEM, "tickets: the caller's memory is full");
	}
	return RC_OK;
}

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	return ticket_fill(a, q, row, NULL) == RC_OK;
}

static enum rc list(struct store *s, struct listing *l, size_t max, struct ticket **ret, size_t *ret_n, struct err *err)
{
	l->what = "tickets";
	l->fill = fill;
	l->size = sizeof **ret;
	l->v[l->n_v++] = DB_INT((int64_t)max);
	TRY(store_list(s, l, max, err));
	*ret = l->rows;
	*ret_n = l->n;
	return RC_OK;
}

enum rc ticket_near(struct store *s, struct str cluster, usec from, usec to, uint32_t limit, struct arena *a, struct ticket **ret,
		    size_t *ret_n, struct err *err)
{
	struct listing l = { .a = a, .n_v = 3, .v = { DB_TEXT(cluster), DB_INT(from), DB_INT(to) },
			     .sql = "SELECT " TICKET_COLUMNS " FROM ticket WHERE cluster = $1 AND last >= $2 AND first <= $3 AND state <> 'closed'"
				    " ORDER BY last DESC, row DESC LIMIT $4" };

	return list(s, &l, limit < LIST_MAX ? limit : LIST_MAX, ret, ret_n, err);
}

enum rc ticket_list(struct store *s, const struct ticket_query *q, struct arena *a, struct ticket **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .a = a, .n_v = 11,
			     .v = { DB_INT(q->before == 0 ? INT64_MAX : q->before), DB_TEXT(q->state), DB_TEXT(q->class), DB_TEXT(q->disposition),
				    DB_TEXT(q->assignee), DB_TEXT(q->where), DB_TEXT(q->level), DB_INT(q->since == 0 ? INT64_MIN : q->since),
				    DB_INT(q->until == 0 ? INT64_MAX : q->until - 1), DB_TEXT(q->kind), DB_TEXT(q->value) },
			     .sql = "SELECT " TICKET_COLUMNS " FROM ticket WHERE row < $1 AND ($2 = '' OR state = $2 OR ($2 = 'active' AND state <> 'closed'))"
				    " AND ($3 = '' OR class = $3) AND ($4 = '' OR disposition = $4) AND ($5 = '' OR assignee = $5) AND ($6 = '' OR place = $6)"
				    " AND ($7 = '' OR level = $7) AND last >= $8 AND first <= $9 AND ($10 = '' OR EXISTS (SELECT 1 FROM ticket_ref r"
				    " WHERE r.kind = $10 AND r.value = $11 AND r.ticket = ticket.row)) ORDER BY row DESC LIMIT $12" };

	return list(s, &l, q->limit < LIST_MAX ? q->limit : LIST_MAX, ret, ret_n, err);
}

struct getting {
	struct str number;
	struct arena *a;
	struct ticket *t;
};

static enum rc read_refs(struct db *d, struct arena *a, struct ticket *t, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	t->refs = arena_array(a, ALL_REFS_MAX, sizeof *t->refs);
	t->n_refs = 0;
	if (t->refs == NULL)
		return FAIL(err, RC_NOMEM, "tickets: the caller's memory is full");
	TRY(DB_START(d, &q, err, "SELECT hits, kind, value, note FROM ticket_ref WHERE ticket = $1 ORDER BY kind, hits DESC, value LIMIT $2",
		     DB_INT(t->row), DB_INT(ALL_REFS_MAX)));
	for (;;) {
		struct ticket_ref *r = &t->refs[t->n_refs];

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		*r = (struct ticket_ref){ arena_dup(a, db_text(q, 1)), arena_dup(a, db_text(q, 2)), arena_dup(a, db_text(q, 3)), db_int(q, 0) };
		if (r->kind.p == NULL || r->value.p == NULL || r->note.p == NULL)
			return FAIL(err, RC_NOMEM, "tickets: the caller's memory is full");
		t->n_refs++;
	}
}

static enum rc get_ticket(struct db *d, void *ctx, struct err *err)
{
	struct getting *g = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool there;

	TRY(DB_START(d, &q, err, "SELECT " TICKET_COLUMNS " FROM ticket WHERE number = $1", DB_TEXT(g->number)));
	TRY(db_next(q, &there, err));
	if (!there)
		return FAIL(err, RC_NOTFOUND, "ticket %.*s: not known", STR(str_slice(g->number, 0, 64)));
	TRY(ticket_fill(g->a, q, g->t, err));
	return read_refs(d, g->a, g->t, err);
}

enum rc ticket_get(struct store *s, struct str number, struct arena *a, struct ticket *ret, struct err *err)
{
	struct getting g = { number, a, ret };

	if (text_check(number, TICKET_NUMBER_MAX, "ticket", NULL) != RC_OK)
		return FAIL(err, RC_NOTFOUND, "ticket: a number is at most %d letters and digits", TICKET_NUMBER_MAX);
	return store_read(s, get_ticket, &g, err);
}

static enum rc count_tickets(struct db *d, void *ctx, struct err *err)
{
	struct ticket_stats *st = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	*st = (struct ticket_stats){ 0 };
	TRY(DB_START(d, &q, err, "SELECT count(*), coalesce(CAST(sum(hits) AS BIGINT), 0), state FROM ticket WHERE row > $1 GROUP BY state", DB_INT(0)));
	for (;;) {
		uint64_t n;

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		n = (uint64_t)db_int(q, 0);
		st->tickets += n;
		st->hits += (uint64_t)db_int(q, 1);
		if (str_eq(db_text(q, 2), S("open")))
			st->open = n;
		else if (str_eq(db_text(q, 2), S("closed")))
			st->closed = n;
		else
			st->in_progress = n;
	}
}

enum rc ticket_count(struct store *s, struct ticket_stats *ret, struct err *err)
{
	return store_read(s, count_tickets, ret, err);
}

struct facts_of {
	char subject[16 + TICKET_NUMBER_MAX];
	fact_visit fn;
	void *ctx;
};

static enum rc visit_facts(struct db *d, void *ctx, struct err *err)
{
	struct facts_of *x = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err,
		     "SELECT " FACT_COLUMNS " FROM fact WHERE subject = $1 AND kind >= 'ticket.' AND kind < 'ticket/' ORDER BY seq",
		     DB_TEXT(str_of(x->subject))));
	for (;;) {
		struct fact f;

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		TRY(fact_from_row(q, &f, err));
		if (!x->fn(x->ctx, &f))
			return RC_OK;
	}
}

enum rc ticket_facts(struct store *s, struct str number, fact_visit fn, void *ctx, struct err *err)
{
	struct facts_of x = { .fn = fn, .ctx = ctx };

	snprintf(x.subject, sizeof x.subject, "ticket:%.*s", STR(str_slice(number, 0, TICKET_NUMBER_MAX)));
	return store_read(s, visit_facts, &x, err);
}
