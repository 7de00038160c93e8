/* What members of a community do with keys: a keyed digest, and boxes that only the
 * holder of a signing key (sys/keys.h) can open, whoever carries them. */
#ifndef SYS_SEAL_H
#define SYS_SEAL_H

#include "base/buf.h"
#include "sys/keys.h"

#define MAC_LEN 32
#define MAC_KEY_LEN 32
#define SEAL_MORE 48 /* a sealed text is so much longer */

/* HMAC-SHA-256 (RFC 2104). */
void mac_sha256(const unsigned char key[static MAC_KEY_LEN], struct str message, unsigned char out[static MAC_LEN]);

/* Appends `text` in a box for the holder of `pub` (X25519 form of the Ed25519 key, XSalsa20-Poly1305 under a key of its own): nobody
 * else can read it, and nothing tells who made it. False: `pub` is no key. */
bool seal_put(struct buf *out, const unsigned char pub[static SIGN_PUBLIC_LEN], struct str text);
/* Opens it; false, and nothing is appended, when it is not for this key or was changed. */
bool seal_get(struct buf *out, const unsigned char pub[static SIGN_PUBLIC_LEN], const unsigned char sec[static SIGN_SECRET_LEN], struct str box);

#endif
