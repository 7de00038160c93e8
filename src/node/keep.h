/* The sink on core's side: what a detector found becomes alerts and sightings in
 * the store, and its places are kept there. */
#ifndef NODE_KEEP_H
#define NODE_KEEP_H

#include "node/core.h"

/* Resolves the collections of the configured inputs, so that a wrong one is told at the start, and sets c->sink. */
enum rc keep_open(struct core *c, struct err *err) MUSTUSE;
void keep_close(struct core *c);

#endif
