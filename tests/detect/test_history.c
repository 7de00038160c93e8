/* The history on disk: what was appended is there, whatever happens to the
 * process or the files' ends; retention takes whole segments; readers look on.
 * LIANFANG_KILL_ROUNDS (default 20): rounds of kill -9. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/mem.h"
#include "block_util.h"
#include "detect/history.h"
#include "sys/file.h"
#include "tap.h"

static char dir[64];

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static void fresh_dir(void)
{
	if (dir[0] != '\0')
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	snprintf(dir, sizeof dir, "/tmp/lianfang-history-XXXXXX");
	if (mkdtemp(dir) == NULL)
		perror("mkdtemp");
}

/* Events [from, from + n) as one block that states how far it was read. */
static enum rc append(struct history *h, uint64_t from, uint64_t n, usec sealed, struct err *err)
{
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct buf line, out;
	char place[32];
	enum rc rc;

	buf_init(&line, 4096);
	buf_init(&out, BLOCK_BYTES_MAX);
	rc = block_maker_new(&m, err);
	for (uint64_t i = from; i < from + n && rc == RC_OK; i++) {
		struct block_event e = make_event(i, &line);

		rc = line.bad != RC_OK ? line.bad : block_maker_add(m, &e, NULL, err);
	}
	snprintf(place, sizeof place, "%llu", (unsigned long long)(from + n));
	if (rc == RC_OK)
		rc = block_maker_place(m, S("eve"), str_of(place), err);
	if (rc == RC_OK)
		rc = block_maker_seal(m, sealed, 0, &out, err);
	if (rc == RC_OK)
		rc = history_append(h, buf_view(&out), err);
	buf_done(&line);
	buf_done(&out);
	return rc;
}

static uint64_t place_of(struct history *h)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct str text;
	uint64_t n = 0;

	if (history_place(h, S("eve"), a, &text, NULL) == RC_OK && !str_to_u64(text, &n))
		OK(false, "a place is a number");
	return n;
}

/* The history holds the events from `from` on, each once and as it was made; yields the number behind the last. */
static uint64_t walk(struct history *h, uint64_t from)
{
	struct err err = { 0 };
	struct buf bytes, line;

	buf_init(&bytes, BLOCK_BYTES_MAX);
	buf_init(&line, 4096);
	for (size_t i = 0; i < history_blocks(h); i++) {
		struct block *b CLEANUP(block_closep) = NULL;
		struct block_event e;

		if (history_read(h, i, &bytes, &err) != RC_OK || block_open(buf_view(&bytes), &b, &err) != RC_OK) {
			OK(false, "block %zu: %s", i, err.text);
			break;
		}
		while (block_next(b, &e)) {
			struct block_event want = make_event(from, &line);

			if (e.ordinal != from || !str_eq(e.line, want.line) || !str_eq(e.source, want.source) || e.time != want.time) {
				OK(false, "event %llu stands where %llu should", (unsigned long long)e.ordinal, (unsigned long long)from);
				goto out;
			}
			from++;
		}
	}
out:
	buf_done(&bytes);
	buf_done(&line);
	return from;
}

static struct history *open_it(bool write, uint64_t segment, uint64_t max_bytes, usec max_age)
{
	struct history_opts o = { .dir = dir, .write = write, .segment_bytes = segment, .max_bytes = max_bytes, .max_age = max_age };
	struct history *h = NULL;
	struct err err = { 0 };

	OK(history_open(&o, &h, &err) == RC_OK, "open for %s %s", write ? "writing" : "reading", err.text);
	return h;
}

