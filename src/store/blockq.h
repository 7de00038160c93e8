/* The queue of sealed blocks between collectors and detectors, one row a block:
 * on PostgreSQL for any number of machines, in one SQLite file for one. What is
 * to come of a block - alerts, sightings, steps of correlations - is written in
 * the transaction that marks it done, so whatever is killed meanwhile, a block has
 * its effects once.
 *
 * Blocks have numbers in the order in which they were put. Correlations are counted
 * in that order, as far as all blocks are done, whoever matched them and when.
 *
 * Blocks are opaque here (detect/block.h); done ones stay as history. Leases are
 * by the database's clock. One thread at a time on a connection. */
#ifndef STORE_BLOCKQ_H
#define STORE_BLOCKQ_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"

#define BLOCKQ_ID_MAX 200                      /* bytes of a block's id */
#define BLOCKQ_NAME_MAX 200                    /* of a taker's, a rule's, a source's name */
#define BLOCKQ_BYTES_MAX ((size_t)64 << 20)    /* of one block */
#define BLOCKQ_BATCH_MAX 256                   /* blocks put, taken or done at once */
#define BLOCKQ_TRIES 10                        /* takings after which a block is stuck: nobody gets it any more, it is counted */
#define BLOCKQ_SHARDS_MAX 4096
#define BLOCKQ_TOLERANCE (300 * USEC_PER_SEC)  /* collectors seal at different moments */

struct blockq;

struct blockq_opts {
	const char *path; /* SQLite file */
	const char *url;  /* or PostgreSQL; several hosts with target_session_attrs=read-write find the primary of a pair */
	bool create;      /* file and tables */
	uint32_t shards;  /* with `create`: of correlation; 0 = 64. Fixed when the tables are made, as is */
	usec tolerance;   /* how far behind the newest event of the blocks before an event may come; 0 = BLOCKQ_TOLERANCE */
};

/* RC_NOTFOUND, RC_PEER, RC_IO, RC_BAD. */
enum rc blockq_open(const struct blockq_opts *o, struct blockq **ret, struct err *err) MUSTUSE;
void blockq_close(struct blockq *q);
void blockq_closep(struct blockq **q);

/* After RC_PEER a connection is of no use: this makes a new one to whoever is primary now. What was under way has happened or not;
 * all of it may be done again: putting is by id, and done blocks are no longer anybody's. */
enum rc blockq_reconnect(struct blockq *q, struct err *err) MUSTUSE;

/* --- collectors --- */

struct blockq_block {
	struct str id;      /* says which events these are, whoever puts them: the collector's name and number, or a digest of them */
	struct str bytes;
	size_t index_n;     /* the first so many bytes tell what it holds (block_index_n) */
	uint32_t events;
	usec first, last;   /* event times */
};

/* All or none; durable - also on a synchronous standby - when it returns. One whose id is known is passed over. */
enum rc blockq_put(struct blockq *q, const struct blockq_block *list, size_t n, uint64_t *ret_new, struct err *err) MUSTUSE;

/* --- detectors --- */

struct blockq_taken {
	struct str id, bytes; /* in the caller's arena */
	int64_t tries;        /* which taking this is, from 1: with the taker's name, its title to the block */
	int64_t number;       /* from 1, in the order in which they were put */
	usec put;             /* by the database's clock */
};

/* Up to `most` blocks that nobody has, or whose lease has run out, oldest first; for `lease` they are `taker`'s. *ret_n 0: none.
 * `list` of `most` places. */
enum rc blockq_take(struct blockq *q, struct str taker, usec lease, size_t most, struct arena *a, struct blockq_taken *list, size_t *ret_n,
		    struct err *err) MUSTUSE;
/* Gives one back before its time. */
enum rc blockq_return(struct blockq *q, struct str taker, const struct blockq_taken *t, struct err *err) MUSTUSE;

