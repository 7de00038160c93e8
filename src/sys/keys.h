/* Keys and certificates of nodes: a small federation CA, TLS certificates
 * (ECDSA P-256), Ed25519 signing keys, password hashes (Argon2id), tokens. */
#ifndef SYS_KEYS_H
#define SYS_KEYS_H

#include "base/buf.h"
#include "base/time.h"

#define SIGN_PUBLIC_LEN 32
#define SIGN_SECRET_LEN 64
#define SIGN_LEN 64
#define PASSWORD_HASH_MAX 128

struct keys_cert_request {
	const char *common_name;
	const char *const *dns_names; /* NULL-terminated, or NULL */
	const char *const *addresses; /* NULL-terminated numeric addresses, or NULL */
	usec valid_from, valid_until;
	bool is_ca;
};

/* A new key and a certificate for it, signed by `ca_*`, or by itself when they are NULL. PEM out. */
enum rc keys_make_cert(const struct keys_cert_request *q, const char *ca_cert_pem, const char *ca_key_pem,
		       struct buf *cert_pem, struct buf *key_pem, struct err *err) MUSTUSE;
/* Lower-case hex SHA-256 of the certificate's DER: what peers pin. */
enum rc keys_fingerprint(struct str cert_pem, char out[static 65], struct err *err) MUSTUSE;
/* Common name and validity of a certificate. */
enum rc keys_cert_info(struct str cert_pem, char cn[static 128], usec *ret_from, usec *ret_until, struct err *err) MUSTUSE;

/* By the key of a certificate, for what travels without the connection that would prove who sends it. RC_LIMIT: `ret` is full. */
enum rc keys_cert_sign(const char *key_pem, struct str message, struct buf *ret, struct err *err) MUSTUSE;
/* Whether the owner of that certificate signed it. */
bool keys_cert_signed(struct str cert_pem, struct str message, struct str sig);

void sign_keypair(unsigned char pub[static SIGN_PUBLIC_LEN], unsigned char sec[static SIGN_SECRET_LEN]);
void sign_make(const unsigned char sec[static SIGN_SECRET_LEN], struct str message, unsigned char sig[static SIGN_LEN]);
bool sign_verify(const unsigned char pub[static SIGN_PUBLIC_LEN], struct str message, const unsigned char sig[static SIGN_LEN]);

/* Argon2id (64 MiB, 2 passes); at most two run at once in the process. RC_NOMEM when memory is short. */
enum rc password_hash(struct str password, char out[static PASSWORD_HASH_MAX], struct err *err) MUSTUSE;
bool password_verify(const char *hash, struct str password);

/* Overwrites secrets. */
void secret_wipe(void *p, size_t n);

#endif
