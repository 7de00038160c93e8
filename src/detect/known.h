/* Indicators from files, for hunting without a node: plain lists, and STIX 2.1
 * bundles with all that they say of validity. */
#ifndef DETECT_KNOWN_H
#define DETECT_KNOWN_H

#include "detect/image.h"
#include "detect/iocs.h"
#include "detect/stix_rules.h"

struct known {
	struct iocs *lists;   /* NULL: no plain list was named */
	struct image *image;  /* NULL: no bundle */
	struct stix_rules *patterns; /* of bundles: what the image cannot hold; NULL: nothing. To be joined to the rules */
	uint64_t indicators;  /* in force, of all */
	uint64_t refused;     /* indicators of bundles that cannot be matched */
	char first_refused[512]; /* "FILE: indicator--...: why", or "" */
	uint64_t partial;     /* patterns that are matched only in part, stix_rules_stats */
	char first_partial[512];
};

/* A file that begins with a bracket is a bundle (or objects one a line), any other a list; "-" is standard input (iocs_stdin). RC_BAD names file and byte.
 * `paths` must outlive the result. */
enum rc known_load(const char *const *paths, size_t n, struct known *ret, struct err *err) MUSTUSE;
void known_done(struct known *k);

#endif
