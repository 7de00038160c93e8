/* What a list of indicators costs the engine: parse and match with and without it, in turns over the same lanes.
 *
 *   bench-spot LIST RULES-FOLDER... -- LANE.json...     (lanes: tests/bench/lanes.py; LIST: one value a line)
 *
 * Figures are thread time, so that a busy machine disturbs them less. */
#include <string.h>

#include "base/mem.h"
#include "bench.h"
#include "detect/engine.h"
#include "detect/spot.h"
#include "wire/flat_json.h"

#define ROUNDS 7

struct bench { struct engine *engine; struct engine_image *image; struct spotter *spotter; struct flat *flat; uint64_t matches, spots; };

static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* With its last byte 64 bytes ahead of the end of memory. */
static struct str lane_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *bytes;
	long n;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0 || (bytes = mem_alloc((size_t)n + 64)) == NULL)
		return str_make(NULL, 0);
	rewind(f);
	n = (long)fread(bytes, 1, (size_t)n, f);
	fclose(f);
	return str_make(bytes, (size_t)n);
}

/* Seconds of one walk over the lane. */
static double turn(struct bench *b, struct str lane, bool spots, size_t *ret_events)
{
	double begun = cpu();
	struct str line;

	*ret_events = 0;
	while (str_next(&lane, '\n', &line)) {
		const struct spot *found;
		const uint32_t *rules;
		size_t n;

		if (line.n == 0 || flat_json(b->flat, engine_image_fields(b->image), line, NULL) != RC_OK)
			continue;
		if (spots)
			spotter_begin(b->spotter, b->flat);
		b->matches += engine_run(b->engine, b->flat, &rules);
		if (spots && spotter_end(b->spotter, 0, &found, &n, NULL) == RC_OK)
			b->spots += n;
		++*ret_events;
	}
	return cpu() - begun;
}

/* Nanoseconds a byte, with the list. */
static double lane(struct bench *b, const char *path)
{
	double with[ROUNDS], without[ROUNDS], slower[ROUNDS];
	struct str text = lane_read(path);
	struct spotter_stats st;
	size_t n;

	if (text.p == NULL) {
		fprintf(stderr, "%s cannot be read\n", path);
		return 1;
	}
	turn(b, text, true, &n);
	for (int i = 0; i < ROUNDS; i++) {
		double plain = turn(b, text, false, &n), more = turn(b, text, true, &n);

		without[i] = (double)n / plain / 1e6;
		with[i] = (double)n / more / 1e6;
		slower[i] = (more / plain - 1) * 100;
	}
	printf("# %s: %zu events\n", path, n);
	bench_print("spot.without", without, ROUNDS, "M/s");
	bench_print("spot.with", with, ROUNDS, "M/s");
	bench_print("spot.slower", slower, ROUNDS, "%");
	spotter_stats(b->spotter, &st);
	printf("spot.values %.2f per event\n", (double)st.values / (double)(n * (ROUNDS + 1)));
	printf("spot.looked_at %.1f %% of values, spot.observables %.3f per value looked at\n", 100.0 * (double)st.looked_at / (double)st.values,
	       (double)st.observables / (double)st.looked_at);
	mem_free((char *)(uintptr_t)text.p);
	return (double)n * 1e3 / with[ROUNDS / 2] / (double)text.n;
}

/* Texts of a megabyte that are full of what looks like an observable, none of them the same as the one before. */
static void slow(struct bench *b, double median_ns_per_byte)
{
	static const struct { const char *name, *unit; } rows[] = {
		{ "names", "a.bc " }, { "addresses", "10.1.2.3 " }, { "mail", "a@b.example," }, { "urls", "http://a.example/b=c," }, { "dots", "." },
		{ "colons", "a:" }, { "slashes", "://" }, { "digits", "0123456789abcdef" }, { "hashes", "0123456789abcdef0123456789abcdef " },
		{ "ports", "10.1.2.3:80 " },
	};
	char *text = mem_alloc(1000200);
	int number = 0;

	for (size_t i = 0; i < COUNTOF(rows) && text != NULL; i++) {
		double took[ROUNDS];
		char name[64];

		for (int k = 0; k < ROUNDS; k++) {
			size_t n = (size_t)snprintf(text, 100, "{\"CommandLine\":\"%d ", number++), unit = strlen(rows[i].unit), events;

			for (; n + unit < 1000000; n += unit)
				memcpy(text + n, rows[i].unit, unit);
			memcpy(text + n, "\"}", 2);
			took[k] = turn(b, str_make(text, n + 2), true, &events) * 1e9 / (double)n / median_ns_per_byte;
		}
		snprintf(name, sizeof name, "spot.slow-%s", rows[i].name);
		bench_print(name, took, ROUNDS, "times-the-median-byte");
	}
	mem_free(text);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new((size_t)2 << 30);
	const struct sigma_set *set;
	const struct taxonomy *taxonomy;
	struct iocs *lists = NULL;
	struct bench b = { 0 };
	struct err err = { 0 };
	struct iocs_stats st;
	int dash = 2;
	double begun, first = 1;

	while (dash < argc && strcmp(argv[dash], "--") != 0)
		dash++;
	if (a == NULL || dash >= argc - 1 || dash < 3)
		return fprintf(stderr, "usage: bench-spot LIST RULES-FOLDER... -- LANE.json...\n"), 2;
	begun = cpu();
	if (iocs_load((const char *const *)&argv[1], 1, &lists, &err) != RC_OK)
		return fprintf(stderr, "%s\n", err.text), 1;
	iocs_stats(lists, &st);
	printf("spot.values %llu\nspot.load %.2f s\nspot.memory %.2f bytes-each\n", (unsigned long long)st.values, cpu() - begun,
	       (double)st.bytes / (double)st.values);
	if (sigma_load(a, (const char *const *)&argv[2], (size_t)(dash - 2), NULL, &set, &err) != RC_OK ||
	    taxonomy_load(a, NULL, &taxonomy, &err) != RC_OK || engine_image_build(set, taxonomy, &b.image, &err) != RC_OK ||
	    engine_new(b.image, &b.engine, &err) != RC_OK || spotter_new(lists, NULL, &b.spotter, &err) != RC_OK || flat_new(&b.flat, &err) != RC_OK)
		return fprintf(stderr, "%s\n", err.text), 1;
	for (int i = dash + 1; i < argc; i++)
		first = i == dash + 1 ? lane(&b, argv[i]) : (lane(&b, argv[i]), first);
	slow(&b, first);
	flat_free(b.flat);
	spotter_free(b.spotter);
	engine_free(b.engine);
	engine_image_unref(b.image);
	iocs_free(lists);
	arena_free(a);
	return 0;
}
