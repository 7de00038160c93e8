#include "store/suppressions.h"

#include "base/jsonw.h"
#include "store/tickets_internal.h"

#define LIST_MAX 10000
#define COLUMNS \
	"row, tlp, until, created, held, last, removed, scope, rule, place, value, indicator, created_by, ticket, note"

/* What each scope names: rule, place, value, indicator. */
static const struct scope {
	struct str name;
	bool rule, where, value, indicator;
} SCOPES[] = {
	{ { "rule", 4 }, true, false, false, false },          { { "rule+host", 9 }, true, true, false, false },
	{ { "rule+value", 10 }, true, false, true, false },    { { "indicator", 9 }, false, false, false, true },
	{ { "indicator+host", 14 }, false, true, false, true },
};

static const struct scope *scope_of(struct str name)
{
	for (size_t i = 0; i < COUNTOF(SCOPES); i++)
		if (str_eq(SCOPES[i].name, name))
			return &SCOPES[i];
	return NULL;
}

static enum rc need(bool wanted, struct str part, const char *what, struct err *err)
{
	TRY(text_check(part, TICKET_TEXT_MAX, what, err));
	if (wanted && part.n == 0)
		return FAIL(err, RC_BAD, "%s: this scope needs one", what);
	return !wanted && part.n > 0 ? FAIL(err, RC_BAD, "%s: this scope takes none", what) : RC_OK;
}

enum rc suppression_check(const struct suppression *x, struct err *err)
{
	const struct scope *s = scope_of(x->scope);

	if (s == NULL)
		return FAIL(err, RC_BAD, "scope: expected rule, rule+host, rule+value, indicator or indicator+host");
	TRY(need(s->rule, x->rule, "rule", err));
	TRY(need(s->where, x->where, "host", err));
	TRY(need(s->value, x->value, "value", err));
	TRY(need(s->indicator, x->indicator, "indicator", err));
	TRY(text_check(x->created_by, TICKET_TEXT_MAX, "suppression: by whom", err));
	TRY(text_check(x->ticket, TICKET_NUMBER_MAX, "suppression: ticket", err));
	TRY(text_check(x->note, TICKET_NOTE_MAX, "note", err));
	return x->until <= time_now() ? FAIL(err, RC_BAD, "until: lies in the past") : RC_OK;
}

static enum rc tell(struct store *s, const char *kind, struct str actor, int64_t row, struct str scope, struct str ticket, usec until,
		    struct err *err)
{
	char subject[40];
	struct buf b;
	struct jsonw w;
	struct fact f;
	enum rc rc;

	snprintf(subject, sizeof subject, "suppression:%lld", (long long)row);
	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "scope", scope);
	jsonw_m_str(&w, "ticket", ticket);
	jsonw_m_time(&w, "until", until);
	jsonw_object_end(&w);
	f = (struct fact){ .at = time_now(), .kind = str_of(kind), .actor = actor, .subject = str_of(subject), .body = buf_view(&b) };
	rc = buf_check(&b, err, "suppression");
	if (rc == RC_OK)
		rc = fact_append_here(s, &f, err);
	buf_done(&b);
	return rc;
}

enum rc suppression_insert(struct store *s, struct suppression *x, struct err *err)
{
	TRY(db_count_on(s->write_db, S("suppression"), 1, &x->row, err));
	TRY(DB_RUN(s->write_db, err,
		   "INSERT INTO suppression (" COLUMNS ") VALUES ($1, $2, $3, $4, 0, 0, 0, $5, $6, $7, $8, $9, $10, $11, $12)", DB_INT(x->row),
		   DB_INT(x->tlp), DB_INT(x->until), DB_INT(x->created == 0 ? time_now() : x->created), DB_TEXT(x->scope), DB_TEXT(x->rule), DB_TEXT(x->where),
		   DB_TEXT(x->value), DB_TEXT(x->indicator), DB_TEXT(x->created_by), DB_TEXT(x->ticket), DB_TEXT(x->note)));
	return tell(s, "suppress.add", x->created_by, x->row, x->scope, x->ticket, x->until, err);
}

