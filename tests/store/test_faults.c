/* What the store does when the disk or memory fail: a clear error, reads go on,
 * nothing acknowledged is lost, nothing is half there. */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/mem.h"
#include "engine.h"
#include "faultvfs.h"
#include "objects_make.h"
#include "store/accounts.h"
#include "store/facts.h"
#include "store/peers.h"
#include "tap.h"

/* What was acknowledged. */
struct acked {
	int facts, cursors, batches;
	enum rc worst; /* of the refusals */
};

static void note(struct acked *k, int *what, enum rc rc)
{
	if (rc == RC_OK)
		++*what;
	else
		k->worst = rc;
}

static enum rc put_batch(struct store *s, struct arena *a, unsigned batch)
{
	struct object_in in[5];
	enum put_result r[5];
	struct object_batch b = { .collection = 1, .source = 1, .objects = in, .n = 5, .results = r };

	for (unsigned i = 0; i < 5; i++)
		in[i] = make_object(a, "indicator", batch * 5 + i, "2026-01-01T00:00:00Z", "x");
	return store_put(s, &b, NULL);
}

static void work(struct store *s, struct arena *a, int rounds, bool objects, struct acked *k)
{
	for (int i = 0; i < rounds; i++) {
		char key[16];
		int n = snprintf(key, sizeof key, "k%d", i);

		note(k, &k->facts, fact_append(s, &(struct fact){ .kind = S("k"), .body = S("{}") }, NULL));
		note(k, &k->cursors, cursor_put(s, str_make(key, (size_t)n), S("value"), NULL));
		if (objects)
			note(k, &k->batches, put_batch(s, a, (unsigned)i));
	}
}

static int cursors_there(struct store *s, struct arena *a, int rounds)
{
	int n = 0;

	for (int i = 0; i < rounds; i++) {
		struct str key = arena_fmt(a, "k%d", i), value;

		n += cursor_get(s, key, a, &value, NULL) == RC_OK && str_eq(value, S("value"));
	}
	return n;
}

static bool sound(struct engine *e)
{
	char path[400];
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	bool good;

	snprintf(path, sizeof path, "%s/records.db", e->store_dir);
	good = sqlite3_open(path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL) == SQLITE_OK &&
	       sqlite3_step(st) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return good;
}

/* Opens again without faults and compares with what was acknowledged. An unacknowledged one may be there too. */
static bool nothing_lost(struct engine *e, struct arena *a, int rounds, const struct acked *k, const char **why)
{
	struct store *s = NULL;
	struct fact_verdict v = { 0 };
	struct err err = { 0 };
	bool good;

	*why = "does not open";
	if (engine_reopen(e, false, &s, &err) != RC_OK) {
		printf("# %s\n", err.text);
		return false;
	}
	*why = "the facts do not fit";
	good = fact_verify(s, NULL, &v, &err) == RC_OK && v.first_bad == 0 && (int)v.checked >= k->facts;
	if (good) {
		*why = "a cursor is gone";
		good = cursors_there(s, a, rounds) >= k->cursors;
	}
	store_close(s);
	if (good) {
		*why = "the database is not sound";
		good = sound(e);
	}
	return good;
}

/* Every write, truncation and sync of SQLite fails once, in its own run. */
static void sweep_io(struct engine *e, enum vfs_fault how, const char *name)
{
	const enum { ROUNDS = 4 } rounds = ROUNDS;
	unsigned nth = 1, wrong = 0, refusals = 0, wrong_rc = 0, sync_errors = 0;

	for (;; nth++) {
		struct arena *a = arena_new((size_t)16 << 20);
		struct store *s = engine_fresh(e);
		struct acked k = { 0 };
		const char *why = "";
		bool fired;

		if (s == NULL || a == NULL) {
			OK(false, "%s: a fresh store", name);
			return;
		}
		faultvfs_arm(nth, how, false);
		work(s, a, rounds, false, &k);
		fired = faultvfs_count() >= nth;
		if (how == VFS_IO && faultvfs_hit_sync() && k.worst != RC_OK) {
			/* After a failed sync nothing is taken any more; reads go on. */
			struct str value;

			sync_errors++;
			wrong += cursor_put(s, S("late"), S("x"), NULL) != RC_IO;
			wrong += cursor_get(s, S("nothing"), a, &value, NULL) != RC_NOTFOUND;
		}
		refusals += k.worst != RC_OK;
		wrong_rc += k.worst != RC_OK && k.worst != (how == VFS_FULL ? RC_FULL : RC_IO);
		store_close(s);
		faultvfs_arm(0, VFS_NONE, false);
		if (!nothing_lost(e, a, rounds, &k, &why)) {
			wrong++;
			printf("# %s: operation %u: %s\n", name, nth, why);
		}
		arena_free(a);
		if (!fired)
			break;
	}
	OK(nth > 5, "%s: %u operations were made to fail", name, nth - 1);
	EQ_INT(wrong, 0, "nothing acknowledged is lost, and the records are sound");
	EQ_INT(wrong_rc, 0, "the error says what it was");
	OK(refusals > 0, "%u runs were refused a write", refusals);
	if (how == VFS_IO)
		OK(sync_errors > 0, "%u of them by a failed sync", sync_errors);
}

