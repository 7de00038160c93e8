/* Making the index of a group: all witnesses of its instances, sorted by field,
 * a matcher for each field, and from each witness the instances that it wakes. */
#include "detect/engine_group.h"

#define GROUP_BYTES_MAX ((size_t)256 << 20)

struct kept { /* a group with the memory it lives in */
	struct group group;
	struct arena *arena;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool in_set(const uint64_t *set, uint32_t v)
{
	return (set[v / 64] >> (v % 64) & 1) != 0;
}

uint32_t group_instances(const struct engine_image *m, const uint64_t *set, uint32_t *out)
{
	uint32_t n = 0, from, kept;

	for (uint32_t v = 0; v < m->n_variants; v++) {
		const struct variant *variant = &m->variants[v];

		if (!in_set(set, v) || variant->n_instances == 0)
			continue;
		/* Both lists ascend; what is in both stands once. */
		from = n;
		for (uint32_t i = 0, k = 0; i < variant->n_instances; i++) {
			while (k < from && out[k] < variant->instances[i])
				k++;
			if (k == from || out[k] != variant->instances[i])
				out[n++] = variant->instances[i];
		}
		if (from > 0 && n > from)
			qsort(out, n, sizeof *out, by_number);
	}
	if (m->n_variants > 0) {
		kept = 0;
		for (uint32_t w = 0; w < m->variant_words; w++)
			kept |= set[w] != 0;
		if (kept != 0)
			return n;
	}
	memcpy(out, m->unrouted, m->n_unrouted * sizeof *out);
	return m->n_unrouted;
}

static void kept_free(struct kept *k)
{
	if (k == NULL)
		return;
	arena_free(k->arena);
	mem_free(k);
}

struct wake { uint32_t field, test, instance; };

static int by_test(const void *a, const void *b)
{
	const struct wake *x = a, *y = b;

	if (x->field != y->field)
		return x->field < y->field ? -1 : 1;
	if (x->test != y->test)
		return x->test < y->test ? -1 : 1;
	return (x->instance > y->instance) - (x->instance < y->instance);
}

#define NOBODY UINT32_MAX   /* instance of a test that is decided with the witnesses and wakes nobody */
#define COMMON 0.006F       /* tests that hold more often than this are left to those who ask: each hit costs something */

/* Worth deciding in the pass over its field's values, which is made anyway? */
static bool rides_along(const struct test *t)
{
	switch ((enum test_kind)t->kind) {
	case TEST_WHOLE:
	case TEST_PREFIX:
	case TEST_SUFFIX:
	case TEST_NUMBER: return t->chance < COMMON;
	case TEST_CONTAINS: return t->chance < COMMON && t->lit.n >= 4;
	case TEST_NEVER:
	case TEST_GLOB:
	case TEST_REGEX:
	case TEST_PRESENT:
	case TEST_CIDR:
	case TEST_BOOL:
	case TEST_LT:
	case TEST_LE:
	case TEST_GT:
	case TEST_GE:
	case TEST_TIME_PART:
	case TEST_EXISTS:
	case TEST_NULL:
	case TEST_FIELDREF: break;
	}
	return false;
}

struct wakes {
	struct wake *all;
	size_t n, cap;
	uint8_t *matched; /* by field: it has a witness */
	bool full;
};

static void wake_add(struct wakes *w, uint16_t field, uint32_t test, uint32_t instance)
{
	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 1024 : w->cap * 2;
		struct wake *more = mem_resize(w->all, cap * sizeof *more);

		if (more == NULL) {
			w->full = true;
			return;
		}
		w->all = more;
		w->cap = cap;
	}
	w->all[w->n++] = (struct wake){ field, test, instance };
}

/* All pairs of witness and instance, and what rides along, by field and test. In mem; false: no memory. */
static bool wakes_collect(const struct engine_image *m, const struct group *g, uint32_t *always, uint32_t *n_always, struct wakes *w)
{
	w->matched = mem_alloc(fields_count(m->fields) + 1);
	if (w->matched == NULL)
		return false;
	for (uint32_t i = 0; i < g->n_instances; i++) {
		const struct instance *in = &m->instances[g->instances[i]];

		if (in->always)
			always[(*n_always)++] = g->instances[i];
		for (uint32_t k = 0; k < in->n_witness; k++) {
			uint16_t field = m->tests[in->witness[k]].field;

			w->matched[field] = field != FIELD_NONE;
			wake_add(w, field, in->witness[k], g->instances[i]);
		}
	}
	for (uint32_t i = 0; i < g->n_instances && !w->full; i++) {
		const struct instance *in = &m->instances[g->instances[i]];

		for (uint32_t k = 0; k < in->n_steps; k++) {
			const struct test *t = &m->tests[in->steps[k].test];

			if (w->matched[t->field] != 0 && rides_along(t))
				wake_add(w, t->field, in->steps[k].test, NOBODY);
		}
	}
	if (w->n > 0)
		qsort(w->all, w->n, sizeof *w->all, by_test);
	return !w->full;
}

