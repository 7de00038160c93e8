/* GnuTLS behind a small door. The versions and ciphers are those of the HTTP
 * server. A client's certificate is judged when the handshake ends: one that is
 * missing, expired, for another purpose or of another CA ends the link. */
#include "sys/tls.h"

#include <gnutls/x509.h>

#include "base/mem.h"
#include "base/str.h"
#include "sys/http_int.h"

struct tls_server {
	gnutls_certificate_credentials_t cred;
	gnutls_priority_t priority;
	bool ask_client;
};

struct tls_link {
	gnutls_session_t session;
	bool must_verify, done;
};

static gnutls_datum_t datum(const char *pem)
{
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)pem, (unsigned)strnlen(pem, UINT32_MAX / 2) };
}

static enum rc fill(struct tls_server *s, const char *cert_pem, const char *key_pem, const char *client_ca_pem, struct err *err)
{
	gnutls_datum_t cert = datum(cert_pem), key = datum(key_pem), ca;
	int rc = gnutls_certificate_allocate_credentials(&s->cred);

	if (rc < 0 || gnutls_priority_init(&s->priority, HTTP_TLS_PRIORITIES, NULL) < 0)
		return FAIL(err, RC_NOMEM, "TLS: out of memory");
	rc = gnutls_certificate_set_x509_key_mem(s->cred, &cert, &key, GNUTLS_X509_FMT_PEM);
	if (rc < 0)
		return FAIL(err, RC_BAD, "TLS certificate and key: %s", gnutls_strerror(rc));
	if (client_ca_pem == NULL)
		return RC_OK;
	ca = datum(client_ca_pem);
	rc = gnutls_certificate_set_x509_trust_mem(s->cred, &ca, GNUTLS_X509_FMT_PEM);
	if (rc <= 0)
		return FAIL(err, RC_BAD, "TLS client CA: %s", rc == 0 ? "no certificate in the text" : gnutls_strerror(rc));
	s->ask_client = true;
	return RC_OK;
}

enum rc tls_server_new(const char *cert_pem, const char *key_pem, const char *client_ca_pem, struct tls_server **ret, struct err *err)
{
	struct tls_server *s;
	enum rc rc;

	if (cert_pem == NULL || key_pem == NULL)
		return FAIL(err, RC_BAD, "TLS needs a certificate and a key");
	s = mem_alloc(sizeof *s);
	if (s == NULL)
		return FAIL(err, RC_NOMEM, "TLS: out of memory");
	rc = fill(s, cert_pem, key_pem, client_ca_pem, err);
	if (rc != RC_OK) {
		tls_server_free(s);
		return rc;
	}
	*ret = s;
	return RC_OK;
}

void tls_server_free(struct tls_server *s)
{
	if (s == NULL)
		return;
	if (s->cred != NULL)
		gnutls_certificate_free_credentials(s->cred);
	if (s->priority != NULL)
		gnutls_priority_deinit(s->priority);
	mem_free(s);
}

enum rc tls_link_new(struct tls_server *s, int fd, struct tls_link **ret)
{
	struct tls_link *l = mem_alloc(sizeof *l);

	if (l == NULL)
		return RC_NOMEM;
	if (gnutls_init(&l->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
		mem_free(l);
		return RC_NOMEM;
	}
	if (gnutls_priority_set(l->session, s->priority) < 0 || gnutls_credentials_set(l->session, GNUTLS_CRD_CERTIFICATE, s->cred) < 0) {
		tls_link_free(l);
		return RC_NOMEM;
	}
	l->must_verify = s->ask_client;
	gnutls_certificate_server_set_request(l->session, s->ask_client ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
	gnutls_transport_set_int(l->session, fd);
	*ret = l;
	return RC_OK;
}

void tls_link_free(struct tls_link *l)
{
	if (l == NULL)
		return;
	if (l->done)
		(void)gnutls_bye(l->session, GNUTLS_SHUT_WR);
	gnutls_deinit(l->session);
	mem_free(l);
}

static bool is_trusted(struct tls_link *l)
{
	gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT, 0 };
	unsigned status = ~0u;

	return gnutls_certificate_verify_peers(l->session, &purpose, 1, &status) == 0 && status == 0;
}

enum rc tls_link_handshake(struct tls_link *l)
{
	int rc = gnutls_handshake(l->session);

	if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED || (rc < 0 && !gnutls_error_is_fatal(rc)))
		return RC_BUSY;
	if (rc < 0 || (l->must_verify && !is_trusted(l))) {
		(void)gnutls_alert_send(l->session, GNUTLS_AL_FATAL, rc < 0 ? GNUTLS_A_HANDSHAKE_FAILURE : GNUTLS_A_BAD_CERTIFICATE);
		return RC_PEER;
	}
	l->done = true;
	return RC_OK;
}

bool tls_link_writes(const struct tls_link *l)
{
	return gnutls_record_get_direction(l->session) == 1;
}

ssize_t tls_link_read(struct tls_link *l, void *out, size_t n)
{
	ssize_t got = gnutls_record_recv(l->session, out, n);

	if (got >= 0)
		return got;
	/* A client that asks to negotiate anew is told no by being ignored; TLS 1.3 has nothing of the kind. */
	return gnutls_error_is_fatal((int)got) ? 0 : -1;
}

bool tls_link_waits(const struct tls_link *l)
{
	return gnutls_record_check_pending(l->session) > 0;
}
