/* STIX 2.0 to 2.1. What moved is in tables; the code copies everything else as it
 * is, so that a property nobody thought of survives.
 *
 * The observables of an observed-data object become objects of their own. Their
 * deterministic ids depend on the ids of what they refer to, so ids are found
 * first, following references, and texts are written when all ids are known.
 * Observables without an id contributing property would get a random id; here it
 * is drawn from the observed-data's id and the observable's key, in the shape of
 * a UUIDv4, so that importing a document twice makes nothing twice.
 *
 * Markings go along: an observable gets every marking of the observed-data as a
 * whole and every granular one that touched it, so that nothing is told more
 * freely than before. */
#include "stix/upgrade.h"

#include "base/jsonw.h"
#include "base/map.h"
#include "stix/id.h"
#include "stix/marking.h"
#include "stix/pattern.h"
#include "stix/schema.h"

#define OBJECT_MAX ((size_t)64 << 20)  /* text of one upgraded object */
#define OBSERVABLES_MAX 100000         /* in one observed-data */
#define CHAIN_MAX 16                   /* references that lead from id to id */
#define DEPTH_MAX (JSONW_DEPTH_MAX - 8)
#define KEPT "x_stix20_"               /* what 2.1 has no word for */

/* Properties of observables under new names; a NULL `to` means kept as custom. `in` is a type, an
 * extension or the property that holds the structure (2.1 §1.8 lists the changes). */
static const struct { const char *in, *from, *to; } RENAMED[] = {
	{ "directory", "created", "ctime" }, { "directory", "modified", "mtime" }, { "directory", "accessed", "atime" },
	{ "file", "created", "ctime" }, { "file", "modified", "mtime" }, { "file", "accessed", "atime" },
	{ "file", "is_encrypted", NULL }, { "file", "encryption_algorithm", NULL }, { "file", "decryption_key", NULL },
	{ "process", "created", "created_time" }, { "process", "binary_ref", "image_ref" }, { "process", "name", NULL },
	{ "process", "arguments", NULL }, { "user-account", "password_last_changed", "credential_last_changed" },
	{ "windows-registry-key", "modified", "modified_time" }, { "archive-ext", "version", NULL },
	{ "raster-image-ext", "image_compression_algorithm", NULL }, { "socket-ext", "protocol_family", NULL },
	{ "hashes", "ssdeep", "SSDEEP" }, { "file_header_hashes", "ssdeep", "SSDEEP" },
};

/* 2.0 said by labels what 2.1 says by a property of its own. */
static const struct { const char *type, *types; } LABELLED[] = {
	{ "indicator", "indicator_types" }, { "malware", "malware_types" }, { "report", "report_types" },
	{ "threat-actor", "threat_actor_types" }, { "tool", "tool_types" },
};

struct observable {
	const struct json *name;  /* its key; the value follows */
	struct str id;            /* .p NULL until found */
	bool busy;                /* its id is being found: a reference back is a circle */
};

struct upgrade {
	struct arena *a;
	const struct json *object;
	struct str id;                 /* of the object */
	struct observable *observables;
	size_t n_observables;
	struct map *keys, *ids;        /* of observables: index; ids in their final order */
	struct stix_upgraded out;
	size_t changes_cap;
	struct err *err;
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

static enum rc changed(struct upgrade *u, struct str id, const char *what, const char *note, struct str detail)
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

static enum rc finish(struct upgrade *u, struct buf *text)
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

static struct observable *observable_by_key(const struct upgrade *u, struct str key)
{
	uint64_t i;

