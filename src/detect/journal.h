/* The events that are not in a sealed block yet, on disk: so that they can be
 * acknowledged before a block is full, survive a crash, and are found by whoever
 * searches. One file beside the segments, written over again and again.
 *
 * A life of the journal goes from one sealing to the next and has a mark, a random
 * number that the sealed block carries too (block_maker_mark): a reader that finds
 * the mark in a block knows that the journal's events are in it. */
#ifndef DETECT_JOURNAL_H
#define DETECT_JOURNAL_H

#include "detect/block.h"

struct journal;

/* The writer's; a former life's events must have been read before: they are forgotten here. RC_IO, RC_FULL, RC_NOMEM. */
enum rc journal_open(const char *dir, struct journal **ret, struct err *err) MUSTUSE;
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
/* All that was added is in a sealed block: begins a new life. */
enum rc journal_restart(struct journal *j, struct err *err) MUSTUSE;

typedef enum rc (*journal_event)(void *ctx, const struct block_event *e, struct str place, struct err *err);
/* Hands over what the journal of `dir` holds, in order, up to its end or its first damage. *ret_mark 0: there is none. Not RC_OK of
 * `fn` ends it. */
enum rc journal_read(const char *dir, uint64_t *ret_mark, journal_event fn, void *ctx, struct err *err) MUSTUSE;

/* Removes the file: what it holds is in a block. */
void journal_forget(const char *dir);

#endif
