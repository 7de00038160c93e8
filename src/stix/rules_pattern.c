/* Indicators whose pattern is in the STIX patterning language (STIX 2.1 §4.7.1,
 * §9): grammar, expressions that compile, and the names of the types and
 * properties that the pattern speaks of. */
#include "stix/format.h"
#include "stix/pattern.h"
#include "stix/pattern_ast.h"
#include "stix/rules.h"

#define CLAUSE "STIX 2.1 §9"
#define CLAUSE_NAMES "STIX 2.1 §9.7"
#define SCRATCH_MAX ((size_t)64 << 20)
#define NEST_MAX (2 * PATTERN_DEPTH_MAX + 4)

struct walk {
	struct stix_check *c;
	const struct json *at;   /* the pattern's string */
	bool has_regex;
};

static void custom_name(const struct walk *w, struct str name, char mark, const char *rule, const char *what)
{
	if (w->c->opts->strict)
		MUST_BY(w->c, w->at, rule, CLAUSE_NAMES, "pattern: %s '%.*s' is not defined", what, STR(str_slice(name, 0, 100)));
	check_custom_prefix(w->c, w->at, name, mark, what);
}

static void property_name(const struct walk *w, const struct stix_schema *type, struct str name)
{
	if (type != NULL && (stix_prop_find(type, name, w->c->spec) != NULL ||
			     stix_prop_find(stix_schema_common(type, STIX_SCO), name, w->c->spec) != NULL))
		return;
	if (!format_is_property(name, w->c->spec != STIX_SPEC_20))
		MUST_BY(w->c, w->at, "pattern", CLAUSE_NAMES, "pattern: '%.*s' is no property name", STR(str_slice(name, 0, 100)));
	else if (type != NULL)
		custom_name(w, name, '_', "unknown-property", "property");
}

static void comparison_names(struct walk *w, const struct pat_cmp *cmp)
{
	const struct stix_schema *type = stix_schema_find(cmp->object_type);

	if (type != NULL && (type->class != STIX_SCO || !stix_in_spec(type->flags, w->c->spec)))
		type = NULL;
	if (type == NULL && !stix_type_name_ok(cmp->object_type))
		MUST_BY(w->c, w->at, "pattern", CLAUSE_NAMES, "pattern: '%.*s' is no observable type name",
			STR(str_slice(cmp->object_type, 0, 100)));
	else if (type == NULL)
		custom_name(w, cmp->object_type, '-', "unknown-type", "object type");
	if (cmp->n_steps > 0 && cmp->steps[0].kind == PAT_KEY)
		property_name(w, type, cmp->steps[0].key);
	w->has_regex = w->has_regex || cmp->op == PAT_MATCHES;
}

static void test_names(struct walk *w, const struct pat_bool *b, int depth)
{
	for (; b != NULL && depth < NEST_MAX; b = b->next)
		if (b->kind == PAT_TEST)
			comparison_names(w, &b->cmp);
		else
			test_names(w, b->kids, depth + 1);
}

static void observation_names(struct walk *w, const struct pat_obs *o, int depth)
{
	for (; o != NULL && depth < NEST_MAX; o = o->next) {
		if (o->kind == PAT_OBSERVATION)
			test_names(w, o->test, 0);
		else
			observation_names(w, o->kids, depth + 1);
	}
}

/* START and STOP took plain strings in 2.0 (part 5 §4.1.2). */
static enum rc check_text(struct walk *w, struct str text, bool v20, struct err *why)
{
	struct stix_pattern_opts opts = STIX_PATTERN_STRICT;
	const struct pattern *tree;

	if (w->c->scratch == NULL && (w->c->scratch = arena_new(SCRATCH_MAX)) == NULL)
		return FAIL(why, RC_NOMEM, "out of memory");
	arena_reset(w->c->scratch);
	opts.v20 = v20;
	TRY(stix_pattern_parse(w->c->scratch, text, &opts, &tree, why));
	observation_names(w, tree->root, 0);
	/* Only a regular expression can be well formed as a pattern and still not compile. */
	return w->has_regex && !v20 ? stix_pattern_check(text, why) : RC_OK;
}

void rule_pattern(struct stix_check *c, const struct json *o)
{
	const struct json *pattern = json_get(o, S("pattern"));
	bool v20 = c->spec == STIX_SPEC_20 || str_eq(json_get_str(o, S("pattern_version")), S("2.0"));
	struct walk w = { .c = c, .at = pattern };
	struct err why;
	enum rc rc;

	if (!json_is(pattern, JSON_STRING) || (c->spec == STIX_SPEC_21 && !str_eq(json_get_str(o, S("pattern_type")), S("stix"))))
		return;
	rc = check_text(&w, json_str(pattern), v20, &why);
	if (rc == RC_NOMEM)
		c->fatal = rc;
	else if (rc != RC_OK)
		MUST_BY(c, pattern, "pattern", CLAUSE, "%s", why.text);
}
