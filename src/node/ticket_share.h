/* Tickets between tiers: a ticket of this node appears at its parent with this node named and grows there; what the
 * parent's people do with it comes back as feedback. All of it goes through node/exchange.h: TLP holds as everywhere.
 *
 * A ticket is told when it is new, when a person changed it, and while it grows: at most each [tickets] sighting_seconds, or when its
 * hits have doubled. The same state of a ticket is the same object, so a restart tells nothing twice. */
#ifndef NODE_TICKET_SHARE_H
#define NODE_TICKET_SHARE_H

#include "node/exchange.h"
#include "store/tickets.h"

struct ticket_share;

enum rc ticket_share_new(struct core *c, struct ticket_share **ret, struct err *err) MUSTUSE;
void ticket_share_free(struct ticket_share *s); /* accepts NULL */

/* Something became of this ticket. Cheap, any thread; accepts NULL. */
void ticket_share_note(struct ticket_share *s, int64_t row);
/* Tells what is due; what cannot be told now is due again. One thread. */
void ticket_share_run(struct ticket_share *s);

/* A person of this node did something with ticket `t`: whose ticket it is hears of it. */
struct ticket_change;
void ticket_share_feedback(struct core *c, const struct ticket *t, const struct ticket_change *x);

/* Kinds of exchange.c: a child's ticket; what a parent says of one of ours. */
enum rc ticket_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;
enum rc ticket_feedback_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;

#endif
