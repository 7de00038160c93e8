/* Two threads compile. One makes small images of what is new and has them in force at once; the other merges images
 * so that they stay few, however they came. Neither holds a lock while it compiles: what was removed meanwhile is marked
 * in the indicator itself, and events see the mark. */
#include "detect/patterns_int.h"

#include <time.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "detect/taxonomy.h"

#define RULES_ARENA ((size_t)2 << 30)
#define ITEM_ARENA ((size_t)1 << 20)
#define CORRELATOR_BYTES ((size_t)16 << 20) /* of one indicator */
#define BATCH_MAX 500u     /* compiled at once: bounds how long one more waits behind a feed */
#define RETRY_NSEC 100000000L /* after a merge for which there was no memory */
#define SIZE_RATIO 4u      /* an image is that much larger than the next, or they are merged */

static const struct sigma_set no_rules;

/* --- lifetimes --- */

void pattern_item_drop(struct pattern_item *x)
{
	if (x == NULL || atomic_fetch_sub(&x->refs, 1) > 1)
		return;
	for (size_t i = 0; i < PATTERN_WITNESSES; i++)
		mem_free(x->witness[i].text);
	correlator_free(x->correlator);
	arena_free(x->arena);
	mem_free(x->pattern);
	mem_free(x);
}

static struct pattern_item *item_ref(struct pattern_item *x)
{
	atomic_fetch_add(&x->refs, 1);
	return x;
}

static void layer_drop(struct pattern_layer *l)
{
	if (l == NULL || atomic_fetch_sub(&l->refs, 1) > 1)
		return;
	for (uint32_t i = 0; i < l->n_items; i++)
		pattern_item_drop(l->items[i]);
	mem_free(l->items);
	engine_image_unref(l->image);
	stix_rules_free(l->rules);
	arena_free(l->arena);
	mem_free(l);
}

void pattern_world_drop(struct pattern_world *w)
{
	if (w == NULL || atomic_fetch_sub(&w->refs, 1) > 1)
		return;
	for (uint32_t i = 0; i < w->n; i++)
		layer_drop(w->layers[i]);
	mem_free(w);
}

struct pattern_world *pattern_world_take(struct patterns *p)
{
	struct pattern_world *w;

	pthread_mutex_lock(&p->lock);
	w = p->world;
	atomic_fetch_add(&w->refs, 1);
	pthread_mutex_unlock(&p->lock);
	return w;
}

static struct pattern_world *world_new(void)
{
	struct pattern_world *w = mem_alloc(sizeof *w);

	if (w != NULL)
		atomic_store(&w->refs, 1);
	return w;
}

/* Under the lock. The old world goes when the last thread lets go of it. */
static struct pattern_world *replace_world(struct patterns *p, struct pattern_world *w)
{
	struct pattern_world *old = p->world;

	w->number = old == NULL ? 1 : old->number + 1;
	p->world = w;
	atomic_store(&p->number, w->number);
	return old;
}

/* --- compiling; without the lock --- */

static void refuse(struct patterns *p, struct pattern_item *x, const char *why)
{
	bool told;

	pthread_mutex_lock(&p->lock);
	told = atomic_load(&x->refused) || atomic_load(&x->dead);
	if (!told) {
		atomic_store(&x->refused, true);
		p->refused++;
	}
	pthread_mutex_unlock(&p->lock);
	if (!told && p->o.refuse != NULL)
		p->o.refuse(p->o.refuse_ctx, str_of(x->id), atomic_load(&x->tlp), why);
}

static enum rc add_items(struct patterns *p, struct pattern_layer *l, struct pattern_item *const *items, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct pattern_item *x = items[i];
		struct image_indicator in = { .id = str_of(x->id), .pattern = str_of(x->pattern), .tlp = atomic_load(&x->tlp),
					      .confidence = atomic_load(&x->confidence) };
		struct err why = { 0 };
		enum rc rc;

		if (atomic_load(&x->dead) || atomic_load(&x->refused))
			continue;
		rc = stix_rules_add(l->rules, &in, S(""), S(""), &why);
		if (rc == RC_NOMEM)
			return FAIL(err, rc, "%s", why.text);
		if (rc != RC_OK)
			refuse(p, x, why.text);
		else
			l->items[l->n_items++] = item_ref(x);
	}
	return RC_OK;
}

