/* Bare throughput of the queue of blocks: put, taken, marked done, on SQLite and on a private PostgreSQL, both with every sync.
 * A block is 370 KB that do not compress, as ten thousand sealed events of 1.4 KB are; figures are events a second. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/mem.h"
#include "bench.h"
#include "store/engine.h"
#include "store/blockq.h"

enum { BLOCKS = 400, BYTES = 370000, INDEX = 5000, EVENTS = 10000, PER_PUT = 8, PER_TAKE = 8, TAKERS = 2 };

static struct blockq_opts opts;
static _Atomic uint64_t done;

static struct blockq *open_queue(void)
{
	struct blockq *q = NULL;
	struct err err = { 0 };

	if (blockq_open(&opts, &q, &err) != RC_OK) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return q;
}

static void put_all(struct blockq *q, unsigned round)
{
	char *bytes = mem_alloc(BYTES), id[PER_PUT][40];
	struct blockq_block b[PER_PUT];
	struct err err = { 0 };
	uint64_t fresh;

	random_bytes(bytes, BYTES);
	for (unsigned i = 0; i < BLOCKS; i += PER_PUT) {
		for (unsigned k = 0; k < PER_PUT; k++) {
			snprintf(id[k], sizeof id[k], "round-%u-%u", round, i + k);
			b[k] = (struct blockq_block){ .id = str_of(id[k]), .bytes = str_make(bytes, BYTES), .index_n = INDEX, .events = EVENTS };
		}
		if (blockq_put(q, b, PER_PUT, &fresh, &err) != RC_OK) {
			fprintf(stderr, "%s\n", err.text);
			exit(1);
		}
	}
	mem_free(bytes);
}

static void *take_all(void *arg)
{
	struct arena *a = arena_new((size_t)256 << 20);
	struct blockq *q = open_queue();
	char name[16];

	snprintf(name, sizeof name, "taker-%u", (unsigned)(uintptr_t)arg);
	while (atomic_load(&done) < BLOCKS) {
		struct blockq_taken t[PER_TAKE];
		struct blockq_result r[PER_TAKE];
		struct err err = { 0 };
		size_t n = 0;
		enum rc rc = blockq_take(q, str_of(name), 60 * USEC_PER_SEC, PER_TAKE, a, t, &n, &err);

		for (size_t i = 0; i < n; i++)
			r[i] = (struct blockq_result){ .block = &t[i] };
		if (rc == RC_OK && n > 0)
			rc = blockq_done(q, str_of(name), r, n, &err);
		if (rc == RC_OK)
			atomic_fetch_add(&done, n);
		else if (rc != RC_BUSY)
			fprintf(stderr, "%s\n", err.text);
		if (n == 0)
			usleep(1000);
		arena_reset(a);
	}
	blockq_close(q);
	arena_free(a);
	return NULL;
}

static double now_per_second(double start)
{
	return (double)BLOCKS * EVENTS / 1e6 / (bench_seconds() - start);
}

static void measure(const char *engine)
{
	struct blockq *q = open_queue();
	double put[5], taken[5], both[5];
	pthread_t t[TAKERS];
	char name[64];

	for (unsigned round = 0; round < 5; round++) {
		double start = bench_seconds();
		struct err err = { 0 };
		uint64_t gone;

		put_all(q, 2 * round);
		put[round] = now_per_second(start);
		atomic_store(&done, 0);
		start = bench_seconds();
		for (uintptr_t i = 0; i < TAKERS; i++)
			pthread_create(&t[i], NULL, take_all, (void *)i);
		for (int i = 0; i < TAKERS; i++)
			pthread_join(t[i], NULL);
		taken[round] = now_per_second(start);
		atomic_store(&done, 0);
		start = bench_seconds();
		for (uintptr_t i = 0; i < TAKERS; i++)
			pthread_create(&t[i], NULL, take_all, (void *)i);
		put_all(q, 2 * round + 1);
		for (int i = 0; i < TAKERS; i++)
			pthread_join(t[i], NULL);
		both[round] = now_per_second(start);
		if (blockq_expire(q, 0, 0, &gone, &err) != RC_OK)
			fprintf(stderr, "%s\n", err.text);
	}
	snprintf(name, sizeof name, "blockq_%s_put", engine);
	bench_print(name, put, 5, "M events/s");
	snprintf(name, sizeof name, "blockq_%s_take_and_done", engine);
	bench_print(name, taken, 5, "M events/s");
	snprintf(name, sizeof name, "blockq_%s_all_at_once", engine);
	bench_print(name, both, 5, "M events/s");
	blockq_close(q);
}

int main(void)
{
	static const char *const names[] = { "sqlite", "postgresql" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		char why[WHY_MAX], file[400];
		struct engine e;

		if (!engine_start(&e, names[i], why)) {
			printf("# %s: %s\n", names[i], why);
			continue;
		}
		store_close(engine_fresh(&e));
		snprintf(file, sizeof file, "%s/blocks.db", e.store_dir);
		opts = (struct blockq_opts){ .path = e.url[0] != '\0' ? NULL : file, .url = e.url[0] != '\0' ? e.url : NULL, .create = true };
		measure(names[i]);
		engine_stop(&e);
	}
	return 0;
}
