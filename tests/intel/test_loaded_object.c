/* What a detector has of what was released, as an object between two nodes. */
#include <string.h>

#include "base/mem.h"
#include "intel/loaded_object.h"
#include "stix/marking.h"
#include "tap.h"

#define ME S("identity--aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa")
#define AT ((usec)1700000000123000)

static const struct str ids[] = { { "indicator--00000000-0000-4000-8000-000000000001", 47 }, { "indicator--00000000-0000-4000-8000-000000000002", 47 } };

static enum rc there_and_back(const struct loaded_statement *s, struct arena *a, struct loaded_statement *ret, struct str *ret_text, struct err *err)
{
	const struct json *v;

	TRY(loaded_object(a, s, ME, S("key"), TLP_GREEN, ret_text, err));
	TRY(json_parse(a, *ret_text, &JSON_LIMITS, &v, err));
	return loaded_read(a, v, ret, err);
}

static void test_round(void)
{
	static const struct loaded_statement rows[] = {
		{ .member = { "", 0 }, .since = AT, .at = AT + 1000000, .indicators = ids, .n = 2 },
		{ .member = { "0123456789abcdef", 16 }, .since = AT, .at = AT, .indicators = ids, .n = 1 },
		{ .member = { "", 0 }, .since = AT, .out = true },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct arena *a CLEANUP(arena_freep) = arena_new((size_t)4 << 20);
		struct loaded_statement got;
		struct err err = { 0 };
		struct str text, again;

		if (!OK(there_and_back(&rows[i], a, &got, &text, &err) == RC_OK, "statement %zu comes back %s", i, err.text))
			continue;
		OK(str_eq(got.member, rows[i].member) && got.since == rows[i].since && got.out == rows[i].out && got.n == rows[i].n, "as it was");
		OK(got.n == 0 || (got.at == rows[i].at && str_eq(got.indicators[got.n - 1], ids[got.n - 1])), "with its indicators");
		OK(loaded_object(a, &rows[i], ME, S("key"), TLP_GREEN, &again, &err) == RC_OK && str_eq(text, again), "the same is the same object");
	}
}

static void test_refused(void)
{
	static const struct { const char *text, *why; } rows[] = {
		{ "{}", "no beginning" },
		{ "{\"since\":\"yesterday\"}", "a beginning that is no time" },
		{ "{\"since\":\"2026-01-01T00:00:00Z\",\"indicators\":[]}", "indicators and no time" },
		{ "{\"since\":\"2026-01-01T00:00:00Z\",\"live_since\":\"2026-01-01T00:00:00Z\",\"indicators\":[1]}", "a number for an indicator" },
		{ "{\"since\":\"2026-01-01T00:00:00Z\",\"live_since\":\"2026-01-01T00:00:00Z\",\"indicators\":[\"malware--00000000-0000-4000-8000-000000000001\"]}", "another kind" },
		{ "{\"since\":\"2026-01-01T00:00:00Z\",\"live_since\":\"2026-01-01T00:00:00Z\",\"indicators\":{}}", "no list" },
		{ "{\"since\":\"2026-01-01T00:00:00Z\",\"member\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}", "a long pseudonym" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
		struct loaded_statement got;
		const struct json *v;

		OK(json_parse(a, str_of(rows[i].text), &JSON_LIMITS, &v, NULL) == RC_OK && loaded_read(a, v, &got, NULL) == RC_BAD, "refused: %s", rows[i].why);
	}
}

static void test_too_many(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct loaded_statement s = { .since = AT, .at = AT, .indicators = ids, .n = LOADED_INDICATORS_MAX + 1 };
	struct str text;

	OK(loaded_object(a, &s, ME, S("key"), TLP_GREEN, &text, NULL) == RC_LIMIT, "more than a thousand in one statement");
}

/* Whichever allocation fails: a clean error, and nothing is left. */
static void test_memory(void)
{
	const struct loaded_statement s = { .member = S("0123456789abcdef"), .since = AT, .at = AT, .indicators = ids, .n = 2 };
	enum rc rc = RC_NOMEM;
	int64_t live = mem_live();
	bool clean = true;

	for (int n = 1; rc != RC_OK && n < 1000; n++) {
		struct loaded_statement got;
		struct arena *a;
		struct str text;

		mem_fail_at((uint64_t)n, 0);
		a = arena_new((size_t)4 << 20);
		rc = a == NULL ? RC_NOMEM : there_and_back(&s, a, &got, &text, NULL);
		arena_free(a);
		mem_fail_at(0, 0);
		clean = clean && (rc == RC_OK || rc == RC_NOMEM || rc == RC_LIMIT) && mem_live() == live;
	}
	OK(rc == RC_OK && clean, "without memory: a clean error");
}

int main(void)
{
	test_round();
	test_refused();
	test_too_many();
	test_memory();
	return tap_done();
}
