/* What other nodes state. Each step may be done again after a crash: what is there already changes nothing. The order of the
 * steps is chosen so that the fact is durable before anybody is told that it is. */
#include "node/cases.h"

#include "base/log.h"
#include "desk/case.h"
#include "node/core.h"
#include "store/cases.h"
#include "store/incidents.h"
#include "store/peers.h"
#include "web/casefile.h"

#define MEMORY ((size_t)64 << 20)
#define TRIES 50 /* somebody else added a fact meanwhile */

struct coming {
	struct core *c;
	struct arena *a;
	const struct exchange_from *from;
	const struct json *object;
	struct case_fact f;
	char hash[CASE_HASH_LEN + 1];
	struct case_author author;
};

static struct str own_identity(const struct core *c)
{
	return str_of(c->node.config.identity);
}

static enum case_relation relation_of(struct str name)
{
	return str_eq(name, S("parent")) ? CASE_PARENT : str_eq(name, S("child")) ? CASE_CHILD : CASE_PARTNER;
}

static bool reviews_others(struct str tier)
{
	return str_eq(tier, S("region")) || str_eq(tier, S("sector"));
}

/* RC_BAD is what refuses for good. */
static enum rc for_good(enum rc rc, struct err *err)
{
	bool good = rc != RC_CONFLICT && rc != RC_NOTFOUND && rc != RC_LIMIT && rc != RC_UNSUPPORTED;

	if (!good)
		err->rc = RC_BAD;
	return good ? rc : RC_BAD;
}

static enum rc print(struct arena *a, const struct json *object, struct str *ret, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, CASE_BODY_MAX);
	json_print(object, &b);
	rc = buf_check(&b, err, "case") == RC_OK ? RC_OK : FAIL(err, RC_BAD, "case: more than %zu bytes", CASE_BODY_MAX);
	*ret = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return rc == RC_OK && ret->p == NULL ? FAIL(err, RC_NOMEM, "case: out of memory") : rc;
}

/* --- who is who --- */

/* A peer says who it is itself; who reviews others, and a tier above, say it of those for whom they vouch. */
static enum rc may_introduce(struct core *c, struct arena *a, const struct exchange_from *from, const struct case_node *n, bool direct,
			     struct err *err)
{
	struct case_author peer;

	if (str_eq(n->author, own_identity(c)))
		return FAIL(err, RC_BAD, "%.*s claims the identity of this node", STR(n->name));
	if (direct || str_eq(from->relation, S("parent")))
		return RC_OK;
	if (case_author_of(c->node.store, from->peer, a, &peer, NULL) == RC_OK &&
	    (reviews_others(peer.tier) || (str_eq(from->relation, S("partner")) && str_eq(peer.tier, S("nation")))))
		return RC_OK;
	return FAIL(err, RC_BAD, "%.*s is not the owner of the certificate that it names, and may vouch for nobody", STR(from->peer));
}

enum rc case_node_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct case_author author;
	struct case_node n;
	struct peer p;
	bool direct;

	(void)id;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(case_node_read(a, object, &n, err));
	if (str_eq(n.author, own_identity(c)) && str_eq(n.cert, str_of(c->node.cert_sha256)))
		return RC_OK; /* what we said ourselves */
	TRY(for_good(peer_get(c->node.store, from->peer, a, &p, err), err));
	direct = str_eq(n.cert, p.cert_sha256);
	TRY(may_introduce(c, a, from, &n, direct, err));
	author = (struct case_author){ .id = n.author, .name = n.name, .tier = n.tier, .key = n.key, .at = n.at };
	TRY(print(a, object, &author.body, err));
	return for_good(case_author_put(c->node.store, &author, from->peer, direct, err), err);
}

/* Who states this, and that it is who it says: known over this peer, and signed with its key. */
static enum rc prove(struct core *c, struct arena *a, const struct exchange_from *from, const struct json *object, struct str author,
		     struct case_author *ret, bool *ret_direct, struct err *err)
{
	bool known;

