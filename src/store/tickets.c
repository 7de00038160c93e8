/* Making, growing and merging tickets, on the SQL writer's thread. */
#include "store/tickets_internal.h"

#include "base/jsonw.h"

#define NEAR_MAX 20 /* tickets that a new one is related to */
#define FACT_BODY ((size_t)4096)

static enum rc check_ref(const struct ticket_ref *r, struct err *err)
{
	TRY(text_check(r->kind, 64, "ticket: kind of an item", err));
	TRY(text_check(r->value, TICKET_TEXT_MAX, "ticket: item", err));
	return text_check(r->note, TICKET_TEXT_MAX, "ticket: note of an item", err);
}

static enum rc check_ticket(const struct ticket *t, struct err *err)
{
	const struct { struct str text; const char *what; } texts[] = {
		{ t->cluster, "ticket: cluster" }, { t->entity, "ticket: entity" }, { t->title, "ticket: title" },
		{ t->class, "ticket: class" }, { t->type, "ticket: type" }, { t->level, "ticket: level" }, { t->reporter, "ticket: reporter" },
		{ t->victim, "ticket: victim" }, { t->victim_name, "ticket: victim" }, { t->sector, "ticket: sector" },
		{ t->region, "ticket: region" }, { t->protection, "ticket: protection" }, { t->input, "ticket: input" },
		{ t->where, "ticket: host" },
	};

	for (size_t i = 0; i < COUNTOF(texts); i++)
		TRY(text_check(texts[i].text, TICKET_TEXT_MAX, texts[i].what, err));
	TRY(text_check(t->description, TICKET_NOTE_MAX, "ticket: description", err));
	for (size_t i = 0; i < t->n_refs; i++)
		TRY(check_ref(&t->refs[i], err));
	return t->cluster.n == 0 || t->title.n == 0 ? FAIL(err, RC_BAD, "ticket: without a cluster or a title") : RC_OK;
}

enum rc ticket_fact(struct store *s, const char *kind, struct str actor, struct str number, struct str body, struct err *err)
{
	char subject[16 + TICKET_NUMBER_MAX];
	int n = snprintf(subject, sizeof subject, "ticket:%.*s", STR(str_slice(number, 0, TICKET_NUMBER_MAX)));
	struct fact f = { .at = time_now(), .kind = str_of(kind), .actor = actor, .subject = str_make(subject, (size_t)n), .body = body };

	return fact_append_here(s, &f, err);
}

enum rc ticket_ref_put(struct db *d, int64_t ticket, const struct ticket_ref *r, struct err *err)
{
	int64_t hits = r->hits == 0 ? 1 : r->hits, n;
	uint64_t changed;

	TRY(DB_CHANGE(d, &changed, err, "UPDATE ticket_ref SET hits = hits + $4 WHERE ticket = $1 AND kind = $2 AND value = $3",
		      DB_INT(ticket), DB_TEXT(r->kind), DB_TEXT(r->value), DB_INT(hits)));
	if (changed > 0)
		return RC_OK;
	TRY(DB_ONE_INT(d, &n, err, "SELECT count(*) FROM ticket_ref WHERE ticket = $1 AND kind = $2", DB_INT(ticket), DB_TEXT(r->kind)));
	if (n >= TICKET_REFS_MAX)
		return DB_RUN(d, err, "UPDATE ticket SET cut = cut + 1 WHERE row = $1", DB_INT(ticket));
	return DB_RUN(d, err, "INSERT INTO ticket_ref (ticket, kind, value, note, hits) VALUES ($1, $2, $3, $4, $5)", DB_INT(ticket),
		      DB_TEXT(r->kind), DB_TEXT(r->value), DB_TEXT(r->note), DB_INT(hits));
}

/* --- a new one --- */

struct opening {
	struct ticket *t;
	struct alert_row *alerts;
	size_t n_alerts;
	usec near;
	char number[TICKET_NUMBER_MAX];
};

/* "2026-000042": the year stands first, so that numbers sort as time goes and may begin anew each year. */
static enum rc draw_number(struct db *d, usec now, char number[static TICKET_NUMBER_MAX], struct err *err)
{
	char text[TIME_TEXT_MAX], counter[16];
	int64_t n;