enum rc pattern_item_correlator(struct pattern_item *x, struct err *err)
{
	struct correlator_opts o = { .max_bytes = CORRELATOR_BYTES, .tolerance = PATTERNS_TOLERANCE };
	struct correlator *fresh;

	TRY(correlator_new(x->set, &o, &fresh, err));
	correlator_free(x->correlator);
	x->correlator = fresh;
	return RC_OK;
}

/* The correlations of one indicator, with slots of its own: a copy that lasts as long as the indicator. */
static enum rc own_set(struct pattern_item *x, const struct sigma_rule *rules, uint32_t first, uint32_t n, struct err *err)
{
	struct sigma_rule *copy;

	x->arena = arena_new(ITEM_ARENA);
	x->set = x->arena == NULL ? NULL : arena_alloc(x->arena, sizeof *x->set);
	copy = x->set == NULL ? NULL : arena_array(x->arena, n, sizeof *copy);
	if (copy == NULL)
		return FAIL(err, RC_NOMEM, "patterns: out of memory");
	for (uint32_t i = 0; i < n; i++) {
		const struct sigma_corr *from = rules[i].corr;
		struct sigma_corr *c = from == NULL ? NULL : arena_alloc(x->arena, sizeof *c);
		uint32_t *slots = from == NULL ? NULL : arena_array(x->arena, from->n_rules, sizeof *slots);
		struct sigma_limit *limits = from == NULL ? NULL : arena_array(x->arena, from->n_limits + 1u, sizeof *limits);

		copy[i] = (struct sigma_rule){ .kind = rules[i].kind, .id = str_of(x->id), .hidden = rules[i].hidden };
		if (from == NULL)
			continue;
		if (c == NULL || slots == NULL || limits == NULL)
			return FAIL(err, RC_NOMEM, "patterns: out of memory");
		for (uint32_t k = 0; k < from->n_rules; k++)
			slots[k] = from->rules[k] - first;
		if (from->n_limits > 0)
			memcpy(limits, from->limits, from->n_limits * sizeof *limits);
		*c = (struct sigma_corr){ .type = from->type, .rules = slots, .n_rules = from->n_rules, .timespan = from->timespan, .limits = limits,
					  .n_limits = from->n_limits };
		copy[i].corr = c;
	}
	*x->set = (struct sigma_set){ .rules = copy, .n_rules = n };
	return pattern_item_correlator(x, err);
}

static enum rc own_correlator(struct patterns *p, struct pattern_item *x, const struct sigma_rule *rules, uint32_t first, uint32_t n,
			      struct err *err)
{
	const struct correlator_refusal *why;
	bool any = false;
	enum rc rc = RC_OK;

	for (uint32_t i = 0; i < n; i++)
		any |= rules[i].corr != NULL;
	pthread_mutex_lock(&p->state_lock);
	if (any && x->correlator == NULL) {
		arena_free(x->arena);
		rc = own_set(x, rules, first, n, err);
	}
	pthread_mutex_unlock(&p->state_lock);
	if (rc == RC_OK && any && correlator_refused(x->correlator, &why) > 0)
		refuse(p, x, "its operators cannot be counted");
	return rc;
}

/* Which rules are whose. They stand in the order in which the indicators were added. */
static enum rc find_owners(struct patterns *p, struct pattern_layer *l, struct err *err)
{
	uint32_t at = 0, n = l->set->n_rules;

	l->item_of = arena_array(l->arena, n + 1u, sizeof *l->item_of);
	l->slot_of = arena_array(l->arena, n + 1u, sizeof *l->slot_of);
	if (l->item_of == NULL || l->slot_of == NULL)
		return FAIL(err, RC_NOMEM, "patterns: out of memory");
	for (uint32_t i = 0; i < l->n_items; i++) {
		uint32_t first = at;

		for (; at < n && str_eq(l->set->rules[at].indicator->id, str_of(l->items[i]->id)); at++) {
			l->item_of[at] = i;
			l->slot_of[at] = at - first;
		}
		TRY(own_correlator(p, l->items[i], l->set->rules + first, first, at - first, err));
	}
	return RC_OK;
}

