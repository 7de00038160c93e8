/* PostgreSQL 15 through libpq behind db_engine.h. Parameters and results travel in
 * binary form with types fixed at PREPARE. The caller's UTF-8 checks keep NUL and bad
 * text out. A server that does not sync is refused: its commits would be a lie. */
#include <endian.h>
#include <libpq-fe.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "store/db_engine.h"

#define OID_BYTEA 17
#define OID_INT8 20
#define OID_TEXT 25
#define OID_BYTEA_ARRAY 1001
#define OID_TEXT_ARRAY 1009
#define OID_INT8_ARRAY 1016
#define BINARY 1

struct pg_conn {
	PGconn *pg;
	uint64_t next_name; /* of prepared statements */
};

struct pg_stmt {
	struct pg_conn *c;
	char name[24];
	PGresult *result;
	int row;
};

/* By SQLSTATE class, PostgreSQL 15 appendix A. */
static enum rc cause(const char *state)
{
	static const struct {
		const char *prefix;
		enum rc rc;
	} rows[] = {
		{ "53100", RC_FULL }, { "53200", RC_NOMEM }, { "53", RC_BUSY }, { "54", RC_LIMIT },
		{ "23", RC_CONFLICT }, { "40", RC_BUSY }, { "55P03", RC_BUSY }, { "58", RC_IO },
		{ "57P", RC_PEER }, { "08", RC_PEER }, { "XX001", RC_CORRUPT }, { "XX002", RC_CORRUPT },
		{ "22", RC_BAD }, { "25006", RC_DENIED }, { "28", RC_DENIED }, { "42501", RC_DENIED },
		{ "3D000", RC_NOTFOUND },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		if (str_starts(str_of(state), str_of(rows[i].prefix)))
			return rows[i].rc;
	return RC_INTERNAL;
}

static struct str first_line(const char *text)
{
	struct str rest = str_of(text), line = S("");

	str_next(&rest, '\n', &line);
	return line;
}

static enum rc fail(struct pg_conn *c, const PGresult *r, struct err *err, const char *what)
{
	const char *state = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_SQLSTATE);
	struct str text = first_line(r == NULL ? PQerrorMessage(c->pg) : PQresultErrorMessage(r));
	enum rc rc = PQstatus(c->pg) != CONNECTION_OK || state == NULL ? RC_PEER : cause(state);

	return FAIL(err, rc, "postgresql: %s: %.*s", what, STR(text));
}

static enum rc pg_exec(void *conn, const char *sql, struct err *err)
{
	struct pg_conn *c = conn;
	PGresult *r = PQexec(c->pg, sql);
	ExecStatusType status = PQresultStatus(r);
	enum rc rc = RC_OK;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
		rc = fail(c, r, err, "statement");
	else if (strcmp(sql, "COMMIT") == 0 && strcmp(PQcmdStatus(r), "COMMIT") != 0)
		rc = FAIL(err, RC_INTERNAL, "postgresql: the transaction was dead, its commit rolled back");
	PQclear(r);
	return rc;
}

static void pg_close(void *conn)
{
	struct pg_conn *c = conn;

	PQfinish(c->pg);
	mem_free(c);
}

static enum rc setting(struct pg_conn *c, const char *sql, const char *want, const char *why, struct err *err)
{
	PGresult *r = PQexec(c->pg, sql);
	enum rc rc = RC_OK;

	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1)
		rc = fail(c, r, err, "settings");
	else if (strcmp(PQgetvalue(r, 0, 0), want) != 0)
		rc = FAIL(err, RC_UNSUPPORTED, "postgresql: %s (it is '%s')", why, PQgetvalue(r, 0, 0));
	PQclear(r);
	return rc;
}

/* All our statements go along an index for a few rows. Without statistics (a fresh table that grows fast) the
 * planner thinks otherwise, and compiling a plan costs more than running it. */
static const char PLANNER[] = "SET jit = off; SET random_page_cost = 1.1; SET enable_seqscan = off;"
			      "SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

static enum rc pg_setup(struct pg_conn *c, const struct db_open_opts *o, struct err *err)
{
	if (PQserverVersion(c->pg) < 150000)
		return FAIL(err, RC_UNSUPPORTED, "postgresql: version 15 or newer is needed");
	TRY(setting(c, "SHOW server_encoding", "UTF8", "the database must be UTF8", err));
	TRY(setting(c, "SHOW fsync", "on", "fsync must be on: records would not be durable", err));
	TRY(pg_exec(c, "SET client_encoding = 'UTF8'; SET default_transaction_isolation = 'read committed';"
		       "SET client_min_messages = warning", err));
	TRY(pg_exec(c, PLANNER, err));
	TRY(pg_exec(c, "SELECT set_config('synchronous_commit', 'on', false) "
		       "WHERE current_setting('synchronous_commit') IN ('off', 'local')", err));
	if (o->read_only)
		TRY(pg_exec(c, "SET default_transaction_read_only = on", err));
	return RC_OK;
}

static void quiet(void *arg UNUSED, const char *message UNUSED)
{
}

static enum rc pg_open(const struct db_open_opts *o, void **ret, struct err *err)
{
	struct pg_conn *c = mem_alloc(sizeof *c);
	enum rc rc;

