#include "detect/hunt_int.h"

#include "base/mem.h"
#include "wire/flat_json.h"

#define PROGRESS_EVERY (USEC_PER_SEC / 10)

void hunt_matcher_free(struct hunt_matcher *m)
{
	if (m == NULL)
		return;
	flat_free(m->flat);
	for (int i = 0; i < LOG_FORMATS; i++)
		log_lines_free(m->lines[i]);
	m->free(m);
}

void hunt_matcher_freep(struct hunt_matcher **m)
{
	hunt_matcher_free(*m);
}

void hunt_tell(struct hunt_sink *s, const struct hunt_found *f)
{
	if (s->stop)
		return;
	s->found++;
	if (!s->fn(s->ctx, f) || (s->most > 0 && s->found >= s->most))
		s->stop = true;
}

/* --- one block --- */

/* *ret_event false: the line is no event (a comment of its format). */
static enum rc parse(struct hunt_matcher *m, const struct block_event *e, bool *ret_event, struct err *err)
{
	struct log_lines **l = &m->lines[e->format];

	*ret_event = true;
	if (e->format == LOG_JSON)
		return flat_json(m->flat, m->dict, e->line, err);
	if (*l == NULL)
		TRY(log_lines_new(e->format, m->dict, e->time, l, err));
	return log_lines_next(*l, m->flat, e->line, ret_event, err);
}

/* "app" is the input and all its files: "app:web.log". */
static bool is_of(struct str source, struct str wanted)
{
	return str_starts(source, wanted) && (source.n == wanted.n || source.p[wanted.n] == ':');
}

static bool within(const struct hunt_opts *o, const struct block_event *e)
{
	return e->time >= o->since && (o->until == 0 || e->time < o->until) && (o->source.n == 0 || is_of(e->source, o->source));
}

static enum rc look_at(struct hunt_matcher *m, const struct block_event *e, struct hunt_sink *s, struct hunt_stats *st, struct err *err)
{
	bool is_event = true;
	enum rc rc;

	if (m->line != NULL && !m->line(m, e))
		return RC_OK;
	rc = parse(m, e, &is_event, err);
	if (rc == RC_NOMEM)
		return rc;
	st->bad_lines += rc != RC_OK;
	if (rc != RC_OK || !is_event)
		return m->broken_too ? m->event(m, e, NULL, s, err) : RC_OK;
	return m->event(m, e, m->flat, s, err);
}

static enum rc look_through(struct hunt_matcher *m, struct block *b, const struct hunt_opts *o, struct hunt_sink *s, struct hunt_stats *st,
			    struct err *err)
{
	struct block_event e;

	if (m->flat == NULL)
		TRY(flat_new(&m->flat, err));
	for (m->place = 1; !s->stop && block_next(b, &e); m->place++) {
		if (!within(o, &e))
			continue;
		st->events++;
		st->bytes += e.line.n;
		TRY(look_at(m, &e, s, st, err));
	}
	return RC_OK;
}

enum rc hunt_look_into(struct hunt_matcher *m, struct str bytes, const struct hunt_opts *o, struct hunt_sink *s, struct hunt_stats *st,
			 struct err *err)
{
	struct block *b CLEANUP(block_closep) = NULL;
	uint64_t before = s->found;
	enum rc rc = block_open(bytes, &b, err);

	if (rc == RC_CORRUPT || rc == RC_NOTFOUND) {
		st->unreadable++;
		return RC_OK;
	}
	TRY(rc);
	st->opened++;
	rc = look_through(m, b, o, s, st, err);
	st->found += s->found - before;
	if (m->may != NULL && !o->every_block && s->found == before)
		st->false_openings++;
	return rc;
}

enum rc hunt_block(struct hunt_matcher *m, struct str bytes, const struct hunt_opts *o, hunt_fn fn, void *ctx, struct hunt_stats *ret,
		   struct err *err)
{
	struct hunt_sink s = { .fn = fn, .ctx = ctx, .most = o->most };

	return hunt_look_into(m, bytes, o, &s, ret, err);
}

static bool has_source(struct str index, struct str source)
{
	struct str name, place;

	for (uint32_t i = 0; block_source(index, i, &name, &place); i++)
		if (is_of(name, source))
			return true;
	return false;
}

static bool may_hold(const struct hunt_matcher *m, const struct block_head *h, const struct fuse *filter, struct str index,
		     const struct hunt_opts *o, struct hunt_stats *st)
{
	st->blocks++;
	if (h->events == 0 || h->last < o->since || (o->until != 0 && h->first >= o->until) ||
	    (o->source.n > 0 && !has_source(index, o->source))) {
		st->outside++;
		return false;
	}
	st->named += o->source.n > 0;
	if (m->may == NULL || o->every_block)
		return true;
	st->probed++;
	return m->may(m, filter);
}

bool hunt_may(struct hunt_matcher *m, struct str index, const struct hunt_opts *o, struct hunt_stats *ret)
{
	struct block_head h = { 0 };
	struct fuse filter;

	if (block_index_read(index, &h, &filter, NULL) != RC_OK) {
		ret->unreadable++;
		return false;
	}
	return may_hold(m, &h, &filter, index, o, ret);
}

/* --- the history --- */

static void tell_progress(const struct hunt_opts *o, usec *last, size_t done, size_t all)
{
	usec now = o->progress == NULL ? 0 : time_mono();

	if (o->progress == NULL || (now - *last < PROGRESS_EVERY && done != all))
		return;
	*last = now;
	o->progress(o->progress_ctx, done, all);
}

static enum rc read_and_look(struct history *h, size_t i, struct hunt_matcher *m, const struct hunt_opts *o, struct buf *bytes,
			     struct hunt_sink *s, struct hunt_stats *st, struct err *err)
{
	enum rc rc = history_read(h, i, bytes, err);

	if (rc == RC_CORRUPT || rc == RC_NOTFOUND) {
		st->unreadable++;
		return RC_OK;
	}
	TRY(rc);
	return hunt_look_into(m, buf_view(bytes), o, s, st, err);
}

enum rc hunt_run(struct history *h, struct hunt_matcher *m, const struct hunt_opts *o, hunt_fn fn, void *ctx, struct hunt_stats *ret,
		 struct err *err)
{
	struct hunt_sink s = { .fn = fn, .ctx = ctx, .most = o->most };
	size_t all = history_blocks(h);
	enum rc rc = RC_OK;
	struct buf bytes;
	usec told = 0;

	*ret = (struct hunt_stats){ 0 };
	buf_init(&bytes, BLOCK_BYTES_MAX);
	for (size_t i = 0; i < all && rc == RC_OK && !s.stop; i++) {
		const struct history_block *b = history_block(h, i);

		if (may_hold(m, &b->head, &b->filter, b->index, o, ret))
			rc = read_and_look(h, i, m, o, &bytes, &s, ret, err);
		tell_progress(o, &told, i + 1, all);
	}
	buf_done(&bytes);
	if (rc == RC_OK && m->end != NULL && !s.stop)
		rc = m->end(m, &s, err);
	ret->found = s.found;
	return rc;
}

enum rc hunt_end(struct hunt_matcher *m, hunt_fn fn, void *ctx, struct hunt_stats *ret, struct err *err)
{
	struct hunt_sink s = { .fn = fn, .ctx = ctx };
	enum rc rc = m->end == NULL ? RC_OK : m->end(m, &s, err);

	ret->found += s.found;
	return rc;
}
