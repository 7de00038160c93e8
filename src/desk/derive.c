#include "desk/derive.h"

#include "desk/derive_int.h"

const char *clock_verdict_name(enum clock_verdict v)
{
	static const char *const names[] = { "running", "met", "breached", "void" };

	return names[v];
}

/* Since when it is closed or dismissed; NO_TIME: it is open. */
static usec end_of(const struct story *s)
{
	usec since = NO_TIME;

	for (size_t i = 0; i < s->n; i++) {
		enum fact_type t = s->m[i].fact->type;

		if (t == FACT_REOPENED)
			since = NO_TIME;
		else if (since == NO_TIME && (t == FACT_CLOSED || t == FACT_DISMISSED))
			since = s->m[i].time;
	}
	return since;
}

/* How far it has come; each step outweighs those before it. The course of the final report is told by its latest fact. */
enum progress { DRAFT, AWARE, REPORTED, FALLBACK, BACKFILLED, REVIEWED, CONFIRMED, REOPENED, CONTAINED, INVESTIGATING, FINAL, RETURNED, ACCEPTED,
	CLOSED, DISMISSED, MERGED };

const char *const desk_state_names[] = { "draft", "aware", "reported", "fallback_reported", "backfilled", "reviewed", "ca_confirmed", "reopened",
	"contained", "investigating", "final_submitted", "returned", "accepted", "closed", "false_alarm", "merged", NULL };

static enum progress later(enum progress now, enum progress step)
{
	return step > now ? step : now;
}

static enum progress step_of(const struct moment *m, enum progress now)
{
	switch (m->fact->type) {
	case FACT_AWARE:
		return later(now, AWARE);
	case FACT_REPORTED:
		if (str_eq(m->fact->channel, S("fallback")))
			return later(now, now < REPORTED ? FALLBACK : now);
		return m->changed && now <= CONFIRMED ? REPORTED : later(now, REPORTED);
	case FACT_BACKFILLED:
		return later(now, BACKFILLED);
	case FACT_REVIEWED:
		return later(now, REVIEWED);
	case FACT_REREVIEWED:
		return later(now, CONFIRMED);
	case FACT_CONTAINED:
		return later(now, CONTAINED);
	case FACT_RECOVERED:
		return later(now, INVESTIGATING);
	case FACT_FINAL_REPORT:
		return now < CLOSED ? FINAL : now;
	case FACT_RETURNED:
		return now < CLOSED ? RETURNED : now;
	case FACT_ACCEPTED:
		return now < CLOSED ? ACCEPTED : now;
	case FACT_CLOSED:
		return CLOSED;
	case FACT_DISMISSED:
		return DISMISSED;
	case FACT_REOPENED:
		return REOPENED;
	case FACT_MERGED:
		return MERGED;
	case FACT_LEVEL:
	case FACT_FORWARDED:
	case FACT_EXTENDED:
	case FACT_CORRECTED:
	case FACT_DISPATCHED:
	case FACT_ACKNOWLEDGED:
	case FACT_WARNED:
	case FACT_EVIDENCE:
	case FACT_MEETING:
	case FACT_UNMERGED:
	case FACT_NOTE:
	case FACT_SPLIT:
	case FACT_OBSERVABLE:
	case FACT_ENTRY:
	case FACT_REQUESTED:
	case FACT_DECIDED:
	case FACT_COMPLETED:
	case FACT_PUBLISHED:
	case FACT_TYPES:
		break;
	}
	return now;
}

/* An un-merge gives back what it was before, and what happened since. An incident that takes another in stays what it is. */
static const char *state_of(const struct story *s)
{
	enum progress now = DRAFT, apart = DRAFT;

	for (size_t i = 0; i < s->n; i++) {
		const struct moment *m = &s->m[i];

		if (m->fact->from.n > 0)
			continue;
		if (m->fact->type != FACT_MERGED)
			apart = step_of(m, apart);
		now = m->fact->type == FACT_UNMERGED ? apart : now == MERGED ? MERGED : step_of(m, now);
	}
	return desk_state_names[now];
}

static void read_subject(const struct story *s, struct desk_facts *f, struct incident_view *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct desk_fact *fact = s->m[i].fact;
		int at = pack_find(s->pack->subjects, s->pack->n_subjects, fact->subject);

		if (at >= 0)
			ret->subject = (uint32_t)at;
		else if (fact->subject.n > 0)
			desk_facts_problem(s->a, f, fact->line, fact->id, true, "pack %.*s knows no organisations of class '%.*s'", STR(s->pack->id),
				      STR(str_slice(fact->subject, 0, 100)));
	}
}

/* The dimensions are those that the latest items tell. */
static void read_levels(const struct story *s, struct incident_view *ret)
{
	ret->overall = s->n > 0 ? s->m[s->n - 1].level : 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct moment *m = &s->m[i];
		enum fact_type t = m->fact->type;

		if (m->claim > 0 && (t == FACT_LEVEL || t == FACT_REPORTED))
			ret->claimed = m->claim;
		if (t == FACT_AWARE && ret->aware == NO_TIME)
			ret->aware = m->time;
		if (m->tells)
			memcpy(ret->of, m->of, sizeof ret->of);
	}
}

enum rc derive(struct arena *a, const struct pack *p, struct desk_facts *f, usec at, struct incident_view *ret, struct err *err)
{
	struct story s = { .a = a, .pack = p, .now = at };

	*ret = (struct incident_view){ .aware = NO_TIME };
	TRY(story_gather(&s, f, err));
	s.ended = end_of(&s);
	read_subject(&s, f, ret);
	read_levels(&s, ret);
	ret->state = state_of(&s);
	ret->n_facts = s.n;
	return story_clocks(&s, ret, err);
}
