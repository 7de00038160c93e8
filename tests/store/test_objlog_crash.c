/* What crashes, full disks, failing memory and rotten bytes do to the log: what
 * was acknowledged is there, what was not is whole or absent, and damage is named. */
#include "objlog_util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/mem.h"

#define SEGMENT_HEAD_BYTES 64

static char bodies[64][80], ids[64][64];
static struct object_in objects[64];

static void make_objects(void)
{
	for (unsigned i = 0; i < 64; i++) {
		snprintf(ids[i], sizeof ids[i], "indicator--00000000-0000-4000-8000-%012u", i);
		snprintf(bodies[i], sizeof bodies[i], "{\"id\":\"%s\",\"n\":%u}", ids[i], i);
		objects[i] = (struct object_in){ .id = str_of(ids[i]), .type = S("indicator"), .version = S("2020-01-01T00:00:00.0000001Z"),
						 .body = str_of(bodies[i]), .spec = 21, .confidence = 255 };
	}
}

static enum rc put_range(struct objlog *l, unsigned from, unsigned n, struct err *err)
{
	enum put_result results[64];
	struct object_batch b = { .collection = 1, .source = 1, .objects = objects + from, .n = n, .results = results };

	return put_batch(l, &b, err);
}

/* How many of the objects are there, from the first on without a gap; -1 when a body is wrong. */
static int held(struct objlog *l)
{
	struct page_query q = query_all(1);
	struct page p;
	int n = -1;

	if (l == NULL || objlog_page(l, &q, &p, NULL) != RC_OK)
		return -1;
	for (n = 0; n < (int)p.n; n++)
		if (!str_eq(p.entries[n].body, str_of(bodies[n])) || !str_eq(p.entries[n].id, str_of(ids[n])))
			break;
	n = n == (int)p.n ? n : -1;
	page_drop(&p);
	return n;
}

static size_t file_get(const char *path, char *to, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, max);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static void file_put(const char *path, const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		OK(false, "writing %s", path);
	if (fd >= 0)
		close(fd);
}

/* Three transactions, the last of two frames; not closed, as after a crash. */
static size_t make_image(char *image, size_t max, size_t *ret_first_end, size_t *ret_last_begin)
{
	enum put_result results[64];
	struct object_batch b = { .collection = 1, .source = 1, .objects = objects + 7, .n = 2, .results = results };
	struct object_batch b2 = { .collection = 1, .source = 2, .objects = objects + 9, .n = 3, .results = results };
	struct objlog *l = log_open();
	char path[600];
	size_t n;

	segment_path(1, path);
	if (put_range(l, 0, 4, NULL) != RC_OK)
		return 0;
	*ret_first_end = file_get(path, image, max);
	if (put_range(l, 4, 3, NULL) != RC_OK)
		return 0;
	*ret_last_begin = file_get(path, image, max);
	if (objlog_begin(l, NULL) != RC_OK || objlog_put(l, &b, NULL, NULL) != RC_OK || objlog_put(l, &b2, NULL, NULL) != RC_OK ||
	    objlog_commit(l, NULL) != RC_OK)
		return 0;
	n = file_get(path, image, max);
	objlog_close(l);
	return n;
}

/* The file ends at every byte of the last transaction: what came before is held, and the log goes on. */
static void test_torn_tail(void)
{
	static char image[16384];
	size_t first_end, last_begin, n, bad = 0, wrong_held = 0, wrong_after = 0;
	char path[600];

	dir_new();
	n = make_image(image, sizeof image, &first_end, &last_begin);
	segment_path(1, path);
	for (size_t cut = last_begin; cut <= n; cut++) {
		struct objlog *l;
		int got;

		file_put(path, image, cut);
		l = log_open();
		got = held(l);
		bad += l == NULL;
		/* The first frame of the last transaction may stay: it is whole, and nobody was told that it is not there. */
		wrong_held += !(got == 7 || (got == 9 && cut < n) || (got == 12 && cut == n));
		wrong_after += l != NULL && (put_range(l, (unsigned)got, 12 - (unsigned)got + 1, NULL) != RC_OK || held(l) != 13);
		objlog_close(l);
		l = log_open();
		wrong_after += held(l) != 13;
		objlog_close(l);
	}
	OK(n - last_begin > 300 && bad == 0 && wrong_held == 0 && wrong_after == 0,
	   "cut at each of %zu bytes: %zu not opened, %zu hold something else, %zu do not go on", n - last_begin, bad, wrong_held, wrong_after);
	dir_drop();
}

