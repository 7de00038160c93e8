/* Dispatch and the information endpoints (TAXII 2.1 §4.1, 4.2, 5.1, 5.2). */
#include <sodium.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/peers.h"
#include "taxii/media.h"
#include "taxii/serve.h"

#define KEY_NAME "taxii.next-key"
#define MAX_RESPONSE ((size_t)16 << 20)
#define SMALL_BODY ((size_t)64 << 10) /* sent where none is wanted: read, so that the handler can say what is wrong */

static enum rc load_key(struct taxii_server *t, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(4096);
	struct str text;
	struct buf b;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "taxii: no memory");
	buf_init(&b, 4 * TOKEN_KEY_LEN);
	rc = meta_get(t->c.store, S(KEY_NAME), a, &text, err);
	if (rc == RC_OK) {
		if (!hex_get(&b, text) || b.n != TOKEN_KEY_LEN)
			rc = FAIL(err, RC_CORRUPT, "meta %s: not a key", KEY_NAME);
		else
			memcpy(t->key, b.p, TOKEN_KEY_LEN);
	} else if (rc == RC_NOTFOUND) {
		random_bytes(t->key, TOKEN_KEY_LEN);
		hex_put(&b, str_make((const char *)t->key, TOKEN_KEY_LEN));
		rc = buf_check(&b, err, "taxii key");
		if (rc == RC_OK)
			rc = meta_put(t->c.store, S(KEY_NAME), buf_view(&b), err);
	}
	if (b.p != NULL)
		sodium_memzero(b.p, b.n);
	buf_done(&b);
	return rc;
}

enum rc taxii_server_new(const struct taxii_config *c, struct taxii_server **ret, struct err *err)
{
	struct taxii_server *t;
	enum rc rc;

	if (sodium_init() < 0)
		return FAIL(err, RC_INTERNAL, "taxii: libsodium does not start");
	t = mem_alloc(sizeof *t);
	if (t == NULL)
		return FAIL(err, RC_NOMEM, "taxii: no memory");
	t->c = *c;
	if (t->c.max_response == 0)
		t->c.max_response = MAX_RESPONSE;
	rc = load_key(t, err);
	if (rc != RC_OK) {
		taxii_server_free(t);
		return rc;
	}
	*ret = t;
	return RC_OK;
}

void taxii_server_free(struct taxii_server *t)
{
	if (t == NULL)
		return;
	sodium_memzero(t->key, sizeof t->key);
	mem_free(t);
}

/* Configuration first, else what a data set brought along, else `fallback`. */
static struct str about(struct taxii_call *k, const char *configured, const char *meta_key, const char *fallback)
{
	struct str text;

	if (configured != NULL && configured[0] != '\0')
		return str_of(configured);
	if (meta_get(k->store, str_of(meta_key), k->r->arena, &text, NULL) == RC_OK && text.n > 0)
		return text;
	return str_of(fallback);
}

static struct str root_url(struct taxii_call *k, struct str name)
{
	const char *base = k->t->c.public_url == NULL ? "" : k->t->c.public_url;

	return arena_fmt(k->r->arena, "%s/%.*s/", base, STR(name));
}

void handle_discovery(struct taxii_call *k)
{
	struct err err = { 0 };
	struct api_root *roots;
	struct str standard = S(""), contact, description;
	struct jsonw w;
	size_t n, shown = 0;
	enum rc rc = root_list(k->store, k->r->arena, &roots, &n, &err);

	jsonw_init(&w, &k->res->body);
	jsonw_object(&w);
	jsonw_m_str(&w, "title", about(k, k->t->c.title, "taxii.title", "Lianfang TAXII server"));
	description = about(k, k->t->c.description, "taxii.description", "");
	if (description.n > 0)
		jsonw_m_str(&w, "description", description);
	contact = about(k, k->t->c.contact, "taxii.contact", "");
	if (contact.n > 0)
		jsonw_m_str(&w, "contact", contact);
	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		bool visible = false;

		rc = access_root_visible(k, &roots[i], &visible, &err);
		if (rc != RC_OK || !visible)
			continue;
		if (shown++ == 0) {
			jsonw_name(&w, "api_roots");
			jsonw_array(&w);
		}
		jsonw_str(&w, root_url(k, roots[i].name));
		if (roots[i].is_default)
			standard = roots[i].name;
	}
	if (shown > 0)
		jsonw_array_end(&w);
	if (standard.n > 0)
		jsonw_m_str(&w, "default", root_url(k, standard));
	jsonw_object_end(&w);
	if (rc != RC_OK)
		reply_failure(k, rc, &err);
	else if (shown == 0 && !viewer_known(k->v))
		reply_hidden(k);
	else
		reply_json(k, 200);
}

