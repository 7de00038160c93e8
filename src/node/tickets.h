/* From alerts to monitoring tickets: what belongs together is found in memory,
 * counted there, and written at once when it is new and once a second when it
 * grows, so that a flood of one sort is one ticket and a few writes. */
#ifndef NODE_TICKETS_H
#define NODE_TICKETS_H

#include "base/jsonw.h"
#include "detect/rsit.h"
#include "node/suppress.h"
#include "soc/connection.h"
#include "store/tickets.h"

struct core;
struct matter; /* node/matter.h */
struct tickets;

/* Reads what is needed and begins to write once a second. */
enum rc tickets_start(struct core *c, struct tickets **ret, struct err *err) MUSTUSE;
/* Writes what waits and ends. Accepts NULL. */
void tickets_stop(struct tickets *t);

/* RC_OK: its ticket and its alert are in the store, and it is counted; counts of what is known follow within a second or
 * with tickets_flush. `ret_new` (may be NULL): it made an alert. Thread-safe. */
enum rc tickets_take(struct tickets *t, struct matter *m, bool *ret_new, struct err *err) MUSTUSE;

/* Everything that was counted is durable. */
enum rc tickets_flush(struct tickets *t, struct err *err) MUSTUSE;

/* A person closed, merged or suppressed something: what is remembered of it is read again. Thread-safe; accepts NULL. */
void tickets_changed(struct tickets *t);

/* Something became of this ticket beside hits: the tier above is to hear of it. Thread-safe; accepts NULL. */
void tickets_touch(struct tickets *t, int64_t row);

struct suppress *tickets_suppress(struct tickets *t);
const struct rsit *tickets_rsit(const struct tickets *t);
/* connection_read, into `a`. False: it names neither end. Thread-safe. */
bool tickets_connection(struct tickets *t, struct str event, struct arena *a, struct connection *ret, struct str *ret_protection);

/* Member "tickets" of the node's status. Accepts NULL. */
void tickets_status(struct tickets *t, struct jsonw *w);

#endif
