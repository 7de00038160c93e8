#include "store/incidents.h"

#include <stdio.h>

#include "base/jsonw.h"
#include "store/facts_internal.h"

#define TITLE_MAX 1000
#define SHORT_MAX 200
#define LIST_MAX 1000
#define COLUMNS "row, id, number, title, packs, exercise, opened, changed, facts, is_open, state, level, due, rung"

static enum rc check_facts(const struct incident_fact *f, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		TRY(text_check(f[i].id, SHORT_MAX, "fact: id", err));
		TRY(text_check(f[i].type, SHORT_MAX, "fact: type", err));
		TRY(text_check(f[i].body, INCIDENT_FACT_MAX, "fact", err));
		if (str_find(f[i].body, S("\n"), 0) != SIZE_MAX)
			return FAIL(err, RC_BAD, "fact: more than one line");
	}
	return RC_OK;
}

/* --- changing; on the writer's thread --- */

struct change {
	struct incident_row *r;             /* a new one, or NULL */
	int64_t row, had;
	const struct incident_fact *f;
	size_t n;
	const struct incident_derived *now;
	struct str actor, subject;
	struct incident_alarm *alarms;
	size_t n_alarms, added;
};

static enum rc chain(struct store *s, const char *kind, struct str type, struct str actor, struct str subject, struct str body, struct err *err)
{
	char text[FACT_KIND_MAX];
	struct fact f = { .at = time_now(), .actor = actor, .subject = subject, .body = body };

	snprintf(text, sizeof text, "%s%.*s", kind, (int)(type.n > 40 ? 40 : type.n), type.p);
	f.kind = str_of(text);
	return fact_append_here(s, &f, err);
}

static enum rc put_facts(struct store *s, struct change *c, struct err *err)
{
	c->added = 0;
	for (size_t i = 0; i < c->n; i++) {
		uint64_t changed;

		if (c->had + (int64_t)c->added >= INCIDENT_FACTS_MAX)
			return FAIL(err, RC_LIMIT, "incident: more than %d facts", INCIDENT_FACTS_MAX);
		TRY(DB_CHANGE(s->write_db, &changed, err,
			      "INSERT INTO incident_fact (incident, n, id, body) VALUES ($1, $2, $3, $4) ON CONFLICT (incident, id) DO NOTHING",
			      DB_INT(c->row), DB_INT(c->had + (int64_t)c->added), DB_TEXT(c->f[i].id), DB_TEXT(c->f[i].body)));
		if (changed == 0)
			continue;
		TRY(chain(s, "incident.", c->f[i].type, c->actor, c->subject, c->f[i].body, err));
		c->added++;
	}
	return RC_OK;
}

static enum rc put_derived(struct store *s, const struct change *c, struct err *err)
{
	return DB_RUN(s->write_db, err,
		      "UPDATE incident SET changed = $2, facts = $3, is_open = $4, state = $5, level = $6, due = $7, rung = $8 WHERE row = $1",
		      DB_INT(c->row), DB_INT(time_now()), DB_INT(c->had + (int64_t)c->added), DB_INT(c->now->open), DB_TEXT(c->now->state),
		      DB_INT(c->now->level), DB_INT(c->now->due), DB_INT(c->now->rung));
}

/* Numbers begin anew each year, and are given in the order of commits. Drills count for themselves: they change no real number. */
static enum rc take_number(struct store *s, struct incident_row *r, struct err *err)
{
	char counter[40], text[TIME_TEXT_MAX];
	int64_t n;

	time_format(r->opened, text);
	snprintf(counter, sizeof counter, "incident-%s%.4s", r->exercise ? STORE_EXERCISE : "", text);
	TRY(db_count_on(s->write_db, str_of(counter), 1, &n, err));
	snprintf(r->number_text, sizeof r->number_text, "%s%.4s-%06lld", r->exercise ? STORE_EXERCISE : "", text, (long long)n);
	r->number = str_of(r->number_text);
	return db_count_on(s->write_db, S("incident"), 1, &r->row, err);
}

