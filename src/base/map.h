/* Hash map from bytes to a 64-bit value, open addressing, keyed hash, with a
 * maximum number of entries given at birth. Keys are copied. Not thread-safe. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/err.h"
#include "base/str.h"

struct map;

struct map *map_new(size_t max_entries) MUSTUSE;
void map_free(struct map *m);
void map_freep(struct map **m);

/* Sets or replaces. RC_LIMIT at the maximum, RC_NOMEM; nothing changed then. */
enum rc map_put(struct map *m, struct str key, uint64_t value) MUSTUSE;
/* False when absent; `ret` may be NULL. */
bool map_get(const struct map *m, struct str key, uint64_t *ret);
/* False when absent. */
bool map_del(struct map *m, struct str key);
size_t map_count(const struct map *m);

/* Walks all entries in no particular order: start with *it = 0. The map must not change meanwhile. */
bool map_each(const struct map *m, size_t *it, struct str *ret_key, uint64_t *ret_value);

#endif
