/* Clocks. What is in force may change while a clock runs (the level, an extension), so a clock is looked at span by span:
 * it is breached when in any span time went on behind the due instant of that span. A breach stays. */
#include <stdlib.h>

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

static const struct pack_limit *limit_of(const struct pack_clock *c, uint32_t subject, uint8_t level)
{
	for (size_t i = 0; i < c->n_limits; i++)
		if ((c->limits[i].subjects >> subject & 1) != 0 && (c->limits[i].levels >> level & 1) != 0)
			return c->limits[i].off ? NULL : &c->limits[i];
	return NULL;
}

/* What counts behind all moments before `next`. It only moves forward, so that all clocks of one kind cost one pass. */
struct cursor {
	size_t next;
	uint8_t level;   /* in force */
	usec extended;   /* until when, as stated so far; NO_TIME: nobody did */
};

static bool extends(const struct pack_clock *c, const struct moment *m)
{
	return c->extended_by.facts != 0 && is_event(&c->extended_by, m);
}

/* Takes in the moments up to `at`. */
static void advance(const struct story *s, const struct pack_clock *c, struct cursor *k, usec at)
{
	for (; k->next < s->n && s->m[k->next].time <= at; k->next++) {
		const struct moment *m = &s->m[k->next];

		k->level = m->level;
		if (extends(c, m) && m->fact->until > k->extended)
			k->extended = m->fact->until;
	}
}

/* The next instant before `end` at which something is different; else `end`. */
static usec next_change(const struct story *s, const struct pack_clock *c, struct cursor *k, usec end)
{
	for (; k->next < s->n && s->m[k->next].time < end; k->next++)
		if (s->m[k->next].level != k->level || extends(c, &s->m[k->next]))
			return s->m[k->next].time;
	return end;
}

/* The due instants of one clock: by its limit each is found once. */
struct dues {
	usec at[PACK_LIMITS_MAX], most[PACK_LIMITS_MAX];
	bool known[PACK_LIMITS_MAX];
};

struct span_view {
	usec due;      /* NO_TIME: no figure, or the clock does not run */
	bool runs;
	uint8_t level;
};

static struct span_view look(const struct story *s, const struct clock_view *v, uint32_t subject, const struct cursor *k, struct dues *dues)
{
	const struct pack_clock *c = v->clock;
	struct span_view span = { .due = NO_TIME, .level = k->level > 0 ? k->level : s->pack->level_unknown };
	const struct pack_limit *limit = limit_of(c, subject, span.level);
	size_t i;
	bool stated = c->stated && v->started->until > 0;

	span.runs = limit != NULL;
	if (limit == NULL || (limit->none && !stated))
		return span;
	i = (size_t)(limit - c->limits);
	if (!dues->known[i]) {
		dues->at[i] = stated ? v->started->until : calendar_end(&s->pack->calendar, v->start, &limit->period, c->how);
		dues->most[i] = limit->capped ? calendar_end(&s->pack->calendar, v->start, &limit->most, c->how) : INT64_MAX;
	}
	dues->known[i] = true;
	span.due = k->extended > dues->at[i] ? k->extended : dues->at[i];
	if (span.due > dues->most[i])
		span.due = dues->most[i];
	return span;
}

/* Fills due, level, breached and verdict of a view with start and stop; false: the clock never ran. `k` stands behind the start. */
static bool judge(const struct story *s, uint32_t subject, struct cursor k, struct clock_view *v)
{
	usec end = v->stop != NO_TIME ? v->stop : s->ended != NO_TIME ? s->ended : s->now, next;
	struct dues dues = { .known = { false } };
	struct span_view span;
	bool ever = false;

	v->breached = NO_TIME;
	for (usec at = v->start;; at = next) {
		advance(s, v->clock, &k, at);
		span = look(s, v, subject, &k, &dues);
		next = next_change(s, v->clock, &k, end);
		ever |= span.runs;
		if (span.due != NO_TIME && next > span.due)
			v->breached = span.due > at ? span.due : at;
		if (v->breached != NO_TIME || next >= end)
			break;
	}
	v->due = span.due;
	v->level = span.level;
	v->verdict = v->breached != NO_TIME ? CLOCK_BREACHED : !span.runs ? CLOCK_VOID : v->stop != NO_TIME ? CLOCK_MET :
		     s->ended != NO_TIME ? CLOCK_VOID : CLOCK_RUNNING;
	return ever;
}