	if (c == NULL)
		return FAIL(err, RC_NOMEM, "postgresql: no memory for a connection");
	c->pg = PQconnectdb(o->url);
	if (PQstatus(c->pg) != CONNECTION_OK) {
		rc = FAIL(err, RC_PEER, "postgresql: %.*s", STR(first_line(PQerrorMessage(c->pg))));
	} else {
		PQsetNoticeProcessor(c->pg, quiet, NULL);
		rc = pg_setup(c, o, err);
	}
	if (rc != RC_OK) {
		pg_close(c);
		return rc;
	}
	*ret = c;
	return RC_OK;
}

static bool pg_alive(void *conn)
{
	struct pg_conn *c = conn;

	return PQstatus(c->pg) == CONNECTION_OK;
}

static bool pg_in_transaction(void *conn)
{
	struct pg_conn *c = conn;

	return PQtransactionStatus(c->pg) != PQTRANS_IDLE;
}

static void pg_finish(void *stmt)
{
	struct pg_stmt *s = stmt;
	char sql[48];

	PQclear(s->result);
	if (PQstatus(s->c->pg) == CONNECTION_OK && PQtransactionStatus(s->c->pg) != PQTRANS_INERROR) {
		snprintf(sql, sizeof sql, "DEALLOCATE %s", s->name);
		PQclear(PQexec(s->c->pg, sql));
	}
	mem_free(s);
}

static Oid type_of(char type)
{
	switch (type) {
	case 'i': return OID_INT8;
	case 't': return OID_TEXT;
	case 'b': return OID_BYTEA;
	case 'I': return OID_INT8_ARRAY;
	case 'T': return OID_TEXT_ARRAY;
	default: return OID_BYTEA_ARRAY;
	}
}

static enum rc pg_prepare(void *conn, const char *sql, const struct dbv *v, size_t n, void **ret, struct err *err)
{
	struct pg_conn *c = conn;
	struct pg_stmt *s = mem_alloc(sizeof *s);
	Oid types[DB_PARAMS_MAX];
	PGresult *r;
	enum rc rc = RC_OK;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "postgresql: no memory for a statement");
	s->c = c;
	snprintf(s->name, sizeof s->name, "q%llu", (unsigned long long)++c->next_name);
	for (size_t i = 0; i < n; i++)
		types[i] = type_of(v[i].type);
	r = PQprepare(c->pg, s->name, sql, (int)n, types);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		rc = fail(c, r, err, "prepare");
	PQclear(r);
	if (rc != RC_OK) {
		mem_free(s);
		return rc;
	}
	*ret = s;
	return RC_OK;
}

static enum rc pg_start(void *stmt, const struct dbv *v, size_t n, struct err *err)
{
	struct pg_stmt *s = stmt;
	const char *values[DB_PARAMS_MAX];
	uint64_t ints[DB_PARAMS_MAX];
	int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
	ExecStatusType status;

	for (size_t i = 0; i < n; i++) {
		ints[i] = htobe64((uint64_t)v[i].i);
		formats[i] = BINARY;
		if (v[i].s.n > INT32_MAX)
			return FAIL(err, RC_LIMIT, "postgresql: a value of more than 2 GiB");
		values[i] = v[i].type == 'i' ? (const char *)&ints[i] : v[i].s.p == NULL ? "" : v[i].s.p;
		lengths[i] = v[i].type == 'i' ? (int)sizeof ints[i] : (int)v[i].s.n;
	}
	s->result = PQexecPrepared(s->c->pg, s->name, (int)n, values, lengths, formats, BINARY);
	s->row = -1;
	status = PQresultStatus(s->result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		return fail(s->c, s->result, err, "execute");
	return RC_OK;
}

static enum rc pg_next(void *stmt, bool *ret_row, struct err *err UNUSED)
{
	struct pg_stmt *s = stmt;

	*ret_row = ++s->row < PQntuples(s->result);
	return RC_OK;
}

static void pg_reset(void *stmt)
{
	struct pg_stmt *s = stmt;

	PQclear(s->result);
	s->result = NULL;
}

static uint64_t pg_changed(void *stmt)
{
	struct pg_stmt *s = stmt;
	uint64_t n = 0;

	str_to_u64(str_of(PQcmdTuples(s->result)), &n);
	return n;
}

static struct str pg_bytes(void *stmt, int col)
{
	struct pg_stmt *s = stmt;

	return str_make(PQgetvalue(s->result, s->row, col), (size_t)PQgetlength(s->result, s->row, col));
}

static int64_t pg_int(void *stmt, int col)
{
	struct str raw = pg_bytes(stmt, col);
	uint64_t be = 0;

	if (raw.n == sizeof be)
		memcpy(&be, raw.p, sizeof be);
	return (int64_t)be64toh(be);
}

static uint64_t pg_size(void *conn)
{
	struct pg_conn *c = conn;
	PGresult *r = PQexec(c->pg, "SELECT pg_database_size(current_database())");
	uint64_t n = 0;

	if (PQresultStatus(r) == PGRES_TUPLES_OK)
		str_to_u64(str_of(PQgetvalue(r, 0, 0)), &n);
	PQclear(r);
	return n;
}

const struct db_engine DB_PG = {
	.is_pg = true,
	.begin = "BEGIN",
	.open = pg_open,
	.close = pg_close,
	.alive = pg_alive,
	.exec = pg_exec,
	.prepare = pg_prepare,
	.finish = pg_finish,
	.start = pg_start,
	.next = pg_next,
	.reset = pg_reset,
	.changed = pg_changed,
	.col_int = pg_int,
	.col_bytes = pg_bytes,
	.size = pg_size,
	.in_transaction = pg_in_transaction,
};