	time_format(now, text);
	snprintf(counter, sizeof counter, "ticket:%.4s", text);
	TRY(db_count_on(d, str_of(counter), 1, &n, err));
	snprintf(number, TICKET_NUMBER_MAX, "%.4s-%06lld", text, (long long)n);
	return RC_OK;
}

static enum rc insert_ticket(struct db *d, const struct ticket *t, struct err *err)
{
	return DB_RUN(d, err,
		      "INSERT INTO ticket (" TICKET_COLUMNS ") VALUES ($1, $2, $3, $4, 0, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13, $14, $15,"
		      " $16, $17, $18, $19, $20, $21, $22, $23, $24, '', '', '', '')",
		      DB_INT(t->row), DB_INT(t->impact), DB_INT(t->tlp), DB_INT(t->hits), DB_INT(t->first), DB_INT(t->last),
		      DB_INT(t->opened), DB_TEXT(t->number), DB_TEXT(t->cluster), DB_TEXT(t->entity), DB_TEXT(t->title),
		      DB_TEXT(t->description), DB_TEXT(t->class), DB_TEXT(t->type), DB_TEXT(t->level), DB_TEXT(t->reporter),
		      DB_TEXT(t->victim), DB_TEXT(t->victim_name), DB_TEXT(t->sector), DB_TEXT(t->region), DB_TEXT(t->protection),
		      DB_TEXT(t->input), DB_TEXT(t->where), DB_TEXT(t->state));
}

struct neighbour {
	int64_t row;
	char number[TICKET_NUMBER_MAX];
};

/* Times come from logs and may be any. */
static usec shifted(usec t, usec by)
{
	usec r;

	return __builtin_add_overflow(t, by, &r) ? (by < 0 ? INT64_MIN : INT64_MAX) : r;
}

static enum rc find_neighbours(struct db *d, const struct opening *o, struct neighbour *list, size_t *ret_n, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	*ret_n = 0;
	if (o->t->entity.n == 0)
		return RC_OK;
	TRY(DB_START(d, &q, err,
		     "SELECT row, number FROM ticket WHERE entity = $1 AND last >= $2 AND first <= $3 AND row <> $4 AND merged_into = ''"
		     " ORDER BY row DESC LIMIT $5",
		     DB_TEXT(o->t->entity), DB_INT(shifted(o->t->first, -o->near)), DB_INT(shifted(o->t->last, o->near)), DB_INT(o->t->row), DB_INT(NEAR_MAX)));
	for (;;) {
		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		list[*ret_n].row = db_int(q, 0);
		snprintf(list[*ret_n].number, TICKET_NUMBER_MAX, "%.*s", STR(db_text(q, 1)));
		(*ret_n)++;
	}
}

static enum rc relate(struct store *s, int64_t row, struct str number, int64_t other_row, struct str other, struct str why, struct str actor,
		      struct err *err)
{
	const struct ticket_ref there = { S("related"), other, why, 0 }, back = { S("related"), number, why, 0 };
	char body[128];
	int n = snprintf(body, sizeof body, "{\"related\":\"%.*s\"}", STR(other));

	TRY(ticket_ref_put(s->write_db, row, &there, err));
	TRY(ticket_ref_put(s->write_db, other_row, &back, err));
	return ticket_fact(s, "ticket.relate", actor, number, str_make(body, (size_t)n), err);
}

/* No value that a marking might cover: a fact is read by other ways than the ticket. */
static enum rc opening_fact(struct store *s, const struct ticket *t, struct err *err)
{
	struct buf b;
	struct jsonw w;
	enum rc rc;

