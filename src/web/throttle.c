#include "web/throttle.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/mem.h"

struct place {
	uint32_t failures;
	usec last, until;
};

struct throttle {
	pthread_mutex_t lock;
	struct place places[THROTTLE_PLACES];
};

struct throttle *throttle_new(void)
{
	struct throttle *t = mem_alloc(sizeof *t);

	if (t != NULL)
		pthread_mutex_init(&t->lock, NULL);
	return t;
}

void throttle_free(struct throttle *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	mem_free(t);
}

static struct place *place_of(struct throttle *t, struct str key)
{
	return &t->places[hash_table(key) % THROTTLE_PLACES];
}

usec throttle_wait(struct throttle *t, struct str key, usec now)
{
	usec until;

	pthread_mutex_lock(&t->lock);
	until = place_of(t, key)->until;
	pthread_mutex_unlock(&t->lock);
	return until > now ? until - now : 0;
}

void throttle_failed(struct throttle *t, struct str key, usec now)
{
	struct place *p;
	usec wait = USEC_PER_SEC;

	pthread_mutex_lock(&t->lock);
	p = place_of(t, key);
	if (p->failures > 0 && now - p->last >= THROTTLE_FORGET)
		p->failures = 0;
	p->failures++;
	p->last = now;
	for (uint32_t i = THROTTLE_FREE + 1; i < p->failures && wait < THROTTLE_LONGEST; i++)
		wait *= 2;
	if (p->failures > THROTTLE_FREE)
		p->until = now + (wait < THROTTLE_LONGEST ? wait : THROTTLE_LONGEST);
	pthread_mutex_unlock(&t->lock);
}

void throttle_passed(struct throttle *t, struct str key)
{
	pthread_mutex_lock(&t->lock);
	*place_of(t, key) = (struct place){ 0 };
	pthread_mutex_unlock(&t->lock);
}
