/* Tickets and what is said of them, as objects between two nodes. */
#include <string.h>

#include "base/mem.h"
#include "soc/ticket_object.h"
#include "tap.h"

#define ME S("identity--aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa")

static struct arena *arena;

static struct ticket_ref refs[] = {
	{ { "rule", 4 }, { "r1", 2 }, { "Whoami", 6 }, 3 }, { { "technique", 9 }, { "T1033", 5 }, { "", 0 }, 1 },
	{ { "connection", 10 }, { "{\"src\":{}}", 10 }, { "", 0 }, 2 }, { { "device", 6 }, { "EDR-7", 5 }, { "V", 1 }, 1 },
	{ { "member", 6 }, { "p 2026-000001", 13 }, { "p", 1 }, 9 }, { { "feedback", 8 }, { "x", 1 }, { "secret", 6 }, 1 },
};

static struct ticket sample(void)
{
	return (struct ticket){ .number = S("2026-000042"), .state = S("open"), .title = S("Whoami"), .description = S("d"), .class = S("intrusions"),
				.type = S("burglary"), .level = S("high"), .impact = 3, .reporter = S("p"), .victim = S("v"), .victim_name = S("V"),
				.sector = S("s"), .region = S("r"), .protection = S("edr"), .input = S("win"), .where = S("pc1"), .tlp = 2, .hits = 7,
				.first = 1000000, .last = 5000000, .opened = 6000000, .assignee = S("somebody"), .disposition = S(""), .merged_into = S(""),
				.refs = refs, .n_refs = COUNTOF(refs) };
}

static const struct json *parsed(struct str text)
{
	const struct json *v = NULL;

	return json_parse(arena, text, &JSON_LIMITS, &v, NULL) == RC_OK ? v : NULL;
}

static void test_there_and_back(void)
{
	struct ticket t = sample(), got;
	struct str one, two;
	struct err err = { 0 };

	if (!OK(ticket_object(arena, &t, ME, &one, &err) == RC_OK, "written %s", err.text))
		return;
	OK(str_find(one, S("somebody"), 0) == SIZE_MAX && str_find(one, S("secret"), 0) == SIZE_MAX && str_find(one, S("p 2026-000001"), 0) == SIZE_MAX,
	   "what is this node's alone stays");
	if (!OK(ticket_of_object(arena, parsed(one), &got, &err) == RC_OK, "read %s", err.text))
		return;
	OK(str_eq(got.number, t.number) && str_eq(got.state, t.state) && str_eq(got.title, t.title) && str_eq(got.description, t.description) &&
	   str_eq(got.class, t.class) && str_eq(got.type, t.type) && str_eq(got.level, t.level) && got.impact == t.impact && str_eq(got.reporter, t.reporter),
	   "what it is");
	OK(str_eq(got.victim, t.victim) && str_eq(got.victim_name, t.victim_name) && str_eq(got.sector, t.sector) && str_eq(got.region, t.region) &&
	   str_eq(got.protection, t.protection) && str_eq(got.input, t.input) && str_eq(got.where, t.where), "whom and where");
	OK(got.tlp == t.tlp && got.hits == t.hits && got.first == t.first && got.last == t.last && got.opened == t.opened, "level, count and times");
	EQ_INT((long long)got.n_refs, 4, "its lists");
	OK(str_eq(got.refs[0].kind, S("rule")) && str_eq(got.refs[0].note, S("Whoami")) && got.refs[2].hits == 2 && str_eq(got.refs[3].value, S("EDR-7")),
	   "with notes and hits");
	OK(ticket_object(arena, &t, ME, &two, &err) == RC_OK && str_eq(one, two), "the same ticket is the same object");
	t.hits++;
	OK(ticket_object(arena, &t, ME, &two, &err) == RC_OK && !str_eq(json_get_str(parsed(one), S("id")), json_get_str(parsed(two), S("id"))),
	   "another state of it has another id");
	t.hits--;
	OK(ticket_object(arena, &t, S("identity--bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"), &two, &err) == RC_OK &&
	   !str_eq(json_get_str(parsed(one), S("id")), json_get_str(parsed(two), S("id"))), "and so has that of another node");
}

#define TICKET(more) "{\"object_marking_refs\":[\"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421\"],\"ticket\":{\"number\":\"n1\",\"state\":\"open\"," \
	"\"title\":\"t\",\"impact\":0,\"hits\":1,\"start\":\"2026-01-02T03:04:05Z\",\"end\":\"2026-01-02T03:04:05Z\",\"opened\":\"2026-01-02T03:04:05Z\"" more "}}"

