/* ID tokens of OpenID Connect: a JSON Web Token (RFC 7519) in compact form, signed by RS256 or ES256 with one of the provider's
 * published keys (RFC 7517). No other algorithm is taken, "none" and those with a shared secret least of all. */
#ifndef WEB_JWT_H
#define WEB_JWT_H

#include "base/arena.h"
#include "base/json.h"
#include "base/time.h"

#define JWT_MAX 16384
#define JWT_SKEW (60 * USEC_PER_SEC) /* clocks of two honest machines may be so far apart */

struct jwt_want {
	struct str issuer, audience, nonce; /* OpenID Connect Core §3.1.3.7: 2, 3, 11 */
	usec now;
};

/* RC_OK: `ret_subject` (in `a`) is who signed in. RC_NOTFOUND: none of the keys is of that name, so newer keys may help. RC_DENIED:
 * anything else that is not right; the text says what. */
enum rc jwt_check(struct arena *a, struct str token, const struct json *keys, const struct jwt_want *want, struct str *ret_subject,
		  struct err *err) MUSTUSE;

#endif