static enum rc layer_fill(struct patterns *p, struct pattern_layer *l, struct pattern_item *const *items, size_t n, struct err *err)
{
	const struct engine_refusal *refusal;
	size_t refused;

	l->arena = arena_new(RULES_ARENA);
	l->items = mem_array(n + 1, sizeof(struct pattern_item *));
	if (l->arena == NULL || l->items == NULL)
		return FAIL(err, RC_NOMEM, "patterns: out of memory");
	TRY(stix_rules_new(&l->rules, err));
	TRY(add_items(p, l, items, n, err));
	TRY(stix_rules_join(l->rules, l->arena, &no_rules, &l->set, err));
	TRY(engine_image_build(l->set, p->taxonomy, &l->image, err));
	TRY(find_owners(p, l, err));
	refused = engine_image_refused(l->image, &refusal);
	for (size_t i = 0; i < refused; i++) {
		char why[512];

		snprintf(why, sizeof why, "%.*s", STR(refusal[i].reason));
		refuse(p, l->items[l->item_of[refusal[i].rule]], why);
	}
	return RC_OK;
}

static enum rc layer_new(struct patterns *p, struct pattern_item *const *items, size_t n, struct pattern_layer **ret, struct err *err)
{
	struct pattern_layer *l = mem_alloc(sizeof *l);
	enum rc rc;

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "patterns: out of memory");
	atomic_store(&l->refs, 1);
	rc = layer_fill(p, l, items, n, err);
	if (rc == RC_OK)
		*ret = l;
	else
		layer_drop(l);
	return rc;
}

/* --- publishing --- */

static bool is_among(struct pattern_layer *const *list, uint32_t n, const struct pattern_layer *l)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i] == l)
			return true;
	return false;
}

/* Under the lock: `l` (its reference goes over; may be empty) in place of those of `gone` that are still there, in the order of
 * size. False: no room or memory, and nothing changed. */
static bool publish(struct patterns *p, struct pattern_layer *l, struct pattern_layer *const *gone, uint32_t n_gone,
		    struct pattern_world **ret_old)
{
	struct pattern_world *w;
	bool placed = l->n_items == 0;
	uint32_t n = !placed;

	for (uint32_t i = 0; i < p->world->n; i++)
		n += !is_among(gone, n_gone, p->world->layers[i]);
	w = n > PATTERN_LAYERS_MAX ? NULL : world_new();
	if (w == NULL)
		return false;
	for (uint32_t i = 0; i < p->world->n; i++) {
		struct pattern_layer *old = p->world->layers[i];

		if (is_among(gone, n_gone, old))
			continue;
		if (!placed && old->n_items <= l->n_items) {
			w->layers[w->n++] = l;
			placed = true;
		}
		atomic_fetch_add(&old->refs, 1);
		w->layers[w->n++] = old;
	}
	if (!placed)
		w->layers[w->n++] = l;
	if (l->n_items == 0)
		layer_drop(l);
	*ret_old = replace_world(p, w);
	return true;
}

static bool want_merge(const struct patterns *p, uint32_t *ret_from)
{
	const struct pattern_world *w = p->world;

	if (p->n_dead > 1000) {
		size_t all = 0;

		for (uint32_t i = 0; i < w->n; i++)
			all += w->layers[i]->n_items;
		*ret_from = 0;
		if (p->n_dead > all / 2)
			return true;
	}
	if (w->n == PATTERN_LAYERS_MAX) { /* room for what is new */
		*ret_from = w->n - 2;
		return true;
	}
	for (uint32_t i = 0; i + 1 < w->n; i++) {
		size_t behind = 0;

		for (uint32_t k = i + 1; k < w->n; k++)
			behind += w->layers[k]->n_items;
		*ret_from = i;
		if (behind * SIZE_RATIO >= w->layers[i]->n_items)
			return true;
	}
	return false;
}