struct blockq_alert {
	uint64_t ordinal; /* of the event in its block: with the block and `what`, its name */
	struct str what;  /* rule or indicator */
	struct str body;
};
struct blockq_sighting {
	struct str indicator, source;
	int64_t day;      /* since 1970: one sighting per indicator, source and day */
	uint64_t count;   /* more of it */
	usec first, last;
};
struct blockq_steps { uint32_t shard; struct str bytes; }; /* all that the block has for this shard */
struct blockq_result {
	const struct blockq_taken *block;
	const struct blockq_alert *alerts;
	const struct blockq_sighting *sightings;
	const struct blockq_steps *steps; /* a shard once at most */
	size_t n_alerts, n_sightings, n_steps;
	bool lost;        /* set by blockq_done: the lease had run out and somebody else has the block; nothing of it was written */
};

/* Marks blocks done, with all that came of them, in one transaction. RC_PEER: it happened or not, see blockq_reconnect. */
enum rc blockq_done(struct blockq *q, struct str taker, struct blockq_result *list, size_t n, struct err *err) MUSTUSE;

/* What was looked for later, and found in a block that is done: alerts[i] with sightings[i]. Each is written once, whoever finds it and
 * how often; *ret_new were not known. Of a block that is not done, or not there any more, nothing is written. */
enum rc blockq_found(struct blockq *q, struct str block, const struct blockq_alert *alerts, const struct blockq_sighting *sightings, size_t n,
		     uint64_t *ret_new, struct err *err) MUSTUSE;

/* --- correlation, by shards of the group's key --- */

uint32_t blockq_shards(const struct blockq *q);
uint64_t blockq_seed(const struct blockq *q);   /* the same for all: secret of the hash */
usec blockq_tolerance(const struct blockq *q);

/* Says that `worker` lives, for `lease`, and counts those that do. Leaves with `lease` 0. */
enum rc blockq_worker(struct blockq *q, struct str worker, usec lease, uint32_t *ret_n, struct err *err) MUSTUSE;

/* What is known of a shard: `state` is that after the block `saved`; what fired up to the block `after` is written. So its next
 * owner counts the blocks behind `saved` again, and is silent up to `after`. */
struct blockq_shard {
	uint32_t number;
	int64_t tries;        /* with the taker's name its title */
	int64_t saved, after;
	int64_t fired;        /* alerts so far */
	int64_t ended;        /* the block after which it was told that nothing more comes; 0: never */
	int64_t late, left_out; /* steps that came too late; steps and groups that were left out otherwise: both up to `saved` */
	struct str state;     /* in the caller's arena; "" at first */
};
/* A shard that nobody has, for `lease`. RC_NOTFOUND: all are taken. */
enum rc blockq_shard_take(struct blockq *q, struct str taker, usec lease, struct arena *a, struct blockq_shard *ret, struct err *err) MUSTUSE;
/* Gives one back, or with NULL all that stand in `taker`'s name. */
enum rc blockq_shard_return(struct blockq *q, struct str taker, const struct blockq_shard *s, struct err *err) MUSTUSE;
/* All shards that are `taker`'s, for `lease` more. */
enum rc blockq_shards_keep(struct blockq *q, struct str taker, usec lease, struct err *err) MUSTUSE;

/* The block `number` as a point of time: nothing of any block up to it is still to come. */
struct blockq_mark {
	int64_t number;
	usec newest; /* time of its newest event; INT64_MIN when that is a day ahead of the clock: not believed */
	usec put;
};
/* The next blocks behind `after` as far as all are done; `list` of `most` >= 1 places. *ret_upto: up to this number everything is done
 * and told here (those that retention removed meanwhile are not in the list). A block that ten takers dropped is out of the count for
 * good from here on. */
enum rc blockq_marks(struct blockq *q, int64_t after, size_t most, struct blockq_mark *list, size_t *ret_n, int64_t *ret_upto,
		     struct err *err) MUSTUSE;

