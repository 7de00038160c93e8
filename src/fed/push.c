/* Our collection to theirs. The collection behind the cursor is the outbox: the
 * cursor moves after the peer's 202, which it gives after its own disk has the
 * objects. A repeat after a cut finds id and version known there and changes
 * nothing, so every object has its effect once.
 *
 * What the peer refuses object by object (its status says so) is counted and passed.
 * A server that refuses whole envelopes because of one object would hold up all
 * others: after some tries its objects are sent in halves down to single ones, and
 * what is then refused alone is passed too - unless nothing of the page is taken,
 * because then it is not the objects that are wrong. */
#include "fed/fed_int.h"

#include "gate/gate.h"

#define PUSH_BYTES ((size_t)4 << 20)

struct sending {
	struct fed_worker *w;
	struct taxii_push p;
	bool one_by_one;
	uint64_t success, refused;
	char why[200]; /* the peer's words on the first refusal */
};

static void note_refusal(struct sending *s, struct str why)
{
	if (s->why[0] == '\0')
		snprintf(s->why, sizeof s->why, "%.*s", STR(str_slice(why, 0, sizeof s->why - 1)));
}

static void on_refused(void *ctx, struct str id, struct str version, struct str message)
{
	(void)id;
	(void)version;
	note_refusal(ctx, message.n > 0 ? message : S("no reason given"));
}

/* Recursion: the logarithm of FED_BATCH deep. */
static enum rc send(struct sending *s, const struct str *objects, size_t n, struct err *err)
{
	struct taxii_pushed done = { 0 };
	enum rc rc = taxii_push_run(s->w->taxii, &s->p, objects, n, &done, err);

	if (rc == RC_BAD && s->one_by_one) {
		if (n > 1) {
			TRY(send(s, objects, n / 2, err));
			return send(s, objects + n / 2, n - n / 2, err);
		}
		note_refusal(s, str_of(err->text));
		s->refused++;
		return RC_OK;
	}
	if (rc == RC_OK && done.pending > 0)
		return FAIL(err, RC_BUSY, "%llu objects are still pending there", (unsigned long long)done.pending);
	s->success += done.success;
	s->refused += done.failure;
	return rc;
}

static void tell(struct sending *s)
{
	atomic_fetch_add(&s->w->delivered, s->success);
	atomic_fetch_add(&s->w->refused, s->refused);
	/* The peer's words, not the object's: they name nothing that is not theirs to say. */
	if (s->refused > 0)
		fed_say(s->w, true, "refuses %llu objects, the first: %s", (unsigned long long)s->refused, s->why);
}

static enum rc send_page(struct fed_worker *w, struct str root_url, const struct page *page, struct err *err)
{
	struct sending s = { .w = w, .one_by_one = w->poison_tries >= FED_POISON_TRIES };
	struct str bodies[FED_BATCH];
	enum rc rc;

	s.p = (struct taxii_push){ .root_url = root_url, .collection = w->link.their_collection, .max_objects = FED_BATCH,
				   .max_content_length = w->content_max, .on_failure = on_refused, .ctx = &s };
	for (size_t i = 0; i < page->n; i++)
		bodies[i] = page->entries[i].body;
	rc = send(&s, bodies, page->n, err);
	if (rc == RC_OK && s.one_by_one && s.success == 0 && page->n > 1)
		rc = FAIL(err, RC_BAD, "takes nothing: %s", s.why);
	w->poison_tries = rc == RC_BAD ? w->poison_tries + 1 : 0;
	if (rc == RC_OK)
		tell(&s);
	return rc;
}

/* Asked once for each connection, not before each envelope. */
static enum rc learn_limits(struct fed_worker *w, struct str root_url, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct taxii_root info = { .max_content_length = 0 };

	if (w->content_max > 0)
		return RC_OK;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "push: out of memory");
	TRY(taxii_root_info(w->taxii, root_url, a, &info, err));
	w->content_max = info.max_content_length;
	return RC_OK;
}

/* `*ret_more`: something was sent, so there may be more. */
static enum rc push_page(struct fed_worker *w, struct str root_url, bool *ret_more, struct err *err)
{
	const struct viewer peer = { .kind = VIEWER_PEER, .name = w->peer.name, .account = S(""), .role = S("peer"), .org = w->peer.name,
				     .tlp_max = w->peer.tlp_max };
	struct page_query q = { .collection = w->link.collection, .added_after = INT64_MIN, .want_all = true, .limit = FED_BATCH,
				.max_bytes = PUSH_BYTES, .bodies = true };
	char text[TIME_TEXT_MAX];
	struct page page;
	enum rc rc = RC_OK;

	if (w->cursor[0] != '\0')
		TRY(time_parse(str_of(w->cursor), &q.added_after, NULL, err));
	TRY(gate_page(w->fed->config.store, &peer, PATH_PUSH, w->link.tlp_max, str_of(w->key), &q, &page, err));
	if (page.n > 0) {
		atomic_store(&w->state, "pushing");
		rc = learn_limits(w, root_url, err);
		if (rc == RC_OK)
			rc = send_page(w, root_url, &page, err);
	}
	if (rc == RC_OK && page.last != 0)
		rc = fed_cursor_move(w, time_format(page.last, text), err);
	*ret_more = page.n > 0;
	page_done(&page);
	return rc;
}

enum rc fed_push_round(struct fed_worker *w, struct err *err)
{
	struct buf root_url;
	bool more = true;
	enum rc rc = fed_root_url(w, &root_url, err);

	w->pause = 10 * FED_POLL; /* the bell ends it */
	if (rc == RC_OK)
		rc = fed_client(w, err);
	while (rc == RC_OK && more && !w->stop)
		rc = push_page(w, buf_view(&root_url), &more, err);
	buf_done(&root_url);
	return rc;
}
