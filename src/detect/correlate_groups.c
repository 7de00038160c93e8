/* Groups stand in one pool of equal entries, each with its key's 128-bit hash,
 * and are found through an index of 4 bytes a slot: the number of the entry and,
 * in the bits that the number leaves over, bits of the hash, so that a wrong
 * entry is hardly ever touched. Both grow by steps; nothing is kept for order
 * of use: who is idle is found by walking the pool when it is asked for. */
#include "detect/correlate_int.h"

#include "base/mem.h"

void *budget_alloc(struct budget *b, size_t n)
{
	void *p = mem_alloc(n);

	if (p != NULL)
		b->bytes += n;
	return p;
}

void budget_free(struct budget *b, void *p, size_t n)
{
	if (p == NULL)
		return;
	b->bytes -= n;
	mem_free(p);
}

static uint32_t mask_of(const struct groups *gs)
{
	return (uint32_t)((UINT64_C(1) << gs->bits) - 1);
}

/* Bits of the hash that stand above the number in a slot of the index. */
static uint32_t tag_of(const struct groups *gs, const uint64_t h[static 2])
{
	return (uint32_t)(h[1] << gs->bits);
}

struct group *groups_find(const struct groups *gs, const uint64_t h[static 2])
{
	uint32_t mask = mask_of(gs), tag;

	if (gs->live == 0)
		return NULL;
	tag = tag_of(gs, h);
	for (uint32_t at = (uint32_t)h[0] & mask;; at = (at + 1) & mask) {
		uint32_t slot = gs->index[at];
		struct group *g;

		if (slot == 0)
			return NULL;
		if ((slot & ~mask) != tag)
			continue;
		g = groups_at(gs, (slot & mask) - 1);
		if (g->h[0] == h[0] && g->h[1] == h[1])
			return g;
	}
}

void groups_prefetch_index(const struct groups *gs, const uint64_t h[static 2])
{
	if (gs->index != NULL)
		__builtin_prefetch(&gs->index[(uint32_t)h[0] & mask_of(gs)]);
}

void groups_prefetch_entry(const struct groups *gs, const uint64_t h[static 2])
{
	uint32_t mask = mask_of(gs), tag, slot;

	if (gs->index == NULL)
		return;
	tag = tag_of(gs, h);
	for (uint32_t at = (uint32_t)h[0] & mask; (slot = gs->index[at]) != 0; at = (at + 1) & mask) {
		const unsigned char *p;

		if ((slot & ~mask) != tag)
			continue;
		p = (const unsigned char *)groups_at(gs, (slot & mask) - 1);
		__builtin_prefetch(p, 1);
		__builtin_prefetch(p + gs->stride - 1, 1);
		return;
	}
}

static void index_put(struct groups *gs, const struct group *g)
{
	uint32_t mask = mask_of(gs), at = (uint32_t)g->h[0] & mask;

	while (gs->index[at] != 0)
		at = (at + 1) & mask;
	gs->index[at] = tag_of(gs, g->h) | (groups_number(gs, g) + 1);
}

static uint32_t index_where(const struct groups *gs, const struct group *g)
{
	uint32_t mask = mask_of(gs), at = (uint32_t)g->h[0] & mask, number = groups_number(gs, g) + 1;

	while ((gs->index[at] & mask) != number)
		at = (at + 1) & mask;
	return at;
}

/* Empties a slot and moves up those behind it that would not be found any more. */
static void index_drop(struct groups *gs, const struct group *g)
{
	uint32_t mask = mask_of(gs), hole = index_where(gs, g);

	for (uint32_t at = (hole + 1) & mask; gs->index[at] != 0; at = (at + 1) & mask) {
		uint32_t home = (uint32_t)groups_at(gs, (gs->index[at] & mask) - 1)->h[0] & mask;

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			gs->index[hole] = gs->index[at];
			hole = at;
		}
	}
	gs->index[hole] = 0;
}

