/* Certificates by libcrypto, everything else by libsodium: each where it is fastest
 * and its interface is hardest to misuse. No certificate that is read here gains any
 * trust by it: trust is decided by the TLS layers (http.c, httpc.c), which verify
 * chains with GnuTLS and compare the fingerprint that keys_fingerprint defines.
 * PEM texts may come from a peer's operator, so every parse is bounded by libcrypto
 * and ends in RC_BAD, never in an exit. */
#include "sys/keys.h"

#include <assert.h>
#include <pthread.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sodium.h>

#include "base/text.h"

#define HASHERS_MAX 2
#define HASH_MEMORY ((size_t)64 << 20)
#define HASH_PASSES 2
#define SERIAL_BITS 127 /* positive and below the 20 octets of RFC 5280 §4.1.2.2 */

static_assert(PASSWORD_HASH_MAX == crypto_pwhash_STRBYTES, "the hash text fits exactly");
static_assert(SIGN_SECRET_LEN == crypto_sign_SECRETKEYBYTES, "Ed25519 secret");

/* Each hash takes 64 MiB, so their number is a property of the process: a log-in flood
 * must queue here instead of taking the machine's memory. */
static pthread_mutex_t hashers_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hashers_free = PTHREAD_COND_INITIALIZER;
static int hashers;

#define FREEP(type, fn) \
	static void fn##_p(type **p) \
	{ \
		fn(*p); \
	}
FREEP(X509, X509_free)
FREEP(EVP_PKEY, EVP_PKEY_free)
FREEP(EVP_MD_CTX, EVP_MD_CTX_free)
FREEP(BIO, BIO_free_all)
FREEP(BIGNUM, BN_free)
FREEP(GENERAL_NAMES, GENERAL_NAMES_free)
FREEP(AUTHORITY_KEYID, AUTHORITY_KEYID_free)
FREEP(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
FREEP(ASN1_BIT_STRING, ASN1_BIT_STRING_free)
FREEP(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)
FREEP(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)

/* libcrypto's own words for its last failure; the queue is left empty. */
static const char *crypto_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return words == NULL ? "failed" : words;
}

static enum rc read_cert(struct str pem, X509 **ret, struct err *err)
{
	CLEANUP(BIO_free_all_p) BIO *bio = NULL;

	if (pem.n > INT32_MAX)
		return FAIL(err, RC_LIMIT, "certificate: too large");
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	*ret = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (*ret == NULL)
		return FAIL(err, RC_BAD, "certificate: %s", crypto_words());
	return RC_OK;
}

/* A key behind a pass phrase is refused: nobody is there to be asked. */
static int no_pass_phrase(char *out, int size, int writing, void *arg)
{
	(void)out, (void)size, (void)writing, (void)arg;
	return -1;
}

static enum rc read_key(const char *pem, EVP_PKEY **ret, struct err *err)
{
	CLEANUP(BIO_free_all_p) BIO *bio = BIO_new_mem_buf(pem, -1);

	*ret = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
	if (*ret == NULL)
		return FAIL(err, RC_BAD, "private key: %s", crypto_words());
	return RC_OK;
}

static bool set_serial(X509 *cert)
{
	CLEANUP(BN_free_p) BIGNUM *serial = BN_new();

	return serial != NULL && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	       BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) != NULL;
}

static bool set_times(X509 *cert, usec from, usec until)
{
	return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(from / USEC_PER_SEC)) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(until / USEC_PER_SEC)) != NULL;
}

static bool set_names(X509 *cert, const char *common_name, const X509 *issuer)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) &&
	       X509_set_issuer_name(cert, issuer == NULL ? subject : X509_get_subject_name(issuer));
}

/* A federation CA signs nodes only: no further CA below it. */
static bool add_constraints(X509 *cert, bool is_ca)
{
	CLEANUP(BASIC_CONSTRAINTS_free_p) BASIC_CONSTRAINTS *c = BASIC_CONSTRAINTS_new();

	if (c == NULL)
		return false;
	c->ca = is_ca ? 0xFF : 0;
	if (is_ca) {
		c->pathlen = ASN1_INTEGER_new();
		if (c->pathlen == NULL || !ASN1_INTEGER_set(c->pathlen, 0))
			return false;
	}
	return X509_add1_ext_i2d(cert, NID_basic_constraints, c, 1, X509V3_ADD_APPEND) == 1;
}

