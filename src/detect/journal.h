/* The events that are not in a sealed block yet, on disk: so that they can be
 * acknowledged before a block is full, survive a crash, and are found by whoever
 * searches. Two files beside the segments, written over again and again: while
 * the events of one are being sealed, what comes goes into the other.
 *
 * A life of a journal goes from one sealing to the next and has a mark, a random
 * number that the sealed block carries too (block_maker_mark): a reader that finds
 * the mark in a block knows that the journal's events are in it. Lives are counted
 * over both files, and each knows where the one before it ended: events behind a
 * gap are not believed. */
#ifndef DETECT_JOURNAL_H
#define DETECT_JOURNAL_H

#include "detect/block.h"

#define JOURNALS 2

struct journal;

struct journal_life {
	uint32_t number;      /* lives are counted, over both files */
	uint64_t mark;        /* 0: there is none */
	uint64_t before;      /* mark of the life before it, in the other file, if that was not sealed when this one began; else 0 */
	uint64_t before_end;  /* and where that one ends */
};

/* The writer's file number `which`, at the beginning of a life (its mark is drawn); a former life's events must have been read before:
 * they are forgotten here. RC_IO, RC_FULL, RC_NOMEM. */
enum rc journal_open(const char *dir, unsigned which, const struct journal_life *life, struct journal **ret, struct err *err) MUSTUSE;
void journal_close(struct journal *j); /* accepts NULL */

uint64_t journal_mark(const struct journal *j);
/* Takes one event and how far its input was read with it; copies. On disk after journal_flush. RC_FULL, RC_IO: not taken. */
enum rc journal_add(struct journal *j, const struct block_event *e, struct str place, struct err *err) MUSTUSE;
/* Takes the latest event back, if journal_flush was not called since. */
void journal_undo(struct journal *j);
/* All that was added can be read by others; journal_sync: and survives a loss of power. journal_sync may run beside the other
 * functions; RC_IO of it is final. */
enum rc journal_flush(struct journal *j, struct err *err) MUSTUSE;
enum rc journal_sync(struct journal *j, struct err *err) MUSTUSE;
/* All that was added is in a sealed block: begins a new life, as journal_open. */
enum rc journal_restart(struct journal *j, const struct journal_life *life, struct err *err) MUSTUSE;
/* What was added is not all on the disk, nor will be: journal_sync says so. */
void journal_give_up(struct journal *j);
/* Where the life ends, once all of it was flushed; UINT64_MAX: it never will be. */
uint64_t journal_end(const struct journal *j);

typedef enum rc (*journal_event)(void *ctx, const struct block_event *e, struct str place, struct err *err);
/* Hands over what the file number `which` of `dir` holds, in order, up to its end or its first damage, which is *ret_end. ret->mark 0:
 * there is none. Not RC_OK of `fn` ends it. */
enum rc journal_read(const char *dir, unsigned which, struct journal_life *ret, uint64_t *ret_end, journal_event fn, void *ctx,
		     struct err *err) MUSTUSE;

/* Removes the files: what they hold is in blocks. */
void journal_forget(const char *dir);

#endif
