/* Correlation spread over several correlators, on as many machines as one likes.
 * Whoever matches an event makes steps of its matches: a step is what the
 * correlator would have made of the match itself, the hashed group, the key, the
 * value. A step's route says where it is to be counted. Two steps that may ever
 * meet in a group, or in a group of a correlation over those correlations, have
 * the same route.
 *
 * Correlations that feed each other are a family. Its route is taken over those
 * group values that all of them have: of "by user and host" below "by user" it is
 * the user. Where they have none in common one correlator counts the family.
 *
 * Steps come from a database that others write: nothing in them is believed. */
#include "detect/correlate_int.h"

#include "base/rd.h"

/* --- families --- */

/* Numbers of families, by plan: the lowest number of a member. */
static void number_families(struct correlator *c, uint32_t *family)
{
	bool again = true;

	for (uint32_t i = 0; i < c->n_plans; i++)
		family[i] = i;
	while (again) {
		again = false;
		for (uint32_t i = 0; i < c->n_plans; i++)
			for (uint32_t s = 0; s < c->plans[i].corr->n_rules; s++) {
				const struct plan *inner = plan_of(c, c->plans[i].corr->rules[s]);
				uint32_t k = inner == NULL ? i : (uint32_t)(inner - c->plans), low = family[i] < family[k] ? family[i] : family[k];

				again |= family[i] != low || family[k] != low;
				family[i] = family[k] = low;
			}
	}
}

/* The one correlation of the family that no other is over; NULL: there are several. */
static struct plan *root_of(struct correlator *c, const uint32_t *family, uint32_t which)
{
	struct plan *root = NULL;

	for (uint32_t i = c->n_plans; i > 0; i--) {
		bool below = false;

		if (family[i - 1] != which)
			continue;
		for (uint32_t k = 0; k < c->n_plans; k++)
			for (uint32_t s = 0; s < c->plans[k].corr->n_rules; s++)
				below |= c->plans[k].corr->rules[s] == c->plans[i - 1].rule;
		if (below)
			continue;
		if (root != NULL)
			return NULL;
		root = &c->plans[i - 1];
	}
	return root;
}

/* What stands at place `at` of the route of `p`, in the group of `inner` that is its slot `s`. n_group: it is not in it. */
static uint32_t place_below(const struct plan *p, uint32_t s, uint32_t at, const struct plan *inner)
{
	const struct str *fields = p->fields + (size_t)s * (p->n_group + p->n_values + p->n_carried);
	uint32_t k = 0;

	while (k < inner->n_group && !str_eq(inner->names[k], fields[p->route[at]]))
		k++;
	return k;
}

/* Gives the plans below `p` the route that `p` has. Returns the place of the route that one of them has not, or has been given
 * otherwise; SIZE_MAX: there is none. */
static size_t pass_down(struct correlator *c, const struct plan *p, bool *given)
{
	for (uint32_t s = 0; s < p->corr->n_rules; s++) {
		struct plan *inner = plan_of(c, p->corr->rules[s]);

		if (inner == NULL)
			continue;
		for (uint32_t at = 0; at < p->n_route; at++) {
			uint32_t k = place_below(p, s, at, inner);

			if (k == inner->n_group || (given[inner - c->plans] && inner->route[at] != k))
				return at;
			inner->route[at] = (uint8_t)k;
		}
		inner->n_route = p->n_route;
		given[inner - c->plans] = true;
	}
	return SIZE_MAX;
}

/* Outer ones stand behind inner ones. */
static size_t pass_through(struct correlator *c, const uint32_t *family, uint32_t which, bool *given)
{
	for (uint32_t i = 0; i < c->n_plans; i++)
		given[i] = false;
	for (uint32_t i = c->n_plans; i > 0; i--) {
		size_t bad = family[i - 1] == which ? pass_down(c, &c->plans[i - 1], given) : SIZE_MAX;

		if (bad != SIZE_MAX)
			return bad;
	}
	return SIZE_MAX;
}

/* From all group values of the outermost, without those that others lack. */
static void route_family(struct correlator *c, const uint32_t *family, uint32_t which, bool *given)
{
	struct plan *root = root_of(c, family, which);
	uint8_t all[CORRELATE_FIELDS_MAX];
	uint32_t n = 0;
	size_t bad;

	while (root != NULL && n < root->n_group) {
		all[n] = (uint8_t)n;
		n++;
	}
	do {
		if (root != NULL) {
			memcpy(root->route, all, sizeof all);
			root->n_route = n;
		}
		bad = root == NULL || n == 0 ? SIZE_MAX : pass_through(c, family, which, given);
		if (bad != SIZE_MAX)
			memmove(all + bad, all + bad + 1, --n - bad);
	} while (bad != SIZE_MAX);
	for (uint32_t i = 0; i < c->n_plans && n == 0; i++)
		if (family[i] == which)
			c->plans[i].n_route = 0;
}

enum rc route_all(struct correlator *c, struct err *err)
{
	uint32_t *family = arena_array(c->arena, (size_t)c->n_plans + 1, sizeof *family);
	bool *given = arena_array(c->arena, (size_t)c->n_plans + 1, sizeof *given);

