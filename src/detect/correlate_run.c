/* One hit through one plan, what it fires, and what that feeds; the ends of
 * windows; eviction. Hits arrive here in the order of their time. */
#include "detect/correlate_int.h"

#define SWEEP 4u         /* groups looked at for each new one: dead ones make room */
#define PAST_LEAST 256u  /* entries of the trail, to begin with */
#define EVENT_NONE UINT64_MAX

/* --- the trail --- */

void past_grow(struct correlator *c)
{
	size_t cap = c->cap_past == 0 ? PAST_LEAST : c->cap_past * 2;
	struct past *more;

	if (cap * sizeof *more > c->max_bytes / 64)
		return;
	more = budget_alloc(&c->budget, cap * sizeof *more);
	if (more == NULL)
		return; /* the older ones are overwritten then */
	for (uint64_t i = c->n_past - c->cap_past; i < c->n_past; i++)
		more[i & (cap - 1)] = c->past[i & (c->cap_past - 1)];
	budget_free(&c->budget, c->past, c->cap_past * sizeof *more);
	c->past = more;
	c->cap_past = cap;
}

size_t past_read(const struct correlator *c, const struct group *g, usec after, struct past *out, size_t max)
{
	uint32_t number = g->past;
	size_t n = 0;

	while (number != 0 && n < max) {
		uint32_t back = (uint32_t)c->n_past - number; /* 0: the newest */
		const struct past *e;

		if (back >= c->cap_past || back >= c->n_past)
			break;
		e = &c->past[(c->n_past - 1 - back) & (c->cap_past - 1)];
		if (e->who != (uint32_t)(g->h[1] >> 32) || e->at <= after)
			break;
		out[n++] = *e;
		/* Entries point back only: what does not is the number of an earlier turn. */
		if ((uint32_t)c->n_past - e->before <= back)
			break;
		number = e->before;
	}
	return n;
}

/* --- firing --- */

struct inner_fields {
	const struct str *names, *values;
	uint32_t n;
};

static bool inner_field(void *ctx, struct str field, struct str *ret)
{
	const struct inner_fields *f = ctx;

	for (uint32_t i = 0; i < f->n; i++)
		if (str_eq(f->names[i], field)) {
			*ret = f->values[i];
			return f->values[i].p != NULL;
		}
	return false;
}

/* The firing of `inner` as a match in the correlations that name it. */
static enum rc feed(struct correlator *c, const struct plan *inner, struct inner_fields *f, usec at, uint64_t event)
{
	enum rc worst = RC_OK;

	for (uint32_t i = c->use_at[inner->rule]; i < c->use_at[inner->rule + 1]; i++) {
		struct plan *p = &c->plans[c->uses[i].plan];
		struct hit h = { .at = at, .event = event, .plan = c->uses[i].plan, .slot = c->uses[i].slot };
		enum rc rc;

		if (!key_build(p, &c->secret, inner_field, f, p->scratch, &h, &c->stats))
			continue;
		rc = run_hit(c, &h);
		worst = rc != RC_OK ? rc : worst;
	}
	return worst;
}

enum rc run_fire(struct correlator *c, struct plan *p, struct group *g, struct str key, usec at, usec from, const struct verdict *v)
{
	struct str values[2 * CORRELATE_FIELDS_MAX];
	struct past trail[CORRELATE_EVENTS_MAX];
	uint64_t events[CORRELATE_EVENTS_MAX];
	size_t n = past_read(c, g, from, trail, CORRELATE_EVENTS_MAX);
	struct correlation out = { .rule = p->rule, .at = at, .first = v->first, .value = v->value, .group = values, .n_group = p->n_group,
				   .events = events, .n_events = (uint32_t)n };
	struct inner_fields f = { p->names, values, p->n_group + p->n_carried };

	if (!key_read(key, values, p->n_group + p->n_carried))
		return RC_INTERNAL;
	for (size_t i = 0; i < n; i++)
		events[i] = trail[i].event;
	c->stats.fired++;
	if (c->fire != NULL)
		c->fire(c->fire_ctx, &out);
	return feed(c, p, &f, at, n > 0 ? events[0] : EVENT_NONE);
}

/* --- groups --- */

void run_drop(struct correlator *c, struct plan *p, struct group *g)
{
	void **block = step_block(p, g);

	if (block != NULL && *block != NULL)
		budget_free(&c->budget, *block, *(uint64_t *)*block); /* size stands first in each kind of block */
	if (p->machine == MACHINE_WINDOW)
		window_forget(c, p, g);
	groups_drop(&p->groups, g);
}

/* Nothing of its past can count any more. */
static bool dead(const struct plan *p, const struct group *g, usec now)
{
	return p->machine != MACHINE_WINDOW && now - g->last >= p->span;
}

static void sweep(struct correlator *c, struct plan *p, usec now)
{
	struct groups *gs = &p->groups;

	for (unsigned i = 0; i < SWEEP && gs->used > 0; i++) {
		struct group *g;

		gs->hand = gs->hand + 1 < gs->used ? gs->hand + 1 : 0;
		g = groups_at(gs, gs->hand);
		if ((g->flags & GROUP_LIVE) != 0 && dead(p, g, now))
			run_drop(c, p, g);
	}
}

/* Forgets what a group knows, in its place. */
static void begin_anew(struct correlator *c, const struct plan *p, struct group *g)
{
	void **block = step_block(p, g);

	if (block != NULL && *block != NULL)
		budget_free(&c->budget, *block, *(uint64_t *)*block);
	g->past = 0;
	g->n = g->head = 0;
	g->flags = GROUP_LIVE;
	memset(g->state, 0, p->groups.stride - sizeof *g);
}

