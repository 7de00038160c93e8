/* Indicators go into an image of their own and are looked up by the spotter, as
 * in live events; their values' keys are what the filters are asked for. Of
 * several values that must all be met, the image looks up the most telling one,
 * and so do the filters. Patterns of other sorts become rules, as they do live;
 * where each of their observations needs one of some values, the filters are
 * asked for these, else every block is opened. */
#include "base/mem.h"
#include "detect/block_keys.h"
#include "detect/hunt_int.h"
#include "detect/spot.h"
#include "detect/stix_rules.h"
#include "model/observable.h"

#define PATTERN_ARENA ((size_t)16 << 20)
#define RULES_ARENA ((size_t)2 << 30)
#define PROBES_MAX ((size_t)1 << 26)

struct indicators {
	struct hunt_matcher base;
	struct image *image;
	struct spotter *spotter;
	struct fields *none;
	uint64_t *keys;
	size_t n, room;
	bool any; /* a block without any of the keys may hold something too */
	bool values;                /* the image holds something */
	struct stix_rules *patterns;/* NULL: values only */
	struct arena *rules_arena;
	struct hunt_matcher *rules; /* of the patterns */
};

static struct indicators *of(const struct hunt_matcher *m)
{
	return (struct indicators *)(uintptr_t)m;
}

static bool may(const struct hunt_matcher *m, const struct fuse *filter)
{
	const struct indicators *x = of(m);

	if (x->any)
		return true;
	for (size_t i = 0; i < x->n; i++)
		if (fuse_has(filter, x->keys[i]))
			return true;
	return false;
}

static enum rc event(struct hunt_matcher *m, const struct block_event *e, struct flat *f, struct hunt_sink *s, struct err *err)
{
	const struct spot *spots;
	size_t n = 0;

	if (of(m)->rules != NULL)
		TRY(of(m)->rules->event(of(m)->rules, e, f, s, err));
	if (!of(m)->values)
		return RC_OK;
	TRY(spotter_run(of(m)->spotter, f, e->time, &spots, &n, err));
	for (size_t i = 0; i < n; i++) {
		struct hunt_found found = { .event = e, .f = f, .at = e->time, .id = str_of(spots[i].id), .title = S(""), .author = S(""), .level = S(""),
					    .matched = spots[i].matched, .n_why = 1, .source = e->source, .tlp = spots[i].tlp, .confidence = spots[i].confidence };

		found.why[0].field = spots[i].what.field;
		found.why[0].value = spots[i].what.value;
		hunt_tell(s, &found);
	}
	return RC_OK;
}

static enum rc end(struct hunt_matcher *m, struct hunt_sink *s, struct err *err)
{
	return of(m)->rules == NULL ? RC_OK : of(m)->rules->end(of(m)->rules, s, err);
}

static void free_it(struct hunt_matcher *m)
{
	struct indicators *x = of(m);

	hunt_matcher_free(x->rules);
	stix_rules_free(x->patterns);
	arena_free(x->rules_arena);
	spotter_free(x->spotter);
	image_free(x->image);
	fields_free(x->none);
	mem_free(x->keys);
	mem_free(x);
}

static enum rc add_value(struct indicators *x, enum observable_kind kind, struct str value, struct err *err)
{
	bool all = false;

	if (x->n + KEYS_PROBE_MAX > x->room) {
		size_t wider = (x->room + KEYS_PROBE_MAX) * 2;
		uint64_t *keys = wider > PROBES_MAX ? NULL : mem_resize(x->keys, wider * sizeof *keys);

		if (keys == NULL)
			return FAIL(err, RC_NOMEM, "hunt: out of memory");
		x->keys = keys;
		x->room = wider;
	}
	x->n += block_keys_of_value(kind, value, x->keys + x->n, &all);
	x->any |= all;
	return RC_OK;
}

static enum rc add_keys(struct indicators *x, struct arena *a, struct str pattern, struct err *err)
{
	struct value *values;
	struct value_term *terms;
	size_t n = 0;
	enum rc rc = value_of_pattern(a, pattern, &values, &n, err);

