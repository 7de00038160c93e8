/* kill -9 while several threads write facts, records and object batches. A child
 * says what was acknowledged to it over a pipe; the parent kills it at a random
 * moment, opens the store and looks: everything acknowledged is there, every batch
 * is whole or absent, the fact chain is sound.
 *
 * LIANFANG_KILL_ROUNDS (default 200) rounds on SQLite and the object log; a tenth
 * of them on PostgreSQL. Each store lives for STORE_ROUNDS rounds. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine.h"
#include "objects_make.h"
#include "store/alerts.h"
#include "store/facts.h"
#include "store/peers.h"
#include "tap.h"

enum { STORE_ROUNDS = 25, PER_BATCH = 16, LANES = 3, LANE_SPAN = 100000000 };

/* One acknowledgement; written whole, as it is shorter than PIPE_BUF. */
struct ack {
	unsigned char kind; /* 'f' fact, 'r' record, 'o' object batch */
	unsigned char lane;
	uint32_t number;
};

struct lane {
	pthread_t thread;
	struct store *s;
	unsigned char number;
	uint32_t from; /* first number of this round */
	int fd;
};

static void say(const struct lane *l, unsigned char kind, uint32_t number)
{
	struct ack a = { .kind = kind, .lane = l->number, .number = number };

	if (write(l->fd, &a, sizeof a) != (ssize_t)sizeof a)
		_exit(3);
}

static enum rc put_batch(const struct lane *l, struct arena *a, uint32_t number)
{
	struct object_in in[PER_BATCH];
	enum put_result r[PER_BATCH];
	struct object_batch b = { .collection = 1u + l->number, .source = 1, .objects = in, .n = PER_BATCH, .results = r };

	for (unsigned i = 0; i < PER_BATCH; i++)
		in[i] = make_object(a, "indicator", l->number * LANE_SPAN + number * PER_BATCH + i, "2026-01-01T00:00:00Z", "kill");
	return store_put(l->s, &b, NULL);
}

static void *write_on(void *arg)
{
	struct lane *l = arg;
	struct arena *a = arena_new((size_t)256 << 20);

	for (uint32_t n = l->from;; n++) {
		struct str key = arena_fmt(a, "lane%u.%u", l->number, n);
		struct fact f = { .kind = S("kill.test"), .actor = S("node"), .subject = key, .body = S("{}") };

		if (fact_append(l->s, &f, NULL) != RC_OK)
			_exit(4);
		say(l, 'f', n);
		if (cursor_put(l->s, key, key, NULL) != RC_OK)
			_exit(5);
		say(l, 'r', n);
		if (put_batch(l, a, n) != RC_OK)
			_exit(6);
		say(l, 'o', n);
		arena_reset(a);
	}
	return NULL;
}

static void child(struct engine *e, int fd, const uint32_t from[LANES])
{
	struct lane lanes[LANES];
	struct store *s = NULL;
	struct err err = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (engine_reopen(e, false, &s, &err) != RC_OK) {
		printf("# child: %s\n", err.text);
		fflush(stdout);
		_exit(2);
	}
	for (unsigned char i = 0; i < LANES; i++) {
		lanes[i] = (struct lane){ .s = s, .number = i, .from = from[i], .fd = fd };
		if (pthread_create(&lanes[i].thread, NULL, write_on, &lanes[i]) != 0)
			_exit(7);
	}
	pause();
	_exit(0);
}

/* What a lane has had acknowledged: the highest number of each kind (they come in order). */
struct known {
	uint32_t fact, record, batch, next;
	bool any;
};

static void take(struct known k[LANES], const struct ack *a)
{
	struct known *l = &k[a->lane];

	l->any = true;
	if (a->kind == 'f')
		l->fact = a->number + 1;
	else if (a->kind == 'r')
		l->record = a->number + 1;
	else
		l->batch = a->number + 1;
	if (a->number + 1 > l->next)
		l->next = a->number + 1;
}

