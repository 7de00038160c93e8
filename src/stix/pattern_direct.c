/* Trees of observations with a direct method, exact in polynomial time.
 *
 * A leaf: count. A leaf in a window (REPEATS n WITHIN x): walking by `first`,
 * the best choice that ends here is the n latest `last` seen so far; a heap
 * keeps them. An ALL of leaves (AND without windows or order): a flow from
 * leaves to observations of limited capacity, by augmenting paths. A leaf that
 * as many units could fill as the whole pattern asks for can wait until the end,
 * which leaves few observations that matter. */
#include "stix/pattern_assign.h"

#define FLOW_CELLS_MAX ((size_t)1 << 22)
#define FLOW_STEPS_MAX ((uint64_t)1 << 28)

static void take(uint64_t *used, size_t i)
{
	used[i / 64] |= (uint64_t)1 << i % 64;
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t units_in(const uint64_t *set, const struct stix_observations *o)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < o->n; i++)
		if (pat_set_has(set, i))
			sum = add_capped(sum, o->by_first[i].count);
	return sum;
}

static bool count_leaf(const struct pat_slot *leaf, const struct stix_observations *o, uint64_t *used)
{
	uint64_t sum = 0;

	if (units_in(leaf->set, o) < leaf->demand)
		return false;
	for (size_t i = 0; i < o->n && sum < leaf->demand; i++)
		if (pat_set_has(leaf->set, i)) {
			take(used, i);
			sum = add_capped(sum, o->by_first[i].count);
		}
	return true;
}

/* --- a leaf in a window ------------------------------------------------------ */

/* Observations, the one with the earliest `last` on top. */
struct heap {
	const struct stix_observations *o;
	uint32_t *at;
	size_t n;
	uint64_t units;
};

static usec last_of(const struct heap *h, size_t i)
{
	return h->o->by_first[h->at[i]].last;
}

static void heap_swap(struct heap *h, size_t i, size_t j)
{
	uint32_t t = h->at[i];

	h->at[i] = h->at[j];
	h->at[j] = t;
}

static void heap_push(struct heap *h, uint32_t observation)
{
	size_t i = h->n++;

	h->at[i] = observation;
	h->units = add_capped(h->units, h->o->by_first[observation].count);
	for (; i > 0 && last_of(h, i) < last_of(h, (i - 1) / 2); i = (i - 1) / 2)
		heap_swap(h, i, (i - 1) / 2);
}

static void heap_pop(struct heap *h)
{
	size_t i = 0;

	h->units -= h->o->by_first[h->at[0]].count;
	h->at[0] = h->at[--h->n];
	for (;;) {
		size_t least = i, left = 2 * i + 1;

		if (left < h->n && last_of(h, left) < last_of(h, least))
			least = left;
		if (left + 1 < h->n && last_of(h, left + 1) < last_of(h, least))
			least = left + 1;
		if (least == i)
			return;
		heap_swap(h, i, least);
		i = least;
	}
}

static bool window(const struct pat_slot *span, struct heap *h, uint64_t *used)
{
	const struct pat_slot *leaf = span->kids;

	for (size_t i = 0; i < h->o->n; i++) {
		if (!pat_set_has(leaf->set, i))
			continue;
		heap_push(h, (uint32_t)i);
		while (h->units - h->o->by_first[h->at[0]].count >= leaf->demand)
			heap_pop(h);
		if (h->units < leaf->demand || h->o->by_first[i].first - last_of(h, 0) >= span->span)
			continue;
		for (size_t k = 0; k < h->n; k++)
			take(used, h->at[k]);
		return true;
	}
	return false;
}

/* --- an ALL of leaves --------------------------------------------------------- */

