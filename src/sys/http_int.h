/* What the parts of the HTTP server share: event streams, the worker pool and TLS.
 * Only http.c knows the HTTP library; it hands itself down as callbacks. */
#ifndef SYS_HTTP_INT_H
#define SYS_HTTP_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>

#include "sys/http.h"

/* --- listening (http_listen.c) --- */

/* `*ret_port` stays as it is for "unix:". */
enum rc http_listen_open(const char *listen_at, int *ret_port, int *ret_fd, struct err *err) MUSTUSE;

/* --- event streams (http_stream.c) --- */

struct http_stream_list; /* all attached streams of one server */

struct http_stream_list *http_stream_list_new(void) MUSTUSE;
void http_stream_list_free(struct http_stream_list *l); /* must be empty; accepts NULL */
/* The reply's reference, when the client left before its reply was made: the client is gone. */
void http_stream_abandon(struct http_stream *s);
/* The reply's reference becomes the connection's. After http_stream_list_end the stream is closed at once. */
void http_stream_attach(struct http_stream *s, struct http_stream_list *l, void *conn,
			void (*suspend)(void *conn), void (*resume)(void *conn));
/* The connection ends: the client is gone, the reference dropped. */
void http_stream_detach(struct http_stream *s);
/* Up to `n` queued bytes; 0 after the connection was suspended; -1 at the orderly end, -2 at the disorderly one.
 * Runs on the connection's event loop. */
ssize_t http_stream_take(struct http_stream *s, char *out, size_t n);
void http_stream_list_beat(struct http_stream_list *l);
void http_stream_list_end(struct http_stream_list *l);
size_t http_stream_list_count(struct http_stream_list *l);

/* --- connections and the thread that keeps them (http_link.c) --- */

/* One connection: what stays the same over its requests. */
struct http_link {
	struct http_link *prev, *next;
	void *owner;
	int fd;
	bool handshaken, peer_known, plain;
	_Atomic bool begun;         /* a request line was read on it */
	usec heard_since;           /* the keeper's: when it saw the first bytes of a connection that is not begun */
	_Atomic usec waiting_since; /* the client owes us the rest of a request since then; 0 = it does not */
	struct http_peer peer;
};

struct http_links;
enum rc http_links_new(int request_seconds, int heartbeat_seconds, struct http_stream_list *streams, struct http_links **ret,
		       struct err *err) MUSTUSE;
/* Joins the thread; the list must be empty. Accepts NULL. */
void http_links_free(struct http_links *k);
void http_links_add(struct http_links *k, struct http_link *l);
void http_links_del(struct http_links *k, struct http_link *l);
/* Fills connections and timeouts. */
void http_links_stats(struct http_links *k, struct http_stats *ret);


/* --- workers (http_pool.c) --- */

struct http_job {
	struct http_job *next;
};
struct http_pool;
enum rc http_pool_new(int workers, void (*run)(struct http_job *job), struct http_pool **ret, struct err *err) MUSTUSE;
/* False when the pool is stopping; otherwise one http_pool_submit must follow. */
bool http_pool_reserve(struct http_pool *p) MUSTUSE;
void http_pool_submit(struct http_pool *p, struct http_job *job);
/* Runs out the queue, joins the threads. Accepts NULL. */
void http_pool_stop(struct http_pool *p);
void http_pool_free(struct http_pool *p);

/* --- TLS (http_tls.c) --- */

#define HTTP_TLS_PRIORITIES \
	"NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:+AEAD:" \
	"+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+COMP-NULL:" \
	"+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:" \
	"+SIGN-EDDSA-ED25519:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:" \
	"+CTYPE-X509:%SERVER_PRECEDENCE"

/* The server's certificate, replaceable while handshakes run. */
struct http_tls;
enum rc http_tls_new(const char *cert_pem, const char *key_pem, struct http_tls **ret, struct err *err) MUSTUSE;
void http_tls_free(struct http_tls *t); /* accepts NULL */
enum rc http_tls_set(struct http_tls *t, const char *cert_pem, const char *key_pem, struct err *err) MUSTUSE;
/* In the shape of gnutls_certificate_retrieve_function2. */
int http_tls_pick(struct http_tls *t, gnutls_pcert_st **ret_certs, unsigned *ret_n, gnutls_privkey_t *ret_key);
/* Fills tls, cert, cert_sha256, cert_cn of a session whose handshake is over. */
void http_tls_peer(gnutls_session_t session, bool have_ca, struct http_peer *p);

#endif
