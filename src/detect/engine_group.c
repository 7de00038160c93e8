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

static enum rc group_fill(struct engine_image *m, const uint64_t *set, struct kept *k)
{
	struct group *g = &k->group;
	uint64_t *copy = arena_array(k->arena, m->variant_words, sizeof *copy);
	uint32_t *instances = arena_array(k->arena, m->n_instances + 1, sizeof *instances);

	g->variants = arena_array(k->arena, m->n_variants + 1, sizeof *g->variants);
	if (copy == NULL || instances == NULL || g->variants == NULL)
		return RC_NOMEM;
	memcpy(copy, set, m->variant_words * sizeof *copy);
	g->set = copy;
	for (uint32_t v = 0; v < m->n_variants; v++)
		if (in_set(set, v))
			g->variants[g->n_variants++] = m->variants[v].from;
	g->n_instances = group_instances(m, set, instances);
	g->instances = instances;
	return RC_OK;
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
	m->groups[m->n_groups++] = &k->group;
	*ret = &k->group;
	return RC_OK;
}

enum rc group_of(struct engine_image *m, const uint64_t *set, const struct group **ret, struct err *err)
{
	enum rc rc = RC_OK;
	uint32_t i = 0;

	pthread_mutex_lock(&m->lock);
	while (i < m->n_groups && memcmp(m->groups[i]->set, set, m->variant_words * sizeof *set) != 0)
		i++;
	if (i < m->n_groups)
		*ret = m->groups[i];
	else
		rc = group_make(m, set, ret, err);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

void groups_done(struct engine_image *m)
{
	for (uint32_t i = 0; i < m->n_groups; i++)
		kept_free((struct kept *)m->groups[i]);
	m->n_groups = 0;
}

void engine_image_stats(const struct engine_image *m, struct engine_image_stats *ret)
{
	*ret = (struct engine_image_stats){ .rules = m->n_unrouted, .tests = m->n_tests, .groups = m->n_groups, .always = m->always,
		.bytes = arena_used(m->arena) + m->n_tests * sizeof(struct test) + m->n_instances * sizeof(struct instance) +
			 m->group_bytes };
}