/* Zeros instead of what was not written yet, at every byte of the last transaction. */
static void test_zero_tail(void)
{
	static char image[16384], torn[16384];
	size_t first_end, last_begin, n, wrong = 0;
	char path[600];

	dir_new();
	n = make_image(image, sizeof image, &first_end, &last_begin);
	segment_path(1, path);
	for (size_t from = last_begin; from < n; from++) {
		struct objlog *l;
		int got;

		memcpy(torn, image, n);
		memset(torn + from, 0, n - from);
		file_put(path, torn, n);
		l = log_open();
		got = held(l);
		/* The padding of the last frame is zero anyway. */
		wrong += got != 7 && got != 9 && !(got == 12 && n - from <= 7);
		objlog_close(l);
	}
	OK(wrong == 0, "zeros from each of %zu bytes on: %zu hold something else", n - last_begin, wrong);
	dir_drop();
}

/* A changed byte in what a later frame proves to have been on disk is corruption and is named. */
static void test_rot(void)
{
	static char image[16384], bad[16384];
	size_t first_end, last_begin, n, wrong = 0, body_rot = 0;
	char path[600], where[100];
	struct err err;

	dir_new();
	n = make_image(image, sizeof image, &first_end, &last_begin);
	segment_path(1, path);
	for (size_t at = 0; at < last_begin; at++) {
		struct objlog_config c = { .dir = test_dir };
		struct objlog *l = NULL;
		uint64_t checked;
		enum rc rc;

		memcpy(bad, image, n);
		bad[at] = (char)(bad[at] ^ 0x20);
		file_put(path, bad, n);
		err.text[0] = '\0';
		rc = objlog_open(&c, &l, &err);
		if (rc == RC_OK) { /* a body, or padding: found when it is looked at */
			rc = objlog_verify(l, &checked, &err);
			body_rot += rc == RC_CORRUPT;
			objlog_close(l);
			file_put(path, image, n);
		}
		snprintf(where, sizeof where, "objects-000001.log");
		wrong += rc != RC_OK && ((rc != RC_CORRUPT && rc != RC_UNSUPPORTED) || strstr(err.text, where) == NULL);
		wrong += rc == RC_OK && image[at] != 0 ? 1 : 0;
	}
	OK(wrong == 0 && body_rot > 300, "each of %zu changed bytes is found (%zu of them in bodies): %zu not", last_begin, body_rot, wrong);
	dir_drop();
}

/* Segments end and begin; none may be missing, changed places or cut. */
static void test_segments(void)
{
	struct objlog_config c = { .dir = test_dir, .create = true, .segment_bytes = 2048 };
	char path[600], other[600];
	struct objlog *l = NULL;
	struct err err;
	unsigned n = 0;
	struct stat st;

	dir_new();
	EQ_INT(objlog_open(&c, &l, NULL), RC_OK, "small segments");
	for (unsigned i = 0; i < 60; i += 3)
		if (put_range(l, i, 3, NULL) != RC_OK)
			OK(false, "put %u", i);
	EQ_INT(held(l), 60, "all are held");
	objlog_close(l);
	for (segment_path(1, path); stat(path, &st) == 0; segment_path(n + 1, path))
		n++;
	OK(n > 4, "in %u segments", n);
	l = log_open();
	EQ_INT(held(l), 60, "and after opening again");
	objlog_close(l);
	segment_path(2, path);
	segment_path(99, other);
	OK(rename(path, other) == 0 && objlog_open(&c, &l, &err) == RC_CORRUPT && strstr(err.text, "objects-000002.log") != NULL, "a missing one is named");
	OK(rename(other, path) == 0 && truncate(path, 500) == 0 && objlog_open(&c, &l, &err) == RC_CORRUPT &&
	   strstr(err.text, "objects-000002.log") != NULL, "a cut one in the middle is named");
	dir_drop();
}

