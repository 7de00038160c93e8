/* The server on libmicrohttpd: event loops (epoll) that parse, a strict gate behind the
 * library's lenient parser, worker threads for handlers that wait.
 *
 * A request passes: start_request (its line was read) -> on_head (gate, admit) -> on_body
 * (bounded, charged to the common budget) -> finish_body (handler here or on a worker while
 * the connection is suspended) -> send_reply -> on_completed. Everything one request needs
 * is one `struct conn`, taken from a free list with its arena and buffers, so that a cached
 * GET allocates nothing of ours.
 *
 * The library's own strictness is off: what it checks the gate checks too, and the replies
 * that the library makes by itself repeat their header lines (0.9.75).
 *
 * Hostile: every byte of the request, its timing, and the client's certificate. A refusal
 * after which both ends may disagree on where the next request begins closes the connection. */
#include <arpa/inet.h>
#include <assert.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/bell.h"
#include "base/mem.h"
#include "sys/http_gate.h"
#include "sys/http_int.h"

#define CONNS_KEPT 64                      /* idle request records kept for reuse */
#define KEEP_BODY ((size_t)128 << 10)      /* and the size of the two buffers each of them may keep */
#define DRAIN_MAX ((uint64_t)4 << 20)      /* refused bodies are read to their end up to this, so the client sees why */
#define PIECES_COPIED ((size_t)256 << 10)  /* over TLS, or when small, gathered pieces are sent as one block */
#define PIECE_WORTH ((size_t)8 << 10)      /* mean size from which pieces are sent where they lie */

enum phase { PHASE_HEAD, PHASE_BODY, PHASE_WORKING, PHASE_READY, PHASE_SENT };

/* One request, from its first line to the end of its reply. */
struct conn {
	struct http_job job; /* first: a job is its conn */
	struct http_server *server;
	struct http_link *link;
	struct MHD_Connection *mhd;
	enum phase phase;
	bool early;      /* `res` was filled before the body came: no handler */
	bool close;      /* the connection ends with this reply */
	bool active;     /* counted in server->active */
	bool corked;     /* the socket gathers until the reply is complete */
	size_t charged;  /* of the bodies budget */
	uint64_t drained;
	struct http_req req;
	struct http_res res;
	struct buf body;
	struct arena *arena;
	struct str target;
	size_t n_headers; /* may be larger than what fits */
	struct http_header_line headers[HTTP_HEADERS_MAX];
	struct conn *next_free;
};

struct http_server {
	struct http_config cfg; /* its texts are not ours: only numbers and functions are read */
	struct MHD_Daemon *daemon;
	struct http_pool *pool;
	struct http_tls *tls;
	struct http_stream_list *streams;
	struct http_links *links;
	bool have_ca;
	int port;
	_Atomic size_t bodies;
	_Atomic bool stopping;
	_Atomic uint64_t requests, client_errors, malformed, too_large, tls_failures;
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t changed;
	struct conn *free;
	size_t n_free;
	size_t active; /* requests begun and not answered; streams do not count */
};

/* --- request records --- */

static void conn_free(struct conn *c)
{
	if (c == NULL)
		return;
	arena_free(c->arena);
	buf_done(&c->body);
	buf_done(&c->res.body);
	mem_free(c);
}

static struct conn *conn_new(struct http_server *s)
{
	struct conn *c = mem_alloc(sizeof *c);

	if (c == NULL)
		return NULL;
	c->server = s;
	buf_init(&c->res.body, s->cfg.max_reply_bytes);
	c->arena = arena_new(s->cfg.max_arena_bytes);
	if (c->arena != NULL)
		return c;
	conn_free(c);
	return NULL;
}

static struct conn *conn_take(struct http_server *s)
{
	struct conn *c;

	pthread_mutex_lock(&s->lock);
	c = s->free;
	if (c != NULL) {
		s->free = c->next_free;
		s->n_free--;
	}
	pthread_mutex_unlock(&s->lock);
	return c != NULL ? c : conn_new(s);
}

