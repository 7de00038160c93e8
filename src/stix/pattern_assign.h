/* Which observations satisfy which observation expression: distinct ones for
 * every part, in the order and the windows that the qualifiers ask (STIX 2.1
 * §9.5). Inside of src/stix/pattern_*.c. */
#ifndef STIX_PATTERN_ASSIGN_H
#define STIX_PATTERN_ASSIGN_H

#include "stix/pattern_obs.h"

#define PAT_SLOTS_MAX 4096                     /* parts of a pattern with all its repetitions */
#define PAT_ASSIGN_STEPS ((uint64_t)1 << 26)   /* words of state touched in one search, and this much more ... */
#define PAT_ASSIGN_STEPS_EACH ((uint64_t)1 << 14) /* ... for each observation */

enum pat_slot_kind { SLOT_LEAF, SLOT_ALL, SLOT_ANY, SLOT_SEQ, SLOT_SPAN };

/* A tree over observations. LEAF wants `demand` units of the observations in `set`; ALL, ANY, SEQ (FOLLOWEDBY) join
 * kids; SPAN (WITHIN) has one kid. `copies`: the kids of an ALL are equal to each other (REPEATS). */
struct pat_slot {
	enum pat_slot_kind kind;
	bool copies;
	struct pat_slot *parent, *kids, *next;
	uint64_t demand;
	const uint64_t *set; /* bit i: by_first[i] */
	usec span;
	uint64_t least; /* units that it takes at least; UINT64_MAX: cannot be filled */
	/* Filled in by pat_assign. */
	uint32_t at, words; /* its part of a state */
	uint32_t rank;      /* among the kids of its parent */
	uint32_t n_kids;
};

static inline bool pat_set_has(const uint64_t *set, size_t i)
{
	return (set[i / 64] >> (i % 64) & 1) != 0;
}

/* Looks for an assignment. `used` (one bit an observation, zeroed by the caller) gets what it uses when
 * *ret_match. RC_LIMIT when the search is cut short without an answer, RC_NOMEM. */
enum rc pat_assign(struct pat_slot *root, const struct stix_observations *o, uint64_t *used, bool *ret_match,
		   struct err *err) MUSTUSE;

/* The same for three kinds of tree that have a direct method: a LEAF, a SPAN over a LEAF, and an ALL of leaves (a
 * flow). *ret_fits false: another kind, or too large for it; use pat_assign. `a` gives working memory. */
enum rc pat_assign_direct(struct pat_slot *root, const struct stix_observations *o, struct arena *a, uint64_t *used,
			  bool *ret_match, bool *ret_fits, struct err *err) MUSTUSE;

#endif