static void test_basics(void)
{
	struct history_opts o = { .dir = dir, .write = true };
	struct history *h, *second = NULL, *r;
	struct history_stats st;
	struct err err = { 0 };

	fresh_dir();
	h = open_it(true, 0, 0, 0);
	EQ_INT(history_blocks(h), 0, "empty at first");
	EQ_INT(history_open(&o, &second, &err), RC_BUSY, "one writer only");
	r = open_it(false, 0, 0, 0);
	OK(append(h, 0, 500, 10, &err) == RC_OK && append(h, 500, 300, 20, &err) == RC_OK, "two blocks %s", err.text);
	EQ_INT(history_append(r, S("x"), &err), RC_DENIED, "a reader does not write");
	EQ_INT(history_append(h, S("LFB1 and so on"), &err), RC_NOTFOUND, "what is no block is not taken");
	EQ_INT(history_blocks(r), 0, "a reader sees what was there");
	OK(history_refresh(r, &err) == RC_OK, "looks again");
	EQ_INT(walk(r, 0), 800, "and sees the rest");
	EQ_INT(walk(h, 0), 800, "as the writer does");
	history_stats(h, &st);
	OK(st.blocks == 2 && st.events == 800 && st.segments == 1 && st.torn == 0 && st.skipped == 0, "counted");
	OK(st.first == EVENT_TIME(0) && st.last == EVENT_TIME(799), "from when to when");
	history_close(h);
	history_close(r);
	h = open_it(true, 0, 0, 0);
	EQ_INT(walk(h, 0), 800, "all there after opening again");
	EQ_INT(place_of(h), 800, "and how far the input was read");
	history_close(h);
}

static void test_segments(void)
{
	struct history *h, *r;
	struct history_stats st;
	struct err err = { 0 };

	fresh_dir();
	h = open_it(true, 10000, 30000, 0);
	r = open_it(false, 0, 0, 0);
	for (uint64_t i = 0; i < 40; i++)
		if (append(h, i * 200, 200, (usec)i, &err) != RC_OK)
			OK(false, "append %llu: %s", (unsigned long long)i, err.text);
	history_stats(h, &st);
	OK(st.segments > 5, "%llu segments", (unsigned long long)st.segments);
	OK(history_refresh(r, &err) == RC_OK && walk(r, 0) == 8000, "a reader follows into new segments %s", err.text);
	OK(history_expire(h, 100, &err) == RC_OK, "expired");
	history_stats(h, &st);
	OK(st.disk <= 30000 && st.expired_segments > 0, "%llu bytes are kept", (unsigned long long)st.disk);
	EQ_INT(st.expired_events + st.events, 8000, "what is gone is counted");
	EQ_INT(walk(h, st.expired_events), 8000, "what is left is the end");
	OK(history_refresh(r, &err) == RC_OK && walk(r, st.expired_events) == 8000, "a reader sees it %s", err.text);
	EQ_INT(place_of(h), 8000, "the place is kept");
	history_close(h);
	history_close(r);
}

static void test_age(void)
{
	struct history *h;
	struct history_stats st;
	struct err err = { 0 };

	fresh_dir();
	h = open_it(true, 0, 0, 1600);
	for (uint64_t i = 0; i < 20; i++)
		if (append(h, i * 100, 100, (usec)(1000 + i * 100), &err) != RC_OK)
			OK(false, "append %llu: %s", (unsigned long long)i, err.text);
	history_stats(h, &st);
	EQ_INT(st.segments, 10, "a segment spans a part of the age");
	OK(history_expire(h, 1000 + 1900 + 600, &err) == RC_OK, "expired");
	history_stats(h, &st);
	EQ_INT(st.expired_events, 800, "older than that");
	EQ_INT(walk(h, 800), 2000, "the others are there");
	OK(history_expire(h, 100000, &err) == RC_OK, "all expired");
	history_stats(h, &st);
	EQ_INT(st.events, 0, "nothing is left");
	EQ_INT(place_of(h), 2000, "but the place");
	history_close(h);
	h = open_it(true, 0, 0, 1600);
	EQ_INT(place_of(h), 2000, "also after opening again");
	OK(append(h, 2000, 100, 100100, &err) == RC_OK && walk(h, 2000) == 2100, "and it goes on");
	history_close(h);
	h = open_it(true, 0, 0, 0);
	EQ_INT(place_of(h), 2100, "from there");
	history_close(h);
}

static void newest(const char *suffix, char out[static 128])
{
	struct dirent *e;
	DIR *d = opendir(dir);

	out[0] = '\0';
	while ((e = readdir(d)) != NULL)
		if (str_ends(str_of(e->d_name), str_of(suffix)) && strcmp(e->d_name, out + (out[0] ? strlen(dir) + 1 : 0)) > 0)
			snprintf(out, 128, "%s/%.40s", dir, e->d_name);
	closedir(d);
}

