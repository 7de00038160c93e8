/* What the object log answers, row by row. */
#include "objlog_util.h"

#include "base/mem.h"

#define ID_A "indicator--00000000-0000-4000-8000-00000000000a"
#define ID_B "malware--00000000-0000-4000-8000-00000000000b"
#define ID_C "tool--00000000-0000-4000-8000-00000000000c"

static struct object_in object(const char *id, const char *version, const char *body, uint8_t spec, uint8_t tlp, uint8_t flags)
{
	struct str s = str_of(id);

	return (struct object_in){ .id = s, .type = str_slice(s, 0, str_find(s, S("--"), 0)), .version = str_of(version),
				   .body = str_of(body), .spec = spec, .tlp = tlp, .flags = flags, .confidence = 255 };
}

/* Each row is put, one after the other, into a new log. */
static void test_results(void)
{
	static const struct {
		const char *name, *id, *version, *body;
		uint8_t spec, flags;
		uint32_t coll;
		int want;
	} rows[] = {
		{ "new", ID_A, "2020-01-01T00:00:00Z", "{\"a\":1,\"b\":2}", 21, 0, 1, PUT_STORED },
		{ "again", ID_A, "2020-01-01T00:00:00Z", "{\"a\":1,\"b\":2}", 21, 0, 1, PUT_DUPLICATE },
		{ "again, members in another order", ID_A, "2020-01-01T00:00:00Z", "{\"b\":2,\"a\":1}", 21, 0, 1, PUT_DUPLICATE },
		{ "again, number spelt otherwise", ID_A, "2020-01-01T00:00:00Z", "{\"a\":1.0,\"b\":2}", 21, 0, 1, PUT_DUPLICATE },
		{ "again, instant spelt otherwise", ID_A, "2020-01-01T00:00:00.000Z", "{\"a\":1,\"b\":2}", 21, 0, 1, PUT_DUPLICATE },
		{ "other content", ID_A, "2020-01-01T00:00:00Z", "{\"a\":1,\"b\":3}", 21, 0, 1, PUT_CONFLICT },
		{ "other content, other collection", ID_A, "2020-01-01T00:00:00Z", "{\"a\":1,\"b\":3}", 21, 0, 2, PUT_CONFLICT },
		{ "other collection", ID_A, "2020-01-01T00:00:00Z", "{\"a\":1,\"b\":2}", 21, 0, 2, PUT_LINKED },
		{ "no collection, known", ID_A, "2020-01-01T00:00:00Z", "{\"a\":1,\"b\":2}", 21, 0, 0, PUT_DUPLICATE },
		{ "same version in the older specification", ID_A, "2020-01-01T00:00:00Z", "{\"a\":2}", 20, 0, 1, PUT_STORED },
		{ "newer", ID_A, "2020-01-02T00:00:00Z", "{\"a\":3}", 21, 0, 1, PUT_STORED },
		{ "older, late", ID_A, "2019-01-02T00:00:00Z", "{\"a\":4}", 21, 0, 1, PUT_STORED },
		{ "newest, revoked", ID_A, "2020-01-03T00:00:00Z", "{\"a\":5}", 21, OBJECT_REVOKED, 1, PUT_STORED },
		{ "later than revoked", ID_A, "2020-01-04T00:00:00Z", "{\"a\":6}", 21, 0, 1, PUT_REVOKED },
		{ "later than revoked, older specification", ID_A, "2020-01-04T00:00:00Z", "{\"a\":6}", 20, 0, 2, PUT_REVOKED },
		{ "before revoked", ID_A, "2020-01-02T12:00:00Z", "{\"a\":7}", 21, 0, 1, PUT_STORED },
		{ "revoked again", ID_A, "2020-01-03T00:00:00Z", "{\"a\":5}", 21, OBJECT_REVOKED, 1, PUT_DUPLICATE },
		{ "without version", ID_B, "", "{\"v\":1}", 21, 0, 1, PUT_STORED },
		{ "without version, other content", ID_B, "", "{\"v\":2}", 21, 0, 1, PUT_CONFLICT },
		{ "seven digits", ID_C, "2020-01-01T00:00:00.0000001Z", "{\"v\":1}", 21, 0, 1, PUT_STORED },
		{ "seven digits, one more", ID_C, "2020-01-01T00:00:00.0000002Z", "{\"v\":2}", 21, 0, 1, PUT_STORED },
		{ "no digits", ID_C, "2020-01-01T00:00:00Z", "{\"v\":3}", 21, 0, 1, PUT_STORED },
		{ "leap second", ID_C, "2016-12-31T23:59:60Z", "{\"v\":4}", 21, 0, 1, PUT_STORED },
		{ "id that is no UUID", "tool--x", "2016-12-31T23:59:60Z", "{\"v\":4}", 21, 0, 1, PUT_STORED },
		{ "id that is no UUID, again", "tool--x", "2016-12-31T23:59:60Z", "{\"v\":4}", 21, 0, 1, PUT_DUPLICATE },
		{ "capital letters make another id", "tool--00000000-0000-4000-8000-00000000000C", "", "{\"v\":4}", 21, 0, 1, PUT_STORED },
		{ "id without type", "00000000-0000-4000-8000-00000000000a", "", "{}", 21, 0, 1, PUT_REFUSED },
		{ "id without end", "tool--", "", "{}", 21, 0, 1, PUT_REFUSED },
		{ "version that is no time", ID_C, "yesterday", "{}", 21, 0, 1, PUT_REFUSED },
		{ "no body", ID_C, "2030-01-01T00:00:00Z", "", 21, 0, 1, PUT_REFUSED },
		{ "unknown specification", ID_C, "2030-01-01T00:00:00Z", "{}", 22, 0, 1, PUT_REFUSED },
	};
	struct objlog *l;

	dir_new();
	l = log_open();
	for (size_t i = 0; i < COUNTOF(rows) && l != NULL; i++) {
		struct object_in in = object(rows[i].id, rows[i].version, rows[i].body, rows[i].spec, 0, rows[i].flags);

		EQ_INT(put_one(l, rows[i].coll, 1, &in, NULL), rows[i].want, rows[i].name);
	}
	objlog_close(l);
	dir_drop();
}

