/* What is learned later is looked for in what was handed in before: with a new generation of rules and lists every stored sample is inspected again, a few at a
 * time behind what is new; and a new hash indicator of others that names a stored file is a hit like one of a log, with alert, ticket and sighting.
 * Run by the thread of lab_loop.c; both behind durable cursors. */
#ifndef NODE_LAB_RETRO_H
#define NODE_LAB_RETRO_H

#include <stdbool.h>

#include "base/err.h"

struct core;
struct lab_retro;

enum rc lab_retro_new(struct core *c, struct lab_retro **ret, struct err *err) MUSTUSE;
void lab_retro_free(struct lab_retro *r);

/* One step of each. *ret_more: there is more to be done at once. What fails now is tried again by the next call. */
enum rc lab_retro_step(struct lab_retro *r, bool *ret_more, struct err *err) MUSTUSE;

#endif
