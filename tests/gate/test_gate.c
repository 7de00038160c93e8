/* The decision table, pages, counts, the reference rule, and what becomes a fact. */
#include "gate/admit.h"
#include "gate/folder.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "tap.h"

static struct folder at;

static void test_decisions(void)
{
	static const struct {
		enum viewer_kind kind;
		uint8_t max, ceiling;
		uint32_t mask;
	} rows[] = {
		{ VIEWER_ANONYMOUS, TLP_RED, TLP_RED, 0x01 }, /* whatever tlp_max says */
		{ VIEWER_ANONYMOUS, TLP_CLEAR, TLP_RED, 0x01 },
		{ VIEWER_USER, TLP_CLEAR, TLP_RED, 0x01 }, { VIEWER_USER, TLP_GREEN, TLP_RED, 0x03 },
		{ VIEWER_USER, TLP_AMBER, TLP_RED, 0x07 }, { VIEWER_PEER, TLP_AMBER_STRICT, TLP_RED, 0x0f },
		{ VIEWER_LOCAL, TLP_RED, TLP_RED, 0x1f }, { VIEWER_LOCAL, TLP_RED, TLP_GREEN, 0x03 },
		{ VIEWER_PEER, TLP_GREEN, TLP_AMBER, 0x03 }, { VIEWER_USER, 5, TLP_RED, 0x1f }, { VIEWER_USER, 200, 200, 0 },
		{ (enum viewer_kind)17, TLP_RED, TLP_RED, 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct viewer v = { .kind = rows[i].kind, .name = S("x"), .tlp_max = rows[i].max };

		EQ_INT(gate_mask(&v, rows[i].ceiling), rows[i].mask, "mask");
		for (uint8_t tlp = 0; tlp < 8; tlp++) {
			const char *why = NULL;
			bool may = gate_may(&v, rows[i].ceiling, tlp, 0, &why), red = gate_may(&v, rows[i].ceiling, tlp, OBJECT_MARKING_UNKNOWN, NULL);

			if (may != (tlp < TLP_COUNT && (rows[i].mask >> tlp & 1)) || red != (rows[i].mask >> TLP_RED & 1) || may != (why[0] == '\0'))
				OK(false, "row %zu level %d", i, tlp);
		}
	}
}

#define HEAD(type, n, tlp) "{\"type\":\"" type "\",\"spec_version\":\"2.1\",\"id\":\"" type "--00000000-0000-4000-8000-0000000000" n "\"," \
	"\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",\"object_marking_refs\":[\"marking-definition--" tlp "\"]"
#define GREEN "bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
#define RED "e828b379-4e03-4974-9ac4-e53a884c97c1"
#define CLEAR "94868c89-83c2-464b-929b-a1a8aa3c8487"
#define PERSON(n, tlp) HEAD("identity", n, tlp) ",\"name\":\"x\"}"
#define BOND(n, from, to, tlp) HEAD("relationship", n, tlp) ",\"relationship_type\":\"related-to\",\"source_ref\":\"identity--00000000-0000-4000-8000-0000000000" \
	from "\",\"target_ref\":\"identity--00000000-0000-4000-8000-0000000000" to "\"}"

static const char *const objects[] = {
	PERSON("01", GREEN), PERSON("02", RED), PERSON("03", CLEAR),
	BOND("11", "01", "03", GREEN), /* names a CLEAR one: fine for GREEN */
	BOND("12", "01", "02", GREEN), /* names a RED one */
	BOND("13", "03", "99", CLEAR), /* names one that is not here */
	BOND("14", "01", "03", CLEAR), /* CLEAR, but names a GREEN one */
};

static void fill(void)
{
	struct admit_opts o = { .collection = 1, .tlp_ceiling = TLP_RED, .default_tlp = TLP_RED };
	struct arena *a = arena_new(1 << 24);
	struct str raw[COUNTOF(objects)];
	struct admitted *done;
	struct err err = { 0 };

	for (size_t i = 0; i < COUNTOF(objects); i++)
		raw[i] = str_of(objects[i]);
	if (!OK(admit_objects(at.store, a, &o, raw, COUNTOF(raw), &done, &err) == RC_OK, "fill %s", err.text))
		exit(1);
	for (size_t i = 0; i < COUNTOF(objects); i++)
		OK(done[i].result == ADMIT_STORED, "  object %zu %.*s", i, STR(done[i].message));
	arena_free(a);
}

/* Reads all pages of `limit` and writes the last two digits of each id. */
static void read_all(const struct viewer *v, uint8_t ceiling, uint32_t limit, bool bodies, char *out, uint64_t *ret_more_lies)
{
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .limit = limit, .bodies = bodies };
	bool more = true, promised = false;

	out[0] = '\0';
	*ret_more_lies = 0;
	while (more) {
		struct page p;
		struct err err = { 0 };

		if (gate_page(at.store, v, PATH_TAXII, ceiling, S("c"), &q, &p, &err) != RC_OK) {
			printf("# %s\n", err.text);
			return;
		}
		for (size_t i = 0; i < p.n; i++) {
			snprintf(out + strlen(out), 8, "%.2s ", p.entries[i].id.p + p.entries[i].id.n - 2);
			if (bodies != (p.entries[i].body.n > 0))
				memcpy(out + strlen(out), "! ", 3);
		}
		*ret_more_lies += promised && p.n == 0;
		more = promised = p.more;
		q.added_after = p.last;
		page_done(&p);
	}
}

