/* Inside of stix_rules: from a pattern's tree to trees of tests. */
#ifndef DETECT_STIX_RULES_INT_H
#define DETECT_STIX_RULES_INT_H

#include "detect/stix_map.h"

#define STIX_NODES_MAX 20000   /* tests of one observation, over all ways of seeing it */
#define STIX_OBJECTS_MAX 256   /* ways to pick one object of each type */
#define STIX_CMPS_MAX 2000     /* comparisons of one pattern */
#define STIX_TYPES_MAX 8       /* object types of one observation */

/* What is being compiled. A function below that gives NULL in *ret with RC_OK cannot say it of such a field: w->why. */
struct stix_work {
	struct sigma_doc d; /* arena of the rules, scratch of one pattern */
	struct err *err;
	char why[256];      /* the first reason for which something cannot be said */
};

enum rc stix_work_nomem(struct stix_work *w) MUSTUSE;
void stix_work_cannot(struct stix_work *w, const char *fmt, ...) PRINTF(2, 3);

/* One comparison over one field of one way of seeing. */
enum rc stix_cmp_node(struct stix_work *w, const struct pat_cmp *cmp, const struct stix_field *f, const struct sigma_node **ret) MUSTUSE;
/* The field says something of an object of this type. */
enum rc stix_exists_node(struct stix_work *w, const struct pat_cmp *cmp, const struct stix_field *f, const struct sigma_node **ret) MUSTUSE;

/* One observation over all ways of seeing. RC_UNSUPPORTED: none shows it; the reason in err. *ret_partial: some
 * alternative of it no log shows, or some log not in a form that can be compared (w->why says which). */
enum rc stix_observation_node(struct stix_work *w, const struct stix_map *map, const struct pat_bool *test,
			      const struct sigma_node **ret, bool *ret_partial) MUSTUSE;

#endif
