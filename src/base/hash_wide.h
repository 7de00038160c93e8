/* Inside base/ only: what hash.c asks for on machines that have it. */
#ifndef BASE_HASH_WIDE_H
#define BASE_HASH_WIDE_H

#include "base/hash.h"

/* With AVX2. */
uint64_t hash_keyed_short_wide(const struct hash_secret *s, struct str bytes);
/* With AVX-512 and VAES. */
void hash_keyed_each_wide(const struct hash_secret *s, const struct str *texts, size_t n, uint64_t (*out)[2]);

#endif
