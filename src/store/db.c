/* Connections with kept statements, and the pool of readers. The engines do the
 * work; here is what is the same for both. */
#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "base/fault.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/db_engine.h"

#define STATEMENTS_MAX 160

struct dbq {
	struct db *d;
	void *stmt;
	char *sql;
	bool running;
};

struct db {
	const struct db_engine *e;
	void *conn;
	char *path, *url;  /* to open it again */
	bool read_only;
	struct map *by_sql;
	struct dbq *statements[STATEMENTS_MAX];
	size_t n_statements;
};

static void forget_statements(struct db *d)
{
	for (size_t i = 0; i < d->n_statements; i++) {
		struct dbq *q = d->statements[i];

		assert(!q->running);
		d->e->finish(q->stmt);
		mem_free(q->sql);
		mem_free(q);
	}
	d->n_statements = 0;
	map_free(d->by_sql);
	d->by_sql = NULL;
}

void db_close(struct db *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n_statements; i++)
		db_end(d->statements[i]);
	forget_statements(d);
	if (d->conn != NULL)
		d->e->close(d->conn);
	mem_free(d->path);
	mem_free(d->url);
	mem_free(d);
}

static enum rc connect_again(struct db *d, bool create, struct err *err)
{
	struct db_open_opts o = { .path = d->path, .url = d->url, .create = create, .read_only = d->read_only };

	if (FAULT("store.connect"))
		return FAIL(err, RC_PEER, "records: connection refused by a failpoint");
	return d->e->open(&o, &d->conn, err);
}

enum rc db_open(const struct db_open_opts *o, struct db **ret, struct err *err)
{
	struct db *d = mem_alloc(sizeof *d);
	enum rc rc;

	if (d == NULL)
		return FAIL(err, RC_NOMEM, "records: no memory for a connection");
	d->e = o->url != NULL ? &DB_PG : &DB_SQLITE;
	d->read_only = o->read_only;
	d->path = o->path == NULL ? NULL : mem_strdup(o->path);
	d->url = o->url == NULL ? NULL : mem_strdup(o->url);
	if ((o->path != NULL && d->path == NULL) || (o->url != NULL && d->url == NULL))
		rc = FAIL(err, RC_NOMEM, "records: no memory for a connection");
	else
		rc = connect_again(d, o->create, err);
	if (rc != RC_OK) {
		db_close(d);
		return rc;
	}
	*ret = d;
	return RC_OK;
}

bool db_is_pg(const struct db *d)
{
	return d->e->is_pg;
}

enum rc db_exec(struct db *d, const char *sql, struct err *err)
{
	if (d->conn == NULL)
		return FAIL(err, RC_PEER, "records: not connected");
	return d->e->exec(d->conn, sql, err);
}

static void make_room(struct db *d)
{
	bool busy = false;

	for (size_t i = 0; i < d->n_statements; i++)
		busy = busy || d->statements[i]->running;
	if (!busy)
		forget_statements(d);
}

static enum rc keep_statement(struct db *d, struct dbq *q, const char *sql, struct err *err)
{
	if (d->n_statements == STATEMENTS_MAX)
		make_room(d);
	if (d->n_statements == STATEMENTS_MAX)
		return FAIL(err, RC_INTERNAL, "records: too many statements at a time");
	if (d->by_sql == NULL)
		d->by_sql = map_new(STATEMENTS_MAX);
	q->sql = mem_strdup(sql);
	if (q->sql == NULL || d->by_sql == NULL || map_put(d->by_sql, str_of(sql), d->n_statements) != RC_OK)
		return FAIL(err, RC_NOMEM, "records: no memory for a statement");
	d->statements[d->n_statements++] = q;
	return RC_OK;
}

static enum rc statement(struct db *d, const char *sql, const struct dbv *v, size_t n, struct dbq **ret, struct err *err)
{
	struct dbq *q;
	uint64_t at;
	enum rc rc;

