#include "taxii/serve.h"

#include "gate/own.h"

bool viewer_known(const struct viewer *v)
{
	return v->kind != VIEWER_ANONYMOUS;
}

struct str viewer_account(const struct viewer *v)
{
	return v->account.n > 0 ? v->account : v->name;
}

struct str viewer_actor(const struct viewer *v, struct arena *a)
{
	const char *kind = v->kind == VIEWER_PEER ? "peer" : v->kind == VIEWER_LOCAL ? "local" : "user";

	return viewer_known(v) ? arena_fmt(a, "%s:%.*s", kind, STR(v->name)) : S("anonymous");
}

enum rc access_rights(struct taxii_call *k, const struct collection *c, bool *ret_listed, bool *ret_read, bool *ret_write,
		      struct err *err)
{
	bool can_read = true, can_write = true, listed = true;

	if (own_rights(k->v, c, &can_read, &can_write)) {
		listed = can_read || can_write || str_eq(k->v->role, S("admin"));
	} else if (k->v->kind != VIEWER_LOCAL) {
		bool known = viewer_known(k->v);

		TRY(right_of(k->store, c, known ? viewer_account(k->v) : S(""), known ? k->v->role : S(""), &can_read,
			     &can_write, err));
		can_write &= known;
		listed = can_read || can_write || (known && c->shown) || str_eq(k->v->role, S("admin"));
	}
	*ret_listed = listed;
	*ret_read = can_read;
	*ret_write = can_write;
	return RC_OK;
}

/* A root is hidden from a viewer to whom all its collections are hidden (TAXII 2.1
 * §4.1.1 lets discovery differ by client); an empty one hides nothing from members. */
enum rc access_root_visible(struct taxii_call *k, const struct api_root *root, bool *ret, struct err *err)
{
	struct collection *list;
	size_t n;
	bool listed, can_read, can_write;

	*ret = root->is_public || k->v->kind == VIEWER_LOCAL || str_eq(k->v->role, S("admin"));
	if (*ret)
		return RC_OK;
	TRY(collection_list(k->store, root->name, k->r->arena, &list, &n, err));
	*ret = n == 0 && viewer_known(k->v);
	for (size_t i = 0; i < n && !*ret; i++) {
		TRY(access_rights(k, &list[i], &listed, &can_read, &can_write, err));
		*ret = listed;
	}
	return RC_OK;
}

static bool find_root(struct taxii_call *k)
{
	struct err err = { 0 };
	enum rc rc = root_get(k->store, k->route.root, k->r->arena, &k->root, &err);
	bool visible = false;

	if (rc == RC_OK && k->route.endpoint <= EP_COLLECTIONS)
		rc = access_root_visible(k, &k->root, &visible, &err);
	else
		visible = rc == RC_OK; /* of a collection's root the collection's own rights decide */
	if (rc != RC_OK && rc != RC_NOTFOUND)
		reply_failure(k, rc, &err);
	else if (!visible)
		reply_hidden(k);
	return !k->answered;
}

static bool find_collection(struct taxii_call *k)
{
	struct err err = { 0 };
	struct str name = own_name(k->v, k->root.name, k->route.collection, k->r->arena);
	enum rc rc = name.p == NULL ? FAIL(&err, RC_NOMEM, "collection: no memory")
				    : collection_get(k->store, k->root.name, name, k->r->arena, &k->coll, &err);

	if (rc == RC_OK)
		rc = access_rights(k, &k->coll, &k->listed, &k->can_read, &k->can_write, &err);
	if (rc != RC_OK && rc != RC_NOTFOUND)
		reply_failure(k, rc, &err);
	else if (rc == RC_NOTFOUND)
		reply_hidden(k);
	else if (!k->listed) {
		gate_refused(k->store, k->v, PATH_TAXII, k->coll.id, "no right to know of the collection");
		reply_hidden(k);
	}
	return !k->answered;
}

bool access_check(struct taxii_call *k)
{
	enum taxii_endpoint e = k->route.endpoint;

	if (e == EP_DISCOVERY)
		return true;
	if (!find_root(k))
		return false;
	if (e == EP_STATUS && !viewer_known(k->v)) {
		reply_hidden(k);
		return false;
	}
	return e < EP_COLLECTION || find_collection(k);
}
