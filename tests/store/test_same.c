/* The same random changes on both engines: every answer must be the same, to the
 * date and the byte. (That the log is right is what test_objlog_model compares with
 * a naive model; here PostgreSQL is held to the log.) STORE_SAME_OPERATIONS sets
 * how many, STORE_SAME_SEED which. */
#include "base/mem.h"
#include "base/time.h"
#include "engine.h"
#include "objects_make.h"
#include "tap.h"

#define IDS 12
#define COLLS 4
#define ROUND_OPERATIONS 400
#define BATCH 6

static uint64_t seed;
static char failure[2000];

static uint32_t rnd(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % n;
}

#define WRONG(...) (snprintf(failure, sizeof failure, __VA_ARGS__), false)

static const char *const VERSIONS[] = { "", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00.5Z",
					"2020-01-01T00:00:00.50Z", "2020-01-01T00:00:00.5000001Z", "2021-06-30T23:59:60Z",
					"2022-01-01T00:00:00.123456Z" };
static const char *const TYPES[] = { "indicator", "malware", "x-odd" };

static struct str some_id(struct arena *a)
{
	unsigned n = rnd(IDS);

	return make_id(a, TYPES[n % 3], n);
}

static struct object_in some_object(struct arena *a)
{
	unsigned n = rnd(IDS);
	struct object_in o = { .id = make_id(a, TYPES[n % 3], n), .type = str_of(TYPES[n % 3]),
			       .version = str_of(VERSIONS[rnd(COUNTOF(VERSIONS))]), .spec = rnd(4) == 0 ? 20 : 21,
			       .tlp = (uint8_t)rnd(5), .flags = (uint8_t)(rnd(12) == 0 ? OBJECT_REVOKED : rnd(3) == 0 ? OBJECT_HAS_REFS : 0),
			       .confidence = (uint8_t)rnd(101) };

	o.body = rnd(3) == 0 ? S("{\"b\":2,\"a\":1}") : rnd(2) == 0 ? S("{\"a\":1,\"b\":2}") : S("{\"a\":1,\"b\":3,\"c\":\"longer\"}");
	return o;
}

static uint32_t some_mask(void)
{
	return rnd(3) == 0 ? ALL_TLP : rnd(256);
}

/* Lists of the query live in `a`. */
static struct page_query some_query(struct arena *a, usec newest)
{
	struct page_query q = { .collection = rnd(COLLS), .added_after = rnd(3) == 0 ? newest - (usec)rnd(400) : INT64_MIN,
				.tlp_mask = some_mask(), .limit = 1 + rnd(rnd(2) == 0 ? 5 : 100), .bodies = rnd(4) != 0 };
	struct str *ids = arena_array(a, 3, sizeof *ids), *types = arena_array(a, 2, sizeof *types),
		   *versions = arena_array(a, 2, sizeof *versions);
	uint8_t *specs = arena_alloc(a, 2);

	for (int i = 0; i < 3; i++)
		ids[i] = some_id(a);
	for (int i = 0; i < 2; i++) {
		types[i] = str_of(TYPES[rnd(3)]);
		versions[i] = str_of(VERSIONS[1 + rnd(COUNTOF(VERSIONS) - 1)]);
		specs[i] = (uint8_t)(20 + rnd(2));
	}
	q.ids = ids, q.types = types, q.versions = versions, q.specs = specs;
	q.n_ids = rnd(3) == 0 ? 1 + rnd(3) : 0;
	q.n_types = rnd(3) == 0 ? 1 + rnd(2) : 0;
	q.n_versions = rnd(4) == 0 ? 1 + rnd(2) : 0;
	q.n_specs = rnd(3) == 0 ? 1 + rnd(2) : 0;
	q.want_all = rnd(3) == 0;
	q.want_first = rnd(4) == 0;
	q.want_last = rnd(4) == 0;
	q.flags_all = rnd(6) == 0 ? OBJECT_HAS_REFS : 0;
	q.max_bytes = rnd(4) == 0 ? rnd(120) : 0;
	return q;
}

static bool same_put(struct store *s[2], struct arena *a)
{
	struct object_in in[BATCH];
	enum put_result r[2][BATCH];
	usec added[2][BATCH];
	uint32_t n = 1 + rnd(BATCH), collection = rnd(COLLS), source = 1 + rnd(3);
	enum rc rc[2];

	for (uint32_t i = 0; i < n; i++)
		in[i] = some_object(a);
	for (int e = 0; e < 2; e++) {
		struct object_batch b = { .collection = collection, .source = source, .objects = in, .n = n, .results = r[e],
					  .ret_added = added[e] };

		rc[e] = store_put(s[e], &b, NULL);
	}
	if (rc[0] != rc[1])
		return WRONG("put: %s and %s", rc_name(rc[0]), rc_name(rc[1]));
	for (uint32_t i = 0; i < n; i++)
		if (r[0][i] != r[1][i] || added[0][i] != added[1][i])
			return WRONG("put %.*s '%.*s' into %u: %d at %lld and %d at %lld", STR(in[i].id), STR(in[i].version), collection,
				     r[0][i], (long long)added[0][i], r[1][i], (long long)added[1][i]);
	return true;
}

