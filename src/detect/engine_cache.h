/* Inside the engine only: what a matcher found for a value, remembered. Values
 * of logs repeat; a value is known by a keyed hash. */
#ifndef DETECT_ENGINE_CACHE_H
#define DETECT_ENGINE_CACHE_H

#include "base/err.h"
#include "base/hash.h"

#define CACHE_VALUE_MAX 2048 /* longer ones are not worth asking for */
#define CACHE_HITS_MAX 256

struct cache;

enum rc cache_new(struct cache **ret, struct err *err) MUSTUSE;
void cache_free(struct cache *c);

/* What is asked: by which matcher (below 2^29), how the bytes are to be read (type, escapes: below 2^8), and the hash of both and the bytes. */
struct cache_key { uint32_t matcher, how, more; uint64_t hash; };

/* Before the others, for values as they came (`n` of them, each with its key): sets the hashes, by a secret that is drawn
 * anew for each cache. The memory that cache_get will read is on its way then. */
#define CACHE_ASK_MAX 64
void cache_ask(const struct cache *c, const struct str *values, struct cache_key *keys, size_t n);

/* True: known; *ret_hits (*ret_n of them, until the next call) is what was found. */
bool cache_get(struct cache *c, const struct cache_key *k, const uint32_t **ret_hits, uint32_t *ret_n);
/* Behind a cache_get that was false. More than CACHE_HITS_MAX hits are not kept. */
void cache_put(struct cache *c, const struct cache_key *k, const uint32_t *hits, uint32_t n);

#endif
