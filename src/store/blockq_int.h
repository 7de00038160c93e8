/* For blockq*.c. Where the engines differ a statement stands twice. */
#ifndef STORE_BLOCKQ_INT_H
#define STORE_BLOCKQ_INT_H

#include "store/blockq.h"
#include "store/db.h"

#define BQ_NOW_PG "((extract(epoch from now()) * 1000000)::bigint)"
#define BQ_NOW_LITE "(CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))"
/* The same text for both, with the clock between its two parts. */
#define BQ_NOW(q, before, after) (db_is_pg((q)->db) ? before BQ_NOW_PG after : before BQ_NOW_LITE after)

#define BQ_VERSION 2
#define BQ_NEVER INT64_MAX
#define BQ_BUSY_TRIES 10 /* deadlocks and busy files are tried again */

struct blockq {
	struct db *db;
	struct db_open_opts opts;
	char *path, *url;
	uint32_t shards;
	uint64_t seed;
	usec tolerance;
};

/* Runs `job` in a transaction; again when another was in the way. */
typedef enum rc (*blockq_job)(struct blockq *q, void *ctx, struct err *err);
enum rc blockq_transact(struct blockq *q, blockq_job job, void *ctx, struct err *err) MUSTUSE;
enum rc blockq_put_alerts(struct blockq *q, struct str block, const struct blockq_alert *alerts, size_t n, struct err *err) MUSTUSE;
enum rc blockq_put_sighting(struct blockq *q, const struct blockq_sighting *s, struct err *err) MUSTUSE;
enum rc blockq_copy(struct arena *a, struct str from, struct str *ret, struct err *err) MUSTUSE;

#endif
