/* The bell: rings that came before a wait are heard, stops are for good, spans end by themselves. */
#include "base/bell.h"

#include "tap.h"

#define MS ((usec)1000)

static void *ring_soon(void *ctx)
{
	bell_ring(ctx);
	return NULL;
}

int main(void)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;
	pthread_t thread;
	struct bell b;
	usec begun = time_mono();

	cond_init(&cond);
	pthread_mutex_lock(&lock);
	OK(!cond_wait_for(&cond, &lock, 20 * MS) && time_mono() - begun >= 20 * MS, "a span ends by itself, not before");
	OK(!cond_wait_for(&cond, &lock, -5 * MS), "one that was over before is over");
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&cond);

	bell_init(&b);
	begun = time_mono();
	OK(bell_wait(&b, 20 * MS) && time_mono() - begun >= 20 * MS, "nobody rings: the span");
	bell_ring(&b);
	begun = time_mono();
	OK(bell_wait(&b, 3600 * USEC_PER_SEC) && time_mono() - begun < 60 * USEC_PER_SEC, "a ring before the wait is heard");
	OK(bell_wait(&b, 20 * MS), "once");
	pthread_create(&thread, NULL, ring_soon, &b);
	OK(bell_wait(&b, 3600 * USEC_PER_SEC), "a ring of another thread is heard");
	pthread_join(thread, NULL);
	bell_ring(&b);
	begun = time_mono();
	OK(bell_sleep(&b, 20 * MS) && time_mono() - begun >= 20 * MS, "who sleeps is not woken by a ring");
	bell_stop(&b);
	OK(!bell_wait(&b, 3600 * USEC_PER_SEC) && !bell_sleep(&b, 3600 * USEC_PER_SEC), "stopped is stopped, for every wait");
	bell_done(&b);
	return tap_done();
}
