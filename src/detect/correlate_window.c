/* Limits that an event more can break (lt, lte, eq, neq, a range, a `not`) are
 * asked when a window ends. It opens with the first event of a group that has
 * none open and holds [open, open + timespan). All windows of a correlation are
 * equally long, so the order in which they open is that in which they end. */
#include "detect/correlate_int.h"

static enum values_kind kind_of(const struct plan *p)
{
	bool rank = p->corr->type == SIGMA_VALUE_PERCENTILE || p->corr->type == SIGMA_VALUE_MEDIAN;

	return rank ? VALUES_RANK : VALUES_SUM;
}

void window_link(struct plan *p, struct group *g)
{
	uint32_t number = groups_number(&p->groups, g) + 1;

	window_of(g)->before = p->last_open;
	window_of(g)->after = 0;
	if (p->last_open != 0)
		window_of(groups_at(&p->groups, p->last_open - 1))->after = number;
	else
		p->first_open = number;
	p->last_open = number;
}

static void window_unlink(struct plan *p, struct group *g)
{
	struct window *w = window_of(g);

	if (w->before != 0)
		window_of(groups_at(&p->groups, w->before - 1))->after = w->after;
	else
		p->first_open = w->after;
	if (w->after != 0)
		window_of(groups_at(&p->groups, w->after - 1))->before = w->before;
	else
		p->last_open = w->before;
}

void window_moved(struct plan *p, uint32_t from, uint32_t to)
{
	struct window *w = window_of(groups_at(&p->groups, to));

	(void)from;
	if (w->before != 0)
		window_of(groups_at(&p->groups, w->before - 1))->after = to + 1;
	else
		p->first_open = to + 1;
	if (w->after != 0)
		window_of(groups_at(&p->groups, w->after - 1))->before = to + 1;
	else
		p->last_open = to + 1;
}

void window_forget(struct correlator *c, struct plan *p, struct group *g)
{
	struct window *w = window_of(g);

	window_unlink(p, g);
	if (w->n_key > 0)
		budget_free(&c->budget, w->key, w->n_key);
	w->key = NULL;
}

static struct group *window_open(struct correlator *c, struct plan *p, const struct hit *h)
{
	unsigned char *key = NULL;
	struct group *g;

	if (h->n_key > 0) {
		key = budget_alloc(&c->budget, h->n_key);
		if (key == NULL)
			return NULL;
		memcpy(key, h->key, h->n_key);
	}
	g = groups_make(&p->groups, h->h, &c->budget);
	if (g == NULL) {
		budget_free(&c->budget, key, h->n_key);
		return NULL;
	}
	window_of(g)->open = h->at;
	window_of(g)->key = key;
	window_of(g)->n_key = h->n_key;
	window_link(p, g);
	if (h->at + p->span < c->next_end)
		c->next_end = h->at + p->span;
	return g;
}

/* The longest chain of slots in their order that ends at this one. */
static void chain_longer(struct window *w, uint32_t slot)
{
	unsigned char best = 0;

	for (uint32_t i = 0; i < slot; i++)
		best = w->best[i] > best ? w->best[i] : best;
	if (best + 1 > w->best[slot])
		w->best[slot] = (unsigned char)(best + 1);
}

static enum rc window_count(struct correlator *c, struct plan *p, struct window *w, const struct hit *h)
{
	double number;

	switch (p->corr->type) {
	case SIGMA_EVENT_COUNT:
		break;
	case SIGMA_VALUE_COUNT: {
		struct distinct *d = w->block;

		TRY(distinct_put(&d, p->need, h->value, h->at, &c->budget));
		w->block = d;
		break;
	}
	case SIGMA_TEMPORAL_ORDERED:
		chain_longer(w, h->slot);
		break;
	case SIGMA_TEMPORAL:
		w->slots |= UINT64_C(1) << h->slot;
		break;
	case SIGMA_VALUE_SUM:
	case SIGMA_VALUE_AVG:
	case SIGMA_VALUE_PERCENTILE:
	case SIGMA_VALUE_MEDIAN: {
		struct values *v = w->block;

		memcpy(&number, &h->value, sizeof number);
		TRY(values_put(&v, kind_of(p), kind_of(p) == VALUES_RANK ? CORRELATE_RANK_MAX : CORRELATE_SUM_MAX, h->at, number,
			       &c->stats.values_lost, &c->budget));
		w->block = v;
		break;
	}
	}
	if (w->n < UINT32_MAX)
		w->n++;
	return RC_OK;
}

enum rc window_add(struct correlator *c, struct plan *p, const struct hit *h)
{
	struct group *g = groups_find(&p->groups, h->h);
	enum rc rc;

	if (g == NULL)
		g = window_open(c, p, h);
	if (g == NULL)
		return RC_NOMEM;
	rc = window_count(c, p, window_of(g), h);
	if (rc == RC_OK) {
		past_add(c, g, h->at, h->event);
		g->last = h->at;
	} else if (window_of(g)->n == 0) {
		run_drop(c, p, g);
	}
	return rc;
}

static double window_value(const struct plan *p, const struct window *w)
{
	const struct values *v = w->block;
	const struct distinct *d = w->block;
	double best = 0;

	switch (p->corr->type) {
	case SIGMA_EVENT_COUNT:
		return w->n;
	case SIGMA_VALUE_COUNT:
		return d->n;
	case SIGMA_TEMPORAL:
		return __builtin_popcountll(w->slots);
	case SIGMA_TEMPORAL_ORDERED:
		for (uint32_t i = 0; i < p->corr->n_rules; i++)
			best = w->best[i] > best ? w->best[i] : best;
		return best;
	case SIGMA_VALUE_SUM:
		return v->sum;
	case SIGMA_VALUE_AVG:
		return v->sum / v->n;
	case SIGMA_VALUE_PERCENTILE:
		return values_rank(v, p->corr->percentile);
	case SIGMA_VALUE_MEDIAN:
		return values_rank(v, 50);
	}
	return 0;
}

enum rc window_close(struct correlator *c, struct plan *p, struct group *g)
{
	struct window *w = window_of(g);
	struct verdict v = { .value = window_value(p, w), .first = w->open };
	enum rc rc = RC_OK;

	v.holds = limits_hold(p->corr, v.value) && (p->corr->condition == NULL || condition_holds(p->corr->condition, w->slots));
	if (v.holds)
		rc = run_fire(c, p, g, str_make((const char *)w->key, w->n_key), w->open + p->span, w->open - 1, &v);
	run_drop(c, p, g);
	return rc;
}
