/* SQLite 3.40 behind db_engine.h. WAL with synchronous=FULL: a COMMIT that returned
 * is on the disk, and readers never wait for the writer. STRICT tables keep a text
 * from lying in a number's column. Parameters are bound by name ($1), since SQLite
 * numbers them by first appearance. */
#include <errno.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "store/db_engine.h"

#define BUSY_MS 10000

struct lite_stmt {
	sqlite3 *db;
	sqlite3_stmt *st;
	int place[DB_PARAMS_MAX]; /* SQLite's number of $1, $2 ... */
};

/* A full disk, a quota and a file-size limit are one thing to us: no space, reads go on. But a failed
 * sync is final whatever it says: the kernel may have dropped what it could not write. SQLite does not
 * pass the cause on from a write in a COMMIT; errno, cleared before each call, still has it. */
static enum rc io_cause(sqlite3 *db, int code)
{
	int e = sqlite3_system_errno(db);

	if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
		return RC_IO;
	if (e == 0)
		e = errno;
	return e == ENOSPC || e == EDQUOT || e == EFBIG ? RC_FULL : RC_IO;
}

static enum rc cause(sqlite3 *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL: return RC_FULL;
	case SQLITE_IOERR: return (code == SQLITE_IOERR_NOMEM) ? RC_NOMEM : io_cause(db, code);
	case SQLITE_CANTOPEN: return io_cause(db, code);
	case SQLITE_NOMEM: return RC_NOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return RC_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return RC_CORRUPT;
	case SQLITE_CONSTRAINT: return RC_CONFLICT;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH: return RC_DENIED;
	case SQLITE_TOOBIG: return RC_LIMIT;
	default: return RC_INTERNAL;
	}
}

static enum rc fail(sqlite3 *db, int code, struct err *err, const char *what)
{
	enum rc rc = cause(db, code);

	/* SQLite's own words for it are "disk I/O error" more often than not. */
	return FAIL(err, rc, "records: %s: %s%s", what, sqlite3_errmsg(db), rc == RC_FULL ? " (no space left)" : "");
}

static enum rc lite_exec(void *conn, const char *sql, struct err *err)
{
	sqlite3 *db = conn;
	int code;

	errno = 0;
	code = sqlite3_exec(db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? RC_OK : fail(db, code, err, "statement");
}

static void lite_close(void *conn)
{
	sqlite3_close_v2(conn);
}

/* The cache sizes are KiB: a writer of small tables and eight readers stay below 40 MB. */
static const char SETTINGS[] =
	"PRAGMA synchronous=FULL; PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY;"
	"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA wal_autocheckpoint=2000;"
	"PRAGMA journal_size_limit=16777216;";

static enum rc lite_setup(sqlite3 *db, const struct db_open_opts *o, struct err *err)
{
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_MS);
	if (!o->read_only)
		TRY(lite_exec(db, "PRAGMA journal_mode=WAL;", err));
	TRY(lite_exec(db, SETTINGS, err));
	if (o->read_only)
		TRY(lite_exec(db, "PRAGMA query_only=1;", err));
	return RC_OK;
}

/* Read connections open the file for writing too: in WAL mode a reader keeps its
 * mark in the shared index. query_only holds them to reading. */
static enum rc lite_open(const struct db_open_opts *o, void **ret, struct err *err)
{
	sqlite3 *db = NULL;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | (o->create ? SQLITE_OPEN_CREATE : 0);
	int code;
	enum rc rc;

	if (!o->create && access(o->path, F_OK) != 0)
		return FAIL(err, RC_NOTFOUND, "%s: no records here", o->path);
	code = sqlite3_open_v2(o->path, &db, flags, NULL);
	if (code != SQLITE_OK) {
		rc = db == NULL ? FAIL(err, RC_NOMEM, "%s: no memory", o->path) : fail(db, code, err, o->path);
		sqlite3_close_v2(db);
		return rc;
	}
	rc = lite_setup(db, o, err);
	if (rc != RC_OK) {
		err_prefix(err, "%s", o->path);
		sqlite3_close_v2(db);
		return rc;
	}
	*ret = db;
	return RC_OK;
}