	if (family == NULL || given == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	number_families(c, family);
	for (uint32_t i = 0; i < c->n_plans; i++) {
		/* Of the same definitions the same number, in whatever order they were read. */
		for (uint32_t k = 0; k < c->n_plans; k++)
			c->plans[i].family += family[k] == family[i] ? c->plans[k].print : 0;
		if (family[i] == i)
			route_family(c, family, i, given);
	}
	return RC_OK;
}

/* --- making steps --- */

/* Of values that are longer than is kept, what is kept: a firing hands on no more. */
static uint64_t route_of(const struct correlator *c, const struct plan *p, const struct hit *h)
{
	struct str values[2 * CORRELATE_FIELDS_MAX];
	uint64_t parts[CORRELATE_FIELDS_MAX + 1][2] = { { p->family, p->n_route } }, whole[2];

	if (!key_read(str_make((const char *)h->key, h->n_key), values, p->n_group + p->n_carried))
		return p->family;
	for (uint32_t i = 0; i < p->n_route; i++)
		hash_keyed(&c->secret, values[p->route[i]], parts[i + 1]);
	hash_keyed(&c->secret, str_make((const char *)parts, (p->n_route + 1) * sizeof parts[0]), whole);
	return whole[0];
}

static void put_step(const struct plan *p, const struct hit *h, struct buf *b)
{
	buf_le64(b, p->print);
	buf_le32(b, h->slot);
	buf_le64(b, (uint64_t)h->at);
	buf_le64(b, h->event);
	buf_le64(b, h->value);
	buf_le64(b, h->h[0]);
	buf_le64(b, h->h[1]);
	buf_le32(b, h->n_key);
	buf_str(b, str_make((const char *)h->key, h->n_key));
}

enum rc correlator_steps(struct correlator *c, uint32_t rule, usec at, uint64_t event, correlator_field field, void *field_ctx,
			 correlator_step fn, void *ctx, struct err *err)
{
	struct buf step CLEANUP(buf_done);

	buf_init(&step, (size_t)1 << 20);
	for (uint32_t i = correlator_wants(c, rule) ? c->use_at[rule] : UINT32_MAX; i < c->use_at[rule + 1]; i++) {
		const struct plan *p = &c->plans[c->uses[i].plan];
		struct hit h = { .at = at, .event = event, .plan = c->uses[i].plan, .slot = c->uses[i].slot };

		if (!key_build(p, &c->secret, field, field_ctx, p->scratch, &h, &c->stats))
			continue;
		buf_clear(&step);
		put_step(p, &h, &step);
		TRY(buf_check(&step, err, "correlation"));
		TRY(fn(ctx, route_of(c, p, &h), buf_view(&step), err));
	}
	return RC_OK;
}

/* --- counting them --- */

/* The next step; `ret->key` borrowed from what is read. False: it is none. *ret_plan NULL: of a correlation that is not here. */
static bool get_step(struct correlator *c, struct rd *r, struct hit *ret, struct plan **ret_plan)
{
	struct str values[2 * CORRELATE_FIELDS_MAX], key;
	struct plan *p = *ret_plan = plan_by_print(c, rd_le64(r));

	*ret = (struct hit){ .slot = rd_le32(r) };
	ret->at = (usec)rd_le64(r);
	ret->event = rd_le64(r);
	ret->value = rd_le64(r);
	ret->h[0] = rd_le64(r);
	ret->h[1] = rd_le64(r);
	ret->n_key = rd_le32(r);
	key = rd_bytes(r, ret->n_key);
	ret->key = (const unsigned char *)key.p;
	if (r->bad || p == NULL)
		return !r->bad;
	ret->plan = (uint32_t)(p - c->plans);
	return ret->slot < p->corr->n_rules && key.n <= p->key_max && key_read(key, values, p->n_group + p->n_carried);
}

static enum rc take_step(struct correlator *c, const struct hit *h)
{
	struct waiting *w = pending_room(&c->pending, h->n_key, &c->budget);

	if (w == NULL)
		return RC_NOMEM;
	w->hit = *h;
	if (h->n_key > 0)
		memcpy(w + 1, h->key, h->n_key);
	w->hit.key = (const unsigned char *)(w + 1);
	return pending_commit(&c->pending, w, &c->budget);
}

enum rc correlator_take(struct correlator *c, struct str steps, uint64_t *ret_unknown, correlator_fire fire, void *fire_ctx, struct err *err)
{
	struct plan *p;
	struct hit h;
	struct rd r;

	rd_init(&r, steps);
	while (rd_left(&r) > 0) {
		if (!get_step(c, &r, &h, &p))
			return FAIL(err, RC_CORRUPT, "correlation: byte %zu is no step", r.pos);
		if (p == NULL)
			++*ret_unknown;
		else if (!correlator_believes(c, h.at))
			c->stats.ahead++;
		else if (h.at < c->floor)
			c->stats.late++;
		else {
			TRY(take_step(c, &h) == RC_OK ? RC_OK : FAIL(err, RC_NOMEM, "correlation: out of memory"));
			TRY(correlator_advance(c, h.at > c->newest ? h.at : c->newest, fire, fire_ctx, err));
		}
	}
	return RC_OK;
}