static enum rc add(struct store *s, void *ctx, struct err *err)
{
	return suppression_insert(s, ctx, err);
}

enum rc suppression_add(struct store *s, struct suppression *x, struct err *err)
{
	TRY(suppression_check(x, err));
	return writer_do(s->writer, add, x, err);
}

struct removal {
	int64_t row;
	struct str actor;
};

static enum rc remove_one(struct store *s, void *ctx, struct err *err)
{
	const struct removal *r = ctx;
	usec now = time_now();
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE suppression SET removed = $2 WHERE row = $1 AND removed = 0 AND until > $2",
		      DB_INT(r->row), DB_INT(now)));
	if (changed == 0)
		return FAIL(err, RC_NOTFOUND, "suppression %lld: not in force", (long long)r->row);
	return tell(s, "suppress.remove", r->actor, r->row, S(""), S(""), now, err);
}

enum rc suppression_remove(struct store *s, int64_t row, struct str actor, struct err *err)
{
	struct removal r = { row, actor };

	return writer_do(s->writer, remove_one, &r, err);
}

enum rc suppressions_end(struct store *s, struct str ticket, struct str actor, struct err *err)
{
	usec now = time_now();
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "UPDATE suppression SET removed = $2 WHERE ticket = $1 AND ticket <> '' AND removed = 0 AND until > $2", DB_TEXT(ticket),
		      DB_INT(now)));
	return changed == 0 ? RC_OK : tell(s, "suppress.remove", actor, 0, S(""), ticket, now, err);
}

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	struct suppression *x = row;
	struct str *texts[] = { &x->scope, &x->rule, &x->where, &x->value, &x->indicator, &x->created_by, &x->ticket, &x->note };

	*x = (struct suppression){ .row = db_int(q, 0), .tlp = (uint8_t)db_int(q, 1), .until = db_int(q, 2), .created = db_int(q, 3),
				   .held = db_int(q, 4), .last = db_int(q, 5), .removed = db_int(q, 6) };
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i] = arena_dup(a, db_text(q, 7 + (int)i));
		if (texts[i]->p == NULL)
			return false;
	}
	return true;
}

enum rc suppression_list(struct store *s, bool active, usec now, int64_t after, uint32_t limit, struct arena *a, struct suppression **ret,
			 size_t *ret_n, struct err *err)
{
	size_t max = limit < LIST_MAX ? limit : LIST_MAX;
	struct listing l = { .what = "suppressions", .a = a, .fill = fill, .size = sizeof **ret, .n_v = 4,
			     .v = { DB_INT(after), DB_INT(active), DB_INT(now), DB_INT((int64_t)max) },
			     .sql = "SELECT " COLUMNS " FROM suppression WHERE row > $1 AND ($2 = 0 OR (removed = 0 AND until > $3)) ORDER BY row LIMIT $4" };

	TRY(store_list(s, &l, max, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

struct counting {
	const struct suppression_held *x;
	size_t n;
};

static enum rc count_held(struct store *s, void *ctx, struct err *err)
{
	const struct counting *c = ctx;

	for (size_t i = 0; i < c->n; i++)
		TRY(DB_RUN(s->write_db, err,
			   "UPDATE suppression SET held = held + $2, last = CASE WHEN last < $3 THEN $3 ELSE last END WHERE row = $1",
			   DB_INT(c->x[i].row), DB_INT(c->x[i].held), DB_INT(c->x[i].last)));
	return RC_OK;
}

enum rc suppression_count(struct store *s, const struct suppression_held *x, size_t n, struct err *err)
{
	struct counting c = { x, n };

	return n == 0 ? RC_OK : writer_do(s->writer, count_held, &c, err);
}
