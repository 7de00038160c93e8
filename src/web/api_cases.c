/* Where an incident is: who opened it, which nodes state facts of it, and how many of ours each has in its records. */
#include "web/api_cases.h"
#include "web/api_incidents.h"

#include "stix/marking.h"
#include "store/cases.h"
#include "store/peers.h"
#include "web/need.h"

#define NODES_MAX 500

/* What one node has to do with the incident. */
struct sharer {
	struct str id;
	int64_t stated, top, received, refused; /* top: the highest number it gave to a fact */
	usec last;       /* receipt */
	struct str why;  /* of the last refusal */
};

struct sharing {
	struct api_call *c;
	struct case_info info;
	struct case_row *rows;
	struct case_receipt *receipts;
	struct case_link *links;
	size_t n_rows, n_receipts, n_links;
	struct sharer *nodes;
	size_t n_nodes;
	int64_t ours;
};

static struct sharer *node_of(struct sharing *s, struct str id)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		if (str_eq(s->nodes[i].id, id))
			return &s->nodes[i];
	if (s->n_nodes == NODES_MAX)
		return NULL;
	s->nodes[s->n_nodes] = (struct sharer){ .id = id, .why = S("") };
	return &s->nodes[s->n_nodes++];
}

static bool is_ours(const struct sharing *s, struct str object)
{
	for (size_t i = 0; i < s->n_rows; i++)
		if (str_eq(s->rows[i].object, object))
			return s->rows[i].peer.n == 0;
	return false;
}

static void count(struct sharing *s)
{
	struct str own = str_of(s->c->api->identity);

	for (size_t i = 0; i < s->n_rows; i++) {
		struct sharer *n = str_eq(s->rows[i].author, own) ? NULL : node_of(s, s->rows[i].author);

		s->ours += s->rows[i].peer.n == 0;
		if (n == NULL)
			continue;
		n->stated++;
		n->top = s->rows[i].n > n->top ? s->rows[i].n : n->top;
	}
	for (size_t i = 0; i < s->n_receipts; i++) {
		struct sharer *n = is_ours(s, s->receipts[i].object) ? node_of(s, s->receipts[i].by) : NULL;

		if (n == NULL)
			continue;
		n->last = s->receipts[i].at > n->last ? s->receipts[i].at : n->last;
		*(s->receipts[i].refused.n > 0 ? &n->refused : &n->received) += 1;
		if (s->receipts[i].refused.n > 0)
			n->why = s->receipts[i].refused;
	}
}

static void put_node(struct sharing *s, struct str id)
{
	struct jsonw *w = &s->c->out;
	struct case_author n;

	jsonw_m_str(w, "id", id);
	if (str_eq(id, str_of(s->c->api->identity))) {
		jsonw_m_cstr(w, "name", s->c->api->node_name);
		jsonw_m_cstr(w, "tier", s->c->api->tier);
	} else if (case_author_get(s->c->api->store, id, s->c->req->arena, &n, NULL) == RC_OK) {
		jsonw_m_str(w, "name", n.name);
		jsonw_m_str(w, "tier", n.tier);
	}
}

