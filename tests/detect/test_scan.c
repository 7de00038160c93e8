/* Files cut into events: every shape, across the borders of pieces and units, with one thread or several. */
#include "detect/scan.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tap.h"

static char folder[] = "/tmp/lianfang-scan-XXXXXX";
static struct arena *rules_arena;
static const struct sigma_set *rules;
static const struct taxonomy no_taxonomy;
static struct engine_image *image;

static const char rule_text[] =
	"title: Evil\nid: 00000000-0000-4000-8000-00000000000a\nauthor: somebody\nlevel: high\nlogsource:\n  category: test\n"
	"detection:\n  s:\n    name: evil\n  condition: s\n";

static char *path_of(const char *name)
{
	static char paths[4][300];
	static int turn;
	char *p = paths[turn++ % 4];

	snprintf(p, 300, "%s/%s", folder, name);
	return p;
}

static const char *write_file(const char *name, struct str bytes)
{
	const char *path = path_of(name);
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(bytes.p, 1, bytes.n, f) != bytes.n || fclose(f) != 0)
		abort();
	return path;
}

struct seen {
	uint64_t matches, order_errors, last, sum, bad, failed;
	uint64_t stop_after;
	char why[400], last_file[300];
};

static bool on_match(void *ctx, const struct scan_match *m)
{
	struct seen *s = ctx;

	if (strcmp(s->last_file, m->file) == 0 && m->record <= s->last)
		s->order_errors++;
	snprintf(s->last_file, sizeof s->last_file, "%s", m->file);
	s->last = m->record;
	s->sum += m->record;
	s->matches++;
	return s->stop_after == 0 || s->matches < s->stop_after;
}

static void on_trouble(void *ctx, const char *file, uint64_t record, const struct err *why)
{
	struct seen *s = ctx;

	(void)file;
	s->bad += record > 0;
	s->failed += record == 0;
	snprintf(s->why, sizeof s->why, "%s", why->text);
}

static struct seen scan(const char *path, unsigned threads, uint64_t stop_after, struct scan_stats *st)
{
	struct seen s = { .stop_after = stop_after };
	struct scan_opts o = { .paths = &path, .n_paths = 1, .rules = rules, .image = image, .threads = threads, .sink = on_match,
			       .trouble = on_trouble, .ctx = &s };
	struct err err = { 0 };

	OK(scan_run(&o, st, &err) == RC_OK, "scan %s with %u threads %s", path, threads, err.text);
	return s;
}

/* Lines of many lengths over several units: whatever the threads, each is read once and in order. */
static void test_units(void)
{
	enum { N = 30000 };
	struct scan_stats one, three;
	struct seen a, b;
	struct buf text;
	uint64_t want = 0, sum = 0;
	const char *path;

	buf_init(&text, (size_t)64 << 20);
	for (uint64_t i = 1; i <= N; i++) {
		bool evil = i % 7 == 0;

		buf_fmt(&text, "{\"name\":\"%s\",\"pad\":\"%*s\"}\n", evil ? "evil" : "good", (int)(i * 131 % 500), "");
		want += evil;
		sum += evil ? i : 0;
	}
	path = write_file("units", buf_view(&text));
	a = scan(path, 1, 0, &one);
	b = scan(path, 3, 0, &three);
	OK(text.n > 3 * SOURCE_UNIT, "units: several");
	EQ_INT((long long)a.matches, (long long)want, "units: matches of one thread");
	EQ_INT((long long)b.matches, (long long)want, "units: matches of three");
	EQ_INT((long long)a.sum, (long long)sum, "units: records of one thread");
	EQ_INT((long long)b.sum, (long long)sum, "units: records of three");
	EQ_INT((long long)(a.order_errors + b.order_errors), 0, "units: in order");
	EQ_INT((long long)one.events, N, "units: events of one thread");
	EQ_INT((long long)three.events, N, "units: events of three");
	a = scan(path, 3, 5, &one);
	EQ_INT((long long)a.matches, 5, "units: the taker may end it");
	buf_done(&text);
}

