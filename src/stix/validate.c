/* The walk over one object: names, kinds, required properties, rules. What a type
 * demands is in the schema tables; this file only applies them.
 *
 * Which version's rules apply: the document says it by spec_version, or by its
 * absence. An object without spec_version is 2.0 (STIX 2.1 §3.2), unless it is a
 * type or has a property that only 2.1 knows: then it is a 2.1 object that lacks
 * a required property, and is told so. */
#include "stix/validate.h"

#include "stix/check.h"
#include "stix/format.h"

#include <stdarg.h>

#define CLAUSE_MAX 64

bool check_without(const struct stix_check *c, const char *rule)
{
	struct str rest = str_of(c->opts->without), piece;

	while (str_next(&rest, ',', &piece))
		if (str_eq(str_trim(piece), str_of(rule)))
			return true;
	return false;
}

static void give(struct stix_check *c, struct stix_problem *p, const struct json *at)
{
	struct buf pointer;

	buf_init(&pointer, 64 << 10);
	if (at != NULL)
		json_pointer(c->root, at, &pointer);
	p->pointer = buf_view(&pointer);
	if (p->level == STIX_MUST && c->verdict.musts == 1)
		err_set(c->err, RC_BAD, "%s%.*s: %.*s (%s)", p->pointer.n > 0 ? "" : "object", STR(p->pointer),
			STR(p->message), p->clause);
	if (c->report != NULL && c->verdict.musts + c->verdict.shoulds <= STIX_TOLD_MAX)
		c->report(c->ctx, p);
	buf_done(&pointer);
}

void check_tell(struct stix_check *c, enum stix_level_of_rule level, const struct json *at, const char *rule,
		const char *clause, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX], clause_20[CLAUSE_MAX];
	struct stix_problem p = { .level = level, .rule = rule, .clause = clause };
	va_list ap;

	if (c->opts->without != NULL && check_without(c, rule))
		return;
	if (level == STIX_MUST)
		c->verdict.musts++;
	else
		c->verdict.shoulds++;
	if (c->report == NULL && (c->err == NULL || c->verdict.musts != 1 || level != STIX_MUST))
		return;
	if (p.clause == NULL)
		p.clause = c->schema != NULL && c->schema->clause != NULL ? c->schema->clause : "STIX 2.1 §3";
	if (c->spec == STIX_SPEC_20) {
		snprintf(clause_20, sizeof clause_20, "STIX 2.0, as %s", p.clause);
		p.clause = clause_20;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p.message = str_of(text);
	give(c, &p, at);
}

/* Names that may not be used by anyone (STIX 2.1 §3.8; 2.0 part 1 §3.7). */
static bool is_reserved(uint8_t spec, struct str name)
{
	static const char *const words_21[] = { "severity", "action", "username", "phone_number", "phone_numbers" };
	static const char *const words_20[] = { "confidence", "severity", "action", "usernames", "phone_numbers", "addresses",
		"first_seen_precision", "last_seen_precision", "valid_from_precision", "valid_until_precision" };
	const char *const *words = spec == STIX_SPEC_20 ? words_20 : words_21;
	size_t n = spec == STIX_SPEC_20 ? COUNTOF(words_20) : COUNTOF(words_21);

	for (size_t i = 0; i < n; i++)
		if (str_eq(name, str_of(words[i])))
			return true;
	return false;
}

void check_custom_prefix(struct stix_check *c, const struct json *at, struct str name, char mark, const char *what)
{
	char head[3] = { 'x', mark, '\0' };
	size_t second;

	if (!c->opts->shoulds)
		return;
	if (!check_without(c, "custom-prefix")) {
		second = str_find(name, str_make(&mark, 1), 3);
		if (!str_starts(name, str_of(head)) || second == SIZE_MAX || second + 1 >= name.n)
			SHOULD(c, at, "custom-prefix", "custom %s '%.*s' should begin with '%s', its source and '%c'", what,
			       STR(str_slice(name, 0, 100)), head, mark);
		return;
	}
	if (!str_starts(name, str_of(head)))
		SHOULD(c, at, "custom-prefix-lax", "custom %s '%.*s' should begin with '%s'", what,
		       STR(str_slice(name, 0, 100)), head);
}

/* An object of a type that the standard does not know, or not in this version. */
static const struct stix_schema CUSTOM_TYPE = { .type = NAME("a custom type"), .clause = "STIX 2.1 §11.2" };