static bool add_usage(X509 *cert, bool is_ca)
{
	CLEANUP(ASN1_BIT_STRING_free_p) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	CLEANUP(EXTENDED_KEY_USAGE_free_p) EXTENDED_KEY_USAGE *ext = EXTENDED_KEY_USAGE_new();
	/* RFC 5280 §4.2.1.3: bit 0 digitalSignature, 5 keyCertSign, 6 cRLSign. */
	bool good = bits != NULL && ext != NULL &&
		    (is_ca ? ASN1_BIT_STRING_set_bit(bits, 5, 1) && ASN1_BIT_STRING_set_bit(bits, 6, 1)
			   : ASN1_BIT_STRING_set_bit(bits, 0, 1)) &&
		    X509_add1_ext_i2d(cert, NID_key_usage, bits, 1, X509V3_ADD_APPEND) == 1;

	if (!good || is_ca)
		return good;
	/* A node is server to some peers and client to others with the same certificate. */
	return sk_ASN1_OBJECT_push(ext, OBJ_nid2obj(NID_server_auth)) > 0 &&
	       sk_ASN1_OBJECT_push(ext, OBJ_nid2obj(NID_client_auth)) > 0 &&
	       X509_add1_ext_i2d(cert, NID_ext_key_usage, ext, 0, X509V3_ADD_APPEND) == 1;
}

static bool add_key_ids(X509 *cert, const X509 *issuer)
{
	CLEANUP(ASN1_OCTET_STRING_free_p) ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	CLEANUP(AUTHORITY_KEYID_free_p) AUTHORITY_KEYID *above = AUTHORITY_KEYID_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	const ASN1_OCTET_STRING *issuer_id;

	if (id == NULL || above == NULL || !X509_pubkey_digest(cert, EVP_sha1(), digest, &n) ||
	    !ASN1_OCTET_STRING_set(id, digest, (int)n) ||
	    X509_add1_ext_i2d(cert, NID_subject_key_identifier, id, 0, X509V3_ADD_APPEND) != 1)
		return false;
	if (issuer == NULL)
		return true;
	issuer_id = X509_get0_subject_key_id((X509 *)(uintptr_t)issuer);
	if (issuer_id == NULL)
		return true;
	above->keyid = ASN1_OCTET_STRING_dup(issuer_id);
	return above->keyid != NULL &&
	       X509_add1_ext_i2d(cert, NID_authority_key_identifier, above, 0, X509V3_ADD_APPEND) == 1;
}

/* Takes `value` in every case. */
static bool push_name(GENERAL_NAMES *names, int kind, ASN1_STRING *value)
{
	GENERAL_NAME *name = GENERAL_NAME_new();

	if (name == NULL || value == NULL) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(value);
		return false;
	}
	GENERAL_NAME_set0_value(name, kind, value);
	if (sk_GENERAL_NAME_push(names, name) > 0)
		return true;
	GENERAL_NAME_free(name);
	return false;
}

static enum rc add_alt_names(X509 *cert, const struct keys_cert_request *q, struct err *err)
{
	CLEANUP(GENERAL_NAMES_free_p) GENERAL_NAMES *names = GENERAL_NAMES_new();

	for (const char *const *d = q->dns_names; names != NULL && d != NULL && *d != NULL; d++) {
		ASN1_STRING *ia5 = ASN1_IA5STRING_new();

		if (ia5 != NULL && !ASN1_STRING_set(ia5, *d, -1)) {
			ASN1_STRING_free(ia5);
			ia5 = NULL;
		}
		if (!push_name(names, GEN_DNS, ia5))
			return FAIL(err, RC_NOMEM, "certificate: DNS name %s: %s", *d, crypto_words());
	}
	for (const char *const *a = q->addresses; names != NULL && a != NULL && *a != NULL; a++)
		if (!push_name(names, GEN_IPADD, a2i_IPADDRESS(*a)))
			return FAIL(err, RC_BAD, "certificate: '%s' is not a numeric address", *a);
	if (names == NULL)
		return FAIL(err, RC_NOMEM, "certificate: out of memory");
	if (sk_GENERAL_NAME_num(names) == 0)
		return RC_OK;
	if (X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) != 1)
		return FAIL(err, RC_NOMEM, "certificate: %s", crypto_words());
	return RC_OK;
}

