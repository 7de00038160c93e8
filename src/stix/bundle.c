/* What concerns several objects of one document: bundles (STIX 2.1 §8), plain
 * lists, versions that clash, references that should be answered inside. */
#include "base/map.h"
#include "stix/check.h"

#define BUNDLE_OBJECTS_MAX 4000000
#define MARKED_MARKINGS_MAX 1000

struct bundle_index {
	struct map *versions; /* "id\nmodified" -> node offset */
	struct map *ids;      /* "id" -> node offset of its first version here */
	struct map *uuids;    /* "uuid" -> node offset of the first object that has it */
};

/* The same instant gives the same text: zeros at the end of a fraction do not count. */
static struct str plain_instant(struct str version)
{
	usec t;

	if (time_parse(version, &t, NULL, NULL) != RC_OK)
		return version;
	version.n--; /* the Z */
	if (memchr(version.p, '.', version.n) == NULL)
		return version;
	while (version.p[version.n - 1] == '0')
		version.n--;
	return version.p[version.n - 1] == '.' ? str_slice(version, 0, version.n - 1) : version;
}

static struct str key_of(const struct json *object, struct buf *buf)
{
	struct str version = json_get_str(object, S("modified"));

	buf_clear(buf);
	buf_str(buf, json_get_str(object, S("id")));
	buf_char(buf, '\n');
	buf_str(buf, plain_instant(version.n > 0 ? version : json_get_str(object, S("created"))));
	return buf_view(buf);
}

/* What may not change from version to version (STIX 2.1 §3.2, §3.5). */
static void check_constant(struct stix_check *c, const struct json *first, const struct json *object)
{
	static const char *const names[] = { "created", "created_by_ref" };

	for (size_t i = 0; i < COUNTOF(names); i++)
		if (!str_eq(json_get_str(first, str_of(names[i])), json_get_str(object, str_of(names[i]))))
			MUST_BY(c, object, "version-constant", i == 0 ? "STIX 2.1 §3.2" : "STIX 2.1 §3.5",
				"another version of this object here has a different '%s'", names[i]);
}

/* A producer may not use one UUID for two types (STIX 2.1 §2.9). */
static enum rc check_uuid(struct stix_check *c, struct bundle_index *x, const struct json *object)
{
	struct str type, id = json_get_str(object, S("id")), other, creator = json_get_str(object, S("created_by_ref"));
	uint64_t at;

	if (creator.n == 0 || !stix_id_split(id, &type, NULL))
		return RC_OK;
	id = str_slice(id, id.n - UUID_TEXT_LEN, id.n);
	if (!map_get(x->uuids, id, &at))
		return map_put(x->uuids, id, (uint64_t)(object - c->root));
	other = json_get_str(c->root + at, S("id"));
	if (!str_eq(str_slice(other, 0, other.n - UUID_TEXT_LEN - 2), type) &&
	    str_eq(json_get_str(c->root + at, S("created_by_ref")), creator))
		MUST_BY(c, object, "uuid-reused", "STIX 2.1 §2.9", "the creator uses this UUID for a %.*s too",
			STR(str_slice(other, 0, other.n - UUID_TEXT_LEN - 2)));
	return RC_OK;
}

static enum rc index_object(struct stix_check *c, struct bundle_index *x, const struct json *object, struct buf *buf)
{
	struct str key;
	uint64_t at;

	if (json_get_str(object, S("id")).p == NULL)
		return RC_OK;
	key = key_of(object, buf);
	if (buf->bad != RC_OK)
		return buf->bad;
	if (map_get(x->versions, key, &at)) {
		if (!json_same(c->root + at, object))
			MUST_BY(c, object, "duplicate-ids", "STIX 2.1 §3.6", "another object here has the same id and version, but other content");
		else
			SHOULD(c, object, "duplicate-ids", "this object is here twice");
		return RC_OK;
	}
	TRY(map_put(x->versions, key, (uint64_t)(object - c->root)));
	if (map_get(x->ids, json_get_str(object, S("id")), &at))
		check_constant(c, c->root + at, object);
	else
		TRY(map_put(x->ids, json_get_str(object, S("id")), (uint64_t)(object - c->root)));
	return check_uuid(c, x, object);
}

static void check_ends(struct stix_check *c, const struct bundle_index *x, const struct json *object)
{
	static const char *const ends[] = { "source_ref", "target_ref" };

	if (!str_eq(json_get_str(object, S("type")), S("relationship")))
		return;
	for (size_t i = 0; i < COUNTOF(ends); i++) {
		const struct json *ref = json_get(object, str_of(ends[i]));

		if (json_is(ref, JSON_STRING) && !map_get(x->ids, json_str(ref), NULL))
			MUST_BY(c, ref, "enforce-refs", "STIX 2.1 §3.3", "'%s' is not in this document", ends[i]);
	}
}