	if (d->by_sql != NULL && map_get(d->by_sql, str_of(sql), &at)) {
		*ret = d->statements[at];
		return RC_OK;
	}
	q = mem_alloc(sizeof *q);
	if (q == NULL)
		return FAIL(err, RC_NOMEM, "records: no memory for a statement");
	q->d = d;
	rc = d->e->prepare(d->conn, sql, v, n, &q->stmt, err);
	if (rc == RC_OK) {
		rc = keep_statement(d, q, sql, err);
		if (rc != RC_OK)
			d->e->finish(q->stmt);
	}
	if (rc != RC_OK) {
		mem_free(q->sql);
		mem_free(q);
		return rc;
	}
	*ret = q;
	return RC_OK;
}

enum rc db_start(struct db *d, struct dbq **ret, const char *sql, const struct dbv *v, size_t n, struct err *err)
{
	struct dbq *q = NULL;
	enum rc rc;

	assert(n <= DB_PARAMS_MAX);
	if (d->conn == NULL)
		return FAIL(err, RC_PEER, "records: not connected");
	TRY(statement(d, sql, v, n, &q, err));
	assert(!q->running);
	rc = d->e->start(q->stmt, v, n, err);
	if (rc != RC_OK) {
		d->e->reset(q->stmt);
		return rc;
	}
	q->running = true;
	*ret = q;
	return RC_OK;
}

enum rc db_next(struct dbq *q, bool *ret_row, struct err *err)
{
	enum rc rc = q->d->e->next(q->stmt, ret_row, err);

	if (rc != RC_OK || !*ret_row)
		db_end(q);
	return rc;
}

void db_end(struct dbq *q)
{
	if (q == NULL || !q->running)
		return;
	q->d->e->reset(q->stmt);
	q->running = false;
}

void db_endp(struct dbq **q)
{
	db_end(*q);
}

int64_t db_int(const struct dbq *q, int col)
{
	return q->d->e->col_int(q->stmt, col);
}

struct str db_text(const struct dbq *q, int col)
{
	return q->d->e->col_bytes(q->stmt, col);
}

struct str db_bytes(const struct dbq *q, int col)
{
	return q->d->e->col_bytes(q->stmt, col);
}

enum rc db_run(struct db *d, uint64_t *ret_changed, const char *sql, const struct dbv *v, size_t n, struct err *err)
{
	struct dbq *q;
	bool row = true;
	enum rc rc = RC_OK;

	TRY(db_start(d, &q, sql, v, n, err));
	while (rc == RC_OK && row)
		rc = d->e->next(q->stmt, &row, err);
	if (rc == RC_OK && ret_changed != NULL)
		*ret_changed = d->e->changed(q->stmt);
	db_end(q);
	return rc;
}

enum rc db_one_int(struct db *d, int64_t *ret, const char *sql, const struct dbv *v, size_t n, struct err *err)
{
	struct dbq *q;
	bool row;

	TRY(db_start(d, &q, sql, v, n, err));
	TRY(db_next(q, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "records: no row");
	*ret = db_int(q, 0);
	db_end(q);
	return RC_OK;
}

static enum rc connect_if_lost(struct db *d, struct err *err)
{
	if (d->conn != NULL && !d->e->alive(d->conn)) {
		forget_statements(d);
		d->e->close(d->conn);
		d->conn = NULL;
	}
	return d->conn != NULL ? RC_OK : connect_again(d, false, err);
}

enum rc db_begin(struct db *d, struct err *err)
{
	enum rc rc;

