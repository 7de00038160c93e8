/* Questions to the detect role that people wait for the answers of. Any thread
 * asks; whoever reads the link hands the answers on. */
#ifndef NODE_ASKS_H
#define NODE_ASKS_H

#include "node/detect_link.h"

#define ASKS_MAX 64

struct asks;

enum rc asks_new(struct asks **ret, struct err *err) MUSTUSE;
void asks_free(struct asks *a); /* accepts NULL */

/* Its number; 0: too many wait. */
uint32_t asks_add(struct asks *a, detect_answer fn, void *ctx);
/* False: it is not there any more. `fn` is not called behind this. */
bool asks_remove(struct asks *a, uint32_t number);

/* A piece for whoever waits. False: nobody does any more, and the role should be told (asks_given_up). */
bool asks_answer(struct asks *a, uint32_t number, struct str json, bool last, enum rc rc);
/* The link has gone: all are answered with RC_BUSY. */
void asks_gone(struct asks *a);
/* One that nobody waits for and the role works on, once; 0: none. */
uint32_t asks_given_up(struct asks *a);

#endif