/* The last segment cut at every so many bytes, or with a byte changed near its end: the blocks before stay. */
static void test_torn(void)
{
	char seg[128], idx[128];
	struct history *h;
	struct history_stats st;
	struct err err = { 0 };
	struct stat size;
	off_t second, at;

	fresh_dir();
	h = open_it(true, 0, 0, 0);
	OK(append(h, 0, 100, 1, &err) == RC_OK, "a block");
	newest(".seg", seg);
	newest(".idx", idx);
	stat(seg, &size);
	second = size.st_size;
	for (int i = 0; i < 12; i++) {
		OK(append(h, 100, 100, 2, &err) == RC_OK, "a second one %s", err.text);
		history_close(h);
		stat(seg, &size);
		at = second + (size.st_size - second) * i / 12;
		if (i % 2)
			(void)!unlink(idx); /* with and without the index */
		if (truncate(seg, at) != 0)
			perror("truncate");
		h = open_it(true, 0, 0, 0);
		history_stats(h, &st);
		EQ_INT(st.torn, at - second, "a torn end is cut and counted");
		EQ_INT(walk(h, 0), 100, "what is before stays");
		EQ_INT(place_of(h), 100, "the place too");
	}
	history_close(h);
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	char c;

	if (pread(fd, &c, 1, at) == 1) {
		c = (char)(c ^ 4);
		(void)!pwrite(fd, &c, 1, at);
	}
	close(fd);
}

/* A damaged block in the middle costs itself; a damaged index nothing. */
static void test_rot(void)
{
	char seg[128], idx[128];
	struct history *h;
	struct history_stats st;
	struct err err = { 0 };
	struct buf bytes;
	struct stat size;

	fresh_dir();
	h = open_it(true, 0, 0, 0);
	OK(append(h, 0, 100, 1, &err) == RC_OK && append(h, 100, 100, 1, &err) == RC_OK && append(h, 200, 100, 1, &err) == RC_OK, "three blocks");
	newest(".seg", seg);
	newest(".idx", idx);
	history_close(h);
	stat(idx, &size);
	flip(idx, size.st_size / 2);
	h = open_it(true, 0, 0, 0);
	EQ_INT(walk(h, 0), 300, "a damaged index is made again");
	history_close(h);
	stat(seg, &size);
	flip(seg, size.st_size / 2);
	(void)!unlink(idx);
	h = open_it(true, 0, 0, 0);
	history_stats(h, &st);
	OK(st.events == 200 && st.skipped > 0 && st.torn == 0, "a damaged block is passed over, %llu bytes", (unsigned long long)st.skipped);
	EQ_INT(place_of(h), 300, "the one behind it counts");
	history_close(h);
	flip(seg, size.st_size / 2);
	(void)!unlink(idx);
	h = open_it(true, 0, 0, 0);
	EQ_INT(walk(h, 0), 300, "good again");
	flip(seg, size.st_size / 2);
	buf_init(&bytes, BLOCK_BYTES_MAX);
	{
		struct block *b = NULL;

		OK(history_read(h, 1, &bytes, &err) == RC_OK, "damage is seen");
		EQ_INT(block_open(buf_view(&bytes), &b, &err), RC_CORRUPT, "when the block is opened");
	}
	buf_done(&bytes);
	history_close(h);
}

/* The disk fills up, the sync fails. */
static void test_faults(void)
{
	struct history *h;
	struct err err = { 0 };

	fresh_dir();
	h = open_it(true, 0, 0, 0);
	OK(append(h, 0, 100, 1, &err) == RC_OK, "a block");
	OK(fault_arm("file.write", 1, ENOSPC, FAULT_ONCE), "armed");
	EQ_INT(append(h, 100, 100, 1, &err), RC_FULL, "no space");
	fault_clear();
	OK(append(h, 100, 100, 1, &err) == RC_OK, "and there is again %s", err.text);
	OK(fault_arm("file.sync", 1, EIO, FAULT_ONCE), "armed");
	if (append(h, 200, 100, 1, &err) == RC_IO)
		EQ_INT(append(h, 200, 100, 1, &err), RC_IO, "after a failed sync nothing is taken");
	else
		OK(false, "a sync that fails is told");
	fault_clear();
	history_close(h);
	h = open_it(true, 0, 0, 0);
	OK(walk(h, 0) >= 200, "what was taken is there");
	history_close(h);
}

/* --- kill -9 --- */

