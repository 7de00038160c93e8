/* Their collection into ours: first by TAXII pages from the durable cursor until
 * nothing is left, then by the peer's event stream from the same cursor, so that
 * nothing waits for a poll. Whenever the stream ends - cut, silence, a peer that
 * fell over - the pages take over again; both move the one cursor, after the
 * objects are durable here. A peer that has no stream is polled.
 *
 * A cursor that is empty although our collection is not (a new link between old
 * nodes) is first compared by digest: when both hold the same, one request
 * replaces the whole transfer. */
#include "fed/fed_int.h"

#include "base/text.h"
#include "gate/admit.h"
#include "gate/gate.h"
#include "stix/marking.h"

struct intake {
	struct fed_worker *w;
	struct arena *a;
	uint32_t source;
	enum rc rc;
	struct err *err;
	bool streamed; /* the stream gave at least one event or beat */
};

static enum rc admit(struct intake *in, const struct str *raw, const struct json *const *trees, size_t n, struct err *err)
{
	struct fed_worker *w = in->w;
	struct admit_opts o = { .collection = w->link.collection, .source = in->source, .tlp_ceiling = TLP_RED,
				.default_tlp = w->fed->config.default_tlp, .upgrade_20 = w->fed->config.upgrade_20, .trees = trees };
	struct admitted *done;

	if (n == 0)
		return RC_OK;
	arena_reset(in->a);
	TRY(admit_objects(w->fed->config.store, in->a, &o, raw, n, &done, err));
	for (size_t i = 0; i < n; i++)
		atomic_fetch_add(done[i].result == ADMIT_FAILED ? &w->failures : &w->delivered, 1);
	return RC_OK;
}

static enum rc on_page(void *ctx, const struct taxii_page *page, struct err *err)
{
	struct intake *in = ctx;

	for (size_t at = 0; at < page->n; at += FED_BATCH) {
		size_t n = page->n - at < FED_BATCH ? page->n - at : FED_BATCH;

		TRY(admit(in, page->objects + at, page->trees + at, n, err));
	}
	if (in->w->stop)
		return FAIL(err, RC_BUSY, "stopped");
	return page->added_last[0] != '\0' ? fed_cursor_save(in->w, page->added_last, err) : RC_OK;
}

/* --- digest --- */

static enum rc their_digest(struct fed_worker *w, struct str root_url, struct arena *a, const struct json **ret, struct err *err)
{
	struct httpc *h = NULL;
	struct httpc_res res = { 0 };
	struct buf url;
	size_t host_end = str_find(root_url, S("/"), sizeof "https://" - 1);
	enum rc rc;

	buf_init(&url, TAXII_URL_MAX);
	buf_fmt(&url, "%.*s/fed/v1/%.*s/%.*s/digest", STR(str_slice(root_url, 0, host_end)), STR(w->link.their_root),
		STR(w->link.their_collection));
	rc = buf_check(&url, err, "peer address");
	if (rc == RC_OK)
		rc = httpc_new(&w->http, &h, err);
	if (rc == RC_OK)
		rc = httpc_do(h, "GET", url.p, NULL, S(""), &res, err);
	if (rc == RC_OK && res.status != 200)
		rc = FAIL(err, RC_UNSUPPORTED, "no digest there (%d)", res.status);
	if (rc == RC_OK) {
		struct str text = arena_dup(a, buf_view(&res.body));

		rc = text.p == NULL ? FAIL(err, RC_NOMEM, "digest: out of memory") : json_parse(a, text, &JSON_LIMITS, ret, err);
	}
	httpc_res_done(&res);
	httpc_free(h);
	buf_done(&url);
	return rc;
}

/* Sets the cursor to the peer's end when both collections hold the same. Any failure only means that pages are read. */
static void skip_if_same(struct intake *in, struct str root_url)
{
	struct fed_worker *w = in->w;
	unsigned char digest[32];
	const struct json *theirs;
	struct str last;
	struct buf hex;
	uint64_t count;
	int64_t their_count;

	if (store_digest(w->fed->config.store, w->link.collection, UINT32_MAX, &count, digest, NULL) != RC_OK || count == 0)
		return;
	arena_reset(in->a);
	if (their_digest(w, root_url, in->a, &theirs, NULL) != RC_OK)
		return;
	last = json_get_str(theirs, S("last"));
	buf_init(&hex, 128);
	hex_put(&hex, str_make((char *)digest, sizeof digest));
	if (json_int(json_get(theirs, S("count")), &their_count) && (uint64_t)their_count == count &&
	    str_eq(json_get_str(theirs, S("digest")), buf_view(&hex)) && last.p != NULL && last.n < 64) {
		char text[64];

		snprintf(text, sizeof text, "%.*s", STR(last));
		/* A failure here costs a transfer, nothing else. */
		if (fed_cursor_save(w, text, NULL) != RC_OK)
			atomic_fetch_add(&w->failures, 1);
	}
	buf_done(&hex);
}

