/* The block queue on both engines: who has a block, what comes of it and when;
 * many takers at once, some that forget what they took, some that are killed. */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "blockq_util.h"
#include "engine.h"

static const char *url, *path;

static struct blockq *open_queue(bool create)
{
	struct blockq_opts o = { .path = url != NULL ? NULL : path, .url = url, .create = create, .shards = 4 };
	struct blockq *q = NULL;
	struct err err = { 0 };

	if (blockq_open(&o, &q, &err) != RC_OK)
		OK(false, "open: %s", err.text);
	return q;
}

static size_t take(struct blockq *q, const char *taker, usec lease, size_t most, struct arena *a, struct blockq_taken *list)
{
	struct err err = { 0 };
	size_t n = 0;

	if (blockq_take(q, str_of(taker), lease, most, a, list, &n, &err) != RC_OK)
		OK(false, "take: %s", err.text);
	return n;
}

static void test_titles(struct blockq *q)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct blockq_taken mine[16], theirs[16];
	struct blockq_stats st = { 0 };
	struct err err = { 0 };
	uint64_t fresh = 0;
	size_t lost = 0;

	OK(put_numbers(q, 0, 6, &fresh, &err) == RC_OK && fresh == 6, "six blocks %s", err.text);
	OK(put_numbers(q, 4, 4, &fresh, &err) == RC_OK && fresh == 2, "two are known %s", err.text);
	EQ_INT(take(q, "me", 60 * USEC_PER_SEC, 5, a, mine), 5, "five for me");
	EQ_INT(take(q, "you", 400000, 5, a, theirs), 3, "three for you");
	EQ_INT(take(q, "me", 60 * USEC_PER_SEC, 5, a, mine + 5), 0, "and none is left");
	EQ_INT(mine[0].bytes.n, 1000 + number_of(mine[0].id) % 4000, "with its bytes");
	EQ_INT(number_of(mine[0].id) + number_of(mine[4].id) < 14, 1, "the oldest first");
	usleep(500000);
	OK(blockq_stats(q, &st, &err) == RC_OK && st.taken == 5 && st.ready == 3 && st.events == 80 && st.oldest > 0, "a lease that ran out is ready again %s",
	   err.text);
	EQ_INT(take(q, "third", 60 * USEC_PER_SEC, 1, a, mine + 5), 1, "one of yours for the third");
	EQ_INT(mine[5].tries, 2, "its second taking");
	OK(finish(q, S("you"), theirs, 3, &lost, &err) == RC_OK && lost == 1, "you lost one, two were still yours %s", err.text);
	lost = 0;
	OK(finish(q, S("third"), mine, 1, &lost, &err) == RC_OK && lost == 1, "what is mine is not the third's");
	OK(blockq_return(q, S("me"), &mine[0], &err) == RC_OK, "given back");
	lost = 0;
	OK(finish(q, S("me"), mine, 5, &lost, &err) == RC_OK && lost == 1, "so it is not mine any more %s", err.text);
	lost = 0;
	OK(finish(q, S("me"), mine + 1, 4, &lost, &err) == RC_OK && lost == 4, "done is done");
	OK(finish(q, S("third"), mine + 5, 1, &lost, &err) == RC_OK, "the third's");
	EQ_INT(take(q, "me", 60 * USEC_PER_SEC, 5, a, mine), 1, "the one given back");
	EQ_INT(mine[0].tries, 2, "again");
	OK(finish(q, S("me"), mine, 1, NULL, &err) == RC_OK, "done");
	check_effects(q, 8, "eight");
}

static enum rc count_index(void *ctx, struct str id UNUSED, struct str index, struct err *err UNUSED)
{
	*(uint64_t *)ctx += index.n == 100;
	return RC_OK;
}