	TRY(case_author_via(c->node.store, author, from->peer, &known, ret_direct, err));
	if (!known)
		return FAIL(err, RC_BAD, "%.*s states something as %.*s, which it is not and for which it does not vouch", STR(from->peer), STR(author));
	TRY(for_good(case_author_get(c->node.store, author, a, ret, err), err));
	return case_signed_by(a, object, ret->key) ? RC_OK : FAIL(err, RC_BAD, "the signature is not that of %.*s", STR(ret->name));
}

/* --- receipts out --- */

enum rc case_receipt_text(struct core *c, const struct case_row *fact, const char *refused, struct buf *out, struct err *err)
{
	struct case_receipt_word r = { .author = own_identity(c), .incident = fact->incident, .object = fact->object, .at = fact->came,
				       .refused = str_of(refused), .tlp = (uint8_t)c->node.config.default_tlp };

	return case_receipt_write(&r, c->node.sign_sec, out, err);
}

static enum rc send_receipt(struct coming *x, usec at, const char *refused, struct err *err)
{
	const struct case_row fact = { .incident = x->f.incident, .object = x->f.id, .came = at };
	struct buf b;
	enum rc rc;

	buf_init(&b, CASE_OBJECT_MAX);
	rc = case_receipt_text(x->c, &fact, refused, &b, err);
	if (rc == RC_OK)
		rc = case_introduce(x->c, x->from->lane, own_identity(x->c), x->from->peer, err);
	if (rc == RC_OK)
		rc = exchange_send_by(x->c, x->from->lane, x->from->peer, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

/* --- facts --- */

/* A clock that an office missed is not met because another one says that it acted earlier. */
static enum rc corrects_other(struct coming *x, bool *ret, struct err *err)
{
	struct str ref = json_get_str(json_get(x->object, S("fact")), S("ref"));
	struct case_row *rows;
	size_t n;

	if (desk_fact_find(x->f.fact_type) != FACT_CORRECTED)
		return RC_OK;
	TRY(case_list(x->c->node.store, x->f.incident, 0, x->a, &rows, &n, err));
	for (size_t i = 0; i < n; i++)
		*ret |= str_eq(rows[i].fact, ref) && !str_eq(rows[i].author, x->f.author);
	return RC_OK;
}

static bool has_role(struct coming *x)
{
	struct str packs = x->f.packs, id;
	const struct pack *p;

	while (str_next(&packs, ' ', &id))
		if ((p = desk_pack(x->c->api.desk, id)) != NULL && pack_role_find(p, x->f.fact_by) != NULL)
			return true;
	return false;
}

static enum rc check_side(struct coming *x, bool direct, struct err *err)
{
	struct case_side side = { .relation = relation_of(x->from->relation), .direct = direct, .above = reviews_others(x->author.tier),
				  .by_opener = str_eq(x->f.author, x->f.opened_by), .opened_here = str_eq(x->f.opened_by, own_identity(x->c)),
				  .has_role = has_role(x) };
	struct case_link *links;
	const char *why;
	bool unused;
	size_t n;

	TRY(case_author_via(x->c->node.store, x->f.opened_by, x->from->peer, &side.opened_below, &unused, err));
	TRY(case_links(x->c->node.store, x->f.incident, x->a, &links, &n, err));
	for (size_t i = 0; i < n; i++)
		side.known |= str_eq(links[i].peer, x->from->peer);
	TRY(corrects_other(x, &side.of_other, err));
	why = case_refused(&side, x->f.fact_by, x->f.fact_type);
	return why == NULL ? RC_OK : FAIL(err, RC_BAD, "%s", why);
}

/* What all its facts say alike is the same as here. RC_NOTFOUND: the incident is new here. */
static enum rc check_same(struct coming *x, struct incident_row *r, struct err *err)
{
	struct str packs = x->f.packs, one;

	while (str_next(&packs, ' ', &one))
		if (desk_pack(x->c->api.desk, one) == NULL)
			return FAIL(err, RC_BAD, "this node has no pack '%.*s'", STR(one));
	TRY(incident_get(x->c->node.store, x->f.incident, x->a, r, err));
	if (!str_eq(r->id, x->f.incident))
		return FAIL(err, RC_NOTFOUND, "no such incident");
	if (r->exercise != x->f.exercise)
		return FAIL(err, RC_BAD, "the incident is %s, and this fact says otherwise", r->exercise ? "an exercise" : "no exercise");
	if (!str_eq(r->packs, x->f.packs))
		return FAIL(err, RC_BAD, "the incident goes by the packs %.*s, and this fact by %.*s", STR(r->packs), STR(x->f.packs));
	return RC_OK;
}

/* What becomes of the incident with the fact in it. `r` as it is, or with row 0. */
static enum rc derive_with(struct coming *x, const struct incident_row *r, const struct incident_fact *f, struct incident_derived *ret, struct err *err)
{
	const struct casefile_more more = { r->id, f, 1 };
	const usec at = time_now();
	struct desk_view v;

	TRY(casefile_look(x->c->api.desk, x->c->node.store, x->a, r, &more, 1, at, &v, err));
	*ret = casefile_derived(&v, casefile_rung(&v, at));
	return RC_OK;
}

static enum rc open_here(struct coming *x, const struct incident_fact *f, struct str actor, struct err *err)
{
	struct incident_row r = { .id = x->f.incident, .title = x->f.title, .packs = x->f.packs, .exercise = x->f.exercise };

	TRY(derive_with(x, &r, f, &r.now, err));
	if (!case_may_open(x->c, x->from->peer))
		return FAIL(err, RC_FULL, "%.*s has opened %lld incidents here within an hour ([desk] peer_incidents): what follows waits", STR(x->from->peer),
			    (long long)x->c->node.config.peer_incidents);
	TRY(incident_open(x->c->node.store, &r, f, 1, actor, err));
	log_line(LOG_LEVEL_INFO, "incident", "%s%.*s comes from %.*s", r.exercise ? "[EXERCISE 演練] " : "", STR(r.number), STR(x->from->peer));
	return RC_OK;
}

static enum rc add_here(struct coming *x, struct incident_row *r, const struct incident_fact *f, struct str actor, struct err *err)
{
	size_t added;

	TRY(derive_with(x, r, f, &r->now, err));
	return incident_add(x->c->node.store, r->row, r->facts, f, 1, &r->now, actor, &added, err);
}

static enum rc keep(struct coming *x, struct err *err)
{
	struct incident_fact f = { .id = x->f.fact_id, .type = x->f.fact_type, .body = x->f.fact };
	struct str actor = arena_fmt(x->a, "peer:%.*s", STR(x->from->peer));
	struct incident_row r;
	enum rc rc = RC_BUSY;

	for (int i = 0; i < TRIES && (rc == RC_BUSY || rc == RC_CONFLICT); i++) {
		rc = check_same(x, &r, err);
		if (rc == RC_NOTFOUND)
			rc = open_here(x, &f, actor, err);
		else if (rc == RC_OK)
			rc = add_here(x, &r, &f, actor, err);
	}
	return rc;
}

/* Everything that can be wrong with it, before anything is kept. */
static enum rc check(struct coming *x, bool direct, struct err *err)
{
	struct incident_row r;
	enum rc rc;

	TRY(check_side(x, direct, err));
	rc = check_same(x, &r, err);
	return rc == RC_NOTFOUND ? RC_OK : rc;
}

static enum rc take(struct coming *x, usec *ret_came, struct err *err)
{
	struct case_row row = { .object = x->f.id, .incident = x->f.incident, .fact = x->f.fact_id, .author = x->f.author, .n = x->f.n,
				.hash = str_of(x->hash), .previous = x->f.previous, .peer = x->from->peer };
	struct case_info info = { .incident = x->f.incident, .opened_by = x->f.opened_by, .number = x->f.number, .from = x->from->peer };
	struct case_link link = { .peer = x->from->peer };

	TRY(print(x->a, x->object, &row.body, err));
	TRY(exchange_way(x->c, SHARE_PLAIN, x->from->peer, &link.collection, err));
	TRY(for_good(case_put(x->c->node.store, &row, &info, err), err));
	TRY(for_good(keep(x, err), err));
	*ret_came = row.came;
	return case_link_put(x->c->node.store, x->f.incident, &link, err);
}

/* What this node stated itself comes back only when somebody plays it back. */
static enum rc own_again(struct coming *x, struct err *err)
{
	struct case_row row;

	return for_good(case_get(x->c->node.store, x->f.id, x->a, &row, err), err);
}

enum rc case_fact_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct coming x = { .c = c, .a = a, .from = from, .object = object };
	struct err why = { 0 };
	bool direct;
	usec came = 0;
	enum rc rc;

	(void)id;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(case_fact_read(a, object, &x.f, x.hash, err));
	if (str_eq(x.f.author, own_identity(c)))
		return own_again(&x, err);
	TRY(prove(c, a, from, object, x.f.author, &x.author, &direct, err));
	rc = check(&x, direct, err);
	if (rc == RC_OK)
		rc = take(&x, &came, err);
	if (rc == RC_BAD && send_receipt(&x, time_now(), err->text, &why) != RC_OK)
		log_line(LOG_LEVEL_WARN, "case", "no word to %.*s of the refusal: %s", STR(from->peer), why.text);
	TRY(rc);
	TRY(send_receipt(&x, came, "", err));
	if (c->api.desk_changed != NULL)
		c->api.desk_changed(c->api.ctx);
	return RC_OK;
}

/* --- receipts in --- */

enum rc case_receipt_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct case_receipt_word w;
	struct case_receipt r;
	struct case_author author;
	struct case_row fact;
	struct str text;
	bool direct, fresh;

