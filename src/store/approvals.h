/* Dangerous changes that somebody asked for and that wait for a second person. */
#ifndef STORE_APPROVALS_H
#define STORE_APPROVALS_H

#include "store/store.h"

#define APPROVALS_WAIT_MAX 200
#define APPROVAL_SPAN (7 * 24 * 3600 * USEC_PER_SEC) /* nobody decided for so long: void */

struct approval {
	struct str id, asker;
	struct str method, path, body; /* the request as it came; a password is never in it */
	struct str state;              /* "waits", "approved", "refused"; "void" when nobody decided in time */
	struct str reason;             /* why it was refused; "" */
	struct str decider, result;    /* who decided, and the HTTP status of what was done then; "" */
	usec at, decided;              /* decided 0: not yet */
};

/* RC_LIMIT: APPROVALS_WAIT_MAX wait. */
enum rc approval_add(struct store *s, const struct approval *x, struct err *err) MUSTUSE;
enum rc approval_get(struct store *s, struct str id, usec now, struct arena *a, struct approval *ret, struct err *err) MUSTUSE;
/* Newest first. */
enum rc approval_list(struct store *s, usec now, uint32_t limit, struct arena *a, struct approval **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* Once: RC_CONFLICT when it waits no more. */
enum rc approval_decide(struct store *s, struct str id, bool yes, struct str decider, struct str reason, usec now, struct err *err) MUSTUSE;
enum rc approval_done(struct store *s, struct str id, struct str result, struct err *err) MUSTUSE;

#endif
