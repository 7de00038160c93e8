/* Inside the engine only: what engine_*.c share. The image is a table of
 * interned tests, programs over them (one for each rule and naming of fields),
 * and groups of programs that an event of some log source meets. */
#ifndef DETECT_ENGINE_INT_H
#define DETECT_ENGINE_INT_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "detect/engine.h"
#include "detect/engine_nfa.h"

#define TREE_DEPTH_MAX 256            /* of a rule's detection; deeper ones are refused */
#define IMAGE_BYTES_MAX ((size_t)1 << 30)
#define VARIANTS_MAX 1024
#define GROUPS_MAX 512                /* sets of variants that get a group of their own, one for each single variant besides */

/* What a test asks of one value. The text kinds stand first, in the order of enum text_kind's cost. */
enum test_kind {
	TEST_NEVER,
	TEST_WHOLE,    /* the text is lit */
	TEST_PREFIX, TEST_SUFFIX, TEST_CONTAINS,
	TEST_GLOB,     /* pieces with wildcards in some other order */
	TEST_REGEX,
	TEST_PRESENT,  /* there and not null */
	TEST_CIDR, TEST_NUMBER, TEST_BOOL, TEST_LT, TEST_LE, TEST_GT, TEST_GE, TEST_TIME_PART,
	/* Those that look at the field as a whole. */
	TEST_EXISTS, TEST_NULL, TEST_FIELDREF
};

struct glob {
	const struct sigma_piece *pieces; /* no two ANY together, no empty literal; folded unless cased */
	uint32_t n;
};

struct net {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t bits;        /* of 128 */
};

struct regex_need { /* one of these stands in the folded text of each match */
	const struct str *any;
	uint32_t n;
};

struct regex {
	pcre2_code *code;
	struct nfa *nfa;       /* NULL: PCRE2 is to be asked */
	struct regex *next;
	const struct regex_need *needs; /* all of them, the rarest first */
	size_t n_needs;                 /* 0: unknown */
};

struct test {
	uint16_t field;        /* FIELD_NONE: keyword */
	uint16_t other;        /* FIELDREF */
	uint8_t kind, how;     /* how: enum sigma_ref or sigma_part */
	bool cased;
	float chance;          /* guess of how often an event passes */
	union {
		struct str lit;    /* folded unless cased */
		struct glob glob;
		const struct net *net;
		double number;
		struct regex *regex;
	};
	const struct sigma_test *from;
};

/* One step of a program: where to go when the test holds and when not. A program runs downwards: each target lies below
 * its step, and entries are numbered inside the program. */
#define STEP_ACCEPT UINT32_MAX
#define STEP_REJECT (UINT32_MAX - 1)
struct step { uint32_t test, yes, no; };

/* A rule under one naming of its fields. */
struct instance {
	uint32_t rule;
	uint32_t entry, n_steps;      /* entry may be ACCEPT or REJECT itself */
	const struct step *steps;
	const uint32_t *witness;      /* tests one of which holds whenever the rule matches */
	uint32_t n_witness;
	bool always;                  /* there is no such set */
	bool own;                     /* the rule's own field names */
	bool unrouted;                /* for events of no known log source */
};

#define NO_GUARD UINT32_MAX
struct variant {
	const struct taxonomy_variant *from;
	uint32_t entry;
	const struct step *steps;
	uint32_t n_steps;
	uint32_t guard;               /* a test without which it is none; NO_GUARD: there is no single one */
	const uint32_t *instances;    /* that events of this variant meet, ascending */
	uint32_t n_instances;
};

/* Most guards say that a field is some text: one hash of the field's value tells which of them may hold. */
struct guard {
	uint32_t test;                /* or NO_GUARD */
	uint16_t field;               /* guards of one field stand together */
	bool present;                 /* it needs a value */
	bool whole;                   /* it is a text */
	uint64_t hash;                /* whole: of the folded text */
	uint32_t first, n;            /* variants: of by_guard */
};

struct group;