static void active_add(struct conn *c, bool on)
{
	struct http_server *s = c->server;

	if (c->active == on)
		return;
	c->active = on;
	pthread_mutex_lock(&s->lock);
	s->active += on ? 1 : (size_t)-1;
	/* Only a server that stops waits for this; the keeper must not wake for each request. */
	if (s->active == 0 && atomic_load_explicit(&s->stopping, memory_order_relaxed))
		pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void uncharge(struct conn *c)
{
	atomic_fetch_sub_explicit(&c->server->bodies, c->charged, memory_order_relaxed);
	c->charged = 0;
}

static void keep_small(struct buf *b)
{
	buf_clear(b);
	if (b->cap > KEEP_BODY)
		buf_done(b);
}

/* A stream that the handler gave and no reply took. */
static void drop_stream(struct conn *c)
{
	if (c->res.stream != NULL)
		http_stream_abandon(c->res.stream);
	c->res.stream = NULL;
}

static void conn_give(struct conn *c)
{
	struct http_server *s = c->server;

	drop_stream(c);
	if (c->res.release != NULL)
		c->res.release(c->res.release_arg);
	uncharge(c);
	active_add(c, false);
	if (c->arena != NULL)
		arena_reset(c->arena);
	keep_small(&c->body);
	keep_small(&c->res.body);
	pthread_mutex_lock(&s->lock);
	if (s->n_free < CONNS_KEPT && c->arena != NULL) {
		c->next_free = s->free;
		s->free = c;
		s->n_free++;
		c = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	conn_free(c);
}

static void res_reset(struct http_res *res)
{
	struct buf body = res->body;

	*res = (struct http_res){ .status = 200, .body = body };
	buf_clear(&res->body);
}

/* --- replies --- */

static void fill_text(struct conn *c, int status, const char *text)
{
	drop_stream(c);
	res_reset(&c->res);
	c->res.status = status;
	if (c->server->cfg.refuse != NULL) {
		c->server->cfg.refuse(c->server->cfg.ctx, &c->req, status, text, &c->res);
		return;
	}
	c->res.content_type = "text/plain; charset=utf-8";
	buf_fmt(&c->res.body, "%d %s\n", status, text);
}

static ssize_t read_stream(void *cls, uint64_t pos, char *out, size_t n)
{
	ssize_t got = http_stream_take(cls, out, n);

	(void)pos;
	if (got >= 0)
		return got;
	return got == -1 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void suspend_mhd(void *conn)
{
	MHD_suspend_connection(conn);
}

static void resume_mhd(void *conn)
{
	MHD_resume_connection(conn);
}

static void free_stream(void *cls)
{
	http_stream_detach(cls);
}

static struct MHD_Response *stream_response(struct conn *c)
{
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1024, read_stream, c->res.stream,
								   free_stream);

	if (r == NULL)
		return NULL;
	if (c->res.content_type == NULL)
		c->res.content_type = "text/event-stream";
	http_res_header(&c->res, "Cache-Control", "no-store");
	http_stream_attach(c->res.stream, c->server->streams, c->mhd, suspend_mhd, resume_mhd);
	c->res.stream = NULL;
	active_add(c, false);
	return r;
}

/* TLS encrypts every piece by itself, and small pieces cost more as a list than as a copy. */
static bool worth_gathering(const struct conn *c, size_t total)
{
	if (total > PIECES_COPIED)
		return false;
	return c->link->peer.tls || total / PIECE_WORTH < c->res.n_pieces;
}

static_assert(sizeof(struct http_piece) == sizeof(struct MHD_IoVec) &&
		      offsetof(struct http_piece, n) == offsetof(struct MHD_IoVec, iov_len),
	      "a list of pieces is a list of the library's vectors");

/* The library sends the head by itself before a list of pieces, and each TLS record by itself: held back until
 * the reply is complete they leave in full segments, with one wake-up at the other end in place of many. */
static void cork(struct conn *c, bool on)
{
	int value = on;

	c->corked = setsockopt(c->link->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof value) == 0 && on;
}

static struct MHD_Response *pieces_response(struct conn *c)
{
	struct http_res *res = &c->res;
	size_t total = 0;

	for (size_t i = 0; i < res->n_pieces; i++)
		total += res->pieces[i].n;
	if (res->n_pieces > UINT32_MAX)
		return NULL;
	if (!worth_gathering(c, total)) {
		cork(c, true);
		return MHD_create_response_from_iovec((const struct MHD_IoVec *)(const void *)res->pieces,
						      (unsigned)res->n_pieces, NULL, NULL);
	}
	if (c->link->peer.tls)
		cork(c, true);
	buf_clear(&res->body);
	if (buf_room(&res->body, total) == NULL)
		return NULL;
	for (size_t i = 0; i < res->n_pieces; i++)
		buf_put(&res->body, res->pieces[i].p, res->pieces[i].n);
	return MHD_create_response_from_buffer(res->body.n, res->body.p, MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *make_response(struct conn *c)
{
	static char nothing[1];
	struct http_res *res = &c->res;

	if (res->stream != NULL)
		return stream_response(c);
	if (res->pieces != NULL)
		return pieces_response(c);
	return MHD_create_response_from_buffer(res->body.n, res->body.p == NULL ? nothing : res->body.p,
					       MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result add_headers(const struct conn *c, struct MHD_Response *r)
{
	enum MHD_Result good = MHD_YES;

	if (c->res.content_type != NULL)
		good &= MHD_add_response_header(r, "Content-Type", c->res.content_type);
	for (size_t i = 0; i < c->res.n_headers; i++)
		good &= MHD_add_response_header(r, c->res.headers[i].name, c->res.headers[i].value);
	if (c->close || atomic_load_explicit(&c->server->stopping, memory_order_relaxed))
		good &= MHD_add_response_header(r, "Connection", "close");
	return good;
}

/* A stream may stay for days: it keeps none of what only its request needed. */
static void slim(struct conn *c)
{
	arena_free(c->arena);
	c->arena = NULL;
	buf_done(&c->body);
	buf_done(&c->res.body);
}

static enum MHD_Result send_reply(struct conn *c)
{
	struct MHD_Response *r;
	enum MHD_Result good;

	c->phase = PHASE_SENT;
	if (c->res.body.bad != RC_OK)
		fill_text(c, 500, "the reply is too large");
	r = make_response(c);
	if (r == NULL)
		return MHD_NO;
	if (c->res.status >= 400 && c->res.status < 500)
		atomic_fetch_add_explicit(&c->server->client_errors, 1, memory_order_relaxed);
	good = add_headers(c, r) == MHD_YES ? MHD_queue_response(c->mhd, (unsigned)c->res.status, r) : MHD_NO;
	MHD_destroy_response(r);
	if (c->res.stream != NULL)
		slim(c);
	return good;
}

/* --- a request's head --- */

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_n, const char *value,
				   size_t value_n)
{
	struct conn *c = cls;

	(void)kind;
	if (c->n_headers < COUNTOF(c->headers)) {
		c->headers[c->n_headers].name = str_make(key, key_n);
		c->headers[c->n_headers].value = str_make(value == NULL ? key + key_n : value, value_n);
	}
	c->n_headers++;
	return MHD_YES;
}

static void learn_peer(struct conn *c)
{
	struct http_link *l = c->link;

	if (!l->peer_known && c->server->tls != NULL) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

		if (info != NULL)
			http_tls_peer(info->tls_session, c->server->have_ca, &l->peer);
	}
	l->peer_known = true;
	c->req.peer = l->peer;
}

static enum MHD_Result refuse_head(struct conn *c, int status, const char *why)
{
	fill_text(c, status, why);
	c->close = true;
	atomic_fetch_add_explicit(&c->server->malformed, 1, memory_order_relaxed);
	return send_reply(c);
}

/* Answers before the body: now and closing when the body is large or the client asked
 * first (RFC 9110 §10.1.1), else after the body was read and dropped. */
static enum MHD_Result answer_early(struct conn *c, uint64_t length, bool chunked)
{
	bool asked = http_header(&c->req, "expect").p != NULL;

	if ((length == 0 && !chunked) || length > DRAIN_MAX || asked) {
		c->close = length > 0 || chunked;
		return send_reply(c);
	}
	c->early = true;
	return MHD_YES;
}

static bool is_whole(struct conn *c, const struct http_head *head)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info != NULL && http_gate_whole(head->method.p, info->header_size, head);
}

static enum MHD_Result on_head(struct conn *c, const char *method, const char *version)
{
	struct http_server *s = c->server;
	struct http_head head = { str_of(method), c->target, str_of(version), c->headers, 0 };
	size_t max_body = s->cfg.max_body_bytes;
	const char *why = "";
	uint64_t length;
	int status;

	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, take_header, c);
	head.n_headers = c->n_headers;
	status = c->n_headers > COUNTOF(c->headers) ? 431 : http_gate(&head, &why);
	if (status == 431)
		return refuse_head(c, 431, "too many header lines");
	if (status != 0)
		return refuse_head(c, status, why);
	if (!is_whole(c, &head))
		return refuse_head(c, 400, "folded line, nameless line or NUL");
	c->phase = PHASE_BODY;
	c->req.method = head.method;
	c->req.headers = c->headers;
	c->req.n_headers = c->n_headers;
	if (!http_gate_target(c->target, &c->req.path, &c->req.query))
		return refuse_head(c, 400, "the request target is malformed");
	learn_peer(c);
	if (atomic_load(&s->stopping)) {
		fill_text(c, 503, "stopping");
		return answer_early(c, DRAIN_MAX + 1, false);
	}
	length = http_gate_length(&head);
	if (s->cfg.admit != NULL && !s->cfg.admit(s->cfg.ctx, &c->req, &max_body, &c->res))
		return answer_early(c, length, http_header(&c->req, "transfer-encoding").p != NULL);
	c->body.max = max_body < SIZE_MAX / 4 ? max_body : SIZE_MAX / 4; /* its memory is kept from the last request */
	if (length > max_body) {
		atomic_fetch_add_explicit(&s->too_large, 1, memory_order_relaxed);
		fill_text(c, 413, "the body is too large");
		return answer_early(c, length, false);
	}
	return MHD_YES;
}

/* --- its body --- */

static void drop_body(struct conn *c, int status, const char *why)
{
	atomic_fetch_add_explicit(&c->server->too_large, 1, memory_order_relaxed);
	buf_done(&c->body);
	uncharge(c);
	fill_text(c, status, why);
	c->early = true;
}

/* Charges what the buffer grew by; false when all bodies together would be too large. */
static bool charge(struct conn *c)
{
	size_t grown = c->body.cap - c->charged;
	size_t before = atomic_fetch_add_explicit(&c->server->bodies, grown, memory_order_relaxed);

	c->charged += grown;
	return before + grown <= c->server->cfg.max_bodies_bytes;
}

static enum MHD_Result on_body(struct conn *c, const char *data, size_t n)
{
	if (c->early) {
		c->drained += n;
		return c->drained > DRAIN_MAX ? MHD_NO : MHD_YES;
	}
	buf_put(&c->body, data, n);
	if (c->body.bad == RC_LIMIT) {
		drop_body(c, 413, "the body is too large");
	} else if (c->body.bad != RC_OK || !charge(c)) {
		drop_body(c, 503, "no memory for the body");
		http_res_header(&c->res, "Retry-After", "1");
	}
	return MHD_YES;
}

/* --- its answer --- */

static void run_handler(struct conn *c)
{
	c->server->cfg.handler(c->server->cfg.ctx, &c->req, &c->res);
}

static void run_job(struct http_job *job)
{
	struct conn *c = (struct conn *)job;

	run_handler(c);
	c->phase = PHASE_READY;
	MHD_resume_connection(c->mhd);
}

static enum MHD_Result finish_body(struct conn *c)
{
	struct http_server *s = c->server;

	atomic_store_explicit(&c->link->waiting_since, 0, memory_order_relaxed);
	if (c->early)
		return send_reply(c);
	c->req.body = buf_view(&c->body);
	atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
	if (s->cfg.blocking != NULL && !s->cfg.blocking(s->cfg.ctx, &c->req)) {
		run_handler(c);
		return send_reply(c);
	}
	if (!http_pool_reserve(s->pool)) {
		fill_text(c, 503, "stopping");
		return send_reply(c);
	}
	/* In this order: the worker may be done before submit returns. */
	c->phase = PHASE_WORKING;
	MHD_suspend_connection(c->mhd);
	http_pool_submit(s->pool, &c->job);
	return MHD_YES;
}

/* --- the library's callbacks --- */

static struct http_link *link_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

/* The request line as it came, before the library decodes it in place. */
static void *start_request(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http_server *s = cls;
	struct http_link *l = link_of(mhd);
	struct conn *c = l == NULL ? NULL : conn_take(s);

	if (c == NULL)
		return NULL;
	c->link = l;
	c->mhd = mhd;
	c->phase = PHASE_HEAD;
	c->early = c->close = c->corked = false;
	c->charged = 0;
	c->drained = 0;
	c->n_headers = 0;
	res_reset(&c->res);
	c->target = arena_dup(c->arena, str_of(uri == NULL ? "" : uri));
	c->req = (struct http_req){ .arena = c->arena, .arrived = time_now() };
	if (c->target.p == NULL) {
		conn_give(c);
		return NULL;
	}
	active_add(c, true);
	atomic_store_explicit(&l->begun, true, memory_order_relaxed);
	atomic_store_explicit(&l->waiting_since, time_mono(), memory_order_relaxed);
	return c;
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
				 const char *version, const char *data, size_t *n, void **con_cls)
{
	struct conn *c = *con_cls;
	enum MHD_Result good;

	(void)cls, (void)mhd, (void)url;
	if (c == NULL)
		return MHD_NO;
	if (c->phase == PHASE_HEAD)
		return on_head(c, method, version);
	if (c->phase == PHASE_READY)
		return send_reply(c);
	if (c->phase != PHASE_BODY)
		return MHD_NO;
	if (*n == 0)
		return finish_body(c);
	good = on_body(c, data, *n);
	*n = 0;
	return good;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode how)
{
	struct conn *c = *con_cls;

	(void)cls, (void)mhd;
	*con_cls = NULL;
	if (c == NULL)
		return;
	/* Completed without a reply of ours: the library itself answered, and it does so to bad bytes only. */
	if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK && c->phase < PHASE_WORKING)
		atomic_fetch_add_explicit(&c->server->malformed, 1, memory_order_relaxed);
	atomic_store_explicit(&c->link->waiting_since, time_mono(), memory_order_relaxed);
	if (c->corked)
		cork(c, false);
	conn_give(c);
}

static void peer_address(struct MHD_Connection *mhd, struct http_peer *p)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info == NULL ? NULL : info->client_addr;

	if (sa == NULL)
		return;
	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, p->addr, sizeof p->addr);
	} else if (sa->sa_family == AF_INET6) {
		const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

		/* An IPv4 client of a socket that listens on both is the same client as on the other. */
		if (IN6_IS_ADDR_V4MAPPED(in6))
			inet_ntop(AF_INET, &in6->s6_addr[12], p->addr, sizeof p->addr);
		else
			inet_ntop(AF_INET6, in6, p->addr, sizeof p->addr);
	}
}

