/* STIX patterns: reading, compiling, evaluating a compiled one against one
 * indexed observed-data (beside the bare property lookup and compare it cannot
 * be faster than), and the cost of an observation in large documents, which
 * must not grow with their number. */
#include "base/arena.h"
#include "base/json.h"
#include "base/time.h"

#include "stix/pattern.h"
#include "stix/pattern_match.h"

#include "bench.h"

#define CALLS 1000000
#define PARSES 50000

static const char ONE[] =
	"{\"type\":\"observed-data\",\"first_observed\":\"2020-01-01T00:00:00Z\",\"last_observed\":\"2020-01-01T00:00:00Z\","
	"\"number_observed\":1,\"objects\":{\"0\":{\"type\":\"ipv4-addr\",\"value\":\"198.51.100.7\"},"
	"\"1\":{\"type\":\"file\",\"name\":\"Foo.dll\",\"size\":25536,\"hashes\":{\"SHA-256\":"
	"\"fe90a7e910cb3a4739bed9180e807e93fa70c90f25a8915476f5e4bfbac681db\"}},"
	"\"2\":{\"type\":\"network-traffic\",\"src_ref\":\"0\",\"dst_port\":443,\"protocols\":[\"ipv4\",\"tcp\"]}}}";

struct subject {
	struct arena *a, *scratch;
	struct stix_matcher *m;
	const struct stix_observations *o;
	const struct json *value_of;
	const char *pattern;
};

static volatile uint64_t sink;

static void must(enum rc rc, const struct err *err)
{
	if (rc == RC_OK)
		return;
	fprintf(stderr, "%s\n", err->text);
	exit(1);
}

static void do_floor(void *ctx)
{
	struct subject *s = ctx;

	for (int i = 0; i < CALLS; i++)
		sink += str_eq(json_get_str(s->value_of, S("type")), S("ipv4-addr")) &&
			str_eq(json_get_str(s->value_of, S("value")), S("198.51.100.7"));
}

static void do_run(void *ctx)
{
	struct subject *s = ctx;
	struct stix_match match;
	struct err err;

	for (int i = 0; i < CALLS; i++) {
		must(stix_matcher_run(s->m, s->o, NULL, s->scratch, &match, &err), &err);
		sink += match.match;
	}
}

static void do_parse(void *ctx)
{
	struct subject *s = ctx;
	struct str text = str_of(s->pattern);
	const struct pattern *p;
	struct err err;

	for (int i = 0; i < PARSES; i++) {
		arena_reset(s->scratch);
		must(stix_pattern_parse(s->scratch, text, &STIX_PATTERN_STRICT, &p, &err), &err);
	}
}

static void do_compile(void *ctx)
{
	struct subject *s = ctx;
	struct stix_matcher *m;
	struct err err;

	for (int i = 0; i < PARSES; i++) {
		arena_reset(s->scratch);
		must(stix_matcher_compile(s->scratch, str_of(s->pattern), &STIX_PATTERN_STRICT, &m, &err), &err);
		stix_matcher_free(m);
	}
}

static void evaluations(struct subject *s)
{
	static const struct {
		const char *name, *pattern;
	} rows[] = {
		{ "eval_equal_hit", "[ipv4-addr:value = '198.51.100.7']" },
		{ "eval_equal_miss", "[ipv4-addr:value = '203.0.113.9']" },
		{ "eval_hash_miss", "[file:hashes.'SHA-256' = '00000000000000000000000000000000000000000000000000000000000000ff']" },
		{ "eval_other_type", "[domain-name:value = 'bad.example']" },
		{ "eval_and", "[file:name = 'Foo.dll' AND file:size > 1000]" },
		{ "eval_subset", "[ipv4-addr:value ISSUBSET '198.51.100.0/24']" },
		{ "eval_like", "[file:name LIKE 'F%.dll']" },
		{ "eval_matches", "[file:name MATCHES '^F.*\\\\.dll$']" },
		{ "eval_reference", "[network-traffic:src_ref.value = '198.51.100.7']" },
	};
	struct err err;

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		must(stix_matcher_compile(s->a, str_of(rows[i].pattern), &STIX_PATTERN_STRICT, &s->m, &err), &err);
		bench_rate(rows[i].name, CALLS / 1e6, "M/s", do_run, s);
		stix_matcher_free(s->m);
	}
}

