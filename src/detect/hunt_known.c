/* Indicators of files as a detector has them in force: plain lists and the image of
 * bundles. Every block is opened: lists may hold millions of values, more than a
 * filter is worth asking for. */
#include "base/mem.h"
#include "detect/hunt_int.h"
#include "detect/spot.h"

struct by_known {
	struct hunt_matcher base;
	struct spotter *spotter;
	struct fields *none;
};

static struct by_known *of(const struct hunt_matcher *m)
{
	return (struct by_known *)(uintptr_t)m;
}

static enum rc event(struct hunt_matcher *m, const struct block_event *e, struct flat *f, struct hunt_sink *s, struct err *err)
{
	const struct spot *spots;
	size_t n = 0;

	TRY(spotter_run(of(m)->spotter, f, time_now(), &spots, &n, err));
	for (size_t i = 0; i < n; i++) {
		struct hunt_found found = { .event = e, .f = f, .at = e->time, .id = str_of(spots[i].id), .title = S(""), .author = S(""), .level = S(""), .source = e->source,
					    .matched = spots[i].matched, .n_why = 1, .tlp = spots[i].tlp, .confidence = spots[i].confidence };

		found.why[0].field = spots[i].what.field;
		found.why[0].value = spots[i].what.value;
		if (spots[i].suppressed.n == 0)
			hunt_tell(s, &found);
	}
	return RC_OK;
}

static void free_it(struct hunt_matcher *m)
{
	spotter_free(of(m)->spotter);
	fields_free(of(m)->none);
	mem_free(m);
}

enum rc hunt_for_known(const struct known *k, struct hunt_matcher **ret, struct err *err)
{
	struct by_known *x = mem_alloc(sizeof *x);
	enum rc rc;

	if (x == NULL)
		return FAIL(err, RC_NOMEM, "hunt: out of memory");
	x->base = (struct hunt_matcher){ .event = event, .free = free_it };
	x->none = fields_new();
	x->base.dict = x->none;
	rc = x->none == NULL ? FAIL(err, RC_NOMEM, "hunt: out of memory") : spotter_new(k->lists, k->image, &x->spotter, err);
	if (rc == RC_OK)
		*ret = &x->base;
	else
		hunt_matcher_free(&x->base);
	return rc;
}