/* A failing write or sync: the batch is refused, nothing of it stays, reads go on. */
static void test_io_failures(void)
{
	static const struct {
		const char *name, *point;
		int errnum;
		enum rc want;
		bool again; /* writing goes on afterwards */
	} rows[] = {
		{ "disk full", "file.write", ENOSPC, RC_FULL, true },
		{ "write fails", "file.write", EIO, RC_IO, true },
		{ "disk full at the sync", "file.sync", ENOSPC, RC_FULL, true },
		{ "sync fails: no more writes", "file.sync", EIO, RC_IO, false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct objlog *l;
		struct err err;

		dir_new();
		l = log_open();
		EQ_INT(put_range(l, 0, 3, NULL), RC_OK, rows[i].name);
		OK(fault_arm(rows[i].point, 1, rows[i].errnum, FAULT_ONCE), "armed");
		EQ_INT(put_range(l, 3, 3, &err), rows[i].want, "the batch is refused");
		EQ_INT((long long)fault_clear(), 1, "by that failure");
		EQ_INT(held(l), 3, "reads go on");
		EQ_INT(put_range(l, 3, 3, &err), rows[i].again ? RC_OK : RC_IO, "the next batch");
		EQ_INT(held(l), rows[i].again ? 6 : 3, "held after it");
		objlog_close(l);
		l = log_open();
		EQ_INT(held(l), rows[i].again ? 6 : 3, "held after opening again");
		objlog_close(l);
		dir_drop();
	}
}

/* No more room, for real: the file may not grow beyond a limit in the middle of a batch. */
static void test_no_room(void)
{
	struct rlimit old, small;
	struct objlog *l;
	unsigned put = 0;
	struct err err;
	char path[600];
	struct stat st;

	dir_new();
	segment_path(1, path);
	l = log_open();
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ 3000, old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	while (put < 60 && put_range(l, put, 5, &err) == RC_OK)
		put += 5;
	OK(put >= 5 && put < 60 && err.rc == RC_FULL, "full after %u objects: %s", put, err.text);
	EQ_INT(held(l), put, "all of them are read");
	OK(stat(path, &st) == 0 && st.st_size < 3000, "nothing of the refused batch stays");
	setrlimit(RLIMIT_FSIZE, &old);
	EQ_INT(put_range(l, put, 4, &err), RC_OK, "with room again it goes on");
	objlog_close(l);
	l = log_open();
	EQ_INT(held(l), put + 4, "held after opening again");
	objlog_close(l);
	dir_drop();
}

/* The process is killed at the n-th write or sync; what it acknowledged is there afterwards. */
static void test_kill(void)
{
	static const char *const points[] = { "file.write", "file.sync" };
	unsigned rounds = 0, wrong = 0;

	for (size_t k = 0; k < COUNTOF(points); k++) {
		for (uint64_t nth = 1; nth <= 14; nth++, rounds++) {
			struct objlog_config c = { .dir = test_dir, .create = true, .segment_bytes = 2048 };
			int pipes[2], status, got;
			unsigned char acked = 0, last = 0;
			struct objlog *l;
			pid_t child;

			dir_new();
			if (pipe(pipes) != 0 || (child = fork()) < 0)
				exit(1);
			if (child == 0) {
				if (!fault_arm(points[k], nth, EIO, FAULT_KILL) || objlog_open(&c, &l, NULL) != RC_OK)
					_exit(1);
				for (unsigned char i = 0; i < 30; i = (unsigned char)(i + 3)) {
					unsigned char done = (unsigned char)(i + 3);

					if (put_range(l, i, 3, NULL) != RC_OK || write(pipes[1], &done, 1) != 1)
						_exit(1);
				}
				_exit(0);
			}
			close(pipes[1]);
			while (read(pipes[0], &last, 1) == 1)
				acked = last;
			close(pipes[0]);
			waitpid(child, &status, 0);
			l = log_open();
			got = held(l);
			wrong += got < acked || got > acked + 3 || got % 3 != 0;
			objlog_close(l);
			dir_drop();
		}
	}
	OK(wrong == 0, "killed at %u places: %u lost or half-written", rounds, wrong);
}

/* Objects that are worth giving back: put in sixteen steps, all but every eighth removed in eight more. */
#define PUTS 16u
#define OPS (PUTS + 8u)

static char big_bodies[64][800];

static void make_big(void)
{
	for (unsigned i = 0; i < 64; i++) {
		snprintf(big_bodies[i], sizeof big_bodies[i], "{\"id\":\"%.63s\",\"n\":%u,\"pad\":\"%0700u\"}", ids[i], i, i);
		objects[i].body = str_of(big_bodies[i]);
	}
}

static uint64_t mask_after(unsigned ops)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < 64; i++)
		if (i / 4 < ops && (i % 8 == 0 || i / 8 + PUTS >= ops))
			mask |= UINT64_C(1) << i;
	return mask;
}