	buf_init(&b, FACT_BODY);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "class", t->class);
	jsonw_m_str(&w, "type", t->type);
	jsonw_m_int(&w, "impact", t->impact);
	jsonw_m_int(&w, "tlp", t->tlp);
	jsonw_m_time(&w, "first", t->first);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "ticket");
	if (rc == RC_OK)
		rc = ticket_fact(s, "ticket.open", S("node"), t->number, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

static enum rc open_ticket(struct store *s, void *ctx, struct err *err)
{
	struct opening *o = ctx;
	struct ticket *t = o->t;
	struct neighbour list[NEAR_MAX];
	size_t n;

	t->opened = time_now();
	t->state = S("open");
	TRY(db_count_on(s->write_db, S("ticket"), 1, &t->row, err));
	TRY(draw_number(s->write_db, t->opened, o->number, err));
	t->number = str_of(o->number);
	TRY(insert_ticket(s->write_db, t, err));
	TRY(opening_fact(s, t, err));
	for (size_t i = 0; i < t->n_refs; i++)
		TRY(ticket_ref_put(s->write_db, t->row, &t->refs[i], err));
	for (size_t i = 0; i < o->n_alerts; i++)
		o->alerts[i].ticket = t->row;
	TRY(alerts_insert(s->write_db, o->alerts, o->n_alerts, err));
	TRY(find_neighbours(s->write_db, o, list, &n, err));
	for (size_t i = 0; i < n; i++)
		TRY(relate(s, t->row, t->number, list[i].row, str_of(list[i].number), S("same entity, same time"), S("node"), err));
	return RC_OK;
}

enum rc ticket_open(struct store *s, struct ticket *t, struct alert_row *alerts, size_t n_alerts, usec near, struct err *err)
{
	struct opening o = { .t = t, .alerts = alerts, .n_alerts = n_alerts, .near = near };
	struct str copy;

	TRY(check_ticket(t, err));
	for (size_t i = 0; i < n_alerts; i++)
		TRY(alert_check(&alerts[i], err));
	t->number = S("");
	TRY(writer_do(s->writer, open_ticket, &o, err));
	copy = str_slice(t->number, 0, TICKET_NUMBER_MAX - 1);
	memcpy(t->number_, copy.p, copy.n);
	t->number_[copy.n] = '\0';
	t->number = str_make(t->number_, copy.n);
	return RC_OK;
}

/* --- growing --- */

struct growing {
	struct ticket_growth *g;
	size_t n;
};

static enum rc grow_alert(struct db *d, const struct alert_growth *a, struct err *err)
{
	return DB_RUN(d, err,
		      "UPDATE alert SET hits = hits + $2, first = CASE WHEN first = 0 OR first > $3 THEN $3 ELSE first END,"
		      " last = CASE WHEN last < $4 THEN $4 ELSE last END WHERE row = $1",
		      DB_INT(a->row), DB_INT(a->hits), DB_INT(a->first), DB_INT(a->last));
}

static enum rc grow_one(struct store *s, struct ticket_growth *g, struct err *err)
{
	struct db *d = s->write_db;

	if (g->ticket != 0 && (g->hits > 0 || g->n_fresh > 0))
		TRY(DB_RUN(d, err,
			   "UPDATE ticket SET hits = hits + $2, first = CASE WHEN first > $3 THEN $3 ELSE first END,"
			   " last = CASE WHEN last < $4 THEN $4 ELSE last END, tlp = CASE WHEN tlp < $5 THEN $5 ELSE tlp END WHERE row = $1",
			   DB_INT(g->ticket), DB_INT(g->hits), DB_INT(g->first), DB_INT(g->last), DB_INT(g->tlp)));
	for (size_t i = 0; i < g->n_refs; i++)
		TRY(ticket_ref_put(d, g->ticket, &g->refs[i], err));
	for (size_t i = 0; i < g->n_fresh; i++)
		g->fresh[i].ticket = g->ticket;
	if (g->n_fresh > 0)
		TRY(alerts_insert(d, g->fresh, g->n_fresh, err));
	for (size_t i = 0; i < g->n_alerts; i++)
		TRY(grow_alert(d, &g->alerts[i], err));
	return RC_OK;
}

static enum rc grow_all(struct store *s, void *ctx, struct err *err)
{
	struct growing *x = ctx;

	for (size_t i = 0; i < x->n; i++)
		TRY(grow_one(s, &x->g[i], err));
	return RC_OK;
}

enum rc ticket_grow(struct store *s, struct ticket_growth *g, size_t n, struct err *err)
{
	struct growing x = { g, n };

	for (size_t i = 0; i < n; i++) {
		for (size_t r = 0; r < g[i].n_refs; r++)
			TRY(check_ref(&g[i].refs[r], err));
		for (size_t r = 0; r < g[i].n_fresh; r++)
			TRY(alert_check(&g[i].fresh[r], err));
	}
	return n == 0 ? RC_OK : writer_do(s->writer, grow_all, &x, err);
}

/* --- two that are one --- */

struct merging {
	int64_t into, from;
	char numbers[2][TICKET_NUMBER_MAX];
};

static enum rc number_of(struct db *d, int64_t row, char number[static TICKET_NUMBER_MAX], struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool there;

	TRY(DB_START(d, &q, err, "SELECT number FROM ticket WHERE row = $1", DB_INT(row)));
	TRY(db_next(q, &there, err));
	if (!there)
		return FAIL(err, RC_NOTFOUND, "ticket: not known");
	snprintf(number, TICKET_NUMBER_MAX, "%.*s", STR(db_text(q, 0)));
	return RC_OK;
}

/* Items that both have are added up, the others move. */
static enum rc merge_refs(struct db *d, const struct merging *m, struct err *err)
{
	TRY(DB_RUN(d, err,
		   "UPDATE ticket_ref SET hits = hits + (SELECT o.hits FROM ticket_ref o WHERE o.ticket = $2 AND o.kind = ticket_ref.kind"
		   " AND o.value = ticket_ref.value) WHERE ticket = $1 AND EXISTS (SELECT 1 FROM ticket_ref o WHERE o.ticket = $2"
		   " AND o.kind = ticket_ref.kind AND o.value = ticket_ref.value)",
		   DB_INT(m->into), DB_INT(m->from)));
	TRY(DB_RUN(d, err,
		   "INSERT INTO ticket_ref (ticket, kind, value, note, hits) SELECT CAST($1 AS BIGINT), o.kind, o.value, o.note, o.hits"
		   " FROM ticket_ref o WHERE o.ticket = $2 AND o.value <> $3 AND NOT EXISTS (SELECT 1 FROM ticket_ref r WHERE r.ticket = $1"
		   " AND r.kind = o.kind AND r.value = o.value)",
		   DB_INT(m->into), DB_INT(m->from), DB_TEXT(str_of(m->numbers[0]))));
	return RC_OK;
}

static enum rc merge_rows(struct db *d, const struct merging *m, usec now, struct err *err)
{
	TRY(DB_RUN(d, err, "UPDATE alert SET ticket = $1 WHERE ticket = $2 AND ticket <> 0", DB_INT(m->into), DB_INT(m->from)));
	TRY(DB_RUN(d, err,
		   "UPDATE ticket SET hits = hits + (SELECT o.hits FROM ticket o WHERE o.row = $2),"
		   " first = (SELECT min(o.first) FROM ticket o WHERE o.row IN ($1, $2)), last = (SELECT max(o.last) FROM ticket o WHERE o.row IN ($1, $2)),"
		   " tlp = (SELECT max(o.tlp) FROM ticket o WHERE o.row IN ($1, $2)) WHERE row = $1",
		   DB_INT(m->into), DB_INT(m->from)));
	return DB_RUN(d, err,
		      "UPDATE ticket SET state = 'closed', disposition = 'merged', closed = $2, closed_by = 'node', merged_into = $3 WHERE row = $1",
		      DB_INT(m->from), DB_INT(now), DB_TEXT(str_of(m->numbers[0])));
}

static enum rc merge(struct store *s, void *ctx, struct err *err)
{
	struct merging *m = ctx;
	char body[96];

	TRY(number_of(s->write_db, m->into, m->numbers[0], err));
	TRY(number_of(s->write_db, m->from, m->numbers[1], err));
	TRY(merge_refs(s->write_db, m, err));
	TRY(merge_rows(s->write_db, m, time_now(), err));
	TRY(relate(s, m->into, str_of(m->numbers[0]), m->from, str_of(m->numbers[1]), S("merged"), S("node"), err));
	snprintf(body, sizeof body, "{\"into\":\"%s\"}", m->numbers[0]);
	return ticket_fact(s, "ticket.merge", S("node"), str_of(m->numbers[1]), str_of(body), err);
}

enum rc ticket_merge(struct store *s, int64_t into, int64_t from, struct err *err)
{
	struct merging m = { .into = into, .from = from };

	return into == from ? FAIL(err, RC_BAD, "ticket: merged with itself") : writer_do(s->writer, merge, &m, err);
}
