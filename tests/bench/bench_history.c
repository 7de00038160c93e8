/* The history: bytes and time an event, what a hunt costs that finds nothing.
 *
 *	bench-history [--blocks N] [FILE...]
 *
 * FILE: JSON lines, a lane each (tests/bench/lanes.py); floor: zstd level 3 of the same bytes in blocks, in the same run. Processor time of one thread.
 * Then an index of N blocks (10,000: those of 10^8 events) is made in a temporary folder and asked for indicators that are not
 * there. Its blocks have filters of full size - 2,400 observables, as ten thousand Windows events have - over bodies of one line:
 * what a hunt reads of a block that it does not open is the same. */
#include <ftw.h>
#include <sys/stat.h>
#include <zstd.h>

#include "bench.h"
#include "base/mem.h"
#include "detect/hunt.h"
#include "sys/file.h"

#define ADDRESSES 1200
#define HUNTS 200

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

/* Of this thread: other work on the machine does not count. */
static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err->text);
	exit(1);
}

/* --- lanes --- */

struct sums { uint64_t events, raw, sealed, index, keys, blocks; };

static void seal(struct block_maker *m, struct buf *out, struct sums *s)
{
	struct block_head h = { 0 };
	struct err err = { 0 };
	struct fuse f;
	size_t at = out->n;

	if (block_maker_seal(m, 1, 0, out, &err) != RC_OK || block_index_read(str_slice(buf_view(out), at, out->n), &h, &f, &err) != RC_OK)
		die("seal", &err);
	s->events += h.events;
	s->raw += h.raw;
	s->sealed += block_n(&h);
	s->index += block_index_n(&h);
	s->keys += h.keys;
	s->blocks++;
}

static void make_blocks(struct str rest, struct block_maker *m, bool hurry, struct buf *out, struct sums *s)
{
	struct err err = { 0 };
	struct str line;
	uint64_t i = 0;

	buf_clear(out);
	*s = (struct sums){ 0 };
	block_maker_hurry(m, hurry);
	while (str_next(&rest, '\n', &line)) {
		struct block_event e = { .line = line, .format = LOG_JSON, .source = S("lane"), .time = (usec)(i * 997), .ordinal = i };

		if (line.n == 0)
			continue;
		i++;
		if (block_maker_full(m) || block_maker_add(m, &e, NULL, &err) == RC_BUSY) {
			seal(m, out, s);
			if (block_maker_add(m, &e, NULL, &err) != RC_OK)
				die("add", &err);
		}
	}
	seal(m, out, s);
}

static uint64_t floor_of(struct str text, char *room, size_t room_n)
{
	uint64_t n = 0;

	for (size_t at = 0; at < text.n; at += BLOCK_RAW)
		n += ZSTD_compress(room, room_n, text.p + at, text.n - at < BLOCK_RAW ? text.n - at : BLOCK_RAW, 3);
	return n;
}

static void open_blocks(struct str all)
{
	struct block_event e;
	struct err err = { 0 };
	uint64_t sum = 0;

	while (all.n > 0) {
		struct block *b = NULL;

		if (block_open(all, &b, &err) != RC_OK)
			die("open", &err);
		while (block_next(b, &e))
			sum += e.line.n;
		all = str_slice(all, block_n(block_of(b)), all.n);
		block_close(b);
	}
	if (sum == 0)
		exit(1);
}

static void lane(const char *path)
{
	size_t room_n = ZSTD_compressBound(BLOCK_RAW);
	double made[5], hurried[5], opened[5], floor_rate[5];
	struct block_maker *m = NULL;
	char *room = mem_alloc(room_n);
	struct err err = { 0 };
	struct buf text, out;
	struct sums s = { 0 }, quick = { 0 };
	uint64_t floor_n = 0;

	if (file_read(path, (size_t)4 << 30, &text, &err) != RC_OK || block_maker_new(&m, &err) != RC_OK || room == NULL)
		die(path, &err);
	buf_init(&out, (size_t)4 << 30);
	for (int i = 0; i < 5; i++) {
		double start = cpu_seconds();

		make_blocks(buf_view(&text), m, true, &out, &quick);
		hurried[i] = (double)quick.raw / 1e6 / (cpu_seconds() - start);
		start = cpu_seconds();
		make_blocks(buf_view(&text), m, false, &out, &s);
		made[i] = (double)s.raw / 1e6 / (cpu_seconds() - start);
		start = cpu_seconds();
		open_blocks(buf_view(&out));
		opened[i] = (double)s.raw / 1e6 / (cpu_seconds() - start);
		start = cpu_seconds();
		floor_n = floor_of(buf_view(&text), room, room_n);
		floor_rate[i] = (double)text.n / 1e6 / (cpu_seconds() - start);
	}
	printf("# %s: %llu events of %.0f bytes, %llu blocks\n", path, (unsigned long long)s.events, (double)s.raw / (double)s.events,
	       (unsigned long long)s.blocks);
	printf("history_bytes %.2f B/event\n", (double)s.sealed / (double)s.events);
	printf("history_bytes_hurry %.2f B/event\n", (double)quick.sealed / (double)quick.events);
	printf("history_bytes_zstd3_floor %.2f B/event\n", (double)floor_n / (double)s.events);
	printf("history_index %.3f B/event\n", (double)s.index / (double)s.events);
	printf("history_observables %.3f per event\n", (double)s.keys / (double)s.events);
	bench_print("history_seal", made, 5, "MB/s");
	bench_print("history_seal_hurry", hurried, 5, "MB/s");
	bench_print("history_zstd3_floor", floor_rate, 5, "MB/s");
	bench_print("history_open", opened, 5, "MB/s");
	block_maker_free(m);
	buf_done(&text);
	buf_done(&out);
	mem_free(room);
}

