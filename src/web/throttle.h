/* Waiting times that rise with each failure in a row, by account and by address: who guesses is slowed down from the
 * third failure on, twice as long each time, up to a quarter of an hour. In memory: after a restart all begin at nothing
 * (the lock of an account, in the store, stays). */
#ifndef WEB_THROTTLE_H
#define WEB_THROTTLE_H

#include "base/str.h"
#include "base/time.h"

#define THROTTLE_PLACES 4096                        /* keys that share a place share its count: the table never grows */
#define THROTTLE_FREE 2                             /* failures that cost no waiting */
#define THROTTLE_LONGEST (15 * 60 * USEC_PER_SEC)
#define THROTTLE_FORGET (2 * 3600 * USEC_PER_SEC)   /* without a failure for so long: none */

struct throttle;

struct throttle *throttle_new(void) MUSTUSE;
void throttle_free(struct throttle *t); /* accepts NULL */

/* How long this key must still wait; 0: it may try. `now` from time_mono(). */
usec throttle_wait(struct throttle *t, struct str key, usec now);
void throttle_failed(struct throttle *t, struct str key, usec now);
void throttle_passed(struct throttle *t, struct str key);

#endif