/* The same twice in one batch, and in two batches of one transaction. */
static void test_within_transaction(void)
{
	struct object_in in[] = { object(ID_A, "2020-01-01T00:00:00Z", "{\"a\":1}", 21, 0, 0),
				  object(ID_A, "2020-01-01T00:00:00.0Z", "{\"a\": 1}", 21, 0, 0),
				  object(ID_A, "2020-01-01T00:00:00Z", "{\"a\":2}", 21, 0, 0),
				  object(ID_A, "2020-01-02T00:00:00Z", "{\"a\":3}", 21, 0, OBJECT_REVOKED),
				  object(ID_A, "2020-01-03T00:00:00Z", "{\"a\":3}", 21, 0, 0) };
	static const enum put_result want[] = { PUT_STORED, PUT_DUPLICATE, PUT_CONFLICT, PUT_STORED, PUT_REVOKED };
	enum put_result got[5], got2[5];
	usec added[5], added2[5];
	struct object_batch b = { .collection = 1, .source = 1, .objects = in, .n = 5, .results = got, .ret_added = added };
	struct object_batch b2 = { .collection = 2, .source = 2, .objects = in, .n = 5, .results = got2, .ret_added = added2 };
	struct page_query q = query_all(2);
	struct objlog *l;
	struct page p;

	dir_new();
	l = log_open();
	time_fake_set(T0);
	OK(objlog_begin(l, NULL) == RC_OK && objlog_put(l, &b, NULL, NULL) == RC_OK && objlog_put(l, &b2, NULL, NULL) == RC_OK,
	   "two batches in one transaction");
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 0, "not seen before the commit");
	OK(objlog_commit(l, NULL) == RC_OK, "commit");
	for (size_t i = 0; i < 5; i++) {
		EQ_INT(got[i], want[i], "result in the first batch");
		EQ_INT(got2[i], want[i] == PUT_STORED ? PUT_LINKED : want[i], "result in the second batch");
	}
	OK(added[0] == T0 && added[1] == T0 && added[2] == 0 && added[3] == T0 + 1, "dates of the first batch");
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 2 && !p.more && p.entries[0].added == T0 && p.entries[1].added == T0 + 1,
	   "both linked into the second collection");
	page_drop(&p);
	objlog_close(l);
	dir_drop();
}

