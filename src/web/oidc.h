/* Signing in at an identity provider: OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636, S256), as client.
 *
 * What the provider publishes about itself and its keys is asked once an hour, keys also when a token names a new one (at most
 * once a minute). Every call may wait for the provider, some seconds at most. */
#ifndef WEB_OIDC_H
#define WEB_OIDC_H

#include "base/arena.h"
#include "base/buf.h"

#define OIDC_STATE_MAX 200

struct oidc;

struct oidc_config {
	const char *issuer;    /* https://...; http:// on loopback only */
	const char *client_id;
	const char *secret;    /* "" for a public client */
	const char *name;      /* what the button says */
	const char *ca_pem;    /* or NULL: the system's authorities */
};

/* What belongs to one sign-in; drawn by the caller. */
struct oidc_trip {
	struct str redirect_uri, state, nonce, verifier;
};

/* Copies `c`. Asks nobody yet: a provider that is away must not keep the node from starting. RC_BAD says what is wrong. */
enum rc oidc_new(const struct oidc_config *c, struct oidc **ret, struct err *err) MUSTUSE;
void oidc_free(struct oidc *o); /* accepts NULL */

const char *oidc_name(const struct oidc *o);
const char *oidc_issuer(const struct oidc *o);

/* Where to send the browser. RC_PEER: the provider does not answer, or not sensibly. */
enum rc oidc_begin(struct oidc *o, const struct oidc_trip *t, struct buf *ret_url, struct err *err) MUSTUSE;
/* The browser came back with this code: who it is, in `a`. RC_DENIED: the provider or its token says no. */
enum rc oidc_finish(struct oidc *o, const struct oidc_trip *t, struct str code, struct arena *a, struct str *ret_subject, struct err *err) MUSTUSE;

#endif
