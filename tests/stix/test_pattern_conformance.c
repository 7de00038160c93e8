/* The reference implementations' own cases: 419 evaluations of the reference
 * matcher and 87 verdicts of the reference validator. Every disagreement is
 * printed; docs/conformance.md explains them. */
#include "base/arena.h"
#include "base/json.h"
#include "stix/data.h"
#include "stix/pattern.h"
#include "stix/pattern_file.h"
#include "tap.h"

#define MATCH_CASES "stix/cases/pattern_match_v20.jsonl"
#define SYNTAX_CASES "stix/cases/pattern_syntax_v21.json"
#define MATCH_AGREE_MIN 415
#define LINE_MEMORY_MAX ((size_t)16 << 20)

static const char *verdict(enum rc rc, bool match)
{
	return rc != RC_OK ? "error" : match ? "match" : "no match";
}

static const char *expected(const struct json *v)
{
	return json_is(v, JSON_STRING) ? "error" : json_is(v, JSON_TRUE) ? "match" : "no match";
}

/* One line: {"test", "pattern", "observed": [...], "expect": true | false | "error"} */
static bool agrees(struct str line)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(LINE_MEMORY_MAX);
	const struct json *c;
	struct str pattern;
	struct err err = { .rc = RC_OK, .text = "" };
	bool match = false;
	enum rc rc;

	if (a == NULL || json_parse(a, line, &JSON_LIMITS, &c, &err) != RC_OK)
		return false;
	pattern = json_get_str(c, S("pattern"));
	rc = stix_pattern_match_document(pattern, json_raw(json_get(c, S("observed")), line), &match, &err);
	if (str_eq(str_of(verdict(rc, match)), str_of(expected(json_get(c, S("expect"))))))
		return true;
	printf("# %.*s\n#   expected %s, we say %s %s\n", STR(pattern), expected(json_get(c, S("expect"))),
	       verdict(rc, match), err.text);
	return false;
}

static void match_cases(void)
{
	struct buf text;
	struct str rest, line;
	int cases = 0, good = 0;

	buf_init(&text, 16 << 20);
	if (!data_read(MATCH_CASES, &text)) {
		SKIP("no " MATCH_CASES, "cases of the reference matcher");
		buf_done(&text);
		return;
	}
	rest = buf_view(&text);
	while (str_next(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		cases++;
		good += agrees(line);
	}
	printf("# matcher cases: %d of %d agree\n", good, cases);
	OK(cases >= 419 && good >= MATCH_AGREE_MIN, "at least %d cases of the reference matcher agree", MATCH_AGREE_MIN);
	buf_done(&text);
}

static int syntax_list(const struct json *list, bool valid, int *cases)
{
	int good = 0;

	JSON_EACH(item, list) {
		struct str pattern = json_is(item, JSON_ARRAY) ? json_str(json_item(item, 0)) : json_str(item);
		struct err err = { .rc = RC_OK, .text = "" };
		bool is = stix_pattern_check(pattern, &err) == RC_OK;

		++*cases;
		good += is == valid;
		if (is != valid)
			printf("# %.*s\n#   expected %s: %s\n", STR(pattern), valid ? "valid" : "invalid", err.text);
	}
	return good;
}

static void syntax_cases(void)
{
	struct arena *a = arena_new(LINE_MEMORY_MAX);
	const struct json *doc = NULL;
	struct err err;
	struct buf text;
	int cases = 0, good = 0;

	buf_init(&text, 16 << 20);
	if (!data_read(SYNTAX_CASES, &text)) {
		SKIP("no " SYNTAX_CASES, "cases of the reference validator");
	} else if (OK(a != NULL && json_parse(a, buf_view(&text), &JSON_LIMITS, &doc, &err) == RC_OK, "cases read")) {
		good += syntax_list(json_get(doc, S("valid")), true, &cases);
		good += syntax_list(json_get(doc, S("invalid")), false, &cases);
		printf("# syntax cases: %d of %d agree\n", good, cases);
		OK(cases >= 87 && good == cases, "all cases of the reference validator agree");
	}
	buf_done(&text);
	arena_free(a);
}

int main(void)
{
	match_cases();
	syntax_cases();
	return tap_done();
}
