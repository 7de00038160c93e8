/* Parse and match against parse alone, in turns over the same lanes:
 *
 *   bench-engine RULES-FOLDER... -- LANE.json...     (lanes: tests/bench/lanes.py)
 *
 * Figures are thread time, so that a busy machine disturbs them less. The last
 * part feeds events that somebody made to be slow. */
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "detect/engine_run.h"
#include "wire/flat_json.h"

#define ROUNDS 7

struct lane {
	const char *name;
	char *bytes;
	struct str *lines;
	size_t n, size;
};

struct thread {
	const struct lane *lane;
	struct engine_image *image;
	struct engine *engine;
	struct flat *flat;
	bool match;
	uint64_t matches;
	double seconds;
};

static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static long resident_kib(void)
{
	long pages = 0, total = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fscanf(f, "%ld %ld", &total, &pages) != 2)
			pages = 0;
		fclose(f);
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static bool lane_read(const char *path, struct lane *ret)
{
	FILE *f = fopen(path, "re");
	struct lane l = { .name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1 };
	struct str rest, line;
	size_t n = 0;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0)
		return false;
	l.size = (size_t)ftell(f);
	rewind(f);
	l.bytes = mem_alloc(l.size + 64);
	if (l.bytes == NULL || fread(l.bytes, 1, l.size, f) != l.size)
		return false;
	fclose(f);
	rest = str_make(l.bytes, l.size);
	while (str_next(&rest, '\n', &line))
		n += line.n > 0;
	l.lines = mem_array(n + 1, sizeof *l.lines);
	rest = str_make(l.bytes, l.size);
	while (l.lines != NULL && str_next(&rest, '\n', &line))
		if (line.n > 0)
			l.lines[l.n++] = line;
	*ret = l;
	return l.lines != NULL && l.n > 0;
}

static void *thread_main(void *ctx)
{
	struct thread *t = ctx;
	const struct fields *dict = engine_image_fields(t->image);
	double start = cpu();
	struct err err;

	t->matches = 0;
	for (size_t i = 0; i < t->lane->n; i++) {
		const uint32_t *found;

		if (flat_json(t->flat, dict, t->lane->lines[i], &err) == RC_OK && t->match)
			t->matches += engine_run(t->engine, t->flat, &found);
	}
	t->seconds = cpu() - start;
	return NULL;
}

static void thread_new(struct thread *t, struct engine_image *m)
{
	struct err err = { 0 };

	t->image = m;
	if (engine_new(m, &t->engine, &err) != RC_OK || flat_new(&t->flat, &err) != RC_OK) {
		printf("# %s\n", err.text);
		exit(1);
	}
}

static void thread_done(struct thread *t)
{
	engine_free(t->engine);
	flat_free(t->flat);
}

static double rate(struct thread *t, bool match)
{
	t->match = match;
	thread_main(t);
	return (double)t->lane->n / t->seconds;
}

/* Both threads over the whole lane at once, against one alone. */
static void bench_two(const char *name, struct thread *a, struct thread *b)
{
	double ratio[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		pthread_t other;
		double alone = rate(a, true);

		b->match = true;
		if (pthread_create(&other, NULL, thread_main, b) != 0)
			return;
		thread_main(a);
		pthread_join(other, NULL);
		ratio[i] = ((double)a->lane->n / a->seconds + (double)b->lane->n / b->seconds) / alone;
	}
	bench_print(name, ratio, ROUNDS, "times-one-thread");
}