/* Steps for a shard of the blocks in (after, upto], in the order of their numbers; borrowed during the call. */
typedef enum rc (*blockq_steps_fn)(void *ctx, int64_t block, struct str steps, struct err *err);
enum rc blockq_shard_steps(struct blockq *q, uint32_t shard, int64_t after, int64_t upto, blockq_steps_fn fn, void *ctx, struct err *err) MUSTUSE;

struct blockq_progress {
	struct blockq_shard *shard;
	int64_t after, ended, late, left_out; /* become those of the shard, the last three with its state */
	bool with_state;       /* `state` is that after `after`: what it was counted from is removed */
	struct str state;
	const struct blockq_alert *alerts; /* their ordinals are given here, from shard->fired on */
	const struct blockq_sighting *sightings;
	size_t n_alerts, n_sightings;
	bool lost;             /* set: somebody else has the shard, nothing of it was written */
};
/* All that are not lost in one transaction. */
enum rc blockq_shards_save(struct blockq *q, struct str taker, struct blockq_progress *list, size_t n, struct err *err) MUSTUSE;
/* The least of all shards: blocks up to *ret_saved are in the saved state of every one, *ret_ended likewise. */
enum rc blockq_shards_behind(struct blockq *q, int64_t *ret_saved, int64_t *ret_ended, struct err *err) MUSTUSE;

/* Id of a block by its number, into the arena; "" when it is not there any more. */
enum rc blockq_id(struct blockq *q, int64_t number, struct arena *a, struct str *ret, struct err *err) MUSTUSE;

/* --- what came of it; the history --- */

struct blockq_alert_row { int64_t seq; struct str block, what, body; uint64_t ordinal; };
/* Alerts behind number `after`, in the order of their commits; borrowed during the call. */
typedef enum rc (*blockq_alert_fn)(void *ctx, const struct blockq_alert_row *a, struct err *err);
enum rc blockq_alerts(struct blockq *q, int64_t after, size_t most, blockq_alert_fn fn, void *ctx, struct err *err) MUSTUSE;
typedef enum rc (*blockq_sighting_fn)(void *ctx, const struct blockq_sighting *s, struct err *err);
enum rc blockq_sightings(struct blockq *q, blockq_sighting_fn fn, void *ctx, struct err *err) MUSTUSE;

/* The index part of every block, done or not, in the order of their numbers; "" of one without events in [since, until) (until 0 =
 * open). For hunts. Other calls but this one may be made meanwhile. */
typedef enum rc (*blockq_index_fn)(void *ctx, struct str id, struct str index, struct err *err);
enum rc blockq_each(struct blockq *q, usec since, usec until, blockq_index_fn fn, void *ctx, struct err *err) MUSTUSE;
/* A block's bytes into `out` (cleared first). RC_NOTFOUND. */
enum rc blockq_bytes(struct blockq *q, struct str id, struct buf *out, struct err *err) MUSTUSE;
/* Retention: removes blocks that are done and were put more than `age` ago, and the oldest of them while all blocks together have
 * more than `max_bytes` (0: no limit). None goes that an owner of a shard may still count. */
enum rc blockq_expire(struct blockq *q, usec age, uint64_t max_bytes, uint64_t *ret_blocks, struct err *err) MUSTUSE;

struct blockq_stats {
	uint64_t ready, taken, done, stuck, events, bytes, alerts; /* events, bytes: of all blocks that are there; ready: also those
								      whose lease ran out */
	uint64_t steps, workers; /* blocks' steps that wait in some shard; workers that live */
	uint64_t late, left_out; /* of all shards */
	int64_t blocks, saved;   /* number of the newest block, and the last one that every shard has counted and saved */
	usec oldest; /* how long the oldest ready one has waited */
};
enum rc blockq_stats(struct blockq *q, struct blockq_stats *ret, struct err *err) MUSTUSE;

#endif