/* --- stream --- */

static enum rc take_event(struct intake *in, struct str id, struct str data, struct err *err)
{
	struct str raw[FED_BATCH];
	const struct json *trees[FED_BATCH];
	struct arena *a CLEANUP(arena_freep) = arena_new(FED_RESPONSE_MAX);
	const struct json *v, *objects;
	char cursor[64];
	size_t n = 0;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "stream: out of memory");
	if (id.n == 0 || id.n >= sizeof cursor)
		return FAIL(err, RC_PEER, "stream: event without a usable id");
	TRY(json_parse(a, data, &JSON_LIMITS, &v, err));
	objects = json_get(v, S("objects"));
	if (!json_is(objects, JSON_ARRAY) || objects->n > FED_BATCH)
		return FAIL(err, RC_PEER, "stream: event without objects");
	JSON_EACH(o, objects) {
		raw[n] = json_raw(o, data);
		trees[n++] = o;
	}
	TRY(admit(in, raw, trees, n, err));
	snprintf(cursor, sizeof cursor, "%.*s", STR(id));
	return fed_cursor_save(in->w, cursor, err);
}

static bool on_event(void *ctx, struct str id, struct str event, struct str data)
{
	struct intake *in = ctx;

	in->streamed = true;
	if (!str_eq(event, S("objects")))
		return !in->w->stop;
	in->rc = take_event(in, id, data, in->err);
	return in->rc == RC_OK && !in->w->stop;
}

static enum rc stream(struct intake *in, struct str root_url, struct err *err)
{
	struct fed_worker *w = in->w;
	struct httpc *h = NULL;
	struct buf url;
	char cursor[64];
	size_t host_end = str_find(root_url, S("/"), sizeof "https://" - 1);
	enum rc rc = fed_cursor_load(w, cursor, err);

	buf_init(&url, TAXII_URL_MAX);
	buf_fmt(&url, "%.*s/fed/v1/%.*s/%.*s/stream", STR(str_slice(root_url, 0, host_end)), STR(w->link.their_root),
		STR(w->link.their_collection));
	if (rc == RC_OK)
		rc = buf_check(&url, err, "peer address");
	if (rc == RC_OK)
		rc = httpc_new(&w->http, &h, err);
	if (rc == RC_OK) {
		atomic_store(&w->state, "streaming");
		in->rc = RC_OK;
		in->err = err;
		rc = httpc_events(h, url.p, cursor, FED_SILENCE, &w->stop, on_event, in, err);
	}
	httpc_free(h);
	buf_done(&url);
	return in->rc != RC_OK ? in->rc : rc;
}

/* --- the round --- */

static enum rc pages(struct intake *in, struct str root_url, struct err *err)
{
	struct fed_worker *w = in->w;
	struct taxii_pull p = { .root_url = root_url, .collection = w->link.their_collection, .match_version = "all", .limit = FED_BATCH };
	struct taxii_cursor cursor = { .after = "" };
	struct taxii_client *t = NULL;
	struct taxii_pulled got;
	char text[64];
	enum rc rc = fed_cursor_load(w, text, err);

	snprintf(cursor.after, sizeof cursor.after, "%.47s", text);
	atomic_store(&w->state, "pulling");
	if (rc == RC_OK)
		rc = fed_client(w, &t, err);
	if (rc == RC_OK)
		rc = taxii_pull_run(t, &p, &cursor, on_page, in, &got, err);
	taxii_client_free(t);
	return rc;
}

static enum rc run_round(struct intake *in, struct str root_url, struct err *err)
{
	struct fed_worker *w = in->w;
	char source[100], text[64];
	enum rc rc;

	snprintf(source, sizeof source, "peer:%.*s", STR(w->peer.name));
	TRY(store_source_id(w->fed->config.store, str_of(source), &in->source, err));
	TRY(fed_cursor_load(w, text, err));
	if (text[0] == '\0')
		skip_if_same(in, root_url);
	TRY(pages(in, root_url, err));
	if (peer_seen(w->fed->config.store, w->peer.name, time_now(), S(""), err) != RC_OK)
		return err->rc;
	rc = stream(in, root_url, err);
	/* No stream there, or it ended in good order: polling goes on. */
	return rc == RC_UNSUPPORTED || rc == RC_NOTFOUND ? RC_OK : rc;
}

enum rc fed_pull_round(struct fed_worker *w, struct err *err)
{
	struct intake in = { .w = w, .a = arena_new(FED_RESPONSE_MAX) };
	struct buf root_url;
	enum rc rc;

	if (in.a == NULL)
		return FAIL(err, RC_NOMEM, "pull: out of memory");
	rc = fed_root_url(w, &root_url, err);
	if (rc == RC_OK)
		rc = run_round(&in, buf_view(&root_url), err);
	buf_done(&root_url);
	arena_free(in.a);
	return rc;
}