static void texts(struct subject *s)
{
	static const struct {
		const char *name, *pattern;
	} rows[] = {
		{ "simple", "[ipv4-addr:value = '198.51.100.7']" },
		{ "compound", "([file:hashes.'SHA-256' = 'fe90a7e910cb3a4739bed9180e807e93fa70c90f25a8915476f5e4bfbac681db' OR "
			      "file:name LIKE '%.exe'] FOLLOWEDBY [network-traffic:dst_ref.value ISSUBSET '198.51.100.0/24' AND "
			      "network-traffic:dst_port IN (80, 443, 8080)]) WITHIN 300 SECONDS" },
	};
	char name[64];

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		s->pattern = rows[i].pattern;
		snprintf(name, sizeof name, "parse_%s", rows[i].name);
		bench_rate(name, PARSES / 1e3, "k/s", do_parse, s);
		snprintf(name, sizeof name, "parse_%s_bytes", rows[i].name);
		bench_rate(name, (double)strlen(s->pattern) * PARSES / 1e6, "MB/s", do_parse, s);
		snprintf(name, sizeof name, "compile_%s", rows[i].name);
		bench_rate(name, PARSES / 1e3, "k/s", do_compile, s);
	}
}

/* `n` observations one second apart, object i has v = i. */
static const struct stix_observations *many(struct arena *a, int n)
{
	const struct stix_observations *o;
	const struct json *doc;
	char time[TIME_TEXT_MAX];
	struct buf b;
	struct str text;
	struct err err;

	buf_init(&b, (size_t)256 << 20);
	buf_char(&b, '[');
	for (int i = 0; i < n; i++) {
		(void)time_format((usec)i * USEC_PER_SEC, time);
		buf_fmt(&b, "%s{\"type\":\"observed-data\",\"first_observed\":\"%s\",\"last_observed\":\"%s\",\"number_observed\":1,"
			    "\"objects\":{\"0\":{\"type\":\"x\",\"v\":%d}}}", i == 0 ? "" : ",", time, time, i);
	}
	buf_char(&b, ']');
	text = arena_dup(a, buf_view(&b));
	buf_done(&b);
	must(json_parse(a, text, &(struct json_limits){ (size_t)1 << 30, 64, 1u << 26 }, &doc, &err), &err);
	must(stix_observations_index(a, doc, &o, &err), &err);
	return o;
}

static void do_run_once(void *ctx)
{
	struct subject *s = ctx;
	struct stix_match match;
	struct err err;

	arena_reset(s->scratch);
	must(stix_matcher_run(s->m, s->o, NULL, s->scratch, &match, &err), &err);
	sink += match.match;
}

static void scale(struct subject *s)
{
	static const struct {
		const char *name, *pattern;
	} rows[] = {
		{ "repeats", "[x:v >= 0] REPEATS 10 TIMES WITHIN 9 SECONDS" },
		{ "order", "([x:v >= 0] FOLLOWEDBY [x:v < 0]) WITHIN 3000 SECONDS" },
		{ "order_window", "([x:v > 10] FOLLOWEDBY [x:v < 10]) WITHIN 300 SECONDS" },
		{ "order_repeats", "([x:v > 10] FOLLOWEDBY [x:v > 10] FOLLOWEDBY [x:v < 10]) REPEATS 2 TIMES" },
		{ "window_repeats", "([x:v > 4] AND [x:v > 5]) WITHIN 1 SECONDS REPEATS 3 TIMES" },
	};
	static const int sizes[] = { 20, 1000, 10000, 100000 };
	struct arena *a = arena_new((size_t)2 << 30);
	struct err err;
	char name[64];

	if (a == NULL)
		exit(1);
	for (size_t k = 0; k < COUNTOF(sizes); k++) {
		s->o = many(a, sizes[k]);
		for (size_t i = 0; i < COUNTOF(rows); i++) {
			must(stix_matcher_compile(a, str_of(rows[i].pattern), &STIX_PATTERN_STRICT, &s->m, &err), &err);
			snprintf(name, sizeof name, "observations_%s_%d", rows[i].name, sizes[k]);
			bench_rate(name, sizes[k] / 1e3, "k/s", do_run_once, s);
			stix_matcher_free(s->m);
		}
		arena_reset(a);
	}
	arena_free(a);
}

int main(void)
{
	struct subject s = { .a = arena_new((size_t)1 << 24), .scratch = arena_new((size_t)1 << 30) };
	const struct json *doc;
	struct err err;

	must(s.a == NULL || s.scratch == NULL ? FAIL(&err, RC_NOMEM, "memory") : RC_OK, &err);
	must(json_parse(s.a, str_of(ONE), &JSON_LIMITS, &doc, &err), &err);
	must(stix_observations_index(s.a, doc, &s.o, &err), &err);
	s.value_of = json_get(json_get(doc, S("objects")), S("0"));
	bench_rate("floor_lookup_and_compare", CALLS / 1e6, "M/s", do_floor, &s);
	evaluations(&s);
	texts(&s);
	scale(&s);
	arena_free(s.a);
	arena_free(s.scratch);
	return 0;
}
