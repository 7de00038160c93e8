/* Their collection into ours. First choice is the peer's event stream from the durable
 * cursor: one request, after which nothing waits for a poll. Pages (TAXII) are for what
 * a stream is not good at: the first transfer, a peer that has no stream (it is
 * polled), and a stream that failed: what it could not give, pages give in smaller and
 * smaller pieces. Both move the one cursor, after the objects are durable here.
 *
 * A cursor that is empty although our collection is not (a new link between old
 * nodes) goes with our digest: when both hold the same, the stream begins at the end
 * and nothing is transferred at all.
 *
 * Hostile: all of it. What a peer sends passes the same gate as a stranger's POST; the
 * levels that may come in are bounded by the link and by our collection. An object that
 * is refused is counted and passed, because it will be the same the next time. */
#include "fed/fed_int.h"

#include "base/jsonw.h"
#include "base/text.h"
#include "gate/admit.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "store/facts.h"

#define REFUSED_NOTED_MAX 16 /* of one page: a peer must not fill our log of facts */

#define EVENTS_BRIEF (5 * USEC_PER_SEC) /* a stream that ends sooner and gave nothing is no stream */

struct intake {
	struct fed_worker *w;
	struct arena *a;
	uint32_t source;
	uint8_t ceiling;
	bool heard;    /* the stream gave at least one event */
	enum rc rc;    /* of the stream's events */
	struct err *err;
};

/* --- objects --- */

/* Which and why is a fact: the text may quote the object, whose level nobody knows, and a log is read by many. */
static void note_refused(struct fed_worker *w, const struct admitted *a)
{
	char actor[80];
	struct fact f = { .kind = S("fed.refuse"), .subject = a->id };
	struct jsonw j;
	struct buf b;

	snprintf(actor, sizeof actor, "peer:%.*s", STR(w->peer.name));
	buf_init(&b, 4096);
	jsonw_init(&j, &b);
	jsonw_object(&j);
	jsonw_m_str(&j, "message", a->message);
	jsonw_object_end(&j);
	f.actor = str_of(actor);
	f.body = buf_view(&b);
	/* What cannot be noted is refused all the same. */
	if (b.bad == RC_OK)
		(void)!fact_append_soon(w->fed->config.store, &f, NULL);
	buf_done(&b);
}

static void count(struct fed_worker *w, const struct admitted *done, size_t n)
{
	size_t refused = 0;

	for (size_t i = 0; i < n; i++) {
		if (done[i].result == ADMIT_FAILED) {
			if (refused++ < REFUSED_NOTED_MAX)
				note_refused(w, &done[i]);
		} else {
			atomic_fetch_add(done[i].result == ADMIT_DUPLICATE ? &w->repeated : &w->delivered, 1);
		}
	}
	atomic_fetch_add(&w->refused, refused);
	if (refused > 0)
		fed_say(w, true, "%zu of %zu objects are refused here (lianfang audit list DIR fed.refuse)", refused, n);
}

static enum rc admit(struct intake *in, const struct str *raw, const struct json *const *trees, size_t n, struct err *err)
{
	struct fed_worker *w = in->w;
	struct admit_opts o = { .collection = w->link.collection, .source = in->source, .tlp_ceiling = in->ceiling,
				.keep_unknown = true, .default_tlp = w->fed->config.default_tlp,
				.upgrade_20 = w->fed->config.upgrade_20, .trees = trees };
	struct admitted *done;

	if (n == 0)
		return RC_OK;
	arena_reset(in->a);
	TRY(admit_objects(w->fed->config.store, in->a, &o, raw, n, &done, err));
	count(w, done, n);
	return RC_OK;
}

/* --- pages --- */

static enum rc on_page(void *ctx, const struct taxii_page *page, struct err *err)
{
	struct intake *in = ctx;

	for (size_t at = 0; at < page->n; at += FED_BATCH) {
		size_t n = page->n - at < FED_BATCH ? page->n - at : FED_BATCH;

		TRY(admit(in, page->objects + at, page->trees + at, n, err));
	}
	if (in->w->stop)
		return FAIL(err, RC_BUSY, "stopped");
	fed_note_good(in->w);
	return page->added_last[0] != '\0' ? fed_cursor_move(in->w, str_of(page->added_last), err) : RC_OK;
}

