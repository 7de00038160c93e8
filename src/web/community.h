/* What this node is in its community, in the file community.json (0600) of its folder: the only place of its keys, written anew
 * as a whole, so that a week's key is gone when the next one is there. */
#ifndef WEB_COMMUNITY_H
#define WEB_COMMUNITY_H

#include "desk/community.h"

#define COMMUNITY_ADMITTED_MAX 2000

struct community_admitted {
	unsigned char pub[SIGN_PUBLIC_LEN];
	int64_t granted; /* the last generation whose key was sealed for it; 0: none */
};

struct community_state {
	char name[COMMUNITY_NAME_MAX + 1];      /* "": in none */
	bool collector;                         /* it has no keys at all */
	bool shown;                             /* its card is on its way up */
	struct community_self self;             /* a member's */
	char founder[PSEUDONYM_LEN + 1];        /* whose word counts for keys; the node's own pseudonym: itself */
	unsigned char roles[COMMUNITY_ROLES][SIGN_PUBLIC_LEN];
	struct keyed_key key;                   /* generation 0: none yet */
	struct community_admitted admitted[COMMUNITY_ADMITTED_MAX]; /* the founder's */
	size_t n_admitted;
};

bool community_is_founder(const struct community_state *s);

/* A state in `a`. No file: name "". RC_CORRUPT: a file that is none of ours. */
enum rc community_load(const char *dir, struct arena *a, struct community_state **ret, struct err *err) MUSTUSE;

/* Loads, lets `fn` change it, and writes it durably when `fn` gives RC_OK and sets *ret_changed; nobody else of this process changes it
 * meanwhile, and a node's folder belongs to one process. */
typedef enum rc (*community_fn)(struct community_state *s, void *ctx, bool *ret_changed, struct err *err);
enum rc community_change(const char *dir, community_fn fn, void *ctx, struct err *err) MUSTUSE;

#endif
