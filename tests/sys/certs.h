/* Certificates for TLS tests, made by keys.c: one CA, and what it or nobody signed. */
#ifndef TESTS_SYS_CERTS_H
#define TESTS_SYS_CERTS_H

#include "sys/keys.h"
#include "tap.h"

struct pem_pair {
	struct buf cert, key;
	char sha256[65];
};

__attribute__((unused)) static void pair_done(struct pem_pair *p)
{
	buf_done(&p->cert);
	buf_done(&p->key);
}

/* Valid from `from` to `until` seconds from now; signed by `ca` or by itself. */
__attribute__((unused)) static void pair_make(struct pem_pair *p, const char *cn, const char *dns, const char *address,
					      int from, int until, bool is_ca, const struct pem_pair *ca)
{
	const char *names[] = { dns, NULL }, *addresses[] = { address, NULL };
	struct keys_cert_request q = {
		.common_name = cn, .dns_names = names, .addresses = addresses, .is_ca = is_ca,
		.valid_from = time_now() + from * USEC_PER_SEC, .valid_until = time_now() + until * USEC_PER_SEC,
	};
	struct err err = { 0 };

	buf_init(&p->cert, 1 << 16);
	buf_init(&p->key, 1 << 16);
	if (keys_make_cert(&q, ca == NULL ? NULL : ca->cert.p, ca == NULL ? NULL : ca->key.p, &p->cert, &p->key, &err) != RC_OK ||
	    keys_fingerprint(buf_view(&p->cert), p->sha256, &err) != RC_OK) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

#endif
