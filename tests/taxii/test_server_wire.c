/* TAXII 2.1 server over real sockets: TLS (T03-T05), chunked bodies (T29), HEAD and
 * the rest of T78, sign-in (T15, T17), as the node puts auth, TAXII and HTTP together. */
#include <gnutls/gnutls.h>

#include "gate/gate.h"
#include "store/accounts.h"
#include "sys/keys.h"
#include "sys/net.h"
#include "web/auth.h"
#include "world.h"

struct door {
	struct auth *auth;
	struct http_server *http;
	int port;
};

static void handle(void *ctx, struct http_req *r, struct http_res *res)
{
	struct door *d = ctx;
	struct viewer v;

	if (auth_viewer(d->auth, r, &v, res))
		taxii_handle(w.server, &v, r, res);
}

static bool admit(void *ctx UNUSED, struct http_req *r, size_t *ret_max_body, struct http_res *res)
{
	return taxii_admit(w.server, NULL, r, ret_max_body, res);
}

static bool blocking(void *ctx, const struct http_req *r)
{
	struct door *d = ctx;

	return !str_eq(r->method, S("GET")) || auth_is_slow(d->auth, r);
}

static void refuse(void *ctx UNUSED, struct http_req *r, int status, const char *why, struct http_res *res)
{
	taxii_error(r, res, status, "%s", why);
}

struct pems {
	struct buf cert, key;
};

static void make_cert(struct pems *p)
{
	static const char *const addresses[] = { "127.0.0.1", NULL };
	struct keys_cert_request q = { .common_name = "127.0.0.1", .addresses = addresses, .valid_from = time_now() - USEC_PER_SEC,
				       .valid_until = time_now() + 3600 * USEC_PER_SEC };
	struct err err = { 0 };

	buf_init(&p->cert, 8192);
	buf_init(&p->key, 8192);
	must(keys_make_cert(&q, NULL, NULL, &p->cert, &p->key, &err), &err, "certificate");
}

static void open_door(struct door *d, const struct pems *p)
{
	struct auth_config ac = { .store = w.store };
	struct http_config hc = { .listen = "127.0.0.1:0", .threads = 2, .max_connections = 64, .handler = handle, .admit = admit,
				  .blocking = blocking, .refuse = refuse, .ctx = d };
	struct user u = { .name = S("alice"), .role = S("analyst"), .org = S("a"), .cert_sha256 = S(""), .tlp_max = TLP_RED };
	char hash[PASSWORD_HASH_MAX];
	struct err err = { 0 };

	must(password_hash(S("secret"), hash, &err), &err, "password");
	u.pass_hash = str_of(hash);
	must(user_put(w.store, &u, &err), &err, "user");
	if (p != NULL) {
		hc.tls_cert_pem = p->cert.p;
		hc.tls_key_pem = p->key.p;
	}
	must(auth_new(&ac, &d->auth, &err), &err, "auth");
	must(http_server_start(&hc, &d->http, &err), &err, "http");
	d->port = http_server_port(d->http);
}

static void close_door(struct door *d)
{
	http_server_stop(d->http, USEC_PER_SEC);
	auth_free(d->auth);
}

/* --- TLS --- */

struct client {
	gnutls_certificate_credentials_t cred;
	gnutls_session_t s;
	int fd;
};

static void client_open(struct client *c, int port, const char *priority)
{
	c->fd = net_connect(port, 5);
	gnutls_certificate_allocate_credentials(&c->cred);
	gnutls_init(&c->s, GNUTLS_CLIENT);
	gnutls_credentials_set(c->s, GNUTLS_CRD_CERTIFICATE, c->cred);
	gnutls_transport_set_int(c->s, c->fd);
	gnutls_handshake_set_timeout(c->s, 3000);
	gnutls_priority_set_direct(c->s, priority, NULL);
}

static bool client_shake(struct client *c)
{
	int rc;

	do
		rc = gnutls_handshake(c->s);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	return rc == 0;
}

static void client_close(struct client *c)
{
	gnutls_deinit(c->s);
	gnutls_certificate_free_credentials(c->cred);
	close(c->fd);
}

/* Version that a client with these priorities gets; "" when refused. */
static void handshake(int port, const char *priority, char *out, size_t max)
{
	struct client c;

	client_open(&c, port, priority);
	snprintf(out, max, "%s", client_shake(&c) ? gnutls_protocol_get_name(gnutls_protocol_get_version(c.s)) : "");
	client_close(&c);
}

