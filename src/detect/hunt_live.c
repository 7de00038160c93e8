/* The history as a stream into live correlations and patterns: what they had counted when a process ended is counted again. Nothing is
 * told. */
#include "base/mem.h"
#include "detect/hunt_int.h"

#define SPAN_MAX ((usec)366 * 86400 * USEC_PER_SEC)
#define JSON_MAX ((size_t)64 << 20)
#define SEALED_LATE (60 * USEC_PER_SEC) /* a block may lie open before it is sealed */

struct replay {
	struct hunt_matcher base;
	struct live_run *run;         /* or NULL */
	struct patterns_run *patterns;/* or NULL */
	struct fields *none;          /* without rules nobody asks for a field */
	struct buf json;
	usec until;          /* time_mono */
	uint64_t events;
	bool late;
};

static struct str nowhere(void *ctx UNUSED)
{
	return S("");
}

/* What is not told needs no host. */
static enum rc warm_patterns(struct replay *x, const struct block_event *e, struct flat *f, struct str input, struct err *err)
{
	struct patterns_event pe = { .json = e->line, .line = e->line, .format = e->format, .at = e->time, .input = input, .where = nowhere };

	if (e->format != LOG_JSON) {
		buf_clear(&x->json);
		flat_json_print(f, &x->json);
		TRY(buf_check(&x->json, err, "history"));
		pe.json = buf_view(&x->json);
	}
	return patterns_warm(x->patterns, &pe, err);
}

static enum rc event(struct hunt_matcher *m, const struct block_event *e, struct flat *f, struct hunt_sink *s, struct err *err)
{
	struct replay *x = (struct replay *)(void *)m;
	/* "app:web.log" is of the input app, as live events say it. */
	struct str input = str_slice(e->source, 0, str_find(e->source, S(":"), 0));

	if (++x->events % 1024 == 0 && time_mono() > x->until) {
		x->late = s->stop = true;
		return RC_OK;
	}
	if (x->run != NULL)
		TRY(live_warm(x->run, f, input, e->time, err));
	return x->patterns != NULL && patterns_any(x->patterns) ? warm_patterns(x, e, f, input, err) : RC_OK;
}

static void free_it(struct hunt_matcher *m)
{
	struct replay *x = (struct replay *)(void *)m;

	live_run_free(x->run);
	patterns_run_free(x->patterns);
	fields_free(x->none);
	buf_done(&x->json);
	mem_free(x);
}

static enum rc replay_fill(struct replay *x, const struct hunt_replay *o, struct err *err)
{
	if (o->patterns != NULL)
		TRY(patterns_run_new(o->patterns, &x->patterns, err));
	if (o->live == NULL) {
		x->base.dict = x->none = fields_new();
		return x->none == NULL ? FAIL(err, RC_NOMEM, "history: out of memory") : RC_OK;
	}
	TRY(live_run_new(o->live, &x->run, err));
	return live_fields(x->run, &x->base.dict, err);
}

static enum rc replay_new(const struct hunt_replay *o, struct hunt_matcher **ret, struct err *err)
{
	struct replay *x = mem_alloc(sizeof *x);
	enum rc rc;

	if (x == NULL)
		return FAIL(err, RC_NOMEM, "history: out of memory");
	x->base = (struct hunt_matcher){ .event = event, .free = free_it };
	x->until = time_mono() + o->time;
	buf_init(&x->json, JSON_MAX);
	rc = replay_fill(x, o, err);
	*ret = &x->base;
	if (rc != RC_OK) {
		hunt_matcher_free(*ret);
		*ret = NULL;
	}
	return rc;
}

static usec span_of(const struct hunt_replay *o)
{
	usec a = o->live == NULL ? 0 : live_span(o->live), b = o->patterns == NULL ? 0 : patterns_span(o->patterns), span = a > b ? a : b;

	return span < SPAN_MAX ? span : SPAN_MAX;
}

/* Does a block hold what may lie within `span` before the newest? By the times of events, or, for logs that are older than their
 * arrival, by when it was sealed. */
static bool recent(const struct block_head *b, usec newest, usec sealed, usec span)
{
	return b->events > 0 && ((b->last <= newest && newest - b->last <= span) || (b->sealed <= sealed && sealed - b->sealed <= span));
}

/* The first block to be read; what lies before it is too old, or too much. */
static size_t begin_of(const struct history *h, usec span, uint64_t most, bool *ret_cut)
{
	usec newest = 0, sealed = 0, now = time_now();
	size_t n = history_blocks(h), first = n;
	uint64_t events = 0;

	for (size_t i = 0; i < n; i++) {
		const struct block_head *b = &history_block(h, i)->head;

		newest = b->events > 0 && b->last > newest && b->last <= now + span ? b->last : newest;
		sealed = b->sealed > sealed && b->sealed <= now ? b->sealed : sealed;
	}
	for (size_t i = n; i-- > 0;) {
		const struct block_head *b = &history_block(h, i)->head;

		if (!recent(b, newest, sealed, span + SEALED_LATE))
			continue;
		events += b->events;
		*ret_cut = events > most && first < n;
		if (*ret_cut)
			return first;
		first = i;
	}
	return first;
}

enum rc hunt_replay(struct history *h, const struct hunt_replay *o, struct hunt_replayed *ret, struct err *err)
{
	struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;
	struct buf bytes CLEANUP(buf_done);
	struct hunt_sink sink = { 0 };
	struct hunt_opts all = { .since = INT64_MIN };
	struct hunt_stats st = { 0 };
	usec span = span_of(o);

	buf_init(&bytes, BLOCK_BYTES_MAX);
	*ret = (struct hunt_replayed){ 0 };
	if (span == 0)
		return RC_OK;
	TRY(replay_new(o, &m, err));
	for (size_t i = begin_of(h, span, o->events, &ret->cut); i < history_blocks(h) && !sink.stop; i++) {
		enum rc rc = history_read(h, i, &bytes, err);

		if (rc == RC_OK)
			rc = hunt_look_into(m, buf_view(&bytes), &all, &sink, &st, err);
		if (rc != RC_OK && rc != RC_NOTFOUND && rc != RC_CORRUPT) /* a damaged block is passed over */
			return rc;
	}
	if (((struct replay *)(void *)m)->run != NULL)
		TRY(live_warmed(((struct replay *)(void *)m)->run, err));
	ret->events = st.events;
	ret->cut = ret->cut || ((struct replay *)(void *)m)->late;
	return RC_OK;
}
