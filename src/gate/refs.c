/* The tree is a flat array in document order, so a member's value is the node
 * behind its name, and the items of a list follow the list. That makes the search
 * one loop. A string *value* that ends in "_ref" is taken for a name here as well;
 * at worst the gate then looks up an id more than it had to, never one less. */
#include "gate/refs.h"

#include "stix/object.h"

static bool names_others(struct str name)
{
	if (!str_ends(name, S("_ref")) && !str_ends(name, S("_refs")))
		return false;
	return !str_eq(name, S("created_by_ref")) && !str_eq(name, S("object_marking_refs")) &&
	       !str_eq(name, S("marking_ref"));
}

static bool is_id(const struct json *v, struct str self)
{
	struct str type, id = json_str(v);
	struct uuid uuid;

	return id.n > UUID_TEXT_LEN + 2 && !str_eq(id, self) && stix_id_split(id, &type, &uuid);
}

void refs_each(const struct json *object, refs_visit fn, void *ctx)
{
	struct str self = json_get_str(object, S("id"));
	const struct json *end = json_end(object);

	for (const struct json *name = object + 1; name + 1 < end; name++) {
		const struct json *v = name + 1;

		if (name->type != JSON_STRING || !names_others(json_str(name)))
			continue;
		if (is_id(v, self) && !fn(ctx, json_str(v)))
			return;
		if (v->type != JSON_ARRAY)
			continue;
		JSON_EACH(item, v) {
			if (is_id(item, self) && !fn(ctx, json_str(item)))
				return;
		}
	}
}

static bool note_one(void *ctx, struct str id)
{
	bool *found = ctx;

	(void)id;
	*found = true;
	return false;
}

bool refs_any(const struct json *object)
{
	bool found = false;

	refs_each(object, note_one, &found);
	return found;
}
