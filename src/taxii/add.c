/* Writing: adding objects, their status, deleting (TAXII 2.1 §4.3, 5.5, 5.7).
 *
 * An envelope is parsed once; its objects go on as trees and as slices of the
 * body. All is done before the reply, so every status we make is `complete`. */
#include "base/jsonw.h"
#include "base/uuid.h"
#include "gate/admit.h"
#include "store/facts.h"
#include "taxii/media.h"
#include "taxii/serve.h"

#define BATCH_MAX 10000
#define DEPTH_MAX 66 /* an object's 64 and the envelope's two */
/* A node of text that means something has more bytes than this; a body of empty
 * brackets shall not cost a multiple of its size in memory. */
#define BYTES_PER_NODE 3
#define UPKEEP_EVERY (10 * 60 * USEC_PER_SEC)
#define EXPLAINED "While processing supplied content, an error occurred"

struct adding {
	struct taxii_call *k;
	struct arena *a;
	struct str *raw;
	const struct json **trees;
	struct admitted *done;
	size_t n;
	char id[UUID_TEXT_LEN + 1];
};

static enum rc read_envelope(struct adding *ad, struct err *err)
{
	struct str body = ad->k->r->body;
	struct json_limits limits = { body.n, DEPTH_MAX, (uint32_t)(body.n / BYTES_PER_NODE) + 64 };
	const struct json *root, *objects;

	TRY(json_parse(ad->a, body, &limits, &root, err));
	if (!json_is(root, JSON_OBJECT))
		return FAIL(err, RC_UNSUPPORTED, "not an envelope: a JSON object is needed");
	objects = json_get(root, S("objects"));
	if (!json_is(objects, JSON_ARRAY) || objects->n == 0)
		return FAIL(err, RC_UNSUPPORTED, "not an envelope: `objects` must be a list that is not empty");
	ad->raw = arena_array(ad->a, objects->n, sizeof *ad->raw);
	ad->trees = arena_array(ad->a, objects->n, sizeof *ad->trees);
	ad->done = arena_array(ad->a, objects->n, sizeof *ad->done);
	if (ad->raw == NULL || ad->trees == NULL || ad->done == NULL)
		return FAIL(err, RC_NOMEM, "envelope: no memory");
	JSON_EACH(item, objects) {
		ad->raw[ad->n] = json_raw(item, body);
		ad->trees[ad->n++] = item;
	}
	return RC_OK;
}

static enum rc admit_all(struct adding *ad, struct err *err)
{
	struct taxii_call *k = ad->k;
	struct admit_opts o = { .collection = k->coll.row, .tlp_ceiling = k->coll.tlp_max, .default_tlp = k->t->c.default_tlp,
				 .strict = k->t->c.strict, .upgrade_20 = k->t->c.upgrade_20 };
	struct str source = viewer_actor(k->v, ad->a);

	TRY(store_source_id(k->store, source, &o.source, err));
	for (size_t at = 0; at < ad->n; at += BATCH_MAX) {
		size_t n = ad->n - at < BATCH_MAX ? ad->n - at : BATCH_MAX;
		struct admitted *part;

		o.trees = ad->trees + at;
		TRY(admit_objects(k->store, ad->a, &o, ad->raw + at, n, &part, err));
		memcpy(ad->done + at, part, n * sizeof *part);
	}
	return RC_OK;
}

static void put_details(struct jsonw *w, const char *name, const struct adding *ad, bool failed)
{
	bool open = false;

	for (size_t i = 0; i < ad->n; i++) {
		const struct admitted *d = &ad->done[i];

		if ((d->result == ADMIT_FAILED) != failed)
			continue;
		if (!open) {
			jsonw_name(w, name);
			jsonw_array(w);
			open = true;
		}
		jsonw_object(w);
		jsonw_m_str(w, "id", d->id.n > 0 ? d->id : S("unknown"));
		jsonw_m_str(w, "version", d->version.n > 0 ? d->version : S(VERSION_OF_UNVERSIONED));
		if (d->message.n > 0)
			jsonw_m_str(w, "message", d->message);
		else if (d->result == ADMIT_DUPLICATE)
			jsonw_m_cstr(w, "message", "This version is here already.");
		jsonw_object_end(w);
	}
	if (open)
		jsonw_array_end(w);
}

static void put_status(struct adding *ad, struct buf *out)
{
	struct jsonw w;
	int64_t failed = 0;

	for (size_t i = 0; i < ad->n; i++)
		failed += ad->done[i].result == ADMIT_FAILED;
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "id", ad->id);
	jsonw_m_cstr(&w, "status", "complete");
	jsonw_m_time(&w, "request_timestamp", time_now());
	jsonw_m_int(&w, "total_count", (int64_t)ad->n);
	jsonw_m_int(&w, "success_count", (int64_t)ad->n - failed);
	if (ad->n <= TAXII_STATUS_LISTED)
		put_details(&w, "successes", ad, false);
	jsonw_m_int(&w, "failure_count", failed);
	if (failed > 0)
		put_details(&w, "failures", ad, true);
	jsonw_m_int(&w, "pending_count", 0);
	jsonw_object_end(&w);
}

