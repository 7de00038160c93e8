/* What is news once a day: an indicator, or a rule, at a host of a log, or a
 * correlation's group. What is no news is counted with the first of its kind. */
#ifndef NODE_ONCE_H
#define NODE_ONCE_H

#include "base/buf.h"
#include "event/rule_hit.h"

struct once;

/* Remembers up to `max` keys of today; beyond that, repeats are reported again. NULL: no memory. Thread-safe. */
struct once *once_new(size_t max) MUSTUSE;
void once_free(struct once *o);
/* Was it noted today? */
bool once_has(struct once *o, struct str key);
void once_note(struct once *o, struct str key);

/* The keys of findings; appended. */
void once_key_hit(struct buf *out, struct str input, struct str indicator, struct str where);
void once_key_rule(struct buf *out, const struct rule_hit *h);

#endif
