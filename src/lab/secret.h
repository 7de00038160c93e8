/* What documents are locked with, as far as it may be opened again here: only to read what somebody locked with a word that we were given.
 * RC4 is our own, because libcrypto keeps it in a module that a worker cannot load. */
#ifndef LAB_SECRET_H
#define LAB_SECRET_H

#include "base/str.h"

#define SECRET_DIGEST_MAX 64

enum secret_hash { SECRET_MD5, SECRET_SHA1, SECRET_SHA256, SECRET_SHA384, SECRET_SHA512 };

/* In the zygote, before the fence: libcrypto sets up what it sets up at first use. False: it does not have them all. */
bool secret_prepare(void);
/* Of the pieces one behind the other; its length, 0 on failure. */
size_t secret_digest(enum secret_hash h, const struct str *piece, size_t n, unsigned char out[static SECRET_DIGEST_MAX]);
/* digest = H(le32 i, digest) for i from 0 to `rounds`, in place: what makes guessing dear. False: failure. */
bool secret_spin(enum secret_hash h, unsigned char digest[static SECRET_DIGEST_MAX], size_t length, uint32_t rounds);

void secret_rc4(struct str key, struct str in, unsigned char *out);
/* AES without padding; a key of 16, 24 or 32 bytes. `iv` NULL: each block by itself, else chained. False: wrong sizes, or failure. `out` has room for in.n bytes. */
bool secret_aes_open(struct str key, const unsigned char *iv, struct str in, unsigned char *out);
bool secret_aes_close(struct str key, const unsigned char *iv, struct str in, unsigned char *out);

#endif
