/* The node's records: one data folder (SQLite and the object log) or one
 * PostgreSQL database behind the same calls. Only files in store/ know SQL.
 *
 * Durable means synced: a call that changes something returns after the disk
 * (or PostgreSQL) has it. Concurrent changes share a commit: one writer, many
 * waiters. Reads never wait for the writer. All calls are thread-safe. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/time.h"

/* Numbers of drills begin so and count for themselves. */
#define STORE_EXERCISE "EX"

struct store;

struct store_config {
	const char *dir;  /* the node's data folder; the object log lies here in SQLite mode */
	const char *url;  /* NULL or "" = SQLite in `dir`; "postgresql://..." = PostgreSQL 15 */
	bool create;      /* make an empty store where there is none; without it RC_NOTFOUND */
	bool read_only;   /* offline tools (audit verify, export) beside or without a running node */
};

/* Opens, recovers after a crash, migrates the schema upward. RC_UNSUPPORTED: made by a newer version. RC_CORRUPT names the file.
 * RC_BUSY: another process writes in this folder (SQLite mode; several nodes may share a PostgreSQL database). */
enum rc store_open(const struct store_config *c, struct store **ret, struct err *err) MUSTUSE;
/* Commits what waits and closes. Accepts NULL. */
void store_close(struct store *s);
void store_closep(struct store **s);

/* What a layer above keeps for the store's life (the gate's counters of releases
 * not yet written, admit's knowledge of markings) hangs on the store itself, so
 * that it needs no global state. The first call makes it under a lock; store_close
 * calls `done` first of all, while the store still takes facts. NULL when `make` gave NULL. */
enum store_slot { STORE_SLOT_GATE, STORE_SLOT_ADMIT, STORE_SLOT_COUNT };
typedef void *(*store_slot_make)(struct store *s);
typedef void (*store_slot_done)(struct store *s, void *p);
void *store_slot(struct store *s, enum store_slot which, store_slot_make make, store_slot_done done);

/* Figures for `status`: rows by table, bytes on disk, queue length, last commit time, full or not. */
struct store_stats {
	uint64_t objects, versions, collections, users, facts;
	uint64_t bytes_on_disk, commits, writers_waiting;
	bool disk_full; /* the last write was refused for space; reads go on */
	const char *engine; /* "sqlite" or "postgresql" */
};
void store_stats(struct store *s, struct store_stats *ret);

#endif
