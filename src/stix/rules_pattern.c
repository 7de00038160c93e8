/* Indicators whose pattern is in the STIX patterning language (STIX 2.1 §4.7.1, §9). */
#include "stix/pattern.h"
#include "stix/rules.h"

#define PATTERN_ARENA ((size_t)16 << 20)

/* START and STOP took plain strings in 2.0 (part 5 §4.1.2). */
static enum rc parse_20(struct str text, struct err *err)
{
	struct stix_pattern_opts opts = STIX_PATTERN_STRICT;
	const struct pattern *tree;
	struct arena *a = arena_new(PATTERN_ARENA);
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	opts.v20 = true;
	rc = stix_pattern_parse(a, text, &opts, &tree, err);
	arena_free(a);
	return rc;
}

void rule_pattern(struct stix_check *c, const struct json *o)
{
	const struct json *pattern = json_get(o, S("pattern"));
	struct err why;
	enum rc rc;

	if (!json_is(pattern, JSON_STRING))
		return;
	if (c->spec == STIX_SPEC_21 && !str_eq(json_get_str(o, S("pattern_type")), S("stix")))
		return;
	if (c->spec == STIX_SPEC_21 && !str_eq(json_get_str(o, S("pattern_version")), S("2.0")))
		rc = stix_pattern_check(json_str(pattern), &why);
	else
		rc = parse_20(json_str(pattern), &why);
	if (rc == RC_NOMEM)
		c->fatal = rc;
	else if (rc != RC_OK)
		MUST_BY(c, pattern, "pattern", "STIX 2.1 §9", "%s", why.text);
}