/* date_added grows whatever the clock and the caller say. */
static void test_dates(void)
{
	static const usec given[] = { T0 + 50, T0 + 50, T0 + 60 }, backward[] = { T0 + 5, T0 + 4, T0 + 6 }, far[] = { 1, 1, INT64_MAX };
	struct object_in in[3] = { object(ID_A, "2020-01-01T00:00:00Z", "{}", 21, 0, 0), object(ID_B, "2020-01-01T00:00:00Z", "{}", 21, 0, 0),
				   object(ID_C, "2020-01-01T00:00:00Z", "{}", 21, 0, 0) };
	struct object_in late = object(ID_A, "2021-01-01T00:00:00Z", "{}", 21, 0, 0);
	enum put_result got[3];
	usec added[3], one;
	struct object_batch b = { .collection = 1, .objects = in, .n = 3, .results = got, .ret_added = added, .date_added = given };
	struct objlog *l;

	dir_new();
	l = log_open();
	time_fake_set(T0);
	EQ_INT(put_batch(l, &b, NULL), RC_OK, "own dates, two equal");
	OK(added[0] == T0 + 50 && added[1] == T0 + 51 && added[2] == T0 + 60, "equal dates are a microsecond apart");
	EQ_INT(put_one(l, 1, 1, &late, &one), PUT_STORED, "clock behind the last date");
	EQ_INT(one, T0 + 61, "still after it");
	b.date_added = backward;
	EQ_INT(put_batch(l, &b, NULL), RC_BAD, "descending dates are refused");
	b.date_added = far;
	EQ_INT(put_batch(l, &b, NULL), RC_BAD, "a date without end is refused");
	b.collection = 2;
	b.date_added = NULL;
	EQ_INT(put_batch(l, &b, NULL), RC_OK, "another collection");
	EQ_INT(added[0], T0, "has its own clock");
	objlog_close(l);
	dir_drop();
}

/* One id with versions of both specifications and several levels; what each reader sees. */
static void test_versions(void)
{
	static const uint8_t both[] = { 20, 21 }, old[] = { 20 };
	static const struct str exact[] = { { "2020-01-02T00:00:00.00Z", 23 }, { "2020-01-03T00:00:00Z", 20 } };
	static const struct {
		const char *version;
		uint8_t spec, tlp;
	} put[] = { { "2020-01-02T00:00:00Z", 21, 0 }, { "2020-01-04T00:00:00Z", 20, 2 }, { "2020-01-03T00:00:00Z", 21, 4 },
		    { "2020-01-01T00:00:00Z", 21, 1 }, { "2020-01-03T00:00:00Z", 20, 1 } };
	static const struct {
		const char *name;
		uint32_t mask;
		const uint8_t *specs;
		size_t n_specs;
		bool last, first, all;
		size_t n_versions;
		const char *want; /* indexes into put, in order of date_added */
	} rows[] = {
		{ "default: last of the newest specification", 255, NULL, 0, false, false, false, 0, "2" },
		{ "default below RED", 7, NULL, 0, false, false, false, 0, "0" },
		{ "default for a level that only 2.0 has", 4, NULL, 0, false, false, false, 0, "1" },
		{ "default for AMBER only: nothing", 8, NULL, 0, false, false, false, 0, "" },
		{ "first", 255, NULL, 0, false, true, false, 0, "3" },
		{ "first for CLEAR only", 1, NULL, 0, false, true, false, 0, "0" },
		{ "first and last", 255, NULL, 0, true, true, false, 0, "23" },
		{ "all of the newest specification", 255, NULL, 0, false, false, true, 0, "023" },
		{ "all", 255, both, 2, false, false, true, 0, "01234" },
		{ "last of both", 255, both, 2, true, false, false, 0, "1" },
		{ "last of 2.0", 255, old, 1, true, false, false, 0, "1" },
		{ "last of 2.0 for GREEN only", 2, old, 1, true, false, false, 0, "4" },
		{ "exact, spelt otherwise", 255, NULL, 0, false, false, false, 2, "02" },
		{ "exact in both specifications", 255, both, 2, false, false, false, 2, "024" },
		{ "exact or first", 3, both, 2, false, true, false, 1, "03" },
		{ "levels that nothing has", 32, both, 2, false, false, true, 0, "" },
	};
	struct objlog *l;

	dir_new();
	l = log_open();
	for (size_t i = 0; i < COUNTOF(put); i++) {
		char body[40];
		struct object_in in;

		snprintf(body, sizeof body, "{\"n\":%zu}", i);
		in = object(ID_A, put[i].version, body, put[i].spec, put[i].tlp, 0);
		EQ_INT(put_one(l, 1, 1, &in, NULL), PUT_STORED, "stored in whatever order");
	}
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct page_query q = { .collection = 1, .added_after = INT64_MIN, .tlp_mask = rows[i].mask, .specs = rows[i].specs,
					.n_specs = rows[i].n_specs, .want_last = rows[i].last, .want_first = rows[i].first,
					.want_all = rows[i].all, .versions = exact, .n_versions = rows[i].n_versions, .limit = 10, .bodies = true };
		char got[20] = { 0 };
		struct page p;

		if (objlog_page(l, &q, &p, NULL) != RC_OK)
			continue;
		for (size_t k = 0; k < p.n && k < 10; k++)
			got[k] = p.entries[k].body.p[5];
		EQ_STR(str_of(got), str_of(rows[i].want), rows[i].name);
		page_drop(&p);
	}
	objlog_close(l);
	dir_drop();
}

