/* Tells the tier above which of its releases are live in this node's detector, and since when, so that it knows whom they protect.
 *
 * Told is what the detector itself says is in force, of what that tier released to us or gets from us; nothing else is named. What
 * members tell this node goes on upwards under pseudonyms that each tier above gets of its own. Statements travel like all between
 * two desks (exchange.h): durably, under the peer's TLP ceiling. A burst of more than LOADED_BURST releases is not told one by one:
 * then the node says that it tells anew from now on, and the tiers above count it for nothing before. */
#ifndef NODE_LOADED_H
#define NODE_LOADED_H

#include "node/exchange.h"

#define LOADED_BURST 2000

struct loaded;

/* Starts the thread. Behind exchange_open. */
enum rc loaded_start(struct core *c, struct loaded **ret, struct err *err) MUSTUSE;
/* Something was stored, or peers changed. Any thread; accepts NULL. */
void loaded_wake(struct loaded *l);
/* Ends the thread. Behind exchange_stop and follower_stop. Accepts NULL. */
void loaded_stop(struct loaded *l);

/* Line of the exchange's table: what a child says. */
enum rc loaded_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;

#endif
