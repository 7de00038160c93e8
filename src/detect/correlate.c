/* The correlator's outside: matches in, the order of time restored, firings out.
 * Nothing here is hostile in form; names and values of fields are any bytes, and
 * times are whatever a log claims: one that claims the far future must not make
 * all others late. */
#include "detect/correlate_int.h"

#include "base/mem.h"

#define MAX_BYTES_DEFAULT ((size_t)256 << 20)
#define MAX_BYTES_LEAST ((size_t)1 << 20)
#define TOLERANCE_DEFAULT (60 * USEC_PER_SEC)
#define ARENA_MAX ((size_t)1 << 30)
#define AHEAD_MAX ((usec)86400 * USEC_PER_SEC)
#define TIME_MAX ((usec)1 << 60)
#define FETCH_INDEX 12u /* hits whose index slot, and then group, is fetched before its turn */
#define FETCH_ENTRY 6u
#define FETCH_LAG 16u    /* hits that wait for that where time would not make them wait */
#define FETCH_WORTH ((size_t)2 << 20) /* bytes of state that the processor's caches may not hold */

enum rc correlator_new(const struct sigma_set *rules, const struct correlator_opts *o, struct correlator **ret, struct err *err)
{
	struct correlator *c CLEANUP(correlator_freep) = mem_alloc(sizeof *c);