	return u->keys != NULL && map_get(u->keys, key, &i) ? &u->observables[i] : NULL;
}

static enum rc find_id(struct upgrade *u, struct observable *o, unsigned chain);

/* The name that a property of `in` has in 2.1, written. */
static void put_name(struct jsonw *w, struct str in, struct str name)
{
	for (size_t i = 0; i < COUNTOF(RENAMED); i++)
		if (str_eq(in, str_of(RENAMED[i].in)) && str_eq(name, str_of(RENAMED[i].from))) {
			char kept[64];

			if (RENAMED[i].to != NULL) {
				jsonw_name(w, RENAMED[i].to);
				return;
			}
			snprintf(kept, sizeof kept, KEPT "%s", RENAMED[i].from);
			jsonw_name(w, kept);
			return;
		}
	if (str_eq(in, S("extensions")) && !str_ends(name, S("-ext")) && stix_type_name_ok(name) && name.n < STIX_TYPE_MAX - 4) {
		char ext[STIX_TYPE_MAX + 1]; /* custom extensions must be named so since 2.1 (§7.3.2) */

		snprintf(ext, sizeof ext, "%.*s-ext", STR(name));
		jsonw_name(w, ext);
		return;
	}
	jsonw_name_str(w, name);
}

static bool is_reference(struct str name)
{
	return str_ends(name, S("_ref")) || str_ends(name, S("_refs"));
}

/* A key of the container as the id of what it names; anything else as it is. */
static enum rc put_reference(struct upgrade *u, struct jsonw *w, const struct json *v, unsigned chain)
{
	struct observable *target = json_is(v, JSON_STRING) ? observable_by_key(u, json_str(v)) : NULL;

	if (target == NULL) {
		jsonw_value(w, v);
		return RC_OK;
	}
	TRY(find_id(u, target, chain));
	jsonw_str(w, target->id);
	return RC_OK;
}

static enum rc put_members(struct upgrade *u, struct jsonw *w, struct str in, const struct json *v, unsigned chain);

static enum rc put_value(struct upgrade *u, struct jsonw *w, struct str name, const struct json *v, bool reference, unsigned chain)
{
	if (w->depth > DEPTH_MAX) { /* no place of STIX is so deep: custom content, passed on as it is */
		jsonw_value(w, v);
		return RC_OK;
	}
	if (v->type == JSON_ARRAY) {
		jsonw_array(w);
		JSON_EACH(item, v)
			TRY(put_value(u, w, name, item, reference, chain));
		jsonw_array_end(w);
		return RC_OK;
	}
	if (v->type == JSON_OBJECT) {
		jsonw_object(w);
		TRY(put_members(u, w, name, v, chain));
		jsonw_object_end(w);
		return RC_OK;
	}
	if (reference)
		return put_reference(u, w, v, chain);
	jsonw_value(w, v);
	return RC_OK;
}

/* Words that changed their spelling, and headers that became lists (2.1 §6.12.2). */
static bool put_changed_value(struct jsonw *w, struct str in, struct str name, const struct json *v)
{
	if (str_eq(in, S("request_header")) && v->type == JSON_STRING) {
		jsonw_array(w);
		jsonw_value(w, v);
		jsonw_array_end(w);
		return true;
	}
	if (str_eq(in, S("user-account")) && str_eq(name, S("account_type")) &&
	    (str_eq(json_str(v), S("windows local")) || str_eq(json_str(v), S("windows domain")))) {
		jsonw_cstr(w, str_eq(json_str(v), S("windows local")) ? "windows-local" : "windows-domain");
		return true;
	}
	return false;
}

static enum rc put_members(struct upgrade *u, struct jsonw *w, struct str in, const struct json *v, unsigned chain)
{
	JSON_MEMBERS(name, value, v) {
		struct str n = json_str(name);

		put_name(w, in, n);
		if (!put_changed_value(w, in, n, value))
			TRY(put_value(u, w, n, value, is_reference(n), chain));
	}
	return RC_OK;
}

static bool listed(const char *words, struct str name)
{
	struct str rest = str_of(words), word;

	while (str_next(&rest, ' ', &word))
		if (str_eq(word, name))
			return true;
	return false;
}

/* The UUIDv4-shaped id described at the head of this file. */
static struct str fallback_id(const struct upgrade *u, const struct observable *o, char out[static STIX_ID_MAX + 1])
{
	struct str type = json_get_str(o->name + 1, S("type")), id;
	char seed[STIX_ID_MAX + 1 + 100];
	int n = snprintf(seed, sizeof seed, "%.*s/%.*s", STR(str_slice(u->id, 0, STIX_ID_MAX)),
			 STR(str_slice(json_str(o->name), 0, 90)));

