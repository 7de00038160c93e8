/* Rules run in the engine that runs them live. A rule may hang on anything in an
 * event, so no filter is asked. Correlations see the matches of the whole history
 * in the order of their time, whatever order they lie in. */
#include "base/mem.h"
#include "detect/correlate.h"
#include "detect/engine.h"
#include "detect/hunt_int.h"
#include "detect/stix_rules.h"

#define NAMES_ARENA ((size_t)16 << 20)
#define WHY_MAX 64 /* tests that are asked why; fewer reasons are told */
#define KEPT_MAX ((size_t)1 << 22) /* matches of correlations whose places are remembered */

/* Where an event lies that a correlation counts. */
struct kept { uint64_t number, ordinal; struct str source; };

struct rules {
	struct hunt_matcher base;
	const struct stix_rules *patterns; /* or NULL */
	struct arena *names;
	struct str source;                 /* the latest of `names` */
	struct kept *kept;
	size_t n_kept, room;
	const struct sigma_set *set;
	struct engine_image *image;
	struct engine *engine;
	struct correlator *correlator;
	uint64_t events;
	correlator_step step; /* NULL: correlations are counted here */
	void *step_ctx;
	uint64_t block;
	usec upto, now;       /* now 0: whatever is valid at the time of an event */
	/* the match at hand, for the correlator's questions */
	struct flat *f;
	uint32_t rule;
	struct hunt_sink *sink;
};

static struct rules *of(const struct hunt_matcher *m)
{
	return (struct rules *)(uintptr_t)m;
}

static struct hunt_found found_by(const struct sigma_rule *r, usec at)
{
	if (r->indicator != NULL)
		return (struct hunt_found){ .at = at, .rule = r, .id = r->id, .title = S(""), .author = S(""), .level = S(""), .source = S(""),
					    .matched = r->indicator->pattern, .tlp = r->indicator->tlp, .confidence = r->indicator->confidence };
	return (struct hunt_found){ .at = at, .rule = r, .id = r->id, .title = r->title, .author = r->author, .level = str_of(sigma_level_name(r->level)),
				    .source = S(""), .matched = S(""), .tlp = UINT8_MAX, .confidence = UINT8_MAX };
}

static bool field(void *ctx, struct str name, struct str *ret)
{
	struct rules *x = ctx;

	return engine_field(x->engine, x->f, x->rule, name, ret);
}

