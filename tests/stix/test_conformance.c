/* Our verdicts beside those of the reference validator (cti-stix-validator) on its own STIX 2.0
 * cases, and on releases of ATT&CK for ICS. Each disagreement is listed; docs/conformance.md says why. */
#include "data.h"
#include "stix/validate.h"
#include "stix/object.h"
#include "tap.h"

#define DATA_MAX ((size_t)64 << 20)

/* What the reference reports as "{241} ..." breaks a SHOULD, all else a MUST. Its pattern messages
 * carry no number: there the word "should" tells. */
static bool is_must(struct str e)
{
	size_t brace = str_find(e, S(": {"), 0);

	if (str_starts(e, S("{")) || (brace != SIZE_MAX && brace + 3 < e.n && e.p[brace + 3] >= '1' && e.p[brace + 3] <= '4'))
		return false;
	return !(str_find(e, S("Pattern failed to validate"), 0) != SIZE_MAX && str_find(e, S(" should "), 0) != SIZE_MAX);
}

static bool any_must(const struct json *errors)
{
	JSON_EACH(e, errors)
		if (is_must(json_str(e)))
			return true;
	return false;
}

struct tally {
	unsigned n, must_agree, full_n, full_agree;
	bool verbose;
};

static void print_problem(void *ctx, const struct stix_problem *p)
{
	(void)ctx;
	printf("#     %s %.*s %s %s: %.*s\n", p->level == STIX_MUST ? "MUST" : "should", STR(p->pointer), p->rule, p->clause,
	       STR(p->message));
}

/* The reference's options, as far as they concern rules, in our words. */
static void options_of(const struct json *o, struct stix_validate_opts *ret, struct buf *without)
{
	const struct json *disabled = json_get(o, S("disabled")), *enabled = json_get(o, S("enabled"));
	bool b;

	*ret = (struct stix_validate_opts){ 0 }; /* the version as the document says */
	ret->shoulds = json_bool(json_get(o, S("strict")), &b) && b;
	ret->strict = (json_bool(json_get(o, S("strict_types")), &b) && b) ||
		      (json_bool(json_get(o, S("strict_properties")), &b) && b);
	if (!(json_bool(json_get(o, S("strict_types")), &b) && b))
		buf_cstr(without, "unknown-type,");
	if (!(json_bool(json_get(o, S("strict_properties")), &b) && b))
		buf_cstr(without, "unknown-property,");
	ret->refs_inside = json_bool(json_get(o, S("enforce_refs")), &b) && b;
	if (json_is(enabled, JSON_ARRAY))
		JSON_EACH(e, enabled)
			if (str_eq(json_str(e), S("custom-prefix-lax")))
				buf_cstr(without, "custom-prefix,");
	if (json_is(disabled, JSON_ARRAY))
		JSON_EACH(d, disabled) {
			struct str name = json_str(d);

			if (str_eq(name, S("format-checks")))
				name = S("custom-prefix,custom-prefix-lax,open-vocab-format,kill-chain-names,observable-object-keys,"
					 "observable-dictionary-keys,windows-process-priority-format,uuid-check,hex-case");
			else if (str_eq(name, S("approved-values")))
				name = S("marking-definition-type,relationship-types,duplicate-ids,attack-motivation,"
					 "attack-resource-level,identity-class,indicator-label,industry-sector,malware-label,"
					 "report-label,threat-actor-label,threat-actor-role,threat-actor-sophistication,tool-label,"
					 "hash-algo,encryption-algo,windows-pebinary-type,account-type,mime-type,protocols,ipfix,"
					 "http-request-headers,socket-options,pdf-doc-info");
			else if (str_eq(name, S("report-label")))
				name = S("report-types");
			buf_str(without, name);
			buf_char(without, ',');
		}
	ret->without = without->p;
}

