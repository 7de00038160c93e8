/* Search and views: the same data looks different to each viewer, and nothing that
 * is merged tells of what is hidden. */
#include "gate/folder.h"
#include "intel/import.h"
#include "intel/search.h"
#include "intel/search_int.h"
#include "intel/view.h"
#include "stix/marking.h"
#include "tap.h"

#define NOW INT64_C(1767225600000000) /* 2026-01-01 */

static struct folder at;

static void put(const char *source, uint8_t tlp, uint8_t confidence, const char *list)
{
	struct import_opts o = { .format = IMPORT_LIST, .source_name = str_of(source), .tlp = tlp, .confidence = confidence, .now = NOW,
				 .admit = { .collection = 1, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER } };
	struct err err = { 0 };
	struct import *im;

	if (store_source_id(at.store, str_of(source), &o.admit.source, &err) != RC_OK || import_new(at.store, &o, &im, &err) != RC_OK ||
	    import_feed(im, str_of(list), &err) != RC_OK || import_end(im, &err) != RC_OK) {
		OK(false, "import: %s", err.text);
		exit(1);
	}
	import_free(im);
}

static struct viewer viewer(enum viewer_kind kind, uint8_t tlp)
{
	return (struct viewer){ .kind = kind, .name = S("v"), .role = S("analyst"), .tlp_max = tlp };
}

static void test_views(void)
{
	static const struct {
		const char *name, *subject;
		enum viewer_kind kind;
		uint8_t tlp;
		usec now;
		enum rc rc;
		size_t objects, claims;
		int confidence, score;
	} rows[] = {
		{ "all of it", "evil.example", VIEWER_USER, TLP_RED, NOW, RC_OK, 3, 3, 98, 90 }, /* 1 - 0.5 * 0.4 * 0.1 */
		{ "up to AMBER", "evil.example", VIEWER_USER, TLP_AMBER, NOW, RC_OK, 2, 2, 80, 60 },
		{ "GREEN", "evil.example", VIEWER_USER, TLP_GREEN, NOW, RC_OK, 1, 1, 50, 50 },
		{ "nobody", "evil.example", VIEWER_ANONYMOUS, TLP_RED, NOW, RC_NOTFOUND, 0, 0, 0, 0 },
		{ "defanged", "hxxp://Evil[.]example/x", VIEWER_USER, TLP_RED, NOW, RC_OK, 1, 1, 50, 50 },
		{ "spelt otherwise", "EVIL[.]example.", VIEWER_USER, TLP_GREEN, NOW, RC_OK, 1, 1, 50, 50 },
		{ "decayed", "evil.example", VIEWER_USER, TLP_GREEN, NOW + 60 * 86400 * USEC_PER_SEC, RC_OK, 1, 1, 50, 25 },
		{ "expired", "evil.example", VIEWER_USER, TLP_GREEN, NOW + 400 * 86400 * USEC_PER_SEC, RC_OK, 1, 1, 50, 0 },
		{ "unknown", "good.example", VIEWER_USER, TLP_RED, NOW, RC_NOTFOUND, 0, 0, 0, 0 },
		{ "no value", "???", VIEWER_USER, TLP_RED, NOW, RC_BAD, 0, 0, 0, 0 },
		{ "a block is not its addresses", "198.51.100.7", VIEWER_USER, TLP_RED, NOW, RC_NOTFOUND, 0, 0, 0, 0 },
		{ "a block", "198.51.100.9/24", VIEWER_USER, TLP_RED, NOW, RC_OK, 1, 1, 50, 50 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct view_opts o = { .ceiling = TLP_RED, .path = PATH_REST, .now = rows[i].now };
		struct viewer v = viewer(rows[i].kind, rows[i].tlp);
		struct arena *a = arena_new(1 << 24);
		size_t claims = 0;
		struct view view;
		struct err err = { 0 };

		EQ_INT(view_get(at.store, &v, &o, str_of(rows[i].subject), a, &view, &err), rows[i].rc, rows[i].name);
		if (rows[i].rc == RC_OK && err.rc == RC_OK) {
			for (size_t k = 0; k < view.n; k++)
				claims += view.objects[k].n_claims;
			EQ_INT(view.n, rows[i].objects, "  objects");
			EQ_INT(claims, rows[i].claims, "  claims");
			EQ_INT(view.confidence, rows[i].confidence, "  confidence");
			EQ_INT(view.score, rows[i].score, "  score");
		}
		arena_free(a);
	}
}

static void test_sources(void)
{
	static const struct {
		enum viewer_kind kind;
		bool named;
	} rows[] = { { VIEWER_USER, true }, { VIEWER_LOCAL, true }, { VIEWER_PEER, false } };

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct view_opts o = { .ceiling = TLP_RED, .path = PATH_REST, .now = NOW };
		struct viewer v = viewer(rows[i].kind, TLP_GREEN);
		struct arena *a = arena_new(1 << 24);
		struct view view;
		struct jsonw w;
		struct err err;
		struct buf b;

		buf_init(&b, 1 << 20);
		jsonw_init(&w, &b);
		if (OK(view_get(at.store, &v, &o, S("evil.example"), a, &view, &err) == RC_OK, "a view")) {
			view_write(&view, &w);
			OK((str_find(buf_view(&b), S("feed:one"), 0) != SIZE_MAX) == rows[i].named, "  its source is %s", rows[i].named ? "named" : "not named");
			OK(str_find(buf_view(&b), S("feed:three"), 0) == SIZE_MAX, "  hidden sources are not");
			OK(json_parse(a, buf_view(&b), &JSON_LIMITS, &(const struct json *){ 0 }, &err) == RC_OK, "  JSON");
		}
		buf_done(&b);
		arena_free(a);
	}
}

