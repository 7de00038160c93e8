/* An incident on media: the objects that the exchange would carry, in one sealed file. What comes so goes the same way as what
 * comes over a connection; only who delivers it is proved by the seal. */
#include "node/cases.h"

#include "base/log.h"
#include "desk/case.h"
#include "node/core.h"
#include "store/facts.h"
#include "store/peers.h"
#include "sys/file.h"

#define MEMORY ((size_t)512 << 20)
#define PEM_MAX ((size_t)1 << 16)
#define BUNDLE_MAX ((size_t)15 << 20) /* what a request takes in again */

/* --- out --- */

struct writing {
	struct core *c;
	struct arena *a;
	struct str *objects;
	size_t n;
};

static bool is_first_of_author(const struct case_row *rows, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq(rows[k].author, rows[i].author))
			return false;
	return true;
}

/* Who stated what follows, so that it can be checked. */
static enum rc add_authors(struct writing *w, const struct case_row *rows, size_t n, struct str own, struct err *err)
{
	w->objects[w->n++] = own;
	for (size_t i = 0; i < n; i++) {
		struct case_author author;

		if (rows[i].peer.n == 0 || !is_first_of_author(rows, i))
			continue;
		TRY(case_author_get(w->c->node.store, rows[i].author, w->a, &author, err));
		w->objects[w->n++] = author.body;
	}
	return RC_OK;
}

static enum rc add_receipt(struct writing *w, const struct case_row *fact, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, CASE_OBJECT_MAX);
	rc = case_receipt_text(w->c, fact, "", &b, err);
	w->objects[w->n] = arena_dup(w->a, buf_view(&b));
	buf_done(&b);
	TRY(rc);
	return w->objects[w->n++].p == NULL ? FAIL(err, RC_NOMEM, "bundle: out of memory") : RC_OK;
}

static enum rc gather(struct writing *w, struct str incident, struct err *err)
{
	struct case_row *rows;
	struct str own;
	size_t n;

	TRY(case_objects(w->c, incident, w->a, &rows, &n, &own, err));
	w->objects = arena_array(w->a, 3 * n + 1, sizeof *w->objects);
	if (w->objects == NULL)
		return FAIL(err, RC_NOMEM, "bundle: out of memory");
	TRY(add_authors(w, rows, n, own, err));
	for (size_t i = 0; i < n; i++)
		w->objects[w->n++] = rows[i].body;
	for (size_t i = 0; i < n; i++)
		if (rows[i].peer.n > 0)
			TRY(add_receipt(w, &rows[i], err));
	return RC_OK;
}

enum rc case_media_out(void *ctx, struct str incident, struct buf *out, struct err *err)
{
	struct core *c = ctx;
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	CLEANUP(buf_done) struct buf cert = { 0 }, key = { 0 };
	struct writing w = { .c = c, .a = a };
	struct case_seal seal = { .author = str_of(c->node.config.identity), .incident = incident, .at = time_now(),
				  .tlp = (uint8_t)c->node.config.default_tlp };
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "bundle: out of memory");
	TRY(gather(&w, incident, err));
	TRY(file_read(c->node.paths.cert, PEM_MAX, &cert, err));
	TRY(file_read(c->node.paths.key, PEM_MAX, &key, err));
	seal.cert = buf_view(&cert);
	rc = case_bundle_write(&seal, key.p, w.objects, w.n, out, err);
	secret_wipe(key.p, key.n);
	if (rc == RC_OK && out->n > BUNDLE_MAX)
		rc = FAIL(err, RC_LIMIT, "bundle: more than %zu bytes", BUNDLE_MAX);
	return rc;
}

/* --- in --- */

struct taking {
	struct core *c;
	const struct exchange_from *from;
	struct jsonw *out;
};

static void note_refused(struct taking *t, struct str id, const char *why)
{
	char actor[80];
	struct fact f = { .kind = S("exchange.refuse"), .subject = str_slice(id, 0, 200) };
	struct jsonw w;
	struct buf b;

	jsonw_object(t->out);
	jsonw_m_str(t->out, "id", id);
	jsonw_m_cstr(t->out, "why", why);
	jsonw_object_end(t->out);
	snprintf(actor, sizeof actor, "peer:%.*s", STR(t->from->peer));
	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "why", why);
	jsonw_m_cstr(&w, "way", "media");
	jsonw_object_end(&w);
	f.actor = str_of(actor);
	f.body = buf_view(&b);
	if (b.bad == RC_OK)
		(void)!fact_append(t->c->node.store, &f, NULL); /* refused all the same */
	buf_done(&b);
}

static enum rc take_one(struct taking *t, const struct json *object, struct err *err)
{
	static const struct exchange_kind kinds[] = {
		{ CASE_NODE, case_node_came }, { CASE_FACT, case_fact_came }, { CASE_RECEIPT, case_receipt_came },
	};
	struct str type = json_get_str(object, S("type")), id = json_get_str(object, S("id"));
	enum rc rc = RC_OK;

	for (size_t i = 0; i < COUNTOF(kinds); i++)
		if (str_eq(type, str_of(kinds[i].type)))
			rc = kinds[i].came(t->c, t->from, id, object, err);
	if (rc != RC_BAD)
		return rc;
	note_refused(t, id, err->text);
	return RC_OK;
}

static enum rc count_facts(struct core *c, struct arena *a, struct str incident, size_t *ret, struct err *err)
{
	struct case_row *rows;

	return case_list(c->node.store, incident, 0, a, &rows, ret, err);
}

/* Who sealed it has to be a peer, and not disabled. */
static enum rc find_peer(struct core *c, struct arena *a, const struct case_seal *seal, struct peer *ret, struct err *err)
{
	char fingerprint[65];
	enum rc rc;

	TRY(keys_fingerprint(seal->cert, fingerprint, err));
	rc = peer_by_cert(c->node.store, str_of(fingerprint), a, ret, err);
	if (rc == RC_NOTFOUND || (rc == RC_OK && ret->disabled))
		return FAIL(err, RC_DENIED, "bundle: it was sealed by certificate %s, which is no peer's", fingerprint);
	return rc;
}

enum rc case_media_in(void *ctx, const struct json *bundle, struct jsonw *out, struct err *err)
{
	struct core *c = ctx;
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct exchange_from from;
	struct taking t = { c, &from, out };
	size_t before, after;
	struct case_seal seal;
	struct peer p;
	uint32_t n, left;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "bundle: out of memory");
	TRY(case_bundle_read(a, bundle, &seal, &n, err));
	TRY(find_peer(c, a, &seal, &p, err));
	from = (struct exchange_from){ .peer = p.name, .relation = p.relation, .lane = SHARE_PLAIN };
	TRY(count_facts(c, a, seal.incident, &before, err));
	jsonw_object(out);
	jsonw_m_str(out, "incident", seal.incident);
	jsonw_m_str(out, "from", p.name);
	jsonw_name(out, "refused");
	jsonw_array(out);
	left = n;
	JSON_EACH(one, json_get(bundle, S("objects")))
		if (left > 0) {
			left--;
			TRY(take_one(&t, one, err));
		}
	jsonw_array_end(out);
	TRY(count_facts(c, a, seal.incident, &after, err));
	jsonw_m_int(out, "objects", n);
	jsonw_m_int(out, "new", (int64_t)(after - before));
	jsonw_object_end(out);
	log_line(LOG_LEVEL_INFO, "case", "a bundle of %.*s brings %zu new facts", STR(p.name), after - before);
	return RC_OK;
}