struct flow {
	const struct stix_observations *o;
	struct pat_slot **leaf; /* the scarce ones */
	size_t n_leaves, n;     /* n: observations that a scarce leaf wants */
	uint32_t *index;        /* of these observations */
	uint64_t *spare;        /* units left of each */
	uint64_t *cell;         /* [leaf * n + observation]: units given */
	uint32_t *via_leaf, *via; /* how the search came to a leaf: from which, over which observation */
	bool *seen_leaf, *seen;
	uint32_t *queue;
	uint64_t steps;
};

static bool wants(const struct flow *f, size_t l, size_t m)
{
	return pat_set_has(f->leaf[l]->set, f->index[m]);
}

/* Gives units of `m` to `l`; what `l` gives way with goes to who led to it, and so on to the root. As many as the
 * narrowest exchange on the way lets through, `need` at most. */
static uint64_t augment(struct flow *f, size_t root, size_t l, size_t m, uint64_t need)
{
	uint64_t units = f->spare[m] < need ? f->spare[m] : need;

	for (size_t k = l; k != root; k = f->via_leaf[k])
		if (f->cell[k * f->n + f->via[k]] < units)
			units = f->cell[k * f->n + f->via[k]];
	f->spare[m] -= units;
	f->cell[l * f->n + m] += units;
	for (; l != root; l = f->via_leaf[l]) {
		f->cell[l * f->n + f->via[l]] -= units;
		f->cell[(size_t)f->via_leaf[l] * f->n + f->via[l]] += units;
	}
	return units;
}

/* More units, `need` at most, for leaf `root` over a shortest path of exchanges; 0 when there is none. */
static uint64_t find_units(struct flow *f, size_t root, uint64_t need)
{
	size_t head = 0, tail = 0;

	memset(f->seen, 0, f->n);
	memset(f->seen_leaf, 0, f->n_leaves);
	f->queue[tail++] = (uint32_t)root;
	f->seen_leaf[root] = true;
	while (head < tail) {
		size_t l = f->queue[head++];

		f->steps += f->n;
		for (size_t m = 0; m < f->n; m++) {
			if (f->seen[m] || !wants(f, l, m))
				continue;
			f->seen[m] = true;
			if (f->spare[m] > 0)
				return augment(f, root, l, m, need);
			f->steps += f->n_leaves;
			for (size_t k = 0; k < f->n_leaves; k++) {
				if (f->seen_leaf[k] || f->cell[k * f->n + m] == 0)
					continue;
				f->seen_leaf[k] = true;
				f->via_leaf[k] = (uint32_t)l;
				f->via[k] = (uint32_t)m;
				f->queue[tail++] = (uint32_t)k;
			}
		}
	}
	return 0;
}