void handle_root(struct taxii_call *k)
{
	struct jsonw w;

	jsonw_init(&w, &k->res->body);
	jsonw_object(&w);
	jsonw_m_str(&w, "title", k->root.title.n > 0 ? k->root.title : k->root.name);
	if (k->root.description.n > 0)
		jsonw_m_str(&w, "description", k->root.description);
	jsonw_name(&w, "versions");
	jsonw_array(&w);
	jsonw_cstr(&w, TAXII_MEDIA);
	jsonw_array_end(&w);
	jsonw_m_int(&w, "max_content_length", k->root.max_content_length);
	jsonw_object_end(&w);
	reply_json(k, 200);
}

/* The types named for the collection, then those it can hold anyway: TAXII 2.1
 * §5.2.1 wants every type that may lie there, and both STIX versions may. */
static void put_media_types(struct jsonw *w, const struct collection *c, struct arena *a)
{
	const struct json *list = NULL;
	bool has[2] = { false, false };

	jsonw_name(w, "media_types");
	jsonw_array(w);
	if (c->media_types.n > 0 && json_parse(a, c->media_types, &JSON_LIMITS, &list, NULL) == RC_OK && json_is(list, JSON_ARRAY)) {
		JSON_EACH(item, list) {
			jsonw_value(w, item);
			has[0] |= str_eq(json_str(item), S(STIX_MEDIA_21));
			has[1] |= str_eq(json_str(item), S(STIX_MEDIA_20));
		}
	}
	if (!has[0])
		jsonw_cstr(w, STIX_MEDIA_21);
	if (!has[1])
		jsonw_cstr(w, STIX_MEDIA_20);
	jsonw_array_end(w);
}

static void put_collection(struct jsonw *w, const struct collection *c, bool can_read, bool can_write, struct arena *a)
{
	jsonw_object(w);
	jsonw_m_str(w, "id", c->id);
	jsonw_m_str(w, "title", c->title.n > 0 ? c->title : c->id);
	if (c->description.n > 0)
		jsonw_m_str(w, "description", c->description);
	if (c->alias.n > 0)
		jsonw_m_str(w, "alias", c->alias);
	jsonw_m_bool(w, "can_read", can_read);
	jsonw_m_bool(w, "can_write", can_write);
	put_media_types(w, c, a);
	jsonw_object_end(w);
}

void handle_collections(struct taxii_call *k)
{
	struct err err = { 0 };
	struct collection *list;
	struct jsonw w;
	size_t n, shown = 0;
	bool listed = false, can_read = false, can_write = false;
	enum rc rc = collection_list(k->store, k->root.name, k->r->arena, &list, &n, &err);

	jsonw_init(&w, &k->res->body);
	jsonw_object(&w);
	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		rc = access_rights(k, &list[i], &listed, &can_read, &can_write, &err);
		if (rc != RC_OK || !listed)
			continue;
		if (shown++ == 0) {
			jsonw_name(&w, "collections");
			jsonw_array(&w);
		}
		put_collection(&w, &list[i], can_read, can_write, k->r->arena);
	}
	if (shown > 0)
		jsonw_array_end(&w);
	jsonw_object_end(&w);
	if (rc != RC_OK)
		reply_failure(k, rc, &err);
	else if (shown == 0 && !viewer_known(k->v))
		reply_hidden(k);
	else
		reply_json(k, 200);
}

void handle_collection(struct taxii_call *k)
{
	struct jsonw w;

	jsonw_init(&w, &k->res->body);
	put_collection(&w, &k->coll, k->can_read, k->can_write, k->r->arena);
	reply_json(k, 200);
}

typedef void (*handler)(struct taxii_call *k);

/* What each endpoint knows. `reads` asks for can_read on GET. */
static const struct endpoint {
	handler get, post, del;
	bool reads;
	const char *allow;
} endpoints[] = {
	[EP_DISCOVERY] = { handle_discovery, NULL, NULL, false, "GET, HEAD, OPTIONS" },
	[EP_ROOT] = { handle_root, NULL, NULL, false, "GET, HEAD, OPTIONS" },
	[EP_STATUS] = { handle_status, NULL, NULL, false, "GET, HEAD, OPTIONS" },
	[EP_COLLECTIONS] = { handle_collections, NULL, NULL, false, "GET, HEAD, OPTIONS" },
	[EP_COLLECTION] = { handle_collection, NULL, NULL, false, "GET, HEAD, OPTIONS" },
	[EP_MANIFEST] = { handle_manifest, NULL, NULL, true, "GET, HEAD, OPTIONS" },
	[EP_OBJECTS] = { handle_objects, handle_add, NULL, true, "GET, HEAD, OPTIONS, POST" },
	[EP_OBJECT] = { handle_object, NULL, handle_delete, true, "DELETE, GET, HEAD, OPTIONS" },
	[EP_VERSIONS] = { handle_versions, NULL, NULL, true, "GET, HEAD, OPTIONS" },
};

static void refuse_rights(struct taxii_call *k, const char *why)
{
	gate_refused(k->store, k->v, PATH_TAXII, k->coll.id, why);
	if (viewer_known(k->v))
		reply_status(k, 403, why);
	else
		reply_hidden(k);
}

