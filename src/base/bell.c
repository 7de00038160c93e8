#include "base/bell.h"

#include <errno.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000L

void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

static struct timespec from_now(usec span)
{
	struct timespec t;

	if (span < 0)
		span = 0;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += span / USEC_PER_SEC;
	t.tv_nsec += span % USEC_PER_SEC * 1000;
	if (t.tv_nsec >= NSEC_PER_SEC) {
		t.tv_sec++;
		t.tv_nsec -= NSEC_PER_SEC;
	}
	return t;
}

bool cond_wait_for(pthread_cond_t *c, pthread_mutex_t *lock, usec span)
{
	struct timespec until = from_now(span);

	return pthread_cond_timedwait(c, lock, &until) != ETIMEDOUT;
}

void bell_init(struct bell *b)
{
	*b = (struct bell){ .rung = false };
	pthread_mutex_init(&b->lock, NULL);
	cond_init(&b->cond);
}

void bell_done(struct bell *b)
{
	pthread_cond_destroy(&b->cond);
	pthread_mutex_destroy(&b->lock);
}

void bell_ring(struct bell *b)
{
	pthread_mutex_lock(&b->lock);
	b->rung = true;
	pthread_cond_signal(&b->cond);
	pthread_mutex_unlock(&b->lock);
}

void bell_stop(struct bell *b)
{
	pthread_mutex_lock(&b->lock);
	b->stopped = true;
	pthread_cond_signal(&b->cond);
	pthread_mutex_unlock(&b->lock);
}

static bool wait_until_rung(struct bell *b, usec span, bool deaf)
{
	struct timespec until = from_now(span);
	bool open;

	pthread_mutex_lock(&b->lock);
	while ((deaf || !b->rung) && !b->stopped && pthread_cond_timedwait(&b->cond, &b->lock, &until) != ETIMEDOUT)
		;
	b->rung = false;
	open = !b->stopped;
	pthread_mutex_unlock(&b->lock);
	return open;
}

bool bell_wait(struct bell *b, usec span)
{
	return wait_until_rung(b, span, false);
}

bool bell_sleep(struct bell *b, usec span)
{
	return wait_until_rung(b, span, true);
}
