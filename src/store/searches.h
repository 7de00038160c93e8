/* Searches that people saved, by account: what a view was asked, under a name. */
#ifndef STORE_SEARCHES_H
#define STORE_SEARCHES_H

#include "store/store.h"

#define SEARCHES_A_USER 200

struct saved_search {
	struct str user;
	struct str view;  /* 1..32 of a-z 0-9 . _ - */
	struct str name;  /* what its owner calls it, 1..200 bytes */
	struct str query; /* the view's own words, at most 4000 bytes */
	usec at;
};

/* New, or in place of the one of that view and name. RC_NOTFOUND: no such user; RC_LIMIT: SEARCHES_A_USER. */
enum rc search_put(struct store *s, const struct saved_search *x, struct err *err) MUSTUSE;
/* By view and name. */
enum rc search_list(struct store *s, struct str user, struct arena *a, struct saved_search **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* RC_NOTFOUND also for another user's. */
enum rc search_remove(struct store *s, struct str user, struct str view, struct str name, struct err *err) MUSTUSE;

#endif
