/* What people said is no alert, until when: held back, and counted as such. */
#ifndef STORE_SUPPRESSIONS_H
#define STORE_SUPPRESSIONS_H

#include "store/store.h"

struct suppression {
	int64_t row;           /* set by the store */
	struct str scope;      /* "rule", "rule+host", "rule+value", "indicator", "indicator+host" */
	struct str rule, where, value, indicator; /* those that the scope names */
	usec until;            /* from then on it holds nothing back */
	usec created;          /* 0 = now */
	struct str created_by;
	struct str ticket;     /* number of the ticket it came from, or "" */
	struct str note;
	uint8_t tlp;           /* of what it names: the ticket's, or of what who made it may see */
	int64_t held;          /* events held back so far */
	usec last;             /* when the latest was */
	usec removed;          /* 0: it was not taken away before its time */
};

/* Fact suppress.add. RC_BAD: a scope without its parts, or an end that is over. */
enum rc suppression_add(struct store *s, struct suppression *x, struct err *err) MUSTUSE;
/* Fact suppress.remove. RC_NOTFOUND: none, or removed or over already. */
enum rc suppression_remove(struct store *s, int64_t row, struct str actor, struct err *err) MUSTUSE;
/* Oldest first, row > after; `active`: only those in force at `now`. */
enum rc suppression_list(struct store *s, bool active, usec now, int64_t after, uint32_t limit, struct arena *a,
			 struct suppression **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* Events that were held back since the last time. */
struct suppression_held { int64_t row, held; usec last; };
enum rc suppression_count(struct store *s, const struct suppression_held *x, size_t n, struct err *err) MUSTUSE;

#endif
