/* Rules of the meta objects (STIX 2.1 §7). */
#include "stix/format.h"
#include "stix/marking.h"
#include "stix/rules.h"

#define TLP_2_EXTENSION "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

static bool refers_to(const struct json *refs, struct str id)
{
	if (!json_is(refs, JSON_ARRAY))
		return false;
	JSON_EACH(ref, refs)
		if (str_eq(json_str(ref), id))
			return true;
	return false;
}

/* A marking may not mark itself (STIX 2.1 §3.2). Longer circles are seen by the bundle. */
static void not_circular(struct stix_check *c, const struct json *o)
{
	struct str id = json_get_str(o, S("id"));
	const struct json *granular = json_get(o, S("granular_markings"));

	if (refers_to(json_get(o, S("object_marking_refs")), id))
		MUST_BY(c, json_get(o, S("object_marking_refs")), "circular-marking", "STIX 2.1 §3.2",
			"a marking definition may not mark itself");
	if (!json_is(granular, JSON_ARRAY))
		return;
	JSON_EACH(g, granular)
		if (id.p != NULL && str_eq(json_get_str(g, S("marking_ref")), id))
			MUST_BY(c, g, "circular-marking", "STIX 2.1 §3.2", "a marking definition may not mark itself");
}

/* Is it the definition that the standard gives for its id, in all that the standard gives? 2.0
 * writes them without spec_version and name. */
static bool is_standard_tlp(const struct stix_check *c, const struct json *o)
{
	const struct stix_tlp_marking *m = stix_tlp_marking_find(json_get_str(o, S("id")));
	struct arena *a;
	const struct json *want;
	bool same;

	if (m == NULL || (a = arena_new(64 << 10)) == NULL)
		return false;
	same = json_parse(a, m->json, &JSON_LIMITS, &want, NULL) == RC_OK && o->n <= want->n;
	if (same)
		JSON_MEMBERS(name, value, want) {
			const struct json *got = json_get(o, json_str(name));
			bool only_21 = str_eq(json_str(name), S("spec_version")) || str_eq(json_str(name), S("name"));

			if (got == NULL ? !(only_21 && c->spec == STIX_SPEC_20) : !json_same(got, value))
				same = false;
		}
	arena_free(a);
	return same;
}

static void definition_content(struct stix_check *c, const struct json *o)
{
	struct str type = json_get_str(o, S("definition_type"));
	const struct json *definition = json_get(o, S("definition"));
	bool extended = json_is(json_get(o, S("extensions")), JSON_OBJECT);

	if (!extended && c->spec == STIX_SPEC_21 && type.p == NULL)
		MUST(c, o, "required", "'definition_type' is required without extensions");
	if (!extended && c->spec == STIX_SPEC_21 && definition == NULL)
		MUST(c, o, "required", "'definition' is required without extensions");
	if (definition != NULL && definition->type != JSON_OBJECT)
		MUST(c, definition, "type", "'definition' must be a JSON object");
	else if (str_eq(type, S("statement")) && !json_is(json_get(definition, S("statement")), JSON_STRING))
		MUST_BY(c, definition != NULL ? definition : o, "required", "STIX 2.1 §7.2.1.3", "'statement' is required");
}

void rule_marking_definition(struct stix_check *c, const struct json *o)
{
	static const char *const versioning[] = { "modified", "revoked" };
	bool tlp = str_eq(json_get_str(o, S("definition_type")), S("tlp")) ||
		   json_get(json_get(o, S("extensions")), S(TLP_2_EXTENSION)) != NULL;

	if (tlp && !is_standard_tlp(c, o))
		MUST_BY(c, o, "tlp-marking", "STIX 2.1 §7.2.1.4",
			"a TLP marking definition must be one of those that the standard gives");
	/* The text's own example of a statement (§7.2.1.3) bears the id of TLP:GREEN: no MUST, then. */
	if (!tlp && stix_tlp_marking_find(json_get_str(o, S("id"))) != NULL)
		SHOULD(c, o, "tlp-marking", "this id stands for a TLP marking and should not be used for another");
	definition_content(c, o);
	not_circular(c, o);
	for (size_t i = 0; i < COUNTOF(versioning); i++)
		if (json_get(o, str_of(versioning[i])) != NULL)
			SHOULD(c, json_get(o, str_of(versioning[i])), "marking-versioned",
			       "marking definitions are not versioned: '%s' has no meaning here", versioning[i]);
}

/* The translated value must have the shape of what it translates: a string for a string, a list of
 * the same length for a list (STIX 2.1 §7.1.1). Judged when the object is in the same document. */
static void translation_fits(struct stix_check *c, const struct json *original, const struct json *translated)
{
	if (original->type == JSON_ARRAY && (translated->type != JSON_ARRAY || translated->n != original->n))
		MUST(c, translated, "translation", "the translation of a list must be a list of the same length");
	else if (original->type == JSON_STRING && translated->type != JSON_STRING)
		MUST(c, translated, "translation", "the translation of a string must be a string");
}

/* Only the exact version that it names: another one may have other lists (S32). */
static const struct json *translated_object(struct stix_check *c, const struct json *o)
{
	struct str id = json_get_str(o, S("object_ref")), modified = json_get_str(o, S("object_modified"));
	const struct json *hit = id.p == NULL ? NULL : check_find_object(c, id);

	if (hit == NULL || (modified.p != NULL && stix_version_cmp(json_get_str(hit, S("modified")), modified) != 0))
		return NULL;
	return hit;
}

void rule_language_content(struct stix_check *c, const struct json *o)
{
	const struct json *contents = json_get(o, S("contents"));
	const struct json *original = translated_object(c, o);

	if (!json_is(contents, JSON_OBJECT))
		return;
	JSON_MEMBERS(lang, fields, contents) {
		if (format_lang(json_str(lang)) != NULL)
			MUST(c, fields, "language", "'%.*s' is no RFC 5646 language tag", STR(str_slice(json_str(lang), 0, 60)));
		if (fields->type != JSON_OBJECT || fields->n == 0) {
			MUST(c, fields, "dictionary", "a language's content must be a dictionary with at least one entry");
			continue;
		}
		JSON_MEMBERS(name, value, fields) {
			const struct json *translates = json_get(original, json_str(name));

			if (!format_is_property(json_str(name), true))
				MUST(c, value, "property-name", "'%.*s' is no property name",
				     STR(str_slice(json_str(name), 0, 100)));
			else if (original != NULL && translates == NULL)
				MUST(c, value, "translation", "the object has no '%.*s' to translate",
				     STR(str_slice(json_str(name), 0, 100)));
			else if (translates != NULL)
				translation_fits(c, translates, value);
		}
	}
}

void rule_extension_definition(struct stix_check *c, const struct json *o)
{
	const struct json *types = json_get(o, S("extension_types")), *names = json_get(o, S("extension_properties"));
	bool toplevel = false;

	if (json_is(types, JSON_ARRAY))
		JSON_EACH(type, types)
			toplevel = toplevel || str_eq(json_str(type), S("toplevel-property-extension"));
	if (!json_is(names, JSON_ARRAY))
		return;
	if (!toplevel)
		MUST(c, names, "extension", "'extension_properties' belongs to a toplevel-property-extension");
	JSON_EACH(name, names)
		if (json_is(name, JSON_STRING) && !format_is_property(json_str(name), true))
			MUST(c, name, "property-name", "'%.*s' is no property name: 3 to 250 of a-z, 0-9 and _",
			     STR(str_slice(json_str(name), 0, 100)));
}
