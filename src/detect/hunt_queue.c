/* Hunts over the blocks that lie in a database: the index part of each is fetched,
 * a page of them at a time, and of the others only the few that may hold something. */
#include "detect/hunt_int.h"
#include "store/blockq.h"

struct over {
	struct blockq *q;
	struct hunt_matcher *m;
	const struct hunt_opts *o;
	struct hunt_sink sink;
	struct hunt_stats *st;
	struct buf bytes;
};

static enum rc open_one(struct over *x, struct str id, struct err *err)
{
	enum rc rc = blockq_bytes(x->q, id, &x->bytes, err);

	if (rc == RC_NOTFOUND) {
		x->st->unreadable++;
		return RC_OK;
	}
	TRY(rc);
	return hunt_look_into(x->m, buf_view(&x->bytes), x->o, &x->sink, x->st, err);
}

static enum rc on_index(void *ctx, struct str id, struct str index, struct err *err)
{
	struct over *x = ctx;

	if (index.n == 0) {
		x->st->blocks++;
		x->st->outside++;
	} else if (hunt_may(x->m, index, x->o, x->st)) {
		TRY(open_one(x, id, err));
	}
	return x->sink.stop ? RC_NOTFOUND : RC_OK; /* ends the walk; no failure */
}

enum rc hunt_queue(struct blockq *q, struct hunt_matcher *m, const struct hunt_opts *o, hunt_fn fn, void *ctx, struct hunt_stats *ret,
		   struct err *err)
{
	struct over x = { .q = q, .m = m, .o = o, .sink = { .fn = fn, .ctx = ctx, .most = o->most }, .st = ret };
	enum rc rc;

	*ret = (struct hunt_stats){ 0 };
	buf_init(&x.bytes, BLOCK_BYTES_MAX);
	rc = blockq_each(q, o->since, o->until, on_index, &x, err);
	buf_done(&x.bytes);
	if (x.sink.stop)
		rc = RC_OK;
	else if (rc == RC_OK && m->end != NULL)
		rc = m->end(m, &x.sink, err);
	ret->found = x.sink.found;
	return rc;
}
