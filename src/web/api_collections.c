/* API roots, collections and their rights over REST. */
#include "web/api.h"

#include "base/uuid.h"
#include "stix/marking.h"
#include "store/collections.h"

static const char ROOT_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
	"\"description\":{\"type\":\"string\"},\"max_content_length\":{\"type\":\"integer\"},\"page_size\":{\"type\":\"integer\"},"
	"\"default\":{\"type\":\"boolean\"},\"public\":{\"type\":\"boolean\"}}}";
static const char COLLECTION_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"root\",\"title\"],\"properties\":{\"root\":{\"type\":\"string\"},\"id\":{\"type\":"
	"\"string\"},\"alias\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"},"
	"\"tlp_max\":{\"type\":\"string\"},\"all_read\":{\"type\":\"boolean\"},\"all_write\":{\"type\":\"boolean\"},"
	"\"anon_read\":{\"type\":\"boolean\"},\"shown\":{\"type\":\"boolean\"}}}";
static const char RIGHT_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"subject\"],\"properties\":{\"subject\":{\"type\":\"string\"},\"read\":{\"type\":"
	"\"boolean\"},\"write\":{\"type\":\"boolean\"}}}";
static const char LIST_SCHEMA[] = "{\"type\":\"object\"}";

static enum rc number(struct api_call *c, const char *name, int64_t fallback, int64_t least, int64_t most, int64_t *ret, struct err *err)
{
	const struct json *v = json_get(c->body, str_of(name));

	*ret = fallback;
	if (v != NULL && (!json_int(v, ret) || *ret < least || *ret > most))
		return FAIL(err, RC_BAD, "/%s: expected a number from %lld to %lld", name, (long long)least, (long long)most);
	return RC_OK;
}

static enum rc optional(struct api_call *c, const char *name, struct str *field, struct err *err)
{
	struct str text;

	TRY(api_text(c, name, false, &text, err));
	if (text.p != NULL)
		*field = text;
	return RC_OK;
}

static void put_root(struct jsonw *w, const struct api_root *r)
{
	jsonw_object(w);
	jsonw_m_str(w, "name", r->name);
	jsonw_m_str(w, "title", r->title);
	if (r->description.n > 0)
		jsonw_m_str(w, "description", r->description);
	jsonw_m_int(w, "max_content_length", r->max_content_length);
	jsonw_m_int(w, "page_size", r->page_size);
	jsonw_m_bool(w, "default", r->is_default);
	jsonw_m_bool(w, "public", r->is_public);
	jsonw_object_end(w);
}

static enum rc roots_get(struct api_call *c, struct err *err)
{
	struct api_root *list;
	size_t n;

