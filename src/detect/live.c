/* A generation is all that one reading of the rules made. Threads hold the generation they run. A newer one is noticed
 * between two events by one atomic load; all that takes time is done by whoever reads the rules: the image with its
 * groups and an engine for each thread are made before, and old generations, with the engines that ran them, are freed
 * when nobody has an event to wait for. */
#include "detect/live.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "detect/correlate.h"
#include "detect/engine.h"
#include "detect/rulebook.h"

#define EVENT_JSON_MAX ((size_t)1 << 20)
#define RULES_ARENA ((size_t)2 << 30)
#define FIELDS_SHOWN 16
#define WHY_MAX 64
#define LIVE_INPUT_MAX 256
#define LIVE_ASSUMED_MAX 64
#define RUNS_READY 64 /* threads beyond these make and free their engines themselves */

struct generation {
	struct arena *arena;
	const struct sigma_set *set;
	const struct taxonomy *taxonomy;
	struct engine_image *image;
	struct correlator *correlator;
	pthread_mutex_t lock;  /* of the correlator */
	usec newest, newest_mono; /* the newest event that a correlation got, and when, */
	char input[LIVE_INPUT_MAX]; /* and of which log it was: who fires when nothing comes is of that one */
	_Atomic uint64_t users;
	struct { const char *input; uint32_t variant; } assumed[LIVE_ASSUMED_MAX]; /* inputs whose unknown events are of a source */
	size_t n_assumed;
	uint64_t number;
	struct engine *ready[RUNS_READY], *spent[RUNS_READY]; /* for threads to come; of those that went on; under live.lock */
	uint32_t n_ready, n_spent;
	struct generation *older;     /* of live.retired */
};

struct live {
	pthread_mutex_t reading;      /* one reads the rules at a time */
	pthread_mutex_t lock;         /* of `now` and `retired` */
	struct generation *now;
	struct generation *retired;   /* replaced, each with a user for being here */
	_Atomic uint32_t runs;
	_Atomic uint64_t number;
	_Atomic uint64_t events, matches, fired, warmed;
};

struct live_run {
	struct live *live;
	struct generation *g;
	struct engine *engine;
	/* the event at hand */
	struct flat *f;
	uint32_t rule;
	struct str input, where;
	usec at;
	live_hit fn;
	void *ctx;
};

static void generation_drop(struct generation *g)
{
	if (g == NULL || atomic_fetch_sub(&g->users, 1) > 1)
		return;
	for (uint32_t i = 0; i < g->n_ready; i++)
		engine_free(g->ready[i]);
	for (uint32_t i = 0; i < g->n_spent; i++)
		engine_free(g->spent[i]);
	correlator_free(g->correlator);
	engine_image_unref(g->image);
	arena_free(g->arena);
	pthread_mutex_destroy(&g->lock);
	mem_free(g);
}

static enum rc assume_sources(struct generation *g, const struct live_opts *o, const struct taxonomy **t, struct err *err)
{
	const char *input, *source;

	for (size_t i = 0; o->assume != NULL && (input = o->assume(o->ctx, i, &source)) != NULL && i < LIVE_ASSUMED_MAX; i++) {
		struct str kept = arena_dup(g->arena, str_of(input));
		enum rc rc = kept.p == NULL ? FAIL(err, RC_NOMEM, "rules: out of memory") : taxonomy_assume(g->arena, *t, str_of(source), t, err);

		if (rc != RC_OK) {
			err_prefix(err, "[input %s] assume", input);
			return rc;
		}
		g->assumed[i].input = kept.p;
		g->assumed[i].variant = (*t)->n - 1;
		g->n_assumed = i + 1;
	}
	return RC_OK;
}

static enum rc generation_fill(struct generation *g, const struct live_opts *o, struct err *err)
{
	const struct taxonomy *taxonomy;
	struct correlator_opts co = { .tolerance = LIVE_TOLERANCE };