	(void)id;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(case_receipt_read(a, object, &w, err));
	TRY(prove(c, a, from, object, w.author, &author, &direct, err));
	TRY(for_good(case_get(c->node.store, w.object, a, &fact, err), err));
	if (!str_eq(fact.incident, w.incident))
		return FAIL(err, RC_BAD, "the receipt names another incident than its fact");
	/* On towards the author, before it is noted here: after a crash it goes again, and is known there. */
	if (fact.peer.n > 0 && !str_eq(fact.peer, from->peer)) {
		TRY(print(a, object, &text, err));
		TRY(case_introduce(c, from->lane, w.author, fact.peer, err));
		TRY(exchange_send_by(c, from->lane, fact.peer, text, err));
	}
	r = (struct case_receipt){ .object = w.object, .incident = w.incident, .by = w.author, .at = w.at, .refused = w.refused };
	TRY(case_receipt_put(c->node.store, &r, &fresh, err));
	if (fresh && r.refused.n > 0)
		log_line(LOG_LEVEL_WARN, "case", "%.*s does not take a fact of %.*s: %.*s", STR(author.name), STR(r.incident), STR(r.refused));
	return RC_OK;
}

/* --- the STIX incident --- */

enum rc case_incident_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct case_info info;
	struct case_link *links;
	struct str text;
	size_t n;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	rc = case_info_get(c->node.store, id, a, &info, err);
	if (rc == RC_NOTFOUND) /* before its facts: it goes on with them */
		return RC_OK;
	TRY(rc);
	if (!str_eq(info.from, from->peer) || !str_eq(info.opened_by, json_get_str(object, S("created_by_ref"))))
		return FAIL(err, RC_BAD, "%.*s did not bring this incident", STR(from->peer));
	TRY(print(a, object, &text, err));
	TRY(case_links(c->node.store, id, a, &links, &n, err));
	for (size_t i = 0; i < n; i++) {
		rc = str_eq(links[i].peer, from->peer) ? RC_OK : exchange_send(c, links[i].peer, text, err);
		if (rc != RC_OK && rc != RC_NOTFOUND)
			return rc;
	}
	return RC_OK;
}
