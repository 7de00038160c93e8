/* What a node remembers of its logs: every event of its inputs goes into the
 * history, and every indicator that becomes known later is looked for there. */
#ifndef NODE_MEMORY_H
#define NODE_MEMORY_H

#include "base/jsonw.h"
#include "detect/block.h"
#include "detect/image.h"

struct detector;
struct memory;

/* Opens the history of `d` and starts the thread that seals, expires and hunts; NULL in *ret when [history] max_mb is 0. */
enum rc memory_start(struct detector *d, struct memory **ret, struct err *err) MUSTUSE;
/* Seals what is open and ends the thread; what is told now has no effect. Accepts NULL, as memory_free. */
void memory_stop(struct memory *m);
void memory_free(struct memory *m);

/* One event of an input, and how far the input was read with it: what was found in it is recorded already, for it will not be read
 * again. `place` "": none, or not yet. Waits while the disk takes nothing, until the node stops:
 * RC_BUSY then. Thread-safe. */
enum rc memory_add(struct memory *m, const struct block_event *e, struct flat *f, struct str place, struct err *err) MUSTUSE;
/* All that was added before the call is durable when it returns: what it came from may be told so. Thread-safe; calls that wait
 * for the disk together share one sync. RC_FULL, RC_IO: try again later. */
enum rc memory_settle(struct memory *m, struct err *err) MUSTUSE;
/* How far this input was read with what was added, in this life or before; false: it has nothing of it. */
bool memory_place(struct memory *m, struct str input, char *out, size_t room);

/* Counts again in the live correlations and in patterns of several observations what the history holds of their longest timespan: before the first input is read, so that what
 * they had counted outlives this process. Says in the log what it could not. Accepts NULL. */
void memory_replay(struct memory *m);

/* Seals what is open. False: it was not possible, and will be read again. */
bool memory_seal(struct memory *m);

/* An indicator became known: it will be looked for in the past. Copies. Accepts a NULL memory. */
void memory_learned(struct memory *m, const struct image_indicator *i);

/* Everything that became known up to `upto` was handed to memory_learned; once it was looked for, the sink is told. Accepts NULL. */
void memory_learned_upto(struct memory *m, usec upto);
/* The latest of these; false: there was none. */
bool memory_upto(struct memory *m, usec *ret);

void memory_status(struct memory *m, struct jsonw *w);

#endif