	id = stix_derived_id(type, str_make(seed, (size_t)n), out);
	out[id.n - UUID_TEXT_LEN + 14] = '4';
	return id;
}

/* Text with the contributing properties only, under their names of 2.1. */
static enum rc put_contributing(struct upgrade *u, struct buf *text, const struct json *v, const struct stix_schema *s, unsigned chain)
{
	struct str type = json_get_str(v, S("type"));
	struct jsonw w;

	jsonw_init(&w, text);
	jsonw_object(&w);
	jsonw_name(&w, "type");
	jsonw_str(&w, type);
	JSON_MEMBERS(name, value, v)
		if (listed(s->ids, json_str(name))) {
			jsonw_name_str(&w, json_str(name));
			if (!put_changed_value(&w, type, json_str(name), value))
				TRY(put_value(u, &w, json_str(name), value, is_reference(json_str(name)), chain));
		}
	jsonw_object_end(&w);
	return buf_check(text, u->err, "id contributing properties");
}

static enum rc computed_id(struct upgrade *u, struct observable *o, const struct stix_schema *s, unsigned chain,
			   char out[static STIX_ID_MAX + 1], struct str *ret)
{
	struct arena *scratch = arena_new(OBJECT_MAX);
	const struct json *v;
	struct buf text;
	enum rc rc;

	buf_init(&text, OBJECT_MAX);
	rc = scratch == NULL ? FAIL(u->err, RC_NOMEM, "upgrade: out of memory")
			     : put_contributing(u, &text, o->name + 1, s, chain);
	if (rc == RC_OK)
		rc = json_parse(scratch, buf_view(&text), &JSON_LIMITS, &v, u->err);
	if (rc == RC_OK) {
		if (stix_sco_id_fixed(v))
			rc = stix_sco_id(v, out, ret, u->err);
		else
			*ret = fallback_id(u, o, out);
	}
	buf_done(&text);
	arena_free(scratch);
	return rc;
}

static enum rc find_id(struct upgrade *u, struct observable *o, unsigned chain)
{
	const struct stix_schema *s = stix_schema_find(json_get_str(o->name + 1, S("type")));
	char out[STIX_ID_MAX + 1];
	struct str id;

	if (o->id.p != NULL)
		return RC_OK;
	if (s == NULL || s->ids == NULL || o->busy || chain >= CHAIN_MAX) {
		id = fallback_id(u, o, out);
	} else {
		o->busy = true;
		TRY(computed_id(u, o, s, chain + 1, out, &id));
		o->busy = false;
	}
	if (o->id.p != NULL) /* found meanwhile, by a circle that came back here */
		return RC_OK;
	o->id = arena_dup(u->a, id);
	return o->id.p != NULL ? RC_OK : FAIL(u->err, RC_NOMEM, "upgrade: out of memory");
}

static void put_head(struct jsonw *w, struct str type, struct str id)
{
	jsonw_object(w);
	jsonw_name(w, "type");
	jsonw_str(w, type);
	jsonw_m_cstr(w, "spec_version", "2.1");
	jsonw_name(w, "id");
	jsonw_str(w, id);
}

/* Does the selector of the observed-data touch this observable ("objects", "objects.KEY", "objects.KEY.x")? */
static bool touches(struct str selector, struct str key)
{
	struct str rest;

	if (str_eq(selector, S("objects")))
		return true;
	if (!str_starts(selector, S("objects.")))
		return false;
	rest = str_slice(selector, 8, selector.n);
	return str_starts(rest, key) && (rest.n == key.n || rest.p[key.n] == '.');
}

static bool any_touches(const struct json *granular, struct str key)
{
	const struct json *selectors = json_get(granular, S("selectors"));

	if (!json_is(selectors, JSON_ARRAY))
		return true;
	JSON_EACH(selector, selectors)
		if (touches(json_str(selector), key))
			return true;
	return false;
}

static void put_all(struct jsonw *w, const struct json *list)
{
	if (json_is(list, JSON_ARRAY))
		JSON_EACH(item, list)
			jsonw_value(w, item);
}

static bool has_markings(const struct json *v, struct str key)
{
	const struct json *granular = json_get(v, S("granular_markings"));

	if (json_get(v, S("object_marking_refs")) != NULL)
		return true;
	if (json_is(granular, JSON_ARRAY))
		JSON_EACH(g, granular)
			if (any_touches(g, key))
				return true;
	return false;
}

static void put_markings(const struct upgrade *u, struct jsonw *w, const struct observable *o)
{
	const struct json *granular = json_get(u->object, S("granular_markings"));
	struct str key = json_str(o->name);

	if (!has_markings(u->object, key) && json_get(o->name + 1, S("object_marking_refs")) == NULL)
		return;
	jsonw_name(w, "object_marking_refs");
	jsonw_array(w);
	put_all(w, json_get(o->name + 1, S("object_marking_refs")));
	put_all(w, json_get(u->object, S("object_marking_refs")));
	if (json_is(granular, JSON_ARRAY))
		JSON_EACH(g, granular)
			if (any_touches(g, key) && json_get(g, S("marking_ref")) != NULL)
				jsonw_value(w, json_get(g, S("marking_ref")));
	jsonw_array_end(w);
}

static enum rc put_observable(struct upgrade *u, const struct observable *o)
{
	const struct json *v = o->name + 1;
	struct str type = json_get_str(v, S("type"));
	struct jsonw w;
	struct buf text;
	enum rc rc = RC_OK;