/* Without what stands twice: a test that rides along in many programs, or is a witness besides. NOBODY stands last. */
static void wakes_tidy(struct wakes *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++)
		if (i == 0 || w->all[i].test != w->all[kept - 1].test || w->all[i].instance != NOBODY)
			w->all[kept++] = w->all[i];
	w->n = kept;
}

struct spaces {
	uint32_t *tests, *wakes, *always;
	struct witness *witnesses;
	uint64_t *eager;
	uint16_t *roles;
	struct matcher *matchers;
};

/* One matcher for witnesses first..first+n, which are all of one field. */
static enum rc matcher_add(struct engine_image *m, struct kept *k, struct spaces *s, uint32_t n_matchers, uint32_t first, uint32_t n)
{
	uint16_t field = m->tests[s->tests[first]].field;
	struct matcher *to = &s->matchers[n_matchers];

	if (!matcher_build(k->arena, m, s->tests, first, n, ++m->n_matchers, to))
		return RC_NOMEM;
	if (field == FIELD_NONE)
		k->group.keywords = to;
	else
		s->roles[field] = (uint16_t)((n_matchers + 1) | ((m->field_role[field] & ROLE_ROUTE) != 0 ? ROLE_ROUTED : 0));
	return RC_OK;
}

/* Four bytes of each keyword, the rarest of those that can be looked for in a whole line. False: there are none of one. */
static bool keyword_quad(const struct engine_image *m, const struct test *t, uint32_t *ret)
{
	float best = 2;

	if (t->kind != TEST_CONTAINS || t->cased)
		return false;
	for (size_t i = 0; i + 4 <= t->lit.n; i++) {
		float chance = typical_chance(m->typical, str_slice(t->lit, i, i + 4), NULL);

		if (few_plain(t->lit.p + i) && chance < best) {
			best = chance;
			memcpy(ret, t->lit.p + i, 4);
		}
	}
	return best < 2;
}

static enum rc absent_make(struct engine_image *m, struct kept *k)
{
	uint32_t quads[FEW_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < k->group.n_witnesses; i++) {
		const struct test *t = &m->tests[k->group.witness_test[i]];

		if (t->field != FIELD_NONE)
			continue;
		if (n == FEW_MAX || !keyword_quad(m, t, &quads[n++]))
			return RC_OK;
	}
	return few_build(k->arena, quads, n, &k->group.absent) ? RC_OK : RC_NOMEM;
}

static enum rc matchers_build(struct engine_image *m, struct kept *k, struct spaces *s)
{
	uint32_t n = k->group.n_witnesses, n_matchers = 0;

	for (uint32_t i = 0, end; i < n; i = end, n_matchers++) {
		for (end = i; end < n && m->tests[s->tests[end]].field == m->tests[s->tests[i]].field; end++)
			;
		TRY(matcher_add(m, k, s, n_matchers, i, end - i));
	}
	return absent_make(m, k);
}

static enum rc index_fill(struct engine_image *m, struct kept *k, struct spaces *s, const struct wake *all, size_t n)
{
	struct group *g = &k->group;

	for (uint32_t i = 0; i < n; i++) {
		if (i == 0 || all[i].test != all[i - 1].test) {
			s->tests[g->n_witnesses] = all[i].test;
			s->witnesses[g->n_witnesses++] = (struct witness){ i, 0 };
			s->eager[all[i].test / 64] |= (uint64_t)1 << (all[i].test % 64);
		}
		if (all[i].instance != NOBODY) {
			s->witnesses[g->n_witnesses - 1].n++;
			s->wakes[i] = all[i].instance;
		}
	}
	g->witness_test = s->tests;
	g->witnesses = s->witnesses;
	g->wakes = s->wakes;
	g->always = s->always;
	g->eager = s->eager;
	g->roles = s->roles;
	g->matchers = s->matchers;
	return matchers_build(m, k, s);
}

static enum rc index_build(struct engine_image *m, struct kept *k)
{
	struct arena *a = k->arena;
	struct spaces s = { .always = arena_array(a, k->group.n_instances + 1, sizeof *s.always) };
	struct wakes w = { 0 };
	size_t fields = 0, tests = 0;
	enum rc rc = RC_NOMEM;

