/* Users, their rights, tokens and lockout. */
#ifndef STORE_ACCOUNTS_H
#define STORE_ACCOUNTS_H

#include "store/store.h"

#define LOCKOUT_FAILURES 5
#define LOCKOUT_SPAN (15 * 60 * USEC_PER_SEC)

struct user {
	int64_t row;
	struct str name;       /* 1..64 of a-z 0-9 . _ - */
	struct str role;       /* "admin", "analyst", "reader", "feeder", "peer" */
	struct str org;        /* free text, for facts and views */
	struct str pass_hash;  /* Argon2id text or "" */
	struct str cert_sha256;/* client certificate that signs this user in, or "" */
	uint8_t tlp_max;       /* enum tlp: the strictest TLP this user may see */
	bool disabled;
	usec expires;          /* from then on as if disabled; 0 = never */
	int64_t failures;      /* in a row */
	usec locked_until;     /* 0 = not locked */
	usec created;
	usec pass_at;          /* since when this password; 0: longer than is known. Set by the store */
};

/* Whether it may sign in, as far as the account itself says. */
static inline bool user_is_open(const struct user *u, usec now)
{
	return !u->disabled && (u->expires == 0 || now < u->expires);
}

enum rc user_put(struct store *s, const struct user *u, struct err *err) MUSTUSE;    /* by name: new or changed; RC_CONFLICT: the certificate is another user's */
enum rc user_get(struct store *s, struct str name, struct arena *a, struct user *ret, struct err *err) MUSTUSE;
enum rc user_by_cert(struct store *s, struct str cert_sha256, struct arena *a, struct user *ret, struct err *err) MUSTUSE;
/* With its tokens and explicit rights. */
enum rc user_delete(struct store *s, struct str name, struct err *err) MUSTUSE;
/* Hashes of the passwords before the present one, newest first. */
#define PASSWORDS_PAST 3
enum rc user_passwords_past(struct store *s, struct str name, struct arena *a, struct str ret[static PASSWORDS_PAST], size_t *ret_n, struct err *err) MUSTUSE;
enum rc user_list(struct store *s, struct arena *a, struct user **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* Counts a failed log-in; the fifth in a row locks for 15 minutes. `*ret_locked_until` is 0 when still open. */
enum rc user_login_failed(struct store *s, struct str name, usec now, usec *ret_locked_until, struct err *err) MUSTUSE;
enum rc user_login_ok(struct store *s, struct str name, struct err *err) MUSTUSE;

/* API tokens: only SHA-256 of the secret is kept. */
struct token {
	struct str id;         /* short public name */
	struct str user;
	struct str secret_sha256; /* hex */
	struct str note;
	usec created, expires; /* expires 0 = never */
	usec last_used;        /* to the hour */
	struct str role;       /* it may do no more than this, whatever its user may; "" = as its user */
	uint8_t tlp_max;       /* nor see more than this */
};
/* By id: new or changed. RC_NOTFOUND: no such user; RC_CONFLICT: another token has this secret. */
enum rc token_put(struct store *s, const struct token *t, struct err *err) MUSTUSE;
/* RC_NOTFOUND; RC_DENIED when expired. Notes the use by itself. */
enum rc token_by_secret(struct store *s, struct str secret_sha256, struct arena *a, struct token *ret, struct err *err) MUSTUSE;
enum rc token_delete(struct store *s, struct str id, struct err *err) MUSTUSE;
enum rc token_list(struct store *s, struct arena *a, struct token **ret, size_t *ret_n, struct err *err) MUSTUSE;

#endif
