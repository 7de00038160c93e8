/* HTTP client (libcurl) for TAXII, federation and feeds: verifies the server by
 * PKIX or by a pinned certificate, never follows redirects to another host, and
 * bounds size and time. One client per thread; connections are kept alive. */
#ifndef SYS_HTTPC_H
#define SYS_HTTPC_H

#include "base/buf.h"
#include "base/time.h"

struct httpc;

struct httpc_config {
	const char *ca_pem;            /* PEM text; NULL = the system's store */
	const char *pin_sha256;        /* hex of the server certificate's DER; NULL = no pin. With a pin and no ca_pem the pin
					* alone decides, within the certificate's dates */
	const char *cert_pem, *key_pem;/* client certificate, or NULL */
	const char *user, *password;   /* HTTP Basic, or NULL */
	const char *bearer;            /* token, or NULL */
	usec connect_timeout, total_timeout; /* 0 = 10 s / 60 s */
	usec stall_timeout;            /* a request in which no byte moves for so long is ended; 0 = only by total_timeout */
	const _Atomic int *stop;       /* nonzero ends a running request within about a second (RC_BUSY); or NULL */
	size_t max_response;           /* bytes; more is RC_LIMIT */
	bool allow_plain_loopback;     /* http:// to 127.0.0.0/8 and ::1 only */
	const char *unix_socket;       /* absolute path: every request goes there, whatever host its URL names; or NULL */
};

struct httpc_res {
	int status;
	struct buf body;
	char content_type[128];
	char added_first[48], added_last[48]; /* X-TAXII-Date-Added-First/-Last, or "" */
	int retry_after;               /* seconds, or -1 */
	usec server_date;              /* Date header, or 0 */
	char www_authenticate[256];
};

/* libcurl, made ready once a process; httpc_new does it too. */
enum rc httpc_ready(struct err *err) MUSTUSE;

enum rc httpc_new(const struct httpc_config *c, struct httpc **ret, struct err *err) MUSTUSE;
void httpc_free(struct httpc *h);

/* One request. `headers`: NULL-terminated "Name: value" strings, or NULL. RC_PEER:
 * no connection, TLS or protocol failure (err says which); RC_DENIED: we do not trust the
 * server's certificate; any HTTP status is RC_OK.
 * `res` is initialised by the call and freed with httpc_res_done. */
enum rc httpc_do(struct httpc *h, const char *method, const char *url, const char *const *headers,
		 struct str body, struct httpc_res *res, struct err *err) MUSTUSE;
void httpc_res_done(struct httpc_res *res);

/* Reads a server-sent-events stream until `on_event` returns false or `stop` becomes
 * nonzero (RC_OK), or nothing (not even a comment line) came for `silence` (RC_PEER).
 * What the server says instead: RC_DENIED 401, 403; RC_NOTFOUND 404; RC_CONFLICT 409;
 * RC_BUSY 429, 503; RC_UNSUPPORTED other 4xx, 501 or a reply that is no stream; else RC_PEER. */
typedef bool (*httpc_event)(void *ctx, struct str id, struct str event, struct str data);
enum rc httpc_events(struct httpc *h, const char *url, const char *last_event_id, usec silence,
		     const _Atomic int *stop, httpc_event on_event, void *ctx, struct err *err) MUSTUSE;

#endif
