/* Who needs to know what:
 *
 *	{"role": "investigator", "facts": ["aware", "reported", ...], "clocks": "own", "asked": true}
 *
 * A role without a row sees everything. */
#include "desk/pack_read.h"

#define VIEWS_MAX 64

static enum rc read_view(const struct pack_reader *r, const struct pack *p, const struct json *v, struct pack_view *ret)
{
	static const char *const names[] = { "role", "facts", "clocks", "asked", "note", NULL };
	const struct json *facts;
	struct str clocks;

	TRY(pack_members(r, v, names));
	TRY(pack_text(r, v, "role", false, &ret->role));
	if (pack_role_find(p, ret->role) == NULL)
		return pack_bad(r, v, "no role \"%.*s\"", STR(ret->role));
	TRY(pack_need(r, v, "facts", JSON_ARRAY, &facts));
	TRY(pack_facts_read(r, facts, &ret->facts));
	TRY(pack_text(r, v, "clocks", true, &clocks));
	if (clocks.n > 0 && !str_eq(clocks, S("own")) && !str_eq(clocks, S("all")))
		return pack_bad(r, json_get(v, S("clocks")), "expected own or all");
	ret->all_clocks = str_eq(clocks, S("all"));
	return pack_flag(r, v, "asked", &ret->asked);
}

enum rc pack_views_read(const struct pack_reader *r, struct pack *p)
{
	const struct json *list;
	struct pack_view *out;
	void *items;

	if (json_get(r->root, S("views")) == NULL)
		return RC_OK;
	TRY(pack_array(r, r->root, "views", VIEWS_MAX, sizeof *out, &list, &items));
	out = items;
	p->views = out;
	JSON_EACH(v, list) {
		TRY(read_view(r, p, v, &out[p->n_views]));
		if (pack_view_find(p, out[p->n_views].role) != NULL)
			return pack_bad(r, v, "a second row for \"%.*s\"", STR(out[p->n_views].role));
		p->n_views++;
	}
	return RC_OK;
}

const struct pack_role *pack_role_find(const struct pack *p, struct str id)
{
	for (size_t i = 0; i < p->n_roles; i++)
		if (str_eq(p->roles[i].term.id, id))
			return &p->roles[i];
	return NULL;
}

const struct pack_view *pack_view_find(const struct pack *p, struct str role)
{
	for (size_t i = 0; i < p->n_views; i++)
		if (str_eq(p->views[i].role, role))
			return &p->views[i];
	return NULL;
}
