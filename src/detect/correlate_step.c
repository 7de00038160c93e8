/* The machines that are asked at each event, in the order of time. Each keeps
 * as much as decides the answer and no more: a count of N events in a span
 * needs the newest N times, N distinct values the N most recent of them, an
 * order of rules the latest start of a chain for each length and end.
 *
 * State of a small machine: time of the last firing, then its own times, all
 * `width` bytes wide and modular; whatever is older than the span is dropped at
 * each step, so ages stay below twice the span and are never confused. State of
 * a large one: the pointer of its block, then the time of the last firing. */
#include "detect/correlate_int.h"

#include <math.h>

#define INLINE __attribute__((always_inline)) static inline

INLINE usec time_read(unsigned width, const unsigned char *from, usec now)
{
	uint64_t back;

	if (width == 4) {
		uint32_t v;

		memcpy(&v, from, sizeof v);
		back = (uint32_t)((uint32_t)(uint64_t)now - v);
	} else if (width == 5) {
		uint64_t v = 0;

		memcpy(&v, from, 5);
		back = ((uint64_t)now - v) & ((UINT64_C(1) << 40) - 1);
	} else {
		uint64_t v;

		memcpy(&v, from, sizeof v);
		back = (uint64_t)now - v;
	}
	return (usec)((uint64_t)now - back);
}

INLINE void time_write(unsigned width, unsigned char *to, usec at)
{
	uint64_t v = (uint64_t)at;

	if (width == 4)
		memcpy(to, &v, 4);
	else if (width == 5)
		memcpy(to, &v, 5);
	else
		memcpy(to, &v, 8);
}

static usec time_get(const struct plan *p, const unsigned char *from, usec now)
{
	return time_read(p->width, from, now);
}

static void time_put(const struct plan *p, unsigned char *to, usec at)
{
	time_write(p->width, to, at);
}

static bool has_block(const struct plan *p)
{
	return p->machine == MACHINE_TIMES || p->machine == MACHINE_DISTINCT || p->machine == MACHINE_SUM || p->machine == MACHINE_RANK;
}

/* Behind the time of the last firing. */
static unsigned char *own_of(const struct plan *p, struct group *g)
{
	return g->state + p->width;
}

/* Chains of `need` slots that end at the last one at the latest: rows are lengths, columns how many slots were left out. */
static uint32_t chain_columns(const struct plan *p)
{
	return p->corr->n_rules - p->need + 1;
}

static size_t state_size(const struct plan *p)
{
	switch (p->machine) {
	case MACHINE_RING:
		return p->width * (size_t)(1 + p->need);
	case MACHINE_RECENT:
		return p->width * (size_t)(1 + p->need) + sizeof(uint64_t) * (size_t)p->need;
	case MACHINE_SLOTS:
		return p->width * (size_t)(1 + p->corr->n_rules) + (p->corr->n_rules + 7) / 8;
	case MACHINE_CHAIN:
		return p->width * (size_t)(1 + p->need * chain_columns(p)) + (p->need * chain_columns(p) + 7) / 8;
	case MACHINE_TIMES:
	case MACHINE_DISTINCT:
	case MACHINE_SUM:
	case MACHINE_RANK:
		return sizeof(void *) + p->width;
	case MACHINE_WINDOW:
		return sizeof(struct window) + (p->corr->type == SIGMA_TEMPORAL_ORDERED ? p->corr->n_rules : 0);
	}
	return 0;
}

void step_plan(struct plan *p)
{
	p->fired = has_block(p) ? sizeof(void *) : 0;
	p->groups.stride = (sizeof(struct group) + state_size(p) + 7) & ~(size_t)7;
}

void **step_block(const struct plan *p, struct group *g)
{
	if (p->machine == MACHINE_WINDOW)
		return &window_of(g)->block;
	return has_block(p) ? (void **)(void *)g->state : NULL;
}

bool step_may_fire(const struct plan *p, const struct group *g, usec at)
{
	return (g->flags & GROUP_FIRING) == 0 || at - time_get(p, g->state + p->fired, at) >= p->span;
}

