/* The way in: objects a second through admission into the store, each format's
 * import, warning lists, and the memory of a large import. Floors in the same run:
 * parsing alone, and parsing with validation, of the same objects.
 *
 *	bench-intel [objects of the large bundle]      (LIANFANG_DATA: real lists and feeds) */
#include <fcntl.h>
#include <sys/resource.h>

#include "bench.h"
#include "gate/admit.h"
#include "gate/folder.h"
#include "gate/gate.h"
#include "intel/import.h"
#include "intel/material.h"
#include "intel/search.h"
#include "intel/view.h"
#include "model/observable.h"
#include "stix/marking.h"
#include "stix/validate.h"

#define BATCH 1000
#define BATCHES 60

static struct str *objects;
static struct arena *memory;
static struct folder at;

static void one_indicator(struct buf *b, unsigned i)
{
	buf_fmt(b, "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--%08x-1111-4111-8111-111111111111\","
		"\"created_by_ref\":\"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff\",\"created\":\"2026-03-04T05:06:07.000Z\","
		"\"modified\":\"2026-03-04T05:06:07.000Z\",\"name\":\"Malicious domain number %u\",\"description\":\"Seen as command and control "
		"in campaign %u; reported by a member\",\"indicator_types\":[\"malicious-activity\"],\"pattern\":\"[domain-name:value = "
		"'host%u.bad%u.example']\",\"pattern_type\":\"stix\",\"pattern_version\":\"2.1\",\"valid_from\":\"2026-03-04T05:06:07Z\","
		"\"confidence\":75,\"object_marking_refs\":[\"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb\"]}",
		i, i, i % 97, i, i % 1000);
}

static void make_objects(void)
{
	struct buf b;

	memory = arena_new((size_t)2 << 30);
	objects = arena_array(memory, BATCH * BATCHES, sizeof *objects);
	buf_init(&b, 4096);
	for (unsigned i = 0; i < BATCH * BATCHES; i++) {
		buf_clear(&b);
		one_indicator(&b, i);
		objects[i] = arena_dup(memory, buf_view(&b));
	}
	printf("# objects of %zu bytes\n", b.n);
	buf_done(&b);
}

static void parse_only(void *ctx)
{
	struct arena *a = arena_new((size_t)16 << 20);
	bool *validate = ctx;

	for (size_t i = 0; i < BATCH; i++) {
		const struct json *v;
		struct err err;

		arena_reset(a);
		if (json_parse(a, objects[i], &JSON_LIMITS, &v, &err) != RC_OK ||
		    (*validate && stix_validate(v, NULL, NULL, NULL, NULL, &err) != RC_OK))
			printf("# %s\n", err.text);
	}
	arena_free(a);
}

/* What the gate costs on top of the store: pages of 100 objects. */
static void read_page(bool through_gate)
{
	struct viewer v = { .kind = VIEWER_PEER, .name = S("sector-a"), .tlp_max = TLP_AMBER };
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .limit = 100, .bodies = true, .tlp_mask = 7 };
	struct page p;
	struct err err = { 0 };
	enum rc rc = through_gate ? gate_page(at.store, &v, PATH_TAXII, TLP_RED, S("root/c"), &q, &p, &err) : store_page(at.store, &q, &p, &err);

	if (rc != RC_OK || p.n != 100)
		printf("# %s\n", err.text);
	page_done(&p);
}

static void read_pages(void *ctx)
{
	for (int i = 0; i < 2000; i++)
		read_page(*(bool *)ctx);
}

static void bench_pages(void)
{
	bool gate = false;

	bench_rate("store_page_of_100", 2, "k/s", read_pages, &gate);
	gate = true;
	bench_rate("gate_page_of_100", 2, "k/s", read_pages, &gate);
}