/* A member that the schemas at hand do not define. */
static void check_custom(struct stix_check *c, const struct json *name, const struct json *value, bool top)
{
	struct str n = json_str(name);

	if (top && (c->class != STIX_SCO || c->spec == STIX_SPEC_21) && is_reserved(c->spec, n)) {
		MUST_BY(c, value, "reserved", "STIX 2.1 §3.8", "'%.*s' is a reserved property name", STR(n));
		return;
	}
	if (!format_is_property(n, c->spec != STIX_SPEC_20)) {
		MUST_BY(c, value, "property-name", "STIX 2.1 §3.1", "'%.*s' is no property name: 3 to 250 of a-z, 0-9 and _%s",
			STR(str_slice(n, 0, 300)), c->spec == STIX_SPEC_20 ? "" : ", a letter first");
		return;
	}
	if (value->type == JSON_ARRAY && value->n == 0)
		MUST_BY(c, value, "empty-list", "STIX 2.1 §2.12", "'%.*s': an empty list is left out", STR(n));
	if (value->type == JSON_STRING && str_ends(n, S("_hex")) && format_hex(json_str(value)) != NULL)
		MUST_BY(c, value, "hex", "STIX 2.1 §2.8", "'%.*s': %s", STR(n), format_hex(json_str(value)));
	if (value->type == JSON_STRING && str_ends(n, S("_bin")) && format_base64(json_str(value)) != NULL)
		MUST_BY(c, value, "binary", "STIX 2.1 §2.1", "'%.*s': %s", STR(n), format_base64(json_str(value)));
	if (top && extension_adds_properties(c->object))
		return;
	if (c->opts->strict && c->schema != &CUSTOM_TYPE)
		MUST_BY(c, value, "unknown-property", "STIX 2.1 §11.1", "'%.*s' is not defined for %.*s", STR(n),
			STR(c->schema->type));
	/* A common property in a place where it has no meaning is not a custom one. */
	if (stix_prop_find(stix_schema_common(NULL, STIX_SDO), n, c->spec) != NULL)
		return;
	if (c->schema != &CUSTOM_TYPE) /* whoever makes the type names its properties */
		check_custom_prefix(c, value, n, '_', "property");
}

/* Which rows were seen: bit i for row i. Longest table: 31 rows. */
struct seen {
	uint64_t own, common;
};

static void check_member(struct stix_check *c, const struct stix_schema *own, const struct stix_schema *common,
			 const struct json *name, struct seen *seen)
{
	const struct json *value = name + 1;
	const struct stix_prop *p = stix_prop_find(own, json_str(name), c->spec);

	if (value->type == JSON_NULL) {
		MUST_BY(c, value, "null", "STIX 2.1 §3.1", "'%.*s' is null: a property without a value is left out",
			STR(str_slice(json_str(name), 0, 100)));
		return;
	}
	if (p != NULL) {
		seen->own |= (uint64_t)1 << (p - own->props);
	} else if (common != NULL && (p = stix_prop_find(common, json_str(name), c->spec)) != NULL) {
		seen->common |= (uint64_t)1 << (p - common->props);
	}
	if (p == NULL)
		check_custom(c, name, value, common != NULL);
	else
		check_value(c, p, value);
}

static void check_required(struct stix_check *c, const struct stix_schema *s, uint64_t seen, uint64_t also,
			   const struct stix_schema *own, const struct json *v)
{
	uint8_t need = c->spec == STIX_SPEC_20 ? REQ20 : REQ21;

	for (size_t i = 0; i < s->n_props; i++) {
		const struct stix_prop *p = &s->props[i];
		const struct stix_prop *shadow;

		if ((p->flags & need) == 0 || !stix_in_spec(p->flags, c->spec) || (seen >> i & 1) != 0)
			continue;
		shadow = s == own ? NULL : stix_prop_find(own, p->name, c->spec);
		if (shadow != NULL && (also >> (shadow - own->props) & 1) != 0)
			continue;
		MUST(c, v, "required", "'%.*s' is required", STR(p->name));
	}
}

static unsigned count_there(const struct json *v, const char *props, const struct json **ret_last)
{
	struct str rest = str_of(props), name;
	unsigned n = 0;

	while (str_next(&rest, ' ', &name)) {
		const struct json *found = json_get(v, name);

		if (found != NULL) {
			n++;
			*ret_last = found;
		}
	}
	return n;
}

