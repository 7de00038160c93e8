/* Extensions (STIX 2.1 §7.3; predefined ones §6): what an object's 'extensions'
 * make of it, and whether they are well formed. Properties inside an extension
 * that is defined by an extension-definition are that definition's business. */
#include "stix/check.h"
#include "stix/format.h"
#include "stix/vocab.h"

static struct str extension_type(const struct json *extension)
{
	return json_get_str(extension, S("extension_type"));
}

enum stix_class extension_class(const struct json *object)
{
	static const struct { const char *type; enum stix_class class; } rows[] = {
		{ "new-sdo", STIX_SDO }, { "new-sco", STIX_SCO }, { "new-sro", STIX_SRO },
	};
	const struct json *extensions = json_get(object, S("extensions"));

	if (!json_is(extensions, JSON_OBJECT))
		return STIX_CUSTOM;
	JSON_MEMBERS(name, value, extensions)
		for (size_t i = 0; i < COUNTOF(rows); i++)
			if (str_eq(extension_type(value), str_of(rows[i].type)))
				return rows[i].class;
	return STIX_CUSTOM;
}

bool extension_adds_properties(const struct json *object)
{
	const struct json *extensions = json_get(object, S("extensions"));

	if (!json_is(extensions, JSON_OBJECT))
		return false;
	JSON_MEMBERS(name, value, extensions)
		if (str_eq(extension_type(value), S("toplevel-property-extension")))
			return true;
	return false;
}

static const struct stix_schema *predefined(const struct stix_check *c, struct str name)
{
	const struct stix_schema *const *e = c->schema == NULL ? NULL : c->schema->extensions;

	for (; e != NULL && *e != NULL; e++)
		if (str_eq((*e)->type, name))
			return *e;
	return NULL;
}

/* Property names of an extension follow those of objects (STIX 2.1 §3.1), and none is null. */
static void own_names(struct stix_check *c, const struct json *extension)
{
	JSON_MEMBERS(name, value, extension) {
		if (!format_is_property(json_str(name), true))
			MUST_BY(c, value, "property-name", "STIX 2.1 §3.1", "'%.*s' is no property name: 3 to 250 of a-z, 0-9 and _",
				STR(str_slice(json_str(name), 0, 100)));
		if (value->type == JSON_NULL)
			MUST_BY(c, value, "null", "STIX 2.1 §3.1", "'%.*s' is null: a property without a value is left out",
				STR(str_slice(json_str(name), 0, 100)));
	}
}

static void by_definition(struct stix_check *c, const struct json *value)
{
	const struct json *type = json_get(value, S("extension_type"));

	if (value->type != JSON_OBJECT)
		MUST_BY(c, value, "extension", "STIX 2.1 §7.3", "an extension must be a JSON object");
	else if (!json_is(type, JSON_STRING))
		MUST_BY(c, value, "extension", "STIX 2.1 §3.10", "'extension_type' is required");
	else if (!stix_vocab_has(&VOC_EXTENSION_TYPE, json_str(type)))
		MUST_BY(c, type, "enum", "STIX 2.1 §10.5", "'extension_type' is '%.*s', which is not in %s",
			STR(str_slice(json_str(type), 0, 60)), VOC_EXTENSION_TYPE.name);
	if (value->type == JSON_OBJECT)
		own_names(c, value);
}

static void by_own_name(struct stix_check *c, struct str key, const struct json *value)
{
	if (c->spec == STIX_SPEC_21 && (!str_ends(key, S("-ext")) || !stix_type_name_ok(key))) {
		MUST_BY(c, value, "extension", "STIX 2.1 §3.10", "'%.*s' is neither an extension-definition id nor a predefined extension",
			STR(str_slice(key, 0, 100)));
		return;
	}
	if (value->type == JSON_OBJECT && c->spec == STIX_SPEC_21)
		own_names(c, value);
	if (value->type != JSON_OBJECT || value->n == 0)
		MUST_BY(c, value, "extension", "STIX 2.1 §3.10", "an extension must be a dictionary with at least one entry");
	if (c->opts->strict)
		MUST_BY(c, value, "unknown-type", "STIX 2.1 §11.3", "'%.*s' is no predefined extension of this type",
			STR(str_slice(key, 0, 100)));
	check_custom_prefix(c, value, key, '-', "extension");
}

void check_extensions(struct stix_check *c, const struct json *extensions)
{
	JSON_MEMBERS(name, value, extensions) {
		struct str key = json_str(name), type;
		const struct stix_schema *known = predefined(c, key);

		if (known != NULL)
			check_struct(c, known, value);
		else if (stix_id_split(key, &type, NULL) && str_eq(type, S("extension-definition")) && c->spec == STIX_SPEC_21)
			by_definition(c, value);
		else
			by_own_name(c, key, value);
	}
}
