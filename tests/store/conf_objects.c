/* Objects: what is stored, what a page shows, what goes and what moves. */
#include "conformance.h"

#include "base/buf.h"
#include "base/time.h"
#include "objects_make.h"
#include "store/collections.h"

#define T1 "2026-01-01T00:00:00Z"
#define T2 "2026-01-02T00:00:00.000Z"
#define T3 "2026-01-03T00:00:00.123456Z"

static void results(struct scene *sc)
{
	struct object_in a1 = make_object(sc->a, "indicator", 1, T1, "x"), a1_other = make_object(sc->a, "indicator", 1, T1, "y"),
			 a1_same_instant = a1, a1_reordered = a1, a2 = make_object(sc->a, "indicator", 1, T2, "x"),
			 late = make_object(sc->a, "indicator", 1, T3, "x"), early = make_object(sc->a, "indicator", 1, "2025-01-01T00:00:00Z", "x"),
			 sco = make_object(sc->a, "domain-name", 2, "", "x"), spec20 = a1;
	struct page_query q = { .collection = 7, .added_after = INT64_MIN, .tlp_mask = ALL_TLP, .limit = 10, .want_all = true };
	struct page p;

	a1_same_instant.version = S("2026-01-01T00:00:00.000Z");
	a1_reordered.body = arena_fmt(sc->a, "{\"name\":\"\\u0078\",\"modified\":\"%s\",\"id\":\"%.*s\",\"type\":\"indicator\"}", T1, STR(a1.id));
	spec20.spec = 20;
	a2.flags = OBJECT_REVOKED;
	struct {
		const char *what;
		uint32_t collection;
		const struct object_in *o;
		enum put_result want;
	} rows[] = {
		{ "new", 7, &a1, PUT_STORED },
		{ "again", 7, &a1, PUT_DUPLICATE },
		{ "members in another order", 7, &a1_reordered, PUT_DUPLICATE },
		{ "the same instant in other digits", 7, &a1_same_instant, PUT_DUPLICATE },
		{ "other content", 7, &a1_other, PUT_CONFLICT },
		{ "in another collection", 8, &a1, PUT_LINKED },
		{ "there again", 8, &a1, PUT_DUPLICATE },
		{ "other content there", 8, &a1_other, PUT_CONFLICT },
		{ "another spec is another version", 7, &spec20, PUT_STORED },
		{ "revoked", 7, &a2, PUT_STORED },
		{ "newer than revoked", 7, &late, PUT_REVOKED },
		{ "newer than revoked, elsewhere", 9, &late, PUT_REVOKED },
		{ "older than revoked", 7, &early, PUT_STORED },
		{ "the revoked one again", 7, &a2, PUT_DUPLICATE },
		{ "without a version", 7, &sco, PUT_STORED },
		{ "without a version again", 7, &sco, PUT_DUPLICATE },
		{ "in no collection, known", NO_COLLECTION, &sco, PUT_DUPLICATE },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_INT(put_one(sc->s, rows[i].collection, 1, rows[i].o, NULL, &sc->err), rows[i].want, rows[i].what);
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page");
	EQ_INT(p.n, 4, "four versions of the newest spec lie in the collection");
	page_done(&p);
	q.collection = NO_COLLECTION;
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page of everything");
	EQ_INT(p.n, 4, "everything has them once");
	page_done(&p);
}

static void refused(struct scene *sc)
{
	struct object_in good = make_object(sc->a, "indicator", 1, T1, "x"), bad[8];
	enum put_result results[9];
	struct object_batch b = { .collection = 1, .source = 1, .objects = bad, .n = COUNTOF(bad), .results = results };
	uint64_t n = 0;

	for (size_t i = 0; i < COUNTOF(bad); i++)
		bad[i] = make_object(sc->a, "indicator", (unsigned)i + 10, T1, "x");
	bad[0].id = S("indicator--");
	bad[1].type = S("malware");
	bad[2].version = S("yesterday");
	bad[3].spec = 22;
	bad[4].tlp = 99;
	bad[5].body = S("");
	bad[6].id = S("");
	bad[7] = good;
	DONE(sc, store_put(sc->s, &b, &sc->err), "a batch with bad ones");
	for (size_t i = 0; i < 7; i++)
		EQ_INT(results[i], PUT_REFUSED, "refused");
	EQ_INT(results[7], PUT_STORED, "the good one goes in");
	OK(sc->err.rc == RC_BAD && sc->err.text[0] != '\0', "and the first refusal is told: %s", sc->err.text);
	DONE(sc, store_count(sc->s, &(struct page_query){ .collection = 1, .tlp_mask = ALL_TLP }, &n, &sc->err), "count");
	EQ_INT(n, 1, "one is there");
	b.n = 0;
	GIVES(sc, RC_LIMIT, store_put(sc->s, &b, &sc->err), "an empty batch");
	GIVES(sc, RC_LIMIT, store_page(sc->s, &(struct page_query){ .limit = 0 }, &(struct page){ 0 }, &sc->err), "no limit");
	GIVES(sc, RC_LIMIT, store_page(sc->s, &(struct page_query){ .limit = PAGE_LIMIT_MAX + 1 }, &(struct page){ 0 }, &sc->err),
	      "too large a limit");
	GIVES(sc, RC_BAD, store_page(sc->s, &(struct page_query){ .limit = 1, .n_versions = 1, .versions = &S("soon") },
				     &(struct page){ 0 }, &sc->err), "a version that is no time");
	GIVES(sc, RC_BAD, store_delete(sc->s, &(struct page_query){ .collection = 1 }, &n, &sc->err), "a removal without ids");
}

/* One envelope with the same object twice, two versions, and a revocation in the middle. */
static void one_batch(struct scene *sc)
{
	struct object_in in[6];
	enum put_result r[6];
	usec added[6];
	struct object_batch b = { .collection = 3, .source = 1, .objects = in, .n = 6, .results = r, .ret_added = added };

	in[0] = make_object(sc->a, "indicator", 1, T1, "x");
	in[1] = in[0];
	in[2] = make_object(sc->a, "indicator", 1, T1, "y");
	in[3] = make_object(sc->a, "indicator", 1, T2, "x");
	in[3].flags = OBJECT_REVOKED;
	in[4] = make_object(sc->a, "indicator", 1, T3, "x");
	in[5] = make_object(sc->a, "indicator", 2, T3, "x");
	DONE(sc, store_put(sc->s, &b, &sc->err), "a batch");
	OK(r[0] == PUT_STORED && r[1] == PUT_DUPLICATE && r[2] == PUT_CONFLICT && r[3] == PUT_STORED && r[4] == PUT_REVOKED &&
		   r[5] == PUT_STORED, "each is judged in its turn (%d %d %d %d %d %d)", r[0], r[1], r[2], r[3], r[4], r[5]);
	OK(added[0] == added[1] && added[3] > added[0] && added[5] > added[3] && added[2] == 0 && added[4] == 0, "dates grow");
}

static void dates(struct scene *sc)
{
	struct object_in in[5];
	enum put_result r[5];
	static const usec given[] = { 100, 100, 200, 200, 300 };
	usec added[5], next = 0;
	struct object_batch b = { .collection = 4, .source = 1, .objects = in, .n = 5, .results = r, .ret_added = added,
				  .date_added = given };

	for (unsigned i = 0; i < 5; i++)
		in[i] = make_object(sc->a, "indicator", i, T1, "x");
	DONE(sc, store_put(sc->s, &b, &sc->err), "a data set with its own dates");
	OK(added[0] == 100 && added[1] == 101 && added[2] == 200 && added[3] == 201 && added[4] == 300, "kept, and made unique");
	time_fake_set(250);
	in[0] = make_object(sc->a, "indicator", 10, T1, "x");
	put_one(sc->s, 4, 1, &in[0], &next, &sc->err);
	EQ_INT(next, 301, "a clock behind the last date does not go back");
	time_fake_off();
	b.date_added = (const usec[]){ 2, 1, 3, 4, 5 };
	GIVES(sc, RC_BAD, store_put(sc->s, &b, &sc->err), "dates that go back");
}

/* The data set that the queries below look at; collection 5. */
static const struct {
	const char *type;
	unsigned number;
	const char *version;
	uint8_t spec, tlp, flags;
} SET[] = {
	{ "indicator", 1, T2, 21, 1, 0 },                     /* 0: added out of order of versions */
	{ "indicator", 1, T1, 21, 1, 0 },                     /* 1 */
	{ "indicator", 1, T3, 21, 4, 0 },                     /* 2: the newest is RED */
	{ "malware", 2, T1, 20, 0, 0 },                       /* 3: 2.0 with the newer version */
	{ "malware", 2, T3, 20, 0, OBJECT_HAS_REFS },         /* 4 */
	{ "malware", 2, T2, 21, 0, OBJECT_HAS_REFS },         /* 5 */
	{ "domain-name", 3, "", 21, 2, 0 },                   /* 6 */
	{ "indicator", 4, T1, 21, 1, OBJECT_REVOKED },        /* 7 */
	{ "tool", 5, T1, 20, 1, 0 },                          /* 8: only known as 2.0 */
};

static void fill(struct scene *sc, uint32_t collection)
{
	for (size_t i = 0; i < COUNTOF(SET); i++) {
		struct object_in o = make_object(sc->a, SET[i].type, SET[i].number, SET[i].version, "x");

		o.spec = SET[i].spec;
		o.tlp = SET[i].tlp;
		o.flags = SET[i].flags;
		o.body = arena_fmt(sc->a, "{\"at\":%zu,\"id\":\"%.*s\"}", i, STR(o.id));
		if (put_one(sc->s, collection, 1, &o, NULL, &sc->err) != PUT_STORED)
			OK(false, "set entry %zu: %s", i, sc->err.text);
	}
}

#define R(x) { x, sizeof(x) - 1 }

/* `want`: indexes into SET in the order of the page. */
static const struct {
	const char *what;
	int id;                  /* number, 0 = any */
	const char *id_type;
	struct str types[3];
	size_t n_types;
	uint8_t specs[2];
	size_t n_specs;
	bool last, first, all;
	struct str versions[2];
	size_t n_versions;
	uint32_t mask;
	uint8_t flags;
	struct str want;
} QUERIES[] = {
	{ .what = "all may be seen", .mask = ALL_TLP, .want = R("25678") },
	{ .what = "RED hidden: an older version is the last", .mask = 0xf, .want = R("05678") },
	{ .what = "only CLEAR", .mask = 1, .want = R("5") },
	{ .what = "nothing may be seen", .mask = 0, .want = R("") },
	{ .what = "last, said so", .mask = 0xf, .last = true, .want = R("05678") },
	{ .what = "first", .mask = ALL_TLP, .first = true, .want = R("15678") },
	{ .what = "all", .mask = ALL_TLP, .all = true, .want = R("0125678") },
	{ .what = "all of GREEN and CLEAR", .mask = 3, .all = true, .want = R("01578") },
	{ .what = "first and last", .mask = ALL_TLP, .first = true, .last = true, .want = R("125678") },
	{ .what = "one version", .mask = ALL_TLP, .versions = { R("2026-01-02T00:00:00Z") }, .n_versions = 1, .want = R("05") },
	{ .what = "a version in other digits", .mask = ALL_TLP, .versions = { R("2026-01-03T00:00:00.1234560Z") }, .n_versions = 1,
	  .want = R("2") },
	{ .what = "two versions", .mask = ALL_TLP, .versions = { R(T1), R(T2) }, .n_versions = 2, .want = R("01578") },
	{ .what = "a version or the last", .mask = ALL_TLP, .versions = { R(T1) }, .n_versions = 1, .last = true,
	  .want = R("125678") },
	{ .what = "no such version", .mask = ALL_TLP, .versions = { R("1999-01-01T00:00:00Z") }, .n_versions = 1, .want = R("") },
	{ .what = "spec 2.0", .mask = ALL_TLP, .specs = { 20 }, .n_specs = 1, .want = R("48") },
	{ .what = "spec 2.0, all", .mask = ALL_TLP, .specs = { 20 }, .n_specs = 1, .all = true, .want = R("348") },
	{ .what = "both specs: the last of all", .mask = ALL_TLP, .specs = { 20, 21 }, .n_specs = 2, .want = R("24678") },
	{ .what = "both specs: the first of all", .mask = ALL_TLP, .specs = { 20, 21 }, .n_specs = 2, .first = true, .want = R("13678") },
	{ .what = "a spec that nobody has", .mask = ALL_TLP, .specs = { 22 }, .n_specs = 1, .want = R("") },
	{ .what = "by type", .mask = ALL_TLP, .types = { R("malware") }, .n_types = 1, .want = R("5") },
	{ .what = "by types", .mask = ALL_TLP, .types = { R("tool"), R("indicator"), R("nothing") }, .n_types = 3, .want = R("278") },
	{ .what = "by id", .mask = ALL_TLP, .id = 1, .id_type = "indicator", .want = R("2") },
	{ .what = "by id, all", .mask = ALL_TLP, .id = 1, .id_type = "indicator", .all = true, .want = R("012") },
	{ .what = "by id, another type", .mask = ALL_TLP, .id = 1, .id_type = "malware", .want = R("") },
	{ .what = "by id and type that differ", .mask = ALL_TLP, .id = 1, .id_type = "indicator", .types = { R("tool") }, .n_types = 1,
	  .want = R("") },
	{ .what = "that name others", .mask = ALL_TLP, .flags = OBJECT_HAS_REFS, .want = R("5") },
	{ .what = "that name others, all specs", .mask = ALL_TLP, .flags = OBJECT_HAS_REFS, .specs = { 20, 21 }, .n_specs = 2, .all = true,
	  .want = R("45") },
	{ .what = "revoked", .mask = ALL_TLP, .flags = OBJECT_REVOKED, .want = R("7") },
};

static struct page_query query_of(struct scene *sc, size_t i, uint32_t collection, struct str *id)
{
	*id = QUERIES[i].id == 0 ? S("") : make_id(sc->a, QUERIES[i].id_type, (unsigned)QUERIES[i].id);
	return (struct page_query){
		.collection = collection, .added_after = INT64_MIN, .ids = id, .n_ids = QUERIES[i].id != 0, .types = QUERIES[i].types,
		.n_types = QUERIES[i].n_types, .specs = QUERIES[i].specs, .n_specs = QUERIES[i].n_specs, .want_last = QUERIES[i].last,
		.want_first = QUERIES[i].first, .want_all = QUERIES[i].all, .versions = QUERIES[i].versions,
		.n_versions = QUERIES[i].n_versions, .tlp_mask = QUERIES[i].mask, .flags_all = QUERIES[i].flags, .limit = 100,
		.bodies = true };
}

/* The digit behind "at": of each body. */
static struct str digits(struct scene *sc, const struct page *p)
{
	char *out = arena_alloc(sc->a, p->n + 1);

	for (size_t i = 0; i < p->n; i++)
		out[i] = p->entries[i].body.n > 6 ? p->entries[i].body.p[6] : '?';
	return str_make(out, p->n);
}

static void queries(struct scene *sc)
{
	fill(sc, 5);
	for (size_t i = 0; i < COUNTOF(QUERIES); i++) {
		for (uint32_t collection = 0; collection <= 5; collection += 5) {
			struct str id;
			struct page_query q = query_of(sc, i, collection, &id);
			struct page p;
			uint64_t n = 0;

			DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page");
			EQ_STR(digits(sc, &p), QUERIES[i].want, QUERIES[i].what);
			page_done(&p);
			DONE(sc, store_count(sc->s, &q, &n, &sc->err), "count");
			EQ_INT(n, QUERIES[i].want.n, "count agrees");
			/* One at a time gives the same, in the same order. */
			q.limit = 1;
			for (size_t k = 0; k < QUERIES[i].want.n; k++) {
				DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page of one");
				OK(p.n == 1 && digits(sc, &p).p[0] == QUERIES[i].want.p[k] && p.more == (k + 1 < QUERIES[i].want.n) &&
					   p.last == p.entries[0].added, "%s: entry %zu", QUERIES[i].what, k);
				q.added_after = p.last;
				page_done(&p);
			}
			DONE(sc, store_page(sc->s, &q, &p, &sc->err), "behind the last");
			OK(p.n == 0 && !p.more, "nothing");
			page_done(&p);
		}
	}
}

static void paging(struct scene *sc)
{
	enum { N = 250 };
	struct object_in in[N];
	enum put_result r[N];
	struct object_batch b = { .collection = 6, .source = 9, .objects = in, .n = N, .results = r };
	struct page_query q = { .collection = 6, .added_after = INT64_MIN, .tlp_mask = ALL_TLP, .limit = 100, .bodies = true };
	struct page p;
	struct buf joined, want;
	usec before = 0;

	for (unsigned i = 0; i < N; i++) {
		in[i] = make_object(sc->a, i % 3 ? "indicator" : "ipv4-addr", i, T1, "paging");
		in[i].confidence = (uint8_t)(i % 100);
	}
	DONE(sc, store_put(sc->s, &b, &sc->err), "250 objects");
	for (unsigned at = 0; at < N; at += 100) {
		unsigned n = N - at < 100 ? N - at : 100;

		buf_init(&joined, 1 << 20);
		buf_init(&want, 1 << 20);
		DONE(sc, store_page(sc->s, &q, &p, &sc->err), "a page");
		OK(p.n == n && p.more == (at + n < N) && p.last == p.entries[n - 1].added, "of %u", n);
		for (unsigned i = 0; i < p.n; i++) {
			const struct page_entry *e = &p.entries[i];
			const struct object_in *o = &in[at + i];

			if (!str_eq(e->id, o->id) || !str_eq(e->type, o->type) || !str_eq(e->version, o->version) || e->spec != 21 ||
			    e->tlp != 1 || e->source != 9 || e->confidence != o->confidence || !str_eq(e->body, o->body) || e->added <= before)
				OK(false, "entry %u is not as it was put", at + i);
			before = e->added;
			buf_str(&want, e->body);
			if (i + 1 < p.n)
				buf_char(&want, ',');
		}
		for (size_t i = 0; i < p.n_runs; i++) {
			if (i > 0)
				buf_char(&joined, ',');
			buf_str(&joined, p.runs[i]);
		}
		EQ_STR(buf_view(&joined), buf_view(&want), "the runs are the bodies");
		q.added_after = p.last;
		page_done(&p);
		buf_done(&joined);
		buf_done(&want);
	}
	q.added_after = INT64_MIN;
	q.max_bytes = 3 * in[1].body.n + 2;
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "a page of bounded bytes");
	OK(p.n >= 2 && p.n <= 3 && p.more, "ends before they are exceeded (%zu)", p.n);
	page_done(&p);
	q.max_bytes = 1;
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "a page of one byte");
	OK(p.n == 1 && p.more, "gives one object");
	page_done(&p);
	q.max_bytes = 0;
	q.bodies = false;
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "a manifest");
	OK(p.n == 100 && p.entries[0].body.n == 0 && p.n_runs == 0, "has no bodies");
	page_done(&p);
	q.collection = 66;
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "a collection that holds nothing");
	OK(p.n == 0 && !p.more && p.last == 0, "is an empty page");
	page_done(&p);
}

