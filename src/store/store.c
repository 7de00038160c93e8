/* Opening and closing, and the SQL writer's transaction: facts that wait go first,
 * the jobs follow, the signed head of the facts is written last, then COMMIT. */
#include "store/store.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/db.h"
#include "store/facts_internal.h"
#include "store/internal.h"
#include "store/schema.h"
#include "store/small.h"
#include "sys/file.h"

#define PATH_MAX_BYTES 4096

enum rc text_check(struct str s, size_t max, const char *what, struct err *err)
{
	size_t at;

	if (s.n > max)
		return FAIL(err, RC_LIMIT, "%s: %zu bytes, at most %zu are kept", what, s.n, max);
	if (!utf8_valid(s, &at))
		return FAIL(err, RC_BAD, "%s: byte %zu is not UTF-8", what, at);
	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
		return FAIL(err, RC_BAD, "%s: holds a NUL", what);
	return RC_OK;
}

enum rc name_check(struct str s, const char *what, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (s.n == 0 || s.n > 64)
		return FAIL(err, RC_BAD, "%s: a name has 1 to 64 characters", what);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(allowed, s.p[i]) == NULL)
			return FAIL(err, RC_BAD, "%s: a name is made of letters, digits and . _ -", what);
	return RC_OK;
}

enum rc store_read(struct store *s, store_reader fn, void *ctx, struct err *err)
{
	struct err mine = { 0 };
	struct db *d;
	enum rc rc;

	TRY(db_borrow(s->pool, &d, err));
	rc = fn(d, ctx, &mine);
	/* After a failure of the connection's own (and only then) it is not used again. */
	db_return(s->pool, d, rc != RC_PEER && rc != RC_IO && rc != RC_CORRUPT && rc != RC_INTERNAL);
	if (rc != RC_OK && err != NULL)
		*err = mine;
	return rc;
}

static enum rc list_rows(struct db *d, void *ctx, struct err *err)
{
	struct listing *l = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	l->n = 0;
	TRY(db_start(d, &q, l->sql, l->v, l->n_v, err));
	for (;;) {
		TRY(db_next(q, &row, err));
		if (!row || l->n == l->max)
			return RC_OK;
		if (!l->fill(l->a, q, (char *)l->rows + l->n * l->size))
			return FAIL(err, RC_NOMEM, "%s: the caller's memory is full", l->what);
		l->n++;
	}
}

enum rc store_list(struct store *s, struct listing *l, size_t max, struct err *err)
{
	l->max = max;
	l->rows = arena_array(l->a, max + 1, l->size);
	if (l->rows == NULL)
		return FAIL(err, RC_NOMEM, "%s: the caller's memory is full", l->what);
	return store_read(s, list_rows, l, err);
}

static enum rc sql_begin(struct store *s, struct err *err)
{
	TRY(db_begin(s->write_db, err));
	TRY(facts_begin(s, err));
	return small_write_used(s, err);
}

static enum rc sql_commit(struct store *s, struct err *err)
{
	TRY(facts_seal(s, err));
	return db_commit(s->write_db, err);
}

static void sql_rollback(struct store *s)
{
	db_rollback(s->write_db);
	facts_rolled_back(s);
	small_rolled_back(s);
}

static void sql_committed(struct store *s)
{
	facts_committed(s);
	small_committed(s);
}

static bool sql_wants(struct store *s)
{
	return facts_waiting(s) || small_waiting(s);
}

static const struct writer_ops SQL_WRITER = {
	.name = "store-sql",
	.begin = sql_begin,
	.commit = sql_commit,
	.rollback = sql_rollback,
	.committed = sql_committed,
	.wants = sql_wants,
};

static enum rc records_path(const struct store *s, char out[static PATH_MAX_BYTES], struct err *err)
{
	int n = snprintf(out, PATH_MAX_BYTES, "%s/records.db", s->dir);

	return n > 0 && n < PATH_MAX_BYTES ? RC_OK : FAIL(err, RC_LIMIT, "store: the folder's path is too long");
}

/* The object log has one writer: a second process would write over its tail. */
static enum rc lock_folder(struct store *s, struct err *err)
{
	char path[PATH_MAX_BYTES];
	int n = snprintf(path, sizeof path, "%s/store.lock", s->dir), pid = 0;

	if (s->read_only || s->url != NULL)
		return RC_OK;
	if (n < 0 || (size_t)n >= sizeof path)
		return FAIL(err, RC_LIMIT, "store: the folder's path is too long");
	if (!s->create && !file_exists(s->dir))
		return FAIL(err, RC_NOTFOUND, "%s: no store here", s->dir);
	return file_lock(path, &s->lock, &pid, err);
}

