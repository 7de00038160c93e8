/* The history of log events: sealed blocks, appended to segments in one folder,
 * removed a whole segment at a time. One writer; any number of readers in this
 * and other processes look on while it writes.
 *
 * What history_append has taken is on the disk when it returns. How far each
 * input was read lies in the blocks themselves, so what was not sealed before a
 * crash is read again by whoever asks history_place at start: nothing is lost
 * and nothing stands twice. */
#ifndef DETECT_HISTORY_H
#define DETECT_HISTORY_H

#include "base/arena.h"
#include "detect/block.h"

#define HISTORY_SEGMENT ((uint64_t)256 << 20) /* bytes at which a new segment begins */
#define HISTORY_SEGMENTS_MAX 100000
#define HISTORY_BLOCKS_MAX ((size_t)1 << 24)

struct history;

struct history_opts {
	const char *dir;        /* created by a writer */
	bool write;
	bool unsynced;          /* bulk loading: on the disk at history_sync, a full segment and the end */
	uint64_t segment_bytes; /* 0: HISTORY_SEGMENT */
	uint64_t max_bytes;     /* retention, by history_expire; 0: no limit */
	usec max_age;           /* since sealing; 0: no limit */
};

/* RC_NOTFOUND: no such folder (reading); RC_BUSY: another writer; RC_CORRUPT, RC_IO, RC_NOMEM, RC_LIMIT. A writer cuts off what
 * a crash left half-written at the end and counts it. */
enum rc history_open(const struct history_opts *o, struct history **ret, struct err *err) MUSTUSE;
void history_close(struct history *h);
void history_closep(struct history **h);

/* --- writing --- */

/* Takes one sealed block. RC_FULL: no space, nothing was done; RC_IO of a failed sync is final: nothing more is taken until the
 * history is opened again. */
enum rc history_append(struct history *h, struct str block, struct err *err) MUSTUSE;
enum rc history_sync(struct history *h, struct err *err) MUSTUSE;

/* Events that are not in a block yet, kept in a journal beside the segments until history_append takes a block whose mark
 * (block_maker_mark) is history_mark: readers find them, and what a crash left becomes a block at the next opening. RC_FULL, RC_IO:
 * not taken; RC_LIMIT: no block can hold it. */
enum rc history_keep(struct history *h, const struct block_event *e, struct str place, struct err *err) MUSTUSE;
void history_unkeep(struct history *h);      /* the latest, if nothing was flushed since */
/* What was kept is being sealed, with the mark that history_mark tells before: what is kept from now on has another journal and another
 * mark. RC_BUSY: the block of the turn before was not appended yet. history_keep, _unkeep, _turn, _mark and _keep_flush of one thread
 * may run beside all others of another. */
enum rc history_turn(struct history *h, struct err *err) MUSTUSE;
/* Readers see what was kept; history_keep_sync makes it durable, beside other calls. */
enum rc history_keep_flush(struct history *h, struct err *err) MUSTUSE;
enum rc history_keep_sync(struct history *h, struct err *err) MUSTUSE;
uint64_t history_mark(const struct history *h);

/* Removes the oldest segments while they are too old at `now` or all too many. Call now and then. */
enum rc history_expire(struct history *h, usec now, struct err *err) MUSTUSE;
/* How far `source` was read by the sealed blocks (block_maker_place); RC_NOTFOUND: never. */
enum rc history_place(struct history *h, struct str source, struct arena *a, struct str *ret, struct err *err) MUSTUSE;

/* --- reading --- */

/* A block of the history; valid until the next history_refresh, history_append or history_expire. */
struct history_block {
	struct block_head head;
	struct fuse filter;
	struct str index;  /* its bytes up to the filter's end, for block_source */
	uint64_t segment, at;
};

/* Blocks in the order in which they were appended; for a reader behind them up to two of the events that are not sealed yet. */
size_t history_blocks(const struct history *h);
const struct history_block *history_block(const struct history *h, size_t i);
/* The bytes of block `i` into `out` (cleared first). RC_NOTFOUND: its segment was removed meanwhile; RC_CORRUPT, RC_IO. */
enum rc history_read(struct history *h, size_t i, struct buf *out, struct err *err) MUSTUSE;
/* Sees what others appended and removed since. */
enum rc history_refresh(struct history *h, struct err *err) MUSTUSE;

struct history_stats {
	uint64_t unsealed;                      /* events of the journal, beside the blocks; a reader's */
	uint64_t segments, blocks, events, raw, disk, index, keys; /* index: bytes of heads and filters, a part of disk's; raw, disk: bytes */
	usec first, last;                       /* event times */
	uint64_t torn;                          /* bytes a crash left, cut off at opening */
	uint64_t skipped;                       /* bytes that are no sound block and lie between such */
	uint64_t expired_segments, expired_events, expired_bytes; /* by this handle */
};
void history_stats(const struct history *h, struct history_stats *ret);

#endif
