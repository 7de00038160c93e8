/* Workers of a queue from end to end: take sealed blocks from a private PostgreSQL with every sync, unpack and parse their events, match
 * 200 rules, make and count the steps of a correlation, commit. One worker and two, over the same blocks; beside them, as what bounds
 * them, the same matcher alone over the same bytes in memory. */
#include <pthread.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "detect/block.h"
#include "detect/taxonomy.h"
#include "detect/work.h"
#include "store/engine.h"

enum { BLOCKS = 60, RULES = 200, ROUNDS = 5 };

static struct buf blocks[BLOCKS];
static struct blockq_opts where;
static uint64_t events;

static void give_up(const struct err *err)
{
	fprintf(stderr, "%s\n", err->text);
	exit(1);
}

#define MUST(call) \
	do { \
		if ((call) != RC_OK) \
			give_up(&err); \
	} while (0)

/* Process creations of some hosts and users, 1.2 KB each; one in a hundred is a failed logon. */
static void make_blocks(void)
{
	struct block_maker *m = NULL;
	struct err err = { 0 };
	uint64_t n = 0;
	struct buf line;

	buf_init(&line, 8192);
	MUST(block_maker_new(&m, &err));
	for (int i = 0; i < BLOCKS; i++) {
		while (!block_maker_full(m)) {
			struct block_event e = { .format = LOG_JSON, .source = S("bench"), .time = 1764547200 * USEC_PER_SEC + (usec)n * 1000, .ordinal = n };

			buf_clear(&line);
			buf_fmt(&line, "{\"EventID\":%d,\"Channel\":\"Security\",\"Computer\":\"pc%llu.corp.example\",\"TargetUserName\":\"user%llu\","
				       "\"NewProcessName\":\"C:\\\\Program Files\\\\Vendor %llu\\\\tool%llu.exe\",\"ProcessId\":\"0x%llx\",",
				n % 100 == 7 ? 4625 : 4688, (unsigned long long)(n % 97), (unsigned long long)(n % 1009), (unsigned long long)(n % 31),
				(unsigned long long)(n * 2654435761 % 4001), (unsigned long long)(n * 40503 % 65536));
			for (int k = 0; k < 16; k++)
				buf_fmt(&line, "\"Member%d\":\"value %llu of what a Windows event says beside\",", k, (unsigned long long)((n + (uint64_t)k) * 7919 % 513));
			buf_fmt(&line, "\"CommandLine\":\"tool%llu.exe --job %llu --quiet\"}", (unsigned long long)(n * 2654435761 % 4001), (unsigned long long)n);
			e.line = buf_view(&line);
			MUST(block_maker_add(m, &e, NULL, &err));
			n++;
			events++;
		}
		buf_init(&blocks[i], BLOCK_BYTES_MAX);
		MUST(block_maker_seal(m, 1, 0, &blocks[i], &err));
	}
	block_maker_free(m);
	buf_done(&line);
}

struct rules {
	struct arena *a;
	const struct sigma_set *set;
	struct hunt_matcher *m;
};

static void load_rules(struct rules *r)
{
	const struct taxonomy *taxonomy;
	struct sigma_reader *reader;
	struct err err = { 0 };
	struct buf text;

	r->a = arena_new((size_t)1 << 30);
	buf_init(&text, 1 << 20);
	MUST(sigma_reader_new(r->a, &reader, &err));
	for (int i = 0; i < RULES; i++)
		buf_fmt(&text, "%stitle: Rule %d\nid: 00000000-0000-4000-8000-%012d\nstatus: test\nlevel: low\nlogsource: {product: windows}\ndetection:\n  a:\n"
			       "    NewProcessName|endswith: '\\tool%d.exe'\n    CommandLine|contains: ['--job %d77', '--secret']\n  condition: a\n",
			i == 0 ? "" : "---\n", i, i, i * 20, i);
	buf_cstr(&text, "---\ntitle: Failed\nid: 00000000-0000-4000-8000-100000000000\nname: failed\nstatus: test\nlevel: low\nlogsource: {product: windows}\n"
			"detection: {a: {EventID: 4625}, condition: a}\n---\ntitle: Guessing\nid: 00000000-0000-4000-8000-200000000000\nstatus: test\nlevel: high\n"
			"correlation:\n  type: event_count\n  rules: [failed]\n  group-by: [TargetUserName]\n  timespan: 5m\n  condition: {gte: 10}\n");
	MUST(sigma_reader_add(reader, S("bench.yml"), arena_dup(r->a, buf_view(&text)), &err));
	MUST(sigma_reader_end(reader, &r->set, &err));
	sigma_reader_free(reader);
	MUST(taxonomy_load(r->a, NULL, &taxonomy, &err));
	MUST(hunt_for_rules(r->set, taxonomy, &r->m, NULL, &err));
	buf_done(&text);
}