/* A second connection that sends its request as early data: is it taken? */
static void test_early_data(int port)
{
	static const char request[] = "GET /taxii2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", only13[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
	gnutls_datum_t ticket = { 0 };
	struct client c;
	bool good, early;
	char byte;

	client_open(&c, port, only13);
	good = client_shake(&c) && gnutls_record_send(c.s, request, sizeof request - 1) > 0 && gnutls_record_recv(c.s, &byte, 1) == 1
	       && gnutls_session_get_data2(c.s, &ticket) == 0;
	client_close(&c);
	OK(good, "T04 a first connection");
	client_open(&c, port, only13);
	gnutls_session_set_data(c.s, ticket.data, ticket.size);
	early = gnutls_record_send_early_data(c.s, request, sizeof request - 1) > 0;
	good = client_shake(&c);
	OK(!good || !early || (gnutls_session_get_flags(c.s) & GNUTLS_SFLAGS_EARLY_DATA) == 0, "T04 early data is not accepted on the next");
	client_close(&c);
	gnutls_free(ticket.data);
}

static void test_tls(void)
{
	static const struct { const char *name, *priority, *want; } rows[] = {
		{ "T03 TLS 1.3 is served", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "TLS1.3" },
		{ "T03 TLS 1.2 is accepted", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLS1.2" },
		{ "T03 TLS 1.1 is not", "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0:%COMPAT", "" },
		{ "T05 TLS 1.2 with CBC is refused", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC", "" },
		{ "T05 TLS 1.2 without forward secrecy is refused", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", "" },
		{ "T05 TLS 1.2 with 3DES is refused", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+3DES-CBC", "" },
		{ "T05 TLS 1.2 without a cipher is refused", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+NULL", "" },
	};
	struct door d = { 0 };
	struct pems p = { 0 };
	char got[32];

	make_cert(&p);
	open_door(&d, &p);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		handshake(d.port, rows[i].priority, got, sizeof got);
		EQ_STR(str_of(got), str_of(rows[i].want), rows[i].name);
	}
	test_early_data(d.port);
	close_door(&d);
	buf_done(&p.cert);
	buf_done(&p.key);
}

/* --- plain, for what TLS does not change --- */

#define AUTH "Authorization: Basic YWxpY2U6c2VjcmV0\r\n"
#define COMMON "Host: a\r\nConnection: close\r\nAccept: application/taxii+json;version=2.1\r\n"
#define SENDING COMMON AUTH "Content-Type: application/taxii+json;version=2.1\r\n"

/* The whole reply to one request. */
static char *talk(int port, const char *request, size_t n)
{
	static char out[300000];
	int fd = net_connect(port, 10);
	struct buf b;

	buf_init(&b, sizeof out - 1);
	net_send(fd, str_make(request, n));
	net_read(fd, &b, S(""));
	snprintf(out, sizeof out, "%s", b.p == NULL ? "" : b.p);
	buf_done(&b);
	close(fd);
	return out;
}

static int code_of(const char *reply)
{
	return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? (int)strtol(reply + 9, NULL, 10) : 0;
}

static int ask_wire(int port, const char *request)
{
	return code_of(talk(port, request, strlen(request)));
}

static bool taxii_error_body(const char *reply)
{
	return strstr(reply, "Content-Type: application/taxii+json;version=2.1\r\n") != NULL && strstr(reply, "\r\n\r\n{\"title\":\"") != NULL
	       && strstr(reply, "\"http_status\":\"") != NULL;
}

/* A chunked POST of one good object and blanks, `n` bytes in all. */
static const char *chunked(int port, size_t n)
{
	static const char object[] = "{\"objects\":[{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--00000000-0000-4000-8000-0000000000ac\","
		"\"created\":\"2020-01-01T00:00:00.000Z\",\"modified\":\"2020-01-01T00:00:00.000Z\",\"name\":\"i\",\"identity_class\":\"group\"}]}";
	struct buf b;
	const char *reply;

	buf_init(&b, n * 2 + 10000);
	buf_cstr(&b, "POST " C_MAIN "objects/ HTTP/1.1\r\n" SENDING "Transfer-Encoding: chunked\r\n\r\n");
	buf_fmt(&b, "%zx\r\n%s\r\n", sizeof object - 1, object);
	for (size_t left = n - (sizeof object - 1); left > 0;) {
		size_t k = left < 1000 ? left : 1000;

		buf_fmt(&b, "%zx\r\n%*s\r\n", k, (int)k, "");
		left -= k;
	}
	buf_cstr(&b, "0\r\n\r\n");
	reply = talk(port, b.p, b.n);
	buf_done(&b);
	return reply;
}

static void test_chunked(int port)
{
	const char *reply = chunked(port, 200000);

	OK(code_of(reply) == 202, "T29 a chunked body of max_content_length is accepted (%d)", code_of(reply));
	reply = chunked(port, 200001);
	OK(code_of(reply) == 413, "T29 a chunked body one byte longer is 413 (%d)", code_of(reply));
	OK(taxii_error_body(reply), "T19 with an error object also when the transport refuses");
	reply = talk(port, "POST " C_MAIN "objects/ HTTP/1.1\r\n" SENDING "Content-Length: 99999999999\r\n\r\n", strlen("POST " C_MAIN "objects/ HTTP/1.1\r\n" SENDING "Content-Length: 99999999999\r\n\r\n"));
	OK(code_of(reply) == 413 && taxii_error_body(reply), "T29 an announced giant is 413 before it is sent");
	OK(ask_wire(port, "POST " C_MAIN "objects/ HTTP/1.1\r\n" COMMON "Content-Type: application/taxii+json;version=2.1\r\nExpect: 100-continue\r\nContent-Length: 199999\r\n\r\n") == 401,
	   "T16 a stranger's body is not even read");
}

static void test_sign_in(int port)
{
	static const struct { const char *name, *auth; int status; } rows[] = {
		{ "T17 HTTP Basic", AUTH, 200 }, { "T15 a wrong password", "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n", 401 },
		{ "T15 an unknown user", "Authorization: Basic Ym9iOnNlY3JldA==\r\n", 401 }, { "T15 no credentials", "", 401 },
		{ "T15 an unknown scheme", "Authorization: Digest x\r\n", 401 }, { "T15 no base64", "Authorization: Basic !!!\r\n", 401 },
		{ "T15 two of them", AUTH AUTH, 401 }, { "T15 a made-up token", "Authorization: Bearer abc\r\n", 401 },
	};
	char request[1000];

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const char *reply;

		snprintf(request, sizeof request, "GET /api/collections/ HTTP/1.1\r\n" COMMON "%s\r\n", rows[i].auth);
		reply = talk(port, request, strlen(request));
		OK(code_of(reply) == rows[i].status || (rows[i].status == 401 && code_of(reply) == 400), "%s: %d", rows[i].name, code_of(reply));
		if (code_of(reply) == 401)
			OK(strstr(reply, "WWW-Authenticate: Basic realm=\"lianfang\", charset=\"UTF-8\", Bearer realm=\"lianfang\"\r\n") != NULL
			   && taxii_error_body(reply), "%s: the schemes and an error object", rows[i].name);
	}
}

static void test_methods(int port)
{
	const char *reply = talk(port, "HEAD " C_MAIN "objects/ HTTP/1.1\r\n" COMMON AUTH "\r\n", strlen("HEAD " C_MAIN "objects/ HTTP/1.1\r\n" COMMON AUTH "\r\n"));
	const char *end = strstr(reply, "\r\n\r\n");

	OK(code_of(reply) == 200 && end != NULL && end[4] == '\0' && strstr(reply, "X-TAXII-Date-Added-First: ") != NULL, "T78 HEAD has the headers and no body");
	OK(ask_wire(port, "OPTIONS " C_MAIN " HTTP/1.1\r\n" COMMON AUTH "\r\n") == 204, "T78 OPTIONS over the wire");
	OK(ask_wire(port, "OPTIONS " C_HIDDEN " HTTP/1.1\r\n" COMMON AUTH "\r\n") == 404, "T78 hidden from OPTIONS");
	OK(ask_wire(port, "PUT " C_MAIN "objects/ HTTP/1.1\r\n" SENDING "Content-Length: 2\r\n\r\n{}") == 405, "T78 PUT with a body is 405");
	OK(ask_wire(port, "POST " C_MAIN "manifest/ HTTP/1.1\r\n" SENDING "Content-Length: 2\r\n\r\n{}") == 405, "T78 POST to the manifest is 405");
	OK(ask_wire(port, "GET " C_MAIN "objects/?match[id]=a HTTP/1.1\r\n" COMMON AUTH "\r\n") == 200, "T54 brackets as they are on the wire");
	OK(ask_wire(port, "GET /taxii2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" AUTH "\r\n") == 200, "T18 no User-Agent, no Accept");
}

/* A page sent as pieces is the page. */
static void test_pieces(int port)
{
	const char *reply, *body;
	struct got g;

	post_indicators(&alice, C_MAIN, 0, 30);
	reply = talk(port, "GET " C_MAIN "objects/ HTTP/1.1\r\n" COMMON AUTH "\r\n", strlen("GET " C_MAIN "objects/ HTTP/1.1\r\n" COMMON AUTH "\r\n"));
	body = strstr(reply, "\r\n\r\n");
	g = get(&alice, C_MAIN "objects/");
	OK(code_of(reply) == 200 && body != NULL && strcmp(body + 4, g.body) == 0, "the page over the wire is the page");
	got_done(&g);
}

int main(void)
{
	struct door d = { 0 };

	world_open();
	test_tls();
	open_door(&d, NULL);
	test_chunked(d.port);
	test_sign_in(d.port);
	test_methods(d.port);
	test_pieces(d.port);
	close_door(&d);
	world_close();
	return tap_done();
}
