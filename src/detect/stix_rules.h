/* STIX patterns as rules: what is no plain list of values (detect/image.h) becomes
 * tests and correlations of the same engine that runs Sigma, over fields that
 * packs/stix names. One event of a log counts as one observation.
 *
 * Exact, or refused with a reason: nothing is matched nearly. What this layer
 * chose where the standard leaves it open is in docs/conformance.md. */
#ifndef DETECT_STIX_RULES_H
#define DETECT_STIX_RULES_H

#include "detect/image.h"
#include "detect/sigma.h"

#define STIX_RULES_MAX 20000
#define STIX_WINDOW_DEFAULT (24 * 3600 * USEC_PER_SEC) /* of operators between observations without WITHIN or START-STOP */

struct stix_rules;

enum rc stix_rules_new(struct stix_rules **ret, struct err *err) MUSTUSE;
void stix_rules_free(struct stix_rules *r);
void stix_rules_freep(struct stix_rules **r);

/* Adds an indicator, or replaces the one of its id; a revoked one is removed. `name` (may be empty) is what people call it,
 * `file` where it came from. RC_UNSUPPORTED, RC_BAD: it cannot be matched, for the reason in err; one of that id that was
 * there is gone. RC_LIMIT, RC_NOMEM. */
enum rc stix_rules_add(struct stix_rules *r, const struct image_indicator *i, struct str name, struct str file, struct err *err) MUSTUSE;
void stix_rules_remove(struct stix_rules *r, struct str id);

struct stix_rules_stats {
	uint64_t indicators; /* that are there */
	uint64_t partial;    /* of these: some alternative cannot be seen in any log, or not in all that could show it */
	char first_partial[512];
};
void stix_rules_stats(const struct stix_rules *r, struct stix_rules_stats *ret);

/* Does this test of a rule only say what kind of event is looked at (packs/stix, `when`), and not what the pattern asks for? */
bool stix_rules_is_place(const struct stix_rules *r, const struct sigma_test *test);

/* `set` with these rules behind its own; all lives in `a`, `r` and `set` must outlive it. Rules carry `indicator`. */
enum rc stix_rules_join(const struct stix_rules *r, struct arena *a, const struct sigma_set *set, const struct sigma_set **ret,
			struct err *err) MUSTUSE;

/* Does a match of such a rule count: the indicator is valid at `now`, the event's time `at` (0: unknown) lies within the
 * pattern's START and STOP? True for rules of Sigma. */
bool stix_rule_counts(const struct sigma_rule *rule, usec now, usec at);

#endif