static struct blockq *open_queue(void)
{
	struct blockq *q = NULL;
	struct err err = { 0 };

	MUST(blockq_open(&where, &q, &err));
	return q;
}

static void fill_queue(struct blockq *q, int round)
{
	struct err err = { 0 };
	uint64_t fresh;

	for (int i = 0; i < BLOCKS; i++) {
		struct block_head h;
		struct blockq_block b = { .bytes = buf_view(&blocks[i]) };
		char id[32];

		snprintf(id, sizeof id, "%d-%d", round, i);
		MUST(block_head_read(b.bytes, &h, &err));
		b.id = str_of(id);
		b.index_n = block_index_n(&h);
		b.events = h.events;
		b.first = h.first;
		b.last = h.last;
		MUST(blockq_put(q, &b, 1, &fresh, &err));
	}
}

/* Until everything is done, the correlations counted and saved. */
static void *work(void *arg)
{
	struct rules *r = arg;
	struct blockq *q = open_queue();
	char name[32];
	struct work_opts o = { .q = q, .m = r->m, .rules = r->set, .lease = 60 * USEC_PER_SEC };
	struct worker *w = NULL;
	struct err err = { 0 };
	bool all = false, any = false;

	snprintf(name, sizeof name, "%p", arg);
	o.name = str_of(name);
	MUST(worker_new(&o, &w, &err));
	while (!all) {
		MUST(worker_turn(w, &any, &err));
		if (!any)
			MUST(worker_settle(w, false, &all, &err));
		if (!any && !all)
			usleep(5000);
	}
	MUST(worker_leave(w, &err));
	worker_free(w);
	blockq_close(q);
	return NULL;
}

static bool ignore(void *ctx, const struct hunt_found *f)
{
	(void)ctx;
	return f != NULL;
}

static void measure_alone(struct rules *r)
{
	struct hunt_opts o = { .since = INT64_MIN };
	double rate[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		double start = bench_seconds();
		struct hunt_stats st = { 0 };
		struct err err = { 0 };

		for (int i = 0; i < BLOCKS; i++)
			MUST(hunt_block(r->m, buf_view(&blocks[i]), &o, ignore, NULL, &st, &err));
		rate[round] = (double)events / 1e3 / (bench_seconds() - start);
	}
	bench_print("worker_matcher_alone", rate, ROUNDS, "k events/s");
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* By the clock, and by the processor time of the workers alone (without the server's), which a busy machine disturbs less. */
static void measure(struct rules *r, int workers, int first_round)
{
	double rate[ROUNDS], cpu[ROUNDS];
	char name[32];

	for (int round = 0; round < ROUNDS; round++) {
		struct blockq *q = open_queue();
		pthread_t t[2];
		double start, used;

		fill_queue(q, first_round + round);
		start = bench_seconds();
		used = cpu_seconds();
		for (int i = 0; i < workers; i++)
			pthread_create(&t[i], NULL, work, &r[i]);
		for (int i = 0; i < workers; i++)
			pthread_join(t[i], NULL);
		rate[round] = (double)events / 1e3 / (bench_seconds() - start);
		cpu[round] = (double)events / 1e3 / (cpu_seconds() - used);
		blockq_close(q);
	}
	snprintf(name, sizeof name, "worker_%d", workers);
	bench_print(name, rate, ROUNDS, "k events/s");
	snprintf(name, sizeof name, "worker_%d_cpu", workers);
	bench_print(name, cpu, ROUNDS, "k events/CPU-s");
}

int main(void)
{
	struct rules r[2];
	struct engine e;
	char why[WHY_MAX];

	if (!engine_start(&e, "postgresql", why)) {
		printf("# %s\n", why);
		return 0;
	}
	store_close(engine_fresh(&e));
	where = (struct blockq_opts){ .url = e.url, .create = true, .shards = 16 };
	make_blocks();
	load_rules(&r[0]);
	load_rules(&r[1]);
	measure_alone(&r[0]);
	for (int i = 1; i <= 2; i++)
		measure(r, i, i * 100);
	for (int i = 0; i < 2; i++) {
		hunt_matcher_free(r[i].m);
		arena_free(r[i].a);
	}
	for (int i = 0; i < BLOCKS; i++)
		buf_done(&blocks[i]);
	engine_stop(&e);
	return 0;
}
