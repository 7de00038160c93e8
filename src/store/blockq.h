/* The queue of sealed blocks between collectors and detectors, one row a block:
 * on PostgreSQL for any number of machines, in one SQLite file for one. What is
 * to come of a block - alerts, sightings, matches for correlations - is written
 * in the transaction that marks it done, so whatever is killed meanwhile, a
 * block has its effects once.
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

struct blockq;

struct blockq_opts {
	const char *path; /* SQLite file */
	const char *url;  /* or PostgreSQL; several hosts with target_session_attrs=read-write find the primary of a pair */
	bool create;      /* file and tables */
	uint32_t shards;  /* with `create`: of correlation; 0 = 64. Fixed when the tables are made */
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
	struct str id;      /* says which events these are, whoever puts them: the collector's name and number, or the block's hash */
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
struct blockq_match {
	struct str group; /* key of the correlation's group: decides the shard */
	struct str body;
};
struct blockq_result {
	const struct blockq_taken *block;
	const struct blockq_alert *alerts;
	const struct blockq_sighting *sightings;
	const struct blockq_match *matches;
	size_t n_alerts, n_sightings, n_matches;
	bool lost;        /* set by blockq_done: the lease had run out and somebody else has the block; nothing of it was written */
};

/* Marks blocks done, with all that came of them, in one transaction. RC_PEER: it happened or not, see blockq_reconnect. */
enum rc blockq_done(struct blockq *q, struct str taker, struct blockq_result *list, size_t n, struct err *err) MUSTUSE;

/* --- correlation, by shards of the group's key --- */

struct blockq_shard {
	uint32_t number;
	int64_t tries, after; /* title; matches up to this one are in `state` */
	struct str state;     /* the correlator's, "" at first; in the caller's arena */
};
struct blockq_shard_match { int64_t seq; struct str body; };

uint32_t blockq_shards(const struct blockq *q);
/* A shard that nobody has, for `lease`. RC_NOTFOUND: all are taken. */
enum rc blockq_shard_take(struct blockq *q, struct str taker, usec lease, struct arena *a, struct blockq_shard *ret, struct err *err) MUSTUSE;
/* Its next matches in the order in which they were committed; `list` of `most` places, bodies in the arena. */
enum rc blockq_shard_read(struct blockq *q, const struct blockq_shard *s, size_t most, struct arena *a, struct blockq_shard_match *list,
			  size_t *ret_n, struct err *err) MUSTUSE;
/* State, place and alerts together, and the lease anew; the matches up to `after` are removed. An alert's `ordinal` is the
 * number of the match that fired it. RC_CONFLICT: the lease had run out, nothing was written. */
enum rc blockq_shard_save(struct blockq *q, struct str taker, usec lease, struct blockq_shard *s, int64_t after, struct str state,
			  const struct blockq_alert *alerts, size_t n, struct err *err) MUSTUSE;

/* --- what came of it; the history --- */

struct blockq_alert_row { int64_t seq; struct str block, what, body; uint64_t ordinal; };
/* Alerts behind number `after`, in the order of their commits; borrowed during the call. */
typedef enum rc (*blockq_alert_fn)(void *ctx, const struct blockq_alert_row *a, struct err *err);
enum rc blockq_alerts(struct blockq *q, int64_t after, size_t most, blockq_alert_fn fn, void *ctx, struct err *err) MUSTUSE;
typedef enum rc (*blockq_sighting_fn)(void *ctx, const struct blockq_sighting *s, struct err *err);
enum rc blockq_sightings(struct blockq *q, blockq_sighting_fn fn, void *ctx, struct err *err) MUSTUSE;

/* The index part of every block with events in [since, until) (until 0 = open), done or not, oldest put first: for hunts (hunt_may). */
typedef enum rc (*blockq_index_fn)(void *ctx, struct str id, struct str index, struct err *err);
enum rc blockq_each(struct blockq *q, usec since, usec until, blockq_index_fn fn, void *ctx, struct err *err) MUSTUSE;
/* A block's bytes into `out` (cleared first). RC_NOTFOUND. */
enum rc blockq_bytes(struct blockq *q, struct str id, struct buf *out, struct err *err) MUSTUSE;
/* Removes blocks that are done and were put more than `age` ago. */
enum rc blockq_expire(struct blockq *q, usec age, uint64_t *ret_blocks, struct err *err) MUSTUSE;

struct blockq_stats {
	uint64_t ready, taken, done, stuck, events, alerts, matches; /* events: of all blocks that are there; ready: also those whose lease ran out */
	usec oldest; /* how long the oldest ready one has waited */
};
enum rc blockq_stats(struct blockq *q, struct blockq_stats *ret, struct err *err) MUSTUSE;

#endif