/* TAXII 2.1 §5.7: reading and writing are both needed to delete. */
static bool may_use(struct taxii_call *k, const struct endpoint *e, handler h)
{
	if (h == e->get && e->reads && !k->can_read)
		refuse_rights(k, "You may not read this collection.");
	else if (e->post != NULL && h == e->post && !k->can_write)
		refuse_rights(k, "You may not write to this collection.");
	else if (e->del != NULL && h == e->del && !k->can_read && !k->can_write)
		reply_status(k, 404, "There is no such resource, or you may not know of it.");
	else if (e->del != NULL && h == e->del && !(k->can_read && k->can_write))
		refuse_rights(k, "You may not delete from this collection.");
	return !k->answered;
}

static bool accepts(struct taxii_call *k)
{
	if (!media_accepted(http_header(k->r, "Accept"))) {
		reply_status(k, 406, "This server answers with " TAXII_MEDIA " only.");
		return false;
	}
	return true;
}

/* TAXII 2.1 §3.1: paths end in "/". Never to another host: the path has no empty
 * segment (route.c), and odd bytes get no redirect at all. */
static bool redirected(struct taxii_call *k)
{
	struct str p = k->r->path, to, query = k->r->query;

	if (k->route.slash)
		return false;
	for (size_t i = 0; i < p.n; i++)
		if (!((p.p[i] >= '0' && p.p[i] <= '9') || ((p.p[i] | 32) >= 'a' && (p.p[i] | 32) <= 'z')
		      || memchr("-._~%/:@", p.p[i], 8) != NULL)) {
			reply_status(k, 404, "Paths of TAXII end in a slash.");
			return true;
		}
	to = arena_fmt(k->r->arena, "%.*s/%s%.*s", STR(p), query.n > 0 ? "?" : "", STR(query));
	if (to.p == NULL) {
		reply_status(k, 503, "");
		return true;
	}
	http_res_header(k->res, "Location", to.p);
	reply_json(k, 308);
	return true;
}

static void dispatch(struct taxii_call *k)
{
	const struct endpoint *e = &endpoints[k->route.endpoint];
	struct str m = k->r->method;
	bool get = str_eq(m, S("GET")) || str_eq(m, S("HEAD"));
	handler h = get ? e->get : str_eq(m, S("POST")) ? e->post : str_eq(m, S("DELETE")) ? e->del : NULL;

	/* A stranger learns nothing of what is closed to him, not even by a method that does nothing. */
	if (e->reads && !viewer_known(k->v) && !k->can_read) {
		reply_hidden(k);
		return;
	}
	if (redirected(k))
		return;
	if (h == NULL) {
		http_res_header(k->res, "Allow", e->allow);
		if (str_eq(m, S("OPTIONS")))
			reply_json(k, 204);
		else
			reply_status(k, 405, "This resource does not know that method.");
		return;
	}
	if (may_use(k, e, h) && accepts(k))
		h(k);
}

static void call_init(struct taxii_call *k, struct taxii_server *t, const struct viewer *v, struct http_req *r, struct http_res *res)
{
	*k = (struct taxii_call){ .t = t, .store = t->c.store, .v = v, .r = r, .res = res };
	route_read(r->path, r->arena, &k->route);
}

void taxii_handle(struct taxii_server *t, const struct viewer *v, struct http_req *r, struct http_res *res)
{
	struct taxii_call k;

	call_init(&k, t, v, r, res);
	if (k.route.endpoint == EP_NONE)
		reply_status(&k, 404, "There is no such resource.");
	else if (access_check(&k))
		dispatch(&k);
}

/* Who offers nothing to prove himself with is anonymous already before his body is read. */
static const struct viewer *known_so_far(const struct viewer *v, const struct http_req *r)
{
	static const struct viewer nobody = { .kind = VIEWER_ANONYMOUS, .name = { "", 0 }, .account = { "", 0 }, .role = { "", 0 },
					      .org = { "", 0 } };

	return v != NULL || http_header_count(r, "Authorization") > 0 || r->peer.cert_sha256[0] != '\0' ? v : &nobody;
}

bool taxii_admit(struct taxii_server *t, const struct viewer *v, struct http_req *r, size_t *ret_max_body, struct http_res *res)
{
	struct taxii_call k;
	uint64_t announced;

	*ret_max_body = SMALL_BODY;
	if (!str_eq(r->method, S("POST")))
		return true;
	v = known_so_far(v, r);
	call_init(&k, t, v, r, res);
	if (k.route.endpoint != EP_OBJECTS || root_get(k.store, k.route.root, r->arena, &k.root, NULL) != RC_OK)
		return true; /* taxii_handle says what is wrong */
	*ret_max_body = (size_t)k.root.max_content_length;
	if (v != NULL && !access_check(&k))
		return false;
	if (v != NULL && !k.can_write) {
		refuse_rights(&k, "You may not write to this collection.");
		return false;
	}
	if (!str_to_u64(http_header(r, "Content-Length"), &announced) || announced <= *ret_max_body)
		return true;
	reply_status(&k, 413, "The body is longer than max_content_length of this API root.");
	return false;
}
