#include "web/need.h"

/* The role of "NAME=ROLE NAME=ROLE"; "": none. */
static struct str role_in(const char *list, struct str name)
{
	struct str rest = str_of(list == NULL ? "" : list), one, key;

	while (name.n > 0 && str_next(&rest, ' ', &one))
		if (str_next(&one, '=', &key) && str_eq(key, name))
			return one;
	return S("");
}

static struct str role_of(const struct api_call *c)
{
	struct str role;

	if (c->viewer->kind != VIEWER_USER || str_eq(c->viewer->role, S("admin")))
		return S("");
	role = role_in(c->api->desk_roles, c->viewer->name);
	return role.n > 0 ? role : role_in(c->api->desk_roles, c->viewer->org);
}

enum rc incident_unknown(struct str name, struct err *err)
{
	return name.n == 0 ? FAIL(err, RC_NOTFOUND, "no incidents here for this account") :
			     FAIL(err, RC_NOTFOUND, "no incident '%.*s'", STR(str_slice(name, 0, 64)));
}

enum rc need_of(const struct api_call *c, const struct incident_row *r, struct need *ret, struct err *err)
{
	struct str packs = r->packs, first = S("");
	const struct pack *p;

	*ret = (struct need){ .role = role_of(c) };
	if (ret->role.n == 0)
		return RC_OK;
	p = str_next(&packs, ' ', &first) ? desk_pack(c->api->desk, first) : NULL;
	if (p == NULL || pack_role_find(p, ret->role) == NULL)
		return incident_unknown(c->params[0], err);
	ret->view = pack_view_find(p, ret->role);
	return RC_OK;
}

bool need_is_bounded(const struct api_call *c)
{
	struct str role = role_of(c);
	const struct pack *p;

	for (size_t i = 0; role.n > 0 && (p = desk_pack_at(c->api->desk, i)) != NULL; i++)
		if (pack_view_find(p, role) != NULL)
			return true;
	return false;
}

const struct pack_view *need_of_peer(const struct api *api, struct str packs, struct str peer)
{
	static const struct pack_view nothing = { .facts = 0 };
	struct str role = role_in(api->desk_roles, peer), first = S("");
	const struct pack *p;

	if (role.n == 0)
		return NULL;
	p = str_next(&packs, ' ', &first) ? desk_pack(api->desk, first) : NULL;
	return p == NULL || pack_role_find(p, role) == NULL ? &nothing : pack_view_find(p, role);
}

bool need_shows(const struct need *n, enum fact_type type)
{
	return n->view == NULL || (type < FACT_TYPES && (n->view->facts >> type & 1) != 0);
}

/* "to": a name, or several: of the account, its organisation or its role. */
static bool names_caller(const struct api_call *c, const struct need *n, const struct json *to)
{
	const struct str own[] = { c->viewer->name, c->viewer->org, n->role };

	if (json_is(to, JSON_ARRAY)) {
		JSON_EACH(one, to)
			if (json_is(one, JSON_STRING) && names_caller(c, n, one))
				return true;
		return false;
	}
	for (size_t i = 0; i < COUNTOF(own) && json_is(to, JSON_STRING); i++)
		if (own[i].n > 0 && str_eq(json_str(to), own[i]))
			return true;
	return false;
}

enum rc need_asked(const struct api_call *c, const struct need *n, const struct desk_view *v, struct err *err)
{
	if (n->view == NULL || !n->view->asked)
		return RC_OK;
	for (size_t i = 0; i < v->facts.n; i++)
		if (v->facts.f[i].type == FACT_DISPATCHED && names_caller(c, n, json_get(v->facts.f[i].source, S("to"))))
			return RC_OK;
	return incident_unknown(c->params[0], err);
}

enum rc need_cut(struct api_call *c, const struct need *n, struct desk_view *v, struct err *err)
{
	if (n->view == NULL)
		return RC_OK;
	v->facts.n_problems = v->n_joined = v->n_kin = 0;
	v->into = S("");
	for (size_t p = 0; p < v->n && !n->view->all_clocks; p++) {
		struct incident_view *cut = arena_alloc(c->req->arena, sizeof *cut);

		if (cut == NULL)
			return FAIL(err, RC_NOMEM, "incident: out of memory");
		*cut = *v->views[p];
		cut->n_clocks = 0;
		for (size_t i = 0; i < v->views[p]->n_clocks; i++)
			if (str_eq(v->views[p]->clocks[i].clock->who, n->role))
				cut->clocks[cut->n_clocks++] = v->views[p]->clocks[i];
		v->views[p] = cut;
	}
	return RC_OK;
}
