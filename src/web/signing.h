/* What the ways of signing in have in common: refusals that tell nothing, proof of who is signed in, and the session at the end. */
#ifndef WEB_SIGNING_H
#define WEB_SIGNING_H

#include "web/api.h"

/* Writes a refusal of that status; RC_OK, as the reply is written. */
enum rc signing_refuse(struct api_call *c, int status, const char *code, const char *message) MUSTUSE;
/* The one answer to whatever was not right. */
enum rc signing_wrong(struct api_call *c) MUSTUSE;
/* Too many tries: 429 and how long to wait. */
enum rc signing_wait(struct api_call *c, usec wait) MUSTUSE;

/* RC_DENIED: nobody, or not a user; RC_UNSUPPORTED: the node does not run. */
enum rc signing_is_user(const struct api_call *c, struct err *err) MUSTUSE;
/* Asks for the present "password" of the body: who holds a session for a moment must not be able to keep the account.
 * `*ret_done`: the refusal is written. */
enum rc signing_prove(struct api_call *c, bool *ret_done, struct err *err) MUSTUSE;

/* A new session under a new id, in place of the browser's old one; writes who is signed in. */
enum rc signing_begin(struct api_call *c, const struct viewer *v, struct err *err) MUSTUSE;
/* Who is signed in, as GET /session says it. */
enum rc signing_tell(struct api_call *c, const struct viewer *v, struct err *err) MUSTUSE;

/* Whether this may be a password: long, of several kinds of characters or longer still, not the name, none of the last ones.
 * RC_BAD says what it lacks. Hashes up to four times. */
enum rc signing_password(struct api_call *c, struct str password, struct str user, struct err *err) MUSTUSE;

/* Bytes of the body that came as base64url; RC_BAD. In the request's arena. */
enum rc signing_bytes(struct api_call *c, const char *name, size_t most, struct str *ret, struct err *err) MUSTUSE;

#endif