	if (s.always != NULL && wakes_collect(m, &k->group, s.always, &k->group.n_always, &w)) {
		wakes_tidy(&w);
		for (size_t i = 0; i < w.n; i++) {
			fields += i == 0 || w.all[i].field != w.all[i - 1].field;
			tests += i == 0 || w.all[i].test != w.all[i - 1].test;
		}
		s.tests = arena_array(a, tests + 1, sizeof *s.tests);
		s.wakes = arena_array(a, w.n + 1, sizeof *s.wakes);
		s.witnesses = arena_array(a, tests + 1, sizeof *s.witnesses);
		s.eager = arena_array(a, m->n_tests / 64 + 1, sizeof *s.eager);
		s.roles = arena_array(a, fields_count(m->fields) + 1, sizeof *s.roles);
		s.matchers = arena_array(a, fields + 1, sizeof *s.matchers);
		if (s.tests != NULL && s.wakes != NULL && s.witnesses != NULL && s.eager != NULL && s.roles != NULL && s.matchers != NULL)
			rc = index_fill(m, k, &s, w.all, w.n);
	}
	mem_free(w.all);
	mem_free(w.matched);
	return rc;
}

static enum rc group_fill(struct engine_image *m, const uint64_t *set, struct kept *k)
{
	struct group *g = &k->group;
	uint64_t *copy = arena_array(k->arena, m->variant_words, sizeof *copy);
	uint32_t *instances;

	g->variants = arena_array(k->arena, m->n_variants + 1, sizeof *g->variants);
	instances = arena_array(k->arena, m->n_instances + 1, sizeof *instances); /* last: it shrinks in its place */
	if (copy == NULL || instances == NULL || g->variants == NULL)
		return RC_NOMEM;
	memcpy(copy, set, m->variant_words * sizeof *copy);
	g->set = copy;
	for (uint32_t v = 0; v < m->n_variants; v++)
		if (in_set(set, v))
			g->variants[g->n_variants++] = m->variants[v].from;
	g->n_instances = group_instances(m, set, instances);
	g->instances = arena_resize(k->arena, instances, (m->n_instances + 1) * sizeof *instances, (g->n_instances + 1) * sizeof *instances);
	return g->instances == NULL ? RC_NOMEM : index_build(m, k);
}

static enum rc group_make(struct engine_image *m, const uint64_t *set, const struct group **ret, struct err *err)
{
	struct kept *k;

	if (m->n_groups == GROUPS_MAX)
		return FAIL(err, RC_LIMIT, "engine: more than %d sets of log sources", GROUPS_MAX);
	k = mem_alloc(sizeof *k);
	if (k != NULL)
		k->arena = arena_new(GROUP_BYTES_MAX);
	if (k == NULL || k->arena == NULL || group_fill(m, set, k) != RC_OK) {
		kept_free(k);
		return FAIL(err, RC_NOMEM, "engine: out of memory");
	}
	m->group_bytes += arena_used(k->arena);
	m->groups[m->n_groups] = &k->group;
	atomic_fetch_add_explicit(&m->n_groups, 1, memory_order_release);
	*ret = &k->group;
	return RC_OK;
}

static const struct group *group_find(struct engine_image *m, const uint64_t *set, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(m->groups[i]->set, set, m->variant_words * sizeof *set) == 0)
			return m->groups[i];
	return NULL;
}

enum rc group_of(struct engine_image *m, const uint64_t *set, const struct group **ret, struct err *err)
{
	const struct group *g = group_find(m, set, atomic_load_explicit(&m->n_groups, memory_order_acquire));
	enum rc rc = RC_OK;

	if (g == NULL) {
		pthread_mutex_lock(&m->lock);
		g = group_find(m, set, m->n_groups);
		if (g == NULL)
			rc = group_make(m, set, &g, err);
		pthread_mutex_unlock(&m->lock);
	}
	if (rc == RC_OK)
		*ret = g;
	return rc;
}

/* Are the variants the same in the same order, so that a set means the same in both? */
static bool same_variants(const struct engine_image *a, const struct engine_image *b)
{
	for (uint32_t i = 0; i < a->n_variants && i < b->n_variants; i++)
		if (!str_eq(a->variants[i].from->name, b->variants[i].from->name))
			return false;
	return a->n_variants == b->n_variants;
}

void engine_image_warm(struct engine_image *m, const struct engine_image *like)
{
	uint32_t n = atomic_load_explicit(&like->n_groups, memory_order_acquire);
	const struct group *made;

	if (!same_variants(m, like))
		return;
	for (uint32_t i = 0; i < n; i++)
		if (group_of(m, like->groups[i]->set, &made, NULL) != RC_OK)
			return;
}

void groups_done(struct engine_image *m)
{
	for (uint32_t i = 0; i < m->n_groups; i++)
		kept_free((struct kept *)m->groups[i]);
	m->n_groups = 0;
}

void engine_image_stats(const struct engine_image *m, struct engine_image_stats *ret)
{
	*ret = (struct engine_image_stats){ .rules = m->n_own, .tests = m->n_tests, .groups = m->n_groups, .always = m->always, .by_source = m->n_own - m->n_unrouted,
		.bytes = arena_used(m->arena) + m->n_tests * sizeof(struct test) + m->n_instances * sizeof(struct instance) +
			 m->group_bytes };
}