/* All versions, so that a revocation never arrives before what it revokes is known to have been. */
static enum rc pages(struct intake *in, struct err *err)
{
	struct fed_worker *w = in->w;
	struct taxii_pull p = { .collection = w->link.their_collection, .match_version = "all", .limit = w->limit };
	struct taxii_cursor cursor = { .after = "" };
	struct taxii_pulled got;
	struct buf root;
	enum rc rc;

	_Static_assert(sizeof cursor.after >= FED_CURSOR_MAX, "a cursor fits");
	memcpy(cursor.after, w->cursor, sizeof w->cursor);
	atomic_store(&w->state, "pulling");
	TRY(fed_client(w, err));
	rc = fed_root_url(w, &root, err);
	p.root_url = buf_view(&root);
	if (rc == RC_OK)
		rc = taxii_pull_run(w->taxii, &p, &cursor, on_page, in, &got, err);
	buf_done(&root);
	if (rc == RC_LIMIT && w->limit > 1)
		w->limit /= 10;
	if (rc != RC_OK)
		return rc;
	w->limit = FED_BATCH;
	/* A server without the X-TAXII headers: the client has found where to go on. */
	return cursor.after[0] != '\0' ? fed_cursor_move(w, str_of(cursor.after), err) : RC_OK;
}

/* --- stream --- */

static enum rc take_objects(struct intake *in, struct str id, struct str data, struct err *err)
{
	struct str raw[FED_BATCH];
	const struct json *trees[FED_BATCH];
	struct arena *a CLEANUP(arena_freep) = arena_new(FED_RESPONSE_MAX);
	const struct json *v, *objects;
	size_t n = 0;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "stream: out of memory");
	if (json_parse(a, data, &JSON_LIMITS, &v, err) != RC_OK) {
		err_prefix(err, "stream");
		return RC_PEER;
	}
	objects = json_get(v, S("objects"));
	if (!json_is(objects, JSON_ARRAY) || objects->n > FED_BATCH)
		return FAIL(err, RC_PEER, "stream: event without objects");
	JSON_EACH(o, objects) {
		raw[n] = json_raw(o, data);
		trees[n++] = o;
	}
	TRY(admit(in, raw, trees, n, err));
	return fed_cursor_move(in->w, id, err);
}

static enum rc take_event(struct intake *in, struct str id, struct str event, struct str data, struct err *err)
{
	if (str_eq(event, S("objects")))
		return take_objects(in, id, data, err);
	/* "begin": where the stream begins, which is news when the digests agreed. */
	if (str_eq(event, S("begin")) && id.n > 0)
		return fed_cursor_move(in->w, id, err);
	return RC_OK;
}

static bool on_event(void *ctx, struct str id, struct str event, struct str data)
{
	struct intake *in = ctx;

	in->rc = take_event(in, id, event, data, in->err);
	if (in->rc == RC_OK) {
		in->heard = true;
		fed_note_good(in->w);
	}
	return in->rc == RC_OK && !in->w->stop;
}

/* Our own content, for a peer that may hold the same. */
static void put_digest(struct fed_worker *w, struct buf *url)
{
	unsigned char digest[32];
	uint64_t n;

	if (w->cursor[0] != '\0' || store_digest(w->fed->config.store, w->link.collection, UINT32_MAX, &n, digest, NULL) != RC_OK)
		return;
	buf_fmt(url, "?count=%llu&digest=", (unsigned long long)n);
	hex_put(url, str_make((char *)digest, sizeof digest));
}

static enum rc listen_to(struct intake *in, const char *url, struct err *err)
{
	struct fed_worker *w = in->w;
	struct httpc *h = NULL;
	struct err why = { 0 }; /* of our own refusal: the client's words are only that we had enough */
	enum rc rc = httpc_new(&w->http, &h, err);

