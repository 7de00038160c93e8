/* STIX 2.0 to 2.1. What moved is in tables; the code copies everything else as it
 * is, so that a property nobody thought of survives. */
#include "stix/marking.h"
#include "stix/pattern.h"
#include "stix/upgrade_work.h"

/* 2.0 said by labels what 2.1 says by a property of its own. */
static const struct { const char *type, *types; } LABELLED[] = {
	{ "indicator", "indicator_types" }, { "malware", "malware_types" }, { "report", "report_types" },
	{ "threat-actor", "threat_actor_types" }, { "tool", "tool_types" },
};

static bool is_20_object(const struct json *v)
{
	struct str type = json_get_str(v, S("type")), spec = json_get_str(v, S("spec_version"));
	enum stix_class class = stix_class_of(type);

	if (str_eq(spec, S("2.0")))
		return true;
	if (json_get(v, S("spec_version")) != NULL || class == STIX_SCO || class == STIX_BUNDLE)
		return false;
	/* A custom observable has no version, and none of the versioned types is without. */
	return class != STIX_CUSTOM || json_get(v, S("created")) != NULL || json_get(v, S("modified")) != NULL;
}

bool stix_is_20(const struct json *document)
{
	const struct json *list = document;

	if (json_is(document, JSON_OBJECT)) {
		if (!str_eq(json_get_str(document, S("type")), S("bundle")))
			return is_20_object(document);
		if (str_eq(json_get_str(document, S("spec_version")), S("2.0")))
			return true;
		list = json_get(document, S("objects"));
	}
	if (json_is(list, JSON_ARRAY))
		JSON_EACH(v, list)
			if (json_is(v, JSON_OBJECT) && is_20_object(v))
				return true;
	return false;
}

enum rc upgrade_told(struct upgrade *u, struct str id, const char *what, const char *note, struct str detail)
{
	struct stix_change *c;

	if (u->out.n_changes == u->changes_cap)
		return FAIL(u->err, RC_LIMIT, "upgrade: more changes than foreseen");
	c = &u->out.changes[u->out.n_changes];
	*c = (struct stix_change){ .id = arena_dup(u->a, id), .what = what,
				   .note = arena_fmt(u->a, "%s%.*s", note, STR(str_slice(detail, 0, 100))) };
	if (c->id.p == NULL || c->note.p == NULL)
		return FAIL(u->err, RC_NOMEM, "upgrade: out of memory");
	u->out.n_changes++;
	return RC_OK;
}

enum rc upgrade_finish(struct upgrade *u, struct buf *text)
{
	enum rc rc = buf_check(text, u->err, "upgraded object");
	struct str copy;

	if (rc == RC_OK) {
		copy = arena_dup(u->a, buf_view(text));
		if (copy.p == NULL)
			rc = FAIL(u->err, RC_NOMEM, "upgrade: out of memory");
		else
			u->out.objects[u->out.n++] = copy;
	}
	buf_done(text);
	return rc;
}

void upgrade_put_head(struct jsonw *w, struct str type, struct str id)
{
	jsonw_object(w);
	jsonw_name(w, "type");
	jsonw_str(w, type);
	jsonw_m_cstr(w, "spec_version", "2.1");
	jsonw_name(w, "id");
	jsonw_str(w, id);
}

/* The property that takes the labels of this type, or NULL. */
static const char *labels_become(struct str type)
{
	for (size_t i = 0; i < COUNTOF(LABELLED); i++)
		if (str_eq(type, str_of(LABELLED[i].type)))
			return LABELLED[i].types;
	return NULL;
}

static enum rc put_member(struct upgrade *u, struct jsonw *w, struct str type, const struct json *name)
{
	const struct json *value = name + 1;
	struct str n = json_str(name);

	if (str_eq(n, S("type")) || str_eq(n, S("id")) || str_eq(n, S("spec_version")))
		return RC_OK;
	if (str_eq(n, S("labels")) && labels_become(type) != NULL && json_get(u->object, str_of(labels_become(type))) == NULL) {
		jsonw_name(w, labels_become(type));
		jsonw_value(w, value);
		return upgrade_told(u, u->id, "labels-to-types", "labels are now ", str_of(labels_become(type)));
	}
	if (str_eq(n, S("objects")) && str_eq(type, S("observed-data")) && u->n_observables > 0) {
		upgrade_put_object_refs(u, w);
		return upgrade_told(u, u->id, "objects-to-refs", "its observables are objects of their own", S(""));
	}
	if (str_eq(n, S("granular_markings")) && u->n_observables > 0 && value->type == JSON_ARRAY) {
		upgrade_put_granular(w, value);
		return RC_OK;
	}
	jsonw_name_str(w, n);
	jsonw_value(w, value);
	return RC_OK;
}

