/* A fixed table of clusters; those of one key are chained, a map finds the chain. Room is made by a clock hand that passes
 * over what was used since it came by last. */
#include "soc/cluster.h"

#include "base/map.h"
#include "base/mem.h"

#define NONE UINT32_MAX

struct clusters {
	usec quiet, max;
	uint32_t most, n, hand;
	struct cluster *list;
	struct map *by_key; /* first of the chain */
};

enum rc clusters_new(usec quiet, usec max, uint32_t most, struct clusters **ret, struct err *err)
{
	struct clusters *c = mem_alloc(sizeof *c);

	if (c == NULL)
		return FAIL(err, RC_NOMEM, "clusters: no memory");
	*c = (struct clusters){ .quiet = quiet, .max = max, .most = most };
	c->list = mem_array(most, sizeof *c->list);
	c->by_key = map_new(most);
	if (c->list == NULL || c->by_key == NULL) {
		clusters_free(c);
		return FAIL(err, RC_NOMEM, "clusters: no memory");
	}
	*ret = c;
	return RC_OK;
}

static void items_free(struct cluster *x)
{
	for (uint8_t i = 0; i < x->n_items; i++)
		mem_free(x->items[i].text);
	x->n_items = 0;
}

static void key_free(struct cluster *x)
{
	char *key = x->used ? (char *)(uintptr_t)x->key.p : NULL;

	mem_free(key);
	x->key = S("");
}

void clusters_free(struct clusters *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; c->list != NULL && i < c->most; i++) {
		items_free(&c->list[i]);
		key_free(&c->list[i]);
	}
	mem_free(c->list);
	map_free(c->by_key);
	mem_free(c);
}

static uint32_t chain_of(const struct clusters *c, struct str key)
{
	uint64_t at;

	return map_get(c->by_key, key, &at) ? (uint32_t)at : NONE;
}

static usec min_of(usec a, usec b)
{
	return a < b ? a : b;
}

static usec max_of(usec a, usec b)
{
	return a > b ? a : b;
}

/* At most `span` behind `from`, or before it. Times come from logs and may be anything. */
static bool within(usec from, usec to, usec span)
{
	usec d;

	return to <= from || (!__builtin_sub_overflow(to, from, &d) && d <= span);
}

static bool belongs(const struct clusters *c, const struct cluster *x, usec first, usec last)
{
	return within(x->last, first, c->quiet) && within(last, x->first, c->quiet) &&
	       within(min_of(x->first, first), max_of(x->last, last), c->max);
}

/* Whether a and b are one once what lies between is known: `first` and `last` belong to `a`. */
static bool are_one(const struct clusters *c, const struct cluster *a, const struct cluster *b, usec first, usec last)
{
	return within(min_of(min_of(a->first, b->first), first), max_of(max_of(a->last, b->last), last), c->max);
}

struct cluster *clusters_find(struct clusters *c, struct str key, usec first, usec last, struct cluster **ret_other)
{
	struct cluster *best = NULL, *other = NULL;

	for (uint32_t i = chain_of(c, key); i != NONE; i = c->list[i].next) {
		struct cluster *x = &c->list[i];

		if (!belongs(c, x, first, last))
			continue;
		if (best == NULL || x->first < best->first || (x->first == best->first && x->ticket < best->ticket)) {
			other = best;
			best = x;
		} else if (other == NULL || x->first < other->first) {
			other = x;
		}
	}
	if (best != NULL)
		best->recent = true;
	*ret_other = best != NULL && other != NULL && are_one(c, best, other, first, last) ? other : NULL;
	return best;
}

struct cluster *clusters_by_ticket(struct clusters *c, struct str key, int64_t ticket)
{
	for (uint32_t i = chain_of(c, key); i != NONE; i = c->list[i].next)
		if (c->list[i].ticket == ticket)
			return &c->list[i];
	return NULL;
}

/* The next free place, made free if need be. NONE: each has something to write. */
static uint32_t find_room(struct clusters *c)
{
	for (uint64_t steps = 0; steps < (uint64_t)c->most * 2; steps++) {
		uint32_t at = c->hand;
		struct cluster *x = &c->list[at];

		c->hand = at + 1 == c->most ? 0 : at + 1;
		if (!x->used)
			return at;
		if (cluster_is_dirty(x))
			continue;
		if (!x->recent) {
			clusters_drop(c, x);
			return at;
		}
		x->recent = false;
	}
	return NONE;
}

enum rc clusters_add(struct clusters *c, struct str key, usec first, usec last, int64_t ticket, struct cluster **ret, struct err *err)
{
	uint32_t at = find_room(c), head;
	char *copy;
	enum rc rc;

