/* One arena holds the copies of a second and is emptied at its end. */
#include "node/repeats.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"

#define MEMORY ((size_t)8 << 20)
#define EVENT_KEPT 4096
#define HOLD_FOR USEC_PER_SEC

struct sort {
	uint32_t whole;         /* handed on in this second */
	uint64_t count;         /* held */
	usec first, last;
	bool is_rule;
	struct hit hit;
	struct rule_hit rule;
};

struct repeats {
	struct arena *a;
	struct map *by_key;
	struct sort *sorts;
	size_t n;
	usec since;             /* of the first of this second; 0: none */
};

static enum rc begin(struct repeats *r)
{
	map_free(r->by_key);
	r->by_key = map_new(REPEATS_SORTS);
	arena_reset(r->a);
	r->n = 0;
	r->since = 0;
	return r->by_key == NULL ? RC_NOMEM : RC_OK;
}

enum rc repeats_new(struct repeats **ret, struct err *err)
{
	struct repeats *r = mem_alloc(sizeof *r);

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	r->a = arena_new(MEMORY);
	r->sorts = mem_array(REPEATS_SORTS, sizeof *r->sorts);
	if (r->a == NULL || r->sorts == NULL || begin(r) != RC_OK) {
		repeats_free(r);
		return FAIL(err, RC_NOMEM, "input: out of memory");
	}
	*ret = r;
	return RC_OK;
}

void repeats_free(struct repeats *r)
{
	if (r == NULL)
		return;
	arena_free(r->a);
	map_free(r->by_key);
	mem_free(r->sorts);
	mem_free(r);
}

static struct sort *sort_of(struct repeats *r, struct str key)
{
	uint64_t at;

	if (r->by_key == NULL)
		return NULL;
	if (map_get(r->by_key, key, &at))
		return &r->sorts[at];
	if (r->n == REPEATS_SORTS || map_put(r->by_key, key, r->n) != RC_OK)
		return NULL;
	r->sorts[r->n] = (struct sort){ 0 };
	return &r->sorts[r->n++];
}

static bool gap_fits(const struct sort *s, usec at)
{
	usec d;

	return at >= s->first ? at <= s->last || (!__builtin_sub_overflow(at, s->last, &d) && d <= REPEATS_GAP)
			      : !__builtin_sub_overflow(s->first, at, &d) && d <= REPEATS_GAP;
}

/* Counts it, if it is one of those that are held: *ret_copy when it is the first of them. */
static bool hold(struct repeats *r, struct str key, usec at, struct sort **ret, bool *ret_copy)
{
	struct sort *s = sort_of(r, key);

	*ret_copy = false;
	if (s == NULL)
		return false;
	if (r->since == 0)
		r->since = time_mono();
	if (s->whole < REPEATS_WHOLE) {
		s->whole++;
		return false;
	}
	*ret = s;
	*ret_copy = s->count == 0;
	if (s->count > 0 && !gap_fits(s, at))
		return false;
	if (s->count == 0)
		s->first = s->last = at;
	s->first = at < s->first ? at : s->first;
	s->last = at > s->last ? at : s->last;
	s->count++;
	return true;
}

static bool copy(struct arena *a, struct str *s)
{
	*s = arena_dup(a, s->n > EVENT_KEPT ? str_slice(*s, 0, EVENT_KEPT) : *s);
	return s->p != NULL;
}

static bool copy_fields(struct arena *a, struct rule_hit *h)
{
	struct str *tags = arena_array(a, h->n_tags + 1, sizeof *tags);
	struct rule_hit_field *fields = arena_array(a, h->n_fields + 1, sizeof *fields);
	struct rule_hit_base *base = arena_array(a, h->n_base + 1, sizeof *base);
	bool good = tags != NULL && fields != NULL && base != NULL;

	for (uint32_t i = 0; good && i < h->n_tags; i++) {
		tags[i] = h->tags[i];
		good = copy(a, &tags[i]);
	}
	for (uint32_t i = 0; good && i < h->n_fields; i++) {
		fields[i] = h->fields[i];
		good = copy(a, &fields[i].name) && copy(a, &fields[i].value);
	}
	for (uint32_t i = 0; good && i < h->n_base; i++) {
		base[i] = h->base[i];
		good = copy(a, &base[i].id) && copy(a, &base[i].title);
	}
	h->tags = tags;
	h->fields = fields;
	h->base = base;
	return good;
}

bool repeats_hold_rule(struct repeats *r, struct str key, const struct rule_hit *h)
{
	struct sort *s;
	bool first;

	if (!hold(r, key, h->at, &s, &first))
		return false;
	if (!first)
		return true;
	s->is_rule = true;
	s->rule = *h;
	if (copy(r->a, &s->rule.id) && copy(r->a, &s->rule.title) && copy(r->a, &s->rule.level) && copy(r->a, &s->rule.author) &&
	    copy(r->a, &s->rule.where) && copy(r->a, &s->rule.input) && copy(r->a, &s->rule.event) && copy_fields(r->a, &s->rule))
		return true;
	s->count = 0;
	return false;
}

bool repeats_hold_hit(struct repeats *r, struct str key, const struct hit *h)
{
	struct sort *s;
	bool first;

	if (!hold(r, key, h->at, &s, &first))
		return false;
	if (!first)
		return true;
	s->is_rule = false;
	s->hit = *h;
	if (copy(r->a, &s->hit.indicator) && copy(r->a, &s->hit.what.value) && copy(r->a, &s->hit.what.field) && copy(r->a, &s->hit.matched) &&
	    copy(r->a, &s->hit.where) && copy(r->a, &s->hit.input) && copy(r->a, &s->hit.event) && copy(r->a, &s->hit.suppressed))
		return true;
	s->count = 0;
	return false;
}

bool repeats_due(const struct repeats *r)
{
	return r->since != 0 && time_mono() - r->since >= HOLD_FOR;
}

static bool hand_on(struct sort *s, repeats_fn fn, void *ctx)
{
	if (s->count == 0)
		return false;
	s->hit.at = s->rule.at = s->first;
	s->hit.last = s->rule.last = s->last;
	s->hit.count = s->rule.count = s->count;
	fn(ctx, s->is_rule ? NULL : &s->hit, s->is_rule ? &s->rule : NULL);
	s->count = 0;
	return true;
}

bool repeats_hand_on_one(struct repeats *r, struct str key, repeats_fn fn, void *ctx)
{
	uint64_t at;

	return r->by_key != NULL && map_get(r->by_key, key, &at) && hand_on(&r->sorts[at], fn, ctx);
}

void repeats_hand_on(struct repeats *r, repeats_fn fn, void *ctx)
{
	for (size_t i = 0; i < r->n; i++)
		(void)hand_on(&r->sorts[i], fn, ctx);
	(void)!begin(r); /* without memory nothing is held: everything is handed on */
}
