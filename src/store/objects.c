/* The public calls on objects: arguments are checked here, changes wait for the
 * object writer's shared commit, listeners run on its thread after each. */
#include "store/objects.h"

#include "base/mem.h"
#include "store/internal.h"

#define BATCH_MAX 10000
#define CLEAR_PIECE 2000 /* entries in one step of emptying a collection */
#define LIST_MAX 10000 /* entries in one list of a query */

static enum rc objects_begin(struct store *s, struct err *err)
{
	s->events.n = 0;
	return s->object_ops->begin(s, err);
}

static enum rc objects_commit(struct store *s, struct err *err)
{
	return s->object_ops->commit(s, err);
}

static void objects_rollback(struct store *s)
{
	s->events.n = 0;
	s->object_ops->rollback(s);
}

static void tell_listeners(struct store *s)
{
	if (s->events.n == 0)
		return;
	pthread_mutex_lock(&s->listen_lock);
	for (size_t i = 0; i < s->n_listeners; i++)
		s->listeners[i].fn(s->listeners[i].ctx, s->events.p, s->events.n);
	pthread_mutex_unlock(&s->listen_lock);
	s->events.n = 0;
}

static void objects_idle(struct store *s)
{
	if (s->object_ops->idle != NULL)
		s->object_ops->idle(s);
}

static const struct writer_ops OBJECT_WRITER = {
	.name = "store-objects",
	.begin = objects_begin,
	.commit = objects_commit,
	.rollback = objects_rollback,
	.committed = tell_listeners,
	.idle = objects_idle,
};

enum rc objects_open(struct store *s, struct err *err)
{
	s->object_ops = s->url == NULL ? &OBJLOG_OPS : &OBJECTS_PG_OPS;
	TRY(s->object_ops->open(s, err));
	return s->read_only ? RC_OK : writer_start(s, &OBJECT_WRITER, &s->object_writer, err);
}

void objects_close(struct store *s)
{
	writer_stop(s->object_writer);
	s->object_writer = NULL;
	if (s->objects != NULL)
		s->object_ops->close(s);
	mem_free(s->events.p);
	s->events = (struct event_list){ 0 };
}

static enum rc put_job(struct store *s, void *ctx, struct err *err)
{
	return s->object_ops->put(s, ctx, &s->events, err);
}

static enum rc check_batch(const struct object_batch *b, struct err *err)
{
	if (b->n < 1 || b->n > BATCH_MAX)
		return FAIL(err, RC_LIMIT, "objects: a batch has 1 to %d objects, not %zu", BATCH_MAX, b->n);
	for (size_t i = 1; b->date_added != NULL && i < b->n; i++)
		if (b->date_added[i] < b->date_added[i - 1])
			return FAIL(err, RC_BAD, "objects: date_added of object %zu is before that of the one before", i);
	return RC_OK;
}

enum rc store_put(struct store *s, struct object_batch *b, struct err *err)
{
	TRY(check_batch(b, err));
	if (b->received == 0)
		b->received = time_now();
	return writer_do(s->object_writer, put_job, b, err);
}

static enum rc check_query(const struct page_query *q, struct err *err)
{
	if (q->n_ids > LIST_MAX || q->n_types > LIST_MAX || q->n_specs > LIST_MAX || q->n_versions > LIST_MAX)
		return FAIL(err, RC_LIMIT, "objects: a list in the query has more than %d entries", LIST_MAX);
	for (size_t i = 0; i < q->n_versions; i++) {
		usec t;

		if (q->versions[i].n > 0)
			TRY(time_parse(q->versions[i], &t, NULL, err));
	}
	return RC_OK;
}

enum rc store_page(struct store *s, const struct page_query *q, struct page *ret, struct err *err)
{
	*ret = (struct page){ 0 };
	TRY(check_query(q, err));
	if (q->limit < 1 || q->limit > PAGE_LIMIT_MAX)
		return FAIL(err, RC_LIMIT, "objects: a page has 1 to %d objects", PAGE_LIMIT_MAX);
	return s->object_ops->page(s, q, ret, err);
}

void page_done(struct page *p)
{
	struct page_hold *h = p->hold_;

	if (h != NULL)
		h->release(h);
	arena_free(p->arena_);
	*p = (struct page){ 0 };
}

enum rc store_count(struct store *s, const struct page_query *q, uint64_t *ret, struct err *err)
{
	TRY(check_query(q, err));
	return s->object_ops->count(s, q, ret, err);
}