static void put_many(struct objlog *l, unsigned n, uint32_t coll)
{
	for (unsigned i = 0; i < n; i++) {
		char id[100], body[100];
		struct object_in in;

		snprintf(id, sizeof id, "%s--00000000-0000-4000-8000-%012u", i % 5 == 4 ? "malware" : "indicator", i);
		snprintf(body, sizeof body, "{\"n\":\"%04u\"}", i);
		in = object(id, "2020-01-01T00:00:00Z", body, 21, (uint8_t)(i % 2), 0);
		if (put_one(l, coll, 1, &in, NULL) != PUT_STORED)
			OK(false, "put %u", i);
	}
}

/* Pages follow one another without loss or repetition, whatever the limit; `more` is exact. */
static void test_paging(void)
{
	static const struct str type = { "malware", 7 };
	struct objlog *l;

	dir_new();
	l = log_open();
	time_fake_set(T0); /* all in one microsecond */
	put_many(l, 60, 1);
	for (uint32_t limit = 1; limit <= 61; limit += 6) {
		for (unsigned filter = 0; filter < 3; filter++) {
			struct page_query q = query_all(1);
			unsigned seen = 0, steps[] = { 1, 2, 5 }, next = filter == 2 ? 4 : 0;
			bool good = true, more = true;

			q.limit = limit;
			q.tlp_mask = filter == 1 ? 1 : 255;
			q.types = &type;
			q.n_types = filter == 2 ? 1 : 0;
			while (more && good) {
				struct page p;

				good = objlog_page(l, &q, &p, NULL) == RC_OK && p.n > 0 && p.n <= limit;
				for (size_t i = 0; i < p.n && good; i++, seen++, next += steps[filter]) {
					uint64_t n;

					good = str_to_u64(str_slice(p.entries[i].body, 6, 10), &n) && n == next;
				}
				more = p.more;
				q.added_after = p.last;
				page_drop(&p);
			}
			OK(good && seen == 60 / steps[filter], "pages of %u, filter %u: %u objects", limit, filter, seen);
		}
	}
	objlog_close(l);
	dir_drop();
}

static void test_bytes(void)
{
	struct page_query q = query_all(1);
	struct objlog *l;
	struct page p;

	dir_new();
	l = log_open();
	put_many(l, 10, 1);
	q.max_bytes = 12 * 3 + 2;
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 3 && p.more, "three bodies and two commas fit");
	page_drop(&p);
	q.max_bytes--;
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 2 && p.more, "one byte less: two");
	page_drop(&p);
	q.max_bytes = 1;
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 1 && p.more, "never less than one");
	page_drop(&p);
	q.bodies = false;
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 10 && !p.more && p.n_runs == 0, "a manifest has no bodies to count");
	EQ_STR(p.entries[4].id, S("malware--00000000-0000-4000-8000-000000000004"), "id in the manifest");
	EQ_STR(p.entries[4].version, S("2020-01-01T00:00:00Z"), "version in the manifest");
	page_drop(&p);
	objlog_close(l);
	dir_drop();
}

