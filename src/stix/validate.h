/* Says of a STIX document what breaks the standard: each MUST as an error, each
 * SHOULD as a warning, with the place, the rule and the clause. A document that
 * is STIX 2.0 is judged by the rules of 2.0. */
#ifndef STIX_VALIDATE_H
#define STIX_VALIDATE_H

#include "base/json.h"

enum stix_level_of_rule { STIX_MUST, STIX_SHOULD };

struct stix_problem {
	enum stix_level_of_rule level;
	struct str pointer;   /* RFC 6901, from the document's root; "" is the root */
	const char *rule;     /* short and stable: "required", "timestamp", "tlp-marking", ... */
	const char *clause;   /* "STIX 2.1 §4.7.1" */
	struct str message;   /* one line; borrowed for the call */
};

/* Called for each problem as it is found; for the first thousand of a document only, the rest is counted. */
typedef void (*stix_problem_fn)(void *ctx, const struct stix_problem *problem);

struct stix_validate_opts {
	uint8_t spec;        /* 0 = as the document says; STIX_SPEC_20 or STIX_SPEC_21 insists */
	bool shoulds;        /* look for warnings too (costs time) */
	bool strict;         /* types and properties that the standard does not define are errors */
	bool refs_inside;    /* every reference of a relationship must be answered inside the document */
	const char *without; /* rules to leave out, comma-separated: "custom-prefix,hash-algo"; NULL = none */
};

struct stix_verdict {
	uint32_t musts, shoulds; /* problems found */
	uint32_t objects;        /* objects looked at, those inside a bundle or list too */
};

/* Judges a single object, a bundle, or a list of either. RC_OK: no MUST is broken;
 * RC_BAD: some are, and `err` holds the first; RC_LIMIT, RC_NOMEM: not judged to the end.
 * `report` and `ret` may be NULL; `opts` NULL = all zero. Reads only the tree. */
enum rc stix_validate(const struct json *document, const struct stix_validate_opts *opts, stix_problem_fn report,
		      void *ctx, struct stix_verdict *ret, struct err *err) MUSTUSE;

#endif