static void test_bad(void)
{
	static const struct { const char *what, *from, *to; } rows[] = {
		{ "no ticket", "\"ticket\"", "\"tickets\"" },
		{ "no number", "\"number\":\"n1\"", "\"number\":5" },
		{ "a number that is none", "\"n1\"", "\"1234567890123456789012345\"" },
		{ "no title", "\"title\":\"t\"", "\"title\":\"\"" },
		{ "a state that is none", "\"open\"", "\"gone\"" },
		{ "no hits", "\"hits\":1", "\"hits\":-1" },
		{ "an impact beyond four", "\"impact\":0", "\"impact\":5" },
		{ "no time", "\"end\":\"2026", "\"end\":\"year" },
		{ "a connection that is none", "\"hits\":1", "\"hits\":1,\"connections\":[{\"value\":\"}{\"}]" },
		{ "a disposition that is none", "\"hits\":1", "\"hits\":1,\"disposition\":\"maybe\"" },
	};
	static const char good[] = TICKET("");
	struct ticket got;
	struct err err = { 0 };

	OK(ticket_of_object(arena, parsed(S(TICKET(""))), &got, &err) == RC_OK && got.n_refs == 0 && got.tlp == 2, "the least that is one %s", err.text);
	OK(ticket_of_object(arena, parsed(S(TICKET(",\"rules\":[5,{\"value\":\"\"},{\"value\":\"a\"}],\"devices\":{}"))), &got, &err) == RC_OK && got.n_refs == 1,
	   "items that are none are passed over");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		size_t at = str_find(str_of(good), str_of(rows[i].from), 0);
		struct str text = arena_fmt(arena, "%.*s%s%s", (int)at, good, rows[i].to, good + at + strlen(rows[i].from));

		OK(at != SIZE_MAX && parsed(text) != NULL && ticket_of_object(arena, parsed(text), &got, &err) == RC_BAD, "%s", rows[i].what);
	}
	OK(ticket_of_object(arena, parsed(S("{\"ticket\":{\"number\":\"n1\",\"state\":\"open\",\"title\":\"t\",\"impact\":0,\"hits\":1,\"start\":\"2026-01-02T03:04:05Z\","
		"\"end\":\"2026-01-02T03:04:05Z\",\"opened\":\"2026-01-02T03:04:05Z\"}}")), &got, &err) == RC_OK && got.tlp == 4, "without a marking it is for nobody else");
}

static void test_feedback(void)
{
	struct ticket_feedback f = { .number = S("2026-000042"), .act = S("close"), .disposition = S("confirmed"), .note = S("n"), .by = S("sector"),
				     .theirs = S("2026-000007"), .at = 7000000, .tlp = 2 }, got;
	struct str text;
	struct err err = { 0 };

	OK(ticket_feedback_object(arena, &f, ME, &text, &err) == RC_OK && ticket_feedback_read(parsed(text), &got, &err) == RC_OK, "written and read %s", err.text);
	OK(str_eq(got.number, f.number) && str_eq(got.act, f.act) && str_eq(got.disposition, f.disposition) && str_eq(got.note, f.note) &&
	   str_eq(got.by, f.by) && str_eq(got.theirs, f.theirs) && got.at == f.at, "all of it");
	f.act = S("burn");
	OK(ticket_feedback_object(arena, &f, ME, &text, &err) == RC_OK && ticket_feedback_read(parsed(text), &got, &err) == RC_BAD, "an act that is none");
	EQ_INT(ticket_feedback_read(parsed(S("{}")), &got, &err), RC_BAD, "nothing");
}

static void test_memory(void)
{
	struct ticket t = sample(), got;
	bool done = false;

	for (uint64_t n = 1; n < 200 && !done; n++) {
		struct arena *a = arena_new((size_t)1 << 20);
		struct str text = S("");

		mem_fail_at(n, 0);
		done = a != NULL && ticket_object(a, &t, ME, &text, NULL) == RC_OK && ticket_of_object(a, parsed(text), &got, NULL) == RC_OK;
		mem_fail_at(0, 0);
		arena_free(a);
	}
	OK(done, "each failed allocation is an error until none fails");
}

int main(void)
{
	int64_t before = mem_live();

	arena = arena_new((size_t)64 << 20);
	test_there_and_back();
	test_bad();
	test_feedback();
	test_memory();
	arena_free(arena);
	EQ_INT(mem_live(), before, "nothing is left behind");
	return tap_done();
}