/* The first event at or behind moment `from`; s->n: none. */
static size_t find_event(const struct story *s, const struct pack_event *e, size_t from)
{
	while (from < s->n && !is_event(e, &s->m[from]))
		from++;
	return from;
}

static enum rc add_clock(const struct story *s, const struct pack_clock *c, const struct moment *start, const struct moment *stop, const struct cursor *k,
			 struct incident_view *ret, struct err *err)
{
	struct clock_view *v = &ret->clocks[ret->n_clocks];

	if (ret->n_clocks == DERIVE_CLOCKS_MAX)
		return FAIL(err, RC_LIMIT, "clock %.*s: more than %d clocks", STR(c->term.id), DERIVE_CLOCKS_MAX);
	*v = (struct clock_view){ .clock = c, .start = start->time, .stop = stop == NULL ? NO_TIME : stop->time, .started = start->fact,
				  .stopped = stop == NULL ? NULL : stop->fact };
	ret->n_clocks += judge(s, ret->subject, *k, v);
	return RC_OK;
}

/* --- stops that name their start --- */

struct answers {
	const struct moment **list; /* by what they refer to, then by time */
	size_t n;
};

static int by_ref(const void *a, const void *b)
{
	const struct moment *x = *(const struct moment *const *)a, *y = *(const struct moment *const *)b;
	int order = str_cmp(x->fact->ref, y->fact->ref);

	return order != 0 ? order : x < y ? -1 : x > y;
}

static enum rc find_answers(const struct story *s, const struct pack_clock *c, struct answers *ret, struct err *err)
{
	*ret = (struct answers){ NULL, 0 };
	if (!c->stop.refers)
		return RC_OK;
	ret->list = arena_array(s->a, s->n + 1, sizeof *ret->list);
	if (ret->list == NULL)
		return FAIL(err, RC_NOMEM, "clocks: out of memory");
	for (size_t i = find_event(s, &c->stop, 0); i < s->n; i = find_event(s, &c->stop, i + 1))
		ret->list[ret->n++] = &s->m[i];
	qsort(ret->list, ret->n, sizeof *ret->list, by_ref);
	return RC_OK;
}

/* The first that names this start and is not before it. Each start has an id of its own, so all of them together look at each answer
 * once. */
static const struct moment *answer_to(const struct answers *x, const struct moment *start)
{
	size_t lo = 0, hi = x->n;

	while (hi > lo) {
		size_t mid = lo + (hi - lo) / 2;

		if (str_cmp(x->list[mid]->fact->ref, start->fact->id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < x->n && str_eq(x->list[lo]->fact->ref, start->fact->id); lo++)
		if (x->list[lo]->time >= start->time)
			return x->list[lo];
	return NULL;
}

/* A stop of `each` start: the first that is not before it. One pass finds all, since starts come in order. */
static enum rc clocks_of(const struct story *s, const struct pack_clock *c, struct incident_view *ret, struct err *err)
{
	struct cursor k = { .extended = NO_TIME };
	size_t stop = 0, same = 0; /* same: the first moment of the start's instant */
	struct answers answers;

	TRY(find_answers(s, c, &answers, err));
	for (size_t i = find_event(s, &c->start, 0); i < s->n; i = find_event(s, &c->start, i + 1)) {
		const struct moment *m = &s->m[i], *end;

		advance(s, c, &k, m->time);
		while (c->each && s->m[same].time < m->time)
			same++;
		stop = find_event(s, &c->stop, stop < same ? same : stop);
		end = c->stop.refers ? answer_to(&answers, m) : stop < s->n ? &s->m[stop] : NULL;
		TRY(add_clock(s, c, m, end, &k, ret, err));
		if (!c->each)
			break;
	}
	return RC_OK;
}

enum rc story_clocks(const struct story *s, struct incident_view *ret, struct err *err)
{
	for (size_t i = 0; i < s->pack->n_clocks; i++) {
		const struct pack_clock *c = &s->pack->clocks[i];

		if (c->when.facts == 0 || find_event(s, &c->when, 0) < s->n)
			TRY(clocks_of(s, c, ret, err));
	}
	return RC_OK;
}
