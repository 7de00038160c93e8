/* Constants that stand for file hashes: the one rule about values that a
 * pattern can break by itself. */
#ifndef STIX_PATTERN_HASH_H
#define STIX_PATTERN_HASH_H

#include "stix/pattern_ast.h"

/* RC_BAD when `cmp` asks hashes.ALGORITHM to be (=, !=, IN) a string that no such hash can be: wrong length for the
 * algorithm or other than hexadecimal digits (STIX 2.1 §10.7). Unknown algorithms and fuzzy hashes pass. */
enum rc pat_hash_check(const struct pat_cmp *cmp, struct err *err) MUSTUSE;

#endif
