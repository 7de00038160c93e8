/* What people here found out about indicators: how often a ticket that one raised
 * was closed as confirmed and as false positive. */
#ifndef STORE_VERDICTS_H
#define STORE_VERDICTS_H

#include "store/store.h"

struct verdict {
	struct str indicator;
	int64_t confirmed, false_positives;
	usec at; /* of the latest change */
};

/* RC_NOTFOUND: nobody has said anything. */
enum rc verdict_get(struct store *s, struct str indicator, struct arena *a, struct verdict *ret, struct err *err) MUSTUSE;
/* By id, ids > after. */
enum rc verdict_list(struct store *s, struct str after, uint32_t limit, struct arena *a, struct verdict **ret, size_t *ret_n,
		     struct err *err) MUSTUSE;

#endif
