/* Data sets: what they hold is served as they say. A small one of our own, and the
 * reference server's where the test material is. */
#include "intel/material.h"
#include "sys/file.h"
#include "taxii/dataset.h"
#include "world.h"

static const char own[] =
	"{\"/discovery\":{\"title\":\"Set\",\"description\":\"D\",\"contact\":\"c\",\"default\":\"http://h:1/two/\","
	"\"api_roots\":[\"http://h:1/one/\",\"http://h:1/two/\"]},"
	"\"two\":{\"information\":{\"title\":\"Two\",\"versions\":[\"application/taxii+json;version=2.1\"],\"max_content_length\":5000},"
	"\"status\":[{\"id\":\"5d086da7-4bdc-4f91-900e-d77486753710\",\"status\":\"pending\",\"success_count\":0,\"successes\":[],\"failures\":"
	"[{\"id\":\"a--1\",\"version\":\"v\",\"message\":\"m\"}],\"pendings\":[]}],"
	"\"collections\":[{\"id\":\"365fed99-08fa-fdcd-a1b3-fb247eb41d01\",\"title\":\"A\",\"alias\":\"al\",\"can_read\":true,\"can_write\":true,\"media_types\":[\"application/stix+json;version=2.1\"],"
	"\"objects\":[{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--00000000-0000-4000-8000-000000000002\",\"created\":\"2020-01-01T00:00:00.000Z\","
	"\"modified\":\"2020-01-02T00:00:00.000Z\",\"name\":\"b\",\"identity_class\":\"group\"},"
	"{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--00000000-0000-4000-8000-000000000001\",\"created\":\"2020-01-01T00:00:00.000Z\","
	"\"modified\":\"2020-01-01T00:00:00.000Z\",\"name\":\"a\",\"identity_class\":\"group\"},{\"type\":\"identity\",\"id\":\"identity--broken\"}],"
	"\"manifest\":[{\"id\":\"identity--00000000-0000-4000-8000-000000000002\",\"date_added\":\"2021-01-02T00:00:00.000Z\",\"version\":\"2020-01-02T00:00:00Z\"},"
	"{\"id\":\"identity--00000000-0000-4000-8000-000000000001\",\"date_added\":\"2021-01-01T00:00:00.000Z\",\"version\":\"2020-01-01T00:00:00.000Z\"}]},"
	"{\"id\":\"bbbbbbbb-08fa-4dcd-a1b3-fb247eb41d01\",\"title\":\"B\",\"can_read\":false,\"can_write\":false,\"objects\":[],\"manifest\":[]}]},"
	"\"one\":{\"information\":{\"title\":\"One\",\"max_content_length\":0},\"status\":[],\"collections\":[]}}";

static void open_empty(void)
{
	struct taxii_config tc = { 0 };
	struct err err = { 0 };

	world_open_empty();
	tc.store = w.store;
	must(taxii_server_new(&tc, &w.server, &err), &err, "server");
}

static enum rc load(struct str text, struct dataset_report *r, struct err *err)
{
	struct dataset_opts o = { .default_tlp = TLP_CLEAR, .tlp_max = TLP_RED };

	return dataset_load(w.store, text, &o, r, err);
}

static void test_own(void)
{
	struct dataset_report r;
	struct err err = { 0 };
	struct got g;

	open_empty();
	OK(load(str_of(own), &r, &err) == RC_OK && r.roots == 2 && r.collections == 2 && r.statuses == 1 && r.stored == 2 && r.failed == 1, "loaded: %s", err.text);
	OK(r.problems.n > 0 && strstr(r.problems.p, "identity--broken") != NULL, "what was not taken is named");
	buf_done(&r.problems);
	g = get(&alice, "/taxii2/");
	OK(str_eq(got_str(&g, "title"), S("Set")) && str_eq(got_str(&g, "default"), S("/two/")) && got_count(&g, "api_roots") == 2, "discovery");
	got_done(&g);
	g = get(&alice, "/two/");
	OK(str_eq(got_str(&g, "title"), S("Two")) && got_int(&g, "max_content_length") == 5000, "API root");
	got_done(&g);
	g = get(&alice, "/two/collections/");
	OK(got_count(&g, "collections") == 2 && str_eq(got_item(&g, "collections", 0, "alias"), S("al")), "collections, the closed one too");
	got_done(&g);
	OK(status_of(get(&alice, "/two/collections/bbbbbbbb-08fa-4dcd-a1b3-fb247eb41d01/objects/")) == 403, "which is closed");
	g = get(&alice, "/two/collections/al/manifest/");
	OK(got_count(&g, "objects") == 2 && str_eq(got_item(&g, "objects", 0, "date_added"), S("2021-01-01T00:00:00.000000Z"))
	   && str_eq(got_item(&g, "objects", 1, "date_added"), S("2021-01-02T00:00:00.000000Z")), "objects with their dates, in their order");
	got_done(&g);
	g = get(&bob, "/two/status/5d086da7-4bdc-4f91-900e-d77486753710/");
	OK(g.status == 200 && got_int(&g, "failure_count") == 1 && got_int(&g, "total_count") == 1 && json_get(g.j, S("pendings")) == NULL, "status, its sums made right");
	got_done(&g);
	OK(load(str_of(own), &r, &err) == RC_OK && r.stored == 0 && r.known == 2, "a second time changes nothing");
	buf_done(&r.problems);
	world_close();
}

