/* Events against the images in force. Each image has a dictionary of its own, so an event is read once for each;
 * there are few. Matches of operators between observations are rare: one lock for all their state. */
#include "base/mem.h"
#include "detect/patterns_int.h"
#include "model/observable.h"
#include "wire/flat_json.h"

#define WHY_MAX 16

struct patterns_run {
	struct patterns *p;
	struct pattern_world *world;
	struct engine *engines[PATTERN_LAYERS_MAX];
	struct flat *flat;
	struct buf normal;
	patterns_hit fn; /* NULL: nothing is told */
	void *ctx;
};

/* What an event met a pattern by. */
struct shown {
	struct observable what;
	bool suppressed;
	struct str list;
};

enum rc patterns_run_new(struct patterns *p, struct patterns_run **ret, struct err *err)
{
	struct patterns_run *r = mem_alloc(sizeof *r);

	if (r == NULL || flat_new(&r->flat, err) != RC_OK) {
		mem_free(r);
		return FAIL(err, RC_NOMEM, "patterns: out of memory");
	}
	r->p = p;
	buf_init(&r->normal, 2 * VALUE_MAX);
	*ret = r;
	return RC_OK;
}

static void let_go(struct patterns_run *r)
{
	for (uint32_t i = 0; i < COUNTOF(r->engines); i++) {
		engine_free(r->engines[i]);
		r->engines[i] = NULL;
	}
	pattern_world_drop(r->world);
	r->world = NULL;
}

void patterns_run_free(struct patterns_run *r)
{
	if (r == NULL)
		return;
	let_go(r);
	flat_free(r->flat);
	buf_done(&r->normal);
	mem_free(r);
}

/* The newest world. Engines of images that are still there go on with what they remember. */
static enum rc catch_up(struct patterns_run *r, struct err *err)
{
	struct engine *engines[PATTERN_LAYERS_MAX] = { NULL };
	struct pattern_world *w, *old = r->world;
	enum rc rc = RC_OK;

	if (old != NULL && atomic_load(&r->p->number) == old->number)
		return RC_OK;
	w = pattern_world_take(r->p);
	for (uint32_t i = 0; i < w->n && rc == RC_OK; i++) {
		for (uint32_t k = 0; old != NULL && k < old->n; k++) {
			if (old->layers[k] != w->layers[i])
				continue;
			engines[i] = r->engines[k];
			r->engines[k] = NULL;
		}
		if (engines[i] == NULL)
			rc = engine_new(w->layers[i]->image, &engines[i], err);
	}
	let_go(r);
	r->world = w;
	memcpy(r->engines, engines, sizeof engines);
	if (rc != RC_OK)
		let_go(r);
	return rc;
}

/* --- what is shown --- */

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* The first observable of what matched, or the first value. Held back when there are observables, all of them are on warning
 * lists, and nothing else was asked for but numbers (a port of a well known server says no more than the server). */
static struct shown show(struct patterns_run *r, const struct engine_why *why, size_t n)
{
	struct shown s = { .what = { .kind = OBS_KINDS, .field = n > 0 ? why[0].field : S(""), .value = n > 0 ? why[0].value : S("") },
			   .list = S("") };
	bool others = false, bad = false;

	for (size_t i = 0; i < n; i++) {
		enum observable_kind kind;
		struct str list = S("");

		buf_clear(&r->normal);
		if (why[i].value.n > VALUE_MAX || value_detect(why[i].value, &kind, &r->normal, NULL) != RC_OK) {
			others |= !is_number(why[i].value);
			continue;
		}
		if (s.what.kind == OBS_KINDS)
			s.what = (struct observable){ .kind = kind, .field = why[i].field, .value = why[i].value };
		if (r->p->o.suppress == NULL || !r->p->o.suppress(r->p->o.suppress_ctx, kind, buf_view(&r->normal), &list))
			bad = true;
		else if (s.list.n == 0)
			s.list = list.n > 0 ? list : S("(a list without a name)");
	}
	s.suppressed = s.list.n > 0 && !others && !bad;
	return s;
}

static void tell(struct patterns_run *r, const struct pattern_item *x, struct hit *h)
{
	if (r->fn == NULL)
		return;
	h->indicator = str_of(x->id);
	h->matched = str_of(x->pattern);
	h->tlp = atomic_load(&x->tlp);
	h->confidence = atomic_load(&x->confidence);
	if (h->suppressed.n > 0)
		atomic_fetch_add(&r->p->suppressed, 1);
	r->fn(r->ctx, h);
}

static bool in_force(const struct pattern_item *x, usec now)
{
	return !atomic_load(&x->dead) && !atomic_load(&x->refused) && now >= atomic_load(&x->from) && now < atomic_load(&x->until);
}