/* Chains longer than this, or a web with more threads, are not circles but malice, and told as such. */
#define MARKING_CHAIN_MAX 16
#define MARKING_STEPS_MAX 2000

struct chase {
	const struct json *root;
	const struct map *markings;
	struct str goal;
	unsigned steps;
};

/* Do the markings of `definition` lead back to the goal (STIX 2.1 §3.2)? */
static bool leads_back(struct chase *x, const struct json *definition, int depth)
{
	const struct json *refs = json_get(definition, S("object_marking_refs"));
	uint64_t at;

	if (depth > MARKING_CHAIN_MAX || x->steps > MARKING_STEPS_MAX)
		return true;
	if (!json_is(refs, JSON_ARRAY))
		return false;
	JSON_EACH(ref, refs) {
		bool home = str_eq(json_str(ref), x->goal);

		x->steps++;
		if (home && depth > 0) /* a direct one was told with the object */
			return true;
		if (!home && json_is(ref, JSON_STRING) && map_get(x->markings, json_str(ref), &at) &&
		    leads_back(x, x->root + at, depth + 1))
			return true;
	}
	return false;
}

static bool is_marked_marking(const struct json *o)
{
	return str_eq(json_get_str(o, S("type")), S("marking-definition")) && json_get_str(o, S("id")).p != NULL &&
	       json_is(json_get(o, S("object_marking_refs")), JSON_ARRAY);
}

static enum rc check_circles(struct stix_check *c, const struct json *objects)
{
	CLEANUP(map_freep) struct map *markings = map_new(MARKED_MARKINGS_MAX);

	if (markings == NULL)
		return RC_NOMEM;
	JSON_EACH(o, objects)
		if (is_marked_marking(o))
			TRY(map_put(markings, json_get_str(o, S("id")), (uint64_t)(o - c->root)));
	if (map_count(markings) < 2)
		return RC_OK;
	JSON_EACH(o, objects) {
		struct chase x = { c->root, markings, json_get_str(o, S("id")), 0 };

		if (is_marked_marking(o) && leads_back(&x, o, 0))
			MUST_BY(c, o, "circular-marking", "STIX 2.1 §3.2", "its markings lead back to this marking definition");
	}
	return RC_OK;
}

static void check_between(struct stix_check *c, const struct json *objects)
{
	struct bundle_index x = { map_new(BUNDLE_OBJECTS_MAX), map_new(BUNDLE_OBJECTS_MAX), map_new(BUNDLE_OBJECTS_MAX) };
	struct buf buf;

	buf_init(&buf, 1 << 20);
	if (x.versions == NULL || x.ids == NULL || x.uuids == NULL)
		c->fatal = RC_NOMEM;
	JSON_EACH(object, objects)
		if (c->fatal == RC_OK && object->type == JSON_OBJECT)
			c->fatal = index_object(c, &x, object, &buf);
	if (c->fatal == RC_OK && c->opts->refs_inside)
		JSON_EACH(object, objects)
			check_ends(c, &x, object);
	if (c->fatal == RC_OK)
		c->fatal = check_circles(c, objects);
	buf_done(&buf);
	map_free(x.versions);
	map_free(x.ids);
	map_free(x.uuids);
}

/* Language content looks up what it translates: by an index, as there may be as much of it as of objects. */
const struct json *check_find_object(struct stix_check *c, struct str id)
{
	uint64_t at;

	if (c->bundle == NULL || c->fatal != RC_OK)
		return NULL;
	if (c->by_id == NULL) {
		c->by_id = map_new(BUNDLE_OBJECTS_MAX);
		if (c->by_id == NULL)
			c->fatal = RC_NOMEM;
		JSON_EACH(o, c->bundle)
			if (c->fatal == RC_OK && json_get_str(o, S("id")).p != NULL)
				c->fatal = map_put(c->by_id, json_get_str(o, S("id")), (uint64_t)(o - c->root));
	}
	return c->fatal == RC_OK && map_get(c->by_id, id, &at) ? c->root + at : NULL;
}

void check_bundle(struct stix_check *c, const struct json *bundle)
{
	const struct json *objects = json_get(bundle, S("objects")), *outer = c->bundle;

	if (!json_is(objects, JSON_ARRAY))
		return;
	c->bundle = objects;
	JSON_EACH(object, objects) {
		if (c->fatal != RC_OK)
			break;
		if (str_eq(json_get_str(object, S("type")), S("bundle")))
			MUST_BY(c, object, "bundle", "STIX 2.1 §8", "a bundle holds objects, not bundles");
		else
			check_object(c, object);
	}
	if (c->fatal == RC_OK)
		check_between(c, objects);
	map_free(c->by_id);
	c->by_id = NULL;
	c->bundle = outer;
}

void check_list(struct stix_check *c, const struct json *list)
{
	JSON_EACH(object, list)
		if (c->fatal == RC_OK)
			check_object(c, object);
}
