/* Waiting with a time-out that no step of the wall's clock disturbs, and a bell for a
 * thread that looks by itself from time to time and at once when somebody rings. */
#ifndef BASE_BELL_H
#define BASE_BELL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/time.h"

/* A condition variable whose time-outs run by the monotonic clock. */
void cond_init(pthread_cond_t *c);
/* Under `lock`. False: the span is over; one below 0 is over at once. */
bool cond_wait_for(pthread_cond_t *c, pthread_mutex_t *lock, usec span);

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool rung, stopped;
};

void bell_init(struct bell *b);
void bell_done(struct bell *b);
/* Any thread. */
void bell_ring(struct bell *b);
/* For good. */
void bell_stop(struct bell *b);
/* Until somebody rings (also since the last wait), or the span is over. False: it was stopped. */
bool bell_wait(struct bell *b, usec span);
/* The whole span, whoever rings. False: it was stopped. */
bool bell_sleep(struct bell *b, usec span);

#endif
