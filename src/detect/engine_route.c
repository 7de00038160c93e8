/* Which log source variants is this event one of? Found out by running each
 * variant's condition, and remembered by what the routing fields held, by a
 * hash of 128 bits under a secret. The memory is small: whoever fills it with
 * new values makes the node find out each time, no more. */
#include "detect/engine_run.h"

#include "base/hash.h"

#define SPREAD 0x9e3779b97f4a7c15u

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* What routing looks at, in one number. */
static void key_of(const struct engine *e, uint64_t key[static 2])
{
	uint64_t hash[ROUTE_VALUES_MAX][2];
	uint32_t n = e->n_route_values;

	hash_keyed_each(&e->secret, e->route_text, n, hash);
	key[0] = ((uint64_t)e->f->format << 32 | n) ^ SPREAD;
	key[1] = SPREAD + e->assume; /* what follows keeps different ones different */
	for (uint32_t i = 0; UNLIKELY(i < e->f->n_held) && i < FLAT_HELD_MAX; i++)
		if ((e->m->field_role[e->f->held[i]] & ROLE_ROUTE) != 0) {
			key[0] = mix(key[0] ^ SPREAD, e->f->held[i]);
			key[1] = (key[1] ^ e->f->held[i]) * SPREAD;
		}
	for (uint32_t i = 0; i < n; i++) {
		key[0] = mix(key[0] ^ hash[i][0], SPREAD + e->route_how[i]);
		key[1] = (key[1] ^ hash[i][1]) * SPREAD + e->route_how[i];
	}
}

/* The one value of a field, as guards are told apart by it. */
struct only {
	uint16_t field;
	bool known;     /* one value with a text; else the tests are asked */
	uint64_t hash;
};

static struct only only_of(struct engine *e, uint16_t field)
{
	uint32_t i = event_first(e, field);
	const struct text *x = i == NO_VALUE || e->next[i] != NO_VALUE ? NULL : event_text(e, i);

	return (struct only){ field, x != NULL, x != NULL ? hash_table(x->folded) : 0 };
}

static bool guard_holds(struct engine *e, const struct guard *g, struct only *only)
{
	if (g->test == NO_GUARD)
		return true;
	if (g->present && event_first(e, g->field) == NO_VALUE)
		return false;
	if (g->whole) {
		if (only->field != g->field)
			*only = only_of(e, g->field);
		if (only->known && only->hash != g->hash)
			return false;
	}
	return event_test(e, g->test);
}

/* An event that no variant knows is what the operator says it is. */
static void take_for_assumed(struct engine *e)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < e->m->variant_words; i++)
		any |= e->set[i];
	if (any != 0)
		return;
	if (e->assume == ENGINE_ASSUME_ALL)
		memcpy(e->set, e->m->assumed, e->m->variant_words * sizeof *e->set);
	else if (e->assume < e->m->n_variants)
		e->set[e->assume / 64] |= e->m->assumed[e->assume / 64] & (uint64_t)1 << (e->assume % 64);
}

/* By asking each variant whose guard holds. */
static const struct group *find_out(struct engine *e)
{
	struct engine_image *m = e->m;
	struct only only = { .field = FIELD_NONE };
	const struct group *g;
	enum rc rc;

	memset(e->set, 0, m->variant_words * sizeof *e->set);
	for (uint32_t i = 0; i < m->n_guards; i++) {
		const struct guard *guard = &m->guards[i];

		if (!guard_holds(e, guard, &only))
			continue;
		for (uint32_t k = guard->first; k < guard->first + guard->n; k++) {
			uint32_t v = m->by_guard[k];

			if (event_program(e, m->variants[v].steps, m->variants[v].entry))
				e->set[v / 64] |= (uint64_t)1 << (v % 64);
		}
	}
	take_for_assumed(e);
	rc = group_of(m, e->set, &g, NULL);
	if (rc == RC_OK)
		return g;
	e->spill.n_variants = 0;
	for (uint32_t v = 0; v < m->n_variants; v++)
		if ((e->set[v / 64] >> (v % 64) & 1) != 0)
			e->spill.variants[e->spill.n_variants++] = m->variants[v].from;
	return NULL;
}

const struct group *event_route(struct engine *e)
{
	struct route *pair;
	uint64_t key[2];

	e->route = NULL;
	if (e->n_route_values > ROUTE_VALUES_MAX || e->f->n_held > FLAT_HELD_MAX)
		return find_out(e);
	key_of(e, key);
	pair = e->routes[key[0] % ROUTES];
	for (int i = 0; i < 2; i++) {
		if (pair[i].key[0] == key[0] && pair[i].key[1] == key[1] && pair[i].group != NULL) {
			e->route = &pair[i];
			pair[i].used = e->gen;
			return pair[i].group;
		}
	}
	e->route = &pair[pair[1].used < pair[0].used];
	e->route->used = e->gen;
	e->route->group = find_out(e);
	e->route->key[0] = key[0];
	e->route->key[1] = key[1];
	e->route->n_hits = ROUTE_UNKNOWN;
	return e->route->group;
}
