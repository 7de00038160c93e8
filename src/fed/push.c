/* Our collection to theirs. The collection behind the cursor is the outbox: the
 * cursor moves after the peer's 202, which it gives after its own disk has the
 * objects. A repeat after a cut finds id and version known there and changes
 * nothing, so every object has its effect once. */
#include "fed/fed_int.h"

#include "gate/gate.h"

static void on_refused(void *ctx, struct str id, struct str version, struct str message)
{
	struct fed_worker *w = ctx;
	char name[80], text[300];

	(void)version;
	(void)id;
	atomic_fetch_add(&w->failures, 1);
	snprintf(name, sizeof name, "%.*s", STR(w->peer.name));
	/* The peer's words, not the object's: they may name nothing that is not theirs to say. */
	snprintf(text, sizeof text, "refused an object: %.200s", message.n > 0 ? message.p : "");
	if (w->fed->config.log != NULL)
		w->fed->config.log(w->fed->config.ctx, name, true, text);
}

static enum rc send_page(struct fed_worker *w, struct taxii_client *t, struct str root_url, const struct page *page, struct err *err)
{
	struct taxii_push p = { .root_url = root_url, .collection = w->link.their_collection, .max_objects = FED_BATCH,
				.on_failure = on_refused, .ctx = w };
	struct taxii_pushed done = { 0 };
	struct str bodies[FED_BATCH];

	for (size_t i = 0; i < page->n; i++)
		bodies[i] = page->entries[i].body;
	TRY(taxii_push_run(t, &p, bodies, page->n, &done, err));
	if (done.pending > 0)
		return FAIL(err, RC_BUSY, "%llu objects are still pending there", (unsigned long long)done.pending);
	atomic_fetch_add(&w->delivered, done.success);
	return RC_OK;
}

/* RC_NOTFOUND: nothing is left to send. */
static enum rc push_page(struct fed_worker *w, struct taxii_client *t, struct str root_url, usec *cursor, struct err *err)
{
	const struct viewer peer = { .kind = VIEWER_PEER, .name = w->peer.name, .role = { "peer", 4 }, .org = w->peer.name,
				     .tlp_max = w->peer.tlp_max };
	struct page_query q = { .collection = w->link.collection, .added_after = *cursor, .want_all = true, .limit = FED_BATCH,
				.max_bytes = (size_t)4 << 20, .bodies = true };
	char text[TIME_TEXT_MAX];
	struct page page;
	enum rc rc = RC_OK;

	TRY(gate_page(w->fed->config.store, &peer, PATH_PUSH, fed_ceiling(w), S("push"), &q, &page, err));
	if (page.n > 0) {
		atomic_store(&w->state, "pushing");
		rc = send_page(w, t, root_url, &page, err);
	}
	if (rc == RC_OK && page.last != 0) {
		*cursor = page.last;
		time_format(page.last, text);
		rc = fed_cursor_save(w, text, err);
	}
	if (rc == RC_OK && !page.more && page.n == 0)
		rc = RC_NOTFOUND;
	page_done(&page);
	return rc;
}

enum rc fed_push_round(struct fed_worker *w, struct err *err)
{
	struct taxii_client *t = NULL;
	struct buf root_url;
	char text[64];
	usec cursor = INT64_MIN;
	enum rc rc = fed_cursor_load(w, text, err);

	if (rc == RC_OK && text[0] != '\0')
		rc = time_parse(str_of(text), &cursor, NULL, err);
	if (rc != RC_OK)
		return rc;
	rc = fed_root_url(w, &root_url, err);
	if (rc == RC_OK)
		rc = fed_client(w, &t, err);
	while (rc == RC_OK && !w->stop)
		rc = push_page(w, t, buf_view(&root_url), &cursor, err);
	taxii_client_free(t);
	buf_done(&root_url);
	return rc == RC_NOTFOUND ? RC_OK : rc;
}
