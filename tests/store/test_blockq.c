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
	struct buf b;

	buf_init(&b, 1u << 20);
	OK(blockq_each(q, INT64_MIN, 0, count_index, &n, &err) == RC_OK && n == 8, "every index part %s", err.text);
	n = 0;
	OK(blockq_each(q, 200, 400, count_index, &n, &err) == RC_OK && n == 2, "those of a time %s", err.text);
	OK(blockq_bytes(q, S("collector-3"), &b, &err) == RC_OK && b.n == 1003, "bytes by id");
	EQ_INT(blockq_bytes(q, S("nobody's"), &b, &err), RC_NOTFOUND, "or not");
	OK(blockq_expire(q, 3600 * USEC_PER_SEC, &gone, &err) == RC_OK && gone == 0, "none is old %s", err.text);
	OK(put_numbers(q, 1000, 1, &n, &err) == RC_OK, "one that is not done");
	usleep(5000);
	OK(blockq_expire(q, 0, &gone, &err) == RC_OK && gone == 8, "all that are done go %s", err.text);
	OK(blockq_bytes(q, S("collector-1000"), &b, &err) == RC_OK && blockq_bytes(q, S("collector-3"), &b, &err) == RC_NOTFOUND, "the other stays");
	buf_done(&b);
}

static void test_stuck(struct blockq *q)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct blockq_taken t[16];
	struct blockq_stats st = { 0 };
	struct err err = { 0 };
	size_t taken = 0;

	for (int i = 0; i < BLOCKQ_TRIES + 3; i++) {
		taken += take(q, "unlucky", 0, 1, a, t);
		usleep(2000);
	}
	EQ_INT(taken, BLOCKQ_TRIES, "a block that everybody drops is given out so often");
	OK(blockq_stats(q, &st, &err) == RC_OK && st.stuck == 1 && st.ready == 0, "and then counted as stuck");
}

static void test_shards(struct blockq *q)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct blockq_shard_match m[64];
	struct blockq_shard s[5] = { { 0 } };
	struct blockq_alert alert = { 7, S("often"), S("body") };
	struct err err = { 0 };
	size_t n, all = 0, i = 0;

	EQ_INT(blockq_shards(q), 4, "four shards");
	for (i = 0; i < 4; i++) {
		OK(blockq_shard_take(q, S("me"), 60 * USEC_PER_SEC, a, &s[i], &err) == RC_OK, "one after the other %s", err.text);
		OK(blockq_shard_read(q, &s[i], 64, a, m, &n, &err) == RC_OK, "read %s", err.text);
		for (size_t k = 1; k < n; k++)
			OK(m[k].seq > m[k - 1].seq, "in order");
		all += n;
		if (n > 1)
			OK(blockq_shard_save(q, S("me"), 0, &s[i], m[0].seq, S("state"), &alert, 1, &err) == RC_OK, "saved %s", err.text);
	}
	EQ_INT(all, 8, "every match is in one shard");
	usleep(5000);
	OK(blockq_shard_take(q, S("you"), 60 * USEC_PER_SEC, a, &s[4], &err) == RC_OK, "one whose lease ended %s", err.text);
	EQ_STR(s[4].state, S("state"), "with the state that was saved");
	OK(s[4].after > 0 && s[4].tries == 2, "and the place");
	for (i = 0; s[i].number != s[4].number; i++)
		;
	EQ_INT(blockq_shard_save(q, S("me"), 0, &s[i], 99999, S("old"), &alert, 1, &err), RC_CONFLICT, "who lost it cannot save");
	OK(blockq_shard_read(q, &s[4], 64, a, m, &n, &err) == RC_OK && n > 0 && m[0].seq > s[4].after, "the rest is there %s", err.text);
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
		with_queue(&e, test_threads);
		with_queue(&e, test_kill);
		engine_stop(&e);
	}
	return tap_done();
}
