/* HTTP/1.1 server (libmicrohttpd) behind a strict gate: the only file that
 * names the library is http.c. Handlers get a fully read request and fill a
 * reply; event streams stay open and are fed from outside. */
#ifndef SYS_HTTP_H
#define SYS_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"

struct http_server;

/* What the transport proved about the client; nothing here is a right yet. */
struct http_peer {
	char addr[64];       /* numeric, without port */
	bool tls;
	bool cert;           /* a client certificate that is valid now and signed by tls_client_ca_pem */
	char cert_sha256[65];/* lower-case hex of the certificate's DER, whoever signed it (the client proved to
			      * hold its key): for comparing with a pin. "" without one, or outside its dates */
	char cert_cn[128];   /* what the certificate claims: worth something only with `cert` or a pin */
};

/* One header line, as received. */
struct http_header_line {
	struct str name, value;
};

struct http_req {
	struct str method;       /* "GET" */
	struct str path;         /* decoded? no: raw bytes before '?', starts with '/' */
	struct str query;        /* raw bytes behind '?', may be empty */
	struct str body;         /* whole body, at most the route's limit */
	struct http_peer peer;
	struct arena *arena;     /* lives until the reply is sent */
	usec arrived;
	const struct http_header_line *headers; /* through http_header() */
	size_t n_headers;
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
	struct buf body;           /* the server's own buffer, empty: append, never replace or free; or ... */
	struct http_piece *pieces; /* ... gathered without copying when pieces != NULL (array in r->arena) */
	size_t n_pieces;
	void (*release)(void *arg); /* called once when the pieces are sent or the client is gone */
	void *release_arg;
	struct { const char *name, *value; } headers[16]; /* strings static or in r->arena */
	size_t n_headers;
	struct http_stream *stream; /* set by http_res_stream: the connection becomes an event stream */
};

/* Adds a header. One with control characters, or beyond the 16th, is dropped. */
void http_res_header(struct http_res *res, const char *name, const char *value);

/* A server-sent-events stream (WHATWG HTML §9.2). The handler creates it and
 * hands it to the reply with http_res_stream; any thread may send. Refcounted: the
 * creator's reference is dropped by http_stream_close, which must be called once
 * in every case. The server sends a comment line every `heartbeat_seconds`, so
 * that a client that is gone is noticed (http_stream_gone). */
struct http_stream;
struct http_stream *http_stream_new(size_t max_queued_bytes) MUSTUSE;
/* The reply becomes this stream, and holds a reference of its own from here on. Once per stream. */
void http_res_stream(struct http_res *res, struct http_stream *s);
/* Queues one complete event block (ends in a blank line). RC_LIMIT: the reader
 * is too slow, the stream was closed. RC_NOTFOUND: the client is gone. */
enum rc http_stream_send(struct http_stream *s, struct str event) MUSTUSE;
bool http_stream_gone(struct http_stream *s);
/* Bytes that wait for the reader: who sends only when few wait can never overrun a slow one. */
size_t http_stream_queued(struct http_stream *s);
/* What is queued still goes out, then the reply ends. Accepts NULL. */
void http_stream_close(struct http_stream *s);

typedef void (*http_handler)(void *ctx, struct http_req *r, struct http_res *res);
/* Called before the body is read: the largest body this request may send, and a
 * chance to answer at once (return false with `res` filled). May be NULL. Runs on an
 * event loop: must not block. */
typedef bool (*http_admit)(void *ctx, struct http_req *r, size_t *ret_max_body, struct http_res *res);
/* Called when the request is complete: true hands it to a worker thread while its
 * connection rests, because the handler may wait (a commit, a password hash, another
 * node); false runs the handler on the event loop, where it holds up all connections of
 * that loop and must end within about a millisecond. Must not block itself. */
typedef bool (*http_blocking)(void *ctx, const struct http_req *r);

/* Words a reply that the server makes itself (malformed, too large, no memory) in the
 * application's own form: sets content_type and appends to res->body; the status stands.
 * r->path may be empty. Must not block. */
typedef void (*http_refuse)(void *ctx, struct http_req *r, int status, const char *why, struct http_res *res);

/* Zero in a field marked (0) takes the default behind it. */
struct http_config {
	const char *listen;        /* "127.0.0.1:8443", "[::1]:0" (port 0 = any), "unix:/folder/name" (0600); or ... */
	int listen_fd;             /* > 0: ... a socket that listens already, which is the server's when it has started */
	int threads;               /* 1..64 event loops */
	int workers;               /* 1..256 threads for blocking handlers (0: 4) */
	int max_connections;       /* 1..100000 */
	int max_per_address;       /* 0 = no limit */
	int idle_seconds;          /* closes silent connections (0: 60) */
	int request_seconds;       /* a request must be received whole within this (0: 300) */
	int heartbeat_seconds;     /* comment lines on event streams (0: 15) */
	size_t max_header_bytes;   /* per connection memory, 16384..65536 (0: 32768) */
	size_t max_body_bytes;     /* when admit is NULL (0: none may be sent) */
	size_t max_bodies_bytes;   /* all request bodies in memory at once; above: 503 (0: 256 MiB) */
	size_t max_reply_bytes;    /* res->body holds at most this (0: 64 MiB) */
	size_t max_arena_bytes;    /* r->arena hands out at most this (0: 64 MiB) */
	const char *tls_cert_pem, *tls_key_pem, *tls_client_ca_pem; /* PEM texts; NULL cert = plain HTTP */
	bool tls_ask_client;       /* ask for a client certificate also without tls_client_ca_pem (pins) */
	http_handler handler;
	http_admit admit;
	http_blocking blocking;    /* NULL: every handler runs on a worker */
	http_refuse refuse;        /* NULL: a line of plain text */
	void *ctx;
};

struct http_stats {
	uint64_t requests;          /* handed to the handler */
	uint64_t client_errors;     /* requests answered 4xx, for whatever reason */
	uint64_t refused_malformed; /* 400, 431, 505, or cut because the bytes were no HTTP */
	uint64_t refused_size;      /* 413, and 503 for want of body memory */
	uint64_t tls_failures;      /* connections that never finished their handshake */
	uint64_t timeouts;          /* requests not received in time */
	uint64_t connections, streams; /* open now */
};

/* Whether it is a numeric address with port, "1.2.3.4:80" or "[::1]:80"; RC_BAD when not. Opens nothing. */
enum rc http_listen_check(const char *listen_at, struct err *err) MUSTUSE;

/* Starts listening and serving on its own threads. `c` and its texts are not needed afterwards.
 * RC_BAD for values out of range or an unusable certificate, RC_CONFLICT when another program has the address,
 * RC_DENIED when we may not have it, RC_IO when it cannot be had for another reason.
 * Replies made here, not by the handler, are 400 malformed, 413 body too large, 414/431 head too large,
 * 503 no memory or stopping, 505 version; those after which the two ends may disagree close the connection. */
enum rc http_server_start(const struct http_config *c, struct http_server **ret, struct err *err) MUSTUSE;
int http_server_port(const struct http_server *s);
void http_server_stats(struct http_server *s, struct http_stats *ret);
/* New certificate for new connections (reload). */
enum rc http_server_set_tls(struct http_server *s, const char *cert_pem, const char *key_pem, struct err *err) MUSTUSE;
/* Answers 503 to new requests, lets running ones end (at most `grace`, but a handler that
 * runs is waited for), ends streams, cuts the rest. Accepts NULL. */
void http_server_stop(struct http_server *s, usec grace);

#endif
