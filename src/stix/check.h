/* The validator's state, shared by validate.c (the walk), kinds.c (single
 * values), rules.c (between properties) and bundle.c (between objects). */
#ifndef STIX_CHECK_H
#define STIX_CHECK_H

#include "base/map.h"
#include "stix/schema.h"
#include "stix/validate.h"

/* Problems told one by one; further ones are only counted, so that a hostile
 * document cannot make a report larger than itself. */
#define STIX_TOLD_MAX 1000
/* Nodes that the selectors of one document may pass in all: beyond, RC_LIMIT. */
#define STIX_WORK_MAX ((uint64_t)200000000)

struct stix_check {
	const struct stix_validate_opts *opts;
	stix_problem_fn report;
	void *ctx;
	struct err *err;
	struct stix_verdict verdict;
	const struct json *root;       /* document, for pointers */
	const struct json *bundle;     /* list of objects around, or NULL */
	const struct json *object;     /* top-level object at hand: selectors start here */
	struct map *by_id;             /* last object of the bundle by id; NULL until needed */
	const struct json *container;  /* observed-data `objects` while inside it */
	struct map *by_key;            /* its objects by key; NULL until needed */
	uint64_t work;                 /* nodes looked at for selectors, against STIX_WORK_MAX */
	const struct stix_schema *schema; /* innermost schema at hand, for clauses */
	uint8_t spec;                  /* rules applied: STIX_SPEC_20 or STIX_SPEC_21 */
	uint8_t class;                 /* enum stix_class of `object`, custom ones by their extension */
	struct arena *scratch;         /* for one pattern at a time; NULL until needed */
	enum rc fatal;                 /* RC_NOMEM and the like: stop */
};

/* Tells a problem at `at` (NULL: the root). `clause` NULL = that of the schema at hand. */
void check_tell(struct stix_check *c, enum stix_level_of_rule level, const struct json *at, const char *rule,
		const char *clause, const char *fmt, ...) PRINTF(6, 7);
#define MUST(c, at, rule, ...) check_tell((c), STIX_MUST, (at), (rule), NULL, __VA_ARGS__)
#define SHOULD(c, at, rule, ...) \
	do { \
		if ((c)->opts->shoulds) \
			check_tell((c), STIX_SHOULD, (at), (rule), NULL, __VA_ARGS__); \
	} while (0)
#define MUST_BY(c, at, rule, clause, ...) check_tell((c), STIX_MUST, (at), (rule), (clause), __VA_ARGS__)

/* The rule is switched off by opts->without. */
bool check_without(const struct stix_check *c, const char *rule);

/* validate.c */
void check_object(struct stix_check *c, const struct json *object);
void check_observable(struct stix_check *c, const struct json *object);
void check_struct(struct stix_check *c, const struct stix_schema *s, const struct json *v);
/* A custom name: `mark` is '_' for properties and '-' for types ("x_source_name"). */
void check_custom_prefix(struct stix_check *c, const struct json *at, struct str name, char mark, const char *what);

/* kinds.c: one value of the property's kind (the items of a list one by one). */
void check_value(struct stix_check *c, const struct stix_prop *p, const struct json *v);

/* extension.c: what 'extensions' of the object at hand says it is. STIX_CUSTOM when nothing. */
void check_extensions(struct stix_check *c, const struct json *extensions);
enum stix_class extension_class(const struct json *object);
bool extension_adds_properties(const struct json *object);

/* bundle.c. The last object with this id in the bundle around, or NULL. */
const struct json *check_find_object(struct stix_check *c, struct str id);
void check_bundle(struct stix_check *c, const struct json *bundle);
void check_list(struct stix_check *c, const struct json *list);

#endif
