/* Evaluates STIX patterns (STIX 2.1 §9.4-9.7) over observed-data: compile a
 * pattern once, index observations once, run any number of times. */
#ifndef STIX_PATTERN_MATCH_H
#define STIX_PATTERN_MATCH_H

#include "base/json.h"
#include "stix/pattern.h"

#define PATTERN_OBSERVATIONS_MAX ((size_t)1 << 20)

struct stix_matcher;
struct stix_observations;

struct stix_match {
	bool match;
	/* Observations that satisfy the pattern, none of which can be left out (of more than 256, and where OR
	 * joins, some may): positions in the order in which the observed-data stand in the documents, ascending,
	 * each once. Valid until the next run or the end of `scratch`. */
	const uint32_t *used;
	size_t n_used;
};

struct stix_match_opts {
	/* A string that is no timestamp, met by a t'...' constant, is RC_BAD instead of a type mismatch. */
	bool strict_times;
};

/* Compiles `text`. Frees nothing that `a` holds, but owns compiled regular expressions: stix_matcher_free before
 * the arena goes. RC_BAD, RC_LIMIT with the position, RC_NOMEM. */
enum rc stix_matcher_compile(struct arena *a, struct str text, const struct stix_pattern_opts *opts,
			     struct stix_matcher **ret, struct err *err) MUSTUSE;
void stix_matcher_free(struct stix_matcher *m);
void stix_matcher_freep(struct stix_matcher **m);

/* Indexes the observed-data of parsed JSON: a bundle, an observed-data, or an array of such, STIX 2.0
 * (`objects` dictionary) or 2.1 (`object_refs` to SCOs anywhere in `doc`). Of two versions of one id the newer
 * counts. `doc` must outlive the result, which lives in `a`. RC_BAD: an observed-data without its times. */
enum rc stix_observations_index(struct arena *a, const struct json *doc, const struct stix_observations **ret,
				struct err *err) MUSTUSE;
size_t stix_observations_count(const struct stix_observations *o);
/* Id of an observed-data by its position; .p NULL when it has none. */
struct str stix_observations_id(const struct stix_observations *o, size_t position);

/* Does the pattern match? `scratch` holds ret->used and working memory; a matcher is used by one thread at a
 * time. RC_LIMIT: the answer would cost more than the budget, and is not known. RC_BAD: only by opts (may be
 * NULL). RC_NOMEM. */
enum rc stix_matcher_run(struct stix_matcher *m, const struct stix_observations *o, const struct stix_match_opts *opts,
			 struct arena *scratch, struct stix_match *ret, struct err *err) MUSTUSE;

#endif
