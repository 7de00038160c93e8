/* Signing in by a form: sessions, second factors, and links that set a password once.
 *
 * Of every secret only a SHA-256 is kept (all are drawn, none is thought up), but for
 * the key of the one-time codes, which both sides must know: that is sealed by the caller. */
#ifndef STORE_SESSIONS_H
#define STORE_SESSIONS_H

#include "store/store.h"

#define SESSION_IDLE (30 * 60 * USEC_PER_SEC)        /* nobody touched it for so long: over */
#define SESSION_LONGEST (12 * 3600 * USEC_PER_SEC)   /* over in any case */
#define SESSION_TOUCH_EVERY (60 * USEC_PER_SEC)      /* `seen` is exact to this */
#define SESSIONS_A_USER 20                           /* with the next one the longest unused ends */
#define FACTOR_KEY_LEN 20                            /* bytes; RFC 4226 §4, R6 recommends 160 bits */
#define FACTOR_TEXT_MAX 512
#define RECOVERY_CODES 10
#define LINK_SPAN (24 * 3600 * USEC_PER_SEC)

struct session {
	struct str hash; /* hex SHA-256 of what the cookie says */
	struct str user;
	struct str from; /* address that signed in */
	usec created, seen;
};

/* Begins one; those that are over are removed. RC_NOTFOUND: no such user. */
enum rc session_add(struct store *s, const struct session *x, struct err *err) MUSTUSE;
/* RC_NOTFOUND also for one that is over. `touch`: a person did something, so the idle time begins anew. */
enum rc session_find(struct store *s, struct str hash, usec now, bool touch, struct arena *a, struct session *ret, struct err *err) MUSTUSE;
/* One that is not there is no failure: it has ended. */
enum rc session_end(struct store *s, struct str hash, struct err *err) MUSTUSE;
/* All of a user but `but` (may be empty): after a new password. */
enum rc sessions_end_of(struct store *s, struct str user, struct str but, struct err *err) MUSTUSE;

/* The second factor of a user (RFC 6238). Keys are as the caller wrote them; "" = none. */
struct factor {
	struct str key;      /* asked for at sign-in */
	struct str proposed; /* shown to the user, not confirmed yet */
};
/* RC_OK with empty keys for a user without one. */
enum rc factor_get(struct store *s, struct str user, struct arena *a, struct factor *ret, struct err *err) MUSTUSE;
enum rc factor_propose(struct store *s, struct str user, struct str key, struct err *err) MUSTUSE;
/* The proposed key counts from here on; `step` is used up, and these are the recovery codes' hashes. RC_CONFLICT: nothing
 * is proposed. */
enum rc factor_confirm(struct store *s, struct str user, int64_t step, const struct str *codes, size_t n, struct err *err) MUSTUSE;
/* The same key written otherwise; nothing when `from` is not in force any more. */
enum rc factor_rekey(struct store *s, struct str user, struct str from, struct str to, struct err *err) MUSTUSE;
/* A code counts once: RC_CONFLICT when this step or a later one was used (RFC 6238 §5.2). */
enum rc factor_use(struct store *s, struct str user, int64_t step, struct err *err) MUSTUSE;
/* A recovery code counts once: RC_NOTFOUND. */
enum rc factor_recover(struct store *s, struct str user, struct str hash, struct err *err) MUSTUSE;
enum rc factor_remove(struct store *s, struct str user, struct err *err) MUSTUSE;

/* A link by which a user sets a password, once. A new one takes the place of the old. `first`: of the node's first
 * start; its hash may be empty until then. */
enum rc passlink_put(struct store *s, struct str user, struct str hash, usec expires, bool first, struct err *err) MUSTUSE;
/* Whose it is; RC_NOTFOUND when used or over. */
enum rc passlink_find(struct store *s, struct str hash, usec now, struct arena *a, struct str *ret_user, struct err *err) MUSTUSE;
/* Uses it up: the user has this password hash, no failures, no sessions. RC_NOTFOUND as above. */
enum rc passlink_use(struct store *s, struct str hash, usec now, struct str pass_hash, struct err *err) MUSTUSE;
/* Whoever the first link is for; RC_NOTFOUND when it was used, or never was. */
enum rc passlink_first(struct store *s, struct arena *a, struct str *ret_user, struct err *err) MUSTUSE;
/* Somebody signed in by password: a link of theirs is not needed. */
enum rc passlink_remove(struct store *s, struct str user, struct err *err) MUSTUSE;

#endif