void step_fired(const struct plan *p, struct group *g, usec at)
{
	g->flags |= GROUP_FIRING;
	time_put(p, g->state + p->fired, at);
}

INLINE uint8_t behind(const struct plan *p, uint32_t place)
{
	return (uint8_t)(place + 1 == p->need ? 0 : place + 1);
}

INLINE void ring(const struct plan *p, struct group *g, usec at, unsigned width, struct verdict *ret)
{
	unsigned char *times = g->state + width;
	uint32_t head = g->head, n = g->n, where;

	for (; n > 0 && time_read(width, times + (size_t)head * width, at) <= at - p->span; n--)
		head = behind(p, head);
	where = head + n;
	where = where >= p->need ? where - p->need : where;
	time_write(width, times + (size_t)where * width, at);
	if (n == p->need)
		head = behind(p, head);
	else
		n++;
	g->head = (uint8_t)head;
	g->n = (uint8_t)n;
	ret->value = n;
	ret->holds = n == p->need;
	ret->first = time_read(width, times + (size_t)head * width, at);
}

/* Most correlations, and the narrowest time, for which the compiler then knows what to do. */
static void step_ring(const struct plan *p, struct group *g, usec at, struct verdict *ret)
{
	if (LIKELY(p->width == 4))
		ring(p, g, at, 4, ret);
	else
		ring(p, g, at, p->width, ret);
}

/* Values in the order of their last sight, the newest in front; their times behind them in the same order. */
static void step_recent(const struct plan *p, struct group *g, usec at, uint64_t value, struct verdict *ret)
{
	unsigned char *values = own_of(p, g) , *times = values + p->need * sizeof value;
	size_t i = 0, w = p->width;

	for (; i < g->n; i++) {
		uint64_t v;

		memcpy(&v, values + i * sizeof v, sizeof v);
		if (v == value)
			break;
	}
	if (i == g->n && g->n < p->need)
		g->n++;
	else if (i == p->need)
		i--;
	memmove(values + sizeof value, values, i * sizeof value);
	memmove(times + w, times, i * w);
	memcpy(values, &value, sizeof value);
	time_put(p, times, at);
	while (time_get(p, times + (g->n - 1u) * w, at) <= at - p->span)
		g->n--;
	ret->value = g->n;
	ret->holds = g->n == p->need;
	ret->first = time_get(p, times + (g->n - 1u) * w, at);
}

static bool bit(const unsigned char *bits, uint32_t i)
{
	return (bits[i / 8] >> i % 8 & 1) != 0;
}

/* Clears what is older than the span. */
static void expire_bits(const struct plan *p, const unsigned char *times, unsigned char *bits, uint32_t n, usec at)
{
	for (uint32_t i = 0; i < n; i++)
		if (bit(bits, i) && time_get(p, times + (size_t)i * p->width, at) <= at - p->span)
			bits[i / 8] &= (unsigned char)~(1u << i % 8);
}

static void set_time(const struct plan *p, unsigned char *times, unsigned char *bits, uint32_t i, usec at)
{
	time_put(p, times + (size_t)i * p->width, at);
	bits[i / 8] |= (unsigned char)(1u << i % 8);
}

static void step_slots(const struct plan *p, struct group *g, usec at, uint32_t slot, struct verdict *ret)
{
	uint32_t n = p->corr->n_rules, count = 0;
	unsigned char *times = own_of(p, g), *bits = times + (size_t)n * p->width;
	uint64_t seen = 0;

	expire_bits(p, times, bits, n, at);
	set_time(p, times, bits, slot, at);
	ret->first = at;
	for (uint32_t i = 0; i < n; i++) {
		usec t;

		if (!bit(bits, i))
			continue;
		t = time_get(p, times + (size_t)i * p->width, at);
		ret->first = t < ret->first ? t : ret->first;
		seen |= UINT64_C(1) << i;
		count++;
	}
	ret->value = count;
	ret->holds = count >= p->need && (p->corr->condition == NULL || condition_holds(p->corr->condition, seen));
}

