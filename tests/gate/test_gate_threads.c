/* Many at once: writers whose objects need markings that other writers bring at the
 * same time, and readers whose releases are counted. Nothing stays RED for ever,
 * no reader sees what it may not, and every page is in the facts. */
#include <pthread.h>

#include "gate/admit.h"
#include "gate/folder.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "tap.h"

#define PAIRS 60
#define READERS 3
#define PAGES 400

static struct folder at;
static _Atomic uint64_t leaks, pages, failures;
static _Atomic bool written;

static void put(const char *raw)
{
	struct admit_opts o = { .collection = 1, .tlp_ceiling = TLP_RED, .default_tlp = TLP_GREEN };
	struct arena *a = arena_new(1 << 22);
	struct str text = str_of(raw);
	struct admitted *done;
	struct err err = { 0 };

	if (admit_objects(at.store, a, &o, &text, 1, &done, &err) != RC_OK || done[0].result == ADMIT_FAILED)
		failures++;
	arena_free(a);
}

static void *put_objects(void *ctx)
{
	char raw[600];

	(void)ctx;
	for (int i = 0; i < PAIRS; i++) {
		snprintf(raw, sizeof raw, "{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--00000000-0000-4000-8000-0000000001%02d\","
			 "\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",\"name\":\"x\",\"object_marking_refs\":"
			 "[\"marking-definition--00000000-0000-4000-8000-0000000002%02d\"]}", i, i);
		put(raw);
	}
	return NULL;
}

static void *put_definitions(void *ctx)
{
	char raw[600];

	(void)ctx;
	for (int i = 0; i < PAIRS; i++) {
		snprintf(raw, sizeof raw, "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"marking-definition--00000000-0000-4000-8000-"
			 "0000000002%02d\",\"created\":\"2026-01-01T00:00:00.000Z\",\"definition_type\":\"statement\",\"definition\":{\"statement\":\"x\"}}", i);
		put(raw);
	}
	return NULL;
}

static void *put_secrets(void *ctx)
{
	char raw[600];

	(void)ctx;
	for (int i = 0; i < PAIRS; i++) {
		snprintf(raw, sizeof raw, "{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--00000000-0000-4000-8000-0000000003%02d\","
			 "\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",\"name\":\"secret\",\"object_marking_refs\":"
			 "[\"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1\"]}", i);
		put(raw);
		snprintf(raw, sizeof raw, "{\"type\":\"note\",\"spec_version\":\"2.1\",\"id\":\"note--00000000-0000-4000-8000-0000000003%02d\","
			 "\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",\"content\":\"secret\",\"object_refs\":"
			 "[\"identity--00000000-0000-4000-8000-0000000003%02d\"]}", i, i);
		put(raw);
	}
	return NULL;
}

static void *read_pages(void *ctx)
{
	char name[16];
	struct viewer v = { .kind = VIEWER_PEER, .tlp_max = TLP_GREEN };

	snprintf(name, sizeof name, "peer%d", *(int *)ctx);
	v.name = str_of(name);
	for (int i = 0; i < PAGES || !written; i++) {
		struct page_query q = { .collection = 1, .added_after = INT64_MIN, .limit = 50, .bodies = true };
		struct page p;
		struct err err;

		if (gate_page(at.store, &v, PATH_TAXII, TLP_RED, S("root/c"), &q, &p, &err) != RC_OK) {
			failures++;
			continue;
		}
		pages += p.n > 0;
		for (size_t k = 0; k < p.n; k++)
			leaks += str_find(p.entries[k].body, S("secret"), 0) != SIZE_MAX;
		page_done(&p);
	}
	return NULL;
}

static bool add_times(void *ctx, const struct fact *f)
{
	struct arena *a = arena_new(1 << 20);
	uint64_t *sum = ctx;
	const struct json *v;
	int64_t n;

	if (json_parse(a, f->body, &JSON_LIMITS, &v, NULL) == RC_OK && json_int(json_get(v, S("times")), &n))
		*sum += (uint64_t)n;
	arena_free(a);
	return true;
}

static void check_after(void)
{
	struct viewer v = { .kind = VIEWER_USER, .name = S("u"), .tlp_max = TLP_GREEN };
	struct str type = S("identity");
	struct page_query q = { .collection = 1, .types = &type, .n_types = 1, .limit = 1 };
	struct fact_verdict verdict;
	uint64_t n = 0, times = 0;
	struct err err = { 0 };

	OK(gate_count(at.store, &v, TLP_RED, &q, &n, &err) == RC_OK && n == PAIRS, "every object whose marking became known is GREEN");
	OK(gate_flush(at.store, &err) == RC_OK && fact_flush(at.store, &err) == RC_OK, "facts are written %s", err.text);
	OK(fact_each(at.store, 0, S("gate.release"), add_times, &times, &err) == RC_OK, "and read");
	OK(times == pages && pages > 0, "every page is in them: %llu of %llu", (unsigned long long)times, (unsigned long long)pages);
	OK(fact_verify(at.store, NULL, &verdict, &err) == RC_OK && verdict.first_bad == 0, "and the chain holds");
}

int main(void)
{
	static int numbers[READERS] = { 0, 1, 2 };
	pthread_t writers[3], readers[READERS];
	struct err err = { 0 };

	if (!OK(folder_open(&at, &err), "a store %s", err.text))
		return tap_done();
	pthread_create(&writers[0], NULL, put_objects, NULL);
	pthread_create(&writers[1], NULL, put_definitions, NULL);
	pthread_create(&writers[2], NULL, put_secrets, NULL);
	for (int i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, read_pages, &numbers[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(writers[i], NULL);
	written = true;
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	EQ_INT(failures, 0, "no call fails");
	EQ_INT(leaks, 0, "nothing RED is seen, nor what names it");
	check_after();
	folder_close(&at);
	return tap_done();
}