static bool same_entry(const struct page_entry *x, const struct page_entry *y)
{
	return str_eq(x->id, y->id) && str_eq(x->type, y->type) && str_eq(x->version, y->version) && str_eq(x->body, y->body) &&
	       x->added == y->added && x->source == y->source && x->spec == y->spec && x->tlp == y->tlp && x->flags == y->flags &&
	       x->confidence == y->confidence;
}

static bool same_page(struct store *s[2], struct arena *a, usec newest)
{
	struct page_query q = some_query(a, newest);
	struct page p[2];
	uint64_t n[2] = { 0 };
	bool good = true;

	for (int e = 0; e < 2; e++)
		if (store_page(s[e], &q, &p[e], NULL) != RC_OK || store_count(s[e], &q, &n[e], NULL) != RC_OK)
			return WRONG("a query failed");
	if (p[0].n != p[1].n || p[0].more != p[1].more || p[0].last != p[1].last || n[0] != n[1])
		good = WRONG("page of %u: %zu more %d last %lld of %llu, and %zu more %d last %lld of %llu (mask %x all %d first %d last %d"
			     " ids %zu types %zu versions %zu specs %zu bytes %zu)", q.collection, p[0].n, p[0].more, (long long)p[0].last,
			     (unsigned long long)n[0], p[1].n, p[1].more, (long long)p[1].last, (unsigned long long)n[1], q.tlp_mask,
			     q.want_all, q.want_first, q.want_last, q.n_ids, q.n_types, q.n_versions, q.n_specs, q.max_bytes);
	for (size_t i = 0; good && i < p[0].n; i++)
		if (!same_entry(&p[0].entries[i], &p[1].entries[i]))
			good = WRONG("page of %u, entry %zu: %.*s '%.*s' and %.*s '%.*s'", q.collection, i, STR(p[0].entries[i].id),
				     STR(p[0].entries[i].version), STR(p[1].entries[i].id), STR(p[1].entries[i].version));
	page_done(&p[0]);
	page_done(&p[1]);
	return good;
}

static bool same_removal(struct store *s[2], struct arena *a, usec newest)
{
	struct page_query q = some_query(a, newest);
	uint64_t n[2] = { 0 };
	enum rc rc[2];

	q.n_ids = 1;
	for (int e = 0; e < 2; e++)
		rc[e] = store_delete(s[e], &q, &n[e], NULL);
	if (rc[0] != rc[1] || n[0] != n[1])
		return WRONG("removal from %u: %s %llu and %s %llu", q.collection, rc_name(rc[0]), (unsigned long long)n[0], rc_name(rc[1]),
			     (unsigned long long)n[1]);
	return true;
}

static bool same_remark(struct store *s[2], struct arena *a)
{
	struct str id = some_id(a), version = str_of(VERSIONS[rnd(COUNTOF(VERSIONS))]);
	uint8_t tlp = (uint8_t)rnd(5), flags = (uint8_t)(rnd(2) == 0 ? OBJECT_HAS_REFS : 0);
	enum rc rc[2];

	for (int e = 0; e < 2; e++)
		rc[e] = store_remark(s[e], id, version, tlp, flags, NULL);
	return rc[0] == rc[1] ? true : WRONG("remark %.*s '%.*s': %s and %s", STR(id), STR(version), rc_name(rc[0]), rc_name(rc[1]));
}

static int claim_order(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->received != y->received)
		return x->received < y->received ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	if (x->tlp != y->tlp || x->confidence != y->confidence)
		return x->tlp * 256 + x->confidence - (y->tlp * 256 + y->confidence);
	return str_cmp(x->version, y->version);
}

/* Claims of one instant may come in any order. */
static bool same_claims(struct store *s[2], struct arena *a)
{
	struct str id = some_id(a);
	struct claim *c[2] = { NULL, NULL };
	size_t n[2] = { 0 };
	enum rc rc[2];

	for (int e = 0; e < 2; e++) {
		rc[e] = store_claims(s[e], id, a, &c[e], &n[e], NULL);
		if (n[e] > 1)
			qsort(c[e], n[e], sizeof *c[e], claim_order);
	}
	if (rc[0] != rc[1] || n[0] != n[1])
		return WRONG("claims on %.*s: %s %zu and %s %zu", STR(id), rc_name(rc[0]), n[0], rc_name(rc[1]), n[1]);
	for (size_t i = 0; i < n[0]; i++)
		if (claim_order(&c[0][i], &c[1][i]) != 0)
			return WRONG("claims on %.*s, %zu of %zu: '%.*s' %u %lld %d %d and '%.*s' %u %lld %d %d", STR(id), i, n[0],
				     STR(c[0][i].version), c[0][i].source, (long long)c[0][i].received, c[0][i].tlp, c[0][i].confidence,
				     STR(c[1][i].version), c[1][i].source, (long long)c[1][i].received, c[1][i].tlp, c[1][i].confidence);
	return true;
}

