/* Observed-data made ready for evaluation: times, counts and the objects that
 * belong to each, sorted by time. Inside of src/stix/pattern_*.c. */
#ifndef STIX_PATTERN_OBS_H
#define STIX_PATTERN_OBS_H

#include "base/time.h"
#include "stix/pattern_match.h"

struct pat_sco {
	struct str type;
	struct str id; /* 2.1: the object's id; 2.0: its key in the container */
	const struct json *v;
};

struct pat_observed {
	usec first, last; /* first <= last */
	uint64_t count;   /* number_observed, >= 1 */
	uint32_t position;
	uint32_t n_scos;
	const struct pat_sco *scos;
	const uint32_t *table; /* hash table of index + 1 into scos, NULL when there are few */
	uint32_t mask;
};

struct stix_observations {
	const struct pat_observed *by_first; /* ascending by first */
	size_t n;
	const struct str *ids; /* by position */
};

/* The object that a reference inside of this observed-data names, or NULL. Only its own objects count (STIX 2.1 §9.7.4). */
const struct json *pat_observed_find(const struct pat_observed *o, struct str id);

#endif
