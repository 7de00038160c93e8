/* Linear probing at a load of at most 3/4; an entry is deleted by shifting back
 * what follows, so there are no tombstones and a look-up ends at the first hole. */
#include "base/map.h"

#include "base/hash.h"
#include "base/mem.h"

#define FIRST_SLOTS 16

struct slot {
	uint64_t hash, value;
	char *key; /* NULL: free */
	size_t n;
};

struct map {
	struct slot *slots;
	size_t mask, count, max; /* mask: slots - 1, a power of two less one; 0 before the first entry */
};

struct map *map_new(size_t max_entries)
{
	struct map *m = mem_alloc(sizeof *m);

	if (m != NULL)
		m->max = max_entries;
	return m;
}

void map_free(struct map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; m->slots != NULL && i <= m->mask; i++)
		mem_free(m->slots[i].key);
	mem_free(m->slots);
	mem_free(m);
}

void map_freep(struct map **m)
{
	map_free(*m);
}

/* The key's slot, or the free one where it would go. Needs slots. */
static struct slot *find(const struct map *m, struct str key, uint64_t hash)
{
	for (size_t i = hash & m->mask;; i = (i + 1) & m->mask) {
		struct slot *s = &m->slots[i];

		if (s->key == NULL || (s->hash == hash && str_eq(str_make(s->key, s->n), key)))
			return s;
	}
}

static bool grow(struct map *m)
{
	size_t slots = m->slots == NULL ? FIRST_SLOTS : (m->mask + 1) * 2;
	struct map bigger = { .slots = mem_array(slots, sizeof *m->slots), .mask = slots - 1 };

	if (bigger.slots == NULL)
		return false;
	for (size_t i = 0; m->slots != NULL && i <= m->mask; i++) {
		const struct slot *old = &m->slots[i];

		if (old->key != NULL)
			*find(&bigger, str_make(old->key, old->n), old->hash) = *old;
	}
	mem_free(m->slots);
	m->slots = bigger.slots;
	m->mask = bigger.mask;
	return true;
}

static bool is_full(const struct map *m)
{
	return m->slots == NULL || m->count + 1 > (m->mask + 1) / 4 * 3;
}

enum rc map_put(struct map *m, struct str key, uint64_t value)
{
	uint64_t hash = hash_table(key);
	struct slot *s = m->slots == NULL ? NULL : find(m, key, hash);
	char *copy;

	if (s != NULL && s->key != NULL) {
		s->value = value;
		return RC_OK;
	}
	if (m->count >= m->max)
		return RC_LIMIT;
	copy = mem_alloc(key.n + 1);
	if (copy == NULL)
		return RC_NOMEM;
	if (is_full(m) && !grow(m)) {
		mem_free(copy);
		return RC_NOMEM;
	}
	if (key.n > 0)
		memcpy(copy, key.p, key.n);
	*find(m, key, hash) = (struct slot){ hash, value, copy, key.n };
	m->count++;
	return RC_OK;
}

bool map_get(const struct map *m, struct str key, uint64_t *ret)
{
	const struct slot *s = m->slots == NULL ? NULL : find(m, key, hash_table(key));

	if (s == NULL || s->key == NULL)
		return false;
	if (ret != NULL)
		*ret = s->value;
	return true;
}

/* Closes the hole at `hole`: each entry behind it that does not sit between its
 * home and the hole moves up. */
static void shift_back(struct map *m, size_t hole)
{
	for (size_t i = (hole + 1) & m->mask; m->slots[i].key != NULL; i = (i + 1) & m->mask) {
		size_t home = m->slots[i].hash & m->mask;

		if (((i - home) & m->mask) < ((i - hole) & m->mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole] = (struct slot){ 0 };
}

bool map_del(struct map *m, struct str key)
{
	struct slot *s = m->slots == NULL ? NULL : find(m, key, hash_table(key));

	if (s == NULL || s->key == NULL)
		return false;
	mem_free(s->key);
	s->key = NULL;
	shift_back(m, (size_t)(s - m->slots));
	m->count--;
	return true;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

bool map_each(const struct map *m, size_t *it, struct str *ret_key, uint64_t *ret_value)
{
	for (; m->slots != NULL && *it <= m->mask; (*it)++) {
		const struct slot *s = &m->slots[*it];

		if (s->key == NULL)
			continue;
		*ret_key = str_make(s->key, s->n);
		*ret_value = s->value;
		(*it)++;
		return true;
	}
	return false;
}