static void removing(struct scene *sc)
{
	struct str id = make_id(sc->a, "indicator", 1), other = make_id(sc->a, "malware", 2), t1 = S(T1);
	struct page_query q = { .collection = 5, .added_after = INT64_MIN, .ids = &id, .n_ids = 1, .tlp_mask = ALL_TLP, .limit = 100,
				.versions = &t1, .n_versions = 1, .bodies = true };
	struct object_in again = make_object(sc->a, "indicator", 1, T1, "other content");
	struct page p;
	uint64_t n = 0;

	fill(sc, 5);
	struct object_in linked = make_object(sc->a, "indicator", 4, T1, "x");
	linked.body = arena_fmt(sc->a, "{\"at\":7,\"id\":\"%.*s\"}", STR(linked.id));
	EQ_INT(put_one(sc->s, 6, 1, &linked, NULL, &sc->err), PUT_LINKED, "one lies in two collections");

	DONE(sc, store_delete(sc->s, &q, &n, &sc->err), "one version");
	EQ_INT(n, 1, "is removed");
	GIVES(sc, RC_NOTFOUND, store_delete(sc->s, &q, &n, &sc->err), "only once");
	q.n_versions = 0;
	q.want_all = true;
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page");
	EQ_STR(digits(sc, &p), S("02"), "two versions are left");
	page_done(&p);
	q.collection = NO_COLLECTION;
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page of everything");
	EQ_STR(digits(sc, &p), S("02"), "the node does not know it any more");
	page_done(&p);
	EQ_INT(put_one(sc->s, 5, 1, &again, NULL, &sc->err), PUT_STORED, "it may come again with other content");
	q.collection = 5;
	q.tlp_mask = 3;
	DONE(sc, store_delete(sc->s, &q, &n, &sc->err), "all that one may see");
	EQ_INT(n, 2, "are two");
	q.tlp_mask = ALL_TLP;
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page");
	EQ_STR(digits(sc, &p), S("2"), "what was hidden stays");
	page_done(&p);
	id = linked.id;
	DONE(sc, store_delete(sc->s, &q, &n, &sc->err), "from one collection");
	q.collection = 6;
	DONE(sc, store_count(sc->s, &q, &n, &sc->err), "count");
	EQ_INT(n, 1, "stays in the other");
	q.collection = NO_COLLECTION;
	DONE(sc, store_count(sc->s, &q, &n, &sc->err), "count");
	EQ_INT(n, 1, "and in everything");
	DONE(sc, store_delete(sc->s, &q, &n, &sc->err), "from everything");
	q.collection = 6;
	DONE(sc, store_count(sc->s, &q, &n, &sc->err), "count");
	EQ_INT(n, 0, "is in no collection");
	id = other;
	q.collection = 99;
	GIVES(sc, RC_NOTFOUND, store_delete(sc->s, &q, &n, &sc->err), "from a collection where it is not");
}

