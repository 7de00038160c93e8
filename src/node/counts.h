/* Counters of the detect role's status over its restarts: what roles that are gone
 * counted is added to what the present one says. Of one core: they begin with it.
 *
 * A role tells its counts when asked, and unasked once a second while they grow. One that ends has told them all; one that
 * is killed takes those of its last second with it, and what it had read and not kept is read, and counted, again by the next. Each telling is
 * of one moment for each input, so what adds up in each (lines = events + bad_lines + comments) adds up in the sum. */
#ifndef NODE_COUNTS_H
#define NODE_COUNTS_H

#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"

struct counts;

enum rc counts_new(struct counts **ret, struct err *err) MUSTUSE;
void counts_free(struct counts *c); /* accepts NULL */

/* A role is gone whose last status was this; "" or what is no status adds nothing. Thread-safe, as the next. */
void counts_fold(struct counts *c, struct str status);

/* `value`, which is the member `name` of a status, with what was folded added to its counters. */
void counts_write(struct counts *c, const char *name, const struct json *value, struct jsonw *w);

#endif
