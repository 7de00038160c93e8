/* The way in: what is stored at which level, what is refused and why. */
#include "base/mem.h"
#include "gate/admit.h"
#include "gate/folder.h"
#include "gate/compact.h"
#include "stix/marking.h"
#include "tap.h"

#define ID(n) "00000000-0000-4000-8000-00000000000" #n
#define WHEN "\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\""
#define INDICATOR(n, more) "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--" ID(n) "\"," WHEN \
	",\"pattern\":\"[domain-name:value = 'a.example']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-01-01T00:00:00Z\"" more "}"
#define MARKED(ref) ",\"object_marking_refs\":[\"marking-definition--" ref "\"]"
#define GREEN2 "bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
#define AMBER1 "f88d31f6-486f-44da-b317-01333bde0b82"
#define STRICT2 "939a9414-2ddd-4d32-a0cd-375ea402b003"
#define RED1 "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
#define STATEMENT(n) "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"marking-definition--" ID(n) "\"," \
	"\"created\":\"2026-01-01T00:00:00.000Z\",\"definition_type\":\"statement\",\"definition\":{\"statement\":\"(c)\"}}"

static struct folder at;

static struct admitted admit(struct arena *a, const struct admit_opts *o, const char *raw)
{
	struct str text = str_of(raw);
	struct admitted *done = NULL;
	struct err err = { 0 };

	if (!OK(admit_objects(at.store, a, o, &text, 1, &done, &err) == RC_OK, "the batch goes through %s", err.text))
		exit(1);
	return done[0];
}

/* The newest version of the id as the store has it; n = 0 when it is not there. */
static struct page stored(const char *id)
{
	struct str ids = str_of(id);
	struct page_query q = { .added_after = INT64_MIN, .ids = &ids, .n_ids = 1, .tlp_mask = UINT32_MAX, .limit = 1, .bodies = true };
	struct page p = { 0 };
	struct err err;

	if (store_page(at.store, &q, &p, &err) != RC_OK)
		printf("# %s\n", err.text);
	return p;
}

static void test_levels(void)
{
	static const struct {
		const char *name, *more;
		uint8_t tlp, flags;
	} rows[] = {
		{ "no marking: the source's", "", TLP_AMBER, 0 },
		{ "GREEN of TLP 2", MARKED(GREEN2), TLP_GREEN, 0 },
		{ "AMBER of TLP 1 is AMBER", MARKED(AMBER1), TLP_AMBER, 0 },
		{ "STRICT", MARKED(STRICT2), TLP_AMBER_STRICT, 0 },
		{ "two: the stricter", ",\"object_marking_refs\":[\"marking-definition--" GREEN2 "\",\"marking-definition--" RED1 "\"]", TLP_RED, 0 },
		{ "unknown is RED", MARKED(ID(9)), TLP_RED, OBJECT_MARKING_UNKNOWN | TLP_AMBER << OBJECT_DEFAULT_SHIFT },
		{ "granular counts", ",\"granular_markings\":[{\"selectors\":[\"pattern\"],\"marking_ref\":\"marking-definition--" RED1 "\"}]" MARKED(GREEN2),
		  TLP_RED, OBJECT_GRANULAR },
		{ "revoked", ",\"revoked\":true", TLP_AMBER, OBJECT_REVOKED },
		{ "names its creator", ",\"created_by_ref\":\"identity--" ID(8) "\"", TLP_AMBER, 0 },
		{ "names another", ",\"x_seen_ref\":\"identity--" ID(8) "\"", TLP_AMBER, OBJECT_HAS_REFS },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct admit_opts o = { .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER };
		struct arena *a = arena_new(1 << 24);
		char raw[2000], id[80];
		struct admitted r;
		struct page p;

		snprintf(id, sizeof id, "indicator--00000000-0000-4000-8000-0000000001%02zu", i);
		snprintf(raw, sizeof raw, "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"%s\"," WHEN ",\"pattern\":\"[domain-name:value = 'a.example']\","
			 "\"pattern_type\":\"stix\",\"valid_from\":\"2026-01-01T00:00:00Z\"%s}", id, rows[i].more);
		r = admit(a, &o, raw);
		OK(r.result == ADMIT_STORED, "%s: stored %.*s", rows[i].name, STR(r.message));
		EQ_STR(r.id, str_of(id), "  id");
		EQ_STR(r.version, S("2026-01-01T00:00:00.000Z"), "  version");
		p = stored(id);
		if (OK(p.n == 1, "  is there")) {
			EQ_INT(p.entries[0].tlp, rows[i].tlp, "  level");
			EQ_INT(p.entries[0].flags, rows[i].flags, "  flags");
			EQ_STR(p.entries[0].body, str_of(raw), "  body");
		}
		page_done(&p);
		arena_free(a);
	}
}