static double bench_lane(const struct lane *l, struct engine_image *m)
{
	struct thread a = { .lane = l }, b = { .lane = l };
	double floors[ROUNDS], rates[ROUNDS], shares[ROUNDS], median;
	struct engine_stats s;
	char name[128];

	thread_new(&a, m);
	thread_new(&b, m);
	(void)rate(&a, true);
	for (int i = 0; i < ROUNDS; i++) {
		floors[i] = rate(&a, false) / 1e6;
		rates[i] = rate(&a, true) / 1e6;
		shares[i] = rates[i] / floors[i];
	}
	engine_stats(a.engine, &s);
	printf("%s-matches %llu pairs of %zu events, %.1f candidates an event, %.1f values an event, %.1f %% of them known\n", l->name,
	       (unsigned long long)a.matches, l->n, (double)s.candidates / (double)s.events,
	       (double)(s.cache_hits + s.cache_misses) / (double)s.events, 100.0 * (double)s.cache_hits / (double)(s.cache_hits + s.cache_misses + 1));
	snprintf(name, sizeof name, "%s-parse", l->name);
	bench_print(name, floors, ROUNDS, "Mevents/s");
	snprintf(name, sizeof name, "%s-match", l->name);
	bench_print(name, rates, ROUNDS, "Mevents/s");
	median = rates[ROUNDS / 2];
	snprintf(name, sizeof name, "%s-share-of-floor", l->name);
	bench_print(name, shares, ROUNDS, "times");
	snprintf(name, sizeof name, "%s-two-threads", l->name);
	bench_two(name, &a, &b);
	thread_done(&a);
	thread_done(&b);
	return median;
}

/* ---- events made to be slow */

static const struct {
	const char *name, *head, *unit, *tail;
	size_t size;
} slow[] = {
	{ "one-letter", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"CommandLine\":\"", "a", "\"}", 1000000 },
	{ "backslashes", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"CommandLine\":\"", "\\\\", "\"}", 1000000 },
	{ "needles", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"CommandLine\":\"", " -enc powershell cmd /c ", "\"}",
		1000000 },
	{ "http", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"CommandLine\":\"", "http://x.y/ --a=^%b% ", "\"}",
		1000000 },
	{ "script", "{\"Channel\":\"Microsoft-Windows-PowerShell/Operational\",\"EventID\":4104,\"ScriptBlockText\":\"",
		"$(`\\\"{0}{1}\\\"-f'a','b');.('i'+'ex')", "\"}", 1000000 },
	{ "codes", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"CommandLine\":\"", "\\u0061\\u212a", "\"}", 1000000 },
	{ "members", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1", ",\"CommandLine\":\"cmd /c\",\"User\":\"a\"", "}", 100000 },
	{ "nested", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Image\":[\"a\"", ",[[[[[[[[\"c:\\\\windows\\\\cmd.exe\"]]]]]]]]", "]}",
		100000 },
	{ "items", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Image\":[\"a\"", ",\"c:\\\\windows\\\\cmd.exe\"", "]}",
		60000 },
};

static void bench_slow(struct engine_image *m, double median_ns_per_byte)
{
	struct thread t = { 0 };
	char *text = mem_alloc(1100000);

	thread_new(&t, m);
	for (size_t i = 0; i < COUNTOF(slow) && text != NULL; i++) {
		size_t n = strlen(slow[i].head), unit = strlen(slow[i].unit);
		double took[ROUNDS];
		char name[128];
		struct str line;
		struct lane lane = { .name = slow[i].name, .lines = &line, .n = 1 };

		memcpy(text, slow[i].head, n);
		for (; n + unit < slow[i].size; n += unit)
			memcpy(text + n, slow[i].unit, unit);
		memcpy(text + n, slow[i].tail, strlen(slow[i].tail));
		line = str_make(text, n + strlen(slow[i].tail));
		t.lane = &lane;
		for (int k = 0; k < ROUNDS; k++)
			took[k] = 1e9 / rate(&t, true) / (double)line.n / median_ns_per_byte;
		snprintf(name, sizeof name, "slow-%s", slow[i].name);
		bench_print(name, took, ROUNDS, "times-the-median-byte");
	}
	mem_free(text);
	thread_done(&t);
}