static bool same_digest(struct store *s[2])
{
	uint32_t collection = rnd(COLLS), mask = some_mask();
	unsigned char out[2][32];
	uint64_t n[2] = { 0 };

	for (int e = 0; e < 2; e++)
		if (store_digest(s[e], collection, mask, &n[e], out[e], NULL) != RC_OK)
			return WRONG("a digest failed");
	return n[0] == n[1] && memcmp(out[0], out[1], 32) == 0 ? true :
	       WRONG("digest of %u, mask %x: %llu and %llu entries", collection, mask, (unsigned long long)n[0], (unsigned long long)n[1]);
}

/* Everything a listener of either engine was told, as one running hash. */
struct told {
	uint64_t hash, n;
	char last[400];
};

static void hear(void *ctx, const struct object_event *e, size_t n)
{
	struct told *t = ctx;

	for (size_t i = 0; i < n; i++) {
		char text[400] = { 0 };
		int len = snprintf(text, sizeof text, "%u %u %d %.*s %.*s %.*s %lld %d %d %d %d %.*s", e[i].collection, e[i].source,
				   e[i].removed, STR(e[i].entry.id), STR(e[i].entry.type), STR(e[i].entry.version),
				   (long long)e[i].entry.added, e[i].entry.spec, e[i].entry.tlp, e[i].entry.flags, e[i].entry.confidence,
				   STR(e[i].removed ? S("") : e[i].entry.body));

		/* A sum, since the entries of one removal may come in any order. */
		t->n++;
		memcpy(t->last, text, sizeof t->last);
		for (int k = 0, h = 7; k < len; k++)
			t->hash += (uint64_t)(h = (h * 31 + (unsigned char)text[k]) & 0xffffff) * (uint64_t)(k + 1);
	}
}

static bool one_operation(struct store *s[2], struct arena *a, usec newest)
{
	switch (rnd(10)) {
	case 0: return same_removal(s, a, newest);
	case 1: return same_remark(s, a);
	case 2: return same_claims(s, a);
	case 3: return same_digest(s);
	case 4:
	case 5:
	case 6: return same_put(s, a);
	default: return same_page(s, a, newest);
	}
}

static unsigned round_of(struct engine e[2], unsigned operations)
{
	struct store *s[2] = { engine_fresh(&e[0]), engine_fresh(&e[1]) };
	struct arena *a = arena_new((size_t)64 << 20);
	struct told told[2] = { 0 };
	unsigned done = 0;
	usec now = INT64_C(1700000000000000);
	bool good = s[0] != NULL && s[1] != NULL && store_listen(s[0], hear, &told[0], NULL) == RC_OK &&
		    store_listen(s[1], hear, &told[1], NULL) == RC_OK;

	for (; good && done < operations; done++) {
		/* The clock stands still, runs, or goes back. */
		now += rnd(3) == 0 ? 0 : rnd(20) == 0 ? -(usec)rnd(100) : (usec)rnd(50);
		time_fake_set(now);
		good = one_operation(s, a, now);
		if (good && (told[0].n != told[1].n || told[0].hash != told[1].hash))
			good = WRONG("the listeners were told differently: %llu events, last %s, and %llu, last %s",
				     (unsigned long long)told[0].n, told[0].last, (unsigned long long)told[1].n, told[1].last);
		arena_reset(a);
	}
	time_fake_off();
	store_close(s[0]);
	store_close(s[1]);
	arena_free(a);
	return good ? done : 0;
}

int main(void)
{
	struct engine e[2];
	char why[WHY_MAX];
	uint64_t operations = 4000, at = 0;
	struct str text = str_of(getenv("STORE_SAME_OPERATIONS"));

	seed = (uint64_t)time_now();
	if ((text.n > 0 && !str_to_u64(text, &operations)) ||
	    (getenv("STORE_SAME_SEED") != NULL && !str_to_u64(str_of(getenv("STORE_SAME_SEED")), &seed)))
		return fputs("STORE_SAME_OPERATIONS, STORE_SAME_SEED: numbers\n", stderr), 2;
	if (!OK(engine_start(&e[0], "sqlite", why), "the object log"))
		return tap_done();
	if (!engine_start(&e[1], "postgresql", why)) {
		SKIP(why, "both engines answer the same");
		engine_stop(&e[0]);
		return tap_done();
	}
	while (at < operations && failure[0] == '\0') {
		uint64_t begun = seed;
		unsigned done = round_of(e, ROUND_OPERATIONS);

		at += done;
		if (!OK(done > 0, "%d operations from seed %llu", ROUND_OPERATIONS, (unsigned long long)begun)) {
			printf("# %s\n", failure);
			break;
		}
	}
	engine_stop(&e[0]);
	engine_stop(&e[1]);
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