static enum rc flow_memory(struct flow *f, struct arena *a, struct err *err)
{
	f->spare = arena_array(a, f->n + 1, sizeof *f->spare);
	f->cell = arena_array(a, f->n_leaves * f->n + 1, sizeof *f->cell);
	f->via_leaf = arena_array(a, f->n_leaves + 1, sizeof *f->via_leaf);
	f->via = arena_array(a, f->n_leaves + 1, sizeof *f->via);
	f->seen_leaf = arena_array(a, f->n_leaves + 1, sizeof *f->seen_leaf);
	f->seen = arena_array(a, f->n + 1, sizeof *f->seen);
	f->queue = arena_array(a, f->n_leaves + 1, sizeof *f->queue);
	if (f->spare == NULL || f->cell == NULL || f->via_leaf == NULL || f->via == NULL || f->seen_leaf == NULL ||
	    f->seen == NULL || f->queue == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	for (size_t m = 0; m < f->n; m++)
		f->spare[m] = f->o->by_first[f->index[m]].count;
	return RC_OK;
}

/* Fills the scarce leaves. *ret_fits false when that would take too long. */
static bool run_flow(struct flow *f, bool *ret_fits)
{
	for (size_t l = 0; l < f->n_leaves; l++)
		for (uint64_t need = f->leaf[l]->demand; need > 0;) {
			uint64_t units = find_units(f, l, need);

			if (f->steps > FLOW_STEPS_MAX) {
				*ret_fits = false;
				return false;
			}
			if (units == 0)
				return false;
			need -= units;
		}
	return true;
}

/* The leaves with plenty take what the scarce ones have left. */
static void take_rest(const struct flow *f, const struct pat_slot *root, uint64_t whole, uint64_t *left, uint64_t *used)
{
	for (size_t i = 0; i < f->o->n; i++)
		left[i] = f->o->by_first[i].count;
	for (size_t m = 0; m < f->n; m++) {
		if (f->spare[m] < left[f->index[m]])
			take(used, f->index[m]);
		left[f->index[m]] = f->spare[m];
	}
	for (const struct pat_slot *k = root->kids; k != NULL; k = k->next) {
		uint64_t need = units_in(k->set, f->o) >= whole ? k->demand : 0;

		for (size_t i = 0; i < f->o->n && need > 0; i++) {
			uint64_t units = left[i] < need ? left[i] : need;

			if (units == 0 || !pat_set_has(k->set, i))
				continue;
			take(used, i);
			left[i] -= units;
			need -= units;
		}
	}
}

static enum rc all_of_leaves(struct pat_slot *root, struct flow *f, struct arena *a, uint64_t *used, bool *ret_match,
			     bool *ret_fits, struct err *err)
{
	uint64_t whole = 0;
	uint64_t *left = arena_array(a, f->o->n + 1, sizeof *left);
	size_t n_kids = 0;

	for (const struct pat_slot *k = root->kids; k != NULL; k = k->next)
		n_kids++;
	f->leaf = arena_array(a, n_kids + 1, sizeof *f->leaf);
	f->index = arena_array(a, f->o->n + 1, sizeof *f->index);
	if (left == NULL || f->leaf == NULL || f->index == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	for (const struct pat_slot *k = root->kids; k != NULL; k = k->next)
		whole = add_capped(whole, k->demand);
	for (struct pat_slot *k = root->kids; k != NULL; k = k->next)
		if (units_in(k->set, f->o) < whole)
			f->leaf[f->n_leaves++] = k;
	for (size_t i = 0; i < f->o->n; i++) {
		bool wanted = false;

		for (size_t l = 0; l < f->n_leaves && !wanted; l++)
			wanted = pat_set_has(f->leaf[l]->set, i);
		if (wanted)
			f->index[f->n++] = (uint32_t)i;
	}
	*ret_fits = f->n == 0 || f->n_leaves <= FLOW_CELLS_MAX / f->n;
	if (!*ret_fits)
		return RC_OK;
	TRY(flow_memory(f, a, err));
	*ret_match = run_flow(f, ret_fits);
	if (*ret_match)
		take_rest(f, root, whole, left, used);
	return RC_OK;
}

static bool is_all_of_leaves(const struct pat_slot *root)
{
	if (root->kind != SLOT_ALL)
		return false;
	for (const struct pat_slot *k = root->kids; k != NULL; k = k->next)
		if (k->kind != SLOT_LEAF)
			return false;
	return true;
}

enum rc pat_assign_direct(struct pat_slot *root, const struct stix_observations *o, struct arena *a, uint64_t *used,
			  bool *ret_match, bool *ret_fits, struct err *err)
{
	*ret_fits = true;
	if (root->kind == SLOT_LEAF) {
		*ret_match = count_leaf(root, o, used);
		return RC_OK;
	}
	if (root->kind == SLOT_SPAN && root->kids->kind == SLOT_LEAF) {
		struct heap h = { .o = o, .at = arena_array(a, o->n + 1, sizeof *h.at) };

		if (h.at == NULL)
			return FAIL(err, RC_NOMEM, "pattern: out of memory");
		*ret_match = window(root, &h, used);
		return RC_OK;
	}
	if (is_all_of_leaves(root)) {
		struct flow f = { .o = o };

		return all_of_leaves(root, &f, a, used, ret_match, ret_fits, err);
	}
	*ret_fits = false;
	return RC_OK;
}
