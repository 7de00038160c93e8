/* The thin SQL interface: one connection, prepared statements with $1.. places,
 * the same text for SQLite and PostgreSQL. Only store/ includes it; only sqlite.c
 * and pg.c name an engine.
 *
 * Kept to what both engines do alike: BIGINT microseconds and 0/1, original bytes,
 * ON CONFLICT .. DO UPDATE .. RETURNING, no JSON in SQL, no LIKE, no identity
 * columns for anything a reader pages by. Any error means ROLLBACK: PostgreSQL's
 * transaction is dead after it. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/err.h"
#include "base/str.h"

#define DB_PARAMS_MAX 64

struct db;  /* a connection; one thread at a time */
struct dbq; /* a statement of it; belongs to the connection */

/* A bound value. Bytes are borrowed until the statement is stepped through. */
struct dbv {
	char type; /* 'i' int64, 't' text, 'b' bytes; 'I', 'T', 'B' lists of them, PostgreSQL only (pg_array.h) */
	int64_t i;
	struct str s;
};
#define DB_INT(x) ((struct dbv){ .type = 'i', .i = (int64_t)(x) })
#define DB_TEXT(x) ((struct dbv){ .type = 't', .s = (x) })
#define DB_BYTES(x) ((struct dbv){ .type = 'b', .s = (x) })

struct db_open_opts {
	const char *path; /* SQLite file */
	const char *url;  /* or PostgreSQL; the one that is not NULL */
	bool create, read_only;
};

/* RC_NOTFOUND: no such file or database and not `create`. RC_CORRUPT, RC_IO, RC_PEER (server away), RC_BAD (url). */
enum rc db_open(const struct db_open_opts *o, struct db **ret, struct err *err) MUSTUSE;
/* Accepts NULL. */
void db_close(struct db *d);
bool db_is_pg(const struct db *d);

/* Statements without parameters, several at once allowed. */
enum rc db_exec(struct db *d, const char *sql, struct err *err) MUSTUSE;

/* Starts a statement; the first row, if any, is fetched by db_next. Prepared once and kept:
 * `sql` is the key. At most one use of the same text at a time on a connection. */
enum rc db_start(struct db *d, struct dbq **ret, const char *sql, const struct dbv *v, size_t n, struct err *err) MUSTUSE;
#define DB_START(d, ret, err, sql, ...) \
	db_start((d), (ret), (sql), (const struct dbv[]){ __VA_ARGS__ }, \
		 sizeof((const struct dbv[]){ __VA_ARGS__ }) / sizeof(struct dbv), (err))
/* The next row; *ret_row false at the end, and after that or db_end the statement is free again. */
enum rc db_next(struct dbq *q, bool *ret_row, struct err *err) MUSTUSE;
/* Leaves a statement before its end. Accepts NULL. */
void db_end(struct dbq *q);
void db_endp(struct dbq **q);

/* Columns of the current row, from 0; NULL reads as 0 or empty. Text and bytes are
 * borrowed until the next call on this statement. */
int64_t db_int(const struct dbq *q, int col);
struct str db_text(const struct dbq *q, int col);
struct str db_bytes(const struct dbq *q, int col);

/* A statement whose rows do not matter; `ret_changed` (may be NULL) gets the rows it changed. */
enum rc db_run(struct db *d, uint64_t *ret_changed, const char *sql, const struct dbv *v, size_t n, struct err *err) MUSTUSE;
#define DB_RUN(d, err, sql, ...) \
	db_run((d), NULL, (sql), (const struct dbv[]){ __VA_ARGS__ }, \
	       sizeof((const struct dbv[]){ __VA_ARGS__ }) / sizeof(struct dbv), (err))
#define DB_CHANGE(d, ret_changed, err, sql, ...) \
	db_run((d), (ret_changed), (sql), (const struct dbv[]){ __VA_ARGS__ }, \
	       sizeof((const struct dbv[]){ __VA_ARGS__ }) / sizeof(struct dbv), (err))

/* The first column of the only row; RC_NOTFOUND without one. */
enum rc db_one_int(struct db *d, int64_t *ret, const char *sql, const struct dbv *v, size_t n, struct err *err) MUSTUSE;
#define DB_ONE_INT(d, ret, err, sql, ...) \
	db_one_int((d), (ret), (sql), (const struct dbv[]){ __VA_ARGS__ }, \
		   sizeof((const struct dbv[]){ __VA_ARGS__ }) / sizeof(struct dbv), (err))

/* BEGIN that takes the write lock at once, COMMIT, ROLLBACK (never fails: a connection it cannot clean is reopened). */
enum rc db_begin(struct db *d, struct err *err) MUSTUSE;
enum rc db_commit(struct db *d, struct err *err) MUSTUSE;
void db_rollback(struct db *d);

/* Bytes the database takes on disk, 0 when unknown. */
uint64_t db_size(struct db *d);

/* Takes `n` numbers from a named counter inside the transaction: *ret_first .. *ret_first + n - 1.
 * The row stays locked until the commit, so numbers become visible in their order. */
enum rc db_count_on(struct db *d, struct str counter, int64_t n, int64_t *ret_first, struct err *err) MUSTUSE;

/* Read connections: borrowed by a thread, given back; at most DB_POOL_MAX, others wait. */
#define DB_POOL_MAX 8
struct db_pool;
enum rc db_pool_new(const struct db_open_opts *o, struct db_pool **ret, struct err *err) MUSTUSE;
void db_pool_free(struct db_pool *p); /* accepts NULL */
enum rc db_borrow(struct db_pool *p, struct db **ret, struct err *err) MUSTUSE;
/* One that is not healthy is closed, and those that rest with it. */
void db_return(struct db_pool *p, struct db *d, bool healthy);

#endif