/* One image of all from the `from`-th on. False: they go on as they are. */
static bool merge(struct patterns *p, struct pattern_world *w, uint32_t from)
{
	struct pattern_item **items;
	struct pattern_layer *l = NULL;
	struct pattern_world *old = NULL;
	size_t n = 0, dead = 0;
	uint64_t clears;
	bool done;

	for (uint32_t i = from; i < w->n; i++)
		n += w->layers[i]->n_items;
	items = mem_array(n + 1, sizeof(struct pattern_item *));
	n = 0;
	for (uint32_t i = from; items != NULL && i < w->n; i++)
		for (uint32_t k = 0; k < w->layers[i]->n_items; k++) {
			bool gone = atomic_load(&w->layers[i]->items[k]->dead);

			dead += gone;
			if (!gone)
				items[n++] = w->layers[i]->items[k];
		}
	pthread_mutex_lock(&p->lock);
	clears = p->clears;
	pthread_mutex_unlock(&p->lock);
	if (items == NULL || layer_new(p, items, n, &l, NULL) != RC_OK) {
		mem_free(items);
		return false;
	}
	pthread_mutex_lock(&p->lock);
	done = clears == p->clears && publish(p, l, w->layers + from, w->n - from, &old);
	if (!done)
		layer_drop(l);
	else
		p->n_dead -= dead < p->n_dead ? dead : p->n_dead;
	pthread_cond_broadcast(&p->bell);
	pthread_mutex_unlock(&p->lock);
	pattern_world_drop(old);
	mem_free(items);
	return done;
}

static void *keep_tidy(void *arg)
{
	struct patterns *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct pattern_world *w;
		uint32_t from;

		if (!want_merge(p, &from)) {
			pthread_cond_wait(&p->untidy, &p->lock);
			continue;
		}
		w = p->world;
		atomic_fetch_add(&w->refs, 1);
		pthread_mutex_unlock(&p->lock);
		if (!merge(p, w, from))
			nanosleep(&(struct timespec){ .tv_nsec = RETRY_NSEC }, NULL);
		pattern_world_drop(w);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* What waits becomes an image and is in force. Under the lock, which it lets go of meanwhile. */
static void compile_batch(struct patterns *p)
{
	size_t n = p->n_waiting < BATCH_MAX ? p->n_waiting : BATCH_MAX;
	struct pattern_item *items[BATCH_MAX];
	struct pattern_layer *l = NULL;
	struct pattern_world *old = NULL;
	uint64_t clears = p->clears;
	struct err err = { 0 };
	bool done = false;
	enum rc rc;

	memcpy(items, p->waiting, n * sizeof items[0]);
	memmove(p->waiting, p->waiting + n, (p->n_waiting - n) * sizeof items[0]);
	p->n_waiting -= n;
	p->building = true;
	pthread_mutex_unlock(&p->lock);
	rc = layer_new(p, items, n, &l, &err);
	for (size_t i = 0; i < n; i++) {
		if (rc != RC_OK)
			refuse(p, items[i], err.text);
		pattern_item_drop(items[i]);
	}
	pthread_mutex_lock(&p->lock);
	while (rc == RC_OK && clears == p->clears && !p->stop && !(done = publish(p, l, NULL, 0, &old))) {
		pthread_cond_signal(&p->untidy); /* too many: the other thread makes them fewer */
		pthread_cond_wait(&p->bell, &p->lock);
	}
	if (!done)
		layer_drop(l);
	p->building = false;
	pthread_cond_signal(&p->untidy);
	pthread_cond_broadcast(&p->settled);
	pthread_mutex_unlock(&p->lock);
	pattern_world_drop(old);
	pthread_mutex_lock(&p->lock);
}

static void *compile_fresh(void *arg)
{
	struct patterns *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		if (p->n_waiting > 0)
			compile_batch(p);
		else
			pthread_cond_wait(&p->bell, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- life --- */

static enum rc fill(struct patterns *p, const struct patterns_opts *o, struct err *err)
{
	p->o = *o;
	p->arena = arena_new(RULES_ARENA);
	p->by_id = map_new(PATTERNS_MAX);
	p->world = world_new();
	if (p->arena == NULL || p->by_id == NULL || p->world == NULL)
		return FAIL(err, RC_NOMEM, "patterns: out of memory");
	p->world->number = 1;
	atomic_store(&p->number, 1);
	TRY(taxonomy_load(p->arena, o->packs, &p->taxonomy, err));
	p->fresh_started = pthread_create(&p->fresh, NULL, compile_fresh, p) == 0;
	p->merger_started = p->fresh_started && pthread_create(&p->merger, NULL, keep_tidy, p) == 0;
	return p->merger_started ? RC_OK : FAIL(err, RC_IO, "patterns: cannot start a thread");
}

enum rc patterns_new(const struct patterns_opts *o, struct patterns **ret, struct err *err)
{
	struct patterns *p = mem_alloc(sizeof *p);
	enum rc rc;

	if (p == NULL)
		return FAIL(err, RC_NOMEM, "patterns: out of memory");
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->state_lock, NULL);
	pthread_cond_init(&p->bell, NULL);
	pthread_cond_init(&p->settled, NULL);
	pthread_cond_init(&p->untidy, NULL);
	rc = fill(p, o, err);
	if (rc == RC_OK)
		*ret = p;
	else
		patterns_free(p);
	return rc;
}

static void drop_waiting(struct patterns *p)
{
	for (size_t i = 0; i < p->n_waiting; i++)
		pattern_item_drop(p->waiting[i]);
	p->n_waiting = 0;
}

static void drop_known(struct patterns *p)
{
	uint64_t value;
	size_t it = 0;
	struct str id;

	while (p->by_id != NULL && map_each(p->by_id, &it, &id, &value)) {
		struct pattern_item *x = (struct pattern_item *)(uintptr_t)value;

		atomic_store(&x->dead, true);
		pattern_item_drop(x);
	}
	map_free(p->by_id);
	p->by_id = NULL;
}

void patterns_free(struct patterns *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->bell);
	pthread_cond_broadcast(&p->untidy);
	pthread_mutex_unlock(&p->lock);
	if (p->fresh_started)
		pthread_join(p->fresh, NULL);
	if (p->merger_started)
		pthread_join(p->merger, NULL);
	drop_waiting(p);
	drop_known(p);
	pattern_world_drop(p->world);
	mem_free(p->waiting);
	arena_free(p->arena);
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->state_lock);
	pthread_cond_destroy(&p->bell);
	pthread_cond_destroy(&p->settled);
	pthread_cond_destroy(&p->untidy);
	mem_free(p);
}