static void claims(struct scene *sc)
{
	struct object_in o = make_object(sc->a, "indicator", 1, T1, "x"), o2 = make_object(sc->a, "indicator", 1, T2, "x");
	enum put_result r;
	struct object_batch b = { .collection = 1, .objects = &o, .n = 1, .results = &r };
	static const struct {
		uint32_t source;
		usec received;
		uint8_t tlp, confidence;
	} rows[] = { { 1, 100, 1, 50 }, { 2, 200, 2, 60 }, { 1, 300, 1, 50 }, { 2, 400, 3, 70 } };
	struct claim *got;
	size_t n = 0;

	GIVES(sc, RC_NOTFOUND, store_claims(sc->s, o.id, sc->a, &got, &n, &sc->err), "nobody said anything");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		b.source = rows[i].source;
		b.received = rows[i].received;
		o.tlp = rows[i].tlp;
		o.confidence = rows[i].confidence;
		DONE(sc, store_put(sc->s, &b, &sc->err), "put");
	}
	b.objects = &o2;
	b.received = 500;
	DONE(sc, store_put(sc->s, &b, &sc->err), "a second version");
	DONE(sc, store_claims(sc->s, o.id, sc->a, &got, &n, &sc->err), "claims");
	if (!OK(n == 3, "one for each version and source (%zu)", n))
		return;
	OK(got[0].source == 1 && got[0].received == 100 && got[0].tlp == 1 && got[0].confidence == 50, "the first");
	OK(got[1].source == 2 && got[1].received == 200 && got[1].tlp == 3 && got[1].confidence == 70,
	   "the first time stays, the rest is the latest");
	EQ_STR(got[0].version, S(T1), "version");
	OK(got[2].source == 2 && got[2].received == 500, "the second version's");
	EQ_STR(got[2].version, S(T2), "version");
}

