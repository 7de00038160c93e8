#include "store/searches.h"

#include "store/internal.h"
#include "store/small.h"

#define NAME_BYTES 200
#define QUERY_BYTES 4000
#define VIEW_BYTES 32

static enum rc check(const struct saved_search *x, struct err *err)
{
	TRY(name_check(x->user, "saved search: user", err));
	TRY(name_check(x->view, "saved search: view", err));
	TRY(text_check(x->view, VIEW_BYTES, "saved search: view", err));
	TRY(text_check(x->name, NAME_BYTES, "saved search: name", err));
	TRY(text_check(x->query, QUERY_BYTES, "saved search: query", err));
	return x->name.n > 0 ? RC_OK : FAIL(err, RC_BAD, "saved search: without a name");
}

static enum rc put(struct store *s, void *ctx, struct err *err)
{
	const struct saved_search *x = ctx;
	int64_t n;

	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM account WHERE name = $1", DB_TEXT(x->user)));
	if (n == 0)
		return FAIL(err, RC_NOTFOUND, "user %.*s: not known", STR(x->user));
	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM saved_search WHERE account = $1 AND NOT (view = $2 AND name = $3)", DB_TEXT(x->user),
		       DB_TEXT(x->view), DB_TEXT(x->name)));
	if (n >= SEARCHES_A_USER)
		return FAIL(err, RC_LIMIT, "saved search: %d at most", SEARCHES_A_USER);
	return DB_RUN(s->write_db, err,
		      "INSERT INTO saved_search (account, view, name, query, at) VALUES ($1, $2, $3, $4, $5)"
		      " ON CONFLICT (account, view, name) DO UPDATE SET query = excluded.query, at = excluded.at",
		      DB_TEXT(x->user), DB_TEXT(x->view), DB_TEXT(x->name), DB_TEXT(x->query), DB_INT(x->at));
}

enum rc search_put(struct store *s, const struct saved_search *x, struct err *err)
{
	struct saved_search copy = *x;

	TRY(check(x, err));
	return writer_do(s->writer, put, &copy, err);
}

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	struct saved_search *x = row;

	*x = (struct saved_search){ .user = arena_dup(a, db_text(q, 0)), .view = arena_dup(a, db_text(q, 1)), .name = arena_dup(a, db_text(q, 2)),
				    .query = arena_dup(a, db_text(q, 3)), .at = db_int(q, 4) };
	return x->user.p != NULL && x->view.p != NULL && x->name.p != NULL && x->query.p != NULL;
}

enum rc search_list(struct store *s, struct str user, struct arena *a, struct saved_search **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "saved searches", .a = a, .size = sizeof **ret, .fill = fill, .n_v = 1, .v = { DB_TEXT(user) },
			     .sql = "SELECT account, view, name, query, at FROM saved_search WHERE account = $1 ORDER BY view, name" };

	TRY(name_check(user, "user", err));
	TRY(store_list(s, &l, SEARCHES_A_USER, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

static enum rc take_away(struct store *s, void *ctx, struct err *err)
{
	const struct saved_search *x = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "DELETE FROM saved_search WHERE account = $1 AND view = $2 AND name = $3", DB_TEXT(x->user),
		      DB_TEXT(x->view), DB_TEXT(x->name)));
	return changed > 0 ? RC_OK : FAIL(err, RC_NOTFOUND, "saved search: not known");
}

enum rc search_remove(struct store *s, struct str user, struct str view, struct str name, struct err *err)
{
	struct saved_search x = { .user = user, .view = view, .name = name, .query = S("") };

	TRY(check(&x, err));
	return writer_do(s->writer, take_away, &x, err);
}
