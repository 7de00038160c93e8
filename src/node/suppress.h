/* The suppressions in force, as the way in of hits asks them: what one covers is
 * held back and counted. */
#ifndef NODE_SUPPRESS_H
#define NODE_SUPPRESS_H

#include "base/jsonw.h"
#include "event/hit.h"
#include "event/rule_hit.h"
#include "store/store.h"

struct suppress;

/* Reads those in force. */
enum rc suppress_new(struct store *s, struct suppress **ret, struct err *err) MUSTUSE;
void suppress_free(struct suppress *x); /* accepts NULL */
/* Reads them anew: one was made, removed, or came from another node. */
enum rc suppress_reload(struct suppress *x, struct err *err) MUSTUSE;
/* Writes how many were held back since the last time. */
enum rc suppress_flush(struct suppress *x, struct err *err) MUSTUSE;

/* True: it is covered, and was counted. Thread-safe. */
bool suppress_rule_hit(struct suppress *x, const struct rule_hit *h);
bool suppress_hit(struct suppress *x, const struct hit *h);

void suppress_status(struct suppress *x, struct jsonw *w);

#endif