static void write_on(int fd, int round)
{
	struct history_opts o = { .dir = dir, .write = true, .segment_bytes = 30000, .unsynced = round % 3 == 0 };
	struct history *h = NULL;
	struct err err = { 0 };
	uint64_t n;

	if (history_open(&o, &h, &err) != RC_OK) {
		fprintf(stderr, "# child: %s\n", err.text);
		_exit(3);
	}
	for (n = place_of(h);; n += 50) {
		if (append(h, n, 50, time_now(), &err) != RC_OK)
			_exit(4);
		if (write(fd, &(uint64_t){ n + 50 }, sizeof n) != (ssize_t)sizeof n)
			_exit(5);
	}
}

static void test_kill(void)
{
	const char *text = getenv("LIANFANG_KILL_ROUNDS");
	uint64_t rounds = 20, acked = 0, torn = 0;

	if (text != NULL && !str_to_u64(str_of(text), &rounds))
		rounds = 20;
	fresh_dir();
	for (uint64_t i = 0; i < rounds; i++) {
		struct history *h;
		struct history_stats st;
		uint64_t n, end;
		int pipe_fd[2], status;
		pid_t pid;

		if (pipe(pipe_fd) != 0)
			return;
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(pipe_fd[0]);
			write_on(pipe_fd[1], (int)i);
		}
		close(pipe_fd[1]);
		usleep((useconds_t)(5000 + (i * 7919 % 60) * 1000));
		kill(pid, SIGKILL);
		while (read(pipe_fd[0], &n, sizeof n) == (ssize_t)sizeof n)
			acked = n;
		close(pipe_fd[0]);
		waitpid(pid, &status, 0);
		if (!WIFSIGNALED(status))
			OK(false, "the writer ended by itself: %d", WEXITSTATUS(status));
		struct history_opts o = { .dir = dir, .write = true, .segment_bytes = 30000 };
		struct err err = { 0 };

		if (history_open(&o, &h, &err) != RC_OK) {
			OK(false, "round %llu: %s", (unsigned long long)i, err.text);
			return;
		}
		end = walk(h, 0);
		history_stats(h, &st);
		torn += st.torn;
		if (end < acked || end % 50 != 0 || place_of(h) != end)
			OK(false, "round %llu: %llu of %llu events, place %llu", (unsigned long long)i, (unsigned long long)end, (unsigned long long)acked,
			   (unsigned long long)place_of(h));
		acked = end;
		history_close(h);
	}
	OK(acked > 0, "%llu rounds of kill -9: %llu events, each once (%llu torn bytes cut)", (unsigned long long)rounds, (unsigned long long)acked,
	   (unsigned long long)torn);
}

/* --- events that are not sealed yet --- */

/* Keeps [from, from + n), as a collector does; `seal` at the end. */
static enum rc keep(struct history *h, struct block_maker *m, uint64_t from, uint64_t n, struct err *err)
{
	struct buf line;
	char place[32];
	enum rc rc = RC_OK;

	buf_init(&line, 4096);
	for (uint64_t i = from; i < from + n && rc == RC_OK; i++) {
		struct block_event e = make_event(i, &line);

		snprintf(place, sizeof place, "%llu", (unsigned long long)(i + 1));
		rc = line.bad != RC_OK ? line.bad : history_keep(h, &e, str_of(place), err);
		if (rc == RC_OK)
			rc = block_maker_add(m, &e, NULL, err);
		if (rc == RC_OK)
			rc = block_maker_place(m, e.source, str_of(place), err);
	}
	buf_done(&line);
	return rc;
}

static enum rc seal_as(struct history *h, struct block_maker *m, uint64_t mark, struct err *err)
{
	struct buf out;
	enum rc rc;

	buf_init(&out, BLOCK_BYTES_MAX);
	block_maker_mark(m, mark);
	rc = block_maker_seal(m, 1, 0, &out, err);
	if (rc == RC_OK)
		rc = history_append(h, buf_view(&out), err);
	buf_done(&out);
	return rc;
}

static enum rc seal_kept(struct history *h, struct block_maker *m, struct err *err)
{
	return seal_as(h, m, history_mark(h), err);
}

static uint64_t seen(struct history *reader)
{
	struct err err = { 0 };

	return history_refresh(reader, &err) == RC_OK ? walk(reader, 0) : UINT64_MAX;
}

