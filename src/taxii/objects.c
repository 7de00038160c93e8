/* Reading: objects, manifest, one object, its versions (TAXII 2.1 §5.3, 5.4, 5.6, 5.8). */
#include "base/jsonw.h"
#include "taxii/media.h"
#include "taxii/serve.h"

/* Pages in a row that the gate may empty before we hand the client an empty one. */
#define EMPTY_PAGES_MAX 16

/* Both STIX versions, for questions about an object as a whole. */
static const uint8_t every_spec[] = { 20, 21 };

/* One reading request: the filter, the query it became and the page it gave. */
struct reading {
	struct taxii_call *k;
	struct filter f;
	struct page_query q;
	struct page *page; /* in the request's arena */
	struct str bound_to; /* what a token of this request is sealed for */
};

/* Everything but position and limit that makes a page: a token fits only where all of it is the same. */
static bool bind_token(struct reading *rd)
{
	struct taxii_call *k = rd->k;
	struct str filters = filter_text(&rd->f, k->r->arena);
	struct str head = arena_fmt(k->r->arena, "%u %d %zu:%.*s %d %zu:%.*s %zu:", k->coll.row, (int)k->v->kind, k->v->name.n,
				    STR(k->v->name), (int)k->route.endpoint, k->route.object.n, STR(k->route.object), filters.n);
	char *text;

	if (head.p == NULL || filters.p == NULL)
		return false;
	text = arena_alloc(k->r->arena, head.n + filters.n);
	if (text == NULL)
		return false;
	memcpy(text, head.p, head.n);
	memcpy(text + head.n, filters.p, filters.n);
	rd->bound_to = str_make(text, head.n + filters.n);
	return true;
}

static enum rc read_filter(struct reading *rd, unsigned fields, struct err *err)
{
	struct taxii_call *k = rd->k;
	usec position;

	TRY(filter_read(k->r, fields, &rd->f, err));
	rd->q = (struct page_query){ .collection = k->coll.row, .max_bytes = k->t->c.max_response };
	filter_apply(&rd->f, &rd->q);
	rd->q.limit = (uint32_t)k->root.page_size;
	if (rd->f.limit < rd->q.limit)
		rd->q.limit = rd->f.limit;
	if ((rd->f.given & FIELD_NEXT) == 0)
		return RC_OK;
	if (!bind_token(rd))
		return FAIL(err, RC_NOMEM, "next: no memory");
	if (!token_read(k->t->key, rd->f.next, rd->bound_to, &position))
		return FAIL(err, RC_BAD, "next: not made by this server for this user, collection and filters");
	if (position > rd->q.added_after)
		rd->q.added_after = position;
	return RC_OK;
}

static enum rc page_of(struct reading *rd, struct page_query *q, struct err *err)
{
	struct taxii_call *k = rd->k;

	return gate_page(k->store, k->v, PATH_TAXII, k->coll.tlp_max, k->coll.id, q, rd->page, err);
}

/* Reads the page; over stretches that the gate empties, on to the next. */
static enum rc read_page(struct reading *rd, struct err *err)
{
	rd->page = arena_alloc(rd->k->r->arena, sizeof *rd->page);
	if (rd->page == NULL)
		return FAIL(err, RC_NOMEM, "page: no memory");
	for (int i = 0;; i++) {
		TRY(page_of(rd, &rd->q, err));
		if (rd->page->n > 0 || !rd->page->more || rd->page->last <= rd->q.added_after || i == EMPTY_PAGES_MAX)
			return RC_OK;
		rd->q.added_after = rd->page->last;
		page_done(rd->page);
	}
}

static usec page_position(const struct page *p)
{
	usec last = p->n > 0 ? p->entries[p->n - 1].added : 0;

	return p->last > last ? p->last : last;
}

/* Opens the envelope: {"more":…,"next":"…", - and nothing at all for an empty last page (TAXII 2.1 §3.7). */
static void put_head(struct reading *rd, struct buf *b)
{
	const struct page *p = rd->page;

	buf_char(b, '{');
	if (p->n == 0 && !p->more)
		return;
	buf_cstr(b, p->more ? "\"more\":true" : "\"more\":false");
	if (p->more && page_position(p) > 0 && (rd->bound_to.p != NULL || bind_token(rd))) {
		buf_cstr(b, ",\"next\":\"");
		token_make(rd->k->t->key, page_position(p), rd->bound_to, b);
		buf_char(b, '"');
	}
	if (p->n > 0)
		buf_char(b, ',');
}

static void release_page(void *arg)
{
	page_done(arg);
}

