/* Inside the engine only: what a matcher found for a value, remembered. Values
 * of logs repeat; a value is compared byte by byte with the one remembered. */
#ifndef DETECT_ENGINE_CACHE_H
#define DETECT_ENGINE_CACHE_H

#include "base/err.h"
#include "base/str.h"

#define CACHE_VALUE_MAX 2048
#define CACHE_HITS_MAX 256

struct cache;

/* `secret`: nobody who does not know it can aim for one place of the cache. */
enum rc cache_new(const uint64_t secret[2], struct cache **ret, struct err *err) MUSTUSE;
void cache_free(struct cache *c);

/* What is asked: by which matcher, how the bytes are to be read (type, escapes), and the bytes as they came. */
struct cache_key {
	uint32_t matcher, how;
	struct str value; /* at most CACHE_VALUE_MAX */
	uint64_t hash;
};

/* Before the others: sets the hash. The memory that cache_near and cache_get will read is on its way then. */
void cache_ask(const struct cache *c, struct cache_key *k);
void cache_near(const struct cache *c, const struct cache_key *k);

/* True: known; *ret_hits (*ret_n of them, until the next cache_put) is what was found. */
bool cache_get(const struct cache *c, const struct cache_key *k, const uint32_t **ret_hits, uint32_t *ret_n);
/* Behind a cache_get that was false. More than CACHE_HITS_MAX hits are not kept. */
void cache_put(struct cache *c, const struct cache_key *k, const uint32_t *hits, uint32_t n);

#endif
