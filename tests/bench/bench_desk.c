/* The desk at size. Without arguments, on a folder of its own:
 *   chain: a chain of facts like those of incidents is verified as by `lianfang audit verify`, beside the bare hashing of as many;
 *   queue: lists of 100,000 open incidents in every order and by rare filters, from the store.
 * `bench-desk fill DIR N` puts N open incidents into the store of a node that was made and does not run: desk.py then asks the node itself.
 * `bench-desk chain N`: another length. */
#include <ftw.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "bench.h"
#include "store/facts_internal.h"
#include "store/incidents.h"

#define FACTS 10000000u
#define INCIDENTS 100000u
#define FILLERS 64
#define VERIFIES 3
#define LISTS 400

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err->text);
	exit(1);
}

static struct store *open_store(const char *dir, bool create)
{
	struct store_config c = { .dir = dir, .create = create };
	struct store *s;
	struct err err;

	if (store_open(&c, &s, &err) != RC_OK)
		die(dir, &err);
	return s;
}

/* --- chain --- */

static struct fact fact_number(uint64_t i, char subject[static 64], char body[static 256])
{
	static const char *const kinds[] = { "incident.aware", "incident.reported", "incident.level", "incident.reviewed", "incident.contained" };
	static const char *const actors[] = { "user:alice", "user:duty-officer", "peer:sector-water" };

	snprintf(subject, 64, "incident--%08llx-1d5f-4f6e-9b1c-5e2a7c3b9d10", (unsigned long long)(i / 5 * 2654435761u % 4294967296u));
	snprintf(body, 256, "{\"id\":\"f-%08llx-6d0e-4a3b-8f2d-0a1b2c3d4e5f\",\"at\":\"2026-11-23T01:02:03.000004Z\",\"by\":\"reporter\",\"type\":\"%s\","
		 "\"claimed\":\"2026-11-23T01:00:00Z\"}", (unsigned long long)i, kinds[i % 5] + 9);
	return (struct fact){ .seq = i, .at = 1764000000000000 + (int64_t)i, .kind = str_of(kinds[i % 5]), .actor = str_of(actors[i % 3]),
			      .subject = str_of(subject), .body = str_of(body) };
}

static void fill_chain(struct store *s, uint64_t n)
{
	char subject[64], body[256];
	struct err err = { 0 };
	enum rc rc = RC_OK;

	for (uint64_t i = 1; i <= n && rc == RC_OK; i++) {
		struct fact f = fact_number(i, subject, body);

		rc = fact_append_soon(s, &f, &err);
		if (rc == RC_BUSY && (rc = fact_flush(s, &err)) == RC_OK)
			rc = fact_append_soon(s, &f, &err);
	}
	if (rc != RC_OK || fact_flush(s, &err) != RC_OK)
		die("filling the chain", &err);
}

/* What no verifier can do without, by one thread: reading is not in it. */
static double bare_hashing(uint64_t n)
{
	char subject[64], body[256];
	unsigned char hash[SHA256_LEN];
	struct fact f = fact_number(1, subject, body);
	double from = bench_seconds();

	for (uint64_t i = 1; i <= n; i++) {
		f.seq = i;
		fact_hash(&f, hash);
		memcpy(f.prev, hash, sizeof hash);
	}
	return bench_seconds() - from;
}