struct heard {
	struct arena *a;
	struct object_event events[64];
	size_t n;
};

static void hear(void *ctx, const struct object_event *e, size_t n)
{
	struct heard *h = ctx;

	for (size_t i = 0; i < n && h->n < COUNTOF(h->events); i++) {
		struct object_event *mine = &h->events[h->n++];

		*mine = e[i];
		mine->entry.id = arena_dup(h->a, e[i].entry.id);
		mine->entry.body = arena_dup(h->a, e[i].entry.body);
		mine->entry.version = arena_dup(h->a, e[i].entry.version);
	}
}

static void listeners(struct scene *sc)
{
	struct heard h = { .a = sc->a };
	struct object_in o = make_object(sc->a, "indicator", 1, T1, "x"), stricter = o, p = make_object(sc->a, "indicator", 2, T1, "x");
	struct page_query q = { .collection = 1, .ids = &o.id, .n_ids = 1, .tlp_mask = ALL_TLP, .want_all = true };
	uint64_t n;
	usec added = 0;

	DONE(sc, store_listen(sc->s, hear, &h, &sc->err), "listen");
	o.tlp = 2;
	put_one(sc->s, 1, 5, &o, &added, &sc->err);
	put_one(sc->s, 1, 5, &o, NULL, &sc->err);
	stricter.tlp = 0;
	put_one(sc->s, 2, 6, &stricter, NULL, &sc->err);
	put_one(sc->s, NO_COLLECTION, 5, &p, NULL, &sc->err);
	DONE(sc, store_delete(sc->s, &q, &n, &sc->err), "delete");
	if (!OK(h.n == 4, "stored, linked, stored, removed: a duplicate is not told (%zu)", h.n))
		return;
	OK(h.events[0].collection == 1 && h.events[0].source == 5 && h.events[0].entry.added == added && !h.events[0].removed &&
		   h.events[0].entry.tlp == 2 && h.events[0].entry.spec == 21, "the first");
	EQ_STR(h.events[0].entry.id, o.id, "id");
	EQ_STR(h.events[0].entry.body, o.body, "with its body");
	OK(h.events[1].collection == 2 && h.events[1].source == 6, "linked");
	EQ_INT(h.events[1].entry.tlp, 2, "a link has the level of what is stored, not of who links");
	OK(h.events[2].collection == NO_COLLECTION, "in no collection");
	EQ_STR(h.events[2].entry.id, p.id, "id");
	OK(h.events[3].removed && h.events[3].collection == 1, "removed");
	EQ_STR(h.events[3].entry.id, o.id, "id");
	for (int i = 1; i < 8; i++)
		GIVES(sc, RC_OK, store_listen(sc->s, hear, &h, &sc->err), "eight may listen");
	GIVES(sc, RC_LIMIT, store_listen(sc->s, hear, &h, &sc->err), "not nine");
}

