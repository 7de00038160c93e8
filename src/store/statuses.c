/* TAXII statuses (declared in collections.h): written once, read a few times, swept after a day. */
#include "store/collections.h"
#include "store/db.h"
#include "store/internal.h"

#define NAME_MAX_BYTES 256
#define STATUS_BODY_MAX ((size_t)16 << 20)

static enum rc put_status(struct store *s, void *ctx, struct err *err)
{
	const struct status_row *r = ctx;

	return DB_RUN(s->write_db, err,
		      "INSERT INTO status (root, id, account, body, created) VALUES ($1, $2, $3, $4, $5)"
		      " ON CONFLICT (root, id) DO UPDATE SET body = excluded.body",
		      DB_TEXT(r->root), DB_TEXT(r->id), DB_TEXT(r->user), DB_TEXT(r->body),
		      DB_INT(r->created == 0 ? time_now() : r->created));
}

enum rc status_put(struct store *s, const struct status_row *r, struct err *err)
{
	struct status_row copy = *r;

	TRY(text_check(r->root, NAME_MAX_BYTES, "status: API root", err));
	TRY(text_check(r->id, NAME_MAX_BYTES, "status: id", err));
	TRY(text_check(r->user, NAME_MAX_BYTES, "status: user", err));
	TRY(text_check(r->body, STATUS_BODY_MAX, "status: body", err));
	return writer_do(s->writer, put_status, &copy, err);
}

struct status_get {
	struct str root, id;
	struct arena *a;
	struct status_row row;
};

static enum rc get_status(struct db *d, void *ctx, struct err *err)
{
	struct status_get *g = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, "SELECT root, id, account, body, created FROM status WHERE root = $1 AND id = $2",
		     DB_TEXT(g->root), DB_TEXT(g->id)));
	TRY(db_next(q, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "status %.*s: not known", STR(g->id));
	g->row = (struct status_row){ .root = arena_dup(g->a, db_text(q, 0)), .id = arena_dup(g->a, db_text(q, 1)),
				      .user = arena_dup(g->a, db_text(q, 2)), .body = arena_dup(g->a, db_text(q, 3)),
				      .created = db_int(q, 4) };
	if (g->row.root.p == NULL || g->row.id.p == NULL || g->row.user.p == NULL || g->row.body.p == NULL)
		return FAIL(err, RC_NOMEM, "status: the caller's memory is full");
	return RC_OK;
}

enum rc status_get(struct store *s, struct str root, struct str id, struct arena *a, struct status_row *ret, struct err *err)
{
	struct status_get g = { .root = root, .id = id, .a = a };

	TRY(text_check(root, NAME_MAX_BYTES, "status: API root", err));
	TRY(text_check(id, NAME_MAX_BYTES, "status: id", err));
	TRY(store_read(s, get_status, &g, err));
	*ret = g.row;
	return RC_OK;
}

static enum rc expire_statuses(struct store *s, void *ctx, struct err *err)
{
	const usec *older_than = ctx;

	return DB_RUN(s->write_db, err, "DELETE FROM status WHERE created < $1", DB_INT(*older_than));
}

enum rc status_expire(struct store *s, usec older_than, struct err *err)
{
	return writer_do(s->writer, expire_statuses, &older_than, err);
}