/* Row r, column k: chains of r + 1 slots whose last is slot r + k; the cell holds the latest start. */
static void step_chain(const struct plan *p, struct group *g, usec at, uint32_t slot, struct verdict *ret)
{
	uint32_t rows = p->need, columns = chain_columns(p), n = rows * columns;
	unsigned char *times = own_of(p, g), *bits = times + (size_t)n * p->width;

	expire_bits(p, times, bits, n, at);
	for (uint32_t row = slot < rows ? slot + 1 : rows; row > 0; row--) {
		uint32_t r = row - 1, k = slot - r;
		bool found = r == 0;
		usec start = at;

		if (k >= columns)
			break;
		/* One slot less, ending at an earlier slot. */
		for (uint32_t j = 0; r > 0 && j <= k; j++) {
			uint32_t cell = (r - 1) * columns + j;
			usec t;

			if (!bit(bits, cell))
				continue;
			t = time_get(p, times + (size_t)cell * p->width, at);
			start = !found || t > start ? t : start;
			found = true;
		}
		if (found)
			set_time(p, times, bits, r * columns + k, start);
	}
	ret->value = p->need;
	for (uint32_t k = 0; k < columns; k++) {
		uint32_t cell = (rows - 1) * columns + k;
		usec t;

		if (!bit(bits, cell))
			continue;
		t = time_get(p, times + (size_t)cell * p->width, at);
		ret->first = !ret->holds || t > ret->first ? t : ret->first;
		ret->holds = true;
	}
}

static enum rc step_block_machine(struct correlator *c, const struct plan *p, struct group *g, const struct hit *h, struct verdict *ret)
{
	bool rank = p->machine == MACHINE_RANK, times = p->machine == MACHINE_TIMES;
	enum values_kind kind = rank ? VALUES_RANK : times ? VALUES_TIMES : VALUES_SUM;
	void **block = step_block(p, g);
	struct values *v = block == NULL ? NULL : *block; /* these machines always have one */
	double number;

	if (block == NULL)
		return RC_INTERNAL;
	if (p->machine == MACHINE_DISTINCT) {
		struct distinct *d = *block;

		if (d != NULL)
			distinct_expire(d, h->at - p->span);
		TRY(distinct_put(&d, p->need, h->value, h->at, &c->budget));
		*block = d;
		*ret = (struct verdict){ d->n == p->need, d->n, distinct_first(d) };
		return RC_OK;
	}
	if (v != NULL)
		values_expire(v, kind, h->at - p->span);
	memcpy(&number, &h->value, sizeof number);
	TRY(values_put(&v, kind, times ? p->need : rank ? CORRELATE_RANK_MAX : CORRELATE_SUM_MAX, h->at, number,
		       times ? NULL : &c->stats.values_lost, &c->budget));
	*block = v;
	ret->first = values_first(v);
	if (times) {
		ret->value = v->n;
		ret->holds = v->n == p->need;
		return RC_OK;
	}
	if (rank)
		ret->value = values_rank(v, p->corr->type == SIGMA_VALUE_MEDIAN ? 50 : p->corr->percentile);
	else
		ret->value = p->corr->type == SIGMA_VALUE_AVG ? v->sum / v->n : v->sum;
	ret->holds = limits_hold(p->corr, ret->value);
	return RC_OK;
}

enum rc step(struct correlator *c, const struct plan *p, struct group *g, const struct hit *h, struct verdict *ret)
{
	if (LIKELY(p->machine == MACHINE_RING)) {
		step_ring(p, g, h->at, ret);
		return RC_OK;
	}
	*ret = (struct verdict){ 0 };
	switch (p->machine) {
	case MACHINE_RECENT:
		step_recent(p, g, h->at, h->value, ret);
		return RC_OK;
	case MACHINE_SLOTS:
		step_slots(p, g, h->at, h->slot, ret);
		return RC_OK;
	case MACHINE_CHAIN:
		step_chain(p, g, h->at, h->slot, ret);
		return RC_OK;
	case MACHINE_TIMES:
	case MACHINE_DISTINCT:
	case MACHINE_SUM:
	case MACHINE_RANK:
		return step_block_machine(c, p, g, h, ret);
	case MACHINE_RING:
	case MACHINE_WINDOW:
		break;
	}
	return RC_INTERNAL;
}
