/* Who is asking: HTTP Basic (Argon2id, locked for 15 minutes after 5 failures),
 * bearer API tokens, sessions of browsers (a cookie, under /api/v1/ only) and client
 * certificates become one struct viewer.
 *
 * What a browser sends by itself - cookie, certificate, remembered password - must not let
 * another site act in a person's name: a changing request that came from one is refused,
 * and one by cookie must carry the console's header.
 *
 * A password that was verified is remembered for a minute under a keyed hash, so
 * that the slow hash is not paid on each request; the account itself is looked at
 * again on every request, so a disabled user or a new password counts at once. */
#ifndef WEB_AUTH_H
#define WEB_AUTH_H

#include "gate/viewer.h"
#include "store/accounts.h"
#include "sys/http.h"
#include "web/begun.h"

#define AUTH_CACHE_ENTRIES 1024
#define AUTH_REMEMBER (60 * USEC_PER_SEC)
/* An address with this many refused passwords in a minute waits for the next one (429), so that nobody keeps the
 * processor hashing guesses. Loopback is exempt: a proxy's clients all come from there. */
#define AUTH_GUESSES_A_MINUTE 30

struct auth;

struct auth_config {
	struct store *store;
	const char *realm;       /* NULL = "lianfang"; without '"', '\\' and control characters */
	bool no_basic;           /* HTTP Basic is switched off (TAXII 2.1 §8.2.2 allows that) */
	usec password_most;      /* a password that is older signs nobody in but to set the next; 0 = none is too old */
	uint8_t anonymous_tlp;   /* enum tlp: what strangers may see, TLP:CLEAR */
};

/* Texts of `c` are copied. */
enum rc auth_new(const struct auth_config *c, struct auth **ret, struct err *err) MUSTUSE;
void auth_free(struct auth *a);

/* The value of WWW-Authenticate: all schemes that are on (RFC 7235 §4.1). */
const char *auth_challenge(const struct auth *a);

/* Fills `ret` (strings in r->arena) and returns true; anonymous when nothing was
 * offered. False: wrong, locked or doubled credentials; `res` is a 401 (or 429,
 * 503) with a JSON error object. The same words for every cause, so that nobody
 * learns which accounts exist. May take some 100 ms for a password not seen lately. */
bool auth_viewer(struct auth *a, struct http_req *r, struct viewer *ret, struct http_res *res);

/* A password alone, for signing in by a form: checked as Basic's are, with the same lockout, the delays of throttle.h, and
 * a fact; its age is not looked at. RC_OK fills `ret`. RC_DENIED: wrong, locked or unknown, in the same words; RC_BUSY: wait `*ret_wait` first.
 * Takes some 100 ms. The second factor is the caller's: it tells auth_attempt what became of it. */
enum rc auth_password(struct auth *a, struct http_req *r, struct str user, struct str password, struct viewer *ret, usec *ret_wait,
		      struct err *err) MUSTUSE;
/* A sign-in by form came to its end: good, or its second factor failed, which counts as a wrong password does. */
void auth_attempt(struct auth *a, struct http_req *r, struct str user, bool good);

/* Another age of passwords, from now on. */
void auth_password_most(struct auth *a, usec most);

/* A sign-in by another way than a password came to its end: a fact says `how` (a string literal); a failure slows its address
 * down. The lock of an account is against guessed passwords and does not touch it. */
void auth_came(struct auth *a, struct http_req *r, struct str user, bool good, const char *how);
/* How long this address must wait because of what it was refused; 0: it may try. */
usec auth_wait(struct auth *a, const struct http_req *r);
/* Whether this user's password is too old. */
bool auth_password_is_old(const struct auth *a, const struct user *u);
/* What this account may do. */
void auth_viewer_of(const struct user *u, struct viewer *ret);
/* Where sign-ins wait for their second half. */
struct begun_table *auth_begun(struct auth *a);

/* True when auth_viewer would have to hash a password: such a request belongs on a worker. */
bool auth_is_slow(struct auth *a, const struct http_req *r);

#endif