static enum rc open_job(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;
	struct incident_row *r = c->r;
	int64_t there;

	r->opened = r->changed = time_now();
	TRY(DB_ONE_INT(s->write_db, &there, err, "SELECT count(*) FROM incident WHERE id = $1", DB_TEXT(r->id)));
	if (there > 0)
		return FAIL(err, RC_CONFLICT, "incident: '%.*s' is there already", STR(r->id));
	TRY(take_number(s, r, err));
	c->row = r->row;
	TRY(DB_RUN(s->write_db, err,
		   "INSERT INTO incident (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0, 1, '', 0, 0, 0)",
		   DB_INT(r->row), DB_TEXT(r->id), DB_TEXT(r->number), DB_TEXT(r->title), DB_TEXT(r->packs), DB_INT(r->exercise), DB_INT(r->opened)));
	TRY(put_facts(s, c, err));
	r->facts = (int64_t)c->added;
	return put_derived(s, c, err);
}

static enum rc check_new(const struct incident_row *r, struct err *err)
{
	TRY(text_check(r->id, SHORT_MAX, "incident: id", err));
	TRY(text_check(r->title, TITLE_MAX, "incident: title", err));
	return text_check(r->packs, SHORT_MAX, "incident: packs", err);
}

enum rc incident_open(struct store *s, struct incident_row *r, const struct incident_fact *f, size_t n, struct str actor, struct err *err)
{
	struct change c = { .r = r, .f = f, .n = n, .now = &r->now, .actor = actor, .subject = r->id };

	TRY(check_new(r, err));
	TRY(check_facts(f, n, err));
	return writer_do(s->writer, open_job, &c, err);
}

/* What the caller derived from still holds? The row is locked from here on. `id` gets the incident's, for the chain. */
static enum rc still(struct store *s, struct change *c, char id[static SHORT_MAX + 1], struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	uint64_t changed;
	bool row;

	TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE incident SET facts = facts WHERE row = $1 AND facts = $2", DB_INT(c->row), DB_INT(c->had)));
	if (changed == 0)
		return FAIL(err, RC_BUSY, "incident: somebody added a fact meanwhile");
	TRY(DB_START(s->write_db, &q, err, "SELECT id FROM incident WHERE row = $1", DB_INT(c->row)));
	TRY(db_next(q, &row, err));
	snprintf(id, SHORT_MAX + 1, "%.*s", STR(row ? db_text(q, 0) : S("")));
	c->subject = str_of(id);
	return RC_OK;
}

static enum rc add_job(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;
	char id[SHORT_MAX + 1];

	TRY(still(s, c, id, err));
	TRY(put_facts(s, c, err));
	return put_derived(s, c, err);
}

enum rc incident_add(struct store *s, int64_t row, int64_t had, const struct incident_fact *f, size_t n, const struct incident_derived *now,
		     struct str actor, size_t *ret_added, struct err *err)
{
	struct change c = { .row = row, .had = had, .f = f, .n = n, .now = now, .actor = actor };

	TRY(check_facts(f, n, err));
	TRY(writer_do(s->writer, add_job, &c, err));
	*ret_added = c.added;
	return RC_OK;
}

struct changes {
	struct incident_addition *list;
	size_t n;
	struct str actor;
};

static enum rc add_all_job(struct store *s, void *ctx, struct err *err)
{
	const struct changes *all = ctx;

	for (size_t i = 0; i < all->n; i++) {
		struct incident_addition *x = &all->list[i];
		struct change c = { .r = x->fresh, .row = x->row, .had = x->had, .f = x->f, .n = x->n, .actor = all->actor };

		c.now = x->fresh != NULL ? &x->fresh->now : &x->now;
		c.subject = x->fresh != NULL ? x->fresh->id : S("");
		TRY(x->fresh != NULL ? open_job(s, &c, err) : add_job(s, &c, err));
		x->added = c.added;
	}
	return RC_OK;
}