	if (c == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	c->set = rules;
	c->tolerance = o == NULL || o->tolerance == 0 ? TOLERANCE_DEFAULT : o->tolerance;
	c->any_time = o != NULL && o->any_time;
	c->max_bytes = o == NULL || o->max_bytes == 0 ? MAX_BYTES_DEFAULT : o->max_bytes;
	if (c->max_bytes < MAX_BYTES_LEAST)
		c->max_bytes = MAX_BYTES_LEAST;
	hash_secret_draw(&c->secret, o == NULL ? 0 : o->seed);
	c->max_waiting = c->max_bytes / 3;
	c->newest = c->floor = c->believed = INT64_MIN;
	c->next_end = INT64_MAX;
	c->arena = arena_new(ARENA_MAX);
	if (c->arena == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	TRY(plan_all(c, err));
	*ret = c;
	c = NULL;
	return RC_OK;
}

void correlator_clear(struct correlator *c)
{
	pending_free(&c->pending, &c->budget);
	for (uint32_t i = 0; i < c->n_plans; i++) {
		struct plan *p = &c->plans[i];

		for (uint32_t k = 0; k < p->groups.used; k++)
			if ((groups_at(&p->groups, k)->flags & GROUP_LIVE) != 0)
				run_drop(c, p, groups_at(&p->groups, k));
		groups_free(&p->groups, &c->budget);
	}
	budget_free(&c->budget, c->past, c->cap_past * sizeof *c->past);
	c->past = NULL;
	c->n_past = c->cap_past = 0;
	c->newest = c->floor = INT64_MIN;
	c->next_end = INT64_MAX;
}

void correlator_free(struct correlator *c)
{
	if (c == NULL)
		return;
	correlator_clear(c);
	arena_free(c->arena);
	mem_free(c);
}

void correlator_freep(struct correlator **c)
{
	correlator_free(*c);
	*c = NULL;
}

size_t correlator_refused(const struct correlator *c, const struct correlator_refusal **ret)
{
	*ret = c->refused;
	return c->n_refused;
}

bool correlator_wants(const struct correlator *c, uint32_t rule)
{
	return rule < c->set->n_rules && c->use_at[rule] < c->use_at[rule + 1];
}

size_t correlator_fields(const struct correlator *c, uint32_t rule, const struct str **ret)
{
	if (rule >= c->set->n_rules)
		return 0;
	*ret = c->asked[rule].fields;
	return c->asked[rule].n;
}

/* Fetches the state of hits that will be counted soon: a group is a cache miss, and their hashes are known. */
static void fetch_ahead(struct correlator *c)
{
	struct pending *p = &c->pending;

	if (p->ahead == NULL) {
		p->ahead = p->first;
		p->ahead_by = 0;
	}
	while (p->ahead != NULL && p->ahead_by < FETCH_INDEX && p->ahead->next != NULL) {
		p->ahead = p->ahead->next;
		p->ahead_by++;
		groups_prefetch_index(&c->plans[p->ahead->hit.plan].groups, p->ahead->hit.h);
	}
	if (p->near == NULL) {
		p->near = p->first;
		p->near_by = 0;
	}
	while (p->near != NULL && p->near_by < FETCH_ENTRY && p->near->next != NULL) {
		p->near = p->near->next;
		p->near_by++;
		groups_prefetch_entry(&c->plans[p->near->hit.plan].groups, p->near->hit.h);
	}
}

/* Counts the first that waits. */
static enum rc take_first(struct correlator *c, struct waiting *w)
{
	enum rc rc, worst = RC_OK;

	fetch_ahead(c);
	if (c->next_end <= w->hit.at)
		worst = run_windows(c, w->hit.at);
	rc = run_hit(c, &w->hit);
	pending_drop(&c->pending, w, &c->budget);
	return rc != RC_OK ? rc : worst;
}

/* Counts all before `upto`, or at it, too. */
static enum rc release(struct correlator *c, usec upto, bool with)
{
	struct waiting *w;
	enum rc worst = RC_OK;

	while ((w = pending_first(&c->pending)) != NULL && (w->hit.at < upto || (with && w->hit.at == upto))) {
		enum rc rc = take_first(c, w);

		worst = rc != RC_OK ? rc : worst;
	}
	return worst;
}

/* All that can be known now: nothing earlier than the floor comes any more. */
static enum rc settle(struct correlator *c)
{
	enum rc rc = release(c, c->floor, c->tolerance < 0), ends = RC_OK;

	if (c->next_end <= c->floor)
		ends = run_windows(c, c->floor);
	return rc != RC_OK ? rc : ends;
}

/* Nothing earlier than the floor is counted any more. */
static void floor_to(struct correlator *c, usec now)
{
	usec floor = c->tolerance > TIME_MAX ? INT64_MIN : now - (c->tolerance > 0 ? c->tolerance : 0);

	if (now > c->newest)
		c->newest = now;
	if (floor > c->floor)
		c->floor = floor;
}

/* Brings memory below its limit: waiting hits that hold half of it are counted early, then groups go. */
static enum rc hold_down(struct correlator *c)
{
	enum rc worst = RC_OK;

	while (c->pending.bytes > c->max_waiting) {
		struct waiting *w = pending_first(&c->pending);
		enum rc rc;

		if (w->hit.at > c->floor)
			c->floor = w->hit.at;
		c->stats.forced++;
		rc = take_first(c, w);
		worst = rc != RC_OK ? rc : worst;
	}
	if (c->budget.bytes > c->max_bytes)
		run_evict(c);
	return worst;
}

static __attribute__((noinline)) bool believe(struct correlator *c, usec at)
{
	usec more = AHEAD_MAX + (c->tolerance > 0 && c->tolerance < TIME_MAX ? c->tolerance : 0);

	if (at <= -TIME_MAX || at >= TIME_MAX)
		return false;
	c->believed = c->any_time ? TIME_MAX : time_now() + more;
	return at <= c->believed;
}

/* Logs of machines whose clock is wrong; asked of the real clock only when a time is ahead of all that it was known to allow. */
bool correlator_believes(struct correlator *c, usec at)
{
	return LIKELY(at > -TIME_MAX && at < TIME_MAX && at <= c->believed) || believe(c, at);
}

/* Where nothing comes late nothing waits. */
static enum rc take_hits(struct correlator *c, uint32_t rule, usec at, uint64_t event, correlator_field field, void *ctx)
{
	enum rc worst = c->next_end <= at ? run_windows(c, at) : RC_OK;

	for (uint32_t i = c->use_at[rule]; i < c->use_at[rule + 1]; i++) {
		struct plan *p = &c->plans[c->uses[i].plan];
		struct hit h UNINIT;
		enum rc rc;

		h.at = at;
		h.event = event;
		h.plan = c->uses[i].plan;
		h.slot = c->uses[i].slot;
		if (!key_build(p, &c->secret, field, ctx, p->scratch, &h, &c->stats))
			continue;
		rc = run_hit(c, &h);
		worst = rc != RC_OK ? rc : worst;
	}
	return worst;
}

static enum rc add_hits(struct correlator *c, uint32_t rule, usec at, uint64_t event, correlator_field field, void *ctx)
{
	for (uint32_t i = c->use_at[rule]; i < c->use_at[rule + 1]; i++) {
		struct plan *p = &c->plans[c->uses[i].plan];
		struct waiting *w = pending_room(&c->pending, p->key_max, &c->budget);

		if (w == NULL)
			return RC_NOMEM;
		w->hit.at = at;
		w->hit.event = event;
		w->hit.plan = c->uses[i].plan;
		w->hit.slot = c->uses[i].slot;
		if (!key_build(p, &c->secret, field, ctx, (unsigned char *)(w + 1), &w->hit, &c->stats))
			continue;
		TRY(pending_commit(&c->pending, w, &c->budget));
	}
	return RC_OK;
}

/* Is the state of groups more than caches hold? */
static bool large(const struct correlator *c)
{
	return c->budget.bytes - c->pending.bytes - c->cap_past * sizeof *c->past > FETCH_WORTH;
}

/* Where nothing comes late: at once, or behind a few others whose state is fetched meanwhile. */
static enum rc add_in_order(struct correlator *c, uint32_t rule, usec at, uint64_t event, correlator_field field, void *ctx)
{
	size_t lag = large(c) ? FETCH_LAG : 0;
	struct waiting *w;
	enum rc worst;

	if (lag == 0 && c->pending.n == 0)
		return take_hits(c, rule, at, event, field, ctx);
	worst = add_hits(c, rule, at, event, field, ctx);
	while (c->pending.n > lag && (w = pending_first(&c->pending)) != NULL) {
		enum rc rc = take_first(c, w);

		worst = rc != RC_OK ? rc : worst;
	}
	return worst;
}

static __attribute__((noinline)) enum rc done_and_more(struct correlator *c, enum rc rc, struct err *err)
{
	if (c->pending.bytes > c->max_waiting || c->budget.bytes > c->max_bytes) {
		enum rc held = hold_down(c);

		rc = rc != RC_OK ? rc : held;
	}
	c->fire = NULL;
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "correlation: %s", rc == RC_NOMEM ? "out of memory" : "state is not sound");
}

static enum rc done(struct correlator *c, enum rc rc, struct err *err)
{
	if (UNLIKELY(rc != RC_OK || c->pending.bytes > c->max_waiting || c->budget.bytes > c->max_bytes))
		return done_and_more(c, rc, err);
	c->fire = NULL;
	return RC_OK;
}

enum rc correlator_add(struct correlator *c, uint32_t rule, usec at, uint64_t event, correlator_field field, void *field_ctx,
		       correlator_fire fire, void *fire_ctx, struct err *err)
{
	enum rc rc, counted = RC_OK;

	if (!correlator_wants(c, rule))
		return RC_OK;
	if (!correlator_believes(c, at)) {
		c->stats.ahead++;
		return RC_OK;
	}
	if (at < c->floor) {
		c->stats.late++;
		return RC_OK;
	}
	c->fire = fire;
	c->fire_ctx = fire_ctx;
	if (c->tolerance < 0) {
		rc = add_in_order(c, rule, at, event, field, field_ctx);
		if (at > c->newest)
			floor_to(c, at);
	} else {
		rc = add_hits(c, rule, at, event, field, field_ctx);
		if (at > c->newest)
			floor_to(c, at);
		counted = settle(c);
	}
	return done(c, rc != RC_OK ? rc : counted, err);
}

enum rc correlator_advance(struct correlator *c, usec now, correlator_fire fire, void *fire_ctx, struct err *err)
{
	if (!correlator_believes(c, now))
		return RC_OK;
	c->fire = fire;
	c->fire_ctx = fire_ctx;
	floor_to(c, now);
	return done(c, settle(c), err);
}

enum rc correlator_end(struct correlator *c, correlator_fire fire, void *fire_ctx, struct err *err)
{
	enum rc rc, ends;

	c->fire = fire;
	c->fire_ctx = fire_ctx;
	rc = release(c, INT64_MAX, true);
	if (c->newest > c->floor)
		c->floor = c->newest;
	ends = run_windows(c, TIME_MAX * 2);
	return done(c, rc != RC_OK ? rc : ends, err);
}

usec correlator_time(const struct correlator *c)
{
	return c->newest;
}

void correlator_stats(const struct correlator *c, struct correlator_stats *ret)
{
	*ret = c->stats;
	ret->groups = 0;
	for (uint32_t i = 0; i < c->n_plans; i++)
		ret->groups += c->plans[i].groups.live;
	ret->bytes = c->budget.bytes;
	ret->pending = c->pending.n;
}
