#include "lab/ranges.h"

#include "base/mem.h"

void lab_ranges_done(struct lab_ranges *r)
{
	mem_free(r->p);
	*r = (struct lab_ranges){ 0 };
}

static bool grow(struct lab_ranges *r)
{
	size_t cap = r->cap == 0 ? 32 : r->cap * 2;
	struct lab_range *p;

	if (r->n < r->cap)
		return true;
	lab_ranges_tidy(r);
	if (r->n <= r->cap / 2 && r->cap > 0)
		return true;
	p = cap > LAB_RANGES_MAX ? NULL : mem_resize(r->p, cap * sizeof *p);
	if (p == NULL) {
		r->full = true;
		return r->n < r->cap;
	}
	r->p = p;
	r->cap = cap;
	return true;
}

void lab_ranges_add(struct lab_ranges *r, uint64_t from, uint64_t to)
{
	if (from >= to)
		return;
	/* Most walkers go forward. */
	if (r->n > 0 && r->p[r->n - 1].to == from) {
		r->p[r->n - 1].to = to;
		r->tidy = false;
		return;
	}
	if (!grow(r))
		return;
	r->tidy = r->n == 0;
	r->p[r->n++] = (struct lab_range){ from, to };
}

void lab_ranges_add_all(struct lab_ranges *r, const struct lab_ranges *more)
{
	for (size_t i = 0; i < more->n; i++)
		lab_ranges_add(r, more->p[i].from, more->p[i].to);
	r->full = r->full || more->full;
}

static int by_start(const void *a, const void *b)
{
	const struct lab_range *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

void lab_ranges_tidy(struct lab_ranges *r)
{
	size_t n = 0;

	if (r->tidy || r->n == 0)
		return;
	qsort(r->p, r->n, sizeof *r->p, by_start);
	for (size_t i = 1; i < r->n; i++)
		if (r->p[i].from <= r->p[n].to)
			r->p[n].to = r->p[i].to > r->p[n].to ? r->p[i].to : r->p[n].to;
		else
			r->p[++n] = r->p[i];
	r->n = n + 1;
	r->tidy = true;
}

uint64_t lab_ranges_sum(struct lab_ranges *r)
{
	uint64_t sum = 0;

	lab_ranges_tidy(r);
	for (size_t i = 0; i < r->n; i++)
		sum += r->p[i].to - r->p[i].from;
	return sum;
}

bool lab_ranges_gap(const struct lab_ranges *r, uint64_t *at, uint64_t end, struct lab_range *ret)
{
	size_t low = 0, high = r->n;

	/* The first range that ends behind *at. */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->p[mid].to <= *at)
			low = mid + 1;
		else
			high = mid;
	}
	while (low < r->n && r->p[low].from <= *at)
		*at = r->p[low++].to;
	if (*at >= end)
		return false;
	*ret = (struct lab_range){ *at, low < r->n && r->p[low].from < end ? r->p[low].from : end };
	*at = ret->to;
	return true;
}
