/* Peers of the federation and the collections exchanged with them, over REST. */
#include "web/api.h"

#include "fed/share.h"
#include "gate/own.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "store/peers.h"

static const char PEER_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"name\",\"relation\",\"cert_sha256\"],\"properties\":{\"name\":{\"type\":\"string\"},"
	"\"relation\":{\"type\":\"string\",\"enum\":[\"parent\",\"child\",\"partner\"]},\"url\":{\"type\":\"string\"},"
	"\"cert_sha256\":{\"type\":\"string\"},\"tlp_max\":{\"type\":\"string\"},\"disabled\":{\"type\":\"boolean\"}}}";
static const char LINK_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"direction\",\"collection\",\"their_collection\"],\"properties\":{\"direction\":{\"type\":"
	"\"string\",\"enum\":[\"pull\",\"push\"]},\"collection\":{\"type\":\"string\"},\"their_collection\":{\"type\":\"string\"},"
	"\"tlp_max\":{\"type\":\"string\"}}}";
static const char LIST_SCHEMA[] = "{\"type\":\"object\"}";

static enum rc put_links(struct api_call *c, struct str peer, struct err *err)
{
	struct jsonw *w = &c->out;
	struct link *list;
	size_t n;

	TRY(link_list(c->api->store, peer, c->req->arena, &list, &n, err));
	jsonw_name(w, "links");
	jsonw_array(w);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(w);
		jsonw_m_cstr(w, "direction", list[i].direction == LINK_PULL ? "pull" : "push");
		jsonw_m_int(w, "collection", list[i].collection);
		jsonw_m_str(w, "their_root", list[i].their_root);
		jsonw_m_str(w, "their_collection", list[i].their_collection);
		jsonw_m_cstr(w, "tlp_max", tlp_name((enum tlp)list[i].tlp_max));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	return RC_OK;
}

static enum rc put_peer(struct api_call *c, const struct peer *p, struct err *err)
{
	struct jsonw *w = &c->out;

	jsonw_object(w);
	jsonw_m_str(w, "name", p->name);
	jsonw_m_str(w, "relation", p->relation);
	jsonw_m_str(w, "url", p->url);
	jsonw_m_str(w, "cert_sha256", p->cert_sha256);
	jsonw_m_cstr(w, "tlp_max", tlp_name((enum tlp)p->tlp_max));
	jsonw_m_bool(w, "disabled", p->disabled);
	if (p->last_ok != 0)
		jsonw_m_time(w, "last_ok", p->last_ok);
	if (p->last_error.n > 0)
		jsonw_m_str(w, "last_error", p->last_error);
	TRY(put_links(c, p->name, err));
	jsonw_object_end(w);
	return RC_OK;
}

static enum rc peers_get(struct api_call *c, struct err *err)
{
	struct peer *list;
	size_t n;