static enum rc run_op(struct objlog *l, unsigned op)
{
	struct page_query q = query_all(1);
	struct str gone[7];
	uint64_t removed;
	enum rc rc;

	if (op < PUTS)
		return put_range(l, op * 4, 4, NULL);
	for (unsigned i = 0; i < 7; i++)
		gone[i] = objects[(op - PUTS) * 8 + 1 + i].id;
	q.ids = gone;
	q.n_ids = 7;
	rc = objlog_begin(l, NULL);
	if (rc == RC_OK)
		rc = objlog_remove(l, &q, &removed, NULL, NULL);
	if (rc == RC_OK)
		rc = objlog_commit(l, NULL);
	if (rc != RC_OK)
		objlog_rollback(l);
	return rc;
}

static bool holds(struct objlog *l, uint64_t mask)
{
	struct page_query q = query_all(1);
	uint64_t checked, got = 0;
	bool good = l != NULL && objlog_verify(l, &checked, NULL) == RC_OK;
	struct page p;

	if (!good || objlog_page(l, &q, &p, NULL) != RC_OK)
		return false;
	for (size_t i = 0; i < p.n; i++) {
		uint64_t n;

		good = good && str_to_u64(str_slice(p.entries[i].id, p.entries[i].id.n - 12, p.entries[i].id.n), &n) && n < 64 &&
		       str_eq(p.entries[i].body, str_of(big_bodies[n]));
		got |= UINT64_C(1) << (n & 63);
	}
	page_drop(&p);
	return good && got == mask;
}

static struct objlog *open_small(void)
{
	struct objlog_config c = { .dir = test_dir, .create = true, .segment_bytes = 8192 };
	struct objlog *l = NULL;
	struct err err;

	if (objlog_open(&c, &l, &err) != RC_OK)
		printf("# open: %s\n", err.text);
	return l;
}

static bool leftovers(void)
{
	char path[600];
	bool any = false;

	for (unsigned i = 1; i < 30; i++) {
		snprintf(path, sizeof path, "%s/objects-%06u.new", test_dir, i);
		any = any || access(path, F_OK) == 0;
	}
	return any;
}

/* Removed objects give back their room; the numbers tell how much, now and after opening again. */
static void test_compaction(void)
{
	struct objlog_stats before, after, again;
	struct objlog_config read_only = { .dir = test_dir, .read_only = true };
	unsigned pieces = 0;
	bool more = true;
	struct objlog *l, *other = NULL;

	dir_new();
	l = open_small();
	for (unsigned op = 0; op < OPS; op++)
		more = more && run_op(l, op) == RC_OK;
	OK(more, "put, and most of it removed");
	objlog_stats(l, &before);
	OK(before.dead > 50 * 700, "%llu of %llu bytes are dead", (unsigned long long)before.dead, (unsigned long long)before.bytes);
	while (more && pieces++ < 1000)
		if (objlog_compact(l, &more, NULL) != RC_OK || !holds(l, mask_after(OPS)))
			break;
	objlog_stats(l, &after);
	OK(!more && pieces > 8, "in %u pieces, all readable between them", pieces);
	OK(after.bytes < before.bytes / 2 && before.bytes - after.bytes >= before.dead - after.dead, "%llu bytes are left", (unsigned long long)after.bytes);
	EQ_INT(objlog_compact(l, &more, NULL), RC_OK, "nothing more to do");
	EQ_INT(put_range(l, 1, 7, NULL), RC_OK, "what was removed can be put again");
	OK(holds(l, mask_after(OPS) | 0xfe), "and is there");
	OK(objlog_open(&read_only, &other, NULL) == RC_OK && holds(other, mask_after(OPS) | 0xfe), "a reader of the files finds the same");
	objlog_close(other);
	objlog_stats(l, &after);
	objlog_close(l);
	l = open_small();
	OK(holds(l, mask_after(OPS) | 0xfe), "so it is after opening again");
	objlog_stats(l, &again);
	OK(again.bytes <= after.bytes + 64 && again.dead == after.dead && again.versions == after.versions, "with the same numbers");
	objlog_close(l);
	dir_drop();
}

