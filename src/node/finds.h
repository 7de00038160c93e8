/* What a hunt for indicators that became known finds, on its way into the sink: with the event's own time, each find kept
 * once however often the hunt is done again. Many of one sort become one hit with a count; none is left out. */
#ifndef NODE_FINDS_H
#define NODE_FINDS_H

#include <stdatomic.h>

#include "detect/hunt.h"
#include "node/detector.h"

struct finds;

/* `what` names the history in the log. All of it outlives the finds. Waits while the sink takes nothing, until `stopping`. */
enum rc finds_new(const struct sink *to, const _Atomic bool *stopping, const char *what, struct finds **ret, struct err *err) MUSTUSE;
void finds_free(struct finds *f); /* accepts NULL */

/* A hunt_fn; `ctx` is the struct finds. */
bool finds_take(void *ctx, const struct hunt_found *found);
/* The hunt is over: what is held goes on too. Yields how many were found. */
uint64_t finds_end(struct finds *f);

#endif
