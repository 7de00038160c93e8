#include "detect/work.h"

#include "base/jsonw.h"
#include "base/mem.h"
#include "detect/where.h"
#include "wire/flat_json.h"

#define ARENA_MAX ((size_t)1 << 30)
#define BODY_MAX ((size_t)64 << 20)
#define STEPS_MAX ((size_t)256 << 20) /* of one block for one shard */
#define DAY ((usec)86400 * USEC_PER_SEC)

struct worker {
	struct work_opts o;
	char name[BLOCKQ_NAME_MAX];
	struct spread *spread; /* NULL: no correlation among the rules */
	struct arena *a;       /* of a turn */
	struct buf *steps;     /* by shard, of the block at hand */
	uint32_t n_shards;
	const struct blockq_taken *block;
	struct blockq_alert *alerts;
	struct blockq_sighting *sightings;
	size_t n_alerts, n_sightings;
	uint64_t cut;
	bool failed;
	struct work_stats stats;
};

static bool has_correlations(const struct sigma_set *set)
{
	for (uint32_t i = 0; set != NULL && i < set->n_rules; i++)
		if (set->rules[i].kind == SIGMA_CORRELATION)
			return true;
	return false;
}

static enum rc on_step(void *ctx, uint64_t route, struct str step, struct err *err)
{
	struct worker *w = ctx;
	struct buf *b = &w->steps[route % w->n_shards];

	buf_str(b, step);
	return buf_check(b, err, "correlation");
}

static enum rc fill(struct worker *w, struct err *err)
{
	struct spread_opts so = { .q = w->o.q, .rules = w->o.rules, .name = w->o.name, .lease = w->o.lease, .save_every = w->o.save_every };

	w->n_shards = blockq_shards(w->o.q);
	w->a = arena_new(ARENA_MAX);
	w->steps = mem_array(w->n_shards, sizeof *w->steps);
	if (w->a == NULL || w->steps == NULL)
		return FAIL(err, RC_NOMEM, "worker: out of memory");
	for (uint32_t i = 0; i < w->n_shards; i++)
		buf_init(&w->steps[i], STEPS_MAX);
	if (w->o.rules != NULL)
		TRY(hunt_make_steps(w->o.m, blockq_seed(w->o.q), on_step, w, err));
	return has_correlations(w->o.rules) ? spread_new(&so, &w->spread, err) : RC_OK;
}

enum rc worker_new(const struct work_opts *o, struct worker **ret, struct err *err)
{
	struct worker *w = mem_alloc(sizeof *w);
	enum rc rc;

	if (w == NULL)
		return FAIL(err, RC_NOMEM, "worker: out of memory");
	w->o = *o;
	w->o.name = str_make(w->name, o->name.n < sizeof w->name ? o->name.n : sizeof w->name);
	memcpy(w->name, o->name.p, w->o.name.n);
	rc = fill(w, err);
	if (rc == RC_OK)
		*ret = w;
	else
		worker_free(w);
	return rc;
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	spread_free(w->spread);
	for (uint32_t i = 0; w->steps != NULL && i < w->n_shards; i++)
		buf_done(&w->steps[i]);
	mem_free(w->steps);
	arena_free(w->a);
	mem_free(w);
}

/* --- what was found --- */

static bool is_indicator(const struct hunt_found *f)
{
	return f->rule == NULL || f->rule->indicator != NULL;
}

static void put_fields(struct jsonw *j, const struct hunt_found *f)
{
	jsonw_name(j, "fields");
	jsonw_object(j);
	for (size_t i = 0; i < f->n_why; i++) {
		struct str name = f->why[i].field.n > 0 ? f->why[i].field : S("keyword");
		bool before = false;

		for (size_t k = 0; k < i; k++)
			before |= str_eq(name, f->why[k].field.n > 0 ? f->why[k].field : S("keyword"));
		if (before)
			continue;
		jsonw_name_str(j, name);
		jsonw_str(j, f->why[i].value);
	}
	jsonw_object_end(j);
}

static void put_tags(struct jsonw *j, const struct sigma_rule *r)
{
	jsonw_name(j, "tags");
	jsonw_array(j);
	for (uint32_t i = 0; r != NULL && i < r->n_tags; i++)
		jsonw_str(j, r->tags[i]);
	jsonw_array_end(j);
}