/* The commit of either engine fails by the failpoint. */
static void failpoints(struct engine *e)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct store *s = engine_fresh(e);
	struct str value;
	struct store_stats st;

	if (!OK(s != NULL && a != NULL && fault_arm("store.commit", 1, ENOSPC, FAULT_ONCE), "armed"))
		return;
	EQ_INT(cursor_put(s, S("a"), S("1"), NULL), RC_FULL, "no space: refused");
	EQ_INT(cursor_get(s, S("a"), a, &value, NULL), RC_NOTFOUND, "and not there");
	store_stats(s, &st);
	OK(st.disk_full, "status says so");
	EQ_INT(cursor_put(s, S("a"), S("1"), NULL), RC_OK, "space is back: taken");
	store_stats(s, &st);
	OK(!st.disk_full, "status says so");
	EQ_INT(fact_append_soon(s, &(struct fact){ .kind = S("soon") }, NULL), RC_OK, "a fact is queued");
	if (!fault_arm("store.commit", 1, ENOSPC, FAULT_ONCE))
		OK(false, "armed");
	EQ_INT(fact_flush(s, NULL), RC_FULL, "no space for it");
	EQ_INT(fact_flush(s, NULL), RC_OK, "it waited");
	if (!fault_arm("store.commit", 1, EIO, FAULT_ONCE))
		OK(false, "armed");
	EQ_INT(cursor_put(s, S("b"), S("1"), NULL), RC_IO, "an I/O error");
	EQ_INT(cursor_put(s, S("b"), S("1"), NULL), RC_IO, "no write after it");
	EQ_INT(cursor_get(s, S("a"), a, &value, NULL), RC_OK, "reads go on");
	fault_clear();
	store_close(s);
	EQ_INT(engine_reopen(e, false, &s, NULL), RC_OK, "opened again");
	EQ_INT(cursor_put(s, S("b"), S("1"), NULL), RC_OK, "writes go on");
	store_close(s);
	arena_free(a);
}

/* In a child, as the limit is the process's: files may not grow beyond 1 MB, later they may. */
static int fill_up(struct engine *e)
{
	struct rlimit limit;
	struct arena *a = arena_new((size_t)256 << 20);
	struct store *s = engine_fresh(e);
	struct acked k = { 0 };
	struct err err = { 0 };
	struct str value;
	struct page p;
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .tlp_mask = ALL_TLP, .limit = 1000, .bodies = true };
	struct store_stats st;
	enum rc records = RC_OK, objects = RC_OK;
	uint64_t there = 0;

	signal(SIGXFSZ, SIG_IGN);
	if (s == NULL || a == NULL || getrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 10;
	limit.rlim_cur = 1000000; /* more than the empty records and their log take */
	setrlimit(RLIMIT_FSIZE, &limit);
	for (unsigned i = 0; i < 3000 && (records == RC_OK || objects == RC_OK); i++) {
		struct str key = arena_fmt(a, "k%u", i);

		if (records == RC_OK)
			records = cursor_put(s, key, arena_fmt(a, "%01000u", i), &err);
		k.cursors += records == RC_OK;
		if (objects == RC_OK)
			objects = put_batch(s, a, i);
		k.batches += objects == RC_OK;
	}
	if (records != RC_FULL || objects != RC_FULL)
		return printf("# records %s, objects %s: %s\n", rc_name(records), rc_name(objects), err.text), 11;
	store_stats(s, &st);
	if (!st.disk_full)
		return 12;
	if (cursor_get(s, S("k0"), a, &value, NULL) != RC_OK || store_page(s, &q, &p, NULL) != RC_OK || p.n == 0)
		return 13;
	page_done(&p);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	if (cursor_put(s, S("after"), S("x"), NULL) != RC_OK || put_batch(s, a, 5000) != RC_OK)
		return 14;
	store_close(s);
	if (engine_reopen(e, false, &s, NULL) != RC_OK || store_count(s, &q, &there, NULL) != RC_OK)
		return 15;
	if (there != (uint64_t)(k.batches + 1) * 5)
		return 16;
	for (int i = 0; i < k.cursors; i++)
		if (cursor_get(s, arena_fmt(a, "k%d", i), a, &value, NULL) != RC_OK)
			return 17;
	store_close(s);
	arena_free(a);
	return 0;
}

