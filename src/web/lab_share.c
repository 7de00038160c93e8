/* An indicator of the lab is known by its id alone, which follows from this node and the digest: no table remembers what was shared. */
#include "web/lab_share.h"

#include "gate/admit.h"
#include "store/facts.h"
#include "store/objects.h"

#define BODY_MAX ((size_t)1 << 20)
#define IDS_AT_ONCE 200
#define MEMORY ((size_t)16 << 20)
#define WHY_MAX 1000

const char *lab_shared_name(enum lab_shared_state s)
{
	static const char *const names[] = { "new", "before", "revoked" };

	return (unsigned)s < COUNTOF(names) ? names[s] : "before";
}

enum tlp lab_share_level(enum privacy p)
{
	return p == PRIVACY_PUBLIC ? TLP_CLEAR : TLP_AMBER;
}

static struct lab_stix_how how_of(const struct lab_share *x, enum tlp tlp, usec now)
{
	return (struct lab_stix_how){ .creator = x->identity, .tlp = tlp, .at = now };
}

/* --- writing --- */

/* What lies in the store already goes into that collection too; nothing happens when it is there. */
static enum rc link_into(const struct lab_share *x, uint32_t collection, uint32_t source, const struct page_entry *e, struct err *err)
{
	struct object_in in = { .id = e->id, .type = e->type, .version = e->version, .body = e->body, .spec = e->spec, .tlp = e->tlp,
				.flags = e->flags, .confidence = e->confidence };
	enum put_result result;
	struct object_batch b = { .collection = collection, .source = source, .objects = &in, .n = 1, .results = &result };

	return store_put(x->store, &b, err);
}

static enum rc look(const struct lab_share *x, const struct str *ids, size_t n, struct page *ret, struct err *err)
{
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = ids, .n_ids = (uint32_t)n, .tlp_mask = UINT32_MAX,
				.limit = (uint32_t)n, .bodies = true };

	return store_page(x->store, &q, ret, err);
}

static enum rc link_both(const struct lab_share *x, uint32_t source, struct str id, struct err *err)
{
	struct page page;
	enum rc rc;

	TRY(look(x, &id, 1, &page, err));
	rc = page.n == 0 ? FAIL(err, RC_NOTFOUND, "the indicator was deleted meanwhile") : link_into(x, x->up, source, &page.entries[0], err);
	if (rc == RC_OK)
		rc = link_into(x, x->down, source, &page.entries[0], err);
	page_done(&page);
	return rc;
}

/* A new version, by the door that everybody's objects come in by; then both ways out. */
static enum rc put(const struct lab_share *x, struct str body, struct str id, uint8_t tlp, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct admit_opts o = { .collection = x->up, .tlp_ceiling = TLP_RED, .default_tlp = tlp };
	struct admitted *done;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "indicator: out of memory");
	TRY(store_source_id(x->store, S("node:lab"), &o.source, err));
	TRY(admit_objects(x->store, a, &o, &body, 1, &done, err));
	if (done[0].result == ADMIT_FAILED)
		return FAIL(err, RC_INTERNAL, "indicator: %.*s", STR(done[0].message));
	return link_both(x, o.source, id, err);
}

static enum rc put_fact(const struct lab_share *x, const char *kind, struct str id, struct str why, uint8_t tlp, struct err *err)
{
	struct fact f = { .kind = str_of(kind), .actor = x->actor, .subject = id };
	struct jsonw w;
	struct buf b;
	enum rc rc;

	buf_init(&b, 16 << 10);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	if (x->submission.n > 0)
		jsonw_m_str(&w, "submission", x->submission);
	jsonw_m_cstr(&w, "tlp", tlp_name((enum tlp)tlp));
	if (why.n > 0)
		jsonw_m_str(&w, "why", str_slice(why, 0, WHY_MAX));
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "fact");
	f.body = buf_view(&b);
	if (rc == RC_OK)
		rc = fact_append_soon(x->store, &f, err);
	buf_done(&b);
	return rc;
}

/* --- sharing --- */

static enum rc share_new(const struct lab_share *x, const struct lab_report *r, const struct lab_harmful *h, enum tlp tlp, struct str id, struct err *err)
{
	struct lab_stix_how how = how_of(x, tlp, time_now());
	struct jsonw w;
	struct buf b;
	enum rc rc;