static void remarking(struct scene *sc)
{
	struct heard h = { .a = sc->a };
	struct object_in red = make_object(sc->a, "indicator", 1, T1, "x"), other = make_object(sc->a, "indicator", 2, T1, "x");
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .tlp_mask = 3, .limit = 10, .bodies = true };
	struct page p;
	usec seen;

	red.tlp = 4;
	red.flags = OBJECT_MARKING_UNKNOWN;
	put_one(sc->s, 1, 1, &red, NULL, &sc->err);
	put_one(sc->s, 2, 1, &red, NULL, &sc->err);
	put_one(sc->s, 1, 1, &other, NULL, &sc->err);
	DONE(sc, store_listen(sc->s, hear, &h, &sc->err), "listen");
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page");
	OK(p.n == 1 && str_eq(p.entries[0].id, other.id), "the unknown one is hidden");
	seen = p.last;
	page_done(&p);

	DONE(sc, store_remark(sc->s, red.id, S("2026-01-01T00:00:00.000Z"), 1, 0, &sc->err), "its marking is known now");
	q.added_after = seen;
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page behind what was read");
	OK(p.n == 1 && str_eq(p.entries[0].id, red.id) && p.entries[0].tlp == 1 && p.entries[0].flags == 0, "it comes now");
	EQ_STR(p.n == 1 ? p.entries[0].body : S(""), red.body, "with its body");
	page_done(&p);
	OK(h.n == 2 && h.events[0].entry.tlp == 1 && !h.events[0].removed && h.events[0].collection + h.events[1].collection == 3,
	   "and is told for both collections (%zu)", h.n);
	EQ_STR(h.n > 0 ? h.events[0].entry.body : S(""), red.body, "with its body");

	DONE(sc, store_remark(sc->s, red.id, S(T1), 3, 0, &sc->err), "stricter");
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page");
	OK(p.n == 0, "is hidden at once");
	page_done(&p);
	EQ_INT(h.n, 2, "and is not told");
	GIVES(sc, RC_NOTFOUND, store_remark(sc->s, red.id, S(T2), 1, 0, &sc->err), "no such version");
	GIVES(sc, RC_BAD, store_remark(sc->s, red.id, S(T1), 77, 0, &sc->err), "no such level");
}

