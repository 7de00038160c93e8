/* What a browser brings back from an authenticator (Web Authentication Level 2): a new passkey, or proof that one is held.
 *
 * All of it is hostile until the signature over it was checked. No attestation is asked for, so none is believed: any make of
 * authenticator will do. The person must have been verified by it (finger, face, PIN): a passkey is both factors in one. */
#ifndef WEB_PASSKEY_H
#define WEB_PASSKEY_H

#include "base/arena.h"

#define PASSKEY_CHALLENGE 32
#define PASSKEY_ID_MAX 512  /* bytes; WebAuthn §4 allows 1023 */
#define PASSKEY_KEY_MAX 1100 /* bytes of COSE */

/* What this sign-in must be about. */
struct passkey_want {
	struct str challenge; /* drawn by us for this once, raw */
	struct str origin;    /* "https://host:port" */
	struct str rp_id;     /* the host: what the passkey is bound to */
};

struct passkey_made {
	struct str id, key; /* raw; key in COSE (RFC 9052) */
	uint32_t counter;
};

struct passkey_proof {
	struct str client_data, authenticator_data, signature; /* raw */
};

/* WebAuthn §7.1. RC_BAD says what does not fit; the result borrows from `attestation`. */
enum rc passkey_read(struct arena *a, const struct passkey_want *want, struct str client_data, struct str attestation,
		     struct passkey_made *ret, struct err *err) MUSTUSE;
/* WebAuthn §7.2, with the key as it was kept. RC_DENIED: whatever does not fit. The counter is the caller's to compare. */
enum rc passkey_check(struct arena *a, const struct passkey_want *want, struct str key, const struct passkey_proof *p,
		      uint32_t *ret_counter, struct err *err) MUSTUSE;

#endif
