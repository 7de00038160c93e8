/* What signs a user in beside a password: passkeys, and accounts at an identity provider. Nothing in here is secret. */
#ifndef STORE_CREDENTIALS_H
#define STORE_CREDENTIALS_H

#include "store/store.h"

#define PASSKEYS_A_USER 20
#define IDENTITIES_A_USER 5

struct passkey {
	struct str id;    /* as base64url */
	struct str user;
	struct str name;  /* what the user calls it */
	struct str rp_id; /* host that it is bound to */
	struct str key;   /* COSE as base64url */
	int64_t counter;  /* of its last use; authenticators that do not count say 0 */
	usec created, used; /* used 0: never */
};

/* RC_NOTFOUND: no such user; RC_CONFLICT: known already; RC_LIMIT: PASSKEYS_A_USER. */
enum rc passkey_add(struct store *s, const struct passkey *p, struct err *err) MUSTUSE;
enum rc passkey_get(struct store *s, struct str id, struct arena *a, struct passkey *ret, struct err *err) MUSTUSE;
/* Of a user, or of all ("" as `user`); oldest first. */
enum rc passkey_list(struct store *s, struct str user, struct arena *a, struct passkey **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* RC_CONFLICT: the count did not rise although it counts: there may be two of it (WebAuthn §6.1.1). */
enum rc passkey_used(struct store *s, struct str id, int64_t counter, usec now, struct err *err) MUSTUSE;
/* RC_NOTFOUND also for another user's; `id` empty: all of the user, however many. */
enum rc passkey_remove(struct store *s, struct str user, struct str id, struct err *err) MUSTUSE;

/* Who somebody is at a provider (OpenID Connect Core §2: `iss` and `sub` together never mean two people). */
struct identity {
	struct str issuer, subject, user;
	usec created, used;
};

/* RC_NOTFOUND: no such user; RC_CONFLICT: this one belongs to somebody; RC_LIMIT: IDENTITIES_A_USER. */
enum rc identity_add(struct store *s, const struct identity *x, struct err *err) MUSTUSE;
enum rc identity_find(struct store *s, struct str issuer, struct str subject, struct arena *a, struct identity *ret, struct err *err) MUSTUSE;
enum rc identity_list(struct store *s, struct str user, struct arena *a, struct identity **ret, size_t *ret_n, struct err *err) MUSTUSE;
enum rc identity_used(struct store *s, struct str issuer, struct str subject, usec now, struct err *err) MUSTUSE;
/* `subject` empty: all of the user. RC_NOTFOUND as above. */
enum rc identity_remove(struct store *s, struct str user, struct str issuer, struct str subject, struct err *err) MUSTUSE;

#endif