static enum rc put_pem(X509 *cert, EVP_PKEY *key, struct buf *cert_pem, struct buf *key_pem, struct err *err)
{
	/* Secure memory BIOs are wiped when freed; the key's text passes through one. */
	CLEANUP(BIO_free_all_p) BIO *cert_out = BIO_new(BIO_s_mem());
	CLEANUP(BIO_free_all_p) BIO *key_out = BIO_new(BIO_s_secmem());
	const char *p;
	long n;

	if (cert_out == NULL || key_out == NULL || !PEM_write_bio_X509(cert_out, cert) ||
	    !PEM_write_bio_PKCS8PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL))
		return FAIL(err, RC_NOMEM, "certificate: %s", crypto_words());
	n = BIO_get_mem_data(cert_out, &p);
	buf_put(cert_pem, p, (size_t)n);
	n = BIO_get_mem_data(key_out, &p);
	buf_put(key_pem, p, (size_t)n);
	TRY(buf_check(cert_pem, err, "certificate"));
	return buf_check(key_pem, err, "private key");
}

static enum rc fill_cert(X509 *cert, const struct keys_cert_request *q, EVP_PKEY *key, const X509 *ca, struct err *err)
{
	if (!X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) ||
	    !set_times(cert, q->valid_from, q->valid_until) || !X509_set_pubkey(cert, key))
		return FAIL(err, RC_INTERNAL, "certificate: %s", crypto_words());
	/* RFC 5280 ub-common-name: 64 characters. */
	if (!set_names(cert, q->common_name, ca))
		return FAIL(err, RC_BAD, "certificate: common name '%.80s': %s", q->common_name, crypto_words());
	if (!add_constraints(cert, q->is_ca) || !add_usage(cert, q->is_ca) || !add_key_ids(cert, ca))
		return FAIL(err, RC_NOMEM, "certificate: %s", crypto_words());
	return add_alt_names(cert, q, err);
}

enum rc keys_make_cert(const struct keys_cert_request *q, const char *ca_cert_pem, const char *ca_key_pem,
		       struct buf *cert_pem, struct buf *key_pem, struct err *err)
{
	CLEANUP(X509_free_p) X509 *ca = NULL;
	CLEANUP(X509_free_p) X509 *cert = X509_new();
	CLEANUP(EVP_PKEY_free_p) EVP_PKEY *ca_key = NULL;
	CLEANUP(EVP_PKEY_free_p) EVP_PKEY *key = EVP_EC_gen("P-256");

	if (cert == NULL || key == NULL)
		return FAIL(err, RC_NOMEM, "certificate: %s", crypto_words());
	if (ca_cert_pem != NULL) {
		TRY(read_cert(str_of(ca_cert_pem), &ca, err));
		TRY(read_key(ca_key_pem == NULL ? "" : ca_key_pem, &ca_key, err));
		if (X509_check_private_key(ca, ca_key) != 1)
			return FAIL(err, RC_BAD, "the CA's certificate and key do not belong together");
	}
	TRY(fill_cert(cert, q, key, ca, err));
	if (X509_sign(cert, ca_key == NULL ? key : ca_key, EVP_sha256()) == 0)
		return FAIL(err, RC_INTERNAL, "certificate: sign: %s", crypto_words());
	return put_pem(cert, key, cert_pem, key_pem, err);
}

enum rc keys_fingerprint(struct str cert_pem, char out[static 65], struct err *err)
{
	CLEANUP(X509_free_p) X509 *cert = NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	TRY(read_cert(cert_pem, &cert, err));
	if (!X509_digest(cert, EVP_sha256(), digest, &n) || n != 32)
		return FAIL(err, RC_INTERNAL, "certificate: %s", crypto_words());
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return RC_OK;
}

enum rc keys_cert_sign(const char *key_pem, struct str message, struct buf *ret, struct err *err)
{
	CLEANUP(EVP_PKEY_free_p) EVP_PKEY *key = NULL;
	CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 0;
	char *room;