static bool index_resize(struct groups *gs, unsigned bits, struct budget *b)
{
	uint32_t *index = budget_alloc(b, sizeof *index << bits);

	if (index == NULL)
		return false;
	if (gs->index != NULL)
		budget_free(b, gs->index, sizeof *index << gs->bits);
	gs->index = index;
	gs->bits = bits;
	for (uint32_t i = 0; i < gs->used; i++)
		if ((groups_at(gs, i)->flags & GROUP_LIVE) != 0)
			index_put(gs, groups_at(gs, i));
	return true;
}

static bool pool_resize(struct groups *gs, uint32_t cap, struct budget *b)
{
	unsigned char *pool = mem_resize(gs->pool, (size_t)cap * gs->stride);

	if (pool == NULL)
		return false;
	b->bytes += (size_t)cap * gs->stride;
	b->bytes -= (size_t)gs->cap * gs->stride;
	gs->pool = pool;
	gs->cap = cap;
	return true;
}

/* Small steps once it is large: what is not used is counted, too. */
static bool pool_grow(struct groups *gs, struct budget *b)
{
	uint32_t cap = gs->cap == 0 ? 8 : gs->cap < 1024 ? gs->cap * 2 : gs->cap + gs->cap / 16;

	if (cap > UINT32_C(1) << 30)
		return false;
	return pool_resize(gs, cap, b);
}

struct group *groups_make(struct groups *gs, const uint64_t h[static 2], struct budget *b)
{
	struct group *g;

	if (gs->index == NULL && !index_resize(gs, 4, b))
		return NULL;
	if ((uint64_t)(gs->live + 1) * 4 > (UINT64_C(3) << gs->bits) && !index_resize(gs, gs->bits + 1, b))
		return NULL;
	if (gs->free == 0 && gs->used == gs->cap && !pool_grow(gs, b))
		return NULL;
	if (gs->free != 0) {
		g = groups_at(gs, gs->free - 1);
		gs->free = g->past;
	} else {
		g = groups_at(gs, gs->used++);
	}
	memset(g, 0, gs->stride);
	g->h[0] = h[0];
	g->h[1] = h[1];
	g->flags = GROUP_LIVE;
	gs->live++;
	index_put(gs, g);
	return g;
}

void groups_drop(struct groups *gs, struct group *g)
{
	index_drop(gs, g);
	g->flags = 0;
	g->past = gs->free;
	gs->free = groups_number(gs, g) + 1;
	gs->live--;
}

/* Moves the last groups into the holes, so that the pool ends with its last group. */
static void pool_pack(struct groups *gs, void (*moved)(void *ctx, uint32_t from, uint32_t to), void *ctx)
{
	uint32_t hole = 0;

	for (uint32_t i = gs->used; i > gs->live; i--) {
		struct group *g = groups_at(gs, i - 1), *to;
		uint32_t slot;

		if ((g->flags & GROUP_LIVE) == 0)
			continue;
		while ((groups_at(gs, hole)->flags & GROUP_LIVE) != 0)
			hole++;
		slot = index_where(gs, g);
		to = groups_at(gs, hole);
		memcpy(to, g, gs->stride);
		gs->index[slot] = tag_of(gs, to->h) | (hole + 1);
		moved(ctx, i - 1, hole);
		g->flags = 0;
	}
	gs->used = gs->live;
	gs->free = 0;
}

void groups_shrink(struct groups *gs, struct budget *b, void (*moved)(void *ctx, uint32_t from, uint32_t to), void *ctx)
{
	uint32_t cap;

	if (gs->live == 0) {
		groups_free(gs, b);
		return;
	}
	pool_pack(gs, moved, ctx);
	cap = gs->live + gs->live / 16 + 8;
	/* A failure to give back leaves all as it was. */
	if (cap < gs->cap)
		(void)!pool_resize(gs, cap, b);
	while (gs->bits > 4 && (uint64_t)gs->live * 4 < (UINT64_C(1) << gs->bits))
		if (!index_resize(gs, gs->bits - 1, b))
			break;
}

void groups_free(struct groups *gs, struct budget *b)
{
	budget_free(b, gs->pool, (size_t)gs->cap * gs->stride);
	budget_free(b, gs->index, sizeof gs->index[0] << gs->bits);
	*gs = (struct groups){ .stride = gs->stride };
}