/* Kept in the order of their numbers. */
static const struct kept *find_kept(const struct rules *x, uint64_t number)
{
	size_t low = 0, high = x->n_kept;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (x->kept[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->n_kept && x->kept[low].number == number ? &x->kept[low] : NULL;
}

/* Names of inputs repeat, mostly one behind the other. Without memory a firing is shown with less. */
static void keep_place(struct rules *x, const struct block_event *e)
{
	if (x->n_kept > 0 && x->kept[x->n_kept - 1].number == x->events)
		return;
	if (x->n_kept == x->room) {
		size_t wider = x->room == 0 ? 256 : x->room * 2;
		struct kept *list = wider > KEPT_MAX ? NULL : mem_resize(x->kept, wider * sizeof *list);

		if (list == NULL)
			return;
		x->kept = list;
		x->room = wider;
	}
	if (x->source.p == NULL || !str_eq(x->source, e->source))
		x->source = arena_dup(x->names, e->source);
	if (x->source.p != NULL)
		x->kept[x->n_kept++] = (struct kept){ x->events, e->ordinal, x->source };
}

static void put_places(const struct rules *x, const struct correlation *c, struct hunt_found *found, uint64_t *records)
{
	for (uint32_t i = 0; i < c->n_events && i < CORRELATE_EVENTS_MAX; i++) {
		const struct kept *k = find_kept(x, c->events[i]);

		if (k == NULL || (found->n_records > 0 && !str_eq(k->source, found->source)))
			continue;
		found->source = k->source;
		records[found->n_records++] = k->ordinal;
	}
	found->records = records;
}

static void on_fire(void *ctx, const struct correlation *c)
{
	struct rules *x = ctx;
	const struct sigma_rule *r = &x->set->rules[c->rule];
	struct hunt_found found = found_by(r, c->at);
	uint64_t records[CORRELATE_EVENTS_MAX];
	struct correlated made = { x->set, c };

	found.made = &made;
	put_places(x, c, &found, records);
	for (; found.n_why < c->n_group && found.n_why < HUNT_WHY_MAX; found.n_why++) {
		found.why[found.n_why].field = r->corr->group_by[found.n_why];
		found.why[found.n_why].value = c->group[found.n_why];
	}
	if (!r->hidden)
		hunt_tell(x->sink, &found);
}

static void tell_match(struct rules *x, const struct block_event *e, uint32_t rule, const struct engine_why *why, size_t n)
{
	struct hunt_found found = found_by(&x->set->rules[rule], e->time);

	found.event = e;
	found.f = x->f;
	found.source = e->source;
	for (size_t i = 0; i < n; i++) {
		if (x->patterns != NULL && stix_rules_is_place(x->patterns, why[i].test))
			continue;
		found.why[found.n_why].field = why[i].field;
		found.why[found.n_why++].value = why[i].value;
	}
	hunt_tell(x->sink, &found);
}

static enum rc correlate(struct rules *x, const struct block_event *e, struct err *err)
{
	if (!correlator_wants(x->correlator, x->rule) || (x->step != NULL && e->time > x->upto))
		return RC_OK;
	if (x->step != NULL)
		return correlator_steps(x->correlator, x->rule, e->time, x->block << HUNT_EVENT_BITS | x->base.place, field, x, x->step, x->step_ctx,
					err);
	keep_place(x, e);
	return correlator_add(x->correlator, x->rule, e->time, x->events, field, x, on_fire, x, err);
}

static enum rc take(struct rules *x, const struct block_event *e, struct flat *f, uint32_t rule, struct err *err)
{
	struct engine_why why[WHY_MAX];
	size_t n = engine_why_once(why, engine_explain(x->engine, f, rule, why, WHY_MAX));

	/* A line of plain text has no fields: it meets no rule by those it lacks. */
	if ((n == 0 && f->format == LOG_TEXT) || !stix_rule_counts(&x->set->rules[rule], x->now != 0 ? x->now : e->time, e->time))
		return RC_OK;
	x->rule = rule;
	if (!x->set->rules[rule].hidden)
		tell_match(x, e, rule, why, n < HUNT_WHY_MAX ? n : HUNT_WHY_MAX);
	return correlate(x, e, err);
}

static enum rc event(struct hunt_matcher *m, const struct block_event *e, struct flat *f, struct hunt_sink *s, struct err *err)
{
	struct rules *x = of(m);
	const uint32_t *list;
	size_t n = engine_run(x->engine, f, &list);

	x->f = f;
	x->sink = s;
	x->events++;
	for (size_t i = 0; i < n && !s->stop; i++)
		TRY(take(x, e, f, list[i], err));
	return RC_OK;
}

static enum rc end(struct hunt_matcher *m, struct hunt_sink *s, struct err *err)
{
	of(m)->sink = s;
	return correlator_end(of(m)->correlator, on_fire, m, err);
}

enum rc hunt_make_steps(struct hunt_matcher *m, uint64_t seed, correlator_step fn, void *ctx, struct err *err)
{
	const struct correlator_opts o = { .seed = seed, .any_time = true };
	struct rules *x = of(m->first != NULL ? m->first : m);
	struct correlator *maker;

	TRY(correlator_new(x->set, &o, &maker, err));
	correlator_free(x->correlator);
	x->correlator = maker;
	x->step = fn;
	x->step_ctx = ctx;
	x->upto = INT64_MAX;
	return RC_OK;
}

void hunt_next_block(struct hunt_matcher *m, int64_t number, usec upto)
{
	struct rules *x = of(m->first != NULL ? m->first : m);

	x->block = (uint64_t)number;
	x->upto = upto;
	x->now = time_now();
}

static void free_it(struct hunt_matcher *m)
{
	struct rules *x = of(m);

	correlator_free(x->correlator);
	engine_free(x->engine);
	engine_image_unref(x->image);
	arena_free(x->names);
	mem_free(x->kept);
	mem_free(x);
}

void hunt_rules_from(struct hunt_matcher *m, const struct stix_rules *patterns)
{
	of(m)->patterns = patterns;
}

static enum rc fill(struct rules *x, const struct taxonomy *t, uint64_t *ret_refused, struct err *err)
{
	const struct correlator_opts all_time = { .tolerance = CORRELATE_ALL_TIME };
	const struct correlator_refusal *of_correlator;
	const struct engine_refusal *of_engine;

	x->names = arena_new(NAMES_ARENA);
	if (x->names == NULL)
		return FAIL(err, RC_NOMEM, "hunt: out of memory");
	TRY(engine_image_build(x->set, t, &x->image, err));
	TRY(engine_new(x->image, &x->engine, err));
	TRY(correlator_new(x->set, &all_time, &x->correlator, err));
	x->base.dict = engine_image_fields(x->image);
	if (ret_refused != NULL)
		*ret_refused = engine_image_refused(x->image, &of_engine) + correlator_refused(x->correlator, &of_correlator);
	return RC_OK;
}

enum rc hunt_for_rules(const struct sigma_set *rules, const struct taxonomy *t, struct hunt_matcher **ret, uint64_t *ret_refused,
		       struct err *err)
{
	struct rules *x = mem_alloc(sizeof *x);
	enum rc rc;

	if (x == NULL)
		return FAIL(err, RC_NOMEM, "hunt: out of memory");
	x->base = (struct hunt_matcher){ .event = event, .end = end, .free = free_it };
	x->set = rules;
	rc = fill(x, t, ret_refused, err);
	if (rc == RC_OK)
		*ret = &x->base;
	else
		hunt_matcher_free(&x->base);
	return rc;
}
