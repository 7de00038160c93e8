#include "gate/own.h"

struct str own_name(const struct viewer *v, struct str root, struct str name, struct arena *a)
{
	static const struct str ours[] = { S("in"), S("out"), S("urgent-in"), S("urgent-out") };
	size_t i = 0;

	while (i < sizeof ours / sizeof *ours && !str_eq(name, ours[i]))
		i++;
	if (v->kind != VIEWER_PEER || !str_eq(root, S(OWN_ROOT)) || i == sizeof ours / sizeof *ours)
		return name;
	return arena_fmt(a, "%.*s-%.*s", STR(name), STR(v->name));
}

static bool is_of(struct str alias, struct str prefix, struct str peer)
{
	return alias.n == prefix.n + peer.n && str_starts(alias, prefix) && str_ends(alias, peer);
}

bool own_rights(const struct viewer *v, const struct collection *c, bool *ret_read, bool *ret_write)
{
	if (!str_eq(c->root, S(OWN_ROOT)))
		return false;
	/* By its own name, not by the account that it may have here: two peers may share one. */
	*ret_read = v->kind == VIEWER_LOCAL || (v->kind == VIEWER_PEER && (is_of(c->alias, S("out-"), v->name) || is_of(c->alias, S("urgent-out-"), v->name)));
	*ret_write = v->kind == VIEWER_PEER && (is_of(c->alias, S("in-"), v->name) || is_of(c->alias, S("urgent-in-"), v->name));
	return true;
}

enum rc own_or_right(struct store *s, const struct viewer *v, const struct collection *c, bool *ret_read, bool *ret_write, struct err *err)
{
	bool known = v->kind != VIEWER_ANONYMOUS;
	struct str user = v->account.n > 0 ? v->account : v->name;

	if (own_rights(v, c, ret_read, ret_write))
		return RC_OK;
	return right_of(s, c, known ? user : S(""), known ? v->role : S(""), ret_read, ret_write, err);
}
