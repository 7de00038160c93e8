/* Text by key: the node's own settings and the readers' cursors (declared in peers.h). */
#include "store/db.h"
#include "store/internal.h"
#include "store/peers.h"

#define KEY_MAX 512
#define VALUE_MAX 65536

/* The statements of one of the two tables. */
struct table {
	const char *what, *put, *get;
};

static const struct table META = {
	"meta",
	"INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	"SELECT value FROM meta WHERE key = $1",
};

static const struct table POSITION = {
	"cursor",
	"INSERT INTO position (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	"SELECT value FROM position WHERE key = $1",
};

struct pair {
	const struct table *t;
	struct str key, value;
	struct arena *a;
};

static enum rc put_pair(struct store *s, void *ctx, struct err *err)
{
	const struct pair *p = ctx;

	return DB_RUN(s->write_db, err, p->t->put, DB_TEXT(p->key), DB_TEXT(p->value));
}

static enum rc put(struct store *s, const struct table *t, struct str key, struct str value, struct err *err)
{
	struct pair p = { .t = t, .key = key, .value = value };

	TRY(text_check(key, KEY_MAX, t->what, err));
	TRY(text_check(value, VALUE_MAX, t->what, err));
	return writer_do(s->writer, put_pair, &p, err);
}

static enum rc get_pair(struct db *d, void *ctx, struct err *err)
{
	struct pair *p = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, p->t->get, DB_TEXT(p->key)));
	TRY(db_next(q, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "%s %.*s: not set", p->t->what, STR(p->key));
	p->value = arena_dup(p->a, db_text(q, 0));
	return p->value.p != NULL ? RC_OK : FAIL(err, RC_NOMEM, "%s: the caller's memory is full", p->t->what);
}

static enum rc get(struct store *s, const struct table *t, struct str key, struct arena *a, struct str *ret, struct err *err)
{
	struct pair p = { .t = t, .key = key, .a = a };

	TRY(text_check(key, KEY_MAX, t->what, err));
	TRY(store_read(s, get_pair, &p, err));
	*ret = p.value;
	return RC_OK;
}

enum rc cursor_put(struct store *s, struct str key, struct str value, struct err *err)
{
	return put(s, &POSITION, key, value, err);
}

enum rc cursor_get(struct store *s, struct str key, struct arena *a, struct str *ret, struct err *err)
{
	return get(s, &POSITION, key, a, ret, err);
}

enum rc meta_put(struct store *s, struct str key, struct str value, struct err *err)
{
	return put(s, &META, key, value, err);
}

enum rc meta_get(struct store *s, struct str key, struct arena *a, struct str *ret, struct err *err)
{
	return get(s, &META, key, a, ret, err);
}