static void put_found(struct worker *w, struct jsonw *j, const struct hunt_found *f)
{
	jsonw_object(j);
	jsonw_m_cstr(j, "type", is_indicator(f) ? "indicator" : "rule");
	jsonw_m_str(j, is_indicator(f) ? "indicator_id" : "rule_id", f->id.n > 0 ? f->id : f->title);
	jsonw_m_str(j, "title", f->title);
	jsonw_m_str(j, "level", f->level);
	jsonw_m_str(j, "author", f->author);
	jsonw_m_str(j, "matched", f->matched);
	if (f->tlp != UINT8_MAX)
		jsonw_m_int(j, "tlp", f->tlp);
	if (f->confidence != UINT8_MAX)
		jsonw_m_int(j, "confidence", f->confidence);
	put_tags(j, f->rule);
	put_fields(j, f);
	jsonw_m_time(j, "time", f->at);
	if (f->f != NULL)
		jsonw_m_str(j, "host", flat_where(w->a, f->f));
	jsonw_m_str(j, "file", f->event->source);
	jsonw_m_int(j, "record", (int64_t)f->event->ordinal);
	jsonw_m_cstr(j, "format", log_format_name(f->event->format));
	jsonw_m_str(j, "event", f->event->line);
	jsonw_object_end(j);
}

static struct str body_of(struct worker *w, const struct hunt_found *f)
{
	struct buf b CLEANUP(buf_done);
	struct jsonw j;

	buf_init(&b, BODY_MAX);
	jsonw_init(&j, &b);
	put_found(w, &j, f);
	return b.bad == RC_OK ? arena_dup(w->a, buf_view(&b)) : (struct str){ NULL, 0 };
}

static bool on_found(void *ctx, const struct hunt_found *f)
{
	struct worker *w = ctx;
	struct blockq_alert *a = &w->alerts[w->n_alerts];

	if (f->event == NULL)
		return true;
	if (w->n_alerts == WORK_ALERTS_MAX - 1) { /* the last place is that of the alert that says so; sightings are counted on */
		w->cut++;
	} else {
		*a = (struct blockq_alert){ f->event->ordinal, arena_dup(w->a, f->id.n > 0 ? f->id : f->title), body_of(w, f) };
		w->failed |= a->what.p == NULL || a->body.p == NULL;
		w->n_alerts++;
	}
	if (is_indicator(f) && w->n_sightings < WORK_ALERTS_MAX)
		w->sightings[w->n_sightings++] = (struct blockq_sighting){ arena_dup(w->a, f->id), arena_dup(w->a, f->event->source), f->at / DAY, 1, f->at,
									   f->at };
	return !w->failed;
}

static enum rc say_cut(struct worker *w, struct err *err)
{
	struct buf b CLEANUP(buf_done);
	struct jsonw j;
	struct str body;

	buf_init(&b, BODY_MAX);
	jsonw_init(&j, &b);
	jsonw_object(&j);
	jsonw_m_cstr(&j, "type", "left_out");
	jsonw_m_str(&j, "block", w->block->id);
	jsonw_m_int(&j, "alerts", (int64_t)w->cut);
	jsonw_object_end(&j);
	body = b.bad == RC_OK ? arena_dup(w->a, buf_view(&b)) : (struct str){ NULL, 0 };
	if (body.p == NULL)
		return FAIL(err, RC_NOMEM, "worker: out of memory");
	w->alerts[w->n_alerts++] = (struct blockq_alert){ 0, S("left out"), body };
	return RC_OK;
}

/* --- blocks --- */

static enum rc collect_steps(struct worker *w, struct blockq_result *r, struct err *err)
{
	struct blockq_steps *list = arena_array(w->a, w->n_shards, sizeof *list);

	if (list == NULL)
		return FAIL(err, RC_NOMEM, "worker: out of memory");
	for (uint32_t i = 0; i < w->n_shards; i++) {
		if (w->steps[i].n == 0)
			continue;
		list[r->n_steps] = (struct blockq_steps){ i, arena_dup(w->a, buf_view(&w->steps[i])) };
		if (list[r->n_steps++].bytes.p == NULL)
			return FAIL(err, RC_NOMEM, "worker: out of memory");
		buf_clear(&w->steps[i]);
	}
	r->steps = list;
	return RC_OK;
}

static enum rc begin_finds(struct worker *w, const struct blockq_taken *block, struct err *err)
{
	w->block = block;
	w->n_alerts = w->n_sightings = 0;
	w->cut = 0;
	w->failed = false;
	w->alerts = arena_array(w->a, WORK_ALERTS_MAX, sizeof *w->alerts);
	w->sightings = arena_array(w->a, WORK_ALERTS_MAX, sizeof *w->sightings);
	return w->alerts == NULL || w->sightings == NULL ? FAIL(err, RC_NOMEM, "worker: out of memory") : RC_OK;
}

static enum rc match_block(struct worker *w, const struct blockq_taken *t, struct blockq_result *ret, struct err *err)
{
	struct hunt_opts o = { .since = INT64_MIN };
	struct hunt_stats st = { 0 };

