/* HTTP/1.1 server (libmicrohttpd) behind a strict gate: the only file that
 * names the library is http.c. Handlers get a fully read request and fill a
 * reply; event streams stay open and are fed from outside. */
#ifndef SYS_HTTP_H
#define SYS_HTTP_H

#include "base/arena.h"
#include "base/time.h"

struct http_server;

/* What the transport proved about the client; nothing here is a right yet. */
struct http_peer {
	char addr[64];       /* numeric, without port */
	bool tls;
	bool cert;           /* a client certificate that verified against the node's CA or is pinned */
	char cert_sha256[65];/* lower-case hex of the certificate's DER; "" without one */
	char cert_cn[128];
};

struct http_req {
	struct str method;       /* "GET" */
	struct str path;         /* decoded? no: raw bytes before '?', starts with '/' */
	struct str query;        /* raw bytes behind '?', may be empty */
	struct str body;         /* whole body, at most the route's limit */
	struct http_peer peer;
	struct arena *arena;     /* lives until the reply is sent */
	usec arrived;
	void *conn_;             /* http.c's own */
};

/* First value of a request header, case-insensitive; .p NULL when absent. */
struct str http_header(const struct http_req *r, const char *name);
/* How often the header is present. */
int http_header_count(const struct http_req *r, const char *name);

/* Decoded query parameter number `index` (0-based, in order); false behind the
 * last, RC via `ret_bad` when an escape or UTF-8 is malformed. */
bool http_query(const struct http_req *r, size_t index, struct str *ret_name, struct str *ret_value, bool *ret_bad);

/* A piece of a reply body that is not copied: must stay readable until `release(arg)`. */
struct http_piece {
	const void *p;
	size_t n;
};

struct http_res {
	int status;                /* 200 by default */
	const char *content_type;  /* static string or in r->arena */
	struct buf body;           /* copied out, or ... */
	struct http_piece *pieces; /* ... gathered without copying when pieces != NULL (array in r->arena) */
	size_t n_pieces;
	void (*release)(void *arg); /* called once when the pieces are sent or the client is gone */
	void *release_arg;
	struct { const char *name, *value; } headers[16]; /* strings static or in r->arena */
	size_t n_headers;
	struct http_stream *stream; /* set: the connection becomes an event stream */
};

/* Adds a header; values with control characters are dropped (assert in debug). */
void http_res_header(struct http_res *res, const char *name, const char *value);

/* A server-sent-events stream (WHATWG HTML §9.2). The handler creates it and
 * puts it into res->stream; afterwards any thread may send. Refcounted: the
 * creator's reference is dropped by http_stream_close. */
struct http_stream;
struct http_stream *http_stream_new(size_t max_queued_bytes) MUSTUSE;
/* Queues one complete event block (ends in a blank line). RC_LIMIT: the reader
 * is too slow, the stream was closed. RC_NOTFOUND: the client is gone. */
enum rc http_stream_send(struct http_stream *s, struct str event) MUSTUSE;
bool http_stream_gone(const struct http_stream *s);
void http_stream_close(struct http_stream *s);

typedef void (*http_handler)(void *ctx, struct http_req *r, struct http_res *res);
/* Called before the body is read: the largest body this request may send, and a
 * chance to answer at once (return false with `res` filled). May be NULL. */
typedef bool (*http_admit)(void *ctx, struct http_req *r, size_t *ret_max_body, struct http_res *res);

struct http_config {
	const char *listen;        /* "127.0.0.1:8443", "[::1]:0"; port 0 = any */
	int threads;               /* 1..64 event loops */
	int max_connections;       /* 1..100000 */
	int max_per_address;       /* 0 = no limit */
	int idle_seconds;          /* closes silent connections */
	size_t max_header_bytes;   /* per connection memory, 16384..65536 */
	size_t max_body_bytes;     /* when admit is NULL */
	size_t max_bodies_bytes;   /* all request bodies in memory at once; above: 503 */
	const char *tls_cert_pem, *tls_key_pem, *tls_client_ca_pem; /* PEM texts; NULL cert = plain HTTP */
	http_handler handler;
	http_admit admit;
	void *ctx;
	/* Counters may be read with http_server_stats. */
};

struct http_stats {
	uint64_t requests, refused_malformed, refused_size, tls_failures, connections, streams;
};

/* Starts listening and serving on its own threads. */
enum rc http_server_start(const struct http_config *c, struct http_server **ret, struct err *err) MUSTUSE;
int http_server_port(const struct http_server *s);
void http_server_stats(const struct http_server *s, struct http_stats *ret);
/* New certificate for new connections (reload). */
enum rc http_server_set_tls(struct http_server *s, const char *cert_pem, const char *key_pem, struct err *err) MUSTUSE;
/* Lets running requests end (at most `grace` microseconds), closes streams. Accepts NULL. */
void http_server_stop(struct http_server *s, usec grace);

#endif
