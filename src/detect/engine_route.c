/* Which log source variants is this event one of? Found out by running each
 * variant's condition, and remembered by what the routing fields held. The
 * memory is small and compared byte by byte: whoever fills it with new values
 * makes the node find out each time, no more. */
#include "detect/engine_run.h"

#include "base/hash.h"

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

struct key {
	uint32_t n;
	unsigned char bytes[ROUTE_KEY_MAX];
};

static bool key_put(struct key *k, const void *p, size_t n)
{
	if (n > ROUTE_KEY_MAX - k->n)
		return false;
	memcpy(k->bytes + k->n, p, n);
	k->n += (uint32_t)n;
	return true;
}

/* What routing looks at, in one piece. False: too long to be remembered. */
static bool key_of(const struct engine *e, struct key *k)
{
	const uint8_t *role = e->m->field_role;
	unsigned char format = (unsigned char)e->f->format;

	k->n = 0;
	(void)key_put(k, &format, 1);
	for (uint32_t i = 0; i < e->f->n; i++) {
		const struct flat_value *v = &e->f->v[i];
		struct { uint16_t field, flags; uint32_t n; } head;

		if ((role[v->field] & ROLE_ROUTE) == 0)
			continue;
		head.field = v->field;
		head.flags = (uint16_t)(v->type << 8 | (v->flags & FLAT_ESCAPED));
		head.n = v->n;
		if (!key_put(k, &head, sizeof head) || !key_put(k, v->p, v->n))
			return false;
	}
	return true;
}

static uint32_t key_slot(const struct engine *e, const struct key *k)
{
	uint64_t h = e->secret[0] ^ k->n, word;
	uint32_t i = 0;

	for (; i + 8 <= k->n; i += 8) {
		memcpy(&word, k->bytes + i, 8);
		h = mix(h ^ word, e->secret[1]);
	}
	word = 0;
	memcpy(&word, k->bytes + i, k->n - i);
	return (uint32_t)(mix(h ^ word, e->secret[1]) % ROUTES);
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
	if (any == 0)
		memcpy(e->set, e->m->assumed, e->m->variant_words * sizeof *e->set);
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
	struct key k UNINIT;
	struct route *pair;

	e->route = NULL;
	if (!key_of(e, &k))
		return find_out(e);
	pair = e->routes[key_slot(e, &k)];
	for (int i = 0; i < 2; i++) {
		if (pair[i].group != NULL && pair[i].n == k.n && memcmp(pair[i].key, k.bytes, k.n) == 0) {
			e->route = &pair[i];
			pair[i].used = e->gen;
			return pair[i].group;
		}
	}
	e->route = &pair[pair[1].used < pair[0].used];
	e->route->used = e->gen;
	e->route->group = find_out(e);
	e->route->n = k.n;
	e->route->n_hits = ROUTE_UNKNOWN;
	memcpy(e->route->key, k.bytes, k.n);
	return e->route->group;
}