static void test_kept(void)
{
	struct history_opts o = { .dir = dir, .write = true };
	struct history *h = NULL, *r CLEANUP(history_closep) = NULL;
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct history_stats st;
	struct err err = { 0 };

	fresh_dir();
	OK(history_open(&o, &h, &err) == RC_OK && block_maker_new(&m, &err) == RC_OK, "a history");
	OK(history_keep_flush(h, &err) == RC_OK && history_keep_sync(h, &err) == RC_OK && history_mark(h) == 0, "nothing kept is nothing to do");
	OK(keep(h, m, 0, 100, &err) == RC_OK, "100 events are kept");
	OK(history_open(&(struct history_opts){ .dir = dir }, &r, &err) == RC_OK, "a reader");
	EQ_INT(seen(r), 0, "does not see them yet");
	OK(history_keep_flush(h, &err) == RC_OK, "they are flushed");
	EQ_INT(seen(r), 100, "now it does");
	history_stats(r, &st);
	OK(st.unsealed == 100 && st.blocks == 0, "and tells");
	OK(keep(h, m, 100, 50, &err) == RC_OK && history_keep_flush(h, &err) == RC_OK, "50 more");
	EQ_INT(seen(r), 150, "each once");
	OK(seal_kept(h, m, &err) == RC_OK, "they are sealed");
	EQ_INT(seen(r), 150, "each once still");
	history_stats(r, &st);
	OK(st.unsealed == 0 && st.blocks == 1, "in a block");
	OK(keep(h, m, 150, 10, &err) == RC_OK && history_keep_flush(h, &err) == RC_OK, "a shorter life over a longer one");
	EQ_INT(seen(r), 160, "shows its own events only");
	OK(keep(h, m, 160, 5, &err) == RC_OK, "5 that are never flushed");
	history_close(h);
	OK(history_open(&o, &h, &err) == RC_OK, "a crash");
	EQ_INT(walk(h, 0), 160, "loses what was not flushed, and only that");
	EQ_INT(place_of(h), 160, "the input reads on from there");
	EQ_INT(seen(r), 160, "the reader agrees");
	history_close(h);
	OK(history_open(&o, &h, &err) == RC_OK && walk(h, 0) == 160, "opened again: nothing twice");
	history_close(h);
}

/* The journal as the disk had it at some moment before or after the sealing, cut or damaged: no event twice, none of a sealed block lost. */
static void test_kept_torn(void)
{
	struct history_opts o = { .dir = dir, .write = true };
	struct history *h = NULL;
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct err err = { 0 };
	char path[100];
	struct buf all;
	unsigned wrong = 0;

	fresh_dir();
	snprintf(path, sizeof path, "%s/open", dir);
	OK(history_open(&o, &h, &err) == RC_OK && block_maker_new(&m, &err) == RC_OK && keep(h, m, 0, 20, &err) == RC_OK &&
	   history_keep_flush(h, &err) == RC_OK && keep(h, m, 20, 10, &err) == RC_OK && history_keep_flush(h, &err) == RC_OK, "two chunks");
	OK(file_read(path, 1 << 20, &all, &err) == RC_OK && seal_kept(h, m, &err) == RC_OK, "sealed");
	history_close(h);
	OK(file_replace(path, buf_view(&all), 0640, &err) == RC_OK && history_open(&o, &h, &err) == RC_OK && walk(h, 0) == 30, "the journal survived its block");
	history_close(h);
	for (size_t cut = 0; cut < all.n; cut += 97) {
		fresh_dir();
		snprintf(path, sizeof path, "%s/open", dir);
		if (file_replace(path, str_slice(buf_view(&all), 0, cut), 0640, &err) != RC_OK || history_open(&o, &h, &err) != RC_OK) {
			wrong++;
			continue;
		}
		wrong += walk(h, 0) % 10 != 0 || walk(h, 0) > 30;
		history_close(h);
	}
	OK(wrong == 0, "cut anywhere, a journal gives whole chunks");
	for (size_t at = 0; at < all.n; at += 61) {
		all.p[at] ^= 0x40;
		fresh_dir();
		snprintf(path, sizeof path, "%s/open", dir);
		if (file_replace(path, buf_view(&all), 0640, &err) != RC_OK || history_open(&o, &h, &err) != RC_OK)
			wrong++;
		else
			wrong += walk(h, 0) == 30;
		history_close(h);
		all.p[at] ^= 0x40;
		h = NULL;
	}
	OK(wrong == 0, "damage is never taken for events");
	buf_done(&all);
}