static int on_handshake(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
			const gnutls_datum_t *message)
{
	struct http_link *l = link_of(gnutls_session_get_ptr(session));

	(void)type, (void)when, (void)message;
	if (incoming && l != NULL)
		l->handshaken = true;
	return 0;
}

static void link_open(struct http_server *s, struct MHD_Connection *mhd, void **socket_context)
{
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_link *l = mem_alloc(sizeof *l);

	*socket_context = l;
	if (l == NULL)
		return;
	l->owner = s;
	l->fd = fd == NULL ? -1 : fd->connect_fd;
	l->plain = s->tls == NULL;
	peer_address(mhd, &l->peer);
	if (s->tls != NULL) {
		gnutls_session_t session = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;

		gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_handshake);
		if (s->cfg.tls_ask_client || s->have_ca)
			gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	}
	http_links_add(s->links, l);
}

static void link_close(struct http_server *s, struct http_link *l)
{
	if (s->tls != NULL && !l->handshaken)
		atomic_fetch_add_explicit(&s->tls_failures, 1, memory_order_relaxed);
	http_links_del(s->links, l);
	mem_free(l);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		link_open(cls, mhd, socket_context);
	} else if (*socket_context != NULL) {
		link_close(cls, *socket_context);
		*socket_context = NULL;
	}
}

