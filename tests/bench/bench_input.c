/* What inputs cost before and behind the match: framing of a stream, reading of _bulk bodies, and the journal beside the block.
 *
 *	bench-input
 *
 * Floors in the same run: memcpy of the same bytes for framing; the block alone for block and journal together. Lines like those of
 * lean Windows events (about 1.2 kB). The journal lies in a temporary folder of this machine's disk. */
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bench.h"
#include "base/mem.h"
#include "detect/history.h"
#include "input/bulk.h"
#include "input/frames.h"

#define LINES 9000 /* fewer than a block holds */
#define SYNCS 200

struct load {
	struct buf lines, body, copy;
	struct str line[LINES];
	struct arena *arena;
	struct flat *flat;
	struct fields *dict;
	struct history *history;
	struct block_maker *maker;
	bool journal, block;
	uint64_t sink;
};

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err == NULL ? "" : err->text);
	exit(1);
}

static void make_line(struct buf *b, uint32_t i)
{
	buf_fmt(b, "{\"@timestamp\":\"2026-01-02T03:%02u:%02u.%03uZ\",\"host\":{\"name\":\"ws-%u\"},\"event\":{\"code\":\"1\"},\"winlog\":{\"channel\":"
		"\"Microsoft-Windows-Sysmon/Operational\",\"event_id\":\"1\",\"event_data\":{\"Image\":\"C:\\\\Program Files\\\\App%u\\\\app.exe\",\"CommandLine\":"
		"\"app.exe --run %u --with 192.0.2.%u\",\"User\":\"CORP\\\\user%u\",\"Hashes\":\"SHA256=%064x\",\"Text\":\"",
		i / 60 % 60, i % 60, i % 1000, i % 300, i % 97, i * 7919, i % 250, i % 500, i * 2654435761u);
	for (uint32_t k = 0; k < 10; k++)
		buf_fmt(b, "The process %u did something that a log tells at length. ", (i + k) % 40);
	buf_cstr(b, "\"}}}");
}

static void fill(struct load *l)
{
	size_t at[LINES + 1];

	buf_init(&l->lines, (size_t)64 << 20);
	buf_init(&l->body, (size_t)64 << 20);
	buf_init(&l->copy, (size_t)64 << 20);
	for (uint32_t i = 0; i < LINES; i++) {
		at[i] = l->lines.n;
		make_line(&l->lines, i);
		buf_char(&l->lines, '\n');
	}
	at[LINES] = l->lines.n;
	for (uint32_t i = 0; i < LINES; i++) {
		l->line[i] = str_make(l->lines.p + at[i], at[i + 1] - at[i] - 1);
		buf_cstr(&l->body, "{\"create\":{\"_index\":\"winlogbeat-8.11.0\"}}\n");
		buf_put(&l->body, l->lines.p + at[i], at[i + 1] - at[i]);
	}
	if (l->lines.bad != RC_OK || l->body.bad != RC_OK || buf_room(&l->copy, l->lines.n) == NULL)
		die("lines", NULL);
}

static void copy_all(void *ctx)
{
	struct load *l = ctx;

	memcpy(l->copy.p, l->lines.p, l->lines.n);
	l->sink += (unsigned char)l->copy.p[l->sink % l->lines.n];
}

static void frame_all(void *ctx)
{
	struct load *l = ctx;
	struct str rest = buf_view(&l->lines), m;
	struct frames f;

	frames_init(&f, true);
	while (rest.n > 0) {
		if (frames_put(&f, str_slice(rest, 0, FRAMES_PIECE)) != RC_OK)
			die("frames", NULL);
		for (; frames_next(&f, &m); frames_taken(&f))
			l->sink += m.n;
		rest = str_slice(rest, FRAMES_PIECE, rest.n);
	}
	frames_done(&f);
}

static void read_bulk(void *ctx)
{
	struct load *l = ctx;
	struct err err = { 0 };
	struct bulk k;

	arena_reset(l->arena);
	if (bulk_read(l->arena, buf_view(&l->body), S(""), l->flat, l->dict, &k, &err) != RC_OK || k.refused > 0)
		die("bulk", &err);
	l->sink += k.n;
}