/* Two blocks' events at once: one is being sealed while the next fills. */
static void test_turned(void)
{
	struct history_opts o = { .dir = dir, .write = true };
	struct history *h = NULL, *r CLEANUP(history_closep) = NULL;
	struct block_maker *m CLEANUP(block_maker_freep) = NULL, *next CLEANUP(block_maker_freep) = NULL;
	struct history_stats st;
	struct err err = { 0 };
	uint64_t mark;

	fresh_dir();
	OK(history_open(&o, &h, &err) == RC_OK && block_maker_new(&m, &err) == RC_OK && block_maker_new(&next, &err) == RC_OK, "a history");
	OK(history_turn(h, &err) == RC_OK && history_mark(h) == 0, "nothing kept is nothing to turn");
	OK(keep(h, m, 0, 100, &err) == RC_OK, "100 events are kept");
	mark = history_mark(h);
	OK(mark != 0 && history_turn(h, &err) == RC_OK && history_mark(h) != mark, "a turn gives another mark");
	EQ_INT(history_turn(h, &err), RC_BUSY, "one more has to wait for the block");
	OK(keep(h, next, 100, 50, &err) == RC_OK && history_keep_flush(h, &err) == RC_OK, "50 more");
	OK(history_keep_sync(h, &err) == RC_OK, "both are made durable");
	OK(history_open(&(struct history_opts){ .dir = dir }, &r, &err) == RC_OK && walk(r, 0) == 150, "a reader sees all, in order");
	history_stats(r, &st);
	OK(st.unsealed == 150 && st.blocks == 0 && history_blocks(r) == 2, "as two blocks that are not sealed");
	OK(seal_as(h, m, mark, &err) == RC_OK, "the first is sealed");
	EQ_INT(seen(r), 150, "each once");
	history_stats(r, &st);
	OK(st.unsealed == 50 && st.blocks == 1, "one block, one journal");
	mark = history_mark(h);
	OK(history_turn(h, &err) == RC_OK && keep(h, m, 150, 20, &err) == RC_OK && history_keep_flush(h, &err) == RC_OK, "the other way round");
	EQ_INT(seen(r), 170, "in the order in which they came");
	OK(seal_as(h, next, mark, &err) == RC_OK && seal_as(h, m, history_mark(h), &err) == RC_OK, "both are sealed, the last one in place");
	EQ_INT(seen(r), 170, "each once");
	OK(keep(h, m, 170, 10, &err) == RC_OK && history_turn(h, &err) == RC_OK && keep(h, next, 180, 10, &err) == RC_OK, "two more, of which the second");
	history_close(h);
	OK(history_open(&o, &h, &err) == RC_OK && walk(h, 0) == 180 && place_of(h) == 180, "is lost by a crash, because nobody flushed it");
	history_close(h);
}

static void journal_paths(char first[static 100], char second[static 100])
{
	snprintf(first, 100, "%s/open", dir);
	snprintf(second, 100, "%s/open2", dir);
}

/* What a loss of power may leave of two journals: the newer one without all of the older one. */
static void test_turned_torn(void)
{
	struct history_opts o = { .dir = dir, .write = true };
	struct history *h = NULL;
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	char first[100], second[100];
	struct buf older, newer;
	struct err err = { 0 };
	unsigned wrong = 0;

	fresh_dir();
	journal_paths(first, second);
	OK(history_open(&o, &h, &err) == RC_OK && block_maker_new(&m, &err) == RC_OK && keep(h, m, 0, 20, &err) == RC_OK &&
	   history_turn(h, &err) == RC_OK && keep(h, m, 20, 10, &err) == RC_OK && history_keep_flush(h, &err) == RC_OK, "two journals");
	OK(file_read(first, 1 << 20, &older, &err) == RC_OK && file_read(second, 1 << 20, &newer, &err) == RC_OK, "as they are");
	history_close(h);
	OK(history_open(&o, &h, &err) == RC_OK && walk(h, 0) == 30 && place_of(h) == 30 && history_blocks(h) == 2, "a crash: both become blocks");
	history_close(h);
	for (size_t cut = 0; cut < older.n; cut += 53) {
		fresh_dir();
		journal_paths(first, second);
		if (file_replace(first, str_slice(buf_view(&older), 0, cut), 0640, &err) != RC_OK ||
		    file_replace(second, buf_view(&newer), 0640, &err) != RC_OK || history_open(&o, &h, &err) != RC_OK) {
			wrong++;
			continue;
		}
		wrong += walk(h, 0) != 0;
		history_close(h);
	}
	OK(wrong == 0, "what came behind a gap does not count");
	for (size_t cut = 0; cut < newer.n; cut += 53) {
		fresh_dir();
		journal_paths(first, second);
		if (file_replace(first, buf_view(&older), 0640, &err) != RC_OK ||
		    file_replace(second, str_slice(buf_view(&newer), 0, cut), 0640, &err) != RC_OK || history_open(&o, &h, &err) != RC_OK) {
			wrong++;
			continue;
		}
		wrong += walk(h, 0) != 20 || place_of(h) != 20;
		history_close(h);
	}
	OK(wrong == 0, "the older one counts whatever became of the newer");
	buf_done(&older);
	buf_done(&newer);
}

