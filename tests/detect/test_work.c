/* A worker that runs out of memory anywhere: it says so, goes on when there is some, and every block has its effects once - alerts of a
 * rule, and of a correlation that must be counted in the order of the blocks. */
#include <unistd.h>

#include "base/mem.h"
#include "detect/taxonomy.h"
#include "detect/work.h"
#include "tap.h"

#define ROUNDS_MAX 1500
#define LEASE 20000
#define HOUR ((usec)3600 * USEC_PER_SEC)
#define START ((usec)1700000000 * USEC_PER_SEC)

static const char rules_text[] =
	"title: Job\nid: 00000000-0000-4000-8000-000000000001\nname: job\nstatus: test\nlevel: high\nlogsource: {product: any}\n"
	"detection: {s: {Image: 'job.exe'}, condition: s}\n"
	"---\ntitle: Plain\nid: 00000000-0000-4000-8000-000000000002\nstatus: test\nlevel: low\nlogsource: {product: any}\n"
	"detection: {s: {Image: 'job.exe', n: 2}, condition: s}\n"
	"---\ntitle: Often\nid: 00000000-0000-4000-8000-000000000003\nstatus: test\nlevel: low\ncorrelation:\n  type: event_count\n"
	"  rules: [job]\n  group-by: [User]\n  timespan: 5m\n  condition: {gte: 3}\n";

static struct arena *arena;
static const struct sigma_set *set;
static char dir[64], path[96];

static bool load(void)
{
	struct sigma_reader *r = NULL;
	struct err err = { 0 };
	bool good;

	arena = arena_new((size_t)1 << 28);
	good = sigma_reader_new(arena, &r, &err) == RC_OK && sigma_reader_add(r, S("test.yml"), str_of(rules_text), &err) == RC_OK &&
	       sigma_reader_end(r, &set, &err) == RC_OK;
	sigma_reader_free(r);
	return OK(good && set->n_rules == 3, "rules %s", err.text);
}

/* Three events of one user, an hour behind the block before. */
static enum rc put_block(struct blockq *q, uint64_t number, struct err *err)
{
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct block_head h;
	struct blockq_block b;
	struct buf bytes CLEANUP(buf_done);
	char line[128], id[32];
	uint64_t fresh = 0;

	buf_init(&bytes, BLOCK_BYTES_MAX);
	TRY(block_maker_new(&m, err));
	for (int i = 1; i <= 3; i++) {
		struct block_event e = { .line = str_of(line), .format = LOG_JSON, .source = S("test"), .time = START + (usec)number * HOUR + i,
					 .ordinal = number * 3 + (uint64_t)i };

		snprintf(line, sizeof line, "{\"Image\":\"job.exe\",\"User\":\"u%llu\",\"n\":%d}", (unsigned long long)(number % 3), i);
		e.line = str_of(line);
		TRY(block_maker_add(m, &e, NULL, err));
	}
	TRY(block_maker_seal(m, 1, 0, &bytes, err));
	TRY(block_head_read(buf_view(&bytes), &h, err));
	snprintf(id, sizeof id, "block-%llu", (unsigned long long)number);
	b = (struct blockq_block){ .id = str_of(id), .bytes = buf_view(&bytes), .index_n = block_index_n(&h), .events = h.events, .first = h.first,
				   .last = h.last };
	return blockq_put(q, &b, 1, &fresh, err);
}

struct counted { uint64_t plain, often, others; };

static enum rc on_alert(void *ctx, const struct blockq_alert_row *a, struct err *err UNUSED)
{
	struct counted *n = ctx;

	if (str_ends(a->what, S("2")))
		n->plain++;
	else if (str_ends(a->what, S("3")))
		n->often++;
	else
		n->others++;
	return RC_OK;
}

/* Fails the allocation `nth` of one turn. *ret_failed: it came to that. */
static bool one_round(struct worker *w, struct blockq *q, uint64_t nth, bool *ret_failed)
{
	struct err err = { 0 };
	bool any;
	enum rc rc;

	if (put_block(q, nth, &err) != RC_OK)
		return OK(false, "put: %s", err.text);
	mem_fail_at(nth, 0);
	rc = worker_turn(w, &any, &err);
	mem_fail_at(0, 0);
	*ret_failed = rc != RC_OK;
	if (rc != RC_OK && rc != RC_NOMEM)
		return OK(false, "allocation %llu: %s, %s", (unsigned long long)nth, rc_name(rc), err.text);
	if (rc == RC_OK)
		return true;
	usleep(LEASE + 5000); /* a block that is dropped ten times would be given up */
	return worker_turn(w, &any, &err) == RC_OK || OK(false, "with memory: %s", err.text);
}

/* Until everything is counted, with memory. */
static bool finish(struct worker *w, struct err *err)
{
	bool any, all = false;

	for (int i = 0; i < 400 && !all; i++) {
		if (worker_turn(w, &any, err) != RC_OK || (!any && worker_settle(w, true, &all, err) != RC_OK))
			return false;
		if (!any && !all)
			usleep(LEASE);
	}
	return all;
}

static void test_memory(void)
{
	struct blockq_opts o = { .path = path, .create = true, .shards = 2 };
	struct worker *w = NULL;
	struct hunt_matcher *m = NULL;
	struct blockq *q = NULL;
	const struct taxonomy *taxonomy;
	struct counted n = { 0 };
	struct err err = { 0 };
	uint64_t rounds = 0, failed = 0, quiet = 0;
	bool good = taxonomy_load(arena, NULL, &taxonomy, &err) == RC_OK;
	int64_t before = mem_live();
	struct work_opts wo = { .rules = set, .name = S("tester"), .lease = LEASE, .save_every = 1 };

	good = good && blockq_open(&o, &q, &err) == RC_OK && hunt_for_rules(set, taxonomy, &m, NULL, &err) == RC_OK;
	wo.q = q;
	wo.m = m;
	good = good && worker_new(&wo, &w, &err) == RC_OK;
	OK(good, "a worker %s", err.text);
	/* Until a turn needs no more than was let through; some turns have less to do than others. */
	while (good && rounds < ROUNDS_MAX && quiet < 20) {
		bool bad = false;

		good = one_round(w, q, ++rounds, &bad);
		failed += bad;
		quiet = bad ? 0 : quiet + 1;
	}
	OK(good && failed > 15, "%llu turns, %llu of them without memory", (unsigned long long)rounds, (unsigned long long)failed);
	OK(good && finish(w, &err), "then all is done %s", err.text);
	OK(blockq_alerts(q, 0, 100000, on_alert, &n, &err) == RC_OK, "alerts %s", err.text);
	EQ_INT(n.plain, rounds, "a rule: once a block");
	EQ_INT(n.often, rounds, "a correlation: once a block, too");
	EQ_INT(n.others, 0, "and nothing else");
	OK(worker_leave(w, &err) == RC_OK, "it leaves %s", err.text);
	worker_free(w);
	hunt_matcher_free(m);
	blockq_close(q);
	EQ_INT(mem_live(), before, "all memory is given back");
}

int main(void)
{
	snprintf(dir, sizeof dir, "/tmp/lianfang-work-XXXXXX");
	if (!OK(mkdtemp(dir) != NULL, "a folder"))
		return tap_done();
	snprintf(path, sizeof path, "%s/blocks.db", dir);
	if (load())
		test_memory();
	arena_free(arena);
	for (size_t i = 0; i < 3; i++) {
		char file[128];

		snprintf(file, sizeof file, "%s%s", path, i == 0 ? "" : i == 1 ? "-wal" : "-shm");
		(void)unlink(file);
	}
	(void)rmdir(dir);
	return tap_done();
}