static void test_broken(void)
{
	static const char *const rows[] = { "", "{}", "[]", "{\"/discovery\":{}", "{\"/discovery\":{\"api_roots\":[\"/a/\"]},\"a\":7}",
					    "{\"/discovery\":{\"api_roots\":[\"/a/\"]},\"a\":{\"information\":{},\"collections\":[{}]}}",
					    "{\"/discovery\":{\"api_roots\":[\"/a/\"]},\"a\":{\"information\":{},\"status\":[7]}}" };

	open_empty();
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct dataset_report r;
		struct err err = { 0 };

		OK(load(str_of(rows[i]), &r, &err) == RC_BAD && err.text[0] != '\0', "refused: %s", rows[i]);
		buf_done(&r.problems);
	}
	world_close();
}

static uint32_t count_at(const char *path, const char *list)
{
	struct got g = get(&alice, path);
	uint32_t n = g.status == 200 ? got_count(&g, list) : 1000u + (uint32_t)g.status;

	got_done(&g);
	return n;
}

#define HIGH "/trustgroup1/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/"
#define MALWARE "malware--c0931cc6-c75e-47e5-9036-78fabc95d4ec"

static void test_reference(const char *path)
{
	static const struct { const char *path, *list; uint32_t n; } rows[] = {
		{ "/taxii2/", "api_roots", 3 }, { "/trustgroup1/collections/", "collections", 5 }, { HIGH "objects/", "objects", 5 },
		{ HIGH "objects/?match[version]=all", "objects", 7 }, { HIGH "objects/?match[type]=indicator", "objects", 2 },
		{ HIGH "objects/?added_after=2016-11-03T12:30:59Z", "objects", 3 }, { HIGH "objects/?match[spec_version]=2.0", "objects", 1 },
		{ HIGH "objects/?match[spec_version]=2.0,2.1", "objects", 5 }, { HIGH "manifest/", "objects", 5 },
		{ HIGH "objects/indicator--6770298f-0fd8-471a-ab8c-1c658a46574e/versions/", "versions", 3 },
		{ HIGH "objects/" MALWARE "/versions/", "versions", 1 }, { HIGH "objects/" MALWARE "/versions/?match[spec_version]=2.0,2.1", "versions", 2 },
		{ "/trustgroup1/collections/64993447-4d7e-4f70-b94d-d7f33742ee63/manifest/", "objects", 1403 },
		{ "/trustgroup1/status/2d086da7-4bdc-4f91-900e-d77486753710/", "pendings", 2 },
	};
	struct dataset_report r;
	struct err err = { 0 };
	struct buf b;
	struct got g;

	must(file_read(path, DATASET_MAX, &b, &err), &err, path);
	open_empty();
	OK(load(buf_view(&b), &r, &err) == RC_OK && r.roots == 3 && r.collections == 5 && r.stored == 8 && r.failed == 0, "the reference data set: %s",
	   r.problems.n > 0 ? r.problems.p : "");
	buf_done(&r.problems);
	buf_done(&b);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		uint32_t n = count_at(rows[i].path, rows[i].list);

		OK(n == rows[i].n, "%s: %u of %u", rows[i].path, n, rows[i].n);
	}
	g = get(&alice, HIGH "objects/?limit=3");
	OK(strcmp(g.first, "2014-05-08T09:00:00.000000Z") == 0 && strcmp(g.last, "2017-01-20T00:00:00.000000Z") == 0, "dates as in the manifest");
	got_done(&g);
	world_close();
}

int main(void)
{
	char path[4096];

	test_own();
	test_broken();
	if (material("taxii/default_data.json", path))
		test_reference(path);
	else
		SKIP("no taxii/default_data.json in LIANFANG_DATA or ../shared/data", "the reference server's data set");
	return tap_done();
}
