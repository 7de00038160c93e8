/* Entries lie one behind the other in a ring, the newest overwriting the oldest.
 * A table of four-way places leads to them by hash. Whoever sends values that
 * never repeat makes the cache useless, and nothing worse: its size is fixed,
 * places cannot be aimed at without the secret, and a hash only leads to an
 * entry, which is compared in full.
 *
 * Places name an entry by how many units were written before it; it is still
 * there when the ring has not come round since. Before that count overflows
 * everything is forgotten. */
#include "detect/engine_cache.h"

#include "base/mem.h"

#define UNIT 16
#define RING_UNITS ((uint32_t)1 << 18) /* 4 MiB */
#define PLACES ((uint32_t)1 << 14)
#define WAYS 4

struct entry {
	uint32_t matcher, n;
	uint16_t how, n_hits;
	uint32_t at; /* its own place: units before it */
	uint32_t hits[];  /* the value's bytes follow */
};

struct place { uint32_t tag[WAYS], at[WAYS]; };

struct cache {
	uint64_t secret[2];
	uint32_t written; /* units; starts at 1, 0 marks a free way */
	struct place *places;
	unsigned char *ring;
};

void cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	mem_free(c->places);
	mem_free(c->ring);
	mem_free(c);
}

enum rc cache_new(const uint64_t secret[2], struct cache **ret, struct err *err)
{
	struct cache *c = mem_alloc(sizeof *c);

	if (c != NULL) {
		c->places = mem_array(PLACES, sizeof *c->places);
		c->ring = mem_array(RING_UNITS, UNIT);
	}
	if (c == NULL || c->places == NULL || c->ring == NULL) {
		cache_free(c);
		return FAIL(err, RC_NOMEM, "engine: out of memory");
	}
	c->secret[0] = secret[0];
	c->secret[1] = secret[1];
	c->written = 1;
	*ret = c;
	return RC_OK;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load8(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static uint64_t load4(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint64_t mix16(const struct cache *c, const char *p, uint64_t h)
{
	return mix(load8(p) ^ c->secret[1], load8(p + 8) ^ h);
}

static uint64_t hash_of(const struct cache *c, const struct cache_key *k)
{
	uint64_t h = c->secret[0] ^ ((uint64_t)k->matcher << 32 | (uint64_t)k->how << 16 | k->value.n), h2 = ~h, h3 = h + 1, a, b;
	const char *p = k->value.p;
	size_t n = k->value.n;

	if (n > 16) {
		for (; n > 48; p += 48, n -= 48) { /* three that do not wait for each other */
			h = mix16(c, p, h);
			h2 = mix16(c, p + 16, h2);
			h3 = mix16(c, p + 32, h3);
		}
		h = mix(h ^ h2, h3 ^ c->secret[0]);
		for (; n > 16; p += 16, n -= 16)
			h = mix16(c, p, h);
		a = load8(p + n - 16);
		b = load8(p + n - 8);
	} else if (n >= 8) {
		a = load8(p);
		b = load8(p + n - 8);
	} else if (n >= 4) {
		a = load4(p);
		b = load4(p + n - 4);
	} else {
		a = n == 0 ? 0 : (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 | (unsigned char)p[n - 1];
		b = 0;
	}
	return mix(mix(a ^ c->secret[1], b ^ h), c->secret[1] ^ 0x9e3779b97f4a7c15u);
}

static uint32_t units_of(size_t n, uint32_t n_hits)
{
	return (uint32_t)((sizeof(struct entry) + n_hits * sizeof(uint32_t) + n + UNIT - 1) / UNIT);
}

/* Every entry is written in one piece: one that would not fit before the ring's end begins at its start. */
static struct entry *entry_at(const struct cache *c, uint32_t at)
{
	return (struct entry *)(void *)(c->ring + (size_t)(at % RING_UNITS) * UNIT);
}

void cache_ask(const struct cache *c, struct cache_key *k)
{
	k->hash = hash_of(c, k);
	__builtin_prefetch(&c->places[k->hash % PLACES]);
}

void cache_near(const struct cache *c, const struct cache_key *k)
{
	const struct place *p = &c->places[k->hash % PLACES];
	uint32_t tag = (uint32_t)(k->hash >> 32);

	for (unsigned i = 0; i < WAYS; i++) {
		if (p->tag[i] == tag) {
			__builtin_prefetch(entry_at(c, p->at[i]));
			__builtin_prefetch((const char *)entry_at(c, p->at[i]) + 64);
		}
	}
}

bool cache_get(const struct cache *c, const struct cache_key *k, const uint32_t **ret_hits, uint32_t *ret_n)
{
	const struct place *p = &c->places[k->hash % PLACES];
	uint32_t tag = (uint32_t)(k->hash >> 32);

	for (unsigned i = 0; i < WAYS; i++) {
		const struct entry *e;

		if (p->tag[i] != tag || p->at[i] == 0 || c->written - p->at[i] > RING_UNITS)
			continue;
		e = entry_at(c, p->at[i]);
		if (e->matcher == k->matcher && e->how == k->how && e->n == k->value.n &&
		    memcmp(e->hits + e->n_hits, k->value.p, k->value.n) == 0) {
			*ret_hits = e->hits;
			*ret_n = e->n_hits;
			return true;
		}
	}
	return false;
}

static void forget(struct cache *c)
{
	memset(c->places, 0, PLACES * sizeof *c->places);
	c->written = 1;
}

void cache_put(struct cache *c, const struct cache_key *k, const uint32_t *hits, uint32_t n)
{
	struct place *p = &c->places[k->hash % PLACES];
	uint32_t units = units_of(k->value.n, n), left, oldest = 0;
	struct entry *e;

	if (n > CACHE_HITS_MAX)
		return;
	if (c->written > UINT32_MAX - 4 * RING_UNITS)
		forget(c);
	left = RING_UNITS - c->written % RING_UNITS;
	if (left < units)
		c->written += left;
	e = entry_at(c, c->written);
	*e = (struct entry){ k->matcher, (uint32_t)k->value.n, (uint16_t)k->how, (uint16_t)n, c->written };
	if (n > 0)
		memcpy(e->hits, hits, n * sizeof *hits);
	if (k->value.n > 0)
		memcpy(e->hits + n, k->value.p, k->value.n);
	for (unsigned i = 1; i < WAYS; i++)
		if (p->at[i] < p->at[oldest])
			oldest = i;
	p->tag[oldest] = (uint32_t)(k->hash >> 32);
	p->at[oldest] = c->written;
	c->written += units;
}
