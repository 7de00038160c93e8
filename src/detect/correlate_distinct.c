/* The most recent distinct values of a large group: nodes in the order of their
 * last sight (a ring of links) and a table over them. One step costs the same
 * whatever the number of values. Values are 64-bit keyed hashes: two of one
 * group would have to meet to be taken for one. */
#include "detect/correlate_int.h"

struct node {
	uint64_t value;
	usec at;
	uint32_t newer, older; /* numbers + 1 */
};

static struct node *nodes_of(struct distinct *d)
{
	return (struct node *)(void *)(d + 1);
}

static uint32_t *table_of(struct distinct *d)
{
	return (uint32_t *)(void *)(nodes_of(d) + d->cap);
}

static uint32_t slots_for(uint32_t cap)
{
	uint32_t slots = 16;

	while (slots < cap + cap / 2)
		slots *= 2;
	return slots;
}

static size_t size_of(uint32_t cap)
{
	return sizeof(struct distinct) + cap * sizeof(struct node) + slots_for(cap) * sizeof(uint32_t);
}

/* The slot that holds `value`, or the empty one where it belongs. */
static uint32_t slot_of(struct distinct *d, uint64_t value)
{
	uint32_t mask = d->slots - 1, at = (uint32_t)value & mask;

	while (table_of(d)[at] != 0 && nodes_of(d)[table_of(d)[at] - 1].value != value)
		at = (at + 1) & mask;
	return at;
}

static void table_drop(struct distinct *d, uint32_t hole)
{
	uint32_t mask = d->slots - 1, *table = table_of(d);

	for (uint32_t at = (hole + 1) & mask; table[at] != 0; at = (at + 1) & mask) {
		uint32_t home = (uint32_t)nodes_of(d)[table[at] - 1].value & mask;

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			table[hole] = table[at];
			hole = at;
		}
	}
	table[hole] = 0;
}

static void unlink_node(struct distinct *d, uint32_t number)
{
	struct node *nodes = nodes_of(d), *x = &nodes[number - 1];

	if (x->newer != 0)
		nodes[x->newer - 1].older = x->older;
	else
		d->newest = x->older;
	if (x->older != 0)
		nodes[x->older - 1].newer = x->newer;
	else
		d->oldest = x->newer;
}

static void link_newest(struct distinct *d, uint32_t number, usec at)
{
	struct node *nodes = nodes_of(d), *x = &nodes[number - 1];

	x->at = at;
	x->newer = 0;
	x->older = d->newest;
	if (d->newest != 0)
		nodes[d->newest - 1].newer = number;
	else
		d->oldest = number;
	d->newest = number;
}

/* Takes the oldest out. Nodes stay dense: the last one moves into its place. Yields nothing that anyone keeps. */
static void drop_oldest(struct distinct *d)
{
	struct node *nodes = nodes_of(d);
	uint32_t gone = d->oldest, last = d->n;

	table_drop(d, slot_of(d, nodes[gone - 1].value));
	unlink_node(d, gone);
	if (gone != last) {
		struct node *x = &nodes[last - 1];

		table_of(d)[slot_of(d, x->value)] = gone;
		if (x->newer != 0)
			nodes[x->newer - 1].older = gone;
		else
			d->newest = gone;
		if (x->older != 0)
			nodes[x->older - 1].newer = gone;
		else
			d->oldest = gone;
		nodes[gone - 1] = *x;
	}
	d->n--;
}

static void add_newest(struct distinct *d, uint64_t value, usec at)
{
	uint32_t number = ++d->n;

	table_of(d)[slot_of(d, value)] = number;
	nodes_of(d)[number - 1].value = value;
	link_newest(d, number, at);
}

static struct distinct *grown(struct distinct *old, uint32_t cap, struct budget *b)
{
	struct distinct *d = budget_alloc(b, size_of(cap));

	if (d == NULL)
		return NULL;
	d->size = size_of(cap);
	d->cap = cap;
	d->slots = slots_for(cap);
	for (uint32_t i = old == NULL ? 0 : old->oldest; i != 0; i = nodes_of(old)[i - 1].newer)
		add_newest(d, nodes_of(old)[i - 1].value, nodes_of(old)[i - 1].at);
	return d;
}

enum rc distinct_put(struct distinct **pd, uint32_t max, uint64_t value, usec at, struct budget *b)
{
	struct distinct *d = *pd;
	uint32_t known;

	known = d == NULL ? 0 : table_of(d)[slot_of(d, value)];
	if (known != 0) {
		if (known != d->newest)
			unlink_node(d, known);
		else {
			nodes_of(d)[known - 1].at = at;
			return RC_OK;
		}
		link_newest(d, known, at);
		return RC_OK;
	}
	if (d == NULL || (d->n == d->cap && d->cap < max)) {
		uint32_t cap = d == NULL ? 8 : d->cap * 2;
		struct distinct *more = grown(d, cap > max ? max : cap, b);

		if (more == NULL)
			return RC_NOMEM;
		if (d != NULL)
			budget_free(b, d, d->size);
		*pd = d = more;
	}
	if (d->n == d->cap)
		drop_oldest(d);
	add_newest(d, value, at);
	return RC_OK;
}

void distinct_expire(struct distinct *d, usec upto)
{
	while (d->n > 0 && nodes_of(d)[d->oldest - 1].at <= upto)
		drop_oldest(d);
}

usec distinct_first(const struct distinct *d)
{
	const struct node *nodes = (const struct node *)(const void *)(d + 1);

	return nodes[d->oldest - 1].at;
}

/* Each node once on the way from the newest to the oldest and back, each found through the table. */
bool distinct_sound(const struct distinct *cd, uint32_t max)
{
	struct distinct *d = (struct distinct *)(uintptr_t)cd; /* read only */
	uint32_t seen = 0, before = 0;

	if (d->cap == 0 || d->cap > max || d->size != size_of(d->cap) || d->slots != slots_for(d->cap) || d->n > d->cap)
		return false;
	for (uint32_t i = 0, used = 0; i < d->slots; i++) {
		used += table_of(d)[i] != 0;
		if (table_of(d)[i] > d->n || used > d->n)
			return false;
	}
	for (uint32_t i = d->newest; i != 0; i = nodes_of(d)[i - 1].older) {
		if (i > d->n || ++seen > d->n || nodes_of(d)[i - 1].newer != before)
			return false;
		if (table_of(d)[slot_of(d, nodes_of(d)[i - 1].value)] != i)
			return false;
		before = i;
	}
	return seen == d->n && d->oldest == before;
}