static void test_by_id(void)
{
	struct view_opts o = { .ceiling = TLP_RED, .path = PATH_REST, .now = NOW };
	struct viewer all = viewer(VIEWER_USER, TLP_RED), green = viewer(VIEWER_USER, TLP_GREEN);
	struct arena *a = arena_new(1 << 24);
	struct view view, again;
	struct err err;

	OK(view_get(at.store, &all, &o, S("evil.example"), a, &view, &err) == RC_OK && view.n == 3, "three objects");
	for (size_t i = 0; i < view.n; i++) {
		OK(view_get(at.store, &all, &o, view.objects[i].id, a, &again, &err) == RC_OK && again.n == 1, "  one by its id");
		EQ_INT(view_get(at.store, &green, &o, view.objects[i].id, a, &again, &err),
		       view.objects[i].tlp <= TLP_GREEN ? RC_OK : RC_NOTFOUND, "  and for another viewer");
	}
	arena_free(a);
}

static void test_search(void)
{
	static const struct {
		const char *name, *text, *value, *type;
		uint8_t tlp;
		uint32_t limit;
		size_t n;
		bool more;
	} rows[] = {
		{ "everything", "", "", NULL, TLP_RED, 100, 6, false },
		{ "everything for GREEN", "", "", NULL, TLP_GREEN, 100, 4, false },
		{ "text in any case", "EVIL.EXAMPLE", "", NULL, TLP_RED, 100, 4, false },
		{ "text that is hidden", "feed", "", NULL, TLP_GREEN, 100, 0, false },
		{ "a value", "", "evil.example", NULL, TLP_RED, 100, 3, false },
		{ "a value, not a part of one", "", "vil.example", NULL, TLP_RED, 100, 0, false },
		{ "a type", "", "", "indicator", TLP_RED, 100, 6, false },
		{ "another type", "", "", "malware", TLP_RED, 100, 0, false },
		{ "a limit", "", "", NULL, TLP_RED, 2, 2, true },
		{ "all there are", "", "", NULL, TLP_RED, 6, 6, false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct viewer v = viewer(VIEWER_USER, rows[i].tlp);
		struct str type = str_of(rows[i].type == NULL ? "" : rows[i].type);
		struct search q = { .types = &type, .n_types = rows[i].type != NULL, .text = str_of(rows[i].text), .value = str_of(rows[i].value),
				    .added_after = INT64_MIN, .limit = rows[i].limit, .ceiling = TLP_RED, .path = PATH_REST };
		struct arena *a = arena_new(1 << 24);
		struct search_result r;
		struct err err = { 0 };

		OK(search_run(at.store, &v, &q, a, &r, &err) == RC_OK, "%s %s", rows[i].name, err.text);
		OK(r.n == rows[i].n && r.more == rows[i].more, "  %zu found, more: %d", r.n, r.more);
		arena_free(a);
	}
}

/* Page after page by `next` gives every object once. */
static void test_search_pages(void)
{
	for (uint32_t limit = 1; limit < 8; limit++) {
		struct viewer v = viewer(VIEWER_USER, TLP_GREEN);
		struct search q = { .added_after = INT64_MIN, .limit = limit, .ceiling = TLP_RED, .path = PATH_REST };
		struct arena *a = arena_new(1 << 24);
		struct search_result r = { .more = true };
		struct err err;
		size_t n = 0, calls = 0;

		while (r.more && calls++ < 20) {
			if (search_run(at.store, &v, &q, a, &r, &err) != RC_OK)
				break;
			n += r.n;
			q.added_after = r.next;
		}
		EQ_INT(n, 4, "pages of a search");
		arena_free(a);
	}
}

/* Against the simple loop, over all places and lengths. */
static void test_text(void)
{
	uint64_t seed = 7, wrong = 0;

	for (int n = 0; n < 20000; n++) {
		char hay[80], needle[12];
		size_t h, m;
		bool want = false;

		for (size_t i = 0; i < sizeof hay; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			hay[i] = "aAbB.@`{"[seed >> 40 & 7];
		}
		h = seed >> 33 & 63;
		m = 1 + (seed >> 50) % 4;
		for (size_t i = 0; i < m; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			needle[i] = "ab.@`{"[(seed >> 40) % 6];
		}
		for (size_t i = 0; i + m <= h; i++)
			want |= str_eq_nocase(str_make(hay + i, m), str_make(needle, m));
		wrong += search_has_text(str_make(hay, h), str_make(needle, m)) != want;
	}
	EQ_INT(wrong, 0, "text is found where it is");
}

static void test_merge(void)
{
	static const struct {
		uint8_t stated[4];
		size_t n;
		uint8_t want;
	} rows[] = {
		{ { 0 }, 0, 255 }, { { 255 }, 1, 255 }, { { 0 }, 1, 0 }, { { 50 }, 1, 50 }, { { 50, 50 }, 2, 75 }, { { 50, 255 }, 2, 50 },
		{ { 100, 3 }, 2, 100 }, { { 0, 40 }, 2, 40 }, { { 90, 90, 90, 90 }, 4, 100 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_INT(view_merge_confidence(rows[i].stated, rows[i].n), rows[i].want, "merged confidence");
}

int main(void)
{
	struct err err;

	if (!OK(folder_open(&at, &err), "a store"))
		return tap_done();
	put("feed:one", TLP_GREEN, 50, "evil.example\nhttp://evil.example/x\n198.51.100.0/24\nother.example\n");
	put("feed:two", TLP_AMBER, 60, "evil.example\n");
	put("feed:three", TLP_RED, 90, "evil.example\n");
	test_views();
	test_sources();
	test_by_id();
	test_search();
	test_search_pages();
	test_text();
	test_merge();
	folder_close(&at);
	return tap_done();
}