	TRY(connect_if_lost(d, err));
	rc = db_exec(d, d->e->begin, err);
	/* That the connection is lost shows only when it is used; nothing has been done on it yet. */
	if (rc == RC_PEER && !d->e->alive(d->conn)) {
		TRY(connect_if_lost(d, err));
		rc = db_exec(d, d->e->begin, err);
	}
	return rc;
}

enum rc db_commit(struct db *d, struct err *err)
{
	if (FAULT("store.commit"))
		return FAIL(err, errno == ENOSPC ? RC_FULL : RC_IO, "records: commit failed by a failpoint");
	return db_exec(d, "COMMIT", err);
}

void db_rollback(struct db *d)
{
	for (size_t i = 0; i < d->n_statements; i++)
		db_end(d->statements[i]);
	if (d->conn == NULL)
		return;
	/* SQLite rolls back by itself after some errors (full disk): a second ROLLBACK would be the error. */
	if (d->e->alive(d->conn) && d->e->in_transaction(d->conn) && d->e->exec(d->conn, "ROLLBACK", NULL) == RC_OK)
		return;
	if (d->e->alive(d->conn) && !d->e->in_transaction(d->conn))
		return;
	forget_statements(d);
	d->e->close(d->conn);
	d->conn = NULL;
}

uint64_t db_size(struct db *d)
{
	return d->conn == NULL ? 0 : d->e->size(d->conn);
}

enum rc db_count_on(struct db *d, struct str counter, int64_t n, int64_t *ret_first, struct err *err)
{
	int64_t after;

	TRY(DB_ONE_INT(d, &after, err,
		"INSERT INTO counter (name, n) VALUES ($1, $2) "
		"ON CONFLICT (name) DO UPDATE SET n = counter.n + excluded.n RETURNING n",
		DB_TEXT(counter), DB_INT(n)));
	*ret_first = after - n + 1;
	return RC_OK;
}

struct db_pool {
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	struct db_open_opts opts;
	char *path, *url;
	struct db *idle[DB_POOL_MAX];
	size_t n_idle, n_open;
};

void db_pool_free(struct db_pool *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_idle; i++)
		db_close(p->idle[i]);
	mem_free(p->path);
	mem_free(p->url);
	pthread_cond_destroy(&p->given_back);
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

enum rc db_pool_new(const struct db_open_opts *o, struct db_pool **ret, struct err *err)
{
	struct db_pool *p = mem_alloc(sizeof *p);

	if (p == NULL)
		return FAIL(err, RC_NOMEM, "records: no memory for the readers");
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->given_back, NULL);
	p->path = o->path == NULL ? NULL : mem_strdup(o->path);
	p->url = o->url == NULL ? NULL : mem_strdup(o->url);
	p->opts = (struct db_open_opts){ .path = p->path, .url = p->url, .read_only = true };
	if ((o->path != NULL && p->path == NULL) || (o->url != NULL && p->url == NULL)) {
		db_pool_free(p);
		return FAIL(err, RC_NOMEM, "records: no memory for the readers");
	}
	*ret = p;
	return RC_OK;
}

enum rc db_borrow(struct db_pool *p, struct db **ret, struct err *err)
{
	enum rc rc;

	pthread_mutex_lock(&p->lock);
	while (p->n_idle == 0 && p->n_open == DB_POOL_MAX)
		pthread_cond_wait(&p->given_back, &p->lock);
	if (p->n_idle > 0) {
		*ret = p->idle[--p->n_idle];
		pthread_mutex_unlock(&p->lock);
		return RC_OK;
	}
	p->n_open++;
	pthread_mutex_unlock(&p->lock);

	rc = db_open(&p->opts, ret, err);
	if (rc != RC_OK) {
		pthread_mutex_lock(&p->lock);
		p->n_open--;
		pthread_cond_signal(&p->given_back);
		pthread_mutex_unlock(&p->lock);
	}
	return rc;
}

void db_return(struct db_pool *p, struct db *d, bool healthy)
{
	struct db *drop[DB_POOL_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < d->n_statements; i++)
		db_end(d->statements[i]);
	pthread_mutex_lock(&p->lock);
	if (healthy) {
		p->idle[p->n_idle++] = d;
	} else {
		/* What cut this one (a server that was restarted) has cut those that rest as well. */
		drop[n++] = d;
		while (p->n_idle > 0)
			drop[n++] = p->idle[--p->n_idle];
		p->n_open -= n;
	}
	pthread_cond_broadcast(&p->given_back);
	pthread_mutex_unlock(&p->lock);
	while (n > 0)
		db_close(drop[--n]);
}
