/* Hits of one sort that come by the thousand: the first of each second are handed
 * on as they are, the others held for that second and handed on as one with a
 * count, so that what a flood costs behind the detector does not grow with it. */
#ifndef NODE_REPEATS_H
#define NODE_REPEATS_H

#include "base/err.h"
#include "event/hit.h"
#include "event/rule_hit.h"

#define REPEATS_WHOLE 16                     /* of one sort in a second, handed on whole: their events differ */
#define REPEATS_SORTS 512                    /* that are held at a time; more are handed on */
#define REPEATS_GAP ((usec)60 * USEC_PER_SEC) /* between events that are held together */

struct repeats;

enum rc repeats_new(struct repeats **ret, struct err *err) MUSTUSE;
void repeats_free(struct repeats *r); /* accepts NULL */

/* True: it is held. False: hand it on. `key` tells sorts apart. */
bool repeats_hold_rule(struct repeats *r, struct str key, const struct rule_hit *h);
bool repeats_hold_hit(struct repeats *r, struct str key, const struct hit *h);

/* Is there something to hand on by now (a second after the first was held or counted)? */
bool repeats_due(const struct repeats *r);

/* Gives back all that is held, as hits with a count, and begins anew. Each is one of the two. */
typedef void (*repeats_fn)(void *ctx, const struct hit *h, const struct rule_hit *rule);
void repeats_hand_on(struct repeats *r, repeats_fn fn, void *ctx);
/* Only what is held of one sort; more of it is held anew. False: nothing is. */
bool repeats_hand_on_one(struct repeats *r, struct str key, repeats_fn fn, void *ctx);

#endif
