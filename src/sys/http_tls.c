/* The server's certificate and what a client's certificate is worth. A replaced
 * certificate stays in memory for KEEP, because a handshake that began with it may
 * still be running; nothing tells when it ended. */
#include <assert.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sys/http_int.h"

#define CHAIN_MAX 8
#define GENERATIONS_MAX 64
#define KEEP (600 * USEC_PER_SEC)

struct generation {
	struct generation *older;
	usec replaced; /* by time_mono */
	gnutls_pcert_st certs[CHAIN_MAX];
	unsigned n;
	gnutls_privkey_t key;
};

struct http_tls {
	pthread_mutex_t lock;
	struct generation *newest;
};

static void generation_free(struct generation *g)
{
	if (g == NULL)
		return;
	for (unsigned i = 0; i < g->n; i++)
		gnutls_pcert_deinit(&g->certs[i]);
	if (g->key != NULL)
		gnutls_privkey_deinit(g->key);
	mem_free(g);
}

static gnutls_datum_t datum(const char *pem)
{
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)pem, (unsigned)strnlen(pem, UINT32_MAX / 2) };
}

static bool same_key(const struct generation *g)
{
	unsigned char a[64], b[64];
	size_t na = sizeof a, nb = sizeof b;
	gnutls_pubkey_t pub = NULL;
	bool same = gnutls_pubkey_init(&pub) == 0 && gnutls_pubkey_import_privkey(pub, g->key, 0, 0) == 0 &&
		    gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, a, &na) == 0 &&
		    gnutls_pubkey_get_key_id(g->certs[0].pubkey, GNUTLS_KEYID_USE_SHA256, b, &nb) == 0 && na == nb &&
		    memcmp(a, b, na) == 0;

	if (pub != NULL)
		gnutls_pubkey_deinit(pub);
	return same;
}

static enum rc load(struct generation *g, const char *cert_pem, const char *key_pem, struct err *err)
{
	gnutls_datum_t certs = datum(cert_pem), key = datum(key_pem);
	unsigned n = CHAIN_MAX;
	int rc = gnutls_pcert_list_import_x509_raw(g->certs, &n, &certs, GNUTLS_X509_FMT_PEM, 0);

	if (rc < 0)
		return FAIL(err, RC_BAD, "TLS certificate: %s", gnutls_strerror(rc));
	g->n = n;
	if (n == 0)
		return FAIL(err, RC_BAD, "TLS certificate: none in the text");
	rc = gnutls_privkey_init(&g->key);
	if (rc == 0)
		rc = gnutls_privkey_import_x509_raw(g->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc < 0)
		return FAIL(err, RC_BAD, "TLS private key: %s", gnutls_strerror(rc));
	if (!same_key(g))
		return FAIL(err, RC_BAD, "the TLS certificate and key do not belong together");
	return RC_OK;
}

static enum rc generation_new(const char *cert_pem, const char *key_pem, struct generation **ret, struct err *err)
{
	struct generation *g = mem_alloc(sizeof *g);
	enum rc rc;

	if (g == NULL)
		return FAIL(err, RC_NOMEM, "TLS: out of memory");
	if (cert_pem == NULL || key_pem == NULL)
		rc = FAIL(err, RC_BAD, "TLS needs a certificate and a key");
	else
		rc = load(g, cert_pem, key_pem, err);
	if (rc != RC_OK) {
		generation_free(g);
		return rc;
	}
	*ret = g;
	return RC_OK;
}

enum rc http_tls_new(const char *cert_pem, const char *key_pem, struct http_tls **ret, struct err *err)
{
	struct http_tls *t = mem_alloc(sizeof *t);
	enum rc rc;

	if (t == NULL)
		return FAIL(err, RC_NOMEM, "TLS: out of memory");
	rc = generation_new(cert_pem, key_pem, &t->newest, err);
	if (rc != RC_OK) {
		mem_free(t);
		return rc;
	}
	pthread_mutex_init(&t->lock, NULL);
	*ret = t;
	return RC_OK;
}

void http_tls_free(struct http_tls *t)
{
	if (t == NULL)
		return;
	for (struct generation *g = t->newest, *older; g != NULL; g = older) {
		older = g->older;
		generation_free(g);
	}
	pthread_mutex_destroy(&t->lock);
	mem_free(t);
}

/* Frees those that were replaced long enough ago; yields how many stay. */
static size_t drop_old(struct generation *newest, usec now)
{
	size_t kept = 1;
	struct generation **at = &newest->older;

	while (*at != NULL) {
		struct generation *g = *at;

		if (now - g->replaced < KEEP) {
			kept++;
			at = &g->older;
			continue;
		}
		*at = g->older;
		generation_free(g);
	}
	return kept;
}

enum rc http_tls_set(struct http_tls *t, const char *cert_pem, const char *key_pem, struct err *err)
{
	struct generation *g;
	enum rc rc = RC_OK;
	usec now = time_mono();

	TRY(generation_new(cert_pem, key_pem, &g, err));
	pthread_mutex_lock(&t->lock);
	if (drop_old(t->newest, now) >= GENERATIONS_MAX) {
		rc = FAIL(err, RC_BUSY, "TLS: the certificate was replaced too often within ten minutes");
	} else {
		t->newest->replaced = now;
		g->older = t->newest;
		t->newest = g;
		g = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	generation_free(g);
	return rc;
}

int http_tls_pick(struct http_tls *t, gnutls_pcert_st **ret_certs, unsigned *ret_n, gnutls_privkey_t *ret_key)
{
	pthread_mutex_lock(&t->lock);
	*ret_certs = t->newest->certs;
	*ret_n = t->newest->n;
	*ret_key = t->newest->key;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

/* A pin says who; the dates still say until when. */
static bool in_its_dates(gnutls_x509_crt_t crt)
{
	time_t now = (time_t)(time_now() / USEC_PER_SEC);

	return gnutls_x509_crt_get_activation_time(crt) <= now && now < gnutls_x509_crt_get_expiration_time(crt);
}

static void read_cert(const gnutls_datum_t *der, struct http_peer *p)
{
	gnutls_x509_crt_t crt;
	size_t n = sizeof p->cert_cn;
	bool read;

	p->cert_cn[0] = '\0';
	if (gnutls_x509_crt_init(&crt) != 0) {
		p->cert_sha256[0] = '\0';
		return;
	}
	read = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0;
	if (!read || !in_its_dates(crt))
		p->cert_sha256[0] = '\0';
	/* A name with a NUL inside would read differently in C: such a name counts as none. */
	if (!read || gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, p->cert_cn, &n) != 0 ||
	    strnlen(p->cert_cn, sizeof p->cert_cn) != n)
		p->cert_cn[0] = '\0';
	gnutls_x509_crt_deinit(crt);
}

/* The handshake succeeds with any client certificate, self-signed or expired: its
 * status is asked for here, and nowhere else. */
static bool is_trusted(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT, 0 };
	unsigned status = ~0u;

	return gnutls_certificate_verify_peers(session, &purpose, 1, &status) == 0 && status == 0;
}

void http_tls_peer(gnutls_session_t session, bool have_ca, struct http_peer *p)
{
	unsigned char digest[SHA256_LEN];
	unsigned n = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);

	p->tls = true;
	if (chain == NULL || n == 0)
		return;
	hash_sha256(str_make((const char *)chain[0].data, chain[0].size), digest);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(p->cert_sha256 + 2 * i, 3, "%02x", digest[i]);
	read_cert(&chain[0], p);
	p->cert = have_ca && is_trusted(session);
}