	TRY(root_list(c->api->store, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "roots");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		put_root(&c->out, &list[i]);
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc roots_post(struct api_call *c, struct err *err)
{
	struct api_root r = { .description = S(""), .max_content_length = 16 << 20, .page_size = 1000 };
	struct str name;

	TRY(api_text(c, "name", true, &name, err));
	TRY(api_name(name, "/name", err));
	if (str_eq(name, S("taxii2")) || str_eq(name, S("api")) || str_eq(name, S("fed")) || str_eq(name, S("console")))
		return FAIL(err, RC_CONFLICT, "/name: '%.*s' is a path of the node itself", STR(name));
	if (root_get(c->api->store, name, c->req->arena, &r, NULL) != RC_OK)
		r.title = name;
	r.name = name;
	TRY(optional(c, "title", &r.title, err));
	TRY(optional(c, "description", &r.description, err));
	TRY(number(c, "max_content_length", r.max_content_length, 1024, (int64_t)1 << 30, &r.max_content_length, err));
	TRY(number(c, "page_size", r.page_size, 1, 10000, &r.page_size, err));
	TRY(api_bool(c, "default", r.is_default, &r.is_default, err));
	TRY(api_bool(c, "public", r.is_public, &r.is_public, err));
	TRY(root_put(c->api->store, &r, err));
	TRY(api_fact(c, "root.put", name, S(""), err));
	put_root(&c->out, &r);
	return RC_OK;
}

static enum rc put_collection(struct api_call *c, const struct collection *k, bool rights, struct err *err)
{
	struct jsonw *w = &c->out;

	jsonw_object(w);
	jsonw_m_str(w, "root", k->root);
	jsonw_m_str(w, "id", k->id);
	jsonw_m_str(w, "alias", k->alias);
	jsonw_m_str(w, "title", k->title);
	if (k->description.n > 0)
		jsonw_m_str(w, "description", k->description);
	jsonw_m_cstr(w, "tlp_max", tlp_name((enum tlp)k->tlp_max));
	jsonw_m_bool(w, "all_read", k->all_read);
	jsonw_m_bool(w, "all_write", k->all_write);
	jsonw_m_bool(w, "anon_read", k->anon_read);
	jsonw_m_bool(w, "shown", k->shown);
	if (rights) {
		struct right *list;
		size_t n;

		TRY(right_list(c->api->store, k->row, c->req->arena, &list, &n, err));
		jsonw_name(w, "rights");
		jsonw_array(w);
		for (size_t i = 0; i < n; i++) {
			jsonw_object(w);
			jsonw_m_str(w, "subject", list[i].subject);
			jsonw_m_bool(w, "read", list[i].can_read);
			jsonw_m_bool(w, "write", list[i].can_write);
			jsonw_object_end(w);
		}
		jsonw_array_end(w);
	}
	jsonw_object_end(w);
	return RC_OK;
}

static enum rc collections_get(struct api_call *c, struct err *err)
{
	struct collection *list;
	size_t n;

	TRY(collection_list(c->api->store, S(""), c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "collections");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		TRY(put_collection(c, &list[i], true, err));
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* The id given, or a new UUIDv4 (TAXII 2.1 §5.2.1). */
static enum rc collection_id(struct api_call *c, struct str *ret, struct err *err)
{
	char text[UUID_TEXT_LEN + 1];
	struct uuid u;

	TRY(api_text(c, "id", false, ret, err));
	if (ret->p != NULL)
		return uuid_parse(*ret, &u) ? RC_OK : FAIL(err, RC_BAD, "/id: expected a UUID");
	uuid_v4(&u);
	*ret = arena_dup(c->req->arena, uuid_format(&u, text));
	return ret->p != NULL ? RC_OK : FAIL(err, RC_NOMEM, "collection: out of memory");
}

static enum rc collections_post(struct api_call *c, struct err *err)
{
	struct collection k = { .alias = S(""), .description = S(""), .media_types = S(""), .tlp_max = TLP_RED };
	struct collection old;
	struct api_root root;

	TRY(api_text(c, "root", true, &k.root, err));
	TRY(root_get(c->api->store, k.root, c->req->arena, &root, err));
	TRY(collection_id(c, &k.id, err));
	if (collection_get(c->api->store, k.root, k.id, c->req->arena, &old, NULL) == RC_OK)
		k = old;
	TRY(api_text(c, "title", k.title.n == 0, &k.title, err));
	TRY(optional(c, "alias", &k.alias, err));
	if (k.alias.n > 0)
		TRY(api_name(k.alias, "/alias", err));
	TRY(optional(c, "description", &k.description, err));
	TRY(api_tlp(c, "tlp_max", k.tlp_max, &k.tlp_max, err));
	TRY(api_bool(c, "all_read", k.all_read, &k.all_read, err));
	TRY(api_bool(c, "all_write", k.all_write, &k.all_write, err));
	TRY(api_bool(c, "anon_read", k.anon_read, &k.anon_read, err));
	TRY(api_bool(c, "shown", k.shown, &k.shown, err));
	TRY(collection_put(c->api->store, &k, err));
	TRY(api_fact(c, "collection.put", k.id, S(""), err));
	return put_collection(c, &k, true, err);
}

static enum rc collections_delete(struct api_call *c, struct err *err)
{
	TRY(collection_delete(c->api->store, c->params[0], c->params[1], err));
	TRY(api_fact(c, "collection.remove", c->params[1], S(""), err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

static enum rc rights_post(struct api_call *c, struct err *err)
{
	struct collection k;
	struct right r;

	TRY(collection_get(c->api->store, c->params[0], c->params[1], c->req->arena, &k, err));
	TRY(api_text(c, "subject", true, &r.subject, err));
	if (!str_starts(r.subject, S("user:")) && !str_starts(r.subject, S("role:")))
		return FAIL(err, RC_BAD, "/subject: expected user:NAME or role:ROLE");
	TRY(api_bool(c, "read", false, &r.can_read, err));
	TRY(api_bool(c, "write", false, &r.can_write, err));
	TRY(right_put(c->api->store, k.row, &r, err));
	TRY(api_fact(c, "right.put", k.id, S(""), err));
	return put_collection(c, &k, true, err);
}

const struct api_route API_ROUTES_COLLECTIONS[] = {
	{ "GET", "/roots", API_ADMIN, roots_get, "TAXII API roots", NULL, NULL, LIST_SCHEMA },
	{ "POST", "/roots", API_ADMIN, roots_post, "Add or change an API root", NULL, ROOT_REQUEST, LIST_SCHEMA },
	{ "GET", "/collections", API_ADMIN, collections_get, "All collections with their rights", NULL, NULL, LIST_SCHEMA },
	{ "POST", "/collections", API_ADMIN, collections_post, "Add or change a collection", NULL, COLLECTION_REQUEST, LIST_SCHEMA },
	{ "DELETE", "/collections/{root}/{id}", API_ADMIN, collections_delete, "Remove a collection and its entries", NULL, NULL, LIST_SCHEMA },
	{ "POST", "/collections/{root}/{id}/rights", API_ADMIN, rights_post, "Set the rights of one user or role", NULL, RIGHT_REQUEST, LIST_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