static bool lite_alive(void *conn UNUSED)
{
	return true;
}

static bool lite_in_transaction(void *conn)
{
	return sqlite3_get_autocommit(conn) == 0;
}

static void lite_finish(void *stmt)
{
	struct lite_stmt *s = stmt;

	sqlite3_finalize(s->st);
	mem_free(s);
}

static enum rc lite_prepare(void *conn, const char *sql, const struct dbv *v UNUSED, size_t n, void **ret, struct err *err)
{
	struct lite_stmt *s = mem_alloc(sizeof *s);
	int code;
	enum rc rc;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "records: no memory for a statement");
	s->db = conn;
	code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->st, NULL);
	if (code != SQLITE_OK) {
		rc = fail(s->db, code, err, "prepare");
		mem_free(s);
		return rc;
	}
	for (size_t k = 0; k < n; k++) {
		char name[24];

		snprintf(name, sizeof name, "$%zu", k + 1);
		s->place[k] = sqlite3_bind_parameter_index(s->st, name);
	}
	*ret = s;
	return RC_OK;
}

static int bind_one(struct lite_stmt *s, int place, const struct dbv *v)
{
	const char *p = v->s.p == NULL ? "" : v->s.p;

	switch (v->type) {
	case 'i': return sqlite3_bind_int64(s->st, place, v->i);
	case 't': return sqlite3_bind_text64(s->st, place, p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
	default: return sqlite3_bind_blob64(s->st, place, p, v->s.n, SQLITE_STATIC);
	}
}

static enum rc lite_start(void *stmt, const struct dbv *v, size_t n, struct err *err)
{
	struct lite_stmt *s = stmt;

	for (size_t k = 0; k < n; k++) {
		int code = s->place[k] == 0 ? SQLITE_OK : bind_one(s, s->place[k], &v[k]);

		if (code != SQLITE_OK)
			return fail(s->db, code, err, "bind");
	}
	return RC_OK;
}

static enum rc lite_next(void *stmt, bool *ret_row, struct err *err)
{
	struct lite_stmt *s = stmt;
	int code;

	errno = 0;
	code = sqlite3_step(s->st);
	*ret_row = code == SQLITE_ROW;
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return RC_OK;
	return fail(s->db, code, err, "step");
}

static void lite_reset(void *stmt)
{
	struct lite_stmt *s = stmt;

	sqlite3_reset(s->st);
}

static uint64_t lite_changed(void *stmt)
{
	struct lite_stmt *s = stmt;

	return (uint64_t)sqlite3_changes64(s->db);
}

static int64_t lite_int(void *stmt, int col)
{
	struct lite_stmt *s = stmt;

	return sqlite3_column_int64(s->st, col);
}

static struct str lite_bytes(void *stmt, int col)
{
	struct lite_stmt *s = stmt;
	const char *p = sqlite3_column_blob(s->st, col);

	return p == NULL ? S("") : str_make(p, (size_t)sqlite3_column_bytes(s->st, col));
}

static uint64_t lite_size(void *conn)
{
	static const char *const pragmas[] = { "PRAGMA page_count", "PRAGMA page_size" };
	uint64_t product = 1;

	for (size_t i = 0; i < COUNTOF(pragmas); i++) {
		sqlite3_stmt *st = NULL;

		if (sqlite3_prepare_v2(conn, pragmas[i], -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
			product = 0;
		else
			product *= (uint64_t)sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
	}
	return product;
}

const struct db_engine DB_SQLITE = {
	.is_pg = false,
	.begin = "BEGIN IMMEDIATE",
	.open = lite_open,
	.close = lite_close,
	.alive = lite_alive,
	.exec = lite_exec,
	.prepare = lite_prepare,
	.finish = lite_finish,
	.start = lite_start,
	.next = lite_next,
	.reset = lite_reset,
	.changed = lite_changed,
	.col_int = lite_int,
	.col_bytes = lite_bytes,
	.size = lite_size,
	.in_transaction = lite_in_transaction,
};