struct engine_image {
	atomic_size_t refs;
	struct arena *arena;
	struct fields *fields;
	const struct sigma_set *rules;
	const struct taxonomy *taxonomy;
	struct test *tests;
	uint32_t n_tests;
	struct instance *instances;
	uint32_t n_instances;
	struct variant *variants;
	uint32_t n_variants, variant_words;
	const struct guard *guards;
	uint32_t n_guards;
	const uint32_t *by_guard;     /* variants */
	const uint32_t *unrouted;     /* instances for an event of no variant */
	uint32_t n_unrouted, n_own;
	uint64_t *assumed;            /* a bit for each variant that such an event is taken for */
	uint8_t *field_role;          /* by field id: ROLE_ROUTE ... */
	const uint64_t *no_tests;     /* a bit for each test, all zero */
	uint16_t format_field;        /* of "_format", or FIELD_NONE */
	struct engine_refusal *refusals;
	size_t n_refusals;
	struct regex_env *regexes;
	struct typical *typical;
	uint64_t always;
	/* Groups are made when an event first asks for them and never change then. */
	pthread_mutex_t lock;
	struct group *groups[GROUPS_MAX];
	atomic_uint n_groups;          /* grows under the lock; what stands before it may be read without */
	uint32_t n_matchers;
	uint64_t group_bytes;
};

enum { ROLE_ROUTE = 1 };

/* ---- engine_image.c */

/* Does a rule of this source apply to a variant of that one? */
bool rule_meets(const struct engine_image *m, const struct sigma_logsource *rule, const struct taxonomy_variant *variant);

/* ---- engine_ground.c */

/* The tree that holds when `tree` does because of some field that the event has; NULL: it never does. May be `tree` itself. */
enum rc tree_grounded(struct arena *a, const struct sigma_node *tree, const struct sigma_node **ret, struct err *err) MUSTUSE;

/* ---- engine_typical.c: how common is a text? */

struct typical;
struct typical *typical_new(struct arena *a) MUSTUSE;
/* A guess of how often a value holds `lit` (folded), 0..1; *ret_at (may be NULL): where its rarest four bytes stand. */
float typical_chance(const struct typical *t, struct str lit, size_t *ret_at);

/* ---- engine_test.c: one test of one value, exactly */

/* A value made ready: text with escapes resolved, and folded. */
struct text {
	struct str plain, folded;
	double number;  /* when somebody asked: */
	enum { NUMBER_NOT_ASKED, NUMBER_YES, NUMBER_NO } is_number;
};

struct regex_run {
	pcre2_match_data *data;
	pcre2_match_context *context;
	struct nfa_memo *memo;
	uint64_t limits; /* searches that reached a limit: no match */
};

/* Kinds before TEST_EXISTS; `type` is the value's. */
bool test_value(const struct test *t, enum flat_type type, const struct text *x, struct regex_run *run);
bool test_related(enum sigma_ref how, struct str a, struct str b);
bool glob_matches(const struct glob *g, struct str text);
bool net_parse(struct str text, struct net *ret);
bool number_parse(struct str s, double *ret);
/* Does a test of a number (TEST_NUMBER, TEST_LT ... TEST_GE) hold for this one? */
bool test_order(const struct test *t, double v);

/* ---- engine_regex.c */

struct regex_env; /* owns the compiled expressions of an image */
struct regex_env *regex_env_new(void) MUSTUSE;
void regex_env_free(struct regex_env *env);
enum rc regex_compile(struct regex_env *env, struct str pattern, unsigned flags, struct regex **ret, struct err *err) MUSTUSE;
/* What each match must hold; 0: nothing is known. In `a`. */
size_t regex_needs(struct arena *a, const struct typical *typical, struct str pattern, const struct regex_need **ret);
enum rc regex_run_new(const struct regex_env *env, struct regex_run *ret, struct err *err) MUSTUSE;
void regex_run_done(struct regex_run *run);
bool regex_search(const struct regex *re, const struct text *x, struct regex_run *run);

/* ---- engine_program.c */

struct compiler; /* interns the tests of an image while it is built */
enum rc compiler_new(struct engine_image *m, struct compiler **ret, struct err *err) MUSTUSE;
void compiler_freep(struct compiler **c);
const struct test *compiler_tests(const struct compiler *c); /* till the next compiler_add */
/* Hands the table of tests to the image. */
void compiler_end(struct compiler *c);

/* The program of a tree whose fields are named by `maps` where they are in it; all in the image's arena. RC_BAD: it cannot
 * be run (a regular expression, say), `err` tells why. */
enum rc compiler_add(struct compiler *c, const struct sigma_node *tree, const struct taxonomy_map *maps, uint32_t n_maps,
		     struct instance *ret, struct err *err) MUSTUSE;

#endif
