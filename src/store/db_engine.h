/* What sqlite.c and pg.c give to db.c: one SQL engine as a table of functions.
 * A connection and a statement are the engine's own; db.c keeps the statements. */
#ifndef STORE_DB_ENGINE_H
#define STORE_DB_ENGINE_H

#include "store/db.h"

struct db_engine {
	bool is_pg;
	const char *begin; /* takes the write lock at once where the engine has one */
	enum rc (*open)(const struct db_open_opts *o, void **ret, struct err *err);
	void (*close)(void *conn);
	/* False: the connection is of no use any more. */
	bool (*alive)(void *conn);
	enum rc (*exec)(void *conn, const char *sql, struct err *err);
	enum rc (*prepare)(void *conn, const char *sql, const struct dbv *v, size_t n, void **ret, struct err *err);
	void (*finish)(void *stmt);
	enum rc (*start)(void *stmt, const struct dbv *v, size_t n, struct err *err);
	enum rc (*next)(void *stmt, bool *ret_row, struct err *err);
	void (*reset)(void *stmt);
	uint64_t (*changed)(void *stmt);
	int64_t (*col_int)(void *stmt, int col);
	struct str (*col_bytes)(void *stmt, int col);
	uint64_t (*size)(void *conn);
	/* True while a transaction is open. */
	bool (*in_transaction)(void *conn);
};

extern const struct db_engine DB_SQLITE, DB_PG;

#endif