static enum rc open_database(struct store *s, bool create, struct err *err)
{
	char path[PATH_MAX_BYTES];
	struct db_open_opts o = { .url = s->url, .create = create, .read_only = s->read_only };
	struct db *d;
	enum rc rc;

	TRY(records_path(s, path, err));
	if (s->url == NULL)
		o.path = path;
	TRY(db_pool_new(&o, &s->pool, err));
	if (s->read_only) {
		TRY(db_borrow(s->pool, &d, err));
		rc = schema_check(d, true, err);
		db_return(s->pool, d, rc == RC_OK);
		return rc;
	}
	TRY(db_open(&o, &s->write_db, err));
	if (!create)
		TRY(schema_check(s->write_db, false, err));
	return schema_migrate(s->write_db, err);
}

static enum rc open_parts(struct store *s, const struct store_config *c, struct err *err)
{
	s->dir = mem_strdup(c->dir);
	s->url = c->url == NULL || c->url[0] == '\0' ? NULL : mem_strdup(c->url);
	s->read_only = c->read_only;
	s->create = c->create && !c->read_only;
	s->small = small_new();
	s->facts = facts_new();
	s->sources = sources_new();
	if (s->dir == NULL || s->small == NULL || s->facts == NULL || s->sources == NULL || (s->url == NULL && c->url != NULL && c->url[0] != '\0'))
		return FAIL(err, RC_NOMEM, "store: no memory");
	if (s->create)
		TRY(file_mkdir(s->dir, 0700, err));
	TRY(lock_folder(s, err));
	TRY(open_database(s, s->create, err));
	if (!s->read_only)
		TRY(writer_start(s, &SQL_WRITER, &s->writer, err));
	return objects_open(s, err);
}

enum rc store_open(const struct store_config *c, struct store **ret, struct err *err)
{
	struct store *s = mem_alloc(sizeof *s);
	enum rc rc;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "store: no memory");
	s->lock = -1;
	pthread_mutex_init(&s->slot_lock, NULL);
	pthread_mutex_init(&s->listen_lock, NULL);
	rc = open_parts(s, c, err);
	if (rc != RC_OK) {
		store_close(s);
		return rc;
	}
	*ret = s;
	return RC_OK;
}

void *store_slot(struct store *s, enum store_slot which, store_slot_make make, store_slot_done done)
{
	void *p;

	pthread_mutex_lock(&s->slot_lock);
	if (s->slots[which].p == NULL) {
		s->slots[which].p = make(s);
		s->slots[which].done = done;
	}
	p = s->slots[which].p;
	pthread_mutex_unlock(&s->slot_lock);
	return p;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < STORE_SLOT_COUNT; i++)
		if (s->slots[i].p != NULL && s->slots[i].done != NULL)
			s->slots[i].done(s, s->slots[i].p);
	objects_close(s);
	writer_stop(s->writer);
	db_close(s->write_db);
	db_pool_free(s->pool);
	small_free(s->small);
	facts_free(s->facts);
	sources_free(s->sources);
	pthread_mutex_destroy(&s->slot_lock);
	pthread_mutex_destroy(&s->listen_lock);
	file_closep(&s->lock);
	mem_free(s->dir);
	mem_free(s->url);
	mem_free(s);
}

void store_closep(struct store **s)
{
	store_close(*s);
	*s = NULL;
}

static enum rc count_rows(struct db *d, void *ctx, struct err *err)
{
	struct store_stats *st = ctx;
	struct fact_head h;

	TRY(fact_head_read(d, &h, err));
	st->facts = h.seq;
	st->bytes_on_disk = db_size(d);
	return RC_OK;
}

void store_stats(struct store *s, struct store_stats *ret)
{
	const struct small_view *v;
	struct writer_stats w, o;

	*ret = (struct store_stats){ .engine = s->url == NULL ? "sqlite" : "postgresql" };
	if (store_read(s, count_rows, ret, NULL) != RC_OK)
		ret->facts = 0;
	if (small_lock(s, &v, NULL) == RC_OK) {
		ret->users = v->n_users;
		ret->collections = v->n_collections;
		small_unlock(s);
	}
	s->object_ops->stats(s, ret);
	writer_stats(s->writer, &w);
	writer_stats(s->object_writer, &o);
	ret->commits = w.commits + o.commits;
	ret->writers_waiting = w.waiting + o.waiting;
	ret->disk_full = w.full || o.full;
}
