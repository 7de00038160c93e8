/* This node in its community: a member sends keyed digests of its AMBER values up, the collector pairs equal ones and tells their owners,
 * the nodes in between carry. What it is and its keys: web/community.h; the messages: desk/community.h. */
#ifndef NODE_COMMUNITY_H
#define NODE_COMMUNITY_H

#include "node/exchange.h"

struct community;

/* Starts the thread. Before exchange_start. */
enum rc community_start(struct core *c, struct community **ret, struct err *err) MUSTUSE;
/* Something was set, or peers changed. Any thread; accepts NULL. */
void community_wake(struct community *k);
/* Objects were stored. Any thread, cheap; accepts NULL. */
void community_stored(struct community *k);
/* Ends the thread. Behind exchange_stop and follower_stop. Accepts NULL. */
void community_stop(struct community *k);

/* Line of the exchange's table. */
enum rc community_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;

#endif
