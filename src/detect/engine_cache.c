/* Lines of four values, each a line of the processor's caches. A value itself
 * is not kept: 96 bits of a hash under a secret tell it from any other, which
 * is more than chance will ever get wrong; and nobody can aim for a line or for
 * another value's hash. Most values have no hits, or one, which stands in the
 * line; more stand in a ring, the newest overwriting the oldest.
 *
 * Whoever sends values that never repeat makes the cache useless, and nothing
 * worse: its size is fixed. */
#include "detect/engine_cache.h"

#include "base/mem.h"

#define LINES ((uint32_t)1 << 14) /* 1 MiB */
#define WAYS 4u
#define RING ((uint32_t)1 << 16)  /* numbers: 256 KiB */

struct line {
	uint64_t tag[WAYS]; /* 0: free */
	uint32_t more[WAYS], hits[WAYS];
};
_Static_assert(sizeof(struct line) == 64, "one look at memory");

/* hits: none, or one and 1 as its lowest bit, or twice how many numbers were written to the ring before theirs */
#define NO_HITS 0

struct cache {
	struct hash_secret secret;
	uint32_t written; /* numbers; starts at 1 */
	uint32_t one;     /* what cache_get points at */
	uint32_t turn;    /* the way that is given away next, in whatever line */
	void *memory;
	struct line *lines;
	uint32_t *ring;   /* count, hits, count, hits ... */
};

void cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	mem_free(c->memory);
	mem_free(c->ring);
	mem_free(c);
}

enum rc cache_new(struct cache **ret, struct err *err)
{
	struct cache *c = mem_alloc(sizeof *c);

	if (c != NULL) {
		c->memory = mem_array(LINES + 1, sizeof *c->lines);
		c->ring = mem_array(RING, sizeof *c->ring);
	}
	if (c == NULL || c->memory == NULL || c->ring == NULL) {
		cache_free(c);
		return FAIL(err, RC_NOMEM, "engine: out of memory");
	}
	c->lines = (struct line *)(((uintptr_t)c->memory + sizeof *c->lines - 1) & ~(uintptr_t)(sizeof *c->lines - 1));
	hash_secret_draw(&c->secret, 0);
	c->written = 1;
	*ret = c;
	return RC_OK;
}

static struct line *line_of(const struct cache *c, uint64_t hash)
{
	return &c->lines[hash % LINES];
}

void cache_ask(const struct cache *c, const struct str *values, struct cache_key *keys, size_t n)
{
	uint64_t hash[CACHE_ASK_MAX][2];

	hash_keyed_each(&c->secret, values, n, hash);
	for (size_t i = 0; i < n; i++) {
		/* An odd factor: of one value by two matchers never the same. */
		keys[i].hash = hash[i][0] + (((uint64_t)keys[i].matcher << 8 | keys[i].how) + 1) * 0x9e3779b97f4a7c15u;
		keys[i].more = (uint32_t)hash[i][1];
		__builtin_prefetch(line_of(c, keys[i].hash));
	}
}

/* Never that of a free way. */
static uint64_t tag_of(uint64_t hash)
{
	return hash | (uint64_t)1 << 63;
}

/* What stands in the ring, unless it was overwritten. */
static bool ring_get(const struct cache *c, uint32_t at, const uint32_t **ret_hits, uint32_t *ret_n)
{
	const uint32_t *p = &c->ring[at % RING];

	if (c->written - at > RING)
		return false;
	*ret_n = p[0];
	*ret_hits = p + 1;
	return true;
}

/* The way of a value, or WAYS. */
static unsigned way_of(const struct line *line, const struct cache_key *k)
{
	uint64_t tag = tag_of(k->hash);
	unsigned found = 1u << WAYS;

	for (unsigned i = 0; i < WAYS; i++)
		found |= (unsigned)((line->tag[i] == tag) & (line->more[i] == k->more)) << i;
	return (unsigned)__builtin_ctz(found);
}

bool cache_get(struct cache *c, const struct cache_key *k, const uint32_t **ret_hits, uint32_t *ret_n)
{
	const struct line *line = line_of(c, k->hash);
	unsigned way = way_of(line, k);
	uint32_t hits;

	if (way == WAYS)
		return false;
	hits = line->hits[way];
	if (hits != NO_HITS && (hits & 1) == 0)
		return ring_get(c, hits / 2, ret_hits, ret_n);
	c->one = hits / 2;
	*ret_hits = &c->one;
	*ret_n = hits & 1;
	return true;
}

static void forget(struct cache *c)
{
	memset(c->lines, 0, LINES * sizeof *c->lines);
	c->written = 1;
}

/* Every list is written in one piece: one that would not fit before the ring's end begins at its start. */
static uint32_t ring_put(struct cache *c, const uint32_t *hits, uint32_t n)
{
	uint32_t left = RING - c->written % RING, at;

	if (left < n + 1)
		c->written += left;
	at = c->written;
	c->ring[at % RING] = n;
	memcpy(&c->ring[at % RING + 1], hits, n * sizeof *hits);
	c->written += n + 1;
	return at * 2;
}

void cache_put(struct cache *c, const struct cache_key *k, const uint32_t *hits, uint32_t n)
{
	struct line *line = line_of(c, k->hash);
	unsigned way;

	if (n > CACHE_HITS_MAX)
		return;
	if (c->written > INT32_MAX - 2 * RING)
		forget(c);
	way = way_of(line, k); /* it is there when its hits were overwritten */
	if (way == WAYS)
		way = c->turn++ % WAYS;
	line->tag[way] = tag_of(k->hash);
	line->more[way] = k->more;
	line->hits[way] = n == 0 ? NO_HITS : n == 1 ? hits[0] * 2 + 1 : ring_put(c, hits, n);
}