static struct str twice_id(unsigned i, char to[static 80])
{
	return str_make(to, (size_t)snprintf(to, 80, "indicator--00000000-0000-4000-8000-%012u", i));
}

static struct str twice_body(unsigned i, char to[static 1700])
{
	return str_make(to, (size_t)snprintf(to, 1700, "{\"n\":%01678u}", i));
}

static bool twice_reads(struct objlog *l, unsigned i)
{
	char id[80], body[1700];
	struct str ids_[] = { twice_id(i, id) };
	struct page_query q = query_all(1);
	struct page p = { 0 };
	bool good;

	q.ids = ids_;
	q.n_ids = 1;
	good = objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 1 && str_eq(p.entries[0].body, twice_body(i, body));
	page_drop(&p);
	return good;
}

static bool twice_drop(struct objlog *l, unsigned from, unsigned to)
{
	bool good = true;

	for (unsigned i = from; i <= to; i++) {
		char id[80];
		struct str ids_[] = { twice_id(i, id) };
		struct page_query q = query_all(1);
		uint64_t removed;

		q.ids = ids_;
		q.n_ids = 1;
		good = good && objlog_begin(l, NULL) == RC_OK && objlog_remove(l, &q, &removed, NULL, NULL) == RC_OK && objlog_commit(l, NULL) == RC_OK;
	}
	return good;
}

static bool compact_all(struct objlog *l)
{
	bool more = true, good = true;

	while (more && good)
		good = objlog_compact(l, &more, NULL) == RC_OK;
	return good;
}

/* Written anew twice, a segment has a body where its first file had another of the same length: frames are a sixteenth
 * without their body, so with sixteen of them gone object 17 lies where object 2 was. What was read then must not be given now. */
static void test_compaction_twice(void)
{
	struct objlog_config c = { .dir = test_dir, .create = true, .segment_bytes = 81 * 1792 };
	struct objlog *l = NULL;
	unsigned wrong = 0;

	dir_new();
	OK(objlog_open(&c, &l, NULL) == RC_OK, "a segment of eighty objects");
	for (unsigned i = 0; i < 90; i++) {
		char id[80], body[1700];
		struct object_in in = { .id = twice_id(i, id), .type = S("indicator"), .version = S("2020-01-01T00:00:00Z"),
					.body = twice_body(i, body), .spec = 21, .confidence = 255 };

		wrong += put_one(l, 1, 1, &in, NULL) != PUT_STORED || !twice_reads(l, i);
	}
	OK(wrong == 0 && twice_drop(l, 1, 12) && twice_drop(l, 30, 61) && compact_all(l), "written anew");
	for (unsigned i = 13; i < 30; i++)
		wrong += !twice_reads(l, i);
	OK(wrong == 0 && twice_drop(l, 13, 16) && twice_drop(l, 62, 79) && compact_all(l), "and again");
	for (unsigned i = 17; i < 30; i++)
		wrong += !twice_reads(l, i);
	EQ_INT(wrong, 0, "each body is its object's");
	objlog_close(l);
	dir_drop();
}

/* A removal that the rewritten segment relies on is missing: named, not served without a body. */
static void test_compaction_bereft(void)
{
	struct objlog_config c = { .dir = test_dir };
	struct objlog *l;
	char path[600];
	unsigned last = 1;
	bool more = true;
	struct err err = { 0 };

	dir_new();
	l = open_small();
	for (unsigned op = 0; op < OPS; op++)
		more = more && run_op(l, op) == RC_OK;
	while (more && objlog_compact(l, &more, NULL) == RC_OK)
		;
	objlog_close(l);
	for (segment_path(last + 1, path); access(path, F_OK) == 0; segment_path(last + 1, path))
		last++;
	segment_path(last, path);
	OK(truncate(path, SEGMENT_HEAD_BYTES) == 0, "the last segment loses its frames");
	l = NULL;
	OK(objlog_open(&c, &l, &err) == RC_CORRUPT, "refused: %s", err.text);
	objlog_close(l);
	segment_path(1, path);
	OK(truncate(path, 500) == 0 && objlog_open(&c, &l, &err) == RC_CORRUPT && strstr(err.text, "objects-000001.log") != NULL,
	   "a rewritten segment that was cut is named");
	dir_drop();
}

