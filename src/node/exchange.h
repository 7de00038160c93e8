/* What the desks of two nodes tell each other: single objects, durably, to one peer alone.
 *
 * For each peer there are two collections (gate/own.h) that the links of fed/ carry like any other: sending is putting an
 * object into the one that goes out; a thread reads what came in behind a durable cursor and hands each object
 * to the part that knows its type. Who delivered it is proved by the pinned certificate, because nobody else can write there. */
#ifndef NODE_EXCHANGE_H
#define NODE_EXCHANGE_H

#include "base/arena.h"
#include "base/json.h"
#include "fed/share.h"

struct core;

/* Puts one object (JSON text: a STIX 2.1 object, or one of our extension types) into the collection that goes to `peer`, durably.
 * The same object again changes nothing. What is above the peer's TLP ceiling waits until the ceiling is raised.
 * RC_NOTFOUND: no such peer; RC_BAD: no object, or one with the same id and other content is there. */
enum rc exchange_send(struct core *c, struct str peer, struct str object, struct err *err) MUSTUSE;
/* The same by a lane. Each lane keeps its own order, and nothing of one waits for the other: what goes first by the urgent one
 * may name what is still under way by the other, so its sender says there again whatever the receiver has to know. */
enum rc exchange_send_by(struct core *c, enum share_lane lane, struct str peer, struct str object, struct err *err) MUSTUSE;

/* The number of the collection that goes to this peer by this lane: another one when the peer was removed and added again. */
enum rc exchange_way(struct core *c, enum share_lane lane, struct str peer, uint32_t *ret, struct err *err) MUSTUSE;

/* Names of peers by relation: S("parent"), S("child"), S("partner"), or all with S(""). Disabled ones are not among them. */
enum rc exchange_peers(struct core *c, struct str relation, struct arena *a, struct str **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* Who delivered an object. */
struct exchange_from {
	struct str peer, relation;
	enum share_lane lane; /* by which it came; what answers it goes back the same way */
};

/* One line of the table of kinds in exchange.c. */
struct exchange_kind {
	const char *type; /* STIX type */
	/* Called for each new object of that type that came in, in the order of arrival of its lane, at least once (again after a crash): must be
	 * idempotent. All borrowed for the call. RC_OK, or RC_BAD: refused for good, which becomes a fact of the chain
	 * ("exchange.refuse") and a log line. Anything else: what this peer delivers waits, and is tried again later. */
	enum rc (*came)(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err);
};

/* Makes the collections of all peers that have none yet. Before the follower and fed/ start. */
enum rc exchange_open(struct core *c, struct err *err) MUSTUSE;
/* Starts the thread; before it what comes in waits. */
enum rc exchange_start(struct core *c, struct err *err) MUSTUSE;
/* Something was stored in this collection. Any thread, cheap. */
void exchange_came(struct core *c, uint32_t collection);
/* Peers changed. Any thread. */
void exchange_reload(struct core *c);
/* Ends the thread; exchange_free only after the store is closed, which still rings. Both also when there is none. */
void exchange_stop(struct core *c);
void exchange_free(struct core *c);

#endif
