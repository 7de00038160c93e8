/* What a STIX pattern says, as a tree in an arena, and the short form of the
 * many patterns that are no more than a list of observable values. */
#ifndef STIX_PATTERN_AST_H
#define STIX_PATTERN_AST_H

#include "base/arena.h"
#include "base/time.h"

enum pat_op {
	PAT_EQ, PAT_NE, PAT_LT, PAT_LE, PAT_GT, PAT_GE,
	PAT_IN, PAT_LIKE, PAT_MATCHES, PAT_ISSUBSET, PAT_ISSUPERSET, PAT_EXISTS,
};

enum pat_type { PAT_INT, PAT_FLOAT, PAT_STRING, PAT_BOOL, PAT_BINARY, PAT_HEX, PAT_TIME };

struct pat_const {
	enum pat_type type;
	uint32_t at;     /* byte offset in the pattern */
	struct str text; /* string: unescaped UTF-8; binary, hex: decoded octets; time, int, float: as written */
	int64_t i;       /* int (when `exact`), bool */
	double f;        /* int, float */
	bool exact;      /* int: i holds the value; it did not fit otherwise */
};

/* STIX 2.1 §9.7: one step behind the object type. */
enum pat_step_kind { PAT_KEY, PAT_INDEX, PAT_ANY };

struct pat_step {
	enum pat_step_kind kind;
	struct str key; /* unescaped, without quotes */
	uint64_t index; /* UINT64_MAX for a negative index, which nothing has */
};

struct pat_cmp {
	struct str object_type;
	const struct pat_step *steps;
	uint32_t n_steps; /* >= 1 */
	enum pat_op op;
	bool negated;
	const struct pat_const *consts;
	uint32_t n_consts; /* IN: >= 0; EXISTS: 0; all others: 1 */
	uint32_t at;
};

/* Comparison expression: n-ary, kids linked by `next`. */
enum pat_bool_kind { PAT_TEST, PAT_ALL, PAT_SOME };

struct pat_bool {
	enum pat_bool_kind kind;
	struct pat_cmp cmp; /* PAT_TEST */
	const struct pat_bool *kids, *next;
};

/* Observation expression: n-ary operators; qualifiers have one kid. */
enum pat_obs_kind {
	PAT_OBSERVATION, PAT_AND, PAT_OR, PAT_FOLLOWEDBY,
	PAT_WITHIN, PAT_REPEATS, PAT_START_STOP,
};

struct pat_obs {
	enum pat_obs_kind kind;
	uint32_t at;
	const struct pat_bool *test; /* PAT_OBSERVATION */
	usec within;                 /* PAT_WITHIN: > 0 */
	uint64_t times;              /* PAT_REPEATS: >= 1 */
	struct str start, stop;      /* PAT_START_STOP: timestamp texts */
	const struct pat_obs *kids, *next;
};

struct pattern {
	const struct pat_obs *root;
};

/* Names as written in a pattern ("=", "ISSUBSET"). */
const char *stix_pattern_op_name(enum pat_op op);

/* One observable value that satisfies a simple pattern alone. */
struct pat_simple {
	struct str object_type; /* "ipv4-addr" */
	struct str path;        /* "value", "hashes.'SHA-256'": keys that are no plain identifiers are quoted */
	enum pat_op op;         /* PAT_EQ or PAT_ISSUBSET */
	const struct pat_const *value;
};

/* When the pattern is nothing but alternatives, [a = x OR b IN (y, z)] OR [c ISSUBSET w], each of which one
 * property decides: gives them all, in `a`. RC_UNSUPPORTED for every other pattern (negation, AND, qualifiers,
 * list indexes, references, other operators), RC_NOMEM. */
enum rc stix_pattern_simples(struct arena *a, const struct pattern *p, const struct pat_simple **ret, size_t *ret_n,
			     struct err *err) MUSTUSE;

#endif
