/* The object log behind the store's table of object operations. */
#include "base/mem.h"
#include "store/objlog.h"

#define FOLDER_MAX 4096

static enum rc ops_open(struct store *s, struct err *err)
{
	char dir[FOLDER_MAX];
	struct objlog_config c = { .dir = dir, .create = s->create, .read_only = s->read_only };
	struct objlog *l;
	int n = snprintf(dir, sizeof dir, "%s/objects", s->dir);

	if (n < 0 || (size_t)n >= sizeof dir)
		return FAIL(err, RC_LIMIT, "object log: the data folder's path is too long");
	TRY(objlog_open(&c, &l, err));
	s->objects = l;
	return RC_OK;
}

static void ops_close(struct store *s)
{
	objlog_close(s->objects);
	s->objects = NULL;
}

static enum rc ops_begin(struct store *s, struct err *err)
{
	return objlog_begin(s->objects, err);
}

static enum rc ops_put(struct store *s, struct object_batch *b, struct event_list *events, struct err *err)
{
	return objlog_put(s->objects, b, events, err);
}

static enum rc ops_remove(struct store *s, const struct page_query *q, uint64_t *ret_removed,
			  struct event_list *events, struct err *err)
{
	return objlog_remove(s->objects, q, ret_removed, events, err);
}

static enum rc ops_remark(struct store *s, struct str id, struct str version, uint8_t tlp, uint8_t flags,
			  struct event_list *events, struct err *err)
{
	return objlog_remark(s->objects, id, version, tlp, flags, events, err);
}

static enum rc ops_commit(struct store *s, struct err *err)
{
	return objlog_commit(s->objects, err);
}

static void ops_rollback(struct store *s)
{
	objlog_rollback(s->objects);
}

static enum rc ops_page(struct store *s, const struct page_query *q, struct page *ret, struct err *err)
{
	return objlog_page(s->objects, q, ret, err);
}

static enum rc ops_count(struct store *s, const struct page_query *q, uint64_t *ret, struct err *err)
{
	return objlog_count(s->objects, q, ret, err);
}

static enum rc ops_claims(struct store *s, struct str id, struct arena *a, struct claim **ret, size_t *ret_n, struct err *err)
{
	return objlog_claims(s->objects, id, a, ret, ret_n, err);
}

static enum rc ops_digest(struct store *s, uint32_t collection, uint32_t tlp_mask, uint64_t *ret_count,
			  unsigned char out[static 32], struct err *err)
{
	return objlog_digest(s->objects, collection, tlp_mask, ret_count, out, err);
}

static enum rc ops_verify(struct store *s, uint64_t *ret_checked, struct err *err)
{
	return objlog_verify(s->objects, ret_checked, err);
}

static void ops_stats(struct store *s, struct store_stats *ret)
{
	struct objlog_stats st;

	objlog_stats(s->objects, &st);
	ret->objects += st.ids;
	ret->versions += st.versions;
	ret->bytes_on_disk += st.bytes;
}

static void ops_idle(struct store *s)
{
	bool more;

	/* What fails here fails again where somebody waits for an answer; until then the room is only not given back. */
	if (objlog_compact(s->objects, &more, NULL) != RC_OK)
		return;
}

const struct object_ops OBJLOG_OPS = {
	.open = ops_open, .close = ops_close, .begin = ops_begin, .put = ops_put, .remove = ops_remove,
	.remark = ops_remark, .commit = ops_commit, .rollback = ops_rollback, .page = ops_page, .count = ops_count,
	.claims = ops_claims, .digest = ops_digest, .verify = ops_verify, .stats = ops_stats, .idle = ops_idle,
};