	if (at == NONE)
		return FAIL(err, RC_BUSY, "clusters: %u wait to be written", c->most);
	head = chain_of(c, key);
	copy = mem_alloc(key.n + 1);
	if (copy == NULL)
		return FAIL(err, RC_NOMEM, "clusters: no memory");
	rc = map_put(c->by_key, key, at);
	if (rc != RC_OK) {
		mem_free(copy);
		return FAIL(err, rc, "clusters: no memory");
	}
	memcpy(copy, key.p, key.n);
	c->list[at] = (struct cluster){ .key = str_make(copy, key.n), .first = first, .last = last, .ticket = ticket, .used = true,
					.recent = true, .next = head };
	c->n++;
	*ret = &c->list[at];
	return RC_OK;
}

void cluster_count(struct cluster *x, usec first, usec last, int64_t hits, uint8_t tlp)
{
	x->first = min_of(x->first, first);
	x->last = max_of(x->last, last);
	x->fresh_first = x->hits == 0 ? first : min_of(x->fresh_first, first);
	x->fresh_last = x->hits == 0 ? last : max_of(x->fresh_last, last);
	x->tlp = x->tlp > tlp ? x->tlp : tlp;
	x->hits += hits;
}

struct cluster_alert *cluster_alert(struct cluster *x, uint64_t hash)
{
	for (uint8_t i = 0; i < x->n_alerts; i++)
		if (x->alerts[i].hash == hash)
			return &x->alerts[i];
	return NULL;
}

bool cluster_add_alert(struct cluster *x, uint64_t hash, int64_t row)
{
	if (x->n_alerts == CLUSTER_ALERTS_MAX)
		return false;
	x->alerts[x->n_alerts++] = (struct cluster_alert){ .hash = hash, .row = row };
	return true;
}

void cluster_count_alert(struct cluster_alert *a, usec first, usec last, int64_t hits)
{
	a->first = a->hits == 0 ? first : min_of(a->first, first);
	a->last = a->hits == 0 ? last : max_of(a->last, last);
	a->hits += hits;
}

bool cluster_add_item(struct cluster *x, struct str text, int64_t hits)
{
	char *copy;

	for (uint8_t i = 0; i < x->n_items; i++)
		if (str_eq(str_of(x->items[i].text), text)) {
			x->items[i].hits += hits;
			return true;
		}
	copy = x->n_items == CLUSTER_ITEMS_MAX ? NULL : mem_alloc(text.n + 1);
	if (copy == NULL)
		return false;
	memcpy(copy, text.p, text.n);
	x->items[x->n_items++] = (struct cluster_item){ copy, hits };
	return true;
}

void clusters_join(struct clusters *c, struct cluster *into, struct cluster *from)
{
	if (from->hits > 0)
		cluster_count(into, from->fresh_first, from->fresh_last, from->hits, from->tlp);
	into->first = min_of(into->first, from->first);
	into->last = max_of(into->last, from->last);
	for (uint8_t i = 0; i < from->n_alerts; i++) {
		const struct cluster_alert *a = &from->alerts[i];
		struct cluster_alert *same = cluster_alert(into, a->hash);

		if (same != NULL && a->hits > 0)
			cluster_count_alert(same, a->first, a->last, a->hits);
		else if (same == NULL && into->n_alerts < CLUSTER_ALERTS_MAX)
			into->alerts[into->n_alerts++] = *a;
	}
	for (uint8_t i = 0; i < from->n_items; i++)
		(void)cluster_add_item(into, str_of(from->items[i].text), from->items[i].hits);
	clusters_drop(c, from);
}

void clusters_drop(struct clusters *c, struct cluster *x)
{
	uint32_t at = (uint32_t)(x - c->list), i = chain_of(c, x->key);

	if (i == at && x->next == NONE) {
		(void)map_del(c->by_key, x->key);
	} else if (i == at) {
		(void)!map_put(c->by_key, x->key, x->next); /* replaces: takes no memory */
	} else {
		while (i != NONE && c->list[i].next != at)
			i = c->list[i].next;
		if (i != NONE)
			c->list[i].next = x->next;
	}
	items_free(x);
	key_free(x);
	*x = (struct cluster){ .key = S("") };
	c->n--;
}

void cluster_clean(struct cluster *x)
{
	items_free(x);
	x->hits = 0;
	x->tlp = 0;
	for (uint8_t i = 0; i < x->n_alerts; i++)
		x->alerts[i].hits = 0;
}

bool cluster_is_dirty(const struct cluster *x)
{
	return x->hits > 0 || x->n_items > 0;
}

struct cluster *clusters_each(struct clusters *c, uint32_t *it)
{
	while (*it < c->most) {
		struct cluster *x = &c->list[(*it)++];

		if (x->used)
			return x;
	}
	return NULL;
}

uint32_t clusters_count(const struct clusters *c)
{
	return c->n;
}