static void check_order(struct stix_check *c, const struct stix_rule *r, const struct json *v)
{
	struct str rest = str_of(r->props), late = { 0 }, early = { 0 };
	struct str a, b;
	usec t;

	if (!str_next(&rest, ' ', &late) || !str_next(&rest, ' ', &early))
		return;
	a = json_get_str(v, late);
	b = json_get_str(v, early);
	if (a.p == NULL || b.p == NULL || time_parse(a, &t, NULL, NULL) != RC_OK || time_parse(b, &t, NULL, NULL) != RC_OK)
		return;
	if (time_text_cmp(a, b) < (r->kind == SR_GT ? 1 : 0))
		MUST(c, json_get(v, late), "time-order", "'%.*s' must be later than%s '%.*s'", STR(late),
		     r->kind == SR_GT ? "" : " or equal to", STR(early));
}

static void check_rule(struct stix_check *c, const struct stix_schema *s, const struct stix_rule *r, uint64_t seen,
		       const struct json *v)
{
	const struct json *last = v;
	struct str rest = str_of(r->props), first = { 0 };
	unsigned there;

	switch ((enum stix_rule_kind)r->kind) {
	case SR_ANY_OF:
		if (r->props[0] == '*' ? seen == 0 && json_get(v, S("extensions")) == NULL : count_there(v, r->props, &last) == 0)
			MUST(c, v, "at-least-one", "%.*s needs at least one of its properties%s%s", STR(s->type),
			     r->props[0] == '*' ? "" : ": ", r->props[0] == '*' ? "" : r->props);
		break;
	case SR_ONE_OF:
		there = count_there(v, r->props, &last);
		if (there != 1)
			MUST(c, there == 0 ? v : last, "exactly-one", "%.*s needs exactly one of %s", STR(s->type), r->props);
		break;
	case SR_NEEDS:
	case SR_EXCLUDES:
		if (!str_next(&rest, ' ', &first) || json_get(v, first) == NULL)
			break;
		for (struct str other; str_next(&rest, ' ', &other);)
			if ((json_get(v, other) != NULL) != (r->kind == SR_NEEDS))
				MUST(c, json_get(v, first), r->kind == SR_NEEDS ? "needs" : "excludes", "'%.*s' %s '%.*s'",
				     STR(first), r->kind == SR_NEEDS ? "needs" : "excludes", STR(other));
		break;
	case SR_GE:
	case SR_GT:
		check_order(c, r, v);
		break;
	case SR_FN:
		r->fn(c, v);
		break;
	}
}

static void check_rules(struct stix_check *c, const struct stix_schema *s, uint64_t seen, const struct json *v)
{
	for (size_t i = 0; i < s->n_rules && c->fatal == RC_OK; i++)
		if (stix_in_spec(s->rules[i].flags, c->spec))
			check_rule(c, s, &s->rules[i], seen, v);
}

void check_struct(struct stix_check *c, const struct stix_schema *s, const struct json *v)
{
	const struct stix_schema *outer = c->schema;
	struct seen seen = { 0, 0 };

	c->schema = s;
	if (v->type != JSON_OBJECT) {
		MUST(c, v, "type", "%.*s must be a JSON object", STR(s->type));
	} else {
		JSON_MEMBERS(name, value, v)
			check_member(c, s, NULL, name, &seen);
		check_required(c, s, seen.own, 0, s, v);
		check_rules(c, s, seen.own, v);
	}
	c->schema = outer;
}

static void check_custom_type(struct stix_check *c, const struct json *object, struct str type, bool observable)
{
	static const char *const reserved_20[] = { "incident", "infrastructure" };
	const struct json *at = json_get(object, S("type"));

	if (str_eq(type, S("action")))
		MUST_BY(c, at, "reserved", "STIX 2.1 §3.8", "'action' is a reserved type name");
	for (size_t i = 0; c->spec == STIX_SPEC_20 && !observable && i < COUNTOF(reserved_20); i++)
		if (str_eq(type, str_of(reserved_20[i])))
			MUST_BY(c, at, "reserved", "STIX 2.1 §3.8", "'%s' is a reserved type name in STIX 2.0", reserved_20[i]);
	if (extension_class(object) != STIX_CUSTOM)
		return;
	if (c->opts->strict)
		MUST(c, at, "unknown-type", "'%.*s' is not a type of STIX %s", STR(str_slice(type, 0, 100)),
		     c->spec == STIX_SPEC_20 ? "2.0" : "2.1");
	check_custom_prefix(c, at, type, '-', "object type");
}

/* A custom object that has neither time of the versioned ones is taken for a cyber-observable. */
static bool is_versioned(const struct json *object)
{
	return extension_class(object) != STIX_CUSTOM || json_get(object, S("created")) != NULL ||
	       json_get(object, S("modified")) != NULL;
}

