/* STIX patterning (STIX 2.1 §9): reading and checking the text of a pattern.
 * What the text says is in pattern_ast.h, evaluating it in pattern_match.h. */
#ifndef STIX_PATTERN_H
#define STIX_PATTERN_H

#include "base/arena.h"

#define PATTERN_BYTES_MAX ((size_t)1 << 20) /* longest pattern text */
#define PATTERN_DEPTH_MAX 64                /* nested parentheses of one kind */
#define PATTERN_QUALIFIERS_MAX 8            /* on one expression */
#define PATTERN_STEPS_MAX 64                /* steps of one object path */
#define PATTERN_NODES_MAX 100000            /* comparisons, constants and operators */

struct pattern; /* pattern_ast.h */

struct stix_pattern_opts {
	/* STIX 2.0 Part 5: START and STOP also take plain strings. */
	bool v20;
	/* Accept one kind of qualifier twice on an expression, each applied to what stands before it. STIX 2.1
	 * §9.5.1 forbids it, evaluators in the field accept it. */
	bool repeat_qualifiers;
	/* Refuse a constant compared with a file hash that cannot be such a hash (length, alphabet). */
	bool check_hashes;
};

/* STIX 2.1 to the letter, with the hash check: what `lianfang pattern check` and the validator apply. */
extern const struct stix_pattern_opts STIX_PATTERN_STRICT;
/* What evaluation accepts: repeat_qualifiers, no hash check. */
extern const struct stix_pattern_opts STIX_PATTERN_LENIENT;

/* Valid by STIX 2.1 §9 and fit to be evaluated: grammar, qualifier rules, homogeneous sets, regular
 * expressions that compile. RC_BAD or RC_LIMIT with the position, "pattern: byte 41: expected ']'";
 * bytes count from 0. RC_NOMEM. */
enum rc stix_pattern_check(struct str pattern, struct err *err) MUSTUSE;

/* Reads `text` into a tree in `a`. The tree owns copies of all it needs: `text` may go. Regular expressions
 * are not compiled here. */
enum rc stix_pattern_parse(struct arena *a, struct str text, const struct stix_pattern_opts *opts,
			   const struct pattern **ret, struct err *err) MUSTUSE;

#endif