static int pick_cert(gnutls_session_t session, const gnutls_datum_t *ca, int n_ca, const gnutls_pk_algorithm_t *algos,
		     int n_algos, gnutls_pcert_st **certs, unsigned *n, gnutls_privkey_t *key)
{
	struct http_link *l = link_of(gnutls_session_get_ptr(session));

	(void)ca, (void)n_ca, (void)algos, (void)n_algos;
	return l == NULL ? -1 : http_tls_pick(((struct http_server *)l->owner)->tls, certs, n, key);
}

/* Paths and queries stay as they came: decoding is the router's decision. */
static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *s)
{
	(void)cls, (void)mhd;
	return strlen(s);
}

/* Its words go nowhere: what matters is counted, and its texts may quote hostile bytes. */
__attribute__((format(printf, 2, 0))) static void ignore_words(void *cls, const char *fmt, va_list ap)
{
	(void)cls, (void)fmt, (void)ap;
}

/* --- start and stop --- */

#define DEFAULT(field, value) ((field) = (field) == 0 ? (value) : (field))

static enum rc check_config(struct http_config *c, struct err *err)
{
	DEFAULT(c->workers, 4);
	DEFAULT(c->idle_seconds, 60);
	DEFAULT(c->request_seconds, 300);
	DEFAULT(c->heartbeat_seconds, 15);
	DEFAULT(c->max_header_bytes, (size_t)32 << 10);
	DEFAULT(c->max_bodies_bytes, (size_t)256 << 20);
	DEFAULT(c->max_reply_bytes, (size_t)64 << 20);
	DEFAULT(c->max_arena_bytes, (size_t)64 << 20);
	if (c->threads < 1 || c->threads > 64)
		return FAIL(err, RC_BAD, "http: threads must be 1..64");
	if (c->workers < 1 || c->workers > 256)
		return FAIL(err, RC_BAD, "http: workers must be 1..256");
	if (c->max_connections < c->threads || c->max_connections > 100000)
		return FAIL(err, RC_BAD, "http: max_connections must be threads..100000");
	if (c->max_per_address < 0 || c->idle_seconds < 1 || c->request_seconds < 1 || c->heartbeat_seconds < 1)
		return FAIL(err, RC_BAD, "http: negative limit");
	if (c->max_header_bytes < 16384 || c->max_header_bytes > 65536)
		return FAIL(err, RC_BAD, "http: max_header_bytes must be 16384..65536");
	if (c->handler == NULL)
		return FAIL(err, RC_BAD, "http: no handler");
	return RC_OK;
}