static void put_nodes(struct sharing *s)
{
	struct jsonw *w = &s->c->out;

	jsonw_name(w, "nodes");
	jsonw_array(w);
	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct sharer *n = &s->nodes[i];

		jsonw_object(w);
		put_node(s, n->id);
		jsonw_m_int(w, "stated", n->stated);
		jsonw_m_int(w, "missing", n->top - n->stated);
		jsonw_m_int(w, "received", n->received);
		if (n->last > 0)
			jsonw_m_time(w, "last_receipt", n->last);
		jsonw_m_int(w, "refused", n->refused);
		if (n->why.n > 0)
			jsonw_m_str(w, "refused_because", n->why);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

/* What is above a peer's ceiling never reaches it, and whoever waits for a receipt has to know why there is none. */
static void put_peers(struct sharing *s)
{
	struct jsonw *w = &s->c->out;

	jsonw_name(w, "peers");
	jsonw_array(w);
	for (size_t i = 0; i < s->n_links; i++) {
		struct peer p;

		jsonw_object(w);
		jsonw_m_str(w, "peer", s->links[i].peer);
		if (peer_get(s->c->api->store, s->links[i].peer, s->c->req->arena, &p, NULL) == RC_OK) {
			jsonw_m_str(w, "relation", p.relation);
			jsonw_m_bool(w, "withheld", s->c->api->default_tlp > p.tlp_max);
			jsonw_m_bool(w, "disabled", p.disabled);
		}
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

enum rc case_put_shared(struct api_call *c, struct str incident, struct err *err)
{
	struct sharing s = { .c = c };
	struct arena *a = c->req->arena;
	enum rc rc = case_info_get(c->api->store, incident, a, &s.info, err);

	if (rc == RC_NOTFOUND)
		return RC_OK;
	TRY(rc);
	TRY(case_list(c->api->store, incident, 0, a, &s.rows, &s.n_rows, err));
	TRY(case_receipts(c->api->store, incident, a, &s.receipts, &s.n_receipts, err));
	TRY(case_links(c->api->store, incident, a, &s.links, &s.n_links, err));
	s.nodes = arena_array(a, NODES_MAX, sizeof *s.nodes);
	if (s.nodes == NULL)
		return FAIL(err, RC_NOMEM, "incident: out of memory");
	count(&s);
	jsonw_name(&c->out, "shared");
	jsonw_object(&c->out);
	jsonw_name(&c->out, "opened_by");
	jsonw_object(&c->out);
	put_node(&s, s.info.opened_by);
	jsonw_m_str(&c->out, "number", s.info.number);
	jsonw_object_end(&c->out);
	if (s.info.from.n > 0)
		jsonw_m_str(&c->out, "from", s.info.from);
	jsonw_m_int(&c->out, "facts_of_ours", s.ours);
	put_nodes(&s);
	put_peers(&s);
	jsonw_object_end(&c->out);
	return RC_OK;
}

const char *case_role(struct api_call *c, struct str incident)
{
	struct case_info info;
	struct peer p;

	if (case_info_get(c->api->store, incident, c->req->arena, &info, NULL) != RC_OK || info.from.n == 0 ||
	    peer_get(c->api->store, info.from, c->req->arena, &p, NULL) != RC_OK || str_eq(p.relation, S("child")))
		return NULL;
	return "responder";
}

/* --- on media --- */

static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";

static enum rc bundle_get(struct api_call *c, struct err *err)
{
	struct incident_row r;

	TRY(incident_may_see(c, err));
	TRY(incident_find(c, c->params[0], &r, err));
	if (need_is_bounded(c))
		return FAIL(err, RC_DENIED, "a bundle holds the whole incident: you see a part of it");
	if (c->api->case_out == NULL)
		return FAIL(err, RC_UNSUPPORTED, "a bundle is written by a node that runs");
	TRY(c->api->case_out(c->api->ctx, r.id, &c->res->body, err));
	return api_fact(c, "case.bundle", r.id, S(""), err);
}

static enum rc bundles_post(struct api_call *c, struct err *err)
{
	TRY(incident_may_see(c, err));
	if (c->api->case_in == NULL)
		return FAIL(err, RC_UNSUPPORTED, "a bundle is taken in by a node that runs");
	return c->api->case_in(c->api->ctx, c->body, &c->out, err);
}

const struct api_route API_ROUTES_CASES[] = {
	{ "GET", "/incidents/{incident}/bundle", API_ANALYST, bundle_get, "An incident as a sealed bundle, for media", NULL, NULL, ANY_SCHEMA },
	{ "POST", "/incidents/bundles", API_ANALYST, bundles_post, "Take in an incident that another node wrote on media", NULL, ANY_SCHEMA, ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
