/* Rules run in the engine that runs them live. A rule may hang on anything in an
 * event, so no filter is asked. Correlations see the matches of the whole history
 * in the order of their time, whatever order they lie in. */
#include "base/mem.h"
#include "detect/correlate.h"
#include "detect/engine.h"
#include "detect/hunt_int.h"

struct rules {
	struct hunt_matcher base;
	const struct sigma_set *set;
	struct engine_image *image;
	struct engine *engine;
	struct correlator *correlator;
	uint64_t events;
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
	return (struct hunt_found){ .at = at, .id = r->id, .title = r->title, .author = r->author, .level = str_of(sigma_level_name(r->level)),
				    .matched = S(""), .tlp = UINT8_MAX, .confidence = UINT8_MAX };
}

static bool field(void *ctx, struct str name, struct str *ret)
{
	struct rules *x = ctx;

	return engine_field(x->engine, x->f, x->rule, name, ret);
}

static void on_fire(void *ctx, const struct correlation *c)
{
	struct rules *x = ctx;
	const struct sigma_rule *r = &x->set->rules[c->rule];
	struct hunt_found found = found_by(r, c->at);

	for (; found.n_why < c->n_group && found.n_why < HUNT_WHY_MAX; found.n_why++) {
		found.why[found.n_why].field = r->corr->group_by[found.n_why];
		found.why[found.n_why].value = c->group[found.n_why];
	}
	if (!r->hidden)
		hunt_tell(x->sink, &found);
}

static void tell_match(struct rules *x, const struct block_event *e, struct flat *f, uint32_t rule)
{
	struct engine_why why[HUNT_WHY_MAX];
	struct hunt_found found = found_by(&x->set->rules[rule], e->time);

	found.event = e;
	found.n_why = engine_explain(x->engine, f, rule, why, HUNT_WHY_MAX);
	if (found.n_why > HUNT_WHY_MAX)
		found.n_why = HUNT_WHY_MAX;
	for (size_t i = 0; i < found.n_why; i++) {
		found.why[i].field = why[i].field;
		found.why[i].value = why[i].value;
	}
	hunt_tell(x->sink, &found);
}

static enum rc event(struct hunt_matcher *m, const struct block_event *e, struct flat *f, struct hunt_sink *s, struct err *err)
{
	struct rules *x = of(m);
	const uint32_t *list;
	size_t n = engine_run(x->engine, f, &list);

	x->f = f;
	x->sink = s;
	x->events++;
	for (size_t i = 0; i < n && !s->stop; i++) {
		x->rule = list[i];
		if (!x->set->rules[list[i]].hidden)
			tell_match(x, e, f, list[i]);
		if (x->correlator != NULL && correlator_wants(x->correlator, list[i]))
			TRY(correlator_add(x->correlator, list[i], e->time, x->events, field, x, on_fire, x, err));
	}
	return RC_OK;
}

static enum rc end(struct hunt_matcher *m, struct hunt_sink *s, struct err *err)
{
	of(m)->sink = s;
	if (of(m)->correlator == NULL)
		return RC_OK;
	return correlator_end(of(m)->correlator, on_fire, m, err);
}

void hunt_without_correlations(struct hunt_matcher *m)
{
	correlator_free(of(m)->correlator);
	of(m)->correlator = NULL;
}

static void free_it(struct hunt_matcher *m)
{
	struct rules *x = of(m);

	correlator_free(x->correlator);
	engine_free(x->engine);
	engine_image_unref(x->image);
	mem_free(x);
}

static enum rc fill(struct rules *x, const struct taxonomy *t, uint64_t *ret_refused, struct err *err)
{
	const struct correlator_opts all_time = { .tolerance = CORRELATE_ALL_TIME };
	const struct correlator_refusal *of_correlator;
	const struct engine_refusal *of_engine;

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
