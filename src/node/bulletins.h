/* Bulletins on their way: takes what waits in the store to the exchange, and what
 * came through it into the store. */
#ifndef NODE_BULLETINS_H
#define NODE_BULLETINS_H

#include "node/exchange.h"

struct bulletins;

/* Starts the thread that carries what waits, also what an earlier run left. Before exchange_start. */
enum rc bulletins_start(struct core *c, struct bulletins **ret, struct err *err) MUSTUSE;
/* Something may wait. Any thread; accepts NULL. */
void bulletins_wake(struct bulletins *b);
/* Ends the thread. Behind exchange_stop. Accepts NULL. */
void bulletins_stop(struct bulletins *b);

/* Lines of the exchange's table. */
enum rc bulletin_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;
enum rc bulletin_receipt_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;

#endif
