/* Digests of bytes (by libcrypto) and the keyed table hash. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

#define SHA256_LEN 32
#define SHA1_LEN 20
#define MD5_LEN 16

void hash_sha256(struct str bytes, unsigned char out[static SHA256_LEN]);
void hash_sha1(struct str bytes, unsigned char out[static SHA1_LEN]);
/* Of both pieces, one behind the other (names in a name space). */
void hash_sha1_joined(struct str first, struct str second, unsigned char out[static SHA1_LEN]);
void hash_md5(struct str bytes, unsigned char out[static MD5_LEN]);

/* SHA-256 in pieces. A context may be reused after hash_sha256_end. */
struct hash_sha256_ctx;
struct hash_sha256_ctx *hash_sha256_new(void) MUSTUSE;
void hash_sha256_add(struct hash_sha256_ctx *c, struct str bytes);
void hash_sha256_end(struct hash_sha256_ctx *c, unsigned char out[static SHA256_LEN]);
void hash_sha256_free(struct hash_sha256_ctx *c);

/* 64-bit table hash (XXH3) with a secret seed drawn at start, so that a peer
 * cannot aim for collisions. Differs from run to run: never store it. */
uint64_t hash_table(struct str bytes);

/* 128-bit hash under a secret of one's own, for tables that keep the hash in
 * place of the key: whoever does not know the secret cannot aim for two keys
 * that meet, and by chance they do not within the life of a node. */
#define HASH_SECRET_LEN 192
struct hash_secret {
	unsigned char bytes[HASH_SECRET_LEN];
};
/* From the kernel's randomness (seed 0), or the same for the same seed. */
void hash_secret_draw(struct hash_secret *s, uint64_t seed);
void hash_keyed(const struct hash_secret *s, struct str bytes, uint64_t out[static 2]);
/* 64 bits of that sort (no half of the other), where a meeting by chance in 2^64 is allowed. */
uint64_t hash_keyed_short(const struct hash_secret *s, struct str bytes);
/* 128 bits of that sort of each of `n` texts, faster than one by one. Not the same numbers as hash_keyed's. */
void hash_keyed_each(const struct hash_secret *s, const struct str *texts, size_t n, uint64_t (*out)[2]);

/* 64-bit hash that is the same for ever and everywhere: for file formats. */
uint64_t hash_stable(struct str bytes);

/* CRC-32C of bytes, continued from `crc` (0 to begin). */
uint32_t hash_crc32c(uint32_t crc, struct str bytes);

/* `n` random bytes from the kernel. */
void random_bytes(void *out, size_t n);

#endif
