/* Searching the fact log. */
#ifndef STORE_FACTS_FIND_H
#define STORE_FACTS_FIND_H

#include "store/facts.h"

/* Empty and 0: any. Texts without regard to case of ASCII letters; `what` from the beginning of the kind, the others anywhere. */
struct fact_filter {
	struct str who, what, about, text; /* actor, kind, subject, body */
	usec since, until; /* [since, until) */
	uint64_t before;   /* only smaller numbers: the page after */
};

/* Newest first. Without an index: goes back until `limit` are found. */
enum rc facts_find(struct store *s, const struct fact_filter *f, uint32_t limit, struct arena *a, struct fact **ret, size_t *ret_n, struct err *err) MUSTUSE;

#endif
