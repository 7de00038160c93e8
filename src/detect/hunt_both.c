/* Rules and indicators on one pass: an event is read once, with the names that the
 * rules know, and shown to both. */
#include "base/mem.h"
#include "detect/hunt_int.h"

static enum rc event(struct hunt_matcher *m, const struct block_event *e, struct flat *f, struct hunt_sink *s, struct err *err)
{
	m->first->place = m->place;
	TRY(m->first->event(m->first, e, f, s, err));
	return s->stop ? RC_OK : m->second->event(m->second, e, f, s, err);
}

static enum rc end(struct hunt_matcher *m, struct hunt_sink *s, struct err *err)
{
	return m->first->end == NULL ? RC_OK : m->first->end(m->first, s, err);
}

static void free_it(struct hunt_matcher *m)
{
	hunt_matcher_free(m->first);
	hunt_matcher_free(m->second);
	mem_free(m);
}

enum rc hunt_for_both(struct hunt_matcher *rules, struct hunt_matcher *indicators, struct hunt_matcher **ret, struct err *err)
{
	struct hunt_matcher *m;

	if (rules == NULL || indicators == NULL) {
		*ret = rules == NULL ? indicators : rules;
		return RC_OK;
	}
	m = mem_alloc(sizeof *m);
	if (m == NULL) {
		hunt_matcher_free(rules);
		hunt_matcher_free(indicators);
		return FAIL(err, RC_NOMEM, "hunt: out of memory");
	}
	*m = (struct hunt_matcher){ .event = event, .end = end, .free = free_it, .dict = rules->dict, .first = rules, .second = indicators };
	*ret = m;
	return RC_OK;
}