static enum rc run_step(struct correlator *c, struct plan *p, const struct hit *h)
{
	struct group *g = groups_find(&p->groups, h->h);
	struct verdict v;
	enum rc rc;

	if (g == NULL) {
		sweep(c, p, h->at);
		g = groups_make(&p->groups, h->h, &c->budget);
		if (g == NULL)
			return RC_NOMEM;
	} else if (dead(p, g, h->at)) {
		begin_anew(c, p, g);
	}
	rc = step(c, p, g, h, &v);
	g->last = h->at;
	if (rc != RC_OK)
		return rc;
	past_add(c, g, h->at, h->event);
	if (!v.holds) {
		g->flags &= (uint8_t)~GROUP_FIRING;
		return RC_OK;
	}
	if (!step_may_fire(p, g, h->at))
		return RC_OK;
	step_fired(p, g, h->at);
	return run_fire(c, p, g, str_make((const char *)h->key, h->n_key), h->at, h->at - p->span, &v);
}

/* --- windows --- */

static usec end_of(const struct plan *p)
{
	return window_of(groups_at(&p->groups, p->first_open - 1))->open + p->span;
}

enum rc run_windows(struct correlator *c, usec upto)
{
	enum rc worst = RC_OK;

	while (c->next_end <= upto) {
		struct plan *next = NULL;
		enum rc rc;

		c->next_end = INT64_MAX;
		for (uint32_t i = 0; i < c->n_plans; i++) {
			struct plan *p = &c->plans[i];

			if (p->first_open != 0 && end_of(p) < c->next_end) {
				c->next_end = end_of(p);
				next = p;
			}
		}
		if (next == NULL || c->next_end > upto)
			break;
		rc = window_close(c, next, groups_at(&next->groups, next->first_open - 1));
		worst = rc != RC_OK ? rc : worst;
	}
	return worst;
}

/* Those of one plan that end at or before `upto`: an event of that time belongs to the next one. */
static enum rc close_own(struct correlator *c, struct plan *p, usec upto)
{
	enum rc worst = RC_OK;

	while (p->first_open != 0 && end_of(p) <= upto) {
		enum rc rc = window_close(c, p, groups_at(&p->groups, p->first_open - 1));

		worst = rc != RC_OK ? rc : worst;
	}
	return worst;
}

enum rc run_hit(struct correlator *c, const struct hit *h)
{
	struct plan *p = &c->plans[h->plan];
	enum rc rc, add;

	c->stats.updates++;
	if (p->machine != MACHINE_WINDOW)
		return run_step(c, p, h);
	rc = close_own(c, p, h->at);
	add = window_add(c, p, h);
	return add != RC_OK ? add : rc;
}

/* --- eviction --- */

#define AGES 1024u

static size_t size_of_group(const struct plan *p, struct group *g)
{
	void **block = step_block(p, g);

	return p->groups.stride + 2 * sizeof(uint32_t) + (block != NULL && *block != NULL ? (size_t)*(uint64_t *)*block : 0) +
	       (p->machine == MACHINE_WINDOW ? window_of(g)->n_key : 0);
}

/* All groups, one after the other: NULL at the end. */
static struct group *each_group(struct correlator *c, uint32_t *plan, uint32_t *i)
{
	for (; *plan < c->n_plans; ++*plan, *i = 0) {
		struct groups *gs = &c->plans[*plan].groups;

		while (*i < gs->used) {
			struct group *g = groups_at(gs, (*i)++);

			if ((g->flags & GROUP_LIVE) != 0)
				return g;
		}
	}
	return NULL;
}

static void moved(void *ctx, uint32_t from, uint32_t to)
{
	struct plan *p = ctx;

	if (p->machine == MACHINE_WINDOW)
		window_moved(p, from, to);
}

/* Which tenth-of-a-percent of the idle times from `oldest` to `newest` a time lies in. */
static uint32_t age_of(usec t, usec oldest, usec newest)
{
	return (uint32_t)((double)(t - oldest) / ((double)(newest - oldest) + 1) * AGES);
}

/* Those idle for longest go until an eighth is free, and the rest is moved together. Two walks over all groups, seldom: the
 * price of keeping no order of use. */
void run_evict(struct correlator *c)
{
	size_t excess = c->budget.bytes - (c->max_bytes - c->max_bytes / 8), room[AGES] = { 0 }, sum = 0;
	usec oldest = INT64_MAX, newest = INT64_MIN;
	uint32_t plan = 0, i = 0, cut = 0;
	struct group *g;

	while ((g = each_group(c, &plan, &i)) != NULL) {
		oldest = g->last < oldest ? g->last : oldest;
		newest = g->last > newest ? g->last : newest;
	}
	for (plan = i = 0; (g = each_group(c, &plan, &i)) != NULL;)
		room[age_of(g->last, oldest, newest)] += size_of_group(&c->plans[plan], g);
	while (cut < AGES - 1 && sum + room[cut] < excess)
		sum += room[cut++];
	/* Within the last class only as many as it takes. */
	for (plan = i = 0; (g = each_group(c, &plan, &i)) != NULL;) {
		struct plan *p = &c->plans[plan];
		uint32_t age = age_of(g->last, oldest, newest);

		if (age > cut || (age == cut && sum >= excess))
			continue;
		sum += age == cut ? size_of_group(p, g) : 0;
		c->stats.evicted += !dead(p, g, c->floor);
		run_drop(c, p, g);
	}
	for (plan = 0; plan < c->n_plans; plan++)
		groups_shrink(&c->plans[plan].groups, &c->budget, moved, &c->plans[plan]);
}