	buf_init(&b, BODY_MAX);
	jsonw_init(&w, &b);
	lab_stix_indicator(r, &how, h, &w);
	rc = buf_check(&b, err, "indicator");
	if (rc == RC_OK)
		rc = put(x, buf_view(&b), id, (uint8_t)tlp, err);
	buf_done(&b);
	return rc == RC_OK ? put_fact(x, "lab.indicator", id, S(""), (uint8_t)tlp, err) : rc;
}

/* Milder marking by a second submission changes nothing: the first one's sender did not agree to it. */
static enum rc share_one(const struct lab_share *x, const struct lab_report *r, const struct lab_harmful *h, enum tlp tlp, struct lab_shared *out,
			 struct err *err)
{
	struct lab_stix_how how = how_of(x, tlp, 1);
	struct str id = lab_indicator_id(&how, h->sha256, r->generation, out->id);
	struct page page;
	uint32_t source;
	enum rc rc = RC_OK;

	out->sha256 = h->sha256;
	TRY(look(x, &id, 1, &page, err));
	out->state = page.n == 0 ? LAB_SHARED_NEW : (page.entries[0].flags & OBJECT_REVOKED) != 0 ? LAB_SHARED_REVOKED : LAB_SHARED_BEFORE;
	if (out->state == LAB_SHARED_BEFORE) {
		rc = store_source_id(x->store, S("node:lab"), &source, err);
		if (rc == RC_OK)
			rc = link_into(x, x->up, source, &page.entries[0], err);
		if (rc == RC_OK)
			rc = link_into(x, x->down, source, &page.entries[0], err);
	}
	page_done(&page);
	return rc == RC_OK && out->state == LAB_SHARED_NEW ? share_new(x, r, h, tlp, id, err) : rc;
}

enum rc lab_share_report(const struct lab_share *x, struct arena *a, const struct lab_report *r, enum tlp tlp, struct lab_shared **ret, size_t *ret_n,
			 struct err *err)
{
	struct lab_harmful list[LAB_HARMFUL_MAX];
	size_t n = lab_harmful(r, list), live = 0;
	struct lab_shared *out = arena_array(a, LAB_HARMFUL_MAX, sizeof *out);

	if (out == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	if (n == 0)
		return FAIL(err, RC_CONFLICT, "nothing in it was found to be malicious");
	for (size_t i = 0; i < n; i++) {
		TRY(share_one(x, r, &list[i], tlp, &out[i], err));
		live += out[i].state != LAB_SHARED_REVOKED;
	}
	*ret = out;
	*ret_n = n;
	return live > 0 ? RC_OK : FAIL(err, RC_CONFLICT, "it was revoked as a mistake, and stays so");
}

/* --- revoking --- */

/* The same object, revoked, in a newer version. */
static enum rc revoked_body(struct arena *a, struct str body, struct buf *out, struct err *err)
{
	usec modified = 0, now = time_now();
	char text[TIME_TEXT_MAX];
	const struct json *v;
	struct jsonw w;

	TRY(json_parse(a, body, &JSON_LIMITS, &v, err));
	if (time_parse(json_get_str(v, S("modified")), &modified, NULL, NULL) != RC_OK)
		modified = 0;
	/* Versions carry milliseconds. */
	if (now < modified + 1000)
		now = modified + 1000;
	jsonw_init(&w, out);
	jsonw_object(&w);
	JSON_MEMBERS(name, value, v) {
		if (str_eq(json_str(name), S("modified")) || str_eq(json_str(name), S("revoked")))
			continue;
		jsonw_name_str(&w, json_str(name));
		jsonw_value(&w, value);
	}
	jsonw_m_str(&w, "modified", time_format_ms(now, text));
	jsonw_m_bool(&w, "revoked", true);
	jsonw_object_end(&w);
	return buf_check(out, err, "indicator");
}

static enum rc revoke_one(const struct lab_share *x, const struct page_entry *e, struct str why, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct buf b;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "indicator: out of memory");
	buf_init(&b, BODY_MAX);
	rc = revoked_body(a, e->body, &b, err);
	if (rc == RC_OK)
		rc = put(x, buf_view(&b), e->id, e->tlp, err);
	buf_done(&b);
	return rc == RC_OK ? put_fact(x, "lab.revoke", e->id, why, e->tlp, err) : rc;
}