/* --- changing; under the lock --- */

static void set_terms(struct pattern_item *x, const struct image_indicator *i)
{
	atomic_store(&x->from, i->valid_from);
	atomic_store(&x->until, i->valid_until == 0 ? INT64_MAX : i->valid_until);
	atomic_store(&x->tlp, i->tlp);
	atomic_store(&x->confidence, i->confidence);
}

static struct pattern_item *find(struct patterns *p, struct str id)
{
	uint64_t value;

	return map_get(p->by_id, id, &value) ? (struct pattern_item *)(uintptr_t)value : NULL;
}

static void remove_item(struct patterns *p, struct str id)
{
	struct pattern_item *x = find(p, id);

	if (x == NULL)
		return;
	atomic_store(&x->dead, true);
	p->refused -= atomic_load(&x->refused);
	p->n_dead++;
	(void)map_del(p->by_id, id);
	pattern_item_drop(x);
}

static enum rc new_item(const struct image_indicator *i, struct pattern_item **ret, struct err *err)
{
	struct pattern_item *x = mem_alloc(sizeof *x);

	if (x == NULL)
		return FAIL(err, RC_NOMEM, "patterns: out of memory");
	atomic_store(&x->refs, 1);
	snprintf(x->id, sizeof x->id, "%.*s", STR(i->id));
	x->pattern = mem_alloc(i->pattern.n + 1);
	if (x->pattern == NULL) {
		pattern_item_drop(x);
		return FAIL(err, RC_NOMEM, "patterns: out of memory");
	}
	memcpy(x->pattern, i->pattern.p, i->pattern.n);
	x->hash = hash_stable(i->pattern);
	set_terms(x, i);
	*ret = x;
	return RC_OK;
}

