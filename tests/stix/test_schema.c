/* Our tables beside the published JSON schemas of STIX 2.1: each property, whether it is required, whether
 * it is a list, each enumeration; and that the tables are sound in themselves. */
#include "data.h"
#include "stix/schema.h"
#include "tap.h"

#define ARENA_MAX ((size_t)16 << 20)

static void test_sound(void)
{
	size_t n = 0;

	for (const struct stix_schema *s; (s = stix_schema_at(n)) != NULL; n++) {
		bool good = s->n_props < 64 && s->clause != NULL && stix_schema_find(s->type) == s && s->class != STIX_CUSTOM;

		for (size_t i = 0; i < s->n_props; i++) {
			const struct stix_prop *p = &s->props[i];

			good = good && p->kind < SK_COUNT && !((p->flags & ONLY20) && (p->flags & (ONLY21 | REQ21))) &&
			       !((p->flags & ONLY21) && (p->flags & REQ20)) && (p->kind != SK_STRUCT || p->sub != NULL) &&
			       ((p->kind != SK_ENUM && p->kind != SK_VOCAB) || p->vocab != NULL) && p->name.n == strlen(p->name.p);
			for (size_t k = 0; k < i; k++)
				good = good && (!str_eq(s->props[k].name, p->name) ||
						((s->props[k].flags | p->flags) & (ONLY20 | ONLY21)) == (ONLY20 | ONLY21));
		}
		for (size_t i = 0; i < s->n_rules; i++)
			good = good && (s->rules[i].kind == SR_FN) == (s->rules[i].fn != NULL) &&
			       (s->rules[i].kind == SR_FN || s->rules[i].props != NULL);
		OK(good, "%s is sound", s->type.p);
	}
	EQ_INT(n, 19 + 18 + 2 + 4, "19 domain objects, 18 observables, 2 relationships, 3 meta objects and the bundle");
	OK(stix_schema_find(S("")) == NULL && stix_schema_find(S("x-foo")) == NULL, "no other");
}

static const struct stix_prop *row_of(const struct stix_schema *s, struct str name)
{
	const struct stix_prop *p = stix_prop_find(s, name, STIX_SPEC_21);

	return p != NULL ? p : stix_prop_find(stix_schema_common(s, (enum stix_class)s->class), name, STIX_SPEC_21);
}

/* Words of an "enum" beside those of our row: the schemas repeat vocabularies under "definitions" by name. */
static void compare_words(const struct json *schema)
{
	const struct json *definitions = json_get(schema, S("definitions"));

	if (!json_is(definitions, JSON_OBJECT))
		return;
	JSON_MEMBERS(name, value, definitions) {
		const struct json *words = json_get(value, S("enum"));
		const struct stix_vocab *v = NULL;

		for (size_t i = 0; stix_schema_at(i) != NULL && v == NULL; i++)
			for (size_t k = 0; k < stix_schema_at(i)->n_props; k++)
				if (stix_schema_at(i)->props[k].vocab != NULL &&
				    str_eq(str_of(stix_schema_at(i)->props[k].vocab->name), json_str(name)))
					v = stix_schema_at(i)->props[k].vocab;
		if (v == NULL || !json_is(words, JSON_ARRAY))
			continue;
		JSON_EACH(word, words) /* two words of region-ov have run together in the schema */
			OK(stix_vocab_has(v, json_str(word)) || str_find(json_str(word), S(" "), 0) != SIZE_MAX, "%s has %.*s", v->name,
			   STR(json_str(word)));
	}
}

static void compare_properties(const struct stix_schema *s, const struct json *v)
{
	const struct json *props = json_get(v, S("properties")), *required = json_get(v, S("required"));
	const struct json *all = json_get(v, S("allOf"));

	if (json_is(props, JSON_OBJECT))
		JSON_MEMBERS(name, value, props) {
			const struct stix_prop *p = row_of(s, json_str(name));
			bool list = str_eq(json_get_str(value, S("type")), S("array"));

			OK(p != NULL && (!list || (p->flags & LIST) != 0), "%s.%.*s%s", s->type.p, STR(json_str(name)),
			   list ? " is a list" : "");
		}
	if (json_is(required, JSON_ARRAY))
		JSON_EACH(name, required) {
			const struct stix_prop *p = row_of(s, json_str(name));

			OK(p != NULL && (p->flags & REQ21) != 0, "%s.%.*s is required", s->type.p, STR(json_str(name)));
		}
	if (json_is(all, JSON_ARRAY))
		JSON_EACH(part, all)
			if (json_get(part, S("$ref")) == NULL)
				compare_properties(s, part);
}

/* Ours that the schema does not have: the schemas leave descriptions out, and email-message hides two in its rules. */
static bool is_known_extra(struct str type, struct str name)
{
	static const char *const extras[] = { "description", "body", "body_multipart", "is_multipart", "is_active", "extensions",
					      "is_family", "first_seen", "last_seen", "explanation" };

	(void)type;
	for (size_t i = 0; i < COUNTOF(extras); i++)
		if (str_eq(name, str_of(extras[i])))
			return true;
	return false;
}

static bool schema_mentions(const struct json *v, struct str name)
{
	const struct json *props = json_get(v, S("properties")), *all = json_get(v, S("allOf"));

	if (json_get(props, name) != NULL)
		return true;
	if (json_is(all, JSON_ARRAY))
		JSON_EACH(part, all)
			if (schema_mentions(part, name))
				return true;
	return false;
}

static void compare_extras(const struct stix_schema *s, const struct json *v)
{
	for (size_t i = 0; i < s->n_props; i++)
		if ((s->props[i].flags & ONLY20) == 0)
			OK(schema_mentions(v, s->props[i].name) || is_known_extra(s->type, s->props[i].name),
			   "the schema has %s.%s too", s->type.p, s->props[i].name.p);
}

static void test_published(void)
{
	struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; stix_schema_at(i) != NULL; i++) {
		const struct stix_schema *s = stix_schema_at(i);
		const char *folder = s->class == STIX_SDO ? "sdos" : s->class == STIX_SCO ? "observables" : "sros";
		const struct json *v;
		struct buf data;
		char path[200];

		if (s->class != STIX_SDO && s->class != STIX_SCO && s->class != STIX_SRO)
			continue;
		buf_init(&data, ARENA_MAX);
		snprintf(path, sizeof path, "stix/schemas/%s/%s.json", folder, s->type.p);
		if (!data_read(path, &data)) {
			SKIP("no stix/schemas in LIANFANG_DATA or ../shared/data", "%s beside its schema", s->type.p);
		} else if (OK(json_parse(a, buf_view(&data), &JSON_LIMITS, &v, NULL) == RC_OK, "%s", path)) {
			compare_properties(s, v);
			compare_words(v);
			compare_extras(s, v);
		}
		buf_done(&data);
		arena_reset(a);
	}
	arena_free(a);
}

int main(void)
{
	test_sound();
	test_published();
	return tap_done();
}
