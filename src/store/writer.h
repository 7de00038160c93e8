/* The one thread that changes a part of the store, and the group commit: what
 * waits while a commit is under way shares the next one.
 *
 * A store has two writers with nothing between them: one for the small tables
 * and facts (SQL), one for the objects (the object log, or its own PostgreSQL
 * connection), so that a fact does not wait for a thousand objects.
 *
 * A job may be run twice: when one job of a group fails, the group is rolled back
 * and each of its jobs is run again in a transaction of its own. So a job sets all its
 * results anew, and one that cannot share a transaction may say RC_BUSY. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define WRITER_GROUP_MAX 64   /* jobs that share a commit */
#define WRITER_QUEUE_MAX 4096 /* waiting callers; more get RC_BUSY */

struct store;
struct writer;

/* A change, on the writer's thread, between begin and commit. */
typedef enum rc (*writer_job)(struct store *s, void *ctx, struct err *err);

/* What a transaction is for this writer. All run on its thread. */
struct writer_ops {
	const char *name; /* thread name */
	enum rc (*begin)(struct store *s, struct err *err);
	/* RC_OK: durable, and readers see it. Anything else: rollback follows. RC_IO here is final:
	 * after a failed sync the kernel may have dropped the pages, so no later commit can be believed. */
	enum rc (*commit)(struct store *s, struct err *err);
	void (*rollback)(struct store *s);
	/* After the waiters' results are fixed and before they wake; may be NULL. */
	void (*committed)(struct store *s);
	/* True when begin or commit have something to do without a waiter: then an empty group is run, about once
	 * a second while nobody waits, and at the end. May be NULL. */
	bool (*wants)(struct store *s);
	/* Upkeep, about once a second while nobody waits, and now and then between groups; may be NULL. */
	void (*idle)(struct store *s);
};

enum rc writer_start(struct store *s, const struct writer_ops *ops, struct writer **ret, struct err *err) MUSTUSE;
/* Runs what waits, then ends the thread. Accepts NULL. */
void writer_stop(struct writer *w);

/* Runs `job` and returns after the shared commit, with the job's own failure or the commit's. */
enum rc writer_do(struct writer *w, writer_job job, void *ctx, struct err *err) MUSTUSE;

struct writer_stats {
	uint64_t commits, waiting;
	bool full;   /* the last group was refused for space */
	bool broken; /* a sync failed: all writes are refused until the store is opened again */
};
void writer_stats(struct writer *w, struct writer_stats *ret);

#endif