enum rc incident_add_all(struct store *s, struct incident_addition *list, size_t n, struct str actor, struct err *err)
{
	struct changes all = { list, n, actor };

	for (size_t i = 0; i < n; i++) {
		TRY(check_facts(list[i].f, list[i].n, err));
		if (list[i].fresh != NULL)
			TRY(check_new(list[i].fresh, err));
	}
	return writer_do(s->writer, add_all_job, &all, err);
}

static enum rc chain_alarm(struct store *s, const struct change *c, const struct incident_alarm *al, struct err *err)
{
	struct buf b;
	struct jsonw w;
	enum rc rc;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "clock", al->clock);
	jsonw_m_int(&w, "percent", al->percent);
	jsonw_m_time(&w, "due", al->due);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "alarm");
	if (rc == RC_OK)
		rc = chain(s, al->percent == 100 ? "incident.breach" : "incident.alarm", S(""), S("node"), c->subject, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

static enum rc alarm_job(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;
	char id[SHORT_MAX + 1];

	TRY(still(s, c, id, err));
	for (size_t i = 0; i < c->n_alarms; i++) {
		struct incident_alarm *al = &c->alarms[i];
		uint64_t changed;

		TRY(DB_CHANGE(s->write_db, &changed, err,
			      "INSERT INTO incident_alarm (incident, clock, percent, due, at, told) VALUES ($1, $2, $3, $4, $5, $6)"
			      " ON CONFLICT (incident, clock, percent) DO NOTHING",
			      DB_INT(c->row), DB_TEXT(al->clock), DB_INT(al->percent), DB_INT(al->due), DB_INT(al->at), DB_INT(al->told)));
		al->fresh = changed > 0;
		if (al->fresh)
			TRY(chain_alarm(s, c, al, err));
	}
	return DB_RUN(s->write_db, err, "UPDATE incident SET is_open = $2, state = $3, level = $4, due = $5, rung = $6 WHERE row = $1", DB_INT(c->row),
		      DB_INT(c->now->open), DB_TEXT(c->now->state), DB_INT(c->now->level), DB_INT(c->now->due), DB_INT(c->now->rung));
}

enum rc incident_alarm_put(struct store *s, int64_t row, int64_t had, struct incident_alarm *list, size_t n, const struct incident_derived *now,
			   struct err *err)
{
	struct change c = { .row = row, .had = had, .alarms = list, .n_alarms = n, .now = now };

	for (size_t i = 0; i < n; i++)
		TRY(text_check(list[i].clock, 2 * SHORT_MAX, "alarm: clock", err));
	return writer_do(s->writer, alarm_job, &c, err);
}

/* --- reading --- */

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	struct incident_row *r = row;
	struct { struct str *to; int col; } texts[] = { { &r->id, 1 }, { &r->number, 2 }, { &r->title, 3 }, { &r->packs, 4 }, { &r->now.state, 10 } };

	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i].to = arena_dup(a, db_text(q, texts[i].col));
		if (texts[i].to->p == NULL)
			return false;
	}
	r->row = db_int(q, 0);
	r->exercise = db_int(q, 5) != 0;
	r->opened = db_int(q, 6);
	r->changed = db_int(q, 7);
	r->facts = db_int(q, 8);
	r->now.open = db_int(q, 9) != 0;
	r->now.level = (int)db_int(q, 11);
	r->now.due = db_int(q, 12);
	r->now.rung = db_int(q, 13);
	return true;
}

static enum rc read_rows(struct store *s, struct listing *l, uint32_t limit, struct incident_row **ret, size_t *ret_n, struct err *err)
{
	l->what = "incidents";
	l->size = sizeof **ret;
	l->fill = fill;
	TRY(store_list(s, l, limit > LIST_MAX ? LIST_MAX : limit, err));
	*ret = l->rows;
	*ret_n = l->n;
	return RC_OK;
}