/* A batch comes back as one run; the largest body goes in and out. */
static void test_bodies(void)
{
	struct object_in in[3] = { object(ID_A, "2020-01-01T00:00:00Z", "{\"n\":1}", 21, 0, 0), object(ID_B, "2020-01-01T00:00:00Z", "{\"n\":2}", 21, 0, 0),
				   object(ID_C, "2020-01-01T00:00:00Z", "{\"n\":3}", 21, 0, 0) };
	enum put_result got[3];
	struct object_batch b = { .collection = 1, .objects = in, .n = 3, .results = got };
	struct page_query q = query_all(1);
	char *large = mem_alloc(OBJECT_BODY_MAX);
	struct objlog *l;
	struct page p;

	dir_new();
	l = log_open();
	EQ_INT(put_batch(l, &b, NULL), RC_OK, "three at once");
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n_runs == 1, "one run");
	EQ_STR(p.runs[0], S("{\"n\":1},{\"n\":2},{\"n\":3}"), "joined by commas");
	page_drop(&p);
	memset(large, ' ', OBJECT_BODY_MAX);
	large[0] = '{';
	large[OBJECT_BODY_MAX - 1] = '}';
	in[0].version = S("2021-01-01T00:00:00Z");
	in[0].body = str_make(large, OBJECT_BODY_MAX);
	EQ_INT(put_one(l, 2, 1, &in[0], NULL), PUT_STORED, "the largest body");
	q.collection = 2;
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 1 && str_eq(p.entries[0].body, in[0].body), "comes back whole");
	page_drop(&p);
	mem_free(large);
	objlog_close(l);
	dir_drop();
}

/* Deleting the last version makes the one before it the last; a body in no collection is gone. */
static void test_remove(void)
{
	static const struct str id = { ID_A, sizeof ID_A - 1 }, second = { "2020-01-02T00:00:00Z", 20 };
	struct object_in in[2] = { object(ID_A, "2020-01-01T00:00:00Z", "{\"n\":1}", 21, 0, 0), object(ID_A, "2020-01-02T00:00:00Z", "{\"n\":2}", 21, 0, OBJECT_REVOKED) };
	struct page_query del = { .collection = 1, .ids = &id, .n_ids = 1, .versions = &second, .n_versions = 1, .tlp_mask = 255 };
	struct page_query last = { .collection = 1, .added_after = INT64_MIN, .tlp_mask = 255, .limit = 10, .bodies = true };
	struct event_list events = { 0 };
	struct objlog_stats st;
	uint64_t removed;
	struct objlog *l;
	struct page p;

	dir_new();
	l = log_open();
	put_one(l, 1, 1, &in[0], NULL);
	put_one(l, 1, 1, &in[1], NULL);
	put_one(l, 2, 1, &in[1], NULL);
	EQ_INT(objlog_begin(l, NULL), RC_OK, "begin");
	OK(objlog_remove(l, &del, &removed, &events, NULL) == RC_OK && removed == 1, "one version is removed");
	OK(events.n == 1 && events.p[0].removed && events.p[0].collection == 1 && str_eq(events.p[0].entry.version, second), "and told");
	EQ_INT(objlog_remove(l, &del, &removed, NULL, NULL), RC_BUSY, "a second change needs its own transaction");
	EQ_INT(objlog_commit(l, NULL), RC_OK, "commit");
	for (int round = 0; round < 2; round++) {
		OK(objlog_page(l, &last, &p, NULL) == RC_OK && p.n == 1 && p.entries[0].body.p[5] == '1', "the one before is the last now");
		page_drop(&p);
		last.collection = 2;
		OK(objlog_page(l, &last, &p, NULL) == RC_OK && p.n == 1 && p.entries[0].body.p[5] == '2', "the other collection is as before");
		page_drop(&p);
		last.collection = 1;
		objlog_close(l);
		l = log_open();
	}
	del.collection = 2;
	OK(objlog_begin(l, NULL) == RC_OK && objlog_remove(l, &del, &removed, NULL, NULL) == RC_OK && objlog_commit(l, NULL) == RC_OK, "out of the other one too");
	last.collection = NO_COLLECTION;
	OK(objlog_page(l, &last, &p, NULL) == RC_OK && p.n == 1 && p.entries[0].body.p[5] == '1', "not held any more");
	page_drop(&p);
	objlog_stats(l, &st);
	OK(st.ids == 1 && st.versions == 1 && st.dead == 7, "and counted as dead");
	EQ_INT(put_one(l, 1, 1, &in[1], NULL), PUT_STORED, "it may come again");
	EQ_INT(objlog_begin(l, NULL), RC_OK, "begin");
	EQ_INT(objlog_remove(l, &(struct page_query){ .collection = 9, .ids = &id, .n_ids = 1, .tlp_mask = 255 }, &removed, NULL, NULL), RC_NOTFOUND, "not in that collection");
	objlog_rollback(l);
	mem_free(events.p);
	objlog_close(l);
	dir_drop();
}