	for (size_t i = 0; i < n && rc == RC_OK; i++)
		TRY(add_value(x, values[i].kind, values[i].text, err));
	if (rc != RC_UNSUPPORTED)
		return rc;
	TRY(value_terms_of_pattern(a, pattern, &terms, &n, err));
	return add_value(x, terms[0].kind, terms[0].text, err);
}

/* No value is needed in every case: nothing rules a block out. */
static enum rc add_needed(struct indicators *x, struct arena *a, struct str pattern, struct err *err)
{
	struct value *values;
	size_t n = 0;
	enum rc rc = value_needed_in_pattern(a, pattern, &values, &n, err);

	for (size_t i = 0; i < n && rc == RC_OK; i++)
		TRY(add_value(x, values[i].kind, values[i].text, err));
	x->any |= rc == RC_UNSUPPORTED;
	return rc == RC_UNSUPPORTED ? RC_OK : rc;
}

static enum rc add(struct indicators *x, struct arena *a, const struct image_indicator *in, struct err *err)
{
	struct image_indicator ever = *in;
	enum rc rc;

	arena_reset(a);
	ever.valid_from = INT64_MIN;
	ever.valid_until = 0;
	ever.revoked = false;
	rc = image_update(x->image, &ever, err);
	x->values |= rc == RC_OK;
	if (rc == RC_OK)
		return add_keys(x, a, in->pattern, err);
	if (rc != RC_UNSUPPORTED)
		return rc;
	if (x->patterns == NULL)
		TRY(stix_rules_new(&x->patterns, err));
	TRY(stix_rules_add(x->patterns, &ever, S(""), S(""), err));
	return add_needed(x, a, in->pattern, err);
}

/* The patterns as rules in the engine that runs rules. */
static enum rc start_rules(struct indicators *x, struct err *err)
{
	static const struct sigma_set nothing;
	const struct sigma_set *set;
	const struct taxonomy *taxonomy;

	x->rules_arena = arena_new(RULES_ARENA);
	if (x->rules_arena == NULL)
		return FAIL(err, RC_NOMEM, "hunt: out of memory");
	TRY(taxonomy_load(x->rules_arena, NULL, &taxonomy, err));
	TRY(stix_rules_join(x->patterns, x->rules_arena, &nothing, &set, err));
	TRY(hunt_for_rules(set, taxonomy, &x->rules, NULL, err));
	hunt_rules_from(x->rules, x->patterns);
	x->base.dict = x->rules->dict;
	return RC_OK;
}

static enum rc fill(struct indicators *x, const struct image_indicator *list, size_t n, hunt_refuse refuse, void *ctx, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(PATTERN_ARENA);
	size_t taken = 0;

	x->image = image_new(IMAGE_INDICATORS_MAX);
	x->none = fields_new();
	if (a == NULL || x->image == NULL || x->none == NULL)
		return FAIL(err, RC_NOMEM, "hunt: out of memory");
	x->base.dict = x->none;
	TRY(spotter_new(NULL, x->image, &x->spotter, err));
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };
		enum rc rc = add(x, a, &list[i], &why);

		taken += rc == RC_OK;
		if (rc != RC_OK && (refuse == NULL || (rc != RC_UNSUPPORTED && rc != RC_BAD)))
			return FAIL(err, rc, "%s", why.text);
		if (rc != RC_OK)
			refuse(ctx, i, &why);
	}
	if (taken == 0)
		return FAIL(err, RC_UNSUPPORTED, "hunt: nothing that can be looked for");
	return x->patterns == NULL ? RC_OK : start_rules(x, err);
}

enum rc hunt_for_indicators(const struct image_indicator *list, size_t n, hunt_refuse refuse, void *ctx, struct hunt_matcher **ret,
			    struct err *err)
{
	struct indicators *x = mem_alloc(sizeof *x);
	enum rc rc;

	if (x == NULL)
		return FAIL(err, RC_NOMEM, "hunt: out of memory");
	x->base = (struct hunt_matcher){ .may = may, .event = event, .end = end, .free = free_it };
	rc = fill(x, list, n, refuse, ctx, err);
	if (rc == RC_OK)
		*ret = &x->base;
	else
		hunt_matcher_free(&x->base);
	return rc;
}