/* For each regular expression of the rules: a value that is full of the literal it needs, so that it is searched for. */
static void bench_regexes(struct engine_image *m, double median_ns_per_byte)
{
	struct thread t = { 0 };
	char *text = mem_alloc(210000);
	double worst = 0;
	const struct test *which = NULL;
	struct engine_stats stats;

	thread_new(&t, m);
	for (uint32_t i = 0; text != NULL && i < m->n_tests; i++) {
		const struct test *x = &m->tests[i];
		struct str field = fields_name(m->fields, x->field), lit, line;
		struct lane lane = { .name = "regex", .lines = &line, .n = 1 };
		double took;
		size_t n;

		if (x->kind != TEST_REGEX || x->field == FIELD_NONE)
			continue;
		lit = x->regex->n_needs > 0 ? x->regex->needs[0].any[0] : S("aA0-");
		n = (size_t)snprintf(text, 1000, "{\"%.*s\":\"", STR(field));
		while (n + 2 * lit.n < 200000)
			for (size_t k = 0; k < lit.n; k++) {
				if (lit.p[k] == '"' || lit.p[k] == '\\')
					text[n++] = '\\';
				text[n++] = (unsigned char)lit.p[k] < ' ' ? ' ' : lit.p[k];
			}
		memcpy(text + n, "\"}", 2);
		line = str_make(text, n + 2);
		t.lane = &lane;
		(void)rate(&t, true);
		took = 1e9 / rate(&t, true) / (double)line.n / median_ns_per_byte;
		if (took > worst) {
			worst = took;
			which = x;
		}
	}
	engine_stats(t.engine, &stats);
	if (which != NULL)
		printf("slow-regex %.2f times-the-median-byte (worst: %.*s; %llu limits)\n", worst, STR(which->from->text),
		       (unsigned long long)stats.regex_limits);
	mem_free(text);
	thread_done(&t);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new((size_t)1 << 30);
	const struct sigma_set *set;
	const struct taxonomy *taxonomy;
	struct engine_image *m;
	struct engine_image_stats stats;
	struct err err = { 0 };
	int n = 1;
	long before = resident_kib();
	double start = cpu(), read, built, lean = 0, lean_ns = 1;

	while (n < argc && strcmp(argv[n], "--") != 0)
		n++;
	if (a == NULL || sigma_load(a, (const char *const *)argv + 1, (size_t)n - 1, NULL, &set, &err) != RC_OK ||
	    taxonomy_load(a, NULL, &taxonomy, &err) != RC_OK) {
		printf("# %s\n", err.text);
		return 1;
	}
	read = cpu();
	if (engine_image_build(set, taxonomy, &m, &err) != RC_OK) {
		printf("# %s\n", err.text);
		return 1;
	}
	built = cpu();
	engine_image_stats(m, &stats);
	printf("rules %u loaded, %u need lists, %u refused; %llu run, %llu tests, %llu without a witness\n", set->loaded, set->need_list,
	       set->refused, (unsigned long long)stats.rules, (unsigned long long)stats.tests, (unsigned long long)stats.always);
	printf("load-read %.3f s\nload-compile %.3f s\nload %.3f s\n", read - start, built - read, built - start);
	printf("load-image %.1f MB, rules' arena %.1f MB\n", (double)stats.bytes / 1e6, (double)arena_used(a) / 1e6);
	printf("load-resident %.1f MB\n", (double)(resident_kib() - before) / 1024);
	printf("parser %s\n", flat_json_path());
	for (int i = n + 1; i < argc; i++) {
		struct lane l;
		double r;

		if (!lane_read(argv[i], &l)) {
			printf("# cannot read %s\n", argv[i]);
			continue;
		}
		r = bench_lane(&l, m);
		if (strcmp(l.name, "lean.json") == 0) {
			lean = r;
			lean_ns = 1e3 / r / ((double)l.size / (double)l.n);
		}
		if (strcmp(l.name, "hostile.json") == 0 && lean > 0)
			printf("hostile-share-of-lean %.2f times\n", r / lean);
		mem_free(l.lines);
		mem_free(l.bytes);
	}
	if (argc - n > 2) {
		bench_slow(m, lean_ns);
		bench_regexes(m, lean_ns);
	}
	engine_image_stats(m, &stats);
	printf("resident %.1f MB\n", (double)(resident_kib() - before) / 1024);
	printf("image %.1f MB, %llu groups\n", (double)stats.bytes / 1e6, (unsigned long long)stats.groups);
	engine_image_unref(m);
	arena_free(a);
	return 0;
}