static double processor(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void chain(const char *dir, uint64_t n)
{
	double took[VERIFIES], cpu[VERIFIES], floor = bare_hashing(n);
	struct store *s = open_store(dir, true);
	double from = bench_seconds();

	fill_chain(s, n);
	printf("chain_filled %.1f thousand_facts/s\n", (double)n / 1e3 / (bench_seconds() - from));
	printf("chain_bare_hashing_one_thread %.2f s\n", floor);
	for (int i = 0; i < VERIFIES; i++) {
		struct fact_verdict v;
		struct err err;

		cpu[i] = -processor();
		from = bench_seconds();
		if (fact_verify(s, NULL, &v, &err) != RC_OK)
			die("verify", &err);
		if (v.first_bad != 0 || v.checked != n)
			exit(1);
		took[i] = bench_seconds() - from;
		cpu[i] += processor();
	}
	store_close(s);
	printf("chain_facts %llu facts\n", (unsigned long long)n);
	bench_print("chain_verify", took, VERIFIES, "s");
	bench_print("chain_verify_processor", cpu, VERIFIES, "s_of_all_threads");
}

/* --- queue --- */

struct filler {
	pthread_t thread;
	struct store *s;
	unsigned from, step, n;
};

static void open_one(struct store *s, unsigned i, usec now)
{
	static const char *const states[] = { "aware", "reported", "reviewed", "contained", "recovered" };
	char id[80], title[80], facts[2][200];
	struct incident_row r = { .packs = S("tw-2026"), .exercise = i % 50 == 0,
				  .now = { .open = true, .state = str_of(states[i % 5]), .level = (int)(i * 7 % 5),
					   .due = now + (usec)(i * 2654435761u % 2592000) * USEC_PER_SEC, .rung = now + 86400 * USEC_PER_SEC } };
	struct incident_fact f[2] = { { .id = S("f1"), .type = S("aware") }, { .id = S("f2"), .type = S("reported") } };
	char at[TIME_TEXT_MAX];
	struct err err;

	if (i == INCIDENTS / 2)
		r.now.state = S("false_alarm");
	time_format(now, at);
	snprintf(id, sizeof id, "incident--%08x-1d5f-4f6e-9b1c-5e2a7c3b9d10", i);
	snprintf(title, sizeof title, "historian %u of the waterworks encrypted 水廠", i);
	snprintf(facts[0], sizeof facts[0], "{\"id\":\"f1\",\"at\":\"%s\",\"by\":\"reporter\",\"type\":\"aware\",\"claimed\":\"%s\"}", at, at);
	snprintf(facts[1], sizeof facts[1], "{\"id\":\"f2\",\"at\":\"%s\",\"by\":\"reporter\",\"type\":\"reported\",\"claimed\":\"%s\"}", at, at);
	f[0].body = str_of(facts[0]);
	f[1].body = str_of(facts[1]);
	r.id = str_of(id);
	r.title = str_of(title);
	if (incident_open(s, &r, f, 2, S("user:alice"), &err) != RC_OK)
		die("filling the queue", &err);
}

static void *fill_some(void *ctx)
{
	struct filler *f = ctx;

	for (unsigned i = f->from; i < f->n; i += f->step)
		open_one(f->s, i, time_now());
	return NULL;
}

static void fill_queue(struct store *s, unsigned n)
{
	struct filler list[FILLERS];
	double from = bench_seconds();

	for (unsigned i = 0; i < FILLERS; i++) {
		list[i] = (struct filler){ .s = s, .from = i, .step = FILLERS, .n = n };
		if (pthread_create(&list[i].thread, NULL, fill_some, &list[i]) != 0)
			exit(1);
	}
	for (unsigned i = 0; i < FILLERS; i++)
		pthread_join(list[i].thread, NULL);
	printf("queue_filled %.0f incidents/s\n", (double)n / (bench_seconds() - from));
}

static void list_many(struct store *s, const char *name, struct incident_query q)
{
	struct arena *a = arena_new((size_t)16 << 20);
	double ms[LISTS];
	char state[64];
	struct err err;

	for (int i = 0; i < LISTS; i++) {
		double from = bench_seconds();
		struct incident_row *rows;
		size_t n;

		if (incident_list(s, &q, a, &rows, &n, &err) != RC_OK)
			die(name, &err);
		ms[i] = (bench_seconds() - from) * 1e3;
		if (n == q.limit && i % 20 != 19) { /* on and on, every twentieth time from the start */
			q.after_row = rows[n - 1].row;
			q.after.due = rows[n - 1].now.due;
			q.after.changed = rows[n - 1].changed;
			q.after.level = rows[n - 1].now.level;
			snprintf(state, sizeof state, "%.*s", STR(rows[n - 1].now.state));
			q.after.state = str_of(state);
		} else {
			q.after_row = 0;
		}
		arena_reset(a);
	}
	qsort(ms, LISTS, sizeof ms[0], bench_order);
	printf("queue_%s_p99 %.2f ms (median %.2f, worst %.2f)\n", name, ms[LISTS * 99 / 100], ms[LISTS / 2], ms[LISTS - 1]);
	arena_free(a);
}

static void queue(const char *dir)
{
	static const char *const names[INCIDENT_ORDERS] = { "due", "newest", "changed", "level", "state" };
	struct store *s = open_store(dir, true);

	fill_queue(s, INCIDENTS);
	for (int order = 0; order < INCIDENT_ORDERS; order++) {
		struct incident_query q = { .order = (enum incident_order)order, .level = INCIDENT_ANY, .exercise = INCIDENT_ANY, .limit = 100 };
		char name[40];

		list_many(s, names[order], q);
		q.state = S("false_alarm");
		snprintf(name, sizeof name, "%s_rare", names[order]);
		list_many(s, name, q);
	}
	store_close(s);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static const char *fresh(char dir[static 300])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, 300, "%s/bench-desk-XXXXXX", tmp != NULL ? tmp : "/var/tmp");
	if (mkdtemp(dir) == NULL)
		exit(1);
	return dir;
}

static void clear(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
	uint64_t n = FACTS;
	char dir[300];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "fill") == 0 && str_to_u64(str_of(argv[3]), &n)) {
		struct store *s = open_store(argv[2], false);

		fill_queue(s, (unsigned)n);
		store_close(s);
		return 0;
	}
	if (argc < 2 || strcmp(argv[1], "queue") == 0) {
		queue(fresh(dir));
		clear(dir);
	}
	if (argc < 2 || strcmp(argv[1], "chain") == 0) {
		if (argc > 2 && !str_to_u64(str_of(argv[2]), &n))
			return 2;
		chain(fresh(dir), n);
		clear(dir);
	}
	return 0;
}