/* Reads acknowledgements until the deadline, kills, and reads what was said before. */
static bool run_child(struct engine *e, struct known k[LANES], unsigned millis, uint64_t *ret_acks)
{
	uint32_t from[LANES];
	int fds[2], status;
	struct ack a;
	pid_t pid;
	bool first = true;

	/* A number that was not acknowledged may be there all the same: the next round begins behind it. */
	for (int i = 0; i < LANES; i++)
		from[i] = k[i].next = k[i].next + 1;
	if (pipe(fds) != 0)
		return false;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(e, fds[1], from);
	}
	close(fds[1]);
	for (;;) {
		struct pollfd p = { .fd = fds[0], .events = POLLIN };
		/* The clock starts with the first acknowledgement: opening may take its time. */
		int got = poll(&p, 1, first ? 30000 : (int)millis);

		if (got <= 0 || read(fds[0], &a, sizeof a) != (ssize_t)sizeof a)
			break;
		take(k, &a);
		++*ret_acks;
		if (first) {
			first = false;
			usleep(millis * 1000);
			kill(pid, SIGKILL);
		}
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(fds[0]);
	return !first && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

struct found {
	uint32_t facts[LANES]; /* highest number + 1 */
	uint64_t n[LANES];
};

static bool see_fact(void *ctx, const struct fact *f)
{
	struct found *found = ctx;
	struct str rest = f->subject, lane, number;
	uint64_t i, n;

	if (!str_starts(rest, S("lane")))
		return true;
	rest = str_slice(rest, 4, rest.n);
	if (str_next(&rest, '.', &lane) && str_next(&rest, '.', &number) && str_to_u64(lane, &i) && str_to_u64(number, &n) && i < LANES) {
		found->n[i]++;
		if (n + 1 > found->facts[i])
			found->facts[i] = (uint32_t)n + 1;
	}
	return true;
}

/* Every batch of the lane is whole: PER_BATCH neighbours, all with their bodies. */
static bool batches_whole(struct store *s, unsigned lane, uint32_t *ret_highest, uint64_t *ret_n)
{
	struct page_query q = { .collection = 1 + lane, .added_after = INT64_MIN, .tlp_mask = ALL_TLP, .limit = 1600, .bodies = true };
	unsigned in_batch = 0;
	uint64_t batch = 0, number;
	bool good = true, more = true;

	*ret_highest = 0;
	*ret_n = 0;
	while (more && good) {
		struct page p;

		if (store_page(s, &q, &p, NULL) != RC_OK)
			return false;
		for (size_t i = 0; i < p.n; i++) {
			struct str id = p.entries[i].id;

			good = good && str_to_u64(str_slice(id, id.n - 12, id.n), &number) && p.entries[i].body.n > 60 &&
			       str_find(p.entries[i].body, id, 0) != SIZE_MAX && str_ends(p.entries[i].body, S("}"));
			number -= lane * LANE_SPAN;
			good = good && number % PER_BATCH == in_batch && (in_batch == 0 || number / PER_BATCH == batch);
			batch = number / PER_BATCH;
			in_batch = (in_batch + 1) % PER_BATCH;
			if (batch + 1 > *ret_highest)
				*ret_highest = (uint32_t)batch + 1;
			*ret_n += in_batch == 0;
		}
		if (p.n > 0)
			q.added_after = p.last;
		more = p.more;
		page_done(&p);
	}
	return good && in_batch == 0;
}

static const char *inspect_lane(struct store *s, unsigned lane, const struct known *k, const struct found *f)
{
	uint32_t highest;
	uint64_t n;
	struct arena *a CLEANUP(arena_freep) = arena_new(1 << 20);
	struct str value, key = arena_fmt(a, "lane%u.%u", lane, k->record - 1);

	if (!k->any)
		return NULL;
	if (f->facts[lane] < k->fact)
		return "an acknowledged fact is gone";
	if (k->record > 0 && (cursor_get(s, key, a, &value, NULL) != RC_OK || !str_eq(value, key)))
		return "an acknowledged record is gone";
	if (!batches_whole(s, lane, &highest, &n))
		return "a batch is half there";
	if (highest < k->batch)
		return "an acknowledged batch is gone";
	return NULL;
}

/* NULL when all is well. `counts`: how many facts and batches must be there at least, over all rounds. */
static const char *inspect(struct engine *e, const struct known k[LANES], uint64_t facts_acked)
{
	struct store *s CLEANUP(store_closep) = NULL;
	struct fact_verdict v = { 0 };
	struct found f = { 0 };
	struct err err = { 0 };

	if (engine_reopen(e, false, &s, &err) != RC_OK) {
		printf("# %s\n", err.text);
		return "the store does not open";
	}
	if (fact_verify(s, NULL, &v, NULL) != RC_OK || v.first_bad != 0) {
		printf("# %s\n", v.what);
		return "the fact chain is broken";
	}
	if (v.checked < facts_acked)
		return "facts are missing";
	if (fact_each(s, 0, S("kill."), see_fact, &f, NULL) != RC_OK)
		return "the facts cannot be read";
	for (unsigned i = 0; i < LANES; i++) {
		const char *why = inspect_lane(s, i, &k[i], &f);

		if (why != NULL)
			return why;
	}
	return NULL;
}

static uint64_t count_facts_acked(const struct known before[LANES], const struct known after[LANES], const uint32_t from[LANES])
{
	uint64_t n = 0;

	for (int i = 0; i < LANES; i++)
		if (after[i].fact > from[i] && after[i].fact > before[i].fact)
			n += after[i].fact - from[i];
	return n;
}

static void rounds(struct engine *e, unsigned n)
{
	struct known k[LANES] = { 0 };
	unsigned wrong = 0, not_run = 0;
	uint64_t acks = 0, facts = 0;

	for (unsigned round = 0; round < n; round++) {
		struct known before[LANES];
		uint32_t from[LANES];
		unsigned random;
		const char *why;

		if (round % STORE_ROUNDS == 0) {
			struct store *s = engine_fresh(e);

			if (!OK(s != NULL, "%s: a fresh store", e->name))
				return;
			store_close(s);
			memset(k, 0, sizeof k);
			facts = 0;
		}
		memcpy(before, k, sizeof before);
		for (int i = 0; i < LANES; i++)
			from[i] = k[i].next + 1;
		random_bytes(&random, sizeof random);
		not_run += !run_child(e, k, random % 30, &acks);
		facts += count_facts_acked(before, k, from);
		why = inspect(e, k, facts);
		if (why != NULL && wrong++ < 5)
			printf("# %s: round %u: %s\n", e->name, round, why);
	}
	EQ_INT(not_run, 0, "every child wrote and was killed");
	EQ_INT(wrong, 0, "nothing acknowledged is lost, nothing is half there");
	OK(acks >= n, "%s: %u rounds, %llu acknowledgements", e->name, n, (unsigned long long)acks);
}

int main(void)
{
	static const char *const names[] = { "sqlite", "postgresql" };
	uint64_t n = 200;

	if (getenv("LIANFANG_KILL_ROUNDS") != NULL && !str_to_u64(str_of(getenv("LIANFANG_KILL_ROUNDS")), &n))
		return fputs("LIANFANG_KILL_ROUNDS is no number\n", stderr), 2;
	for (size_t i = 0; i < COUNTOF(names); i++) {
		struct engine e;
		char why[WHY_MAX];

		if (!engine_start(&e, names[i], why)) {
			SKIP(why, "kill -9 on %s", names[i]);
			continue;
		}
		rounds(&e, (unsigned)(i == 0 ? n : n / 10 + 1));
		engine_stop(&e);
	}
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