/* Takes the socket when it succeeds. */
static struct MHD_Daemon *start_daemon(struct http_server *s, int fd)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)pick_cert },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)HTTP_TLS_PRIORITIES },
		{ s->have_ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, (void *)(uintptr_t)s->cfg.tls_client_ca_pem },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	struct MHD_OptionItem pool[] = {
		{ s->cfg.threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, s->cfg.threads, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	return MHD_start_daemon(flags | (s->tls != NULL ? MHD_USE_TLS : 0), 0, NULL, NULL, on_access, s,
				MHD_OPTION_EXTERNAL_LOGGER, ignore_words, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->cfg.max_header_bytes,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->cfg.max_connections,
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)s->cfg.idle_seconds,
				MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)s->cfg.max_per_address,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_URI_LOG_CALLBACK, start_request, s,
				MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_ARRAY, pool,
				MHD_OPTION_ARRAY, s->tls != NULL ? tls : none, MHD_OPTION_END);
}

static enum rc start_parts(struct http_server *s, struct err *err)
{
	int fd = s->cfg.listen_fd;

	s->streams = http_stream_list_new();
	if (s->streams == NULL)
		return FAIL(err, RC_NOMEM, "http: out of memory");
	if (s->cfg.tls_cert_pem != NULL)
		TRY(http_tls_new(s->cfg.tls_cert_pem, s->cfg.tls_key_pem, &s->tls, err));
	s->have_ca = s->tls != NULL && s->cfg.tls_client_ca_pem != NULL;
	TRY(http_pool_new(s->cfg.workers, run_job, &s->pool, err));
	TRY(http_links_new(s->cfg.request_seconds, s->cfg.heartbeat_seconds, s->streams, &s->links, err));
	if (fd <= 0)
		TRY(http_listen_open(s->cfg.listen, &s->port, &fd, err));
	s->daemon = start_daemon(s, fd);
	if (s->daemon == NULL) {
		if (fd != s->cfg.listen_fd)
			close(fd);
		return FAIL(err, RC_IO, "http: cannot start on %s (memory, or an unusable client CA)", s->cfg.listen);
	}
	return RC_OK;
}