/* --- operators between observations; under the lock of their state --- */

static bool no_field(void *ctx UNUSED, struct str field UNUSED, struct str *ret UNUSED)
{
	return false;
}

static struct str put(char **at, struct str s)
{
	struct str copy = str_make(*at, s.n);

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

/* Keeps what the match looked like. Without memory the firing is shown with less. */
static void remember(struct pattern_item *x, uint64_t number, const struct patterns_event *e, const struct shown *s)
{
	struct pattern_witness *w = &x->witness[x->counted % PATTERN_WITNESSES];
	struct str line = str_slice(e->line, 0, PATTERN_WITNESS_BYTES), value = str_slice(s->what.value, 0, VALUE_MAX);
	struct str where = e->where(e->ctx);
	char *at;

	mem_free(w->text);
	*w = (struct pattern_witness){ .number = number, .kind = s->what.kind };
	w->text = at = mem_alloc(line.n + value.n + e->input.n + where.n + s->what.field.n + 1);
	if (at == NULL)
		return;
	w->line = put(&at, line);
	w->value = put(&at, value);
	w->input = put(&at, e->input);
	w->where = put(&at, where);
	w->field = put(&at, s->what.field);
}

struct firing { struct patterns_run *r; struct pattern_item *x; };

/* Numbers of events are even, or odd for those that a warning list holds back. */
static void on_fire(void *ctx, const struct correlation *c)
{
	const struct firing *f = ctx;
	const struct pattern_witness *w = NULL;
	bool suppressed = c->n_events > 0;
	struct hit h = { .what = { .kind = OBS_KINDS, .value = S(""), .field = S("") }, .at = c->at, .where = S(""), .input = S(""), .event = S(""),
			 .suppressed = S("") };

	if (f->x->set->rules[c->rule].hidden || !in_force(f->x, time_now()))
		return;
	for (uint32_t i = 0; i < c->n_events; i++)
		suppressed &= (c->events[i] & 1) != 0;
	for (uint32_t i = 0; i < c->n_events && w == NULL; i++)
		for (size_t k = 0; k < PATTERN_WITNESSES && w == NULL; k++)
			if (f->x->witness[k].text != NULL && f->x->witness[k].number == c->events[i])
				w = &f->x->witness[k];
	if (w != NULL) {
		h.what = (struct observable){ .kind = w->kind, .value = w->value, .field = w->field };
		h.where = w->where;
		h.input = w->input;
		h.event = w->line;
	}
	if (suppressed)
		h.suppressed = S("(of each of its observations)");
	f->x->anew |= suppressed;
	atomic_fetch_add(&f->r->p->fired, !suppressed && f->r->fn != NULL);
	tell(f->r, f->x, &h);
}

/* From the newest event that was believed the clock goes on by itself. */
static void clock_seen(struct pattern_item *x)
{
	usec t = correlator_time(x->correlator);

	if (t == INT64_MIN)
		return;
	x->stirred = true;
	if (t > x->newest || x->newest_mono == 0) {
		x->newest = t;
		x->newest_mono = time_mono();
	}
}

/* A firing keeps the same from firing again for a while: one that was held back must not. */
static void forget_held_back(struct patterns_run *r, struct pattern_item *x)
{
	if (x->anew && pattern_item_correlator(x, NULL) != RC_OK)
		atomic_fetch_add(&r->p->lost, 1);
	x->anew = false;
}

static void count(struct patterns_run *r, struct pattern_item *x, uint32_t slot, usec at, const struct patterns_event *e, const struct shown *s)
{
	struct firing f = { r, x };
	uint64_t number;

	pthread_mutex_lock(&r->p->state_lock);
	number = ++x->counted << 1 | (uint64_t)s->suppressed;
	remember(x, number, e, s);
	if (correlator_add(x->correlator, slot, at, number, no_field, NULL, on_fire, &f, NULL) != RC_OK)
		atomic_fetch_add(&r->p->lost, 1);
	clock_seen(x);
	forget_held_back(r, x);
	pthread_mutex_unlock(&r->p->state_lock);
}

/* --- events --- */

/* START and STOP ask for the event's own time. */
static bool in_window(const struct sigma_rule *rule, usec at)
{
	const struct sigma_indicator *i = rule->indicator;

	return (i->start == INT64_MIN && i->stop == INT64_MAX) || (at != 0 && at >= i->start && at < i->stop);
}

/* What kind of event it is says nothing of why it matched. */
static size_t without_places(const struct pattern_layer *l, struct engine_why *why, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!stix_rules_is_place(l->rules, why[i].test))
			why[kept++] = why[i];
	return kept;
}