	TRY(read_key(key_pem, &key, err));
	if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, NULL, &n, (const unsigned char *)message.p, message.n) != 1)
		return FAIL(err, RC_INTERNAL, "private key: sign: %s", crypto_words());
	room = buf_room(ret, n);
	if (room == NULL)
		return FAIL(err, RC_LIMIT, "private key: no room for a signature");
	if (EVP_DigestSign(ctx, (unsigned char *)room, &n, (const unsigned char *)message.p, message.n) != 1)
		return FAIL(err, RC_INTERNAL, "private key: sign: %s", crypto_words());
	buf_grew(ret, n);
	return RC_OK;
}

bool keys_cert_signed(struct str cert_pem, struct str message, struct str sig)
{
	CLEANUP(X509_free_p) X509 *cert = NULL;
	CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key; /* the certificate's own */
	bool good;

	if (ctx == NULL || read_cert(cert_pem, &cert, NULL) != RC_OK || (key = X509_get0_pubkey(cert)) == NULL)
		return false;
	good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n, (const unsigned char *)message.p, message.n) == 1;
	ERR_clear_error();
	return good;
}

static enum rc cert_time(const ASN1_TIME *t, usec *ret, struct err *err)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm))
		return FAIL(err, RC_BAD, "certificate: %s", crypto_words());
	*ret = (usec)timegm(&tm) * USEC_PER_SEC;
	return RC_OK;
}

enum rc keys_cert_info(struct str cert_pem, char cn[static 128], usec *ret_from, usec *ret_until, struct err *err)
{
	CLEANUP(X509_free_p) X509 *cert = NULL;
	const X509_NAME *subject;
	unsigned char *utf8 = NULL;
	int at, n;

	TRY(read_cert(cert_pem, &cert, err));
	subject = X509_get_subject_name(cert);
	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	cn[0] = '\0';
	if (at >= 0) {
		n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
		if (n < 0 || n >= 128 || memchr(utf8, '\0', (size_t)n) != NULL) {
			OPENSSL_free(utf8);
			return FAIL(err, RC_BAD, "certificate: malformed common name");
		}
		memcpy(cn, utf8, (size_t)n);
		cn[n] = '\0';
		OPENSSL_free(utf8);
	}
	TRY(cert_time(X509_get0_notBefore(cert), ret_from, err));
	return cert_time(X509_get0_notAfter(cert), ret_until, err);
}

/* sodium_init is idempotent and thread-safe; it fails only where the kernel gives no randomness. */
static void need_sodium(void)
{
	int rc = sodium_init();

	assert(rc >= 0);
	(void)rc;
}

void sign_keypair(unsigned char pub[static SIGN_PUBLIC_LEN], unsigned char sec[static SIGN_SECRET_LEN])
{
	need_sodium();
	crypto_sign_keypair(pub, sec);
}

void sign_make(const unsigned char sec[static SIGN_SECRET_LEN], struct str message, unsigned char sig[static SIGN_LEN])
{
	need_sodium();
	crypto_sign_detached(sig, NULL, (const unsigned char *)message.p, message.n, sec);
}

bool sign_verify(const unsigned char pub[static SIGN_PUBLIC_LEN], struct str message,
		 const unsigned char sig[static SIGN_LEN])
{
	need_sodium();
	return crypto_sign_verify_detached(sig, (const unsigned char *)message.p, message.n, pub) == 0;
}

static void hasher_enter(void)
{
	pthread_mutex_lock(&hashers_lock);
	while (hashers >= HASHERS_MAX)
		pthread_cond_wait(&hashers_free, &hashers_lock);
	hashers++;
	pthread_mutex_unlock(&hashers_lock);
}

static void hasher_leave(void)
{
	pthread_mutex_lock(&hashers_lock);
	hashers--;
	pthread_cond_signal(&hashers_free);
	pthread_mutex_unlock(&hashers_lock);
}

enum rc password_hash(struct str password, char out[static PASSWORD_HASH_MAX], struct err *err)
{
	int rc;

	need_sodium();
	hasher_enter();
	rc = crypto_pwhash_str(out, password.p, password.n, HASH_PASSES, HASH_MEMORY);
	hasher_leave();
	if (rc != 0)
		return FAIL(err, RC_NOMEM, "password: not enough memory to hash");
	return RC_OK;
}

bool password_verify(const char *hash, struct str password)
{
	int rc;

	need_sodium();
	hasher_enter();
	rc = crypto_pwhash_str_verify(hash, password.p, password.n);
	hasher_leave();
	return rc == 0;
}

void secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}