static void test_pages(void)
{
	static const struct {
		uint8_t max;
		const char *want;
		uint64_t n;
	} rows[] = {
		/* Of one envelope the mildest come first, so that no date tells of what is hidden. */
		{ TLP_CLEAR, "03 13 ", 2 }, { TLP_GREEN, "03 13 14 01 11 ", 5 }, { TLP_AMBER, "03 13 14 01 11 ", 5 },
		{ TLP_RED, "03 13 14 01 11 12 02 ", 7 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		for (uint32_t limit = 1; limit < 9; limit++) {
			struct viewer v = { .kind = VIEWER_USER, .name = S("u"), .tlp_max = rows[i].max };
			struct page_query q = { .collection = 1, .limit = 1 };
			char got[200];
			uint64_t lies, n = 0;
			struct err err;

			read_all(&v, TLP_RED, limit, true, got, &lies);
			EQ_STR(str_of(got), str_of(rows[i].want), "pages with bodies");
			EQ_INT(lies, 0, "  'more' promises nothing that is withheld");
			read_all(&v, TLP_RED, limit, false, got, &lies);
			EQ_STR(str_of(got), str_of(rows[i].want), "  manifest");
			OK(gate_count(at.store, &v, TLP_RED, &q, &n, &err) == RC_OK && n == rows[i].n, "  count %llu", (unsigned long long)n);
		}
	}
}

static void test_runs(void)
{
	struct viewer v = { .kind = VIEWER_USER, .name = S("u"), .tlp_max = TLP_GREEN };
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .limit = 100, .bodies = true };
	struct page p;
	struct err err;
	struct buf all;

	buf_init(&all, 1 << 20);
	OK(gate_page(at.store, &v, PATH_TAXII, TLP_RED, S("c"), &q, &p, &err) == RC_OK, "a page");
	for (size_t i = 0; i < p.n_runs; i++)
		buf_str(&all, p.runs[i]);
	OK(str_find(buf_view(&all), S("0000000012"), 0) == SIZE_MAX, "the withheld object is not in the runs");
	OK(str_find(buf_view(&all), S("0000000002"), 0) == SIZE_MAX, "and what it names neither");
	OK(str_find(buf_view(&all), S("\"relationship--00000000-0000-4000-8000-000000000011"), 0) != SIZE_MAX, "others are");
	page_done(&p);
	buf_done(&all);
}

struct tally {
	uint64_t releases, refusals, times, objects;
	char last[2000], refused[2000];
};

static bool note(void *ctx, const struct fact *f)
{
	struct tally *t = ctx;
	struct arena *a = arena_new(1 << 20);
	const struct json *v;
	int64_t n = 0;

	if (json_parse(a, f->body, &JSON_LIMITS, &v, NULL) != RC_OK) {
		OK(false, "a fact's body is JSON: %.*s", STR(f->body));
	} else if (str_eq(f->kind, S("gate.release"))) {
		t->releases++;
		t->times += (uint64_t)(json_int(json_get(v, S("times")), &n) ? n : 0);
		t->objects += (uint64_t)(json_int(json_get(v, S("objects")), &n) ? n : 0);
		snprintf(t->last, sizeof t->last, "%.*s %.*s %.*s", STR(f->actor), STR(f->subject), STR(f->body));
	} else {
		t->refusals++;
		snprintf(t->refused, sizeof t->refused, "%.*s %.*s %.*s", STR(f->actor), STR(f->subject), STR(f->body));
	}
	arena_free(a);
	return true;
}

