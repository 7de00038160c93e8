/* By libcrypto 3: a key is made of its numbers for one signature and thrown away. A point that is not on the curve is
 * refused by libcrypto as the key is made. */
#include "sys/pubkey.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define COORDINATE 32
#define MODULUS_LEAST 256
#define MODULUS_MOST 1024
#define EXPONENT_MOST 8
#define DER_MAX 80

/* Of the numbers that `b` holds. */
static EVP_PKEY *made(const char *type, OSSL_PARAM_BLD *b)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *of_point(struct str x, struct str y)
{
	unsigned char point[1 + 2 * COORDINATE] = { 4 }; /* both coordinates follow (SEC 1 §2.3.3) */
	OSSL_PARAM_BLD *b;
	EVP_PKEY *key = NULL;

	if (x.n != COORDINATE || y.n != COORDINATE)
		return NULL;
	memcpy(point + 1, x.p, COORDINATE);
	memcpy(point + 1 + COORDINATE, y.p, COORDINATE);
	b = OSSL_PARAM_BLD_new();
	if (b != NULL && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
		key = made("EC", b);
	OSSL_PARAM_BLD_free(b);
	return key;
}

static EVP_PKEY *of_modulus(struct str n, struct str e)
{
	BIGNUM *bn, *be;
	OSSL_PARAM_BLD *b;
	EVP_PKEY *key = NULL;

	if (n.n < MODULUS_LEAST || n.n > MODULUS_MOST || n.p[0] == 0 || e.n == 0 || e.n > EXPONENT_MOST)
		return NULL;
	bn = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
	be = BN_bin2bn((const unsigned char *)e.p, (int)e.n, NULL);
	b = OSSL_PARAM_BLD_new();
	if (bn != NULL && be != NULL && b != NULL && BN_is_odd(be) && !BN_is_one(be) && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		key = made("RSA", b);
	OSSL_PARAM_BLD_free(b);
	BN_free(bn);
	BN_free(be);
	return key;
}

static EVP_PKEY *key_of(const struct pubkey *k)
{
	switch (k->kind) {
	case PUBKEY_ES256: return of_point(k->a, k->b);
	case PUBKEY_RS256: return of_modulus(k->a, k->b);
	case PUBKEY_EDDSA:
		return k->a.n != COORDINATE ? NULL : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)k->a.p, k->a.n);
	}
	return NULL;
}

/* libcrypto takes DER only. */
static bool der_of(struct str joined, unsigned char out[static DER_MAX], size_t *ret_n)
{
	unsigned char *to = out;
	ECDSA_SIG *sig;
	BIGNUM *r, *s;
	int n = 0;

	if (joined.n != (size_t)2 * COORDINATE)
		return false;
	sig = ECDSA_SIG_new();
	r = BN_bin2bn((const unsigned char *)joined.p, COORDINATE, NULL);
	s = BN_bin2bn((const unsigned char *)joined.p + COORDINATE, COORDINATE, NULL);
	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* the signature's now */
		n = i2d_ECDSA_SIG(sig, NULL);
		n = n > 0 && n <= DER_MAX ? i2d_ECDSA_SIG(sig, &to) : 0;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	*ret_n = n > 0 ? (size_t)n : 0;
	return n > 0;
}

bool pubkey_signed(const struct pubkey *k, struct str message, struct str sig, bool joined)
{
	unsigned char der[DER_MAX];
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;
	bool good;

	if (k->kind == PUBKEY_ES256 && joined) {
		size_t n;

		if (!der_of(sig, der, &n))
			return false;
		sig = str_make((const char *)der, n);
	}
	key = key_of(k);
	ctx = EVP_MD_CTX_new();
	good = key != NULL && ctx != NULL && sig.n > 0 &&
	       EVP_DigestVerifyInit(ctx, NULL, k->kind == PUBKEY_EDDSA ? NULL : EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n, (const unsigned char *)message.p, message.n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}