static void judge_case(struct tally *t, struct arena *a, const struct json *row)
{
	const struct json *object = json_get(row, S("object")), *text = json_get(row, S("text")), *document = object;
	struct stix_validate_opts opts;
	struct stix_verdict v = { 0 };
	struct buf without;
	bool must, want_must = any_must(json_get(row, S("errors"))), valid = false;
	enum rc rc = RC_OK;

	buf_init(&without, 4096);
	options_of(json_get(row, S("options")), &opts, &without);
	if (json_is(text, JSON_STRING))
		rc = json_parse(a, json_str(text), &JSON_LIMITS, &document, NULL);
	if (rc == RC_OK)
		rc = stix_validate(document, &opts, NULL, NULL, &v, NULL);
	must = v.musts > 0 || (rc != RC_OK && rc != RC_BAD);
	t->n++;
	t->must_agree += must == want_must;
	(void)json_bool(json_get(row, S("valid")), &valid);
	t->full_n++;
	t->full_agree += valid == (v.musts + v.shoulds == 0);
	if (must != want_must || (t->verbose && valid != (v.musts + v.shoulds == 0))) {
		printf("# %s: %.*s: reference %s, ours %u MUST %u should\n", must != want_must ? "differs" : "differs in shoulds",
		       STR(json_get_str(row, S("test"))), want_must ? "MUST" : valid ? "valid" : "should", v.musts, v.shoulds);
		JSON_EACH(e, json_get(row, S("errors")))
			printf("#     reference: %.*s\n", STR(str_slice(json_str(e), 0, 250)));
		(void)!stix_validate(document, &opts, print_problem, NULL, NULL, NULL);
	}
	buf_done(&without);
}

static void test_validator_cases(void)
{
	struct tally t = { .verbose = getenv("STIX_SHOULDS") != NULL };
	struct arena *a = arena_new(DATA_MAX);
	struct buf data;
	struct str rest, line;

	buf_init(&data, DATA_MAX);
	if (!data_read("stix/cases/validator_v20.jsonl", &data)) {
		SKIP("no stix/cases in LIANFANG_DATA or ../shared/data", "reference verdicts, STIX 2.0");
		goto out;
	}
	for (rest = buf_view(&data); str_next(&rest, '\n', &line);) {
		const struct json *row;

		if (str_trim(line).n == 0)
			continue;
		if (json_parse(a, line, &JSON_LIMITS, &row, NULL) == RC_OK)
			judge_case(&t, a, row);
		else
			OK(false, "a case could not be read");
		arena_reset(a);
	}
	printf("# MUST level: %u of %u agree (%.2f %%); with SHOULDs as the case asks: %u of %u (%.2f %%)\n", t.must_agree, t.n,
	       100.0 * t.must_agree / t.n, t.full_agree, t.full_n, 100.0 * t.full_agree / t.full_n);
	OK(t.must_agree * 100 >= t.n * 98, "at least 98 %% of the reference's verdicts at MUST level (%u of %u)", t.must_agree, t.n);
out:
	buf_done(&data);
	arena_free(a);
}

static void test_attack(void)
{
	/* 11.3 has one property with an empty list (STIX 2.1 §2.12). */
	static const struct { const char *release; unsigned musts; } rows[] = {
		{ "8.0", 0 }, { "9.0", 0 }, { "10.1", 0 }, { "11.3", 1 }, { "12.1", 0 }, { "13.1", 0 }, { "14.1", 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct arena *a = arena_new((size_t)512 << 20);
		struct stix_verdict v = { 0 };
		const struct json *doc;
		struct err err = { 0 };
		struct buf data;
		char name[80];

		buf_init(&data, DATA_MAX);
		snprintf(name, sizeof name, "stix/attack-ics/ics-attack-%s.json", rows[i].release);
		if (!data_read(name, &data)) {
			SKIP("no stix/attack-ics in LIANFANG_DATA or ../shared/data", "ATT&CK for ICS %s", rows[i].release);
		} else if (json_parse(a, buf_view(&data), &JSON_LIMITS, &doc, &err) != RC_OK) {
			OK(false, "ATT&CK for ICS %s: %s", rows[i].release, err.text);
		} else {
			(void)!stix_validate(doc, NULL, print_problem, NULL, &v, NULL);
			EQ_INT(v.musts, rows[i].musts, name);
			OK(v.objects > 300, "%u objects judged", v.objects);
		}
		buf_done(&data);
		arena_free(a);
	}
}

int main(void)
{
	test_validator_cases();
	test_attack();
	return tap_done();
}