/* --- an index of many blocks --- */

/* One event with as many addresses as make 2,400 keys. */
static void fat_event(uint64_t block, struct buf *line)
{
	buf_clear(line);
	buf_cstr(line, "{\"a\":[");
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		uint64_t x = (block * ADDRESSES + i) * 0x9e3779b97f4a7c15ULL;

		buf_fmt(line, "%s\"10.%u.%u.%u\"", i > 0 ? "," : "", (unsigned)(x >> 56), (unsigned)(x >> 48 & 255), (unsigned)(x >> 40 & 255));
	}
	buf_cstr(line, "]}");
}

static void make_history(const char *dir, uint64_t blocks)
{
	struct history_opts o = { .dir = dir, .write = true, .unsynced = true };
	struct block_maker *m = NULL;
	struct history *h = NULL;
	struct err err = { 0 };
	struct buf line, out;
	struct sums s = { 0 };

	buf_init(&line, 1u << 20);
	buf_init(&out, BLOCK_BYTES_MAX);
	if (history_open(&o, &h, &err) != RC_OK || block_maker_new(&m, &err) != RC_OK)
		die(dir, &err);
	for (uint64_t i = 0; i < blocks; i++) {
		struct block_event e;

		fat_event(i, &line);
		e = (struct block_event){ .line = buf_view(&line), .format = LOG_JSON, .source = S("made"), .time = (usec)i, .ordinal = i };
		buf_clear(&out);
		if (block_maker_add(m, &e, NULL, &err) != RC_OK)
			die("add", &err);
		seal(m, &out, &s);
		if (history_append(h, buf_view(&out), &err) != RC_OK)
			die("append", &err);
	}
	history_close(h);
	block_maker_free(m);
	buf_done(&line);
	buf_done(&out);
	printf("# index of %llu blocks: %.1f MB, %.0f observables and %.2f B an event at 10,000 events each\n", (unsigned long long)blocks,
	       (double)s.index / 1e6, (double)s.keys / (double)blocks, (double)s.index / (double)blocks / 10000);
}

static bool on_found(void *ctx, const struct hunt_found *f UNUSED)
{
	return ++*(uint64_t *)ctx > 0;
}

/* `n` indicators at once, none of which is there. */
static double hunt(struct history *h, unsigned first, unsigned n, struct hunt_stats *st)
{
	struct image_indicator *in = mem_array(n, sizeof *in);
	char (*text)[2][96] = mem_array(n, sizeof *text);
	struct hunt_matcher *m = NULL;
	struct hunt_opts o = { 0 };
	struct err err = { 0 };
	uint64_t found = 0;
	double start;

	for (unsigned i = 0; i < n; i++) {
		snprintf(text[i][0], sizeof text[i][0], "indicator--00000000-0000-4000-8000-%012u", first + i);
		snprintf(text[i][1], sizeof text[i][1], "[domain-name:value = 'c%u.evil.example']", first + i);
		in[i] = (struct image_indicator){ .id = str_of(text[i][0]), .pattern = str_of(text[i][1]) };
	}
	start = cpu_seconds(); /* compiling what is looked for is a part of the answer's time */
	if (hunt_for_indicators(in, n, NULL, NULL, &m, &err) != RC_OK || hunt_run(h, m, &o, on_found, &found, st, &err) != RC_OK)
		die("hunt", &err);
	start = cpu_seconds() - start;
	hunt_matcher_free(m);
	mem_free(in);
	mem_free(text);
	return start * 1000;
}

static void index_of(uint64_t blocks)
{
	char dir[] = "/tmp/lianfang-bench-history-XXXXXX";
	struct history_opts o = { .dir = dir };
	double took[HUNTS], opening, many[5];
	struct history *h = NULL;
	struct hunt_stats st = { 0 };
	struct err err = { 0 };
	uint64_t opened = 0, probed = 0;

	if (mkdtemp(dir) == NULL)
		exit(1);
	make_history(dir, blocks);
	opening = bench_seconds();
	if (history_open(&o, &h, &err) != RC_OK)
		die(dir, &err);
	opening = (bench_seconds() - opening) * 1000;
	for (unsigned i = 0; i < HUNTS; i++) {
		took[i] = hunt(h, i, 1, &st);
		opened += st.opened;
		probed += st.probed;
	}
	printf("history_index_open %.1f ms\n", opening);
	printf("hunt_false_openings %.4f per 10^4 blocks (%llu of %llu)\n", (double)opened * 10000 / (double)probed, (unsigned long long)opened,
	       (unsigned long long)probed);
	bench_print("hunt_one_indicator", took, HUNTS, "ms");
	for (unsigned i = 0; i < 5; i++)
		many[i] = hunt(h, 1000000 + i * 1000, 1000, &st);
	bench_print("hunt_thousand_indicators", many, 5, "ms");
	history_close(h);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
	uint64_t blocks = 10000;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--blocks") == 0 && i + 1 < argc) {
			if (!str_to_u64(str_of(argv[++i]), &blocks))
				return 2;
		} else {
			lane(argv[i]);
		}
	}
	index_of(blocks);
	return 0;
}
