/* Comparison expressions compiled and tested against one observation (STIX 2.1
 * §9.6, §9.7). Inside of src/stix/pattern_*.c. */
#ifndef STIX_PATTERN_CMP_H
#define STIX_PATTERN_CMP_H

#include "base/buf.h"
#include "stix/pattern_ast.h"
#include "stix/pattern_obs.h"

struct pat_regex_env; /* PCRE2 contexts of one matcher */
struct pat_test;      /* one compiled [ ... ] */

/* What testing needs and leaves behind. */
struct pat_run {
	struct pat_regex_env *env;
	struct buf *value, *norm; /* scratch: decoded octets, normalised text */
	uint64_t budget;          /* work that is not bounded by the data's size */
	uint64_t regex_budget;    /* steps of expensive regular expressions */
	bool strict_times;
	enum rc rc; /* sticky: RC_OK, RC_LIMIT, RC_NOMEM, RC_BAD */
	struct err *err;
};

enum rc pat_regex_env_new(struct pat_regex_env **ret, struct err *err) MUSTUSE;
/* Frees the regular expressions compiled through it as well. Accepts NULL. */
void pat_regex_env_free(struct pat_regex_env *env);

/* `b` must outlive the result. RC_BAD for a regular expression that does not compile, with its position. */
enum rc pat_test_compile(struct arena *a, struct pat_regex_env *env, const struct pat_bool *b,
			 const struct pat_test **ret, struct err *err) MUSTUSE;

/* True when one object of `o` satisfies the whole expression. Check run->rc afterwards: when it is not RC_OK
 * the result means nothing. */
bool pat_test_run(const struct pat_test *t, const struct pat_observed *o, struct pat_run *run);

#endif
