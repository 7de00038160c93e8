/* Inside base/ only: what hash.c asks for on machines with AVX2. */
#ifndef BASE_HASH_WIDE_H
#define BASE_HASH_WIDE_H

#include "base/hash.h"

uint64_t hash_keyed_short_wide(const struct hash_secret *s, struct str bytes);

#endif