static void test_history(struct blockq *q)
{
	struct err err = { 0 };
	uint64_t n = 0, gone = 9;
	struct blockq_stats st = { 0 };
	struct buf b;

	buf_init(&b, 1u << 20);
	OK(blockq_each(q, INT64_MIN, 0, count_index, &n, &err) == RC_OK && n == 8, "every index part %s", err.text);
	n = 0;
	OK(blockq_each(q, 200, 400, count_index, &n, &err) == RC_OK && n == 2, "those of a time %s", err.text);
	OK(blockq_bytes(q, S("collector-3"), &b, &err) == RC_OK && b.n == 1003, "bytes by id");
	EQ_INT(blockq_bytes(q, S("nobody's"), &b, &err), RC_NOTFOUND, "or not");
	OK(blockq_expire(q, 3600 * USEC_PER_SEC, 0, &gone, &err) == RC_OK && gone == 0, "none is old %s", err.text);
	OK(put_numbers(q, 1000, 1, &n, &err) == RC_OK, "one that is not done");
	usleep(5000);
	OK(blockq_stats(q, &st, &err) == RC_OK && blockq_expire(q, 3600 * USEC_PER_SEC, st.bytes - 1500, &gone, &err) == RC_OK && gone == 2,
	   "the oldest two of a thousand bytes each are too much (%llu went) %s", (unsigned long long)gone, err.text);
	OK(blockq_expire(q, 0, 0, &gone, &err) == RC_OK && gone == 6, "all that are done go %s", err.text);
	OK(blockq_bytes(q, S("collector-1000"), &b, &err) == RC_OK && blockq_bytes(q, S("collector-3"), &b, &err) == RC_NOTFOUND, "the other stays");
	buf_done(&b);
}

static void test_stuck(struct blockq *q)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct blockq_taken t[16];
	struct blockq_stats st = { 0 };
	struct blockq_mark marks[16];
	struct err err = { 0 };
	size_t taken = 0, n = 0, lost = 0;
	int64_t upto = 0;

	for (int i = 0; i < BLOCKQ_TRIES + 3; i++) {
		taken += take(q, "unlucky", 0, 1, a, t + taken);
		if (taken > 0)
			t[0] = t[taken - 1];
		usleep(2000);
	}
	EQ_INT(taken, BLOCKQ_TRIES, "a block that everybody drops is given out so often");
	OK(blockq_stats(q, &st, &err) == RC_OK && st.stuck == 1 && st.ready == 0, "and then counted as stuck");
	OK(blockq_marks(q, 0, 16, marks, &n, &upto, &err) == RC_OK && upto == st.blocks, "nobody waits for it %s", err.text);
	OK(finish(q, S("unlucky"), t, 1, &lost, &err) == RC_OK && lost == 1, "and it is too late for it %s", err.text);
	OK(blockq_stats(q, &st, &err) == RC_OK && st.stuck == 1, "still stuck");
}

static enum rc on_steps(void *ctx, int64_t block, struct str steps, struct err *err UNUSED)
{
	int64_t *last = ctx;

	OK(block > last[0] && steps.n > 0, "steps of block %lld", (long long)block);
	last[0] = block;
	last[1]++;
	return RC_OK;
}

static struct blockq_shard take_shard(struct blockq *q, const char *who, usec lease, struct arena *a)
{
	struct blockq_shard s = { .number = 99 };
	struct err err = { 0 };

	OK(blockq_shard_take(q, str_of(who), lease, a, &s, &err) == RC_OK, "%s takes a shard %s", who, err.text);
	return s;
}