static void take_match(struct patterns_run *r, const struct pattern_layer *l, struct engine *engine, uint32_t rule,
		       const struct patterns_event *e, usec at)
{
	struct pattern_item *x = l->items[l->item_of[rule]];
	const struct sigma_rule *of = &l->set->rules[rule];
	struct engine_why why[WHY_MAX];
	size_t n;
	struct shown s;

	if (!in_force(x, time_now()) || !in_window(of, at))
		return;
	n = engine_explain(engine, r->flat, rule, why, WHY_MAX);
	if (n == 0 && e->format == LOG_TEXT)
		return;
	s = show(r, why, without_places(l, why, n < WHY_MAX ? n : WHY_MAX));
	if (!of->hidden && r->fn != NULL) {
		struct hit h = { .what = s.what, .at = at != 0 ? at : time_now(), .where = e->where(e->ctx), .input = e->input, .event = e->line,
				 .suppressed = s.suppressed ? s.list : S("") };

		atomic_fetch_add(&r->p->matches, !s.suppressed);
		tell(r, x, &h);
	}
	if (x->correlator != NULL && correlator_wants(x->correlator, l->slot_of[rule]))
		count(r, x, l->slot_of[rule], at != 0 ? at : time_now(), e, &s);
}

bool patterns_any(const struct patterns_run *r)
{
	return r->world == NULL || r->world->n > 0 || atomic_load(&r->p->number) != r->world->number;
}

enum rc patterns_match(struct patterns_run *r, const struct patterns_event *e, patterns_hit fn, void *ctx, struct err *err)
{
	TRY(catch_up(r, err));
	r->fn = fn;
	r->ctx = ctx;
	for (uint32_t i = 0; i < r->world->n; i++) {
		const struct pattern_layer *l = r->world->layers[i];
		const uint32_t *rules;
		size_t n;
		usec at;

		TRY(flat_json(r->flat, engine_image_fields(l->image), e->json, err));
		r->flat->format = e->format;
		n = engine_run(r->engines[i], r->flat, &rules);
		if (n == 0)
			continue;
		at = e->at != 0 ? e->at : flat_time(r->flat);
		for (size_t k = 0; k < n; k++)
			take_match(r, l, r->engines[i], rules[k], e, at);
	}
	return RC_OK;
}

enum rc patterns_warm(struct patterns_run *r, const struct patterns_event *e, struct err *err)
{
	return patterns_match(r, e, NULL, NULL, err);
}

usec patterns_span(struct patterns *p)
{
	struct pattern_world *w = pattern_world_take(p);
	usec span = 0;

	for (uint32_t i = 0; i < w->n; i++)
		for (uint32_t k = 0; k < w->layers[i]->n_items; k++) {
			const struct sigma_set *set = w->layers[i]->items[k]->set;

			for (uint32_t r = 0; set != NULL && r < set->n_rules; r++)
				if (set->rules[r].kind == SIGMA_CORRELATION && set->rules[r].corr->timespan > span)
					span = set->rules[r].corr->timespan;
		}
	pattern_world_drop(w);
	return span;
}

static enum rc advance(struct pattern_item *x, bool end, struct firing *f, struct err *err)
{
	usec gone = time_mono() - x->newest_mono;

	if (end) {
		x->stirred = false;
		return correlator_end(x->correlator, on_fire, f, err);
	}
	x->stirred = gone <= 2 * PATTERNS_TOLERANCE;
	return correlator_advance(x->correlator, x->newest + gone, on_fire, f, err);
}

static enum rc advance_all(struct patterns_run *r, bool end, patterns_hit fn, void *ctx, struct err *err)
{
	enum rc rc = RC_OK;

	TRY(catch_up(r, err));
	r->fn = fn;
	r->ctx = ctx;
	pthread_mutex_lock(&r->p->state_lock);
	for (uint32_t i = 0; i < r->world->n; i++) {
		for (uint32_t k = 0; k < r->world->layers[i]->n_items && rc == RC_OK; k++) {
			struct firing f = { r, r->world->layers[i]->items[k] };

			if (f.x->stirred && !atomic_load(&f.x->dead))
				rc = advance(f.x, end, &f, err);
			forget_held_back(r, f.x);
		}
	}
	pthread_mutex_unlock(&r->p->state_lock);
	return rc;
}

enum rc patterns_idle(struct patterns_run *r, patterns_hit fn, void *ctx, struct err *err)
{
	return advance_all(r, false, fn, ctx, err);
}

enum rc patterns_end(struct patterns_run *r, patterns_hit fn, void *ctx, struct err *err)
{
	return advance_all(r, true, fn, ctx, err);
}