static void test_refusals(void)
{
	static const struct {
		const char *name, *raw, *why;
		uint8_t ceiling;
	} rows[] = {
		{ "no JSON", "{", "", TLP_RED },
		{ "no object", "[]", "", TLP_RED },
		{ "no id", "{\"type\":\"indicator\"}", "", TLP_RED },
		{ "a bundle", "{\"type\":\"bundle\",\"id\":\"bundle--" ID(1) "\"}", "bundle", TLP_RED },
		{ "breaks a MUST", "{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--" ID(1) "\"," WHEN "}", "name", TLP_RED },
		{ "above the ceiling", INDICATOR(1, MARKED(RED1)), "TLP:RED", TLP_AMBER },
		{ "unknown marking above the ceiling", INDICATOR(1, MARKED(ID(9))), "marking", TLP_AMBER },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct admit_opts o = { .tlp_ceiling = rows[i].ceiling, .default_tlp = TLP_AMBER };
		struct arena *a = arena_new(1 << 24);
		struct admitted r = admit(a, &o, rows[i].raw);

		OK(r.result == ADMIT_FAILED, "%s: refused", rows[i].name);
		OK(r.message.n > 0 && str_find(r.message, str_of(rows[i].why), 0) != SIZE_MAX, "  says why: %.*s", STR(r.message));
		arena_free(a);
	}
}

static void test_batch(void)
{
	struct str raw[] = {
		S(INDICATOR(2, MARKED(GREEN2))), S("{"), S(" " INDICATOR(3, MARKED(GREEN2)) "\n"), S(INDICATOR(2, MARKED(GREEN2))),
		S(INDICATOR(2, MARKED(AMBER1))),
	};
	static const enum admit_result want[] = { ADMIT_STORED, ADMIT_FAILED, ADMIT_STORED, ADMIT_DUPLICATE, ADMIT_FAILED };
	struct admit_opts o = { .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER };
	struct arena *a = arena_new(1 << 24);
	struct admitted *done;
	struct err err;
	struct page p;

	OK(admit_objects(at.store, a, &o, raw, COUNTOF(raw), &done, &err) == RC_OK, "a mixed batch");
	for (size_t i = 0; i < COUNTOF(raw); i++)
		EQ_INT(done[i].result, want[i], "  result");
	p = stored("indicator--" ID(3));
	EQ_STR(p.n == 1 ? p.entries[0].body : S(""), S(INDICATOR(3, MARKED(GREEN2))), "white space around an object goes");
	page_done(&p);
	arena_free(a);
}

#define MANY 90

/* "relationship", "tool", "identity" in turn; the number is in the id. */
static struct str one_of_many(struct arena *a, unsigned run, unsigned i)
{
	static const char *const types[] = { "relationship", "tool", "identity" };
	static const char *const more[] = {
		"\"relationship_type\":\"related-to\",\"source_ref\":\"tool--" ID(7) "\",\"target_ref\":\"tool--" ID(8) "\"",
		"\"name\":\"t\"", "\"name\":\"i\"",
	};

	return arena_fmt(a, "{\"type\":\"%s\",\"spec_version\":\"2.1\",\"id\":\"%s--%08x-0000-4000-8000-%012x\"," WHEN ",%s}", types[i % 3],
			 types[i % 3], run, i, i == 41 ? "\"no\":1" : more[i % 3]);
}