	g->arena = arena_new(RULES_ARENA);
	if (g->arena == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	TRY(rulebook_read(g->arena, &(struct rulebook_opts){ .rules = o->rules, .lists = o->lists, .own = o->own, .draft = S("") }, &g->set, err));
	TRY(taxonomy_load(g->arena, o->packs, &taxonomy, err));
	g->taxonomy = taxonomy;
	TRY(assume_sources(g, o, &taxonomy, err));
	TRY(engine_image_build(g->set, taxonomy, &g->image, err));
	return correlator_new(g->set, &co, &g->correlator, err);
}

static enum rc generation_new(const struct live_opts *o, struct generation **ret, struct err *err)
{
	struct generation *g = mem_alloc(sizeof *g);
	enum rc rc;

	if (g == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	pthread_mutex_init(&g->lock, NULL);
	atomic_store(&g->users, 1);
	rc = generation_fill(g, o, err);
	if (rc != RC_OK) {
		generation_drop(g);
		return rc;
	}
	*ret = g;
	return RC_OK;
}

enum rc live_new(const struct live_opts *o, struct live **ret, struct err *err)
{
	struct live *l = mem_alloc(sizeof *l);
	enum rc rc;

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	pthread_mutex_init(&l->lock, NULL);
	pthread_mutex_init(&l->reading, NULL);
	rc = live_reload(l, o, err);
	if (rc != RC_OK) {
		live_free(l);
		return rc;
	}
	*ret = l;
	return RC_OK;
}

/* Frees old generations that no thread runs any more. Not where an event waits. */
static void reap(struct live *l)
{
	struct generation *gone = NULL;

	pthread_mutex_lock(&l->lock);
	for (struct generation **at = &l->retired; *at != NULL;) {
		struct generation *g = *at;

		if (atomic_load(&g->users) > 1) {
			at = &g->older;
			continue;
		}
		*at = g->older;
		g->older = gone;
		gone = g;
	}
	pthread_mutex_unlock(&l->lock);
	for (struct generation *g = gone, *older; g != NULL; g = older) {
		older = g->older;
		generation_drop(g);
	}
}

void live_free(struct live *l)
{
	if (l == NULL)
		return;
	reap(l);
	generation_drop(l->now);
	pthread_mutex_destroy(&l->reading);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

/* From the newest event that was believed the clock goes on by itself (a machine of another century does not set it). */
static void clock_seen(struct generation *g, struct str input)
{
	usec t = correlator_time(g->correlator);

	if (t > g->newest) {
		snprintf(g->input, sizeof g->input, "%.*s", STR(input));
		g->newest = t;
		g->newest_mono = time_mono();
	}
}

/* What the correlations have counted outlives their rules' being read anew, as far as they are the same. Rules in force
 * matter more than counts: a failure is none. */
static void carry_over(struct generation *from, struct generation *to)
{
	struct buf state;

	buf_init(&state, CORRELATE_STATE_MAX);
	pthread_mutex_lock(&from->lock);
	if (correlator_save(from->correlator, &state, NULL) == RC_OK &&
	    correlator_load(to->correlator, buf_view(&state), NULL, NULL) == RC_OK) {
		to->newest = from->newest;
		to->newest_mono = from->newest_mono;
		memcpy(to->input, from->input, sizeof to->input);
	}
	pthread_mutex_unlock(&from->lock);
	buf_done(&state);
}

/* What the threads would else make at their next event. */
static void make_ready(struct live *l, struct generation *g)
{
	uint32_t runs = atomic_load(&l->runs);

	engine_image_warm(g->image, l->now->image);
	while (g->n_ready < runs && g->n_ready < RUNS_READY && engine_new(g->image, &g->ready[g->n_ready], NULL) == RC_OK)
		g->n_ready++;
}

static enum rc reload(struct live *l, const struct live_opts *o, struct err *err)
{
	struct generation *g, *old;

	reap(l);
	TRY(generation_new(o, &g, err));
	if (l->now != NULL) {
		make_ready(l, g);
		carry_over(l->now, g);
	}
	pthread_mutex_lock(&l->lock);
	old = l->now;
	g->number = old == NULL ? 1 : old->number + 1;
	l->now = g;
	if (old != NULL) {
		old->older = l->retired;
		l->retired = old;
	}
	atomic_store(&l->number, g->number);
	pthread_mutex_unlock(&l->lock);
	return RC_OK;
}

enum rc live_reload(struct live *l, const struct live_opts *o, struct err *err)
{
	enum rc rc;

	pthread_mutex_lock(&l->reading);
	rc = reload(l, o, err);
	pthread_mutex_unlock(&l->reading);
	return rc;
}

/* With an engine that is ready for it, if the caller wants one. */
static struct generation *generation_take(struct live *l, struct engine **ret_ready)
{
	struct generation *g;

	pthread_mutex_lock(&l->lock);
	g = l->now;
	atomic_fetch_add(&g->users, 1);
	if (ret_ready != NULL)
		*ret_ready = g->n_ready > 0 ? g->ready[--g->n_ready] : NULL;
	pthread_mutex_unlock(&l->lock);
	return g;
}

bool live_knows(struct live *l, struct str id)
{
	struct generation *g = generation_take(l, NULL);
	bool known = false;

	for (uint32_t i = 0; i < g->set->n_rules && !known; i++) {
		const struct sigma_rule *r = &g->set->rules[i];

		known = str_eq(r->id.n > 0 ? r->id : r->title, id);
	}
	generation_drop(g);
	return known;
}

enum rc live_rulings(struct live *l, live_ruling fn, void *ctx, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(RULES_ARENA);
	struct generation *g = generation_take(l, NULL);
	const struct ruling *list = NULL;
	enum rc rc = a == NULL ? FAIL(err, RC_NOMEM, "rules: out of memory") : rulebook_judge(a, g->set, g->taxonomy, g->image, &list, err);

	for (uint32_t i = 0; rc == RC_OK && i < g->set->n_reports; i++)
		fn(ctx, &list[i]);
	generation_drop(g);
	return rc;
}

void live_stats(struct live *l, struct live_stats *ret)
{
	struct generation *g = generation_take(l, NULL);
	const struct engine_refusal *list;
	struct correlator_stats cs;

	pthread_mutex_lock(&g->lock);
	correlator_stats(g->correlator, &cs);
	pthread_mutex_unlock(&g->lock);
	*ret = (struct live_stats){ .refused = g->set->refused + g->set->need_list + engine_image_refused(g->image, &list),
				    .events = atomic_load(&l->events), .matches = atomic_load(&l->matches), .fired = atomic_load(&l->fired),
				    .late = cs.late, .evicted = cs.evicted };
	ret->rules = g->set->loaded - engine_image_refused(g->image, &list);
	generation_drop(g);
}

enum rc live_run_new(struct live *l, struct live_run **ret, struct err *err)
{
	struct live_run *r = mem_alloc(sizeof *r);
	const struct fields *fields;
	enum rc rc;

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	r->live = l;
	atomic_fetch_add(&l->runs, 1);
	rc = live_fields(r, &fields, err);
	if (rc != RC_OK) {
		live_run_free(r);
		return rc;
	}
	*ret = r;
	return RC_OK;
}

/* Lets go of the generation; its engine stays there to be freed with it. */
static void leave(struct live_run *r)
{
	struct generation *g = r->g;

	if (g == NULL)
		return;
	pthread_mutex_lock(&r->live->lock);
	if (g->n_spent < RUNS_READY) {
		g->spent[g->n_spent++] = r->engine;
		r->engine = NULL;
	}
	pthread_mutex_unlock(&r->live->lock);
	engine_free(r->engine);
	generation_drop(g);
	r->engine = NULL;
	r->g = NULL;
}

void live_run_free(struct live_run *r)
{
	if (r == NULL)
		return;
	leave(r);
	atomic_fetch_sub(&r->live->runs, 1);
	mem_free(r);
}

enum rc live_fields(struct live_run *r, const struct fields **ret, struct err *err)
{
	if (r->g == NULL || atomic_load(&r->live->number) != r->g->number) {
		struct engine *e;
		struct generation *g = generation_take(r->live, &e);
		enum rc rc = e != NULL ? RC_OK : engine_new(g->image, &e, err);

		if (rc != RC_OK) {
			generation_drop(g);
			return rc;
		}
		leave(r);
		r->engine = e;
		r->g = g;
	}
	*ret = engine_image_fields(r->g->image);
	return RC_OK;
}

/* --- matching --- */

static bool field_of(void *ctx, struct str field, struct str *ret)
{
	struct live_run *r = ctx;

	return engine_field(r->engine, r->f, r->rule, field, ret);
}

static struct rule_hit hit_of(const struct live_run *r, const struct sigma_rule *rule, usec at)
{
	return (struct rule_hit){ .id = rule->id.n > 0 ? rule->id : rule->title, .title = rule->title, .level = str_of(sigma_level_name(rule->level)),
				  .author = rule->author, .tags = rule->tags, .n_tags = rule->n_tags, .at = at, .where = r->where, .input = r->input };
}

static void on_fire(void *ctx, const struct correlation *c)
{
	struct live_run *r = ctx;
	const struct sigma_rule *rule = &r->g->set->rules[c->rule];
	struct rule_hit_field fields[FIELDS_SHOWN];
	struct rule_hit_base base[CORRELATE_SLOTS_MAX];
	struct rule_hit h = hit_of(r, rule, c->at);
	char value[32];

	if (rule->hidden)
		return;
	for (uint32_t i = 0; i < c->n_group && i < FIELDS_SHOWN - 1; i++)
		fields[h.n_fields++] = (struct rule_hit_field){ rule->corr->group_by[i], c->group[i] };
	snprintf(value, sizeof value, "%.15g", c->value);
	fields[h.n_fields++] = (struct rule_hit_field){ S("value"), str_of(value) };
	h.fields = fields;
	h.event = S("");
	h.correlation = true;
	h.first = c->first;
	for (uint32_t i = 0; i < rule->corr->n_rules && i < COUNTOF(base); i++) {
		const struct sigma_rule *of = &r->g->set->rules[rule->corr->rules[i]];

		base[h.n_base++] = (struct rule_hit_base){ of->id, of->title };
	}
	h.base = base;
	atomic_fetch_add(&r->live->fired, 1);
	r->fn(r->ctx, &h);
}

static void tell_match(struct live_run *r, const struct sigma_rule *rule, uint32_t number)
{
	struct engine_why why[WHY_MAX];
	struct rule_hit_field fields[FIELDS_SHOWN];
	struct rule_hit h = hit_of(r, rule, r->at);
	struct buf json;
	size_t n = engine_why_once(why, engine_explain(r->engine, r->f, number, why, WHY_MAX));

	/* A line of plain text has no fields: it meets no rule by those it lacks. */
	if (n == 0 && r->f->format == LOG_TEXT)
		return;
	for (size_t i = 0; i < n && i < FIELDS_SHOWN; i++)
		fields[h.n_fields++] = (struct rule_hit_field){ why[i].field.n > 0 ? why[i].field : S("keyword"), why[i].value };
	h.fields = fields;
	h.event = r->f->raw;
	/* A line of Zeek says nothing without its header. */
	buf_init(&json, EVENT_JSON_MAX);
	if (r->f->format == LOG_ZEEK) {
		flat_json_print(r->f, &json);
		h.event = buf_view(&json);
	}
	atomic_fetch_add(&r->live->matches, 1);
	r->fn(r->ctx, &h);
	buf_done(&json);
}

/* What is assumed of one input is not of another. */
static void assume_for(struct live_run *r, struct str input)
{
	uint32_t variant = ENGINE_ASSUME_NONE;

	for (size_t i = 0; i < r->g->n_assumed; i++)
		if (str_eq(input, str_of(r->g->assumed[i].input)))
			variant = r->g->assumed[i].variant;
	engine_assume(r->engine, variant);
}

enum rc live_match(struct live_run *r, struct flat *f, struct str input, struct str where, live_hit fn, void *ctx, struct err *err)
{
	const uint32_t *rules;
	size_t n;

	if (r->g->n_assumed > 0)
		assume_for(r, input);
	n = engine_run(r->engine, f, &rules);
	atomic_fetch_add(&r->live->events, 1);
	if (n == 0)
		return RC_OK;
	r->f = f;
	r->input = input;
	r->where = where;
	r->fn = fn;
	r->ctx = ctx;
	r->at = flat_time(f);
	if (r->at == 0)
		r->at = time_now();
	for (size_t i = 0; i < n; i++) {
		const struct sigma_rule *rule = &r->g->set->rules[rules[i]];
		enum rc rc = RC_OK;

		if (!rule->hidden)
			tell_match(r, rule, rules[i]);
		if (!correlator_wants(r->g->correlator, rules[i]))
			continue;
		r->rule = rules[i];
		pthread_mutex_lock(&r->g->lock);
		rc = correlator_add(r->g->correlator, rules[i], r->at, atomic_load(&r->live->warmed) + atomic_load(&r->live->events), field_of, r,
				    on_fire, r, err);
		clock_seen(r->g, input);
		pthread_mutex_unlock(&r->g->lock);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc live_warm(struct live_run *r, struct flat *f, struct str input, usec at, struct err *err)
{
	const uint32_t *rules;
	uint64_t number = atomic_fetch_add(&r->live->warmed, 1);
	enum rc rc = RC_OK;
	size_t n;

	if (r->g->n_assumed > 0)
		assume_for(r, input);
	n = engine_run(r->engine, f, &rules);
	r->f = f;
	for (size_t i = 0; i < n && rc == RC_OK; i++) {
		if (!correlator_wants(r->g->correlator, rules[i]))
			continue;
		r->rule = rules[i];
		pthread_mutex_lock(&r->g->lock);
		rc = correlator_add(r->g->correlator, rules[i], at, number, field_of, r, NULL, NULL, err);
		clock_seen(r->g, input);
		pthread_mutex_unlock(&r->g->lock);
	}
	return rc;
}

enum rc live_warmed(struct live_run *r, struct err *err)
{
	enum rc rc = RC_OK;

	pthread_mutex_lock(&r->g->lock);
	if (r->g->newest != 0)
		rc = correlator_advance(r->g->correlator, r->g->newest, NULL, NULL, err);
	pthread_mutex_unlock(&r->g->lock);
	return rc;
}

usec live_span(struct live *l)
{
	struct generation *g = generation_take(l, NULL);
	usec span = 0;

	for (uint32_t i = 0; i < g->set->n_rules; i++) {
		const struct sigma_rule *r = &g->set->rules[i];

		if (r->kind == SIGMA_CORRELATION && r->corr->timespan > span)
			span = r->corr->timespan;
	}
	generation_drop(g);
	return span;
}

enum rc live_idle(struct live_run *r, struct str input, live_hit fn, void *ctx, struct err *err)
{
	enum rc rc = RC_OK;

	if (r->g == NULL)
		return RC_OK;
	reap(r->live);
	r->where = S("");
	r->fn = fn;
	r->ctx = ctx;
	pthread_mutex_lock(&r->g->lock);
	r->input = r->g->input[0] != '\0' ? str_of(r->g->input) : input;
	if (r->g->newest != 0)
		rc = correlator_advance(r->g->correlator, r->g->newest + (time_mono() - r->g->newest_mono), on_fire, r, err);
	pthread_mutex_unlock(&r->g->lock);
	return rc;
}
