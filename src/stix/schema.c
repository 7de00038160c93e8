#include "stix/schema.h"

#include "stix/rules.h"
#include "stix/vocab.h"

#define REFS(n, to, fl) { NAME(n), .kind = SK_ID, .flags = (fl), .refs = (to) }
#define MARKINGS REFS("object_marking_refs", "marking-definition", LIST), \
	{ NAME("granular_markings"), .kind = SK_STRUCT, .flags = LIST, .sub = &STIX_GRANULAR }

/* STIX 2.1 §3.2: the columns of the table of common properties. */
static const struct stix_prop VERSIONED[] = {
	{ NAME("type"), .kind = SK_TYPE, .flags = REQ }, { NAME("id"), .kind = SK_OWN_ID, .flags = REQ },
	{ NAME("spec_version"), .kind = SK_SPEC, .flags = REQ21 | ONLY21 },
	{ NAME("created"), .kind = SK_TIME_MS, .flags = REQ }, { NAME("modified"), .kind = SK_TIME_MS, .flags = REQ },
	REFS("created_by_ref", "?identity", 0), { NAME("revoked"), .kind = SK_BOOL },
	{ NAME("labels"), .kind = SK_STRING, .flags = LIST },
	{ NAME("confidence"), .kind = SK_INT, .flags = ONLY21, .min = 0, .max = 100 },
	{ NAME("lang"), .kind = SK_LANG, .flags = ONLY21 },
	{ NAME("external_references"), .kind = SK_STRUCT, .flags = LIST, .sub = &STIX_EXTERNAL_REFERENCE }, MARKINGS,
	{ NAME("extensions"), .kind = SK_EXTENSIONS, .flags = ONLY21 },
};
static const struct stix_rule VERSIONED_RULES[] = { { SR_GE, 0, "modified created", NULL } };
static const struct stix_schema COMMON_VERSIONED = {
	.type = NAME("common"), .clause = "STIX 2.1 §3.2", .props = VERSIONED, .n_props = COUNTOF(VERSIONED),
	.rules = VERSIONED_RULES, .n_rules = COUNTOF(VERSIONED_RULES),
};

static const struct stix_prop OBSERVABLE[] = {
	{ NAME("type"), .kind = SK_TYPE, .flags = REQ }, { NAME("id"), .kind = SK_OWN_ID, .flags = REQ21 | ONLY21 },
	{ NAME("spec_version"), .kind = SK_SPEC, .flags = ONLY21 }, REFS("object_marking_refs", "marking-definition", LIST | ONLY21),
	{ NAME("granular_markings"), .kind = SK_STRUCT, .flags = LIST | ONLY21, .sub = &STIX_GRANULAR },
	{ NAME("defanged"), .kind = SK_BOOL, .flags = ONLY21 }, { NAME("extensions"), .kind = SK_EXTENSIONS },
};
static const struct stix_rule OBSERVABLE_RULES[] = { { SR_FN, ONLY21, NULL, rule_sco_identity } };
static const struct stix_schema COMMON_OBSERVABLE = {
	.type = NAME("common"), .clause = "STIX 2.1 §3.2", .props = OBSERVABLE, .n_props = COUNTOF(OBSERVABLE),
	.rules = OBSERVABLE_RULES, .n_rules = COUNTOF(OBSERVABLE_RULES),
};

/* Marking definitions and bundles name all their properties themselves. */
static const struct stix_schema COMMON_NONE = { .type = NAME("common"), .clause = "STIX 2.1 §3.2" };

const struct stix_schema *stix_schema_at(size_t i)
{
	if (i < STIX_SDOS_N)
		return &STIX_SDOS[i];
	i -= STIX_SDOS_N;
	if (i < STIX_SCOS_N)
		return &STIX_SCOS[i];
	i -= STIX_SCOS_N;
	if (i < STIX_SROS_N)
		return &STIX_SROS[i];
	i -= STIX_SROS_N;
	return i < STIX_METAS_N ? &STIX_METAS[i] : NULL;
}

static const struct stix_schema *find_in(const struct stix_schema *table, size_t n, struct str type)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].type.n == type.n && memcmp(table[i].type.p, type.p, type.n) == 0)
			return &table[i];
	return NULL;
}

const struct stix_schema *stix_schema_find(struct str type)
{
	const struct stix_schema *hit;

	if (type.n == 0)
		return NULL;
	if ((hit = find_in(STIX_SDOS, STIX_SDOS_N, type)) != NULL || (hit = find_in(STIX_SCOS, STIX_SCOS_N, type)) != NULL ||
	    (hit = find_in(STIX_SROS, STIX_SROS_N, type)) != NULL)
		return hit;
	return find_in(STIX_METAS, STIX_METAS_N, type);
}

const struct stix_schema *stix_schema_common(const struct stix_schema *own, enum stix_class class)
{
	if (own != NULL && (own->class == STIX_BUNDLE || str_eq(own->type, S("marking-definition"))))
		return &COMMON_NONE;
	return class == STIX_SCO ? &COMMON_OBSERVABLE : &COMMON_VERSIONED;
}

const struct stix_prop *stix_prop_find(const struct stix_schema *s, struct str name, uint8_t spec)
{
	for (size_t i = 0; i < s->n_props; i++) {
		const struct stix_prop *p = &s->props[i];

		if (p->name.n == name.n && memcmp(p->name.p, name.p, name.n) == 0 && stix_in_spec(p->flags, spec))
			return p;
	}
	return NULL;
}