/* Killed at the n-th write, sync, creation or rename, between operations that are each followed by compaction to its end. */
static void test_compaction_kill(void)
{
	static const char *const points[] = { "file.write", "file.sync", "objlog.create", "objlog.rename" };
	unsigned rounds = 0, wrong = 0, left = 0;

	for (size_t k = 0; k < COUNTOF(points); k++) {
		bool ended = false;

		for (uint64_t nth = 1; nth < 400 && !ended; nth += k < 2 ? 8 : 3, rounds++) {
			int pipes[2], status = 0;
			unsigned char acked = 0, last = 0;
			struct objlog *l;
			pid_t child;

			dir_new();
			if (pipe(pipes) != 0 || (child = fork()) < 0)
				exit(1);
			if (child == 0) {
				bool more = true;

				l = fault_arm(points[k], nth, EIO, FAULT_KILL) ? open_small() : NULL;
				for (unsigned char op = 0; l != NULL && op < OPS; op++) {
					unsigned char done = (unsigned char)(op + 1);

					if (run_op(l, op) != RC_OK || write(pipes[1], &done, 1) != 1)
						_exit(1);
					for (more = true; more;)
						if (objlog_compact(l, &more, NULL) != RC_OK)
							_exit(1);
				}
				_exit(0);
			}
			close(pipes[1]);
			while (read(pipes[0], &last, 1) == 1)
				acked = last;
			close(pipes[0]);
			waitpid(child, &status, 0);
			ended = WIFEXITED(status);
			wrong += ended && WEXITSTATUS(status) != 0;
			l = open_small();
			/* The operation after the last that was told may be there. */
			wrong += !holds(l, mask_after(acked)) && !holds(l, mask_after(acked + 1u));
			left += leftovers();
			objlog_close(l);
			dir_drop();
		}
	}
	OK(rounds > 20 && wrong == 0 && left == 0, "killed at %u places: %u lost or half-written, %u left something behind", rounds, wrong, left);
}

/* Disk, memory and rename fail in turn: nothing changes, and later it works. */
static void test_compaction_failures(void)
{
	static const struct { const char *point; int errnum; } rows[] = {
		{ "file.write", ENOSPC }, { "file.write", EIO }, { "file.sync", EIO }, { "objlog.create", ENOSPC }, { "objlog.rename", EIO },
		{ "objlog.read", EIO }, { NULL, 0 },
	};

	for (size_t k = 0; k < COUNTOF(rows); k++) {
		unsigned failed = 0, wrong = 0;
		uint64_t nth;
		bool fired = true;

		for (nth = 1; nth < 60 && fired; nth += rows[k].errnum == 0 ? 4 : 7) {
			bool more = true, good = true;
			struct err err = { 0 };
			struct objlog *l;
			enum rc rc = RC_OK;

			dir_new();
			l = open_small();
			for (unsigned op = 0; op < OPS; op++)
				good = good && run_op(l, op) == RC_OK;
			if (rows[k].point == NULL)
				mem_fail_at(nth, 0);
			else
				good = good && fault_arm(rows[k].point, nth, rows[k].errnum, FAULT_ONCE);
			while (more && rc == RC_OK)
				rc = objlog_compact(l, &more, &err);
			mem_fail_at(0, 0);
			fired = rc != RC_OK;
			failed += fired;
			fault_clear();
			wrong += !good || (fired && err.text[0] == '\0') || !holds(l, mask_after(OPS));
			time_fake_step(601 * USEC_PER_SEC);
			for (more = true; more && rc != RC_INTERNAL;)
				rc = objlog_compact(l, &more, &err) == RC_OK ? rc : RC_INTERNAL;
			time_fake_off();
			wrong += rc == RC_INTERNAL || !holds(l, mask_after(OPS)) || leftovers();
			objlog_close(l);
			l = open_small();
			wrong += !holds(l, mask_after(OPS));
			objlog_close(l);
			dir_drop();
		}
		OK(failed > 0 && wrong == 0, "%s (%d): %u failures, %u wrong", rows[k].point == NULL ? "memory" : rows[k].point, rows[k].errnum, failed, wrong);
	}
}