static enum rc make_waiting(struct patterns *p, struct pattern_item *x, struct err *err)
{
	if (p->n_waiting == p->room_waiting) {
		size_t wider = p->room_waiting == 0 ? 64 : p->room_waiting * 2;
		struct pattern_item **list = mem_resize(p->waiting, wider * sizeof(struct pattern_item *));

		if (list == NULL)
			return FAIL(err, RC_NOMEM, "patterns: out of memory");
		p->waiting = list;
		p->room_waiting = wider;
	}
	p->waiting[p->n_waiting++] = item_ref(x);
	return RC_OK;
}

static enum rc add_item(struct patterns *p, const struct image_indicator *i, struct err *err)
{
	struct pattern_item *x;
	enum rc rc;

	TRY(new_item(i, &x, err));
	rc = make_waiting(p, x, err);
	if (rc == RC_OK) {
		rc = map_put(p->by_id, str_of(x->id), (uint64_t)(uintptr_t)x);
		if (rc != RC_OK) {
			pattern_item_drop(p->waiting[--p->n_waiting]);
			rc = FAIL(err, rc, rc == RC_LIMIT ? "more than %d patterns" : "patterns: out of memory", PATTERNS_MAX);
		}
	}
	if (rc != RC_OK) {
		pattern_item_drop(x);
		return rc;
	}
	pthread_cond_broadcast(&p->bell);
	return RC_OK;
}

enum rc patterns_update(struct patterns *p, const struct image_indicator *i, struct err *err)
{
	struct pattern_item *x;
	enum rc rc = RC_OK;

	if (i->id.n >= sizeof x->id)
		return FAIL(err, RC_BAD, "'%.*s' is no indicator id", STR(str_slice(i->id, 0, 80)));
	pthread_mutex_lock(&p->lock);
	x = find(p, i->id);
	if (x != NULL && !i->revoked && x->hash == hash_stable(i->pattern)) {
		set_terms(x, i);
	} else {
		remove_item(p, i->id);
		if (!i->revoked)
			rc = add_item(p, i, err);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

void patterns_remove(struct patterns *p, struct str id)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	remove_item(p, id);
	pthread_cond_signal(&p->untidy);
	pthread_mutex_unlock(&p->lock);
}

void patterns_clear(struct patterns *p)
{
	struct pattern_world *empty = world_new(), *old = NULL;
	struct map *fresh = map_new(PATTERNS_MAX);

	pthread_mutex_lock(&p->lock);
	p->clears++;
	drop_waiting(p);
	if (fresh != NULL) {
		drop_known(p);
		p->by_id = fresh;
		p->refused = p->n_dead = 0;
	}
	if (empty != NULL)
		old = replace_world(p, empty);
	pthread_cond_broadcast(&p->settled);
	pthread_mutex_unlock(&p->lock);
	pattern_world_drop(old);
}

bool patterns_in_force(struct patterns *p, struct str id, usec at)
{
	struct pattern_item *x;
	bool yes;

	if (p == NULL)
		return false;
	pthread_mutex_lock(&p->lock);
	x = find(p, id);
	yes = x != NULL && !atomic_load(&x->refused) && at >= atomic_load(&x->from) && at < atomic_load(&x->until);
	for (size_t i = 0; yes && i < p->n_waiting; i++)
		yes = p->waiting[i] != x;
	pthread_mutex_unlock(&p->lock);
	return yes;
}

void patterns_settle(struct patterns *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	while (!p->stop && (p->n_waiting > 0 || p->building))
		pthread_cond_wait(&p->settled, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void patterns_stats(struct patterns *p, struct patterns_stats *ret)
{
	pthread_mutex_lock(&p->lock);
	*ret = (struct patterns_stats){ .indicators = map_count(p->by_id) - p->refused, .waiting = p->n_waiting, .refused = p->refused,
					.images = p->world->n, .matches = atomic_load(&p->matches), .fired = atomic_load(&p->fired),
					.suppressed = atomic_load(&p->suppressed), .lost = atomic_load(&p->lost) };
	pthread_mutex_unlock(&p->lock);
}
