#include "lab/secret.h"

#include <endian.h>
#include <limits.h>
#include <openssl/evp.h>

static const EVP_MD *kind(enum secret_hash h)
{
	switch (h) {
	case SECRET_MD5:
		return EVP_md5();
	case SECRET_SHA1:
		return EVP_sha1();
	case SECRET_SHA256:
		return EVP_sha256();
	case SECRET_SHA384:
		return EVP_sha384();
	case SECRET_SHA512:
		break;
	}
	return EVP_sha512();
}

size_t secret_digest(enum secret_hash h, const struct str *piece, size_t n, unsigned char out[static SECRET_DIGEST_MAX])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool fine = md != NULL && EVP_DigestInit_ex(md, kind(h), NULL) == 1;
	unsigned length = 0;

	for (size_t i = 0; i < n && fine; i++)
		fine = EVP_DigestUpdate(md, piece[i].p, piece[i].n) == 1;
	fine = fine && EVP_DigestFinal_ex(md, out, &length) == 1;
	EVP_MD_CTX_free(md);
	return fine ? length : 0;
}

bool secret_spin(enum secret_hash h, unsigned char digest[static SECRET_DIGEST_MAX], size_t length, uint32_t rounds)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool fine = md != NULL;

	for (uint32_t i = 0; i < rounds && fine; i++) {
		uint32_t number = htole32(i);

		fine = EVP_DigestInit_ex(md, i == 0 ? kind(h) : NULL, NULL) == 1 && EVP_DigestUpdate(md, &number, sizeof number) == 1 &&
		       EVP_DigestUpdate(md, digest, length) == 1 && EVP_DigestFinal_ex(md, digest, NULL) == 1;
	}
	EVP_MD_CTX_free(md);
	return fine;
}

void secret_rc4(struct str key, struct str in, unsigned char *out)
{
	unsigned char s[256];
	unsigned a = 0, b = 0;

	for (unsigned i = 0; i < 256; i++)
		s[i] = (unsigned char)i;
	for (unsigned i = 0; i < 256 && key.n > 0; i++) {
		unsigned char t = s[i];

		b = (b + t + (unsigned char)key.p[i % key.n]) & 255;
		s[i] = s[b];
		s[b] = t;
	}
	b = 0;
	for (size_t i = 0; i < in.n; i++) {
		unsigned char t;

		a = (a + 1) & 255;
		t = s[a];
		b = (b + t) & 255;
		s[a] = s[b];
		s[b] = t;
		out[i] = (unsigned char)in.p[i] ^ s[(s[a] + t) & 255];
	}
}

static bool aes(bool lock, struct str key, const unsigned char *iv, struct str in, unsigned char *out)
{
	const EVP_CIPHER *c = iv != NULL ? (key.n == 16 ? EVP_aes_128_cbc() : key.n == 24 ? EVP_aes_192_cbc() : EVP_aes_256_cbc())
					 : (key.n == 16 ? EVP_aes_128_ecb() : key.n == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb());
	EVP_CIPHER_CTX *ctx;
	int n = 0;
	bool fine;

	if ((key.n != 16 && key.n != 24 && key.n != 32) || in.n % 16 != 0 || in.n > INT_MAX)
		return false;
	if (in.n == 0)
		return true;
	ctx = EVP_CIPHER_CTX_new();
	fine = ctx != NULL && EVP_CipherInit_ex(ctx, c, NULL, (const unsigned char *)key.p, iv, lock) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	       EVP_CipherUpdate(ctx, out, &n, (const unsigned char *)in.p, (int)in.n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return fine;
}

bool secret_aes_open(struct str key, const unsigned char *iv, struct str in, unsigned char *out)
{
	return aes(false, key, iv, in, out);
}

bool secret_aes_close(struct str key, const unsigned char *iv, struct str in, unsigned char *out)
{
	return aes(true, key, iv, in, out);
}

bool secret_prepare(void)
{
	unsigned char out[SECRET_DIGEST_MAX], iv[16] = { 0 };
	char key[32] = { 0 };
	bool fine = true;

	for (enum secret_hash h = SECRET_MD5; h <= SECRET_SHA512; h++)
		fine &= secret_digest(h, NULL, 0, out) > 0;
	for (size_t n = 16; n <= 32; n += 8)
		fine &= aes(false, str_make(key, n), iv, str_make(key, 16), out) && aes(false, str_make(key, n), NULL, str_make(key, 16), out) &&
			aes(true, str_make(key, n), iv, str_make(key, 16), out);
	return fine;
}