static void test_shapes(void)
{
	static const struct { const char *name, *text; uint64_t events, matches, bad; } rows[] = {
		{ "lines", "{\"name\":\"evil\"}\n{\"name\":\"x\"}\r\n\n{\"name\":\"EVIL\"}", 3, 2, 0 },
		{ "bom", "\xef\xbb\xbf{\"name\":\"evil\"}\n", 1, 1, 0 },
		{ "broken line", "{\"name\":\"evil\"}\n{\"name\":\"evil\"\n{\"name\":\"evil\"}\n", 2, 2, 1 },
		{ "array", "[{\"name\":\"evil\"},\n {\"name\":\"x\"}]\n", 2, 1, 0 },
		{ "pretty", "{\n  \"name\": \"evil\",\n  \"a\": {\n \"b\": 1 }\n}\n{\n \"name\": \"x\"\n}\n", 2, 1, 0 },
		{ "records", "{\"Records\": [ {\"name\":\"evil\"}, {\"name\":\"evil\"} ]}", 2, 2, 0 },
		{ "azure", "{ \"records\" :[{\"name\":\"evil\"},{\"name\":\"x\"}]}\n{\"records\":[{\"name\":\"evil\"}]}", 3, 2, 0 },
		{ "commas", "{\"name\":\"evil\"},\n{\"name\":\"evil\"},\n{\"name\":\"x\"},\n", 3, 2, 1 },
		{ "no quote", "[\n{\"name\":\"evil},\n{\"name\":\"evil\"},\n{\"name\":\"evil\"}\n]\n", 2, 2, 1 },
		{ "no bracket", "{\"Records\":[\n {\"name\":\"evil\"},\n {\"a\":[1\n {\"name\":\"evil\"},\n {\"name\":\"evil\"}\n]}\n", 3, 3, 2 },
		{ "two brackets", "[\n{\"name\":\"evil\"}},\n{\"name\":\"evil\"}\n]\n", 2, 2, 1 },
		{ "broken pretty", "{\n  \"name\": \"evil\"\n}\n{\n  \"name\" \"evil\"\n}\n{\n  \"name\": \"evil\",\n  \"a\": [\n    {\n    }\n  ]\n}\n", 2, 2, 1 },
		{ "torn array", "[{\"name\":\"evil\"}, {\"name\":", 1, 1, 1 },
		{ "empty", "", 0, 0, 0 },
		{ "blank lines", "\n\n  \n{\"name\":\"evil\"}\n", 1, 1, 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct scan_stats st;
		struct seen s = scan(write_file(rows[i].name, str_of(rows[i].text)), 2, 0, &st);

		EQ_INT((long long)st.events, (long long)rows[i].events, "events");
		EQ_INT((long long)s.matches, (long long)rows[i].matches, "matches");
		EQ_INT((long long)st.bad, (long long)rows[i].bad, "bad pieces");
		EQ_INT((long long)s.bad, (long long)rows[i].bad, "bad pieces told");
	}
}

/* What the damage of a document costs does not depend on where its pieces end. */
static void test_broken_document(void)
{
	enum { N = 60000 };
	struct scan_stats st;
	struct buf text;
	struct seen s;

	buf_init(&text, (size_t)64 << 20);
	buf_cstr(&text, "[\n");
	for (size_t i = 0; i < N; i++)
		buf_fmt(&text, i % 20000 == 10007 ? "  {\"name\": \"evil\", \"n\": [%d,\n" : "  {\"name\": \"evil\", \"n\": [%d], \"pad\": \"%064d\"},\n", (int)i, 0);
	s = scan(write_file("torn", buf_view(&text)), 1, 0, &st);
	OK(text.n > (size_t)5 << 20, "broken document: several pieces");
	EQ_INT((long long)s.matches, N - 3, "broken document: all but the broken ones match");
	EQ_INT((long long)s.bad, 3, "broken document: these are told");
	buf_done(&text);
}

/* A line longer than is looked at costs itself, not its neighbours. */
static void test_long_line(void)
{
	struct scan_stats st;
	struct buf text;
	struct seen s;

	buf_init(&text, (size_t)64 << 20);
	buf_cstr(&text, "{\"name\":\"evil\"}\n{\"name\":\"");
	for (size_t i = 0; i < SOURCE_LINE_MAX + 100; i++)
		buf_char(&text, 'a');
	buf_cstr(&text, "\"}\n{\"name\":\"evil\"}\n");
	for (unsigned threads = 1; threads <= 3; threads += 2) {
		s = scan(write_file("long", buf_view(&text)), threads, 0, &st);
		EQ_INT((long long)s.matches, 2, "long line: its neighbours match");
		EQ_INT((long long)s.bad, 1, "long line: told");
		OK(str_find(str_of(s.why), S("longer than"), 0) != SIZE_MAX, "long line: %s", s.why);
	}
	buf_done(&text);
}

static void test_troubles(void)
{
	struct scan_stats st;
	struct seen s = scan("/nowhere/at/all", 1, 0, &st);

	EQ_INT((long long)st.failed_files, 1, "absent file: counted");
	EQ_INT((long long)s.failed, 1, "absent file: told");
	s = scan(write_file("bz2", (struct str){ "BZh91AY", 7 }), 1, 0, &st);
	OK(s.failed == 1 && str_find(str_of(s.why), S("zcat"), 0) != SIZE_MAX, "compressed file: %s", s.why);
	s = scan("/dev/null", 1, 0, &st);
	EQ_INT((long long)s.failed, 1, "a device: told");
	s = scan(folder, 2, 0, &st);
	OK(st.files > 5 && s.matches > 4000 && s.failed == 1, "a folder: %d files, all but one read", (int)st.files);
}

static void test_allocations(void)
{
	const char *path = write_file("alloc", S("{\"name\":\"evil\"}\n{\"name\":\"evil\",\"x\":[1,2]}\nbroken\n"));
	int64_t live = mem_live();

	for (uint64_t n = 1; n < 20000; n++) {
		struct seen s = { 0 };
		struct scan_opts o = { .paths = &path, .n_paths = 1, .rules = rules, .image = image, .threads = 1, .sink = on_match,
				       .trouble = on_trouble, .ctx = &s };
		struct scan_stats st;
		enum rc rc;

		mem_fail_at(n, 0);
		rc = scan_run(&o, &st, NULL);
		mem_fail_at(0, 0);
		if (mem_live() != live) {
			OK(false, "allocation %d: leaks", (int)n);
			return;
		}
		if (rc == RC_OK && st.failed_files == 0 && st.left_out == 0 && s.matches == 2 && st.bad == 1 && s.bad == 1) {
			OK(n > 10, "each of %d allocations fails cleanly", (int)n - 1);
			return;
		}
	}
	OK(false, "allocations: never succeeds");
}

int main(void)
{
	struct sigma_reader *r = NULL;
	struct err err = { 0 };

	rules_arena = arena_new((size_t)64 << 20);
	if (mkdtemp(folder) == NULL || rules_arena == NULL)
		return 1;
	OK(sigma_reader_new(rules_arena, &r, &err) == RC_OK && sigma_reader_add(r, S("rule.yml"), str_of(rule_text), &err) == RC_OK &&
	   sigma_reader_end(r, &rules, &err) == RC_OK && engine_image_build(rules, &no_taxonomy, &image, &err) == RC_OK, "rules: %s", err.text);
	sigma_reader_free(r);
	test_units();
	test_shapes();
	test_broken_document();
	test_long_line();
	test_troubles();
	test_allocations();
	engine_image_unref(image);
	arena_free(rules_arena);
	for (size_t i = 0; i < 21; i++) {
		static const char *const names[] = { "units", "lines", "bom", "broken line", "array", "pretty", "records", "azure", "commas", "no quote", "no bracket", "two brackets",
						     "broken pretty", "torn array", "empty",
						     "blank lines", "torn", "long", "gz", "alloc", "" };

		if (names[i][0] != '\0')
			unlink(path_of(names[i]));
	}
	rmdir(folder);
	return tap_done();
}