/* Eight blocks are done, each with steps for the shard of its number modulo 4. */
static void test_shards(struct blockq *q)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct blockq_alert alerts[2] = { { 0, S("often"), S("body") }, { 0, S("often"), S("more") } };
	struct blockq_mark marks[16];
	struct blockq_shard s[4], again;
	struct blockq_progress p;
	struct err err = { 0 };
	struct blockq_stats st = { 0 };
	int64_t last[2], steps = 0, upto = 0, saved = 9, ended = 9;
	uint64_t gone = 9;
	size_t n = 0;

	EQ_INT(blockq_shards(q), 4, "four shards");
	OK(blockq_seed(q) != 0 && blockq_tolerance(q) == BLOCKQ_TOLERANCE, "what all agree on");
	OK(blockq_marks(q, 0, 16, marks, &n, &upto, &err) == RC_OK && n == 8 && upto == 8 && marks[0].number == 1 && marks[7].newest > marks[0].newest,
	   "eight blocks are done, in their order %s", err.text);
	OK(blockq_marks(q, 3, 2, marks, &n, &upto, &err) == RC_OK && n == 2 && upto == 5 && marks[0].number == 4, "some of them");
	for (size_t i = 0; i < 4; i++) {
		s[i] = take_shard(q, "me", 60 * USEC_PER_SEC, a);
		last[0] = last[1] = 0;
		OK(blockq_shard_steps(q, s[i].number, 0, 8, on_steps, last, &err) == RC_OK && last[1] == 2, "two blocks have steps for it %s", err.text);
		steps += last[1];
	}
	EQ_INT(steps, 8, "every block's steps are in one shard");
	EQ_INT(blockq_shard_take(q, S("you"), 1, a, &again, &err), RC_NOTFOUND, "there is no fifth");

	p = (struct blockq_progress){ .shard = &s[1], .after = 4, .alerts = alerts, .n_alerts = 2 };
	OK(blockq_shards_save(q, S("me"), &p, 1, &err) == RC_OK && !p.lost && s[1].after == 4 && s[1].saved == 0 && s[1].fired == 2,
	   "told up to the fourth, without state %s", err.text);
	p = (struct blockq_progress){ .shard = &s[2], .after = 8, .ended = 8, .with_state = true, .state = S("state") };
	OK(blockq_shards_save(q, S("me"), &p, 1, &err) == RC_OK && s[2].saved == 8 && s[2].ended == 8, "another is saved with it");
	last[0] = last[1] = 0;
	OK(blockq_shard_steps(q, s[2].number, 0, 8, on_steps, last, &err) == RC_OK && last[1] == 0, "what the state holds is removed");
	OK(blockq_shards_behind(q, &saved, &ended, &err) == RC_OK && saved == 0 && ended == 0, "the others are behind");

	OK(blockq_shard_return(q, S("you"), &s[1], &err) == RC_OK && blockq_shard_take(q, S("you"), 1, a, &again, &err) == RC_NOTFOUND, "you cannot return mine");
	OK(blockq_shard_return(q, S("me"), &s[1], &err) == RC_OK, "I can");
	again = take_shard(q, "you", 0, a);
	OK(again.number == s[1].number && again.tries == 2 && again.saved == 0 && again.after == 4 && again.fired == 2 && again.state.n == 0,
	   "it comes with its places");
	p = (struct blockq_progress){ .shard = &s[1], .after = 8, .alerts = alerts, .n_alerts = 1 };
	OK(blockq_shards_save(q, S("me"), &p, 1, &err) == RC_OK && p.lost && s[1].after == 4, "who has it no more writes nothing");
	OK(blockq_shard_return(q, S("me"), &s[2], &err) == RC_OK, "the saved one");
	again = take_shard(q, "you", 0, a);
	OK(again.number == s[1].number, "least is saved of the one whose lease ended at once");
	again = take_shard(q, "you", 60 * USEC_PER_SEC, a);
	again = take_shard(q, "you", 60 * USEC_PER_SEC, a);
	OK(again.number == s[2].number, "and then the other");
	EQ_STR(again.state, S("state"), "with the state that was saved");
	OK(blockq_shard_return(q, S("me"), NULL, &err) == RC_OK && blockq_shard_return(q, S("you"), NULL, &err) == RC_OK, "all are given back");
	OK(blockq_expire(q, 0, 0, &gone, &err) == RC_OK && gone == 0, "no block goes that somebody may count again %s", err.text);
	for (size_t i = 0; i < 4; i++) {
		s[i] = take_shard(q, "you", 60 * USEC_PER_SEC, a);
		p = (struct blockq_progress){ .shard = &s[i], .after = 8, .late = 3, .with_state = true, .state = S("all") };
		OK(blockq_shards_save(q, S("you"), &p, 1, &err) == RC_OK && !p.lost, "saved");
	}
	OK(blockq_stats(q, &st, &err) == RC_OK && st.steps == 0 && st.late == 12 && st.saved == 8, "all shards have counted all %s", err.text);
}

static void test_order(struct blockq *q)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct blockq_mark marks[16];
	struct blockq_taken t[8];
	struct err err = { 0 };
	uint64_t fresh = 0;
	uint32_t workers = 0;
	int64_t upto = 9;
	size_t n = 9;

	OK(put_numbers(q, 0, 6, &fresh, &err) == RC_OK && put_numbers(q, 0, 8, &fresh, &err) == RC_OK && fresh == 2, "eight blocks, six of them twice");
	EQ_INT(take(q, "me", 60 * USEC_PER_SEC, 8, a, t), 8, "all mine");
	for (size_t i = 0; i < 8; i++)
		OK(t[i].number == (int64_t)number_of(t[i].id) + 1 && t[i].put > 0, "numbers have no holes");
	OK(blockq_marks(q, 0, 16, marks, &n, &upto, &err) == RC_OK && n == 0 && upto == 0, "none is done");
	for (size_t i = 0; i < 8; i++)
		if (t[i].number != 3)
			OK(finish(q, S("me"), &t[i], 1, NULL, &err) == RC_OK, "one is done");
	OK(blockq_marks(q, 0, 16, marks, &n, &upto, &err) == RC_OK && n == 2 && upto == 2, "nobody looks past the one that is not");
	for (size_t i = 0; i < 8; i++)
		if (t[i].number == 3)
			OK(finish(q, S("me"), &t[i], 1, NULL, &err) == RC_OK, "now it is");
	OK(blockq_marks(q, 2, 16, marks, &n, &upto, &err) == RC_OK && n == 6 && upto == 8, "the others follow");
	OK(blockq_worker(q, S("a"), 60 * USEC_PER_SEC, &workers, &err) == RC_OK && blockq_worker(q, S("b"), 200000, &workers, &err) == RC_OK && workers == 2,
	   "two workers %s", err.text);
	usleep(250000);
	OK(blockq_worker(q, S("a"), 60 * USEC_PER_SEC, &workers, &err) == RC_OK && workers == 1, "one is silent");
	OK(blockq_worker(q, S("a"), 0, &workers, &err) == RC_OK && workers == 0, "one left");
}