/* A large batch lies by type in the store, links last; each result stays with its object. */
static void test_gathered(void)
{
	static const unsigned want[] = { 1, 2, 0 };
	struct admit_opts o = { .collection = 0, .tlp_ceiling = TLP_RED, .default_tlp = TLP_GREEN };

	for (unsigned run = 1; run <= 3; run++) {
		struct arena *a = arena_new(1 << 24);
		unsigned n = run == 2 ? 63 : MANY, last = 0, seen = 0, wrong = 0;
		struct str raw[MANY];
		struct admitted *done;
		usec dates[MANY];
		struct page p = { 0 };
		struct page_query q = { .added_after = INT64_MIN, .tlp_mask = UINT32_MAX, .limit = 1000 };
		struct err err;

		for (unsigned i = 0; i < n; i++) {
			raw[i] = one_of_many(a, run, i);
			dates[i] = INT64_C(4000000000000000) + i;
		}
		o.date_added = run == 3 ? dates : NULL;
		o.collection = 40 + run;
		q.collection = o.collection;
		OK(admit_objects(at.store, a, &o, raw, n, &done, &err) == RC_OK && store_page(at.store, &q, &p, &err) == RC_OK, "batch %u", run);
		for (unsigned i = 0; i < n; i++)
			wrong += done[i].result != (i == 41 ? ADMIT_FAILED : ADMIT_STORED) || (i != 41 && str_find(raw[i], done[i].id, 0) == SIZE_MAX);
		EQ_INT(wrong, 0, "  each result is its object's");
		EQ_INT((int)p.n, (int)n - 1, "  all but one are there");
		for (unsigned i = 0; i < p.n; i++) {
			char digits[13] = "";
			unsigned long number = strtoul(memcpy(digits, p.entries[i].id.p + p.entries[i].id.n - 12, 12), NULL, 16);
			unsigned group = number % 3 == want[0] ? 0 : number % 3 == want[1] ? 1 : 2;
			unsigned key = run == 1 ? group * 1000 + (unsigned)number : (unsigned)number;

			seen += i == 0 || key > last;
			last = key;
		}
		EQ_INT((int)seen, (int)n - 1, run == 1 ? "  by type, links last, else in the order given" : "  in the order given");
		page_done(&p);
		arena_free(a);
	}
}

static int level_of(const char *id)
{
	struct page p = stored(id);
	int tlp = p.n == 1 ? p.entries[0].tlp : -1;

	page_done(&p);
	return tlp;
}

static void test_definitions(void)
{
	struct admit_opts o = { .tlp_ceiling = TLP_RED, .default_tlp = TLP_GREEN };
	struct arena *a = arena_new(1 << 24);
	struct str both[] = { S(INDICATOR(5, MARKED(ID(7)))), S(STATEMENT(7)) };
	struct admitted *done;
	struct err err;

	admit(a, &o, INDICATOR(4, MARKED(ID(6))));
	EQ_INT(level_of("indicator--" ID(4)), TLP_RED, "a marking that nobody has shown: RED");
	admit(a, &o, STATEMENT(6));
	EQ_INT(level_of("indicator--" ID(4)), TLP_GREEN, "its definition is a statement: the source's own level");
	o.tlp_ceiling = TLP_AMBER;
	if (!OK(admit_objects(at.store, a, &o, both, 2, &done, &err) == RC_OK, "a definition behind its object"))
		exit(1);
	OK(done[0].result == ADMIT_STORED, "a definition in the same batch counts, whatever the order: %.*s", STR(done[0].message));
	EQ_INT(level_of("indicator--" ID(5)), TLP_GREEN, "  level");
	arena_free(a);
}