	TRY(begin_finds(w, t, err));
	for (uint32_t i = 0; i < w->n_shards; i++)
		buf_clear(&w->steps[i]); /* of a block that was not finished */
	if (w->o.rules != NULL)
		hunt_next_block(w->o.m, t->number, t->put + DAY);
	if (hunt_may(w->o.m, t->bytes, &o, &st))
		TRY(hunt_block(w->o.m, t->bytes, &o, on_found, w, &st, err));
	if (w->failed)
		return FAIL(err, RC_NOMEM, "worker: out of memory");
	if (w->cut > 0)
		TRY(say_cut(w, err));
	*ret = (struct blockq_result){ .block = t, .alerts = w->alerts, .n_alerts = w->n_alerts, .sightings = w->sightings, .n_sightings = w->n_sightings };
	w->stats.events += st.events;
	w->stats.bytes += st.bytes;
	w->stats.cut += w->cut;
	return collect_steps(w, ret, err);
}

static enum rc match_some(struct worker *w, size_t *ret_n, struct err *err)
{
	struct blockq_taken t[WORK_BATCH];
	struct blockq_result r[WORK_BATCH];

	arena_reset(w->a);
	TRY(blockq_take(w->o.q, w->o.name, w->o.lease, WORK_BATCH, w->a, t, ret_n, err));
	for (size_t i = 0; i < *ret_n; i++)
		TRY(match_block(w, &t[i], &r[i], err));
	if (*ret_n == 0)
		return RC_OK;
	TRY(blockq_done(w->o.q, w->o.name, r, *ret_n, err));
	for (size_t i = 0; i < *ret_n; i++) {
		w->stats.lost += r[i].lost;
		w->stats.blocks += !r[i].lost;
		w->stats.alerts += r[i].lost ? 0 : r[i].n_alerts;
	}
	return RC_OK;
}

/* --- the past --- */

struct past {
	struct worker *w;
	struct hunt_matcher *m;
	struct hunt_stats *st;
	struct buf bytes;
	uint64_t fresh;
};

static enum rc on_past(void *ctx, struct str id, struct str index, struct err *err)
{
	static const struct hunt_opts o = { .since = INT64_MIN };
	struct past *x = ctx;
	struct blockq_taken block = { .id = id };
	uint64_t fresh;
	enum rc rc;

	if (index.n == 0 || !hunt_may(x->m, index, &o, x->st))
		return RC_OK;
	arena_reset(x->w->a);
	TRY(begin_finds(x->w, &block, err));
	rc = blockq_bytes(x->w->o.q, id, &x->bytes, err);
	if (rc == RC_NOTFOUND) /* retention took it */
		return RC_OK;
	TRY(rc);
	TRY(hunt_block(x->m, buf_view(&x->bytes), &o, on_found, x->w, x->st, err));
	if (x->w->failed)
		return FAIL(err, RC_NOMEM, "worker: out of memory");
	if (x->w->n_alerts == 0)
		return RC_OK;
	x->w->stats.cut += x->w->cut;
	TRY(blockq_found(x->w->o.q, id, x->w->alerts, x->w->sightings, x->w->n_alerts, &fresh, err));
	x->fresh += fresh;
	return RC_OK;
}

enum rc worker_past(struct worker *w, struct hunt_matcher *m, struct hunt_stats *ret, uint64_t *ret_new, struct err *err)
{
	struct past x = { .w = w, .m = m, .st = ret };
	enum rc rc;

	*ret = (struct hunt_stats){ 0 };
	buf_init(&x.bytes, BLOCKQ_BYTES_MAX);
	rc = blockq_each(w->o.q, INT64_MIN, 0, on_past, &x, err);
	buf_done(&x.bytes);
	w->stats.alerts += x.fresh;
	*ret_new = x.fresh;
	return rc;
}

/* --- around --- */

enum rc worker_turn(struct worker *w, bool *ret_any, struct err *err)
{
	bool counted = false;
	size_t n = 0;

	*ret_any = false;
	TRY(match_some(w, &n, err));
	if (w->spread != NULL)
		TRY(spread_turn(w->spread, &counted, err));
	*ret_any = n > 0 || counted;
	return RC_OK;
}

enum rc worker_settle(struct worker *w, bool end, bool *ret_all, struct err *err)
{
	struct blockq_stats st;

	if (w->spread != NULL)
		return spread_save(w->spread, end, ret_all, err);
	TRY(blockq_stats(w->o.q, &st, err));
	*ret_all = st.ready == 0;
	return RC_OK;
}

enum rc worker_leave(struct worker *w, struct err *err)
{
	return w->spread == NULL ? RC_OK : spread_leave(w->spread, err);
}

void worker_stats(const struct worker *w, struct work_stats *ret)
{
	struct spread_stats st = { 0 };

	if (w->spread != NULL)
		spread_stats(w->spread, &st);
	*ret = w->stats;
	ret->fired = st.fired;
	ret->shards = st.shards;
	ret->lost += st.lost;
}