static void bench_admit(void)
{
	double rate[BATCHES];
	struct err err = { 0 };
	double start = bench_seconds();

	if (!folder_open(&at, &err)) {
		printf("# %s\n", err.text);
		return;
	}
	for (size_t k = 0; k < BATCHES; k++) {
		struct admit_opts o = { .collection = 1, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER };
		struct arena *a = arena_new((size_t)256 << 20);
		struct admitted *done;
		double then = bench_seconds();

		if (admit_objects(at.store, a, &o, objects + k * BATCH, BATCH, &done, &err) != RC_OK || done[0].result != ADMIT_STORED)
			printf("# %s %.*s\n", err.text, STR(done[0].message));
		rate[k] = BATCH / (bench_seconds() - then) / 1000;
		arena_free(a);
	}
	printf("admit_all %.1f k/s\n", BATCH * BATCHES / (bench_seconds() - start) / 1000);
	bench_print("admit_batches_of_1000", rate, BATCHES, "k/s");
	bench_pages();
	folder_close(&at);
}

static double import_text(enum import_format f, struct str text, struct import_report *ret)
{
	struct import_opts o = { .format = f, .source_name = S("bench"), .tlp = TLP_GREEN, .confidence = 50,
				 .admit = { .collection = 1, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER } };
	struct err err = { 0 };
	struct import *im;
	double start;

	if (!folder_open(&at, &err) || import_new(at.store, &o, &im, &err) != RC_OK)
		exit(1);
	start = bench_seconds();
	if (import_feed(im, text, &err) != RC_OK || import_end(im, &err) != RC_OK)
		printf("# %s\n", err.text);
	start = bench_seconds() - start;
	*ret = *import_report(im);
	import_free(im);
	folder_close(&at);
	return start;
}

static void bench_formats(void)
{
	struct import_report r;
	struct buf b;
	double t;

	buf_init(&b, (size_t)512 << 20);
	for (unsigned i = 0; i < 50000; i++)
		buf_fmt(&b, "host%u.bad%u.example\n", i, i % 1000);
	t = import_text(IMPORT_LIST, buf_view(&b), &r);
	printf("import_list %.1f k_values/s (%llu failed)\n", (double)r.stored / t / 1000, (unsigned long long)r.failed);
	buf_clear(&b);
	buf_cstr(&b, "value,type,tlp,confidence,comment\n");
	for (unsigned i = 0; i < 50000; i++)
		buf_fmt(&b, "host%u.bad%u.example,domain,green,70,\"seen, as c2\"\n", i, i % 1000);
	t = import_text(IMPORT_CSV, buf_view(&b), &r);
	printf("import_csv %.1f k_rows/s (%llu failed)\n", (double)r.stored / t / 1000, (unsigned long long)r.failed);
	buf_clear(&b);
	buf_cstr(&b, "{\"Event\":{\"uuid\":\"00000000-0000-4000-8000-000000000000\",\"info\":\"x\",\"date\":\"2026-01-01\",\"Attribute\":[");
	for (unsigned i = 0; i < 100000; i++)
		buf_fmt(&b, "%s{\"id\":\"%u\",\"uuid\":\"%08x-1111-4111-8111-111111111111\",\"type\":\"domain\",\"category\":\"Network activity\",\"to_ids\":%s,"
			"\"distribution\":\"5\",\"timestamp\":\"1767225600\",\"comment\":\"\",\"deleted\":false,\"value\":\"host%u.bad%u.example\",\"Galaxy\":[]}",
			i ? "," : "", i, i, i % 2 ? "true" : "false", i, i % 1000);
	buf_cstr(&b, "]}}");
	t = import_text(IMPORT_MISP, buf_view(&b), &r);
	printf("import_misp %.1f k_attributes/s (%llu objects, %llu failed)\n", (double)r.values / t / 1000, (unsigned long long)r.objects,
	       (unsigned long long)r.failed);
	buf_done(&b);
}

static struct warninglists *lists;
static struct value *values;
static size_t n_values;

static void check_values(void *ctx)
{
	uint64_t *hits = ctx;
	struct str names[WARNINGLIST_NAMES_MAX];

	for (size_t i = 0; i < n_values; i++)
		*hits += warninglists_find(lists, values[i].kind, values[i].text, names, WARNINGLIST_NAMES_MAX) > 0;
}

static void read_values(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[5000];

	while (f != NULL && n_values < 700000 && fgets(line, sizeof line, f) != NULL) {
		struct str text = str_of(line);
		struct err err;
		struct buf b;

		text = str_trim(str_slice(text, 0, str_find(text, S("\t"), 0)));
		buf_init(&b, 10000);
		if (value_detect(text, &values[n_values].kind, &b, &err) == RC_OK)
			values[n_values++].text = arena_dup(memory, buf_view(&b));
		buf_done(&b);
	}
	if (f != NULL)
		fclose(f);
}