/* The envelope around the page's bodies, which are sent from where they lie. */
static void send_objects(struct reading *rd)
{
	struct taxii_call *k = rd->k;
	struct page *p = rd->page;
	struct http_piece *piece = NULL;
	struct str head;
	size_t n = 0;

	put_head(rd, &k->res->body);
	if (p->n == 0) {
		buf_char(&k->res->body, '}');
		page_done(p);
		reply_json(k, 200);
		return;
	}
	buf_cstr(&k->res->body, "\"objects\":[");
	reply_dates(k, p->entries[0].added, p->entries[p->n - 1].added);
	piece = arena_array(k->r->arena, 2 * p->n_runs + 1, sizeof *piece);
	head = arena_dup(k->r->arena, buf_view(&k->res->body));
	if (piece == NULL || head.p == NULL || k->res->body.bad != RC_OK) {
		page_done(p);
		reply_status(k, 503, "");
		return;
	}
	buf_clear(&k->res->body);
	piece[n++] = (struct http_piece){ head.p, head.n };
	for (size_t i = 0; i < p->n_runs; i++) {
		piece[n++] = (struct http_piece){ p->runs[i].p, p->runs[i].n };
		piece[n++] = i + 1 < p->n_runs ? (struct http_piece){ ",", 1 } : (struct http_piece){ "]}", 2 };
	}
	k->res->pieces = piece;
	k->res->n_pieces = n;
	k->res->release = release_page;
	k->res->release_arg = p;
	reply_json(k, 200);
}

static struct str shown_version(struct str version)
{
	return version.n > 0 ? version : S(VERSION_OF_UNVERSIONED);
}

static void put_manifest(struct jsonw *w, const struct page_entry *e)
{
	jsonw_object(w);
	jsonw_m_str(w, "id", e->id);
	jsonw_m_time(w, "date_added", e->added);
	jsonw_m_str(w, "version", shown_version(e->version));
	jsonw_m_cstr(w, "media_type", e->spec == 20 ? STIX_MEDIA_20 : STIX_MEDIA_21);
	jsonw_object_end(w);
}

static void put_version(struct jsonw *w, const struct page_entry *e)
{
	jsonw_str(w, shown_version(e->version));
}

/* A list made from the entries themselves. */
static void send_list(struct reading *rd, const char *name, void (*put)(struct jsonw *w, const struct page_entry *e))
{
	struct taxii_call *k = rd->k;
	struct page *p = rd->page;
	struct jsonw w;

	put_head(rd, &k->res->body);
	if (p->n > 0) {
		buf_fmt(&k->res->body, "\"%s\":", name);
		jsonw_init(&w, &k->res->body);
		jsonw_array(&w);
		for (size_t i = 0; i < p->n; i++)
			put(&w, &p->entries[i]);
		jsonw_array_end(&w);
		reply_dates(k, p->entries[0].added, p->entries[p->n - 1].added);
	}
	buf_char(&k->res->body, '}');
	page_done(p);
	reply_json(k, 200);
}

/* An object that has no entry in this page may still be there, outside the filter: then the page is empty, not missing. */
static bool object_exists(struct reading *rd)
{
	struct page_query q = { .collection = rd->q.collection, .added_after = INT64_MIN, .ids = rd->q.ids, .n_ids = rd->q.n_ids,
				.specs = every_spec, .n_specs = COUNTOF(every_spec), .want_all = true,
				.limit = (uint32_t)rd->k->root.page_size };
	bool found;

	if (page_of(rd, &q, NULL) != RC_OK)
		return false;
	found = rd->page->n > 0;
	page_done(rd->page);
	*rd->page = (struct page){ .n = 0 };
	return found;
}

/* Common to all four: filter, object id, page. False: replied. */
static bool run(struct reading *rd, struct taxii_call *k, unsigned fields, bool bodies)
{
	struct err err = { 0 };
	enum rc rc;

	*rd = (struct reading){ .k = k };
	rc = read_filter(rd, fields, &err);
	if (rc == RC_OK) {
		rd->q.bodies = bodies;
		if (k->route.object.n > 0) {
			rd->q.ids = &k->route.object;
			rd->q.n_ids = 1;
		}
		if (k->route.endpoint == EP_VERSIONS)
			rd->q.want_all = true;
		rc = read_page(rd, &err);
	}
	if (rc != RC_OK) {
		reply_failure(k, rc, &err);
		return false;
	}
	if (k->route.object.n > 0 && rd->page->n == 0 && !rd->page->more) {
		page_done(rd->page);
		*rd->page = (struct page){ .n = 0 };
		if (!object_exists(rd)) {
			reply_status(k, 404, "There is no such object, or you may not know of it.");
			return false;
		}
	}
	return true;
}

void handle_objects(struct taxii_call *k)
{
	struct reading rd;

	if (run(&rd, k, FIELDS_ALL, true))
		send_objects(&rd);
}

void handle_object(struct taxii_call *k)
{
	struct reading rd;

	if (run(&rd, k, FIELDS_PAGING | FIELD_VERSION | FIELD_SPEC, true))
		send_objects(&rd);
}

void handle_manifest(struct taxii_call *k)
{
	struct reading rd;

	if (run(&rd, k, FIELDS_ALL, false))
		send_list(&rd, "objects", put_manifest);
}

void handle_versions(struct taxii_call *k)
{
	struct reading rd;

	if (run(&rd, k, FIELDS_PAGING | FIELD_SPEC, false))
		send_list(&rd, "versions", put_version);
}