	in->rc = RC_OK;
	in->err = &why;
	in->heard = false;
	if (rc == RC_OK)
		rc = httpc_events(h, url, w->cursor, FED_SILENCE, &w->stop, on_event, in, err);
	httpc_free(h);
	in->err = NULL;
	return in->rc != RC_OK ? FAIL(err, in->rc, "%s", why.text) : rc;
}

/* From the cursor; without one from the peer's start, or with `compare` from its end when both hold the same
 * (RC_CONFLICT: they do not). */
static enum rc stream(struct intake *in, bool compare, struct err *err)
{
	struct fed_worker *w = in->w;
	usec begun = time_mono();
	struct buf url;
	enum rc rc = fed_own_url(w, "stream", &url, err);

	if (rc == RC_OK) {
		if (compare)
			put_digest(w, &url);
		rc = buf_check(&url, err, "peer address");
	}
	if (rc == RC_OK) {
		atomic_store(&w->state, "streaming");
		rc = listen_to(in, url.p, err);
	}
	buf_done(&url);
	/* A peer that is put right again ends its streams in good order: come again at once, unless it does only that. */
	if (rc == RC_OK && !w->stop && !in->heard && time_mono() - begun < EVENTS_BRIEF)
		return FAIL(err, RC_PEER, "the event stream ends as soon as it begins");
	return rc;
}

/* --- the round --- */

static enum rc find_ceiling(struct intake *in, struct err *err)
{
	const struct fed_worker *w = in->w;
	struct collection *list;
	size_t n;

	arena_reset(in->a);
	TRY(collection_list(w->fed->config.store, S(""), in->a, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		if (list[i].row == w->link.collection) {
			in->ceiling = list[i].tlp_max < w->link.tlp_max ? list[i].tlp_max : w->link.tlp_max;
			return RC_OK;
		}
	return FAIL(err, RC_NOTFOUND, "our collection %u of this link is gone", w->link.collection);
}

static enum rc prepare(struct intake *in, struct err *err)
{
	char source[100];

	snprintf(source, sizeof source, "peer:%.*s", STR(in->w->peer.name));
	TRY(find_ceiling(in, err));
	return store_source_id(in->w->fed->config.store, str_of(source), &in->source, err);
}

/* The ways a server says that it knows nothing of streams; with a page from it in hand also a refusal. */
static bool has_no_stream(enum rc rc, bool paged)
{
	return rc == RC_NOTFOUND || rc == RC_UNSUPPORTED || (rc == RC_DENIED && paged);
}

static bool wants_stream(const struct fed_worker *w)
{
	return !w->pages_first && time_mono() >= w->no_stream_until;
}

/* An empty collection of ours has nothing to compare: pages are the quicker way to fill it. */
static bool holds_something(const struct fed_worker *w)
{
	unsigned char digest[32];
	uint64_t n = 0;

	return w->cursor[0] != '\0' ||
	       (store_digest(w->fed->config.store, w->link.collection, UINT32_MAX, &n, digest, NULL) == RC_OK && n > 0);
}

static enum rc run_round(struct intake *in, struct err *err)
{
	struct fed_worker *w = in->w;
	enum rc rc;

	TRY(prepare(in, err));
	w->pause = FED_BACKOFF_LEAST;
	if (wants_stream(w) && holds_something(w)) {
		rc = stream(in, true, err);
		if (rc != RC_CONFLICT && !has_no_stream(rc, false)) {
			w->pages_first = rc != RC_OK;
			return rc;
		}
		if (rc != RC_CONFLICT)
			w->no_stream_until = time_mono() + FED_STREAM_AGAIN;
	}
	TRY(pages(in, err));
	w->pages_first = false;
	if (wants_stream(w)) {
		rc = stream(in, false, err);
		w->pages_first = rc != RC_OK;
		if (!has_no_stream(rc, true))
			return rc;
		w->no_stream_until = time_mono() + FED_STREAM_AGAIN;
		w->pages_first = false;
	}
	w->pause = FED_POLL;
	return RC_OK;
}

enum rc fed_pull_round(struct fed_worker *w, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(FED_RESPONSE_MAX);
	struct intake in = { .w = w, .a = a };

	return a == NULL ? FAIL(err, RC_NOMEM, "pull: out of memory") : run_round(&in, err);
}