static void bench_lists(void)
{
	char path[4096], feed[4096];
	struct warninglists_stats st;
	uint64_t hits = 0;
	struct err err;
	double start = bench_seconds();

	if (!material("misp/warninglists", path) || !material("feeds/maltrail-half.txt", feed)) {
		printf("# warning lists: the test material is not here (LIANFANG_DATA)\n");
		return;
	}
	if (warninglists_load(path, &lists, &err) != RC_OK)
		exit(1);
	warninglists_stats(lists, &st);
	printf("warninglists_load %.0f ms (%llu entries, %.1f MB)\n", (bench_seconds() - start) * 1000, (unsigned long long)st.entries,
	       (double)st.bytes / 1e6);
	values = arena_array(memory, 700000, sizeof *values);
	read_values(feed);
	if (n_values > 0)
		bench_rate("warninglists_check", (double)n_values / 1000, "k_values/s", check_values, &hits);
	printf("# %zu values, %llu hits\n", n_values, (unsigned long long)(hits / (BENCH_ROUNDS + 1)));
	warninglists_free(lists);
}

/* A value that nothing holds: everything is looked through. */
static void bench_search(void)
{
	struct viewer v = { .kind = VIEWER_USER, .name = S("u"), .role = S("analyst"), .tlp_max = TLP_AMBER };
	struct search q = { .value = S("nowhere.example"), .added_after = INT64_MIN, .limit = 10, .ceiling = TLP_RED, .path = PATH_REST };
	struct arena *a = arena_new((size_t)64 << 20);
	struct search_result r;
	struct err err = { 0 };
	double start = bench_seconds();

	if (search_run(at.store, &v, &q, a, &r, &err) != RC_OK)
		printf("# %s\n", err.text);
	printf("search_all %.2f s (%llu objects)\n", bench_seconds() - start, (unsigned long long)r.looked_at);
	arena_free(a);
}

/* A bundle that is never in memory as a whole; peak memory is the process's own. */
static void bench_large(uint64_t n)
{
	struct import_opts o = { .format = IMPORT_STIX, .admit = { .collection = 1, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER } };
	struct err err = { 0 };
	struct import *im;
	struct rusage before, after;
	double start = bench_seconds();
	struct buf b;

	getrusage(RUSAGE_SELF, &before);
	if (!folder_open(&at, &err) || import_new(at.store, &o, &im, &err) != RC_OK)
		exit(1);
	buf_init(&b, (size_t)4 << 20);
	buf_cstr(&b, "{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000000\",\"objects\":[");
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_char(&b, ',');
		one_indicator(&b, i);
		if (b.n < (size_t)1 << 20)
			continue;
		if (import_feed(im, buf_view(&b), &err) != RC_OK)
			break;
		buf_clear(&b);
	}
	buf_cstr(&b, "]}");
	if (import_feed(im, buf_view(&b), &err) != RC_OK || import_end(im, &err) != RC_OK)
		printf("# %s\n", err.text);
	getrusage(RUSAGE_SELF, &after);
	printf("import_stix_large %.1f k_objects/s (%.2f GB, %llu stored)\n", (double)n / (bench_seconds() - start) / 1000,
	       (double)import_report(im)->bytes / 1e9, (unsigned long long)import_report(im)->stored);
	printf("import_stix_large_peak %.0f MB (before: %.0f MB)\n", (double)after.ru_maxrss / 1024, (double)before.ru_maxrss / 1024);
	buf_done(&b);
	import_free(im);
	bench_search();
	folder_close(&at);
}

int main(int argc, char **argv)
{
	uint64_t large = 0;
	bool validate = false;

	if (argc > 1 && str_to_u64(str_of(argv[1]), &large) && large > 0) {
		bench_large(large);
		return 0;
	}
	make_objects();
	bench_rate("floor_parse", BATCH / 1000.0, "k/s", parse_only, &validate);
	validate = true;
	bench_rate("floor_parse_validate", BATCH / 1000.0, "k/s", parse_only, &validate);
	bench_admit();
	bench_formats();
	bench_lists();
	arena_free(memory);
	return 0;
}
