/* What the server speaks over TLS, and to whom not; a certificate replaced while it runs. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <signal.h>

#include "base/mem.h"
#include "sys/certs.h"
#include "sys/http.h"
#include "sys/net.h"
#include "tap.h"

static struct pem_pair ca, first, second;

static void handle(void *ctx, struct http_req *r, struct http_res *res)
{
	(void)ctx;
	buf_fmt(&res->body, "tls=%d cert=%d", r->peer.tls, r->peer.cert);
}

static struct http_server *start(bool tls)
{
	struct http_config c = { .listen = "127.0.0.1:0", .threads = 1, .workers = 1, .max_connections = 50, .idle_seconds = 2, .handler = handle,
				 .tls_cert_pem = tls ? first.cert.p : NULL, .tls_key_pem = tls ? first.key.p : NULL,
				 .tls_client_ca_pem = tls ? ca.cert.p : NULL };
	struct http_server *s = NULL;
	struct err err = { 0 };

	if (http_server_start(&c, &s, &err) != RC_OK) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return s;
}

struct talk {
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
	int fd;
};

/* A client with exactly these priorities; 0, or GnuTLS's error. */
static int talk_open(struct talk *t, int port, const char *priorities)
{
	int rc;

	t->fd = net_connect(port, 5);
	gnutls_certificate_allocate_credentials(&t->cred);
	gnutls_init(&t->session, GNUTLS_CLIENT);
	gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->cred);
	rc = gnutls_priority_set_direct(t->session, priorities, NULL);
	if (rc != 0)
		return rc;
	gnutls_transport_set_int(t->session, t->fd);
	do
		rc = gnutls_handshake(t->session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	return rc;
}

static void talk_close(struct talk *t)
{
	gnutls_deinit(t->session);
	gnutls_certificate_free_credentials(t->cred);
	close(t->fd);
}

/* One request; true when it was answered. */
static bool talk_ask(struct talk *t)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
	char reply[2000] = "";
	size_t have = 0;
	ssize_t n;

	if (gnutls_record_send(t->session, request, sizeof request - 1) < 0)
		return false;
	/* Head and body may come as two records. */
	while (strstr(reply, "cert=") == NULL && have < sizeof reply - 1) {
		n = gnutls_record_recv(t->session, reply + have, sizeof reply - 1 - have);
		if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
			continue;
		if (n <= 0)
			return false;
		have += (size_t)n;
		reply[have] = '\0';
	}
	return strstr(reply, "200 OK") != NULL;
}

static void test_versions(struct http_server *s)
{
	static const struct {
		const char *name, *priorities;
		bool good;
	} rows[] = {
		{ "TLS 1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3", true },
		{ "TLS 1.3 with ChaCha20", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305", true },
		{ "TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", true },
		{ "TLS 1.2 with AES-128-GCM", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM", true },
		{ "TLS 1.2 with CBC", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC", false },
		{ "TLS 1.2 with CCM", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CCM", false },
		{ "TLS 1.2 without forward secrecy", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", false },
		{ "TLS 1.2 with SHA-1 signatures", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-SIGN-ALL:+SIGN-ECDSA-SHA1", false },
		{ "TLS 1.1", "LEGACY:-VERS-ALL:+VERS-TLS1.1", false },
		{ "TLS 1.0", "LEGACY:-VERS-ALL:+VERS-TLS1.0", false },
		{ "anonymous", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH", false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct talk t;
		int rc = talk_open(&t, http_server_port(s), rows[i].priorities);

		OK((rc == 0 && talk_ask(&t)) == rows[i].good, "%s", rows[i].name);
		if (rc != 0 && rows[i].good)
			printf("# %s\n", gnutls_strerror(rc));
		talk_close(&t);
	}
}

static void test_not_tls(struct http_server *s)
{
	struct http_stats before, after;
	CLEANUP(buf_done) struct buf b;
	usec begun;
	int fd;

	usleep(100000);
	http_server_stats(s, &before);
	buf_init(&b, 10000);
	fd = net_connect(http_server_port(s), 5);
	net_send(fd, S("GET / HTTP/1.1\r\nHost: t\r\n\r\n"));
	OK(net_read(fd, &b, S("")) && net_status(buf_view(&b)) == 0, "plain HTTP on the TLS port is closed");
	close(fd);
	fd = net_connect(http_server_port(s), 10);
	begun = time_mono();
	net_send(fd, S("\x16\x03\x01"));
	OK(net_read(fd, &b, S("")) && time_mono() - begun < 8 * USEC_PER_SEC, "a handshake that stalls is closed");
	close(fd);
	usleep(200000);
	http_server_stats(s, &after);
	EQ_INT(after.tls_failures - before.tls_failures, 2, "both are counted");
}

/* The common name of the certificate that the server shows now. */
static void shown(struct http_server *s, char out[static 128])
{
	struct talk t;
	unsigned n = 0;
	size_t size = 128;
	gnutls_x509_crt_t crt;
	const gnutls_datum_t *chain;

	out[0] = '\0';
	if (talk_open(&t, http_server_port(s), "NORMAL") == 0 && (chain = gnutls_certificate_get_peers(t.session, &n)) != NULL) {
		gnutls_x509_crt_init(&crt);
		gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER);
		gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out, &size);
		gnutls_x509_crt_deinit(crt);
	}
	talk_close(&t);
}

static void test_replace(struct http_server *s)
{
	struct http_server *plain = start(false);
	struct talk old;
	struct err err;
	char cn[128];
	int busy = 0;

	OK(talk_open(&old, http_server_port(s), "NORMAL") == 0 && talk_ask(&old), "a connection before the change");
	EQ_INT(http_server_set_tls(s, second.cert.p, first.key.p, &err), RC_BAD, "certificate and key do not belong together");
	EQ_INT(http_server_set_tls(s, "x", second.key.p, &err), RC_BAD, "no certificate");
	EQ_INT(http_server_set_tls(s, second.cert.p, NULL, &err), RC_BAD, "no key");
	shown(s, cn);
	EQ_STR(str_of(cn), S("first"), "still the first");
	EQ_INT(http_server_set_tls(s, second.cert.p, second.key.p, &err), RC_OK, "replaced");
	shown(s, cn);
	EQ_STR(str_of(cn), S("second"), "new connections see the second");
	OK(talk_ask(&old), "the old connection goes on");
	talk_close(&old);
	for (int i = 0; i < 100; i++)
		busy += http_server_set_tls(s, first.cert.p, first.key.p, &err) == RC_BUSY;
	OK(busy > 0, "replacing has a limit");
	EQ_INT(http_server_set_tls(plain, first.cert.p, first.key.p, &err), RC_UNSUPPORTED, "a plain server has none");
	http_server_stop(plain, 0);
}

int main(void)
{
	struct http_server *s;

	signal(SIGPIPE, SIG_IGN);
	pair_make(&ca, "ca", NULL, NULL, -60, 86400, true, NULL);
	pair_make(&first, "first", NULL, "127.0.0.1", -60, 86400, false, &ca);
	pair_make(&second, "second", NULL, "127.0.0.1", -60, 86400, false, &ca);
	s = start(true);
	test_versions(s);
	test_not_tls(s);
	test_replace(s);
	http_server_stop(s, 0);
	pair_done(&ca);
	pair_done(&first);
	pair_done(&second);
	EQ_INT(mem_live(), 0, "nothing leaked");
	return tap_done();
}