static void test_kept_full(void)
{
	struct history_opts o = { .dir = dir, .write = true };
	struct history *h = NULL;
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct err err = { 0 };

	fresh_dir();
	OK(history_open(&o, &h, &err) == RC_OK && block_maker_new(&m, &err) == RC_OK && keep(h, m, 0, 10, &err) == RC_OK, "10 events");
	OK(fault_arm("file.write", 1, ENOSPC, FAULT_ONCE), "a full disk");
	EQ_INT(history_keep_flush(h, &err), RC_FULL, "is said");
	OK(history_keep_flush(h, &err) == RC_OK && fault_clear() == 1, "and passes");
	OK(fault_arm("file.sync", 1, EIO, FAULT_ONCE), "a failed sync");
	EQ_INT(history_keep_sync(h, &err), RC_IO, "is said");
	fault_clear();
	EQ_INT(history_keep_sync(h, &err), RC_IO, "and stays");
	OK(keep(h, m, 10, 10, &err) == RC_OK && seal_kept(h, m, &err) == RC_OK, "until what was kept is sealed");
	OK(keep(h, m, 20, 10, &err) == RC_OK && history_keep_flush(h, &err) == RC_OK && history_keep_sync(h, &err) == RC_OK, "then it works again");
	history_close(h);
	OK(history_open(&o, &h, &err) == RC_OK && walk(h, 0) == 30, "and all is there");
	history_close(h);
}

/* --- allocations --- */

static enum rc use_some(struct err *err)
{
	struct history_opts o = { .dir = dir, .write = true, .segment_bytes = 3000 };
	struct history *h CLEANUP(history_closep) = NULL;

	struct block_maker *m CLEANUP(block_maker_freep) = NULL;

	TRY(history_open(&o, &h, err));
	TRY(block_maker_new(&m, err));
	TRY(keep(h, m, history_blocks(h) * 10, 10, err));
	TRY(history_keep_flush(h, err));
	TRY(seal_kept(h, m, err));
	for (uint64_t i = 0; i < 3; i++)
		TRY(append(h, history_blocks(h) * 10, 10, 1, err));
	return walk(h, 0) == history_blocks(h) * 10 ? RC_OK : RC_NOMEM;
}

static void test_allocations(void)
{
	int64_t before;
	uint64_t nth = 1;
	enum rc rc = RC_NOMEM;

	fresh_dir();
	before = mem_live();
	for (; rc != RC_OK && nth < 3000; nth += 1 + nth / 20) {
		struct err err = { 0 };

		mem_fail_at(nth, 0);
		rc = use_some(&err);
		mem_fail_at(0, 0);
		if ((rc != RC_OK && rc != RC_NOMEM) || mem_live() != before) {
			OK(false, "allocation %llu: %s %s, %lld blocks left", (unsigned long long)nth, rc_name(rc), err.text, (long long)(mem_live() - before));
			return;
		}
	}
	OK(rc == RC_OK && nth > 20, "allocations fail cleanly (%llu)", (unsigned long long)nth);
}

int main(void)
{
	test_basics();
	test_segments();
	test_age();
	test_torn();
	test_rot();
	test_faults();
	test_kill();
	test_kept();
	test_kept_torn();
	test_turned();
	test_turned_torn();
	test_kept_full();
	test_allocations();
	fresh_dir();
	(void)!rmdir(dir);
	return tap_done();
}