	buf_init(&text, OBJECT_MAX);
	jsonw_init(&w, &text);
	put_head(&w, type, o->id);
	put_markings(u, &w, o);
	JSON_MEMBERS(name, value, v) {
		struct str n = json_str(name);

		if (rc != RC_OK || listed("type id spec_version object_marking_refs", n))
			continue;
		put_name(&w, type, n);
		if (!put_changed_value(&w, type, n, value))
			rc = put_value(u, &w, n, value, is_reference(n), 0);
	}
	if (rc != RC_OK) {
		buf_done(&text);
		return rc;
	}
	jsonw_object_end(&w);
	return finish(u, &text);
}

/* Two keys may hold the same observable: the first one stands for both. */
static bool is_first(const struct upgrade *u, size_t i)
{
	uint64_t first;

	return map_get(u->ids, u->observables[i].id, &first) && first == i;
}

static enum rc index_observables(struct upgrade *u, const struct json *container)
{
	size_t i = 0;

	u->keys = map_new(container->n);
	u->ids = map_new(container->n);
	u->observables = arena_array(u->a, container->n, sizeof *u->observables);
	if (u->keys == NULL || u->ids == NULL || u->observables == NULL)
		return FAIL(u->err, RC_NOMEM, "upgrade: out of memory");
	JSON_MEMBERS(name, value, container) {
		if (!json_is(value, JSON_OBJECT) || !stix_type_name_ok(json_get_str(value, S("type"))))
			return FAIL(u->err, RC_BAD, "observed-data: object '%.*s' has no type", STR(str_slice(json_str(name), 0, 60)));
		TRY(map_put(u->keys, json_str(name), i));
		u->observables[i++].name = name;
	}
	u->n_observables = i;
	return RC_OK;
}

static enum rc take_observables(struct upgrade *u, const struct json *container)
{
	if (container->n > OBSERVABLES_MAX)
		return FAIL(u->err, RC_LIMIT, "observed-data: more than %d objects", OBSERVABLES_MAX);
	if (container->n == 0)
		return FAIL(u->err, RC_BAD, "observed-data: 'objects' is empty");
	TRY(index_observables(u, container));
	for (size_t i = 0; i < u->n_observables; i++)
		TRY(find_id(u, &u->observables[i], 0));
	for (size_t i = 0; i < u->n_observables; i++)
		if (!map_get(u->ids, u->observables[i].id, NULL))
			TRY(map_put(u->ids, u->observables[i].id, i));
	for (size_t i = 0; i < u->n_observables; i++)
		if (is_first(u, i)) {
			TRY(put_observable(u, &u->observables[i]));
			TRY(changed(u, u->observables[i].id, "observable-to-object", "was in the observed-data as ",
				    json_str(u->observables[i].name)));
		}
	return RC_OK;
}

static void put_object_refs(struct upgrade *u, struct jsonw *w)
{
	jsonw_name(w, "object_refs");
	jsonw_array(w);
	for (size_t i = 0; i < u->n_observables; i++)
		if (is_first(u, i))
			jsonw_str(w, u->observables[i].id);
	jsonw_array_end(w);
}

/* Selectors into the container now point at the list of references. */
static void put_selectors(struct jsonw *w, const struct json *selectors)
{
	bool done = false;

	jsonw_array(w);
	JSON_EACH(selector, selectors) {
		bool inside = str_eq(json_str(selector), S("objects")) || str_starts(json_str(selector), S("objects."));

		if (!inside)
			jsonw_value(w, selector);
		else if (!done)
			jsonw_cstr(w, "object_refs");
		done = done || inside;
	}
	jsonw_array_end(w);
}

static void put_granular(struct jsonw *w, const struct json *granular)
{
	jsonw_name(w, "granular_markings");
	jsonw_array(w);
	JSON_EACH(g, granular) {
		if (g->type != JSON_OBJECT || !json_is(json_get(g, S("selectors")), JSON_ARRAY)) {
			jsonw_value(w, g);
			continue;
		}
		jsonw_object(w);
		JSON_MEMBERS(name, value, g) {
			jsonw_name_str(w, json_str(name));
			if (str_eq(json_str(name), S("selectors")))
				put_selectors(w, value);
			else
				jsonw_value(w, value);
		}
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
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
		return changed(u, u->id, "labels-to-types", "labels are now ", str_of(labels_become(type)));
	}
	if (str_eq(n, S("objects")) && str_eq(type, S("observed-data")) && u->n_observables > 0) {
		put_object_refs(u, w);
		return changed(u, u->id, "objects-to-refs", "its observables are objects of their own", S(""));
	}
	if (str_eq(n, S("granular_markings")) && u->n_observables > 0 && value->type == JSON_ARRAY) {
		put_granular(w, value);
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
		TRY(changed(u, u->id, "malware-family", "is_family is taken to be true", S("")));
	}
	if (!str_eq(type, S("indicator")))
		return RC_OK;
	if (json_get(u->object, S("pattern_type")) == NULL) {
		jsonw_m_cstr(w, "pattern_type", "stix");
		TRY(changed(u, u->id, "pattern-type", "pattern_type is stix", S("")));
		if (stix_pattern_check(json_get_str(u->object, S("pattern")), NULL) != RC_OK) {
			jsonw_m_cstr(w, "pattern_version", "2.0");
			TRY(changed(u, u->id, "pattern-version", "the pattern is written in STIX 2.0", S("")));
		}
	}
	if (json_get(u->object, S("valid_from")) == NULL && json_get_str(u->object, S("created")).n > 0) {
		jsonw_name(w, "valid_from");
		jsonw_str(w, json_get_str(u->object, S("created")));
		TRY(changed(u, u->id, "valid-from", "valid_from is taken from created", S("")));
	}
	return RC_OK;
}

static enum rc put_object(struct upgrade *u, struct str type)
{
	struct jsonw w;
	struct buf text;
	enum rc rc = RC_OK;

	buf_init(&text, OBJECT_MAX);
	jsonw_init(&w, &text);
	put_head(&w, type, u->id);
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
	return finish(u, &text);
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
		buf_init(&text, OBJECT_MAX);
		buf_str(&text, tlp->json);
		TRY(finish(u, &text));
		return changed(u, u->id, "spec-version", "the definition is that of 2.1", S(""));
	}
	if (str_eq(type, S("observed-data")) && json_is(container, JSON_OBJECT))
		TRY(take_observables(u, container));
	TRY(changed(u, u->id, "spec-version", "spec_version is 2.1", S("")));
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
	TRY(prepare(&u, json_is(container, JSON_OBJECT) && container->n <= OBSERVABLES_MAX ? container->n : 0));
	if (is_20_object(object)) {
		rc = upgrade_20(&u, type);
	} else {
		buf_init(&text, OBJECT_MAX);
		json_print(object, &text);
		rc = finish(&u, &text);
	}
	map_free(u.keys);
	map_free(u.ids);
	if (rc == RC_OK)
		*ret = u.out;
	return rc;
}
