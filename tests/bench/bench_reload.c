/* Rules read anew while events flow: what one event waits at most, and that none is lost.
 *
 *   bench-reload RULES-FOLDER LANE.json [RELOADS]
 *
 * The pause of a reload is the longest time that one event took from the first one that found the new rules on, for a
 * thousand events, less what the slowest of the thousand before took. The clock's time, so that a busy machine shows;
 * the processor's time of the thread tells what the program itself did. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "detect/live.h"
#include "wire/flat_json.h"

#define RELOADS_MAX 100
#define AROUND 1000
#define TIMES_MAX 20000000u

struct feed {
	struct live *live;
	struct str lane;
	uint64_t fed, failed, hits;
	uint64_t per_walk;         /* hits of the whole lane once */
	float *wall, *own;         /* microseconds of each event */
	_Atomic uint32_t reloads;  /* that have returned */
	uint64_t mark[RELOADS_MAX];/* events fed when it returned */
	atomic_bool stop, ready;
};

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void on_hit(void *ctx, const struct rule_hit *h)
{
	struct feed *f = ctx;

	f->hits += !h->correlation;
}

static void *feed(void *ctx)
{
	struct feed *f = ctx;
	struct live_run *run;
	struct flat *flat;
	uint64_t walks = 0;

	if (live_run_new(f->live, &run, NULL) != RC_OK || flat_new(&flat, NULL) != RC_OK)
		abort();
	while (!atomic_load(&f->stop) || walks < 3) {
		struct str rest = f->lane, line;

		while (str_next(&rest, '\n', &line)) {
			double wall = now(CLOCK_MONOTONIC), own = now(CLOCK_THREAD_CPUTIME_ID);
			const struct fields *dict;
			uint64_t at = f->fed % TIMES_MAX;

			if (line.n == 0)
				continue;
			f->failed += live_fields(run, &dict, NULL) != RC_OK || flat_json(flat, dict, line, NULL) != RC_OK ||
				     live_match(run, flat, S("bench"), S(""), on_hit, f, NULL) != RC_OK;
			f->own[at] = (float)(now(CLOCK_THREAD_CPUTIME_ID) - own);
			f->wall[at] = (float)(now(CLOCK_MONOTONIC) - wall);
			f->fed++;
		}
		if (walks++ == 0) {
			f->per_walk = f->hits;
			atomic_store(&f->ready, true);
		}
	}
	if (f->hits != f->per_walk * walks)
		printf("reload.LOST %llu matches instead of %llu\n", (unsigned long long)f->hits, (unsigned long long)(f->per_walk * walks));
	live_run_free(run);
	flat_free(flat);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static double most(const float *t, uint64_t from, uint64_t to)
{
	double m = 0;

	for (uint64_t i = from; i < to; i++)
		m = t[i % TIMES_MAX] > m ? t[i % TIMES_MAX] : m;
	return m;
}

static void pauses(const struct feed *f, const float *t, const char *name)
{
	double worst[RELOADS_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < atomic_load(&f->reloads); i++) {
		double before = most(t, f->mark[i] > AROUND ? f->mark[i] - AROUND : 0, f->mark[i]), with = most(t, f->mark[i], f->mark[i] + AROUND);

		worst[n++] = with > before ? (with - before) / 1e3 : 0;
	}
	bench_print(name, worst, n, "ms");
}

int main(int argc, char **argv)
{
	struct live_opts o = { .rules = argc > 1 ? argv[1] : "" };
	uint32_t reloads = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 20;
	struct feed f = { .wall = mem_array(TIMES_MAX, sizeof(float)), .own = mem_array(TIMES_MAX, sizeof(float)) };
	struct err err = { 0 };
	pthread_t thread;
	FILE *in = argc > 2 ? fopen(argv[2], "re") : NULL;
	double took[RELOADS_MAX];
	uint64_t n;
	char *bytes;
	long size;

	if (in == NULL || fseek(in, 0, SEEK_END) != 0 || (size = ftell(in)) <= 0 || (bytes = mem_alloc((size_t)size + 64)) == NULL || f.wall == NULL ||
	    f.own == NULL || reloads > RELOADS_MAX)
		return fprintf(stderr, "usage: bench-reload RULES-FOLDER LANE.json [RELOADS]\n"), 2;
	rewind(in);
	f.lane = str_make(bytes, fread(bytes, 1, (size_t)size, in));
	fclose(in);
	if (live_new(&o, &f.live, &err) != RC_OK)
		return fprintf(stderr, "%s\n", err.text), 1;
	if (pthread_create(&thread, NULL, feed, &f) != 0)
		return 1;
	while (!atomic_load(&f.ready))
		usleep(10000);
	for (uint32_t i = 0; i < reloads; i++) {
		double begun = now(CLOCK_MONOTONIC);

		usleep(50000);
		if (live_reload(f.live, &o, &err) != RC_OK)
			return fprintf(stderr, "%s\n", err.text), 1;
		took[i] = (now(CLOCK_MONOTONIC) - begun) / 1e6 - 0.05;
		f.mark[i] = __atomic_load_n(&f.fed, __ATOMIC_RELAXED);
		f.mark[i] -= f.mark[i] > 0; /* the event at hand may be the first that finds it */
		atomic_store(&f.reloads, i + 1);
	}
	usleep(100000);
	atomic_store(&f.stop, true);
	pthread_join(thread, NULL);
	n = f.fed < TIMES_MAX ? f.fed : TIMES_MAX;
	printf("reload.events %llu fed, %llu lost\n", (unsigned long long)f.fed, (unsigned long long)f.failed);
	bench_print("reload.took", took, reloads, "s");
	pauses(&f, f.wall, "reload.pause");
	pauses(&f, f.own, "reload.pause_own_time");
	qsort(f.wall, n, sizeof *f.wall, by_size);
	qsort(f.own, n, sizeof *f.own, by_size);
	printf("reload.event_p99.9 %.4f ms (own time %.4f)\nreload.event_most %.3f ms (own time %.3f)\n", f.wall[n - n / 1000 - 1] / 1e3,
	       f.own[n - n / 1000 - 1] / 1e3, f.wall[n - 1] / 1e3, f.own[n - 1] / 1e3);
	live_free(f.live);
	mem_free(f.wall);
	mem_free(f.own);
	mem_free(bytes);
	return 0;
}