static uint64_t last_seq;
static bool find_last(void *ctx, const struct fact *f)
{
	(void)ctx;
	last_seq = f->seq;
	return true;
}

static struct tally facts_of(void (*work)(void))
{
	struct tally t = { 0 };
	struct err err = { 0 };

	OK(gate_flush(at.store, &err) == RC_OK && fact_flush(at.store, &err) == RC_OK, "facts are flushed %s", err.text);
	OK(fact_each(at.store, 0, S(""), find_last, NULL, &err) == RC_OK, "read");
	work();
	OK(gate_flush(at.store, &err) == RC_OK && fact_flush(at.store, &err) == RC_OK, "facts are flushed %s", err.text);
	OK(fact_each(at.store, last_seq, S("gate."), note, &t, &err) == RC_OK, "facts are read %s", err.text);
	return t;
}

static struct viewer reader = { .kind = VIEWER_PEER, .name = { "sector-a", 8 }, .tlp_max = TLP_GREEN };

static void read_often(void)
{
	for (int i = 0; i < 500; i++) {
		struct page_query q = { .collection = 1, .added_after = INT64_MIN, .limit = 100, .bodies = true };
		struct page p;
		struct err err;

		if (gate_page(at.store, &reader, PATH_TAXII, TLP_RED, S("root/c"), &q, &p, &err) == RC_OK)
			page_done(&p);
	}
}

static void release_one(void)
{
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .limit = 100, .bodies = true, .tlp_mask = 0x1f };
	struct page p;
	struct err err;

	OK(store_page(at.store, &q, &p, &err) == RC_OK, "raw page");
	for (size_t i = 0; i < p.n; i++) {
		bool may = gate_release(at.store, &reader, PATH_STREAM, TLP_RED, &p.entries[i]), want = i < 5; /* the last two: a bond that names a RED one, and that */
		struct page_entry bare = p.entries[i];

		OK(may == want, "release of object %zu", i);
		bare.body = S("");
		OK(gate_release(at.store, &reader, PATH_STREAM, TLP_RED, &bare) == want, "  also when the body is not at hand");
	}
	page_done(&p);
}

static void refuse(void)
{
	for (int i = 0; i < 100; i++)
		gate_refused(at.store, &reader, PATH_REST, S("root/secret"), "no read right");
}

static void test_facts(void)
{
	struct tally t = facts_of(read_often);

	OK(t.releases >= 1 && t.releases < 10, "500 equal pages make few facts: %llu", (unsigned long long)t.releases);
	EQ_INT(t.times, 500, "  that count every page");
	EQ_INT(t.objects, 2500, "  and every object");
	OK(str_find(str_of(t.last), S("peer:sector-a root/c"), 0) == 0, "  and name viewer and collection: %s", t.last);
	OK(str_find(str_of(t.last), S("0000000011@"), 0) != SIZE_MAX, "  a small page names its objects");
	OK(t.refusals >= 1 && strstr(t.refused, "names an object") != NULL, "  what was withheld is a refusal: %s", t.refused);
	t = facts_of(release_one);
	OK(t.releases >= 1 && t.objects == 10, "single objects: %llu", (unsigned long long)t.objects);
	OK(t.refusals >= 2, "  refusals too");
	t = facts_of(refuse);
	EQ_INT(t.releases, 0, "a refusal releases nothing");
	OK(t.refusals >= 1 && t.refusals < 5 && strstr(t.refused, "no read right") != NULL, "  100 equal refusals are merged: %s", t.refused);
}

static void test_facts_at_close(void)
{
	struct tally t = { 0 };
	struct err err = { 0 };

	refuse();
	store_close(at.store);
	OK(folder_open(&at, &err), "the store opens again %s", err.text);
	OK(fact_each(at.store, last_seq, S("gate.refuse"), note, &t, &err) == RC_OK && strstr(t.refused, "root/secret") != NULL,
	   "closing the store writes what waited");
}

int main(void)
{
	struct err err = { 0 };

	if (!OK(folder_open(&at, &err), "a store %s", err.text))
		return tap_done();
	test_decisions();
	fill();
	test_pages();
	test_runs();
	test_facts();
	test_facts_at_close();
	folder_close(&at);
	return tap_done();
}