static struct str digest_of(struct scene *sc, uint32_t collection, uint32_t mask, uint64_t *n)
{
	unsigned char *out = arena_alloc(sc->a, 32);

	DONE(sc, store_digest(sc->s, collection, mask, n, out, &sc->err), "digest");
	return str_make((const char *)out, 32);
}

/* By the definition in internal.h, so that both engines agree with it and with each other. */
static void digests(struct scene *sc)
{
	struct str nothing, all, green, after, id = make_id(sc->a, "indicator", 1);
	struct page_query q = { .collection = 5, .ids = &id, .n_ids = 1, .tlp_mask = ALL_TLP, .want_all = true };
	struct object_in o;
	uint64_t n = 9;

	nothing = digest_of(sc, 5, ALL_TLP, &n);
	EQ_INT(n, 0, "nothing");
	fill(sc, 5);
	all = digest_of(sc, 5, ALL_TLP, &n);
	EQ_INT(n, COUNTOF(SET), "all versions");
	green = digest_of(sc, 5, 3, &n);
	EQ_INT(n, 7, "those of CLEAR and GREEN");
	OK(!str_eq(all, nothing) && !str_eq(all, green), "all differ");
	EQ_STR(digest_of(sc, 0, ALL_TLP, &n), all, "everything is the same set");
	for (size_t i = COUNTOF(SET); i-- > 0;) {
		o = make_object(sc->a, SET[i].type, SET[i].number, SET[i].version, "x");
		o.spec = SET[i].spec;
		o.body = arena_fmt(sc->a, "{\"at\":%zu,\"id\":\"%.*s\"}", i, STR(o.id));
		put_one(sc->s, 8, 1, &o, NULL, &sc->err);
	}
	EQ_STR(digest_of(sc, 8, ALL_TLP, &n), all, "in another order: the same");
	DONE(sc, store_remark(sc->s, id, S(T3), 0, 0, &sc->err), "milder");
	EQ_STR(digest_of(sc, 5, ALL_TLP, &n), all, "the whole is the same");
	after = digest_of(sc, 5, 3, &n);
	OK(n == 8 && !str_eq(after, green), "the part has grown");
	DONE(sc, store_delete(sc->s, &q, &n, &sc->err), "three go");
	after = digest_of(sc, 5, ALL_TLP, &n);
	OK(n == COUNTOF(SET) - 3 && !str_eq(after, all), "the whole is less");
	store_close(sc->s);
	sc->s = NULL;
	DONE(sc, engine_reopen(sc->engine, false, &sc->s, &sc->err), "opened again");
	if (sc->s != NULL)
		EQ_STR(digest_of(sc, 5, ALL_TLP, &n), after, "the same after opening again");
}