/* One block's life, with or without its journal. The block is not sealed: that is bench-history's. */
static void keep_all(void *ctx)
{
	struct load *l = ctx;
	struct err err = { 0 };
	struct buf out;

	for (uint32_t i = 0; i < LINES; i++) {
		struct block_event e = { .line = l->line[i], .format = LOG_JSON, .source = S("bench"), .time = 1767323045000000 + i, .ordinal = i };

		if ((l->journal && history_keep(l->history, &e, S("1234567 1234567890"), &err) != RC_OK) ||
		    (l->block && block_maker_add(l->maker, &e, NULL, &err) != RC_OK))
			die("keep", &err);
	}
	if (l->journal && history_keep_flush(l->history, &err) != RC_OK)
		die("flush", &err);
	buf_init(&out, BLOCK_BYTES_MAX);
	block_maker_mark(l->maker, history_mark(l->history));
	if (l->block && (block_maker_seal(l->maker, 1, 0, &out, &err) != RC_OK || history_append(l->history, buf_view(&out), &err) != RC_OK))
		die("seal", &err);
	buf_done(&out);
}

static void sync_each(struct load *l)
{
	double took[SYNCS];
	struct err err = { 0 };

	for (int i = 0; i < SYNCS; i++) {
		struct block_event e = { .line = l->line[i], .format = LOG_JSON, .source = S("bench"), .time = 1 };
		double start = bench_seconds();

		if (history_keep(l->history, &e, S("1 1"), &err) != RC_OK || history_keep_flush(l->history, &err) != RC_OK ||
		    history_keep_sync(l->history, &err) != RC_OK)
			die("sync", &err);
		took[i] = (bench_seconds() - start) * 1e3;
	}
	bench_print("journal_settle", took, SYNCS, "ms");
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

/* Of this thread: other work on the machine does not count. */
static double cpu_us_an_event(struct load *l, bool journal, bool block)
{
	struct timespec from, to;

	l->journal = journal;
	l->block = block;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	keep_all(l);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3) / LINES;
}

/* In turn, so that a busy machine is busy for all. Block and journal first: its sealing begins the journal anew. */
static void bench_journal(struct load *l)
{
	char dir[] = "/var/tmp/lianfang-bench-XXXXXX";
	struct history_opts o = { .dir = dir, .write = true, .unsynced = true };
	double both[BENCH_ROUNDS], block[BENCH_ROUNDS], journal[BENCH_ROUNDS];
	struct err err = { 0 };

	if (mkdtemp(dir) == NULL || history_open(&o, &l->history, &err) != RC_OK || block_maker_new(&l->maker, &err) != RC_OK)
		die(dir, &err);
	for (int i = -1; i < BENCH_ROUNDS; i++) {
		double b = cpu_us_an_event(l, true, true), k = cpu_us_an_event(l, false, true), j = cpu_us_an_event(l, true, false);

		if (i >= 0) {
			both[i] = b;
			block[i] = k;
			journal[i] = j;
		}
	}
	bench_print("block_and_journal", both, BENCH_ROUNDS, "us/event");
	bench_print("block_alone", block, BENCH_ROUNDS, "us/event");
	bench_print("journal_alone", journal, BENCH_ROUNDS, "us/event");
	printf("journal_share_of_keeping %.1f %%\n", 100 * journal[BENCH_ROUNDS / 2] / both[BENCH_ROUNDS / 2]);
	sync_each(l);
	history_close(l->history);
	block_maker_free(l->maker);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	static struct load l;
	double mb;

	fill(&l);
	l.arena = arena_new((size_t)64 << 20);
	l.dict = fields_new();
	if (l.arena == NULL || l.dict == NULL || flat_new(&l.flat, NULL) != RC_OK)
		die("memory", NULL);
	mb = (double)l.lines.n / 1e6;
	bench_rate("floor_memcpy", mb, "MB/s", copy_all, &l);
	bench_rate("frames", mb, "MB/s", frame_all, &l);
	bench_rate("bulk_body", (double)l.body.n / 1e6, "MB/s", read_bulk, &l);
	bench_rate("bulk_items", LINES / 1e3, "kitems/s", read_bulk, &l);
	bench_journal(&l);
	return l.sink == 42 ? 1 : 0;
}
