/* A worker on a queue of blocks: takes some, matches their events, and commits
 * what was found together with their completion; and has its part in the
 * correlations that all workers share (detect/spread.h). Any number of workers on
 * any number of machines; each may be killed at any time. One thread each. */
#ifndef DETECT_WORK_H
#define DETECT_WORK_H

#include "detect/hunt.h"
#include "detect/spread.h"

#define WORK_BATCH 4         /* blocks taken at once */
#define WORK_ALERTS_MAX 65536 /* of one block; others are counted, and told in an alert of their own */

struct work_opts {
	struct blockq *q;               /* outlives the worker, as do */
	struct hunt_matcher *m;         /* what is looked for */
	const struct sigma_set *rules;  /* the rules in it, NULL: none. The same for all workers of a queue */
	struct str name;                /* unlike any other worker's that lives */
	usec lease;                     /* how long somebody killed keeps others from its blocks and shards */
	usec save_every;                /* spread_opts */
};

struct worker;

enum rc worker_new(const struct work_opts *o, struct worker **ret, struct err *err) MUSTUSE;
void worker_free(struct worker *w);

/* Once around: blocks, then shards. *ret_any: there was something to do. After RC_PEER: blockq_reconnect, and again. */
enum rc worker_turn(struct worker *w, bool *ret_any, struct err *err) MUSTUSE;
/* When a turn found nothing: is all done that was put, in every shard? Saves. `end`: nothing more comes, windows are closed. */
enum rc worker_settle(struct worker *w, bool end, bool *ret_all, struct err *err) MUSTUSE;
/* Saves and gives back what it has. */
enum rc worker_leave(struct worker *w, struct err *err) MUSTUSE;

/* Looks for what became known later, in all blocks of the queue that are done: alerts and sightings as if it had been known when they
 * were matched, each once, whoever looks too. `m` of hunt_for_indicators; patterns of several events are not told. After RC_PEER:
 * blockq_reconnect, and again from the beginning. */
enum rc worker_past(struct worker *w, struct hunt_matcher *m, struct hunt_stats *ret, uint64_t *ret_new, struct err *err) MUSTUSE;

struct work_stats {
	uint64_t blocks, events, bytes, alerts; /* of blocks; bytes of their lines */
	uint64_t fired;                         /* alerts of correlations */
	uint64_t lost, cut;                     /* blocks and shards that somebody else had by then; alerts left out */
	uint64_t shards;
};
void worker_stats(const struct worker *w, struct work_stats *ret);

#endif
