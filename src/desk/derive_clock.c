/* Clocks. What is in force may change while a clock runs (the level, an extension), so a clock is looked at span by span:
 * it is breached when in any span time went on behind the due instant of that span. A breach stays. */
#include "desk/derive_int.h"

static struct str channel_of(const struct desk_fact *f)
{
	return f->channel.n > 0 && f->type == FACT_REPORTED ? f->channel : S("platform");
}

static bool is_event(const struct pack_event *e, const struct moment *m)
{
	const struct desk_fact *f = m->fact;

	if ((e->facts >> f->type & 1) == 0 || (e->changed && !m->changed) || (e->reason && f->reason.n == 0))
		return false;
	if (e->channel.n > 0 && !str_eq(e->channel, channel_of(f)))
		return false;
	if (e->stage.n == 0)
		return e->nth == 0 || e->nth <= m->nth;
	return f->stage.n > 0 ? str_eq(e->stage, f->stage) : e->nth > 0 && e->nth <= m->nth;
}

static uint8_t level_at(const struct story *s, size_t step)
{
	return step < s->n_steps && s->steps[step].level > 0 ? s->steps[step].level : s->pack->level_unknown;
}

static const struct pack_limit *limit_of(const struct pack_clock *c, uint32_t subject, uint8_t level)
{
	for (size_t i = 0; i < c->n_limits; i++)
		if ((c->limits[i].subjects >> subject & 1) != 0 && (c->limits[i].levels >> level & 1) != 0)
			return c->limits[i].off ? NULL : &c->limits[i];
	return NULL;
}

struct span_view {
	usec due;      /* NO_TIME: no figure, or the clock does not run */
	bool runs;
	uint8_t level;
};

/* What counts from an instant on: the level then, and extensions stated until then. */
static struct span_view look(const struct story *s, const struct pack_clock *c, uint32_t subject, usec start, usec at)
{
	size_t step = 0;
	struct span_view v = { .due = NO_TIME };
	const struct pack_limit *limit;

	while (step + 1 < s->n_steps && s->steps[step + 1].time <= at)
		step++;
	v.level = s->n_steps > 0 && s->steps[0].time <= at ? level_at(s, step) : s->pack->level_unknown;
	limit = limit_of(c, subject, v.level);
	v.runs = limit != NULL;
	if (limit == NULL || limit->none)
		return v;
	v.due = calendar_end(&s->pack->calendar, start, &limit->period, c->how);
	for (size_t i = 0; c->extended_by != 0 && i < s->n && s->m[i].time <= at; i++)
		if ((c->extended_by >> s->m[i].fact->type & 1) != 0 && s->m[i].fact->until > v.due)
			v.due = s->m[i].fact->until;
	return v;
}

/* The next instant behind `at` at which something may be different. */
static usec next_change(const struct story *s, const struct pack_clock *c, usec at, usec end)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct moment *m = &s->m[i];
		bool matters = m->claim > 0 || (c->extended_by >> m->fact->type & 1) != 0;

		if (m->time >= end)
			break;
		if (matters && m->time > at)
			return m->time;
	}
	return end;
}

/* Fills due, level, breached and verdict of a view with start and stop; false: the clock never ran. */
static bool judge(const struct story *s, uint32_t subject, struct clock_view *v)
{
	usec end = v->stop != NO_TIME ? v->stop : s->ended != NO_TIME ? s->ended : s->now;
	struct span_view last;
	bool ever = false;

	v->breached = NO_TIME;
	for (usec at = v->start;;) {
		usec next = next_change(s, v->clock, at, end);

		last = look(s, v->clock, subject, v->start, at);
		ever |= last.runs;
		if (last.due != NO_TIME && next > last.due && v->breached == NO_TIME) {
			v->breached = last.due > at ? last.due : at;
			v->due = last.due;
			v->level = last.level;
		}
		if (next >= end)
			break;
		at = next;
	}
	if (v->breached == NO_TIME) {
		v->due = last.due;
		v->level = last.level;
	}
	v->verdict = v->breached != NO_TIME ? CLOCK_BREACHED : !last.runs ? CLOCK_VOID : v->stop != NO_TIME ? CLOCK_MET :
		     s->ended != NO_TIME ? CLOCK_VOID : CLOCK_RUNNING;
	return ever;
}

/* The first event that stops: behind `from`, or whenever it was (from NO_TIME). */
static const struct moment *find_event(const struct story *s, const struct pack_event *e, usec from)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->m[i].time >= from && is_event(e, &s->m[i]))
			return &s->m[i];
	return NULL;
}

static enum rc add_clock(const struct story *s, const struct pack_clock *c, const struct moment *start, struct incident_view *ret, struct err *err)
{
	const struct moment *stop = find_event(s, &c->stop, c->each ? start->time : NO_TIME);
	struct clock_view *v = &ret->clocks[ret->n_clocks];

	if (ret->n_clocks == DERIVE_CLOCKS_MAX)
		return FAIL(err, RC_LIMIT, "clock %.*s: more than %d clocks", STR(c->term.id), DERIVE_CLOCKS_MAX);
	*v = (struct clock_view){ .clock = c, .start = start->time, .stop = stop == NULL ? NO_TIME : stop->time, .started = start->fact,
				  .stopped = stop == NULL ? NULL : stop->fact };
	ret->n_clocks += judge(s, ret->subject, v);
	return RC_OK;
}

enum rc story_clocks(const struct story *s, struct incident_view *ret, struct err *err)
{
	for (size_t k = 0; k < s->pack->n_clocks; k++) {
		const struct pack_clock *c = &s->pack->clocks[k];

		if (c->when.facts != 0 && find_event(s, &c->when, NO_TIME) == NULL)
			continue;
		for (size_t i = 0; i < s->n; i++) {
			if (!is_event(&c->start, &s->m[i]))
				continue;
			TRY(add_clock(s, c, &s->m[i], ret, err));
			if (!c->each)
				break;
		}
	}
	return RC_OK;
}