/* A deleted collection lets go of its objects; what lies in another one stays. */
static void clearing(struct scene *sc)
{
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .tlp_mask = ALL_TLP, .limit = 10, .want_all = true };
	struct object_in shared = make_object(sc->a, "malware", 900, T1, "x");
	struct api_root root = { .name = S("intel"), .title = S("Intel"), .max_content_length = 1000, .page_size = 10 };
	struct collection c = { .root = S("intel"), .id = S("00000000-0000-4000-8000-0000000000c1"), .alias = S("gone"), .title = S("Gone") };
	uint64_t removed = 1, n = 0;
	struct page p;

	DONE(sc, root_put(sc->s, &root, &sc->err), "a root");
	DONE(sc, collection_put(sc->s, &c, &sc->err), "a collection");
	for (unsigned i = 0; i < 30; i++) {
		struct object_in o = make_object(sc->a, "indicator", i, i % 2 == 0 ? T1 : T2, "x");

		o.tlp = (uint8_t)(i % 5);
		EQ_INT(put_one(sc->s, c.row, 1, &o, NULL, &sc->err), PUT_STORED, "put");
	}
	EQ_INT(put_one(sc->s, c.row, 1, &shared, NULL, &sc->err), PUT_STORED, "one");
	EQ_INT(put_one(sc->s, c.row + 1, 1, &shared, NULL, &sc->err), PUT_LINKED, "that lies elsewhere too");
	DONE(sc, collection_delete(sc->s, S("intel"), S("gone"), &sc->err), "deleted by its alias");
	GIVES(sc, RC_NOTFOUND, collection_delete(sc->s, S("intel"), c.id, &sc->err), "only once");
	DONE(sc, store_page(sc->s, &q, &p, &sc->err), "page of everything");
	OK(p.n == 1 && str_eq(p.entries[0].id, shared.id), "only what lies elsewhere is left");
	page_done(&p);
	q.collection = c.row;
	DONE(sc, store_count(sc->s, &q, &n, &sc->err), "count");
	EQ_INT(n, 0, "nothing lies in it");
	DONE(sc, store_clear(sc->s, c.row, &removed, &sc->err), "an empty one may be cleared");
	EQ_INT(removed, 0, "of nothing");
}