/* Old statuses go now and then, in the wake of a new one. */
static void upkeep(struct taxii_server *t)
{
	usec now = time_now(), last = atomic_load(&t->expired_at);

	if (now - last < UPKEEP_EVERY || !atomic_compare_exchange_strong(&t->expired_at, &last, now))
		return;
	if (status_expire(t->c.store, now - TAXII_STATUS_KEPT, NULL) != RC_OK)
		atomic_store(&t->expired_at, last);
}

static enum rc add(struct adding *ad, struct err *err)
{
	struct taxii_call *k = ad->k;
	struct status_row row = { .root = k->root.name, .created = time_now() };
	struct uuid u;

	TRY(read_envelope(ad, err));
	TRY(admit_all(ad, err));
	uuid_v4(&u);
	row.id = uuid_format(&u, ad->id);
	row.user = viewer_actor(k->v, ad->a);
	put_status(ad, &k->res->body);
	TRY(buf_check(&k->res->body, err, "status"));
	row.body = buf_view(&k->res->body);
	return status_put(k->store, &row, err);
}

void handle_add(struct taxii_call *k)
{
	struct adding ad = { .k = k };
	struct err err = { 0 };
	struct filter f;
	enum rc rc;

	if (!media_is_taxii(http_header(k->r, "Content-Type"))) {
		reply_status(k, 415, "Send " TAXII_MEDIA " with a matching Content-Type.");
		return;
	}
	if (k->r->body.n > (size_t)k->root.max_content_length) {
		reply_status(k, 413, "The body is longer than max_content_length of this API root.");
		return;
	}
	rc = filter_read(k->r, 0, &f, &err);
	if (rc != RC_OK) {
		reply_failure(k, rc, &err);
		return;
	}
	ad.a = arena_new(k->r->body.n * 24 + ((size_t)1 << 20));
	rc = ad.a == NULL ? RC_NOMEM : add(&ad, &err);
	if (rc == RC_OK) {
		reply_json(k, 202);
		upkeep(k->t);
	} else if (rc == RC_UNSUPPORTED || rc == RC_BAD) {
		err_prefix(&err, EXPLAINED);
		reply_status(k, rc == RC_BAD ? 400 : 422, err.text);
	} else {
		reply_failure(k, rc, &err);
	}
	arena_free(ad.a);
}

void handle_status(struct taxii_call *k)
{
	struct err err = { 0 };
	struct status_row row;
	enum rc rc = status_get(k->store, k->root.name, k->route.status, k->r->arena, &row, &err);
	struct str actor = viewer_actor(k->v, k->r->arena);

	/* A status without an owner came with a data set and is for every member. */
	if (rc == RC_OK && row.user.n > 0 && !str_eq(row.user, actor) && !str_eq(k->v->role, S("admin")) && k->v->kind != VIEWER_LOCAL)
		rc = RC_NOTFOUND;
	if (rc == RC_OK) {
		buf_str(&k->res->body, row.body);
		reply_json(k, 200);
	} else if (rc == RC_NOTFOUND) {
		reply_status(k, 404, "There is no such status, or it is not yours.");
	} else {
		reply_failure(k, rc, &err);
	}
}

static void note_deletion(struct taxii_call *k, uint64_t removed)
{
	struct str actor = viewer_actor(k->v, k->r->arena), body;
	struct fact f = { .kind = S("object.delete"), .actor = actor, .subject = k->route.object };

	body = arena_fmt(k->r->arena, "{\"collection\":\"%.*s\",\"versions\":%llu}", STR(k->coll.id), (unsigned long long)removed);
	f.body = body;
	if (body.p == NULL || fact_append(k->store, &f, NULL) != RC_OK)
		gate_refused(k->store, k->v, PATH_TAXII, k->route.object, "deleted, but the fact could not be written");
}

void handle_delete(struct taxii_call *k)
{
	static const uint8_t every_spec[] = { 20, 21 };
	struct err err = { 0 };
	struct filter f;
	struct page_query q = { 0 };
	uint64_t removed = 0;
	enum rc rc = filter_read(k->r, FIELD_VERSION | FIELD_SPEC, &f, &err);

	if (rc == RC_OK) {
		filter_apply(&f, &q);
		q.collection = k->coll.row;
		q.ids = &k->route.object;
		q.n_ids = 1;
		q.limit = PAGE_LIMIT_MAX;
		q.tlp_mask = gate_mask(k->v, k->coll.tlp_max);
		if (q.n_specs == 0) {
			q.specs = every_spec;
			q.n_specs = COUNTOF(every_spec);
		}
		/* Without match[version] the whole object goes: TAXII 2.1 §5.7 wants a later fetch to find nothing. */
		q.want_all |= (f.given & FIELD_VERSION) == 0;
		rc = store_delete(k->store, &q, &removed, &err);
	}
	if (rc == RC_OK) {
		note_deletion(k, removed);
		reply_json(k, 200);
	} else if (rc == RC_NOTFOUND) {
		reply_status(k, 404, "There is no such object, or you may not know of it.");
	} else {
		reply_failure(k, rc, &err);
	}
}