/* --- many at once --- */

enum { BLOCKS = 400, TAKERS = 4 };

static void *work(void *arg)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)256 << 20);
	struct blockq *q CLEANUP(blockq_closep) = open_queue(false);
	unsigned number = (unsigned)(uintptr_t)arg, turn = 0, empty = 0;
	char name[32];

	snprintf(name, sizeof name, "taker-%u", number);
	while (q != NULL && empty < 40) {
		struct blockq_taken t[8];
		struct err err = { 0 };
		size_t n = 0;
		enum rc rc = blockq_take(q, str_of(name), 50000, 1 + turn % 5, a, t, &n, &err);

		if (rc == RC_OK && n > 0 && turn++ % 6 != 5) /* else they are dropped, and are somebody's again when the lease ends */
			rc = finish(q, str_of(name), t, n, NULL, &err);
		if (rc != RC_OK && rc != RC_BUSY) {
			printf("# %s: %s\n", name, err.text);
			return NULL;
		}
		empty = n == 0 ? empty + 1 : 0;
		if (n == 0)
			usleep(10000);
		arena_reset(a);
	}
	return arg;
}

static void test_threads(struct blockq *q)
{
	pthread_t threads[TAKERS];
	struct err err = { 0 };
	uint64_t fresh;

	for (uint64_t i = 0; i < BLOCKS; i += 16)
		if (put_numbers(q, i, 16, &fresh, &err) != RC_OK)
			OK(false, "put: %s", err.text);
	for (uintptr_t i = 0; i < TAKERS; i++)
		pthread_create(&threads[i], NULL, work, (void *)(i + 1));
	for (int i = 0; i < TAKERS; i++)
		pthread_join(threads[i], NULL);
	check_effects(q, BLOCKS, "four takers that forget");
}

static void test_kill(struct blockq *q)
{
	struct blockq_stats st = { 0 };
	struct err err = { 0 };
	uint64_t fresh, rounds = 0;

	for (uint64_t i = 0; i < BLOCKS; i += 16)
		if (put_numbers(q, i, 16, &fresh, &err) != RC_OK)
			OK(false, "put: %s", err.text);
	do {
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)work((void *)(uintptr_t)(100 + rounds));
			_exit(0);
		}
		usleep((useconds_t)(20000 + rounds * 7919 % 50 * 1000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		rounds++;
	} while (blockq_stats(q, &st, &err) == RC_OK && st.done < BLOCKS / 2 && st.stuck == 0 && rounds < 60);
	OK(st.done > 0, "%llu takers were killed, %llu blocks done by then", (unsigned long long)rounds, (unsigned long long)st.done);
	(void)work((void *)(uintptr_t)99);
	check_effects(q, BLOCKS, "takers that are killed");
}

/* A fresh database for each, so that numbers begin anew. */
static void with_queue(struct engine *e, void (*test)(struct blockq *q))
{
	struct store *s = engine_fresh(e);
	char file[400];
	struct blockq *q;

	store_close(s);
	snprintf(file, sizeof file, "%s/blocks.db", e->store_dir);
	url = e->url[0] != '\0' ? e->url : NULL;
	path = file;
	q = open_queue(true);
	if (q != NULL)
		test(q);
	blockq_close(q);
}

static void test_one(struct blockq *q)
{
	test_titles(q);
	test_shards(q);
	test_history(q);
	test_stuck(q);
}

int main(void)
{
	static const char *const names[] = { "sqlite", "postgresql" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		struct engine e;
		char why[WHY_MAX];

		if (!engine_start(&e, names[i], why)) {
			SKIP(why, "%s", names[i]);
			continue;
		}
		printf("# %s\n", names[i]);
		with_queue(&e, test_one);
		with_queue(&e, test_order);
		with_queue(&e, test_threads);
		with_queue(&e, test_kill);
		engine_stop(&e);
	}
	return tap_done();
}
