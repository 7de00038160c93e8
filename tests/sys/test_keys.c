/* Certificates as others see them (openssl's own verification), signatures by the vectors
 * of RFC 8032, password hashes. */
#include "sys/keys.h"

#include <pthread.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/certs.h"
#include "tap.h"

static X509 *parse(const struct pem_pair *p)
{
	BIO *bio = BIO_new_mem_buf(p->cert.p, (int)p->cert.n);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return x;
}

/* openssl's chain verdict for `leaf` below `ca`, for a purpose. */
static int verdict(const struct pem_pair *leaf, const struct pem_pair *ca, int purpose)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *a = parse(ca), *b = parse(leaf);
	int got;

	X509_STORE_add_cert(store, a);
	X509_STORE_CTX_init(ctx, store, b, NULL);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	/* Complains about anything RFC 5280 does not allow. */
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT | X509_V_FLAG_POLICY_CHECK);
	X509_verify_cert(ctx);
	got = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(a);
	X509_free(b);
	return got;
}

static void test_chain(void)
{
	struct pem_pair ca, other, leaf, old, soon, below;
	struct keys_cert_request q = { .common_name = "x", .valid_until = USEC_PER_SEC };
	struct buf c, k;
	struct err err = { 0 };
	X509 *x;

	pair_make(&ca, "Federation 聯防", NULL, NULL, -60, 86400, true, NULL);
	pair_make(&other, "Other", NULL, NULL, -60, 86400, true, NULL);
	pair_make(&leaf, "node", "n.example", "::1", -60, 86400, false, &ca);
	pair_make(&old, "old", NULL, NULL, -86400, -60, false, &ca);
	pair_make(&soon, "soon", NULL, NULL, 600, 86400, false, &ca);
	pair_make(&below, "below", NULL, NULL, -60, 86400, false, &leaf);
	EQ_INT(verdict(&leaf, &ca, X509_PURPOSE_SSL_SERVER), X509_V_OK, "a server below the CA");
	EQ_INT(verdict(&leaf, &ca, X509_PURPOSE_SSL_CLIENT), X509_V_OK, "and a client");
	OK(verdict(&leaf, &other, X509_PURPOSE_SSL_SERVER) != X509_V_OK, "not below another CA");
	EQ_INT(verdict(&old, &ca, X509_PURPOSE_SSL_SERVER), X509_V_ERR_CERT_HAS_EXPIRED, "expired");
	EQ_INT(verdict(&soon, &ca, X509_PURPOSE_SSL_SERVER), X509_V_ERR_CERT_NOT_YET_VALID, "not yet valid");
	OK(verdict(&below, &leaf, X509_PURPOSE_SSL_SERVER) != X509_V_OK, "a node is no CA");
	x = parse(&leaf);
	EQ_INT(X509_check_host(x, "n.example", 0, 0, NULL), 1, "DNS name");
	EQ_INT(X509_check_ip_asc(x, "::1", 0), 1, "address");
	EQ_INT(X509_check_host(x, "node", 0, 0, NULL), 0, "the common name is no host name beside alternative names");
	OK((X509_get_extension_flags(x) & (EXFLAG_CA | EXFLAG_BCONS)) == EXFLAG_BCONS, "a node's certificate says that it is no CA");
	X509_free(x);
	x = parse(&ca);
	OK(X509_check_ca(x) == 1 && X509_get_pathlen(x) == 0, "the CA's that it is one, for leaves only");
	X509_free(x);
	buf_init(&c, 10000);
	buf_init(&k, 10000);
	EQ_INT(keys_make_cert(&q, ca.cert.p, other.key.p, &c, &k, &err), RC_BAD, "the CA's certificate with another key");
	EQ_INT(keys_make_cert(&q, "nonsense", ca.key.p, &c, &k, &err), RC_BAD, "no certificate");
	EQ_INT(keys_make_cert(&q, ca.cert.p, "nonsense", &c, &k, &err), RC_BAD, "no key");
	q.addresses = (const char *const[]){ "1.2.3", NULL };
	EQ_INT(keys_make_cert(&q, NULL, NULL, &c, &k, &err), RC_BAD, "malformed address");
	q.addresses = NULL;
	q.common_name = "a name that is longer than the sixty-four characters which RFC 5280 allows";
	EQ_INT(keys_make_cert(&q, NULL, NULL, &c, &k, &err), RC_BAD, "common name too long");
	buf_done(&c);
	buf_init(&c, 10);
	q.common_name = "x";
	EQ_INT(keys_make_cert(&q, NULL, NULL, &c, &k, &err), RC_LIMIT, "no room");
	buf_done(&c);
	buf_done(&k);
	pair_done(&ca);
	pair_done(&other);
	pair_done(&leaf);
	pair_done(&old);
	pair_done(&soon);
	pair_done(&below);
}

