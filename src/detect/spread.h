/* One worker's part of the correlations that many share: it owns some shards of a
 * queue of blocks, counts their steps in the order of the blocks, and writes what
 * fires. Which shards: as many as every worker that lives has; those of one that
 * died are taken over when its lease has run out.
 *
 * What is told of a queue's blocks is the same whoever counts and however often
 * somebody dies meanwhile. All calls from one thread. */
#ifndef DETECT_SPREAD_H
#define DETECT_SPREAD_H

#include "detect/sigma.h"
#include "store/blockq.h"

#define SPREAD_STATE_MAX ((size_t)64 << 20) /* of one shard's correlations; the groups idle for longest go first, counted */

struct spread;

struct spread_opts {
	struct blockq *q;              /* outlives the spread */
	const struct sigma_set *rules; /* the same for all workers; likewise */
	struct str name;               /* of this worker, unlike any other's that lives; at most BLOCKQ_NAME_MAX bytes */
	usec lease;
	usec save_every;               /* between two saved states; 0 = 10 s. More is counted again when somebody dies */
};

enum rc spread_new(const struct spread_opts *o, struct spread **ret, struct err *err) MUSTUSE;
/* Forgets; what was not saved is counted again by the next owner. Its shards are free when the lease has run out, see spread_leave. */
void spread_free(struct spread *s);

/* Takes and gives back shards, counts what is there to count, and writes what fired. *ret_any: there was something. After any failure
 * (RC_PEER: blockq_reconnect) call it again: shards are taken anew. */
enum rc spread_turn(struct spread *s, bool *ret_any, struct err *err) MUSTUSE;
/* Saves the state of all that was counted. `end`: nothing more comes, all windows are closed. *ret_all: every shard, also of others, is
 * saved (and ended) behind the newest block. */
enum rc spread_save(struct spread *s, bool end, bool *ret_all, struct err *err) MUSTUSE;
/* Saves, gives everything back. */
enum rc spread_leave(struct spread *s, struct err *err) MUSTUSE;

struct spread_stats { uint64_t shards, fired, lost; }; /* held now; alerts written; shards that somebody else had meanwhile */
void spread_stats(const struct spread *s, struct spread_stats *ret);

#endif