enum rc http_server_start(const struct http_config *c, struct http_server **ret, struct err *err)
{
	struct http_server *s = mem_alloc(sizeof *s);
	enum rc rc;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "http: out of memory");
	s->cfg = *c;
	pthread_mutex_init(&s->lock, NULL);
	cond_init(&s->changed);
	rc = check_config(&s->cfg, err);
	if (rc == RC_OK)
		rc = start_parts(s, err);
	if (rc != RC_OK) {
		http_server_stop(s, 0);
		return rc;
	}
	*ret = s;
	return RC_OK;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_stats(struct http_server *s, struct http_stats *ret)
{
	*ret = (struct http_stats){
		.requests = atomic_load(&s->requests),
		.client_errors = atomic_load(&s->client_errors),
		.refused_malformed = atomic_load(&s->malformed),
		.refused_size = atomic_load(&s->too_large),
		.tls_failures = atomic_load(&s->tls_failures),
		.streams = http_stream_list_count(s->streams),
	};
	http_links_stats(s->links, ret);
}

enum rc http_server_set_tls(struct http_server *s, const char *cert_pem, const char *key_pem, struct err *err)
{
	if (s->tls == NULL)
		return FAIL(err, RC_UNSUPPORTED, "http: this server speaks plain HTTP");
	return http_tls_set(s->tls, cert_pem, key_pem, err);
}