/* A level that falls moves the entry to the end and is told; one that rises does neither. */
static void test_remark(void)
{
	struct object_in in[2] = { object(ID_A, "2020-01-01T00:00:00Z", "{\"n\":1}", 21, 4, OBJECT_MARKING_UNKNOWN), object(ID_B, "2020-01-02T00:00:00Z", "{\"n\":2}", 21, 0, 0) };
	struct page_query q = query_all(1);
	struct event_list events = { 0 };
	struct objlog *l;
	struct page p;
	uint64_t n;

	dir_new();
	l = log_open();
	time_fake_set(T0);
	put_one(l, 1, 1, &in[0], NULL);
	put_one(l, 1, 1, &in[1], NULL);
	q.flags_all = OBJECT_MARKING_UNKNOWN;
	OK(objlog_count(l, &q, &n, NULL) == RC_OK && n == 1, "found by its flag");
	q.flags_all = 0;
	OK(objlog_begin(l, NULL) == RC_OK && objlog_remark(l, S(ID_A), in[0].version, 1, 0, &events, NULL) == RC_OK &&
	   objlog_commit(l, NULL) == RC_OK, "RED to GREEN");
	OK(events.n == 1 && !events.p[0].removed && events.p[0].entry.tlp == 1 && events.p[0].entry.added == T0 + 2, "told with its new date");
	EQ_STR(events.p[0].entry.body, S("{\"n\":1}"), "and its body");
	q.tlp_mask = 3;
	q.added_after = T0 + 1;
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 1 && p.entries[0].added == T0 + 2 && p.entries[0].flags == 0, "a reader who had paged past it gets it");
	page_drop(&p);
	events.n = 0;
	OK(objlog_begin(l, NULL) == RC_OK && objlog_remark(l, S(ID_A), in[0].version, 4, 0, &events, NULL) == RC_OK &&
	   objlog_commit(l, NULL) == RC_OK && events.n == 0, "GREEN to RED is not told");
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 0, "and not seen any more");
	page_drop(&p);
	OK(objlog_begin(l, NULL) == RC_OK && objlog_remark(l, S(ID_A), S("2029-01-01T00:00:00Z"), 4, 0, &events, NULL) == RC_NOTFOUND, "no such version");
	objlog_rollback(l);
	mem_free(events.p);
	objlog_close(l);
	dir_drop();
}

