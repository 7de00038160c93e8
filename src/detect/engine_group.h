/* Inside the engine only: the rules that events of one set of log source
 * variants meet. */
#ifndef DETECT_ENGINE_GROUP_H
#define DETECT_ENGINE_GROUP_H

#include "detect/engine_match.h"

/* Of a field that routing looks at: what it wakes is remembered with the route. */
#define ROLE_ROUTED 0x8000

struct witness { uint32_t first, n; }; /* of group.wakes */

struct group {
	const uint64_t *set;                          /* bits of variants */
	const struct taxonomy_variant **variants;
	uint32_t n_variants;
	const uint32_t *instances;                    /* ascending */
	uint32_t n_instances;
	/* The index. A witness is a test that wakes instances; its number here is its place in these. */
	uint32_t n_witnesses;
	const uint32_t *witness_test;
	const struct witness *witnesses;
	const uint32_t *wakes;                        /* instances */
	const uint32_t *always;                       /* instances that have no witness */
	uint32_t n_always;
	const uint64_t *eager;                        /* bit by test: a witness, decided before any program runs */
	const uint16_t *roles;                        /* by field id: 1 + place in matchers, or 0; ROLE_ROUTED besides */
	const struct matcher *matchers;
	const struct matcher *keywords;               /* over all values; NULL: no keyword is a witness */
	const struct few *absent;                     /* tells when a line of JSON holds no keyword; may be NULL */
};

/* The group of a set of variants (variant_words of them), made at the first call. RC_LIMIT: there are GROUPS_MAX already.
 * Any thread. */
enum rc group_of(struct engine_image *m, const uint64_t *set, const struct group **ret, struct err *err) MUSTUSE;
void groups_done(struct engine_image *m);

/* Instances of all variants in the set, ascending, each once; `out` has room for n_instances of the image. */
uint32_t group_instances(const struct engine_image *m, const uint64_t *set, uint32_t *out);

#endif
