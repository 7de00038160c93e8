#include "store/approvals.h"

#include "store/internal.h"

#define ID_MAX 64
#define BODY_MAX 65536
#define TEXT_MAX 2000
#define LIST_MAX 1000

static enum rc add(struct store *s, void *ctx, struct err *err)
{
	const struct approval *x = ctx;
	int64_t n;

	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM approval WHERE state = 'waits' AND at > $1", DB_INT(x->at - APPROVAL_SPAN)));
	if (n >= APPROVALS_WAIT_MAX)
		return FAIL(err, RC_LIMIT, "approval: %d wait already", APPROVALS_WAIT_MAX);
	return DB_RUN(s->write_db, err,
		      "INSERT INTO approval (id, at, asker, method, path, body, reason, state, decider, decided, result)"
		      " VALUES ($1, $2, $3, $4, $5, $6, '', 'waits', '', 0, '')",
		      DB_TEXT(x->id), DB_INT(x->at), DB_TEXT(x->asker), DB_TEXT(x->method), DB_TEXT(x->path), DB_TEXT(x->body));
}

enum rc approval_add(struct store *s, const struct approval *x, struct err *err)
{
	struct approval copy = *x;

	TRY(text_check(x->id, ID_MAX, "approval", err));
	TRY(text_check(x->asker, ID_MAX, "approval: who asks", err));
	TRY(text_check(x->path, TEXT_MAX, "approval: path", err));
	TRY(text_check(x->body, BODY_MAX, "approval: body", err));
	return writer_do(s->writer, add, &copy, err);
}

#define SELECT \
	"SELECT id, at, asker, method, path, body, reason, CASE WHEN state = 'waits' AND at <= $1 THEN 'void' ELSE state END, decider, decided," \
	" result FROM approval "

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	struct approval *x = row;
	bool good = true;
	struct { int col; struct str *to; } texts[] = {
		{ 0, &x->id }, { 2, &x->asker }, { 3, &x->method }, { 4, &x->path }, { 5, &x->body }, { 6, &x->reason }, { 7, &x->state },
		{ 8, &x->decider }, { 10, &x->result },
	};

	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i].to = arena_dup(a, db_text(q, texts[i].col));
		good = good && texts[i].to->p != NULL;
	}
	x->at = db_int(q, 1);
	x->decided = db_int(q, 9);
	return good;
}

enum rc approval_get(struct store *s, struct str id, usec now, struct arena *a, struct approval *ret, struct err *err)
{
	struct listing l = { .what = "approvals", .a = a, .size = sizeof *ret, .fill = fill, .n_v = 2, .v = { DB_INT(now - APPROVAL_SPAN), DB_TEXT(id) },
			     .sql = SELECT "WHERE id = $2" };

	TRY(text_check(id, ID_MAX, "approval", err));
	TRY(store_list(s, &l, 1, err));
	if (l.n == 0)
		return FAIL(err, RC_NOTFOUND, "approval %.*s: not known", STR(id));
	*ret = *(struct approval *)l.rows;
	return RC_OK;
}

enum rc approval_list(struct store *s, usec now, uint32_t limit, struct arena *a, struct approval **ret, size_t *ret_n, struct err *err)
{
	size_t max = limit > LIST_MAX ? LIST_MAX : limit;
	struct listing l = { .what = "approvals", .a = a, .size = sizeof **ret, .fill = fill, .n_v = 2,
			     .v = { DB_INT(now - APPROVAL_SPAN), DB_INT((int64_t)max) }, .sql = SELECT "ORDER BY at DESC, id LIMIT $2" };

	TRY(store_list(s, &l, max, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

struct decision {
	struct str id, decider, reason;
	bool yes;
	usec now;
};

static enum rc decide(struct store *s, void *ctx, struct err *err)
{
	const struct decision *d = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "UPDATE approval SET state = $2, decider = $3, reason = $4, decided = $5 WHERE id = $1 AND state = 'waits' AND at > $6"
		      " AND asker <> $3",
		      DB_TEXT(d->id), DB_TEXT(d->yes ? S("approved") : S("refused")), DB_TEXT(d->decider), DB_TEXT(d->reason), DB_INT(d->now),
		      DB_INT(d->now - APPROVAL_SPAN)));
	return changed > 0 ? RC_OK : FAIL(err, RC_CONFLICT, "approval %.*s: waits no more, or is one's own", STR(d->id));
}

enum rc approval_decide(struct store *s, struct str id, bool yes, struct str decider, struct str reason, usec now, struct err *err)
{
	struct decision d = { .id = id, .decider = decider, .reason = reason.p == NULL ? S("") : reason, .yes = yes, .now = now };

	TRY(text_check(id, ID_MAX, "approval", err));
	TRY(text_check(d.reason, TEXT_MAX, "approval: reason", err));
	return writer_do(s->writer, decide, &d, err);
}

static enum rc done(struct store *s, void *ctx, struct err *err)
{
	const struct str *x = ctx;

	return DB_RUN(s->write_db, err, "UPDATE approval SET result = $2, body = '' WHERE id = $1", DB_TEXT(x[0]), DB_TEXT(x[1]));
}

enum rc approval_done(struct store *s, struct str id, struct str result, struct err *err)
{
	struct str x[2] = { id, result };

	TRY(text_check(id, ID_MAX, "approval", err));
	return writer_do(s->writer, done, x, err);
}