static void test_claims(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(1 << 20);
	struct object_in in = object(ID_A, "2020-01-01T00:00:00Z", "{\"n\":1}", 21, 1, 0);
	static const struct {
		uint32_t source;
		uint8_t confidence;
	} put[] = { { 5, 50 }, { 6, 60 }, { 5, 50 }, { 7, 255 }, { 6, 66 }, { 5, 55 } };
	static const struct {
		uint32_t source;
		usec received;
		uint8_t confidence;
	} want[] = { { 5, T0, 55 }, { 6, T0 + 1, 66 }, { 7, T0 + 3, 255 } };
	struct claim *c = NULL;
	struct objlog *l;
	size_t n = 0;

	dir_new();
	l = log_open();
	for (size_t i = 0; i < COUNTOF(put); i++) {
		time_fake_set(T0 + (usec)i);
		in.confidence = put[i].confidence;
		put_one(l, (uint32_t)(1 + i % 2), put[i].source, &in, NULL);
	}
	for (int round = 0; round < 2; round++) {
		OK(objlog_claims(l, S(ID_A), a, &c, &n, NULL) == RC_OK && n == COUNTOF(want), "one claim for each source");
		for (size_t i = 0; i < COUNTOF(want) && n == COUNTOF(want); i++)
			OK(c[i].source == want[i].source && c[i].received == want[i].received && c[i].confidence == want[i].confidence &&
			   c[i].tlp == 1 && str_eq(c[i].version, in.version), "claim %zu: first date, latest word", i);
		objlog_close(l);
		l = log_open();
	}
	EQ_INT(objlog_claims(l, S(ID_B), a, &c, &n, NULL), RC_NOTFOUND, "no claims on an unknown id");
	objlog_close(l);
	dir_drop();
}

/* Versions that come in order cost nothing however many there are; one older than thousands of them is refused. */
static void test_many_versions(void)
{
	static char versions[1000][40], bodies[1000][20];
	static struct object_in in[1000];
	static enum put_result results[1000];
	struct object_batch b = { .collection = 1, .objects = in, .n = 1000, .results = results };
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .tlp_mask = 255, .limit = 10, .bodies = true };
	struct objlog *l;
	bool good = true;
	struct page p;
	usec t = T0;

	dir_new();
	l = log_open();
	for (int k = 0; k < 18 && good; k++) {
		for (size_t i = 0; i < 1000; i++, t += USEC_PER_SEC) {
			char text[TIME_TEXT_MAX];

			snprintf(versions[i], sizeof versions[i], "%s", time_format(t, text).p);
			snprintf(bodies[i], sizeof bodies[i], "{\"n\":%lld}", (long long)(t % 9));
			in[i] = object(ID_A, versions[i], bodies[i], 21, 0, 0);
		}
		good = put_batch(l, &b, NULL) == RC_OK && results[0] == PUT_STORED && results[999] == PUT_STORED;
	}
	OK(good, "18,000 versions of one object");
	OK(objlog_page(l, &q, &p, NULL) == RC_OK && p.n == 1 && str_eq(p.entries[0].version, in[999].version), "one is the last");
	page_drop(&p);
	in[0].version = S("2000-01-01T00:00:00Z");
	EQ_INT(put_one(l, 1, 1, &in[0], NULL), PUT_REFUSED, "one that is far too old");
	objlog_close(l);
	OK((l = log_open()) != NULL, "opens again");
	objlog_close(l);
	dir_drop();
}

static void test_modes(void)
{
	struct objlog_config c = { .dir = test_dir };
	struct object_in in = object(ID_A, "2020-01-01T00:00:00Z", "{\"n\":1}", 21, 1, 0);
	struct page_query q = query_all(1);
	struct objlog *l, *reader;
	struct page p;

	dir_new();
	EQ_INT(objlog_open(&c, &l, NULL), RC_NOTFOUND, "no log and none to be made");
	l = log_open();
	put_one(l, 1, 1, &in, NULL);
	c.read_only = true;
	EQ_INT(objlog_open(&c, &reader, NULL), RC_OK, "a reader beside the writer");
	OK(objlog_page(reader, &q, &p, NULL) == RC_OK && p.n == 1, "reads");
	page_drop(&p);
	EQ_INT(objlog_begin(reader, NULL), RC_DENIED, "and changes nothing");
	objlog_close(reader);
	objlog_close(l);
	dir_drop();
}

int main(void)
{
	test_results();
	test_within_transaction();
	test_dates();
	test_versions();
	test_paging();
	test_bytes();
	test_bodies();
	test_remove();
	test_remark();
	test_claims();
	test_many_versions();
	test_modes();
	EQ_INT(mem_live(), 0, "nothing is left allocated");
	return tap_done();
}
