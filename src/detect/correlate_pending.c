/* Hits that wait. They lie in blocks in the order in which they came; a block
 * is used again when the last of its hits has gone. Those that came in order
 * are linked, those that came late stand in a heap; the next is the earlier of
 * both heads. Logs are mostly in order, and two that run beside each other
 * cost a heap step for one of them. */
#include "detect/correlate_int.h"

#include "base/mem.h"

#define BLOCK_SIZE ((size_t)64 << 10)

struct pending_block {
	size_t size, used;
	uint32_t live;
};

static bool earlier(const struct waiting *a, const struct waiting *b)
{
	if (a->hit.at != b->hit.at)
		return a->hit.at < b->hit.at;
	if (a->hit.event != b->hit.event)
		return a->hit.event < b->hit.event;
	return a->seq < b->seq;
}

static size_t size_of(const struct waiting *w)
{
	return (sizeof *w + w->hit.n_key + 7) & ~(size_t)7;
}

static struct pending_block *block_new(struct pending *p, size_t need, struct budget *b)
{
	size_t size = need + sizeof(struct pending_block) > BLOCK_SIZE ? need + sizeof(struct pending_block) : BLOCK_SIZE;
	struct pending_block *k = p->spare;

	if (k != NULL && k->size >= size) {
		p->spare = NULL;
		return k;
	}
	k = budget_alloc(b, size);
	if (k != NULL)
		k->size = size;
	return k;
}

static void block_done(struct pending *p, struct pending_block *k, struct budget *b)
{
	k->used = sizeof *k;
	if (k == p->block)
		return;
	if (p->spare == NULL)
		p->spare = k;
	else
		budget_free(b, k, k->size);
}

struct waiting *pending_room(struct pending *p, size_t key_max, struct budget *b)
{
	size_t need = sizeof(struct waiting) + key_max;
	struct waiting *w;

	if (p->block == NULL || p->block->size - p->block->used < need) {
		struct pending_block *k = block_new(p, need, b), *old = p->block;

		if (k == NULL)
			return NULL;
		k->used = sizeof *k;
		p->block = k;
		if (old != NULL && old->live == 0)
			block_done(p, old, b);
	}
	w = (struct waiting *)(void *)((unsigned char *)p->block + p->block->used);
	w->block = p->block;
	return w;
}

static enum rc heap_put(struct pending *p, struct waiting *w, struct budget *b)
{
	size_t i = p->n_heap;

	if (p->n_heap == p->cap_heap) {
		size_t cap = p->cap_heap == 0 ? 64 : p->cap_heap * 2;
		struct waiting **heap = mem_resize(p->heap, cap * sizeof(struct waiting *));

		if (heap == NULL)
			return RC_NOMEM;
		b->bytes += (cap - p->cap_heap) * sizeof(struct waiting *);
		p->heap = heap;
		p->cap_heap = cap;
	}
	for (; i > 0 && earlier(w, p->heap[(i - 1) / 2]); i = (i - 1) / 2)
		p->heap[i] = p->heap[(i - 1) / 2];
	p->heap[i] = w;
	p->n_heap++;
	return RC_OK;
}

static void heap_drop(struct pending *p)
{
	struct waiting *last = p->heap[--p->n_heap];
	size_t i = 0;

	for (size_t kid; (kid = 2 * i + 1) < p->n_heap; i = kid) {
		if (kid + 1 < p->n_heap && earlier(p->heap[kid + 1], p->heap[kid]))
			kid++;
		if (!earlier(p->heap[kid], last))
			break;
		p->heap[i] = p->heap[kid];
	}
	p->heap[i] = last;
}

enum rc pending_commit(struct pending *p, struct waiting *w, struct budget *b)
{
	w->seq = p->seq++;
	w->next = NULL;
	if (p->last != NULL && earlier(w, p->last)) {
		TRY(heap_put(p, w, b));
	} else {
		if (p->last != NULL)
			p->last->next = w;
		else
			p->first = w;
		p->last = w;
	}
	/* The next one starts where an entry may: the key's length is rounded up. */
	w->block->used += size_of(w);
	p->bytes += size_of(w);
	w->block->live++;
	p->n++;
	return RC_OK;
}

struct waiting *pending_first(const struct pending *p)
{
	struct waiting *late = p->n_heap > 0 ? p->heap[0] : NULL;

	if (p->first == NULL || (late != NULL && earlier(late, p->first)))
		return late;
	return p->first;
}

void pending_drop(struct pending *p, struct waiting *w, struct budget *b)
{
	struct pending_block *k = w->block;

	if (p->n_heap > 0 && w == p->heap[0]) {
		heap_drop(p);
	} else {
		p->first = w->next;
		if (p->first == NULL)
			p->last = NULL;
		if (p->ahead == w) {
			p->ahead = NULL;
			p->ahead_by = 0;
		} else if (p->ahead_by > 0) {
			p->ahead_by--;
		}
		if (p->near == w) {
			p->near = NULL;
			p->near_by = 0;
		} else if (p->near_by > 0) {
			p->near_by--;
		}
	}
	p->n--;
	p->bytes -= size_of(w);
	if (--k->live == 0)
		block_done(p, k, b);
}

void pending_free(struct pending *p, struct budget *b)
{
	for (struct waiting *w; (w = pending_first(p)) != NULL;)
		pending_drop(p, w, b);
	if (p->block != NULL)
		budget_free(b, p->block, p->block->size);
	if (p->spare != NULL)
		budget_free(b, p->spare, p->spare->size);
	budget_free(b, p->heap, p->cap_heap * sizeof(struct waiting *));
	*p = (struct pending){ 0 };
}
