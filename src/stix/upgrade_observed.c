/* The observables of an observed-data object become objects of their own. Their
 * deterministic ids depend on the ids of what they refer to, so ids are found
 * first, following references, and texts are written when all ids are known.
 * Observables without an id contributing property would get a random id; here it
 * is drawn from the observed-data's id and the observable's key, in the shape of
 * a UUIDv4, so that importing a document twice makes nothing twice.
 *
 * Markings go along: an observable gets every marking of the observed-data as a
 * whole and every granular one that touched it, so that nothing is told more
 * freely than before. */
#include "stix/id.h"
#include "stix/schema.h"
#include "stix/upgrade_work.h"

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
	struct arena *scratch = arena_new(UPGRADE_TEXT_MAX);
	const struct json *v;
	struct buf text;
	enum rc rc;

	buf_init(&text, UPGRADE_TEXT_MAX);
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

	buf_init(&text, UPGRADE_TEXT_MAX);
	jsonw_init(&w, &text);
	upgrade_put_head(&w, type, o->id);
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
	return upgrade_finish(u, &text);
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

enum rc upgrade_observables(struct upgrade *u, const struct json *container)
{
	if (container->n > UPGRADE_OBSERVABLES_MAX)
		return FAIL(u->err, RC_LIMIT, "observed-data: more than %d objects", UPGRADE_OBSERVABLES_MAX);
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
			TRY(upgrade_told(u, u->observables[i].id, "observable-to-object", "was in the observed-data as ",
				    json_str(u->observables[i].name)));
		}
	return RC_OK;
}

void upgrade_put_object_refs(const struct upgrade *u, struct jsonw *w)
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

void upgrade_put_granular(struct jsonw *w, const struct json *granular)
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