static void test_info(void)
{
	struct pem_pair p;
	struct err err;
	unsigned char digest[EVP_MAX_MD_SIZE];
	char cn[128], hex[65] = "";
	usec from = 0, until = 0, now = time_now() / USEC_PER_SEC * USEC_PER_SEC;
	unsigned n = 0;
	X509 *x;

	/* Beyond 2049 the time is written in another form (RFC 5280 §4.1.2.5). */
	pair_make(&p, "聯防 node", NULL, NULL, 0, 2000000000, false, NULL);
	OK(keys_cert_info(buf_view(&p.cert), cn, &from, &until, &err) == RC_OK, "info");
	EQ_STR(str_of(cn), S("聯防 node"), "common name");
	OK(from >= now && from <= now + USEC_PER_SEC, "from");
	OK(until - from == 2000000000 * USEC_PER_SEC, "until");
	x = parse(&p);
	X509_digest(x, EVP_sha256(), digest, &n);
	for (unsigned i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	EQ_STR(str_of(p.sha256), str_of(hex), "fingerprint of the DER");
	X509_free(x);
	EQ_INT(keys_fingerprint(S("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), hex, &err), RC_BAD, "fingerprint of nonsense");
	EQ_INT(keys_cert_info(S(""), cn, &from, &until, &err), RC_BAD, "info of nothing");
	pair_done(&p);
}

/* RFC 8032 §7.1, tests 1 to 3. */
static void test_sign(void)
{
	static const struct {
		const char *secret, *public, *message, *signature;
	} rows[] = {
		{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
		{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
		{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		unsigned char secret[SIGN_SECRET_LEN], sig[SIGN_LEN], bad[SIGN_LEN];
		struct buf sec, pub, msg, want;

		buf_init(&sec, 100);
		buf_init(&pub, 100);
		buf_init(&msg, 100);
		buf_init(&want, 100);
		OK(hex_get(&sec, str_of(rows[i].secret)) && hex_get(&pub, str_of(rows[i].public)) && hex_get(&msg, str_of(rows[i].message)) &&
			   hex_get(&want, str_of(rows[i].signature)), "vector %zu", i);
		memcpy(secret, sec.p, 32);
		memcpy(secret + 32, pub.p, 32);
		sign_make(secret, buf_view(&msg), sig);
		OK(memcmp(sig, want.p, SIGN_LEN) == 0, "vector %zu: signature", i);
		OK(sign_verify((unsigned char *)pub.p, buf_view(&msg), sig), "vector %zu: verifies", i);
		memcpy(bad, sig, sizeof bad);
		bad[i]++;
		OK(!sign_verify((unsigned char *)pub.p, buf_view(&msg), bad), "vector %zu: changed signature", i);
		OK(!sign_verify((unsigned char *)pub.p, S("other"), sig), "vector %zu: other message", i);
		buf_done(&sec);
		buf_done(&pub);
		buf_done(&msg);
		buf_done(&want);
	}
}

/* What the key of a certificate signed, its certificate proves. */
static void test_cert_sign(void)
{
	struct keys_cert_request q = { .common_name = "a", .valid_from = 0, .valid_until = 86400 * USEC_PER_SEC };
	struct buf cert[2], key[2], sig;
	struct err err = { 0 };

	for (int i = 0; i < 2; i++) {
		buf_init(&cert[i], 65536);
		buf_init(&key[i], 65536);
		OK(keys_make_cert(&q, NULL, NULL, &cert[i], &key[i], &err) == RC_OK, "a certificate: %s", err.text);
	}
	buf_init(&sig, 512);
	OK(keys_cert_sign(key[0].p, S("message"), &sig, &err) == RC_OK && sig.n > 60, "signed: %s", err.text);
	OK(keys_cert_signed(buf_view(&cert[0]), S("message"), buf_view(&sig)), "proved");
	OK(!keys_cert_signed(buf_view(&cert[1]), S("message"), buf_view(&sig)), "another certificate");
	OK(!keys_cert_signed(buf_view(&cert[0]), S("messagE"), buf_view(&sig)), "another message");
	OK(!keys_cert_signed(buf_view(&cert[0]), S("message"), str_slice(buf_view(&sig), 0, sig.n - 1)), "a signature that is cut");
	OK(!keys_cert_signed(buf_view(&cert[0]), S("message"), S("")), "no signature");
	OK(!keys_cert_signed(S("nonsense"), S("message"), buf_view(&sig)), "no certificate");
	OK(keys_cert_sign("nonsense", S("message"), &sig, &err) == RC_BAD, "no key: %s", err.text);
	buf_done(&sig);
	buf_init(&sig, 10);
	OK(keys_cert_sign(key[0].p, S("message"), &sig, &err) == RC_LIMIT, "no room: %s", err.text);
	buf_done(&sig);
	for (int i = 0; i < 2; i++) {
		buf_done(&cert[i]);
		buf_done(&key[i]);
	}
}

static void test_keypair(void)
{
	unsigned char pub[SIGN_PUBLIC_LEN], pub2[SIGN_PUBLIC_LEN], sec[SIGN_SECRET_LEN], sec2[SIGN_SECRET_LEN], sig[SIGN_LEN];

	sign_keypair(pub, sec);
	sign_keypair(pub2, sec2);
	sign_make(sec, S("m"), sig);
	OK(sign_verify(pub, S("m"), sig) && !sign_verify(pub2, S("m"), sig), "a new pair signs, another does not verify");
	secret_wipe(sec, sizeof sec);
	for (size_t i = 0; i < sizeof sec; i++)
		if (sec[i] != 0)
			sec2[0] = 0, pub[0] = sec[i];
	OK(sec[0] == 0 && memcmp(sec, sec + 32, 32) == 0, "wiped");
}

static void *verify_often(void *arg)
{
	return (void *)(uintptr_t)password_verify(arg, S("correct horse"));
}

static void test_password(void)
{
	char hash[PASSWORD_HASH_MAX], second[PASSWORD_HASH_MAX];
	struct err err;
	pthread_t threads[6];
	int good = 0;

	OK(password_hash(S("correct horse"), hash, &err) == RC_OK && password_hash(S("correct horse"), second, &err) == RC_OK, "hash");
	OK(str_starts(str_of(hash), S("$argon2id$v=19$m=65536,t=2,p=1$")), "Argon2id, 64 MiB, 2 passes");
	OK(strcmp(hash, second) != 0, "salted");
	OK(password_verify(hash, S("correct horse")), "right");
	OK(!password_verify(hash, S("correct horsf")) && !password_verify(hash, S("")), "wrong");
	OK(!password_verify("", S("x")) && !password_verify("$argon2id$nonsense", S("x")), "no hash");
	for (size_t i = 0; i < COUNTOF(threads); i++)
		pthread_create(&threads[i], NULL, verify_often, hash);
	for (size_t i = 0; i < COUNTOF(threads); i++) {
		void *result = NULL;

		pthread_join(threads[i], &result);
		good += result != NULL;
	}
	EQ_INT(good, 6, "six at once, two by two");
}

int main(void)
{
	test_chain();
	test_info();
	test_sign();
	test_cert_sign();
	test_keypair();
	test_password();
	EQ_INT(mem_live(), 0, "nothing leaked");
	return tap_done();
}
