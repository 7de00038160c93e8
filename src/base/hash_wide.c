/* The keyed hash of long texts where vectors are wide: xxhash chooses its way when it is compiled, and the program is
 * compiled for every machine. */
#ifdef __x86_64__
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define XXH_INLINE_ALL
#include "base/hash_wide.h"

#include <xxhash.h>

uint64_t hash_keyed_short_wide(const struct hash_secret *s, struct str bytes)
{
	return XXH3_64bits_withSecret(bytes.p, bytes.n, s->bytes, sizeof s->bytes);
}
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