/* Every allocation fails once, in a run that opens, puts, removes, re-marks and reads. */
static enum rc whole_run(struct err *err)
{
	struct objlog_config c = { .dir = test_dir, .create = true };
	struct page_query q = query_all(1), one = query_all(1);
	uint64_t removed;
	struct objlog *l = NULL;
	struct page p = { 0 };
	enum rc rc = objlog_open(&c, &l, err);

	if (rc == RC_OK)
		rc = put_range(l, 0, 40, err);
	if (rc == RC_OK)
		rc = objlog_begin(l, err);
	one.ids = &objects[3].id;
	one.n_ids = 1;
	if (rc == RC_OK) {
		rc = objlog_remove(l, &one, &removed, NULL, err);
		if (rc == RC_OK)
			rc = objlog_commit(l, err);
		if (rc != RC_OK)
			objlog_rollback(l);
	}
	if (rc == RC_OK && (rc = objlog_begin(l, err)) == RC_OK) {
		rc = objlog_remark(l, objects[5].id, objects[5].version, 2, 0, NULL, err);
		if (rc == RC_OK)
			rc = objlog_commit(l, err);
		if (rc != RC_OK)
			objlog_rollback(l);
	}
	if (rc == RC_OK)
		rc = objlog_page(l, &q, &p, err);
	page_drop(&p);
	objlog_close(l);
	return rc;
}

static void test_memory_failures(void)
{
	unsigned wrong = 0, leaks = 0;
	uint64_t nth;
	enum rc rc = RC_NOMEM;

	for (nth = 1; nth < 2000 && rc != RC_OK; nth++) {
		struct err err = { .rc = RC_OK };
		int64_t before = mem_live();

		dir_new();
		mem_fail_at(nth, 0);
		rc = whole_run(&err);
		mem_fail_at(0, 0);
		wrong += rc != RC_OK && (rc != RC_NOMEM || err.text[0] == '\0');
		leaks += mem_live() != before;
		dir_drop();
	}
	OK(rc == RC_OK && nth > 20 && wrong == 0 && leaks == 0, "each of %llu allocations fails once: %u wrong ends, %u leaks",
	   (unsigned long long)nth - 1, wrong, leaks);
}

/* What cannot share a transaction says so before anything is staged. */
static void test_mixed_changes(void)
{
	enum put_result results[64];
	struct object_batch b = { .collection = 1, .source = 1, .objects = objects, .n = 2, .results = results };
	struct page_query one = query_all(1);
	struct objlog *l;
	uint64_t removed;

	dir_new();
	l = log_open();
	one.ids = &objects[0].id;
	one.n_ids = 1;
	OK(objlog_begin(l, NULL) == RC_OK && objlog_put(l, &b, NULL, NULL) == RC_OK, "a put");
	EQ_INT(objlog_remove(l, &one, &removed, NULL, NULL), RC_BUSY, "a removal cannot share its transaction");
	objlog_rollback(l);
	EQ_INT(held(l), 0, "rolled back");
	EQ_INT(put_range(l, 0, 2, NULL), RC_OK, "alone it goes");
	OK(objlog_begin(l, NULL) == RC_OK && objlog_remove(l, &one, &removed, NULL, NULL) == RC_OK && objlog_put(l, &b, NULL, NULL) == RC_BUSY,
	   "nor a put that of a removal");
	objlog_rollback(l);
	EQ_INT(held(l), 2, "rolled back");
	EQ_INT(objlog_commit(l, NULL), RC_INTERNAL, "no commit without begin");
	objlog_close(l);
	dir_drop();
}

int main(void)
{
	make_objects();
	test_torn_tail();
	test_zero_tail();
	test_rot();
	test_segments();
	test_io_failures();
	test_no_room();
	test_kill();
	test_memory_failures();
	test_mixed_changes();
	make_big();
	test_compaction();
	test_compaction_twice();
	test_compaction_bereft();
	test_compaction_kill();
	test_compaction_failures();
	EQ_INT(mem_live(), 0, "nothing is left allocated");
	return tap_done();
}