	TRY(peer_list(c->api->store, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "peers");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		TRY(put_peer(c, &list[i], err));
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* To whom somebody at the desk may write: no addresses, no certificates. */
static enum rc recipients_get(struct api_call *c, struct err *err)
{
	struct peer *list;
	size_t n;

	TRY(peer_list(c->api->store, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "recipients");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		if (list[i].disabled)
			continue;
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "name", list[i].name);
		jsonw_m_str(&c->out, "relation", list[i].relation);
		jsonw_m_cstr(&c->out, "tlp_max", tlp_name((enum tlp)list[i].tlp_max));
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc check_relation(struct str relation, struct err *err)
{
	if (str_eq(relation, S("parent")) || str_eq(relation, S("child")) || str_eq(relation, S("partner")))
		return RC_OK;
	return FAIL(err, RC_BAD, "/relation: expected parent, child or partner");
}

/* Default ceiling GREEN: what is stricter goes to another organisation only when someone says so. */
static enum rc peers_post(struct api_call *c, struct err *err)
{
	struct peer p = { .url = S(""), .user = S(""), .last_error = S(""), .tlp_max = TLP_GREEN };
	struct str name, text;
	struct share shares[SHARE_LANES];

	TRY(api_text(c, "name", true, &name, err));
	TRY(api_name(name, "/name", err));
	if (peer_get(c->api->store, name, c->req->arena, &p, NULL) != RC_OK)
		p.name = name;
	TRY(api_text(c, "relation", true, &p.relation, err));
	TRY(check_relation(p.relation, err));
	TRY(api_fingerprint(c, "cert_sha256", true, &p.cert_sha256, err));
	TRY(api_text(c, "url", false, &text, err));
	if (text.p != NULL && text.n > 0 && !str_starts(text, S("https://")))
		return FAIL(err, RC_BAD, "/url: expected https://host:port");
	if (text.p != NULL)
		p.url = text;
	TRY(api_tlp(c, "tlp_max", p.tlp_max, &p.tlp_max, err));
	TRY(api_bool(c, "disabled", p.disabled, &p.disabled, err));
	TRY(peer_put(c->api->store, &p, err));
	TRY(share_with(c->api->store, name, shares, err));
	TRY(api_fact(c, "peer.put", name, S(""), err));
	if (c->api->changed != NULL)
		c->api->changed(c->api->ctx);
	return put_peer(c, &p, err);
}

static enum rc peers_delete(struct api_call *c, struct err *err)
{
	TRY(peer_delete(c->api->store, c->params[0], err));
	TRY(share_end(c->api->store, c->params[0], err));
	TRY(api_fact(c, "peer.remove", c->params[0], S(""), err));
	if (c->api->changed != NULL)
		c->api->changed(c->api->ctx);
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

/* "root/alias-or-id" */
static enum rc split_name(struct str text, const char *what, struct str *ret_root, struct str *ret_id, struct err *err)
{
	size_t slash = str_find(text, S("/"), 0);

	if (slash == SIZE_MAX || slash == 0 || slash + 1 >= text.n)
		return FAIL(err, RC_BAD, "/%s: expected ROOT/COLLECTION", what);
	*ret_root = str_slice(text, 0, slash);
	*ret_id = str_slice(text, slash + 1, text.n);
	return RC_OK;
}

static enum rc links_post(struct api_call *c, struct err *err)
{
	struct link l = { .direction = LINK_PULL };
	struct str direction, ours, theirs, root, id;
	struct collection k;
	struct peer p;

	TRY(peer_get(c->api->store, c->params[0], c->req->arena, &p, err));
	TRY(api_text(c, "direction", true, &direction, err));
	TRY(api_text(c, "collection", true, &ours, err));
	TRY(api_text(c, "their_collection", true, &theirs, err));
	if (str_eq(direction, S("push")))
		l.direction = LINK_PUSH;
	else if (!str_eq(direction, S("pull")))
		return FAIL(err, RC_BAD, "/direction: expected pull or push");
	TRY(split_name(ours, "collection", &root, &id, err));
	if (str_eq(root, S(OWN_ROOT)))
		return FAIL(err, RC_DENIED, "/collection: those of the root " OWN_ROOT " are linked with their own peer and no other");
	TRY(collection_get(c->api->store, root, id, c->req->arena, &k, err));
	TRY(split_name(theirs, "their_collection", &l.their_root, &l.their_collection, err));
	TRY(api_tlp(c, "tlp_max", p.tlp_max, &l.tlp_max, err));
	l.peer = p.name;
	l.collection = k.row;
	TRY(link_put(c->api->store, &l, err));
	TRY(api_fact(c, "link.put", p.name, S(""), err));
	if (c->api->changed != NULL)
		c->api->changed(c->api->ctx);
	return put_peer(c, &p, err);
}

const struct api_route API_ROUTES_PEERS[] = {
	{ "GET", "/peers", API_ADMIN, peers_get, "Peers and the collections exchanged with them", NULL, NULL, LIST_SCHEMA },
	{ "GET", "/recipients", API_ANALYST, recipients_get, "Names of the peers that alerts and incidents may be sent to", NULL, NULL, LIST_SCHEMA },
	{ "POST", "/peers", API_ADMIN, peers_post, "Add or change a peer", NULL, PEER_REQUEST, LIST_SCHEMA },
	{ "DELETE", "/peers/{name}", API_ADMIN, peers_delete, "Remove a peer", NULL, NULL, LIST_SCHEMA },
	{ "POST", "/peers/{name}/links", API_ADMIN, links_post, "Exchange a collection with a peer", NULL, LINK_REQUEST, LIST_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