static void check_body(struct stix_check *c, const struct json *object, bool observable)
{
	struct str type = json_get_str(object, S("type"));
	const struct stix_schema *own = stix_schema_find(type), *common;
	struct seen seen = { 0, 0 };

	if (own == NULL || !stix_in_spec(own->flags, c->spec) || (observable && own->class != STIX_SCO)) {
		own = &CUSTOM_TYPE;
		c->schema = own;
		c->class = (uint8_t)(observable || !is_versioned(object) ? STIX_SCO : extension_class(object));
		if (type.p != NULL)
			check_custom_type(c, object, type, observable);
	} else {
		c->class = own->class;
	}
	c->schema = own;
	common = stix_schema_common(own == &CUSTOM_TYPE ? NULL : own, (enum stix_class)c->class);
	JSON_MEMBERS(name, value, object)
		check_member(c, own, common, name, &seen);
	check_required(c, own, seen.own, 0, own, object);
	c->schema = common;
	check_required(c, common, seen.common, seen.own, own, object);
	check_rules(c, common, seen.common, object);
	c->schema = own;
	check_rules(c, own, seen.own, object);
}

/* Has a member, or is of a type, that only STIX 2.1 has: see the head of this file. */
static bool speaks_21(const struct json *object)
{
	const struct stix_schema *own = stix_schema_find(json_get_str(object, S("type")));
	const struct stix_schema *common;

	if (own == NULL)
		return json_is(json_get(object, S("extensions")), JSON_OBJECT);
	if ((own->flags & ONLY21) != 0 || own->class == STIX_SCO)
		return true;
	common = stix_schema_common(own, (enum stix_class)own->class);
	JSON_MEMBERS(name, value, object) {
		struct str n = json_str(name);

		if (stix_prop_find(own, n, STIX_SPEC_20) == NULL && stix_prop_find(common, n, STIX_SPEC_20) == NULL &&
		    !is_reserved(STIX_SPEC_20, n) &&
		    (stix_prop_find(own, n, STIX_SPEC_21) != NULL || stix_prop_find(common, n, STIX_SPEC_21) != NULL))
			return true;
	}
	return false;
}

static uint8_t spec_of(const struct stix_check *c, const struct json *object)
{
	struct str spec = json_get_str(object, S("spec_version"));

	if (c->opts->spec != 0)
		return c->opts->spec;
	if (str_eq(spec, S("2.0")))
		return STIX_SPEC_20;
	if (json_get(object, S("spec_version")) != NULL)
		return STIX_SPEC_21;
	if (str_eq(json_get_str(object, S("type")), S("bundle")))
		return STIX_SPEC_21;
	return speaks_21(object) ? STIX_SPEC_21 : STIX_SPEC_20;
}

void check_object(struct stix_check *c, const struct json *object)
{
	const struct json *outer = c->object;
	uint8_t outer_spec = c->spec, outer_class = c->class;

	if (!json_is(object, JSON_OBJECT)) {
		c->schema = NULL;
		MUST_BY(c, object, "type", "STIX 2.1 §3", "a STIX object must be a JSON object");
		return;
	}
	c->verdict.objects++;
	c->object = object;
	c->spec = spec_of(c, object);
	check_body(c, object, false);
	if (c->class == STIX_BUNDLE)
		check_bundle(c, object);
	c->object = outer;
	c->spec = outer_spec;
	c->class = outer_class;
	c->schema = NULL;
}

void check_observable(struct stix_check *c, const struct json *object)
{
	const struct stix_schema *outer = c->schema;
	uint8_t outer_class = c->class;

	if (!json_is(object, JSON_OBJECT))
		MUST(c, object, "type", "a cyber-observable must be a JSON object");
	else
		check_body(c, object, true);
	c->schema = outer;
	c->class = outer_class;
}

enum rc stix_validate(const struct json *document, const struct stix_validate_opts *opts, stix_problem_fn report,
		      void *ctx, struct stix_verdict *ret, struct err *err)
{
	static const struct stix_validate_opts plain;
	struct stix_check c = {
		.opts = opts != NULL ? opts : &plain, .report = report, .ctx = ctx, .err = err, .root = document,
		.spec = STIX_SPEC_21,
	};

	if (json_is(document, JSON_ARRAY))
		check_list(&c, document);
	else
		check_object(&c, document);
	arena_free(c.scratch);
	map_free(c.by_id);
	map_free(c.by_key);
	if (ret != NULL)
		*ret = c.verdict;
	if (c.fatal != RC_OK)
		return FAIL(err, c.fatal, "validation stopped: %s", rc_name(c.fatal));
	return c.verdict.musts > 0 ? RC_BAD : RC_OK;
}