/* What 2.1 requires and 2.0 did not have. */
static enum rc put_required(struct upgrade *u, struct jsonw *w, struct str type)
{
	if (str_eq(type, S("malware")) && json_get(u->object, S("is_family")) == NULL) {
		/* 2.0 did not tell families from samples, and its malware objects are what reports name: families. */
		jsonw_m_bool(w, "is_family", true);
		TRY(upgrade_told(u, u->id, "malware-family", "is_family is taken to be true", S("")));
	}
	if (!str_eq(type, S("indicator")))
		return RC_OK;
	if (json_get(u->object, S("pattern_type")) == NULL) {
		jsonw_m_cstr(w, "pattern_type", "stix");
		TRY(upgrade_told(u, u->id, "pattern-type", "pattern_type is stix", S("")));
		if (stix_pattern_check(json_get_str(u->object, S("pattern")), NULL) != RC_OK) {
			jsonw_m_cstr(w, "pattern_version", "2.0");
			TRY(upgrade_told(u, u->id, "pattern-version", "the pattern is written in STIX 2.0", S("")));
		}
	}
	if (json_get(u->object, S("valid_from")) == NULL && json_get_str(u->object, S("created")).n > 0) {
		jsonw_name(w, "valid_from");
		jsonw_str(w, json_get_str(u->object, S("created")));
		TRY(upgrade_told(u, u->id, "valid-from", "valid_from is taken from created", S("")));
	}
	return RC_OK;
}

static enum rc put_object(struct upgrade *u, struct str type)
{
	struct jsonw w;
	struct buf text;
	enum rc rc = RC_OK;

	buf_init(&text, UPGRADE_TEXT_MAX);
	jsonw_init(&w, &text);
	upgrade_put_head(&w, type, u->id);
	JSON_MEMBERS(name, value, u->object)
		if (rc == RC_OK)
			rc = put_member(u, &w, type, name);
	if (rc == RC_OK)
		rc = put_required(u, &w, type);
	if (rc != RC_OK) {
		buf_done(&text);
		return rc;
	}
	jsonw_object_end(&w);
	return upgrade_finish(u, &text);
}

/* Room for one text an observable and the object itself, and at most eight changes besides those of observables. */
static enum rc prepare(struct upgrade *u, size_t n_observables)
{
	u->changes_cap = n_observables + 8;
	u->out.objects = arena_array(u->a, n_observables + 1, sizeof *u->out.objects);
	u->out.changes = arena_array(u->a, u->changes_cap, sizeof *u->out.changes);
	return u->out.objects != NULL && u->out.changes != NULL ? RC_OK : FAIL(u->err, RC_NOMEM, "upgrade: out of memory");
}

static enum rc upgrade_20(struct upgrade *u, struct str type)
{
	const struct json *container = json_get(u->object, S("objects"));
	const struct stix_tlp_marking *tlp = stix_tlp_marking_find(u->id);
	struct buf text;

	if (tlp != NULL && str_eq(json_get_str(u->object, S("definition_type")), S("tlp"))) {
		buf_init(&text, UPGRADE_TEXT_MAX);
		buf_str(&text, tlp->json);
		TRY(upgrade_finish(u, &text));
		return upgrade_told(u, u->id, "spec-version", "the definition is that of 2.1", S(""));
	}
	if (str_eq(type, S("observed-data")) && json_is(container, JSON_OBJECT))
		TRY(upgrade_observables(u, container));
	TRY(upgrade_told(u, u->id, "spec-version", "spec_version is 2.1", S("")));
	return put_object(u, type);
}

enum rc stix_upgrade(struct arena *a, const struct json *object, struct stix_upgraded *ret, struct err *err)
{
	struct upgrade u = { .a = a, .object = object, .id = json_get_str(object, S("id")), .err = err };
	struct str type = json_get_str(object, S("type"));
	const struct json *container = json_get(object, S("objects"));
	struct buf text;
	enum rc rc;

	if (!json_is(object, JSON_OBJECT) || type.p == NULL || u.id.p == NULL)
		return FAIL(err, RC_BAD, "not a STIX object: 'type' or 'id' is missing");
	TRY(prepare(&u, json_is(container, JSON_OBJECT) && container->n <= UPGRADE_OBSERVABLES_MAX ? container->n : 0));
	if (is_20_object(object)) {
		rc = upgrade_20(&u, type);
	} else {
		buf_init(&text, UPGRADE_TEXT_MAX);
		json_print(object, &text);
		rc = upgrade_finish(&u, &text);
	}
	map_free(u.keys);
	map_free(u.ids);
	if (rc == RC_OK)
		*ret = u.out;
	return rc;
}