enum rc incident_get(struct store *s, struct str id, struct arena *a, struct incident_row *ret, struct err *err)
{
	struct listing l = { .sql = "SELECT " COLUMNS " FROM incident WHERE id = $1 OR number = $1", .v = { DB_TEXT(id) }, .n_v = 1, .a = a };
	struct incident_row *rows;
	size_t n;

	TRY(text_check(id, SHORT_MAX, "incident: id", err));
	TRY(read_rows(s, &l, 1, &rows, &n, err));
	if (n == 0)
		return FAIL(err, RC_NOTFOUND, "no incident '%.*s'", STR(str_slice(id, 0, 64)));
	*ret = rows[0];
	return RC_OK;
}

/* $1 limit, $2 row, $3 due, $4 changed, $5 level and $6 state of the place, $7 to $9 what is asked for. All that is asked for lies in the index of
 * the order too, so that a rare one is found by reading the index alone. */
#define WANTED "(state = $7 OR $7 = '') AND (level = $8 OR $8 < 0) AND (exercise = $9 OR $9 < 0)"
#define HALF(open, behind, by) "SELECT " COLUMNS " FROM incident WHERE is_open = " open " AND " behind " AND " WANTED " ORDER BY " by " LIMIT $1"
#define ORDERED(behind, by) \
	{ HALF("1", behind, by), "SELECT * FROM (SELECT * FROM (" HALF("1", behind, by) ") a UNION ALL SELECT * FROM (" HALF("0", behind, by) ") b) c" \
				 " ORDER BY " by " LIMIT $1" }
static const struct order {
	const char *open, *all;
} ORDERS[INCIDENT_ORDERS] = {
	[INCIDENT_BY_DUE] = ORDERED("(due, row) > ($3, $2)", "due, row"),
	[INCIDENT_BY_NEWEST] = ORDERED("row < $2", "row DESC"),
	[INCIDENT_BY_CHANGED] = ORDERED("(changed, row) < ($4, $2)", "changed DESC, row DESC"),
	[INCIDENT_BY_LEVEL] = ORDERED("level <= $5 AND (level < $5 OR (due, row) > ($3, $2))", "level DESC, due, row"),
	[INCIDENT_BY_STATE] = ORDERED("(state, due, row) > ($6, $3, $2)", "state, due, row"),
};

enum rc incident_list(struct store *s, const struct incident_query *q, struct arena *a, struct incident_row **ret, size_t *ret_n, struct err *err)
{
	bool first = q->after_row == 0, down = q->order == INCIDENT_BY_NEWEST || q->order == INCIDENT_BY_CHANGED;
	struct listing l = { .a = a, .n_v = 9, .sql = q->all ? ORDERS[q->order].all : ORDERS[q->order].open,
			     .v = { DB_INT(q->limit), DB_INT(!first ? q->after_row : down ? INT64_MAX : 0), DB_INT(first ? INT64_MIN : q->after.due),
				    DB_INT(first ? INT64_MAX : q->after.changed), DB_INT(first ? INT64_MAX : q->after.level),
				    DB_TEXT(first ? S("") : q->after.state), DB_TEXT(q->state), DB_INT(q->level), DB_INT(q->exercise) } };

	TRY(text_check(q->state, SHORT_MAX, "incidents: state", err));
	TRY(text_check(q->after.state, SHORT_MAX, "incidents: state", err));
	return read_rows(s, &l, q->limit, ret, ret_n, err);
}

enum rc incident_ringing(struct store *s, usec now, uint32_t limit, struct arena *a, struct incident_row **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .sql = "SELECT " COLUMNS " FROM incident WHERE rung <= $2 ORDER BY rung LIMIT $1",
			     .v = { DB_INT(limit), DB_INT(now) }, .n_v = 2, .a = a };

	return read_rows(s, &l, limit, ret, ret_n, err);
}

struct texts {
	int64_t row;
	struct buf b;
};

