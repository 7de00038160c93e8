/* Sums, means and ranks need every value of the window: a ring of (time,
 * value), for ranks with the values in order beside it. */
#include "detect/correlate_int.h"

#include <math.h>
#include <stdlib.h>

static usec *times_of(struct values *v)
{
	return (usec *)(void *)(v + 1);
}

static double *values_of(struct values *v)
{
	return (double *)(void *)(times_of(v) + v->cap);
}

static double *sorted_of(struct values *v)
{
	return values_of(v) + v->cap;
}

static size_t size_of(enum values_kind kind, uint32_t cap)
{
	return sizeof(struct values) + (size_t)cap * sizeof(double) * (size_t)kind;
}

/* Where `value` stands, or belongs, in the sorted ones. */
static uint32_t rank_of(struct values *v, double value)
{
	const double *s = sorted_of(v);
	uint32_t low = 0, high = v->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (s[mid] < value)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void add_up(struct values *v)
{
	v->sum = 0;
	for (uint32_t i = 0; i < v->n; i++)
		v->sum += values_of(v)[(v->head + i) % v->cap];
	v->removed = 0;
}

static void drop_oldest(struct values *v, enum values_kind kind)
{
	double gone = kind >= VALUES_SUM ? values_of(v)[v->head] : 0;

	if (kind == VALUES_RANK) {
		double *s = sorted_of(v);
		uint32_t at = rank_of(v, gone);

		memmove(s + at, s + at + 1, (v->n - at - 1) * sizeof *s);
	}
	v->head = (v->head + 1) % v->cap;
	v->n--;
	if (kind != VALUES_SUM)
		return;
	v->sum -= gone;
	v->removed++;
	/* What was subtracted leaves its rounding behind: much of it where a large value went, a little each time. */
	if (v->n == 0)
		v->sum = 0;
	else if (!isfinite(v->sum) || v->removed > v->cap || fabs(gone) > 1e6 * fabs(v->sum))
		add_up(v);
}

static struct values *grown(const struct values *old, enum values_kind kind, uint32_t cap, struct budget *b)
{
	struct values *v = budget_alloc(b, size_of(kind, cap));

	if (v == NULL)
		return NULL;
	v->size = size_of(kind, cap);
	v->cap = cap;
	if (old == NULL)
		return v;
	v->n = old->n;
	v->sum = old->sum;
	for (uint32_t i = 0; i < old->n; i++) {
		uint32_t from = (old->head + i) % old->cap;
		const usec *at = (const usec *)(const void *)(old + 1);
		const double *value = (const double *)(const void *)(at + old->cap);

		times_of(v)[i] = at[from];
		if (kind >= VALUES_SUM)
			values_of(v)[i] = value[from];
		if (kind == VALUES_RANK)
			sorted_of(v)[i] = value[old->cap + i];
	}
	return v;
}

enum rc values_put(struct values **pv, enum values_kind kind, uint32_t max, usec at, double value, uint64_t *lost, struct budget *b)
{
	struct values *v = *pv;
	uint32_t where;

	if (v == NULL || (v->n == v->cap && v->cap < max)) {
		uint32_t cap = v == NULL ? 8 : v->cap * 2;
		struct values *more = grown(v, kind, cap > max ? max : cap, b);

		if (more == NULL)
			return RC_NOMEM;
		if (v != NULL)
			budget_free(b, v, v->size);
		*pv = v = more;
	}
	if (v->n == v->cap) {
		drop_oldest(v, kind);
		if (lost != NULL)
			++*lost;
	}
	where = (v->head + v->n) % v->cap;
	times_of(v)[where] = at;
	if (kind >= VALUES_SUM)
		values_of(v)[where] = value;
	if (kind == VALUES_RANK) {
		double *s = sorted_of(v);
		uint32_t rank = rank_of(v, value);

		memmove(s + rank + 1, s + rank, (v->n - rank) * sizeof *s);
		s[rank] = value;
	}
	v->n++;
	if (kind == VALUES_SUM)
		v->sum += value;
	return RC_OK;
}

void values_expire(struct values *v, enum values_kind kind, usec upto)
{
	while (v->n > 0 && times_of(v)[v->head] <= upto)
		drop_oldest(v, kind);
}

usec values_first(const struct values *v)
{
	const usec *at = (const usec *)(const void *)(v + 1);

	return at[v->head];
}

double values_rank(const struct values *v, double percent)
{
	const double *s = (const double *)(const void *)(v + 1) + 2 * (size_t)v->cap;
	double place = percent / 100 * (double)(v->n - 1), whole = floor(place);
	uint32_t low = (uint32_t)whole;

	if (low + 1 >= v->n)
		return s[v->n - 1];
	return s[low] + (s[low + 1] - s[low]) * (place - whole);
}

static int value_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

bool values_renew(struct values *v, enum values_kind kind, uint32_t max)
{
	if (v->cap == 0 || v->cap > max || v->size != size_of(kind, v->cap) || v->head >= v->cap || v->n > v->cap)
		return false;
	for (uint32_t i = 0; i < v->n && kind >= VALUES_SUM; i++) {
		double value = values_of(v)[(v->head + i) % v->cap];

		if (!isfinite(value))
			return false;
		if (kind == VALUES_RANK)
			sorted_of(v)[i] = value;
	}
	if (kind == VALUES_RANK)
		qsort(sorted_of(v), v->n, sizeof(double), value_order);
	if (kind == VALUES_SUM)
		add_up(v);
	return true;
}