struct revoking {
	const struct lab_share *x;
	struct str why;
	struct lab_shared *out; /* candidates: of those that exist the first n_out */
	size_t n_out;
	uint32_t source;
};

/* `some`: candidates; those that are in the store are kept in order at the front of `out`. */
static enum rc revoke_some(struct revoking *r, const struct lab_shared *some, size_t n, struct err *err)
{
	struct str ids[IDS_AT_ONCE];
	struct page page;
	enum rc rc = RC_OK;

	for (size_t i = 0; i < n; i++)
		ids[i] = str_of(some[i].id);
	TRY(look(r->x, ids, n, &page, err));
	for (size_t k = 0; k < page.n && rc == RC_OK; k++) {
		const struct page_entry *e = &page.entries[k];
		size_t i = 0;

		while (i < n && !str_eq(str_of(some[i].id), e->id))
			i++;
		if (i == n)
			continue;
		/* What a crash left in one collection only is finished. */
		if ((e->flags & OBJECT_REVOKED) == 0)
			rc = revoke_one(r->x, e, r->why, err);
		else
			rc = link_both(r->x, r->source, e->id, err);
		r->out[r->n_out] = some[i];
		r->out[r->n_out++].state = LAB_SHARED_REVOKED;
	}
	page_done(&page);
	return rc;
}

enum rc lab_share_revoke(const struct lab_share *x, struct arena *a, const struct lab_report *r, const unsigned char *only, struct str why,
			 struct lab_shared **ret, size_t *ret_n, struct err *err)
{
	struct lab_stix_how how = how_of(x, TLP_RED, 1);
	size_t most = r->hashed ? r->children.n + 1 : 0, n = 0;
	struct revoking v = { .x = x, .why = why };
	struct lab_shared *all;

	most = most > LAB_SHARED_MAX ? LAB_SHARED_MAX : most;
	all = arena_array(a, most + 1, sizeof *all);
	v.out = arena_array(a, most + 1, sizeof *v.out);
	if (all == NULL || v.out == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	TRY(store_source_id(x->store, S("node:lab"), &v.source, err));
	for (size_t i = 0; i < most; i++) {
		const unsigned char *sha256 = i == 0 ? r->sha256 : r->children.p[i - 1].sha256;

		if (only != NULL && memcmp(sha256, only, SHA256_LEN) != 0)
			continue;
		all[n].sha256 = sha256;
		lab_indicator_id(&how, sha256, r->generation, all[n++].id);
	}
	for (size_t at = 0; at < n; at += IDS_AT_ONCE)
		TRY(revoke_some(&v, &all[at], n - at < IDS_AT_ONCE ? n - at : IDS_AT_ONCE, err));
	*ret = v.out;
	*ret_n = v.n_out;
	return v.n_out > 0 ? RC_OK : FAIL(err, RC_NOTFOUND, "nothing of it was shared");
}

/* Of this node: who else revokes another's object makes a version that nobody need believe (STIX 2.1 §3.6). */
static enum rc revoke_own(const struct lab_share *x, const struct page_entry *e, struct str why, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	const struct json *v;
	uint32_t source;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "indicator: out of memory");
	TRY(json_parse(a, e->body, &JSON_LIMITS, &v, err));
	if (!str_eq(e->type, S("indicator")) || !str_eq(json_get_str(v, S("created_by_ref")), x->identity))
		return FAIL(err, RC_NOTFOUND, "no indicator of this node");
	TRY(store_source_id(x->store, S("node:lab"), &source, err));
	return (e->flags & OBJECT_REVOKED) == 0 ? revoke_one(x, e, why, err) : link_both(x, source, e->id, err);
}

enum rc lab_share_revoke_id(const struct lab_share *x, struct str id, struct str why, struct err *err)
{
	struct page page;
	enum rc rc;

	TRY(look(x, &id, 1, &page, err));
	rc = page.n == 0 ? FAIL(err, RC_NOTFOUND, "no indicator of this node") : revoke_own(x, &page.entries[0], why, err);
	page_done(&page);
	return rc;
}