static void wait_for_requests(struct http_server *s, usec grace)
{
	usec until = time_mono() + grace, now;

	pthread_mutex_lock(&s->lock);
	while (s->active > 0 && (now = time_mono()) < until)
		(void)cond_wait_for(&s->changed, &s->lock, until - now);
	pthread_mutex_unlock(&s->lock);
}

/* The library panics when it is stopped with a suspended connection, so nothing may suspend
 * any more before it is: workers are joined, streams ended, and both refuse newcomers. Its
 * MHD_quiesce_daemon is not used: it takes the listening socket out of the epoll sets under
 * the feet of the event loops, which then panic. Who comes meanwhile is told 503. */
static void stop_daemon(struct http_server *s, usec grace)
{
	wait_for_requests(s, grace);
	http_pool_stop(s->pool);
	http_stream_list_end(s->streams);
	MHD_stop_daemon(s->daemon);
}

void http_server_stop(struct http_server *s, usec grace)
{
	if (s == NULL)
		return;
	atomic_store(&s->stopping, true);
	if (s->daemon != NULL)
		stop_daemon(s, grace);
	http_links_free(s->links);
	http_pool_stop(s->pool);
	http_pool_free(s->pool);
	while (s->free != NULL) {
		struct conn *c = s->free;

		s->free = c->next_free;
		conn_free(c);
	}
	http_stream_list_free(s->streams);
	http_tls_free(s->tls);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}
