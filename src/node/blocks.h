/* A node and a queue of blocks (store/blockq.h): the sealed blocks of its inputs go
 * into one, for workers on any machines; and what workers find in one becomes this
 * node's alerts and sightings. Either, both or neither, as [history] queue and
 * [detect] queue say. */
#ifndef NODE_BLOCKS_H
#define NODE_BLOCKS_H

#include "base/jsonw.h"

struct core;
struct blocks;

/* Starts a thread for each queue that is configured; *ret NULL when none is. A queue that is away is waited for. RC_BAD: blocks are to be
 * handed on, and none is kept. */
enum rc blocks_start(struct core *c, struct blocks **ret, struct err *err) MUSTUSE;
/* core.stopping is set by the caller. Accepts NULL. */
void blocks_stop(struct blocks *b);
void blocks_status(struct blocks *b, struct jsonw *w);

#endif