/* The n-th allocation fails, and all behind it: an error or a failed object, never half of one, and the store goes on. */
/* One address, two sources, two markings: the first text stays, both claims stand. */
static void test_observables(void)
{
#define ADDRESS(more) "{\"type\":\"ipv4-addr\",\"spec_version\":\"2.1\",\"id\":\"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd\"," \
	"\"value\":\"198.51.100.3\"" more "}"
	struct admit_opts a_says = { .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER }, b_says = a_says;
	struct arena *a = arena_new(1 << 24);
	struct claim *claims = NULL;
	struct err err;
	struct page p;
	size_t n = 0;

	OK(store_source_id(at.store, S("user:a"), &a_says.source, &err) == RC_OK && store_source_id(at.store, S("user:b"), &b_says.source, &err) == RC_OK,
	   "two sources");
	EQ_INT(admit(a, &a_says, ADDRESS(MARKED(GREEN2))).result, ADMIT_STORED, "the first says GREEN");
	EQ_INT(admit(a, &b_says, ADDRESS(MARKED(RED1))).result, ADMIT_DUPLICATE, "the second says RED");
	p = stored("ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd");
	OK(p.n == 1 && p.entries[0].tlp == TLP_GREEN, "it stays what the first said");
	page_done(&p);
	OK(store_claims(at.store, S("ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd"), a, &claims, &n, &err) == RC_OK && n == 2, "two claims");
	OK(n == 2 && claims[0].tlp == TLP_GREEN && claims[1].tlp == TLP_RED && claims[1].source == b_says.source, "  each at its source's level");
	arena_free(a);
}

static void test_no_memory(void)
{
	struct admit_opts o = { .collection = 2, .tlp_ceiling = TLP_RED, .default_tlp = TLP_GREEN, .upgrade_20 = true };
	struct str raw[] = { S(" " INDICATOR(8, MARKED(ID(7)))), S("{\"type\":\"domain-name\",\"spec_version\":\"2.1\",\"id\":"
			     "\"domain-name--064f846b-2bd3-5015-8d6f-d260dbda99c1\",\"value\":\"a.example\"}") };
	enum rc rc = RC_NOMEM;
	uint64_t nth;

	for (nth = 1; rc != RC_OK && nth < 2000; nth++) {
		struct admitted *done = NULL;
		struct err err = { 0 };
		struct arena *a;

		mem_fail_at(nth, 1);
		a = arena_new(1 << 24);
		rc = a == NULL ? RC_NOMEM : admit_objects(at.store, a, &o, raw, COUNTOF(raw), &done, &err);
		mem_fail_at(0, 0);
		for (size_t i = 0; rc == RC_OK && i < COUNTOF(raw); i++) {
			if (done[i].result == ADMIT_FAILED)
				rc = RC_NOMEM;
		}
		arena_free(a);
	}
	OK(rc == RC_OK && nth > 5, "each of %d allocations may fail", (int)nth - 2);
	EQ_INT(level_of("indicator--" ID(8)), TLP_GREEN, "  and the object is there in the end");
}

static void test_compact(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "{\"a\":1}", "{\"a\":1}" }, { "{ \"a\" : 1 }", "{\"a\":1}" }, { "{\"a b\":\"c  d\"}", "{\"a b\":\"c  d\"}" },
		{ "{\n\t\"a\": \"\\\" x\" }", "{\"a\":\"\\\" x\"}" }, { "{\"a\":\"\\\\\" }", "{\"a\":\"\\\\\"}" },
		{ "[1, 2 ,\r\n3]", "[1,2,3]" }, { " 1.50e+1 ", "1.50e+1" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		compact_put(&out, str_of(rows[i].text));
		EQ_STR(buf_view(&out), str_of(rows[i].want), "compact");
		OK(compact_needed(str_of(rows[i].text)) == (strcmp(rows[i].text, rows[i].want) != 0), "  and it is known beforehand");
		buf_done(&out);
	}
}

int main(void)
{
	struct err err = { 0 };

	if (!OK(folder_open(&at, &err), "a store %s", err.text))
		return tap_done();
	test_levels();
	test_refusals();
	test_batch();
	test_gathered();
	test_definitions();
	test_observables();
	test_no_memory();
	test_compact();
	folder_close(&at);
	return tap_done();
}