static void sources(struct scene *sc)
{
	uint32_t a = 0, b = 0, again = 0;
	struct str name = S("");

	DONE(sc, store_source_id(sc->s, S("user:alice"), &a, &sc->err), "a source");
	DONE(sc, store_source_id(sc->s, S("peer:sector-a"), &b, &sc->err), "another");
	DONE(sc, store_source_id(sc->s, S("user:alice"), &again, &sc->err), "the first again");
	OK(a == again && a != b && a > 0, "numbers stay");
	DONE(sc, store_source_name(sc->s, b, sc->a, &name), "by number");
	EQ_STR(name, S("peer:sector-a"), "name");
	GIVES(sc, RC_NOTFOUND, store_source_name(sc->s, 999, sc->a, &name), "no such number");
	GIVES(sc, RC_BAD, store_source_id(sc->s, S(""), &a, &sc->err), "no name");
	store_close(sc->s);
	sc->s = NULL;
	DONE(sc, engine_reopen(sc->engine, false, &sc->s, &sc->err), "opened again");
	if (sc->s != NULL)
		DONE(sc, store_source_id(sc->s, S("peer:sector-a"), &again, &sc->err), "the second again");
	EQ_INT(again, b, "numbers stay for ever");
}

const struct conformance_case CASES_OBJECTS[] = {
	{ "results", results }, { "refused", refused }, { "one batch", one_batch }, { "dates", dates }, { "queries", queries },
	{ "paging", paging }, { "removing", removing }, { "claims", claims }, { "listeners", listeners },
	{ "remarking", remarking }, { "digests", digests }, { "clearing", clearing }, { "sources", sources }, { NULL, NULL },
};
