/* Signatures of others under their public keys, as passkeys (WebAuthn) and identity providers (JWT) make them. */
#ifndef SYS_PUBKEY_H
#define SYS_PUBKEY_H

#include "base/str.h"

enum pubkey_kind {
	PUBKEY_ES256, /* ECDSA on P-256 with SHA-256 */
	PUBKEY_EDDSA, /* Ed25519 */
	PUBKEY_RS256, /* RSASSA-PKCS1-v1_5 with SHA-256 */
};

struct pubkey {
	enum pubkey_kind kind;
	struct str a, b; /* borrowed: ES256 x and y, 32 bytes each; EDDSA the key; RS256 modulus (2048 to 8192 bits) and exponent */
};

/* Whether `sig` is of this key over this message; false also for what is no key. `joined`: an ECDSA signature is r and s, 32 bytes
 * each (RFC 7518 §3.4), else DER (WebAuthn §6.5.5). */
bool pubkey_signed(const struct pubkey *k, struct str message, struct str sig, bool joined);

#endif