struct removal {
	const struct page_query *q;
	uint64_t removed;
};

static enum rc remove_job(struct store *s, void *ctx, struct err *err)
{
	struct removal *r = ctx;

	return s->object_ops->remove(s, r->q, &r->removed, &s->events, err);
}

enum rc store_delete(struct store *s, const struct page_query *q, uint64_t *ret_removed, struct err *err)
{
	struct removal r = { .q = q };

	TRY(check_query(q, err));
	if (q->n_ids == 0)
		return FAIL(err, RC_BAD, "objects: a removal names its objects");
	TRY(writer_do(s->object_writer, remove_job, &r, err));
	*ret_removed = r.removed;
	return RC_OK;
}

static enum rc clear_piece(struct store *s, const struct page *p, uint32_t collection, uint64_t *ret_removed, struct err *err)
{
	static const uint8_t specs[] = { 20, 21 };
	CLEANUP(mem_freep) struct str *ids = mem_array(p->n, sizeof *ids);
	struct page_query q = { .collection = collection, .added_after = INT64_MIN, .specs = specs, .n_specs = COUNTOF(specs),
				.want_all = true, .tlp_mask = (1u << TLP_LEVELS) - 1, .ids = ids, .n_ids = p->n };

	if (ids == NULL)
		return FAIL(err, RC_NOMEM, "objects: no memory for a removal");
	for (size_t i = 0; i < p->n; i++)
		ids[i] = p->entries[i].id;
	return store_delete(s, &q, ret_removed, err);
}

enum rc store_clear(struct store *s, uint32_t collection, uint64_t *ret_removed, struct err *err)
{
	static const uint8_t specs[] = { 20, 21 };
	struct page_query q = { .collection = collection, .added_after = INT64_MIN, .specs = specs, .n_specs = COUNTOF(specs),
				.want_all = true, .tlp_mask = (1u << TLP_LEVELS) - 1, .limit = CLEAR_PIECE };
	bool more = true;

	*ret_removed = 0;
	while (more) {
		uint64_t removed = 0;
		struct page p;
		enum rc rc;

		TRY(store_page(s, &q, &p, err));
		more = p.n > 0;
		rc = more ? clear_piece(s, &p, collection, &removed, err) : RC_OK;
		page_done(&p);
		/* Somebody else may have been quicker. */
		if (rc != RC_OK && rc != RC_NOTFOUND)
			return rc;
		*ret_removed += removed;
	}
	return RC_OK;
}

enum rc store_claims(struct store *s, struct str id, struct arena *a, struct claim **ret, size_t *ret_n, struct err *err)
{
	return s->object_ops->claims(s, id, a, ret, ret_n, err);
}

struct remark {
	struct str id, version;
	uint8_t tlp, flags;
};

static enum rc remark_job(struct store *s, void *ctx, struct err *err)
{
	const struct remark *r = ctx;

	return s->object_ops->remark(s, r->id, r->version, r->tlp, r->flags, &s->events, err);
}

enum rc store_remark(struct store *s, struct str id, struct str version, uint8_t tlp, uint8_t flags, struct err *err)
{
	struct remark r = { id, version, tlp, flags };

	if (tlp >= TLP_LEVELS)
		return FAIL(err, RC_BAD, "objects: no such TLP level");
	return writer_do(s->object_writer, remark_job, &r, err);
}

enum rc store_listen(struct store *s, object_listener fn, void *ctx, struct err *err)
{
	enum rc rc = RC_OK;

	pthread_mutex_lock(&s->listen_lock);
	if (s->n_listeners == LISTENERS_MAX) {
		rc = FAIL(err, RC_LIMIT, "store: %d listen already", LISTENERS_MAX);
	} else {
		s->listeners[s->n_listeners].fn = fn;
		s->listeners[s->n_listeners++].ctx = ctx;
	}
	pthread_mutex_unlock(&s->listen_lock);
	return rc;
}

enum rc store_verify(struct store *s, uint64_t *ret_checked, struct err *err)
{
	*ret_checked = 0;
	return s->object_ops->verify != NULL ? s->object_ops->verify(s, ret_checked, err)
					     : FAIL(err, RC_UNSUPPORTED, "objects: the database guards them itself");
}

enum rc store_digest(struct store *s, uint32_t collection, uint32_t tlp_mask, uint64_t *ret_count, unsigned char out[static 32],
		     struct err *err)
{
	return s->object_ops->digest(s, collection, tlp_mask, ret_count, out, err);
}