static void disk_full(struct engine *e)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		status = fill_up(e);
		fflush(stdout);
		_exit(status);
	}
	e->n++; /* the child's store */
	waitpid(pid, &status, 0);
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "a full disk refuses writes with RC_FULL, reads go on, writes come back, nothing is lost (%d)",
	   WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* One life of a store under a failing allocation; leaves nothing behind. */
static enum rc one_life(struct engine *e, const struct object_in *o, struct arena *a)
{
	struct store_config c = { .dir = e->store_dir, .create = true };
	struct store *s CLEANUP(store_closep) = NULL;
	enum put_result r;
	struct object_batch b = { .collection = 1, .source = 1, .objects = o, .n = 1, .results = &r };
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .tlp_mask = ALL_TLP, .limit = 10, .bodies = true };
	struct user u = { .name = S("alice"), .role = S("admin") }, *users;
	struct page p;
	uint32_t source;
	size_t n;

	TRY(store_open(&c, &s, NULL));
	TRY(user_put(s, &u, NULL));
	TRY(user_list(s, a, &users, &n, NULL));
	TRY(store_source_id(s, S("user:alice"), &source, NULL));
	TRY(fact_append(s, &(struct fact){ .kind = S("k") }, NULL));
	TRY(fact_append_soon(s, &(struct fact){ .kind = S("k") }, NULL));
	TRY(fact_flush(s, NULL));
	TRY(store_put(s, &b, NULL));
	TRY(store_page(s, &q, &p, NULL));
	page_done(&p);
	return RC_OK;
}

static void sweep_memory(struct engine *e)
{
	unsigned wrong = 0, leaks = 0;
	uint64_t nth = 1;
	enum rc rc;

	do {
		int64_t before = mem_live();
		struct arena *a = arena_new((size_t)16 << 20);
		struct object_in o = make_object(a, "indicator", 1, "2026-01-01T00:00:00Z", "x");

		e->n++;
		snprintf(e->store_dir, sizeof e->store_dir, "%s/s%d", e->dir, e->n);
		mem_fail_at(nth, 0);
		rc = one_life(e, &o, a);
		mem_fail_at(0, 0);
		if (rc != RC_OK && rc != RC_NOMEM && wrong++ == 0)
			printf("# allocation %llu: %s\n", (unsigned long long)nth, rc_name(rc));
		arena_free(a);
		if (mem_live() != before && leaks++ == 0)
			printf("# allocation %llu: %lld blocks are left\n", (unsigned long long)nth, (long long)(mem_live() - before));
		nth++;
	} while (rc != RC_OK && nth < 2000);
	OK(rc == RC_OK && nth > 30, "%llu allocations were made to fail", (unsigned long long)nth - 2);
	EQ_INT(wrong, 0, "each gives RC_NOMEM");
	EQ_INT(leaks, 0, "and leaves nothing behind");
}

int main(void)
{
	struct engine e;
	char why[WHY_MAX];

	if (!OK(faultvfs_install() && engine_start(&e, "sqlite", why), "SQLite over failing files"))
		return tap_done();
	sweep_io(&e, VFS_IO, "I/O errors");
	sweep_io(&e, VFS_FULL, "a full disk");
	failpoints(&e);
	disk_full(&e);
	sweep_memory(&e);
	engine_stop(&e);
	if (engine_start(&e, "postgresql", why)) {
		failpoints(&e);
		engine_stop(&e);
	} else {
		SKIP(why, "failing commits on postgresql");
	}
	return tap_done();
}
