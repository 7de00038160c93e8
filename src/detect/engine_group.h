/* Inside the engine only: the rules that events of one set of log source
 * variants meet. */
#ifndef DETECT_ENGINE_GROUP_H
#define DETECT_ENGINE_GROUP_H

#include "detect/engine_int.h"

struct group {
	const uint64_t *set;                          /* bits of variants */
	const struct taxonomy_variant **variants;
	uint32_t n_variants;
	const uint32_t *instances;                    /* ascending */
	uint32_t n_instances;
};

/* The group of a set of variants (variant_words of them), made at the first call. RC_LIMIT: there are GROUPS_MAX already.
 * Any thread. */
enum rc group_of(struct engine_image *m, const uint64_t *set, const struct group **ret, struct err *err) MUSTUSE;
void groups_done(struct engine_image *m);

/* Instances of all variants in the set, ascending, each once; `out` has room for n_instances of the image. */
uint32_t group_instances(const struct engine_image *m, const uint64_t *set, uint32_t *out);

#endif
