/* Digests that the lab of this node knows, at hand by their first 20 bits: who asks by such a prefix tells nobody which file it has, and gets all
 * that begin so. In memory, made anew at the start; thread-safe. */
#ifndef WEB_LAB_KNOWN_H
#define WEB_LAB_KNOWN_H

#include "base/jsonw.h"
#include "store/submissions.h"

#define LAB_KNOWN_MAX 4000000 /* digests; of more the last ones are not told */
#define LAB_PREFIX_BITS 20

struct lab_known;

/* Reads all verdicts of the store. */
enum rc lab_known_new(struct store *s, struct lab_known **ret, struct err *err) MUSTUSE;
void lab_known_free(struct lab_known *k); /* accepts NULL */

/* A verdict came: the last one of a digest counts, told as far as the widest class of its submissions allows (docs/internals/lab-node.md). */
void lab_known_learn(struct lab_known *k, const struct submission *s);
/* A submission of this digest (hex) was deleted: what is told of it follows from the others. */
void lab_known_relearn(struct lab_known *k, struct store *s, struct str sha256);

/* Members of an array: {"sha256", "verdict"}. `account`: who asks has one. */
void lab_known_put(struct lab_known *k, uint32_t prefix, bool account, struct jsonw *w);
size_t lab_known_count(struct lab_known *k);

#endif
