/* Sightings of indicators: one for each indicator, log and day, told when it is
 * first seen and again while its count grows. */
#ifndef NODE_SIGHTINGS_H
#define NODE_SIGHTINGS_H

#include <stdbool.h>

#include "base/err.h"

struct core;

/* With the node's tickets (tickets.h), which call the rest. */
enum rc sightings_open(struct core *c, struct err *err) MUSTUSE;
void sightings_close(struct core *c); /* also after a failed open */

/* What was counted is durable. */
enum rc sightings_flush(struct core *c, struct err *err) MUSTUSE;
/* New versions of those that grew and were not told for a while, or whose day is over; `all`: of every one that grew. */
enum rc sightings_tell(struct core *c, bool all, struct err *err) MUSTUSE;

#endif