static enum rc read_facts(struct db *d, void *ctx, struct err *err)
{
	struct texts *t = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	buf_clear(&t->b);
	TRY(DB_START(d, &q, err, "SELECT body FROM incident_fact WHERE incident = $1 ORDER BY n", DB_INT(t->row)));
	for (;;) {
		TRY(db_next(q, &row, err));
		if (!row)
			return buf_check(&t->b, err, "facts");
		buf_str(&t->b, db_text(q, 0));
		buf_char(&t->b, '\n');
	}
}

enum rc incident_facts(struct store *s, int64_t row, struct arena *a, struct str *ret, struct err *err)
{
	struct texts t = { .row = row };
	enum rc rc;

	buf_init(&t.b, INCIDENT_FACT_MAX * INCIDENT_FACTS_MAX);
	rc = store_read(s, read_facts, &t, err);
	if (rc == RC_OK) {
		*ret = arena_dup(a, buf_view(&t.b));
		if (ret->p == NULL)
			rc = FAIL(err, RC_NOMEM, "facts: the caller's memory is full");
	}
	buf_done(&t.b);
	return rc;
}

static bool fill_alarm(struct arena *a, const struct dbq *q, void *row)
{
	struct incident_alarm *x = row;

	*x = (struct incident_alarm){ .clock = arena_dup(a, db_text(q, 0)), .percent = (int)db_int(q, 1), .due = db_int(q, 2), .at = db_int(q, 3) };
	return x->clock.p != NULL;
}

enum rc incident_alarms(struct store *s, int64_t row, struct arena *a, struct incident_alarm **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "alarms", .a = a, .fill = fill_alarm, .size = sizeof **ret, .n_v = 1, .v = { DB_INT(row) },
			     .sql = "SELECT clock, percent, due, at FROM incident_alarm WHERE incident = $1 ORDER BY at, clock, percent" };

	TRY(store_list(s, &l, LIST_MAX, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

static bool fill_untold(struct arena *a, const struct dbq *q, void *row)
{
	struct incident_untold *u = row;

	u->alarm = (struct incident_alarm){ .clock = arena_dup(a, db_text(q, 14)), .percent = (int)db_int(q, 15), .due = db_int(q, 16),
					    .at = db_int(q, 17) };
	return fill(a, q, &u->incident) && u->alarm.clock.p != NULL;
}

enum rc incident_untold(struct store *s, uint32_t limit, struct arena *a, struct incident_untold **ret, size_t *ret_n, struct err *err)
{
	size_t max = limit > LIST_MAX ? LIST_MAX : limit;
	struct listing l = { .what = "alarms", .a = a, .fill = fill_untold, .size = sizeof **ret, .n_v = 1, .v = { DB_INT((int64_t)max) },
			     .sql = "SELECT i.row, i.id, i.number, i.title, i.packs, i.exercise, i.opened, i.changed, i.facts, i.is_open, i.state, i.level,"
				    " i.due, i.rung, a.clock, a.percent, a.due, a.at FROM incident_alarm a JOIN incident i ON i.row = a.incident"
				    " WHERE a.told = 0 ORDER BY a.at, a.clock, a.percent LIMIT $1" };

	TRY(store_list(s, &l, max, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

static enum rc told_job(struct store *s, void *ctx, struct err *err)
{
	const struct change *c = ctx;

	return DB_RUN(s->write_db, err, "UPDATE incident_alarm SET told = 1 WHERE incident = $1 AND clock = $2 AND percent = $3", DB_INT(c->row),
		      DB_TEXT(c->alarms->clock), DB_INT(c->alarms->percent));
}

enum rc incident_told(struct store *s, int64_t row, struct str clock, int percent, struct err *err)
{
	struct incident_alarm al = { .clock = clock, .percent = percent };
	struct change c = { .row = row, .alarms = &al };

	TRY(text_check(clock, 2 * SHORT_MAX, "alarm: clock", err));
	return writer_do(s->writer, told_job, &c, err);
}
