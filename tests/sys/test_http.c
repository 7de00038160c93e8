/* The server over plain sockets: what a handler gets, what a client gets, limits, workers, streams, stop. */
#include "sys/http.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/mem.h"
#include "sys/net.h"
#include "tap.h"

static _Atomic int released, in_handler, most_in_handler, loop_calls;
static pthread_t loop_thread;
static struct http_stream *_Atomic last_stream;
static _Atomic int slow_begun; /* requests that the slow handler has */

static void echo(struct http_req *r, struct http_res *res)
{
	struct str name, value;
	bool bad = false;

	buf_fmt(&res->body, "%.*s|%.*s|%.*s|%.*s|%s|", STR(r->method), STR(r->path), STR(r->query), STR(r->body), r->peer.addr);
	for (size_t i = 0; http_query(r, i, &name, &value, &bad); i++)
		buf_fmt(&res->body, "%.*s=%.*s%s;", STR(name), STR(value), bad ? "!" : "");
	buf_fmt(&res->body, "|%.*s|%d", STR(http_header(r, "x-TEST")), http_header_count(r, "X-Test"));
	res->content_type = "text/plain";
	http_res_header(res, "X-One", "1");
	http_res_header(res, "X-Bad", "a\r\nX-Injected: 1");
}

static void on_release(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
}

static void gather(struct http_req *r, struct http_res *res, size_t each)
{
	static char block[70000];

	memset(block, 'b', sizeof block);
	res->pieces = arena_array(r->arena, 3, sizeof *res->pieces);
	if (res->pieces == NULL)
		return;
	res->pieces[0] = (struct http_piece){ "<", 1 };
	res->pieces[1] = (struct http_piece){ block, each };
	res->pieces[2] = (struct http_piece){ ">", 1 };
	res->n_pieces = 3;
	res->release = on_release;
	res->release_arg = &released;
}

static void slow(void)
{
	int now = atomic_fetch_add(&in_handler, 1) + 1, most = atomic_load(&most_in_handler);

	while (now > most && !atomic_compare_exchange_weak(&most_in_handler, &most, now))
		;
	usleep(200000);
	atomic_fetch_sub(&in_handler, 1);
}

static void handle(void *ctx, struct http_req *r, struct http_res *res)
{
	(void)ctx;
	if (str_eq(r->path, S("/pieces"))) {
		gather(r, res, 10);
	} else if (str_eq(r->path, S("/big-pieces"))) {
		gather(r, res, 70000);
	} else if (str_eq(r->path, S("/slow"))) {
		atomic_fetch_add(&slow_begun, 1);
		slow();
		buf_cstr(&res->body, "slept");
	} else if (str_eq(r->path, S("/inline"))) {
		loop_thread = pthread_self();
		atomic_fetch_add(&loop_calls, 1);
		res->status = 204;
	} else if (str_eq(r->path, S("/events"))) {
		struct http_stream *s = http_stream_new(4096);

		http_res_stream(res, s);
		atomic_store(&last_stream, s);
	} else if (str_eq(r->path, S("/huge"))) {
		for (int i = 0; i < 300; i++)
			buf_fmt(&res->body, "%01000d", i);
	} else {
		echo(r, res);
	}
}

static bool admit(void *ctx, struct http_req *r, size_t *ret_max_body, struct http_res *res)
{
	(void)ctx;
	*ret_max_body = 1000;
	if (!str_eq(r->path, S("/no")))
		return true;
	res->status = 401;
	http_res_header(res, "WWW-Authenticate", "Basic realm=\"t\"");
	return false;
}

static bool blocking(void *ctx, const struct http_req *r)
{
	(void)ctx;
	return str_eq(r->path, S("/slow")) || str_eq(r->method, S("POST"));
}

static const struct http_config CONFIG = {
	.listen = "127.0.0.1:0", .threads = 2, .workers = 4, .max_connections = 64, .idle_seconds = 20,
	.request_seconds = 2, .heartbeat_seconds = 1, .max_reply_bytes = 200000, .handler = handle, .admit = admit,
	.blocking = blocking, .max_bodies_bytes = 1 << 20,
};

static struct http_server *start(const struct http_config *c)
{
	struct http_server *s = NULL;
	struct err err = { 0 };

	if (!OK(http_server_start(c, &s, &err) == RC_OK, "starts %s", err.text))
		exit(1);
	return s;
}

/* One request on a connection of its own; the whole reply. */
static struct str ask(int port, struct str request, struct buf *b)
{
	int fd = net_connect(port, 10);

	buf_init(b, 1 << 20);
	net_send(fd, request);
	net_read(fd, b, S(""));
	close(fd);
	return buf_view(b);
}

static void test_requests(int port)
{
	static const struct {
		const char *name, *request;
		int status;
		const char *holds, *lacks;
	} rows[] = {
		{ "query decoded, path raw", "GET /a%2Fb?x=1%202&y&%41=b+c&=v HTTP/1.1\r\nHost: t\r\nX-Test: v1\r\nx-test: v2\r\n"
		  "Connection: close\r\n\r\n", 200,
		  "GET|/a%2Fb|x=1%202&y&%41=b+c&=v||127.0.0.1|x=1 2;y=;A=b c;=v;|v1|2", "Injected" },
		{ "bad escape marked", "GET /?x=%zz&y=%ff HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 200, "x=!;y=!;", NULL },
		{ "headers out", "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 200, "X-One: 1\r\n", "X-Bad" },
		{ "body", "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 200, "POST|/p||hello|", NULL },
		{ "chunked body", "POST /p HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
		  "3\r\nabc\r\n4;e=1\r\ndefg\r\n0\r\n\r\n", 200, "|abcdefg|", NULL },
		{ "absolute form", "GET http://t/x?y HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 200, "GET|/x|y|", NULL },
		{ "HTTP/1.0", "GET /x HTTP/1.0\r\n\r\n", 200, "GET|/x||", NULL },
		{ "admit answers", "GET /no HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 401, "WWW-Authenticate: Basic", NULL },
		{ "admit answers with a body on the way", "POST /no HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
		  401, "WWW-Authenticate: Basic", NULL },
		{ "length above the limit", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413, "", "100 Continue" },
		{ "length far above", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413, "", NULL },
		{ "continue", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nab", 100, "POST|/||ab|", NULL },
		{ "gathered", "GET /pieces HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 200, "\r\n\r\n<bbbbbbbbbb>", NULL },
		{ "gathered, large", "GET /big-pieces HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 200, "Content-Length: 70002", NULL },
		{ "reply above its limit", "GET /huge HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 500, "too large", "000" },
		{ "HEAD", "HEAD /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 200, "Content-Length: ", "HEAD|" },
		{ "no content", "GET /inline HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 204, "", NULL },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		CLEANUP(buf_done) struct buf b;
		struct str got = ask(port, str_of(rows[i].request), &b);
		bool good = net_status(got) == rows[i].status && str_find(got, str_of(rows[i].holds), 0) != SIZE_MAX &&
			    (rows[i].lacks == NULL || str_find(got, str_of(rows[i].lacks), 0) == SIZE_MAX);

		if (!OK(good, "%s", rows[i].name))
			printf("# %.*s\n", STR(got));
	}
	EQ_INT(atomic_load(&released), 2, "both gathered replies were released");
}

/* A chunked body has no declared length: it is cut where it passes the limit. */
static void test_chunked_limit(int port)
{
	CLEANUP(buf_done) struct buf req, b;
	struct str got;

	buf_init(&req, 1 << 20);
	buf_cstr(&req, "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
	for (int i = 0; i < 20; i++)
		buf_fmt(&req, "64\r\n%0100d\r\n", i);
	buf_cstr(&req, "0\r\n\r\n");
	got = ask(port, buf_view(&req), &b);
	EQ_INT(net_status(got), 413, "chunked body above the limit");
}

static void test_keep_alive(int port)
{
	CLEANUP(buf_done) struct buf b;
	struct str request = S("POST /p?n=1 HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabcGET /q?m=2 HTTP/1.1\r\nHost: t\r\n"
			       "Connection: close\r\n\r\n");
	int fd = net_connect(port, 10);
	struct str got;

	buf_init(&b, 1 << 20);
	/* Byte by byte: heads that arrive in pieces must not look folded to the gate. */
	for (size_t i = 0; i < request.n; i++) {
		net_send(fd, str_slice(request, i, i + 1));
		if (i % 7 == 0)
			usleep(1000);
	}
	net_read(fd, &b, S(""));
	close(fd);
	got = buf_view(&b);
	OK(str_find(got, S("POST|/p|n=1|abc|"), 0) != SIZE_MAX, "first of two pipelined requests");
	OK(str_find(got, S("GET|/q|m=2||"), 0) != SIZE_MAX, "second of two pipelined requests");
}

/* A head that makes the receive buffer grow, and one that it cannot hold. */
static void test_large_heads(int port)
{
	static const struct {
		int line, lines, want;
	} rows[] = { { 20000, 1, 200 }, { 200, 80, 200 }, { 10, 97, 431 }, { 40000, 1, 431 } };

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		CLEANUP(buf_done) struct buf req, b;
		int fd = net_connect(port, 10);

		buf_init(&req, 1 << 20);
		buf_init(&b, 1 << 20);
		buf_cstr(&req, "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n");
		for (int k = 0; k < rows[i].lines; k++)
			buf_fmt(&req, "X-%d: %0*d\r\n", k, rows[i].line, 1);
		buf_cstr(&req, "\r\n");
		for (size_t at = 0; at < req.n; at += 3000) {
			net_send(fd, str_slice(buf_view(&req), at, at + 3000));
			usleep(2000);
		}
		net_read(fd, &b, S(""));
		close(fd);
		OK(net_status(buf_view(&b)) == rows[i].want, "%d header lines of %d bytes", rows[i].lines, rows[i].line);
	}
}

struct asker {
	int port, status;
};

static void *ask_slow(void *arg)
{
	struct asker *a = arg;
	CLEANUP(buf_done) struct buf b;

	a->status = net_status(ask(a->port, S("GET /slow HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"), &b));
	return NULL;
}

/* Eight requests that wait, on four workers: two rounds, and the event loops stay free. */
static void test_workers(int port)
{
	struct asker askers[8];
	pthread_t threads[8];
	usec begun = time_mono(), quick;
	CLEANUP(buf_done) struct buf b;
	int good = 0;

	atomic_store(&most_in_handler, 0);
	for (int i = 0; i < 8; i++) {
		askers[i] = (struct asker){ port, 0 };
		pthread_create(&threads[i], NULL, ask_slow, &askers[i]);
	}
	usleep(50000);
	quick = time_mono();
	EQ_INT(net_status(ask(port, S("GET /inline HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"), &b)), 204,
	       "a request beside waiting ones");
	OK(time_mono() - quick < USEC_PER_SEC / 4, "is answered at once");
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		good += askers[i].status == 200;
	}
	EQ_INT(good, 8, "all waiting requests answered");
	EQ_INT(atomic_load(&most_in_handler), 4, "as many at once as there are workers");
	OK(time_mono() - begun < 8 * USEC_PER_SEC / 5, "side by side");
}

static void test_slow_request(struct http_server *s)
{
	CLEANUP(buf_done) struct buf b;
	struct http_stats before, after;
	usec begun = time_mono();
	int fd = net_connect(http_server_port(s), 10);

	buf_init(&b, 1000);
	http_server_stats(s, &before);
	while (time_mono() - begun < 8 * USEC_PER_SEC && net_send(fd, S("G")))
		usleep(100000);
	http_server_stats(s, &after);
	close(fd);
	OK(time_mono() - begun < 6 * USEC_PER_SEC, "a request that never ends is cut");
	EQ_INT(after.timeouts - before.timeouts, 1, "and counted");
}

/* Lines of NULs and empty lines are no request, and are not waited with for the idle limit; a client that connects
 * ahead of its request is. */
static void test_no_request(void)
{
	static const struct str rows[] = { { "\0\0\0\0\r\n\r\n", 8 }, { "\0", 1 }, { "\0GET", 4 }, { "\r\n\r\n", 4 } };
	struct http_config c = CONFIG;
	struct http_stats after;
	struct http_server *s;
	CLEANUP(buf_done) struct buf b;
	usec begun = time_mono();
	int fds[COUNTOF(rows)], early;

	c.request_seconds = 15;
	s = start(&c);
	early = net_connect(http_server_port(s), 10);
	buf_init(&b, 10000);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		fds[i] = net_connect(http_server_port(s), 10);
		net_send(fds[i], rows[i]);
	}
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		net_read(fds[i], &b, S(""));
		close(fds[i]);
		OK(b.n == 0 && time_mono() - begun < 8 * USEC_PER_SEC, "no request, row %zu: closed after %.1f s", i,
		   (double)(time_mono() - begun) / 1e6);
	}
	http_server_stats(s, &after);
	EQ_INT(after.timeouts, COUNTOF(rows), "each is counted");
	net_send(early, S("GET /inline HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
	net_read(early, &b, S(""));
	close(early);
	EQ_INT(net_status(buf_view(&b)), 204, "a request on a connection that was silent meanwhile");
	http_server_stop(s, 0);
}

static int open_stream(int port, struct buf *b)
{
	int fd = net_connect(port, 5);

	atomic_store(&last_stream, NULL);
	buf_init(b, 1 << 20);
	net_send(fd, S("GET /events HTTP/1.1\r\nHost: t\r\n\r\n"));
	net_read(fd, b, S("\r\n\r\n"));
	return fd;
}

static void test_stream(struct http_server *s)
{
	CLEANUP(buf_done) struct buf b;
	struct http_stats stats;
	int fd = open_stream(http_server_port(s), &b);
	struct http_stream *stream = atomic_load(&last_stream);

	OK(str_find(buf_view(&b), S("Content-Type: text/event-stream"), 0) != SIZE_MAX, "stream: content type");
	for (int i = 0; i < 5; i++) {
		char event[64];

		snprintf(event, sizeof event, "id: %d\ndata: x%d\n\n", i, i);
		OK(http_stream_send(stream, str_of(event)) == RC_OK, "stream: send %d", i);
		usleep(2000);
	}
	net_read(fd, &b, S("x4\n\n"));
	OK(str_find(buf_view(&b), S("id: 0\ndata: x0\n\n"), 0) != SIZE_MAX, "stream: first event");
	OK(str_find(buf_view(&b), S("id: 4\ndata: x4\n\n"), 0) != SIZE_MAX, "stream: last event");
	OK(net_read(fd, &b, S(":\n\n")) && str_find(buf_view(&b), S(":\n\n"), 0) != SIZE_MAX, "stream: heartbeat");
	http_server_stats(s, &stats);
	EQ_INT(stats.streams, 1, "stream: counted");
	http_stream_close(stream);
	net_read(fd, &b, S("0\r\n\r\n"));
	OK(str_ends(buf_view(&b), S("0\r\n\r\n")), "stream: orderly end");
	close(fd);
}

static void test_stream_gone(struct http_server *s)
{
	CLEANUP(buf_done) struct buf b;
	int fd = open_stream(http_server_port(s), &b);
	struct http_stream *stream = atomic_load(&last_stream);
	usec begun = time_mono();

	close(fd);
	while (!http_stream_gone(stream) && time_mono() - begun < 5 * USEC_PER_SEC)
		usleep(20000);
	OK(http_stream_gone(stream), "stream: heartbeat finds that the client left");
	EQ_INT(http_stream_send(stream, S("data: 1\n\n")), RC_NOTFOUND, "stream: sending says so");
	http_stream_close(stream);
}

static void test_stream_slow(struct http_server *s)
{
	CLEANUP(buf_done) struct buf b;
	int fd = open_stream(http_server_port(s), &b), sent = 0;
	struct http_stream *stream = atomic_load(&last_stream);
	char event[1000];
	enum rc rc = RC_OK;

	memset(event, 'x', sizeof event);
	while (sent < 100000 && (rc = http_stream_send(stream, str_make(event, sizeof event))) == RC_OK)
		sent++;
	EQ_INT(rc, RC_LIMIT, "stream: a reader that does not read overruns its queue");
	OK(http_stream_gone(stream), "stream: and is cut off");
	http_stream_close(stream);
	close(fd);
}

static void test_stop(struct http_server *s)
{
	CLEANUP(buf_done) struct buf b;
	struct asker a = { http_server_port(s), 0 };
	pthread_t thread;
	int fd = open_stream(http_server_port(s), &b), idle = net_connect(http_server_port(s), 5);
	struct http_stream *stream = atomic_load(&last_stream);
	usec begun;

	atomic_store(&slow_begun, 0);
	pthread_create(&thread, NULL, ask_slow, &a);
	for (int i = 0; i < 1000 && atomic_load(&slow_begun) == 0; i++)
		usleep(10000);
	begun = time_mono();
	http_server_stop(s, 2 * USEC_PER_SEC);
	OK(time_mono() - begun < 2 * USEC_PER_SEC, "stop does not use up its grace");
	pthread_join(thread, NULL);
	EQ_INT(a.status, 200, "a running request was answered");
	OK(net_read(fd, &b, S("")), "the stream ended");
	http_stream_close(stream);
	close(fd);
	close(idle);
}

/* The reply to a plain GET over any connected socket. */
static bool get_over(int fd, const char *holds)
{
	CLEANUP(buf_done) struct buf b;

	buf_init(&b, 10000);
	net_send(fd, S("GET /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
	net_read(fd, &b, S(""));
	close(fd);
	if (net_status(buf_view(&b)) == 200 && str_find(buf_view(&b), str_of(holds), 0) != SIZE_MAX)
		return true;
	printf("# %.*s\n", STR(buf_view(&b)));
	return false;
}

static void test_ipv6(void)
{
	struct http_config c = CONFIG;
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct http_server *s = NULL;
	int fd;

	c.listen = "[::]:0";
	if (http_server_start(&c, &s, NULL) != RC_OK) {
		SKIP("no IPv6 here", "IPv6");
		return;
	}
	in6.sin6_port = htons((uint16_t)http_server_port(s));
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	OK(connect(fd, (struct sockaddr *)&in6, sizeof in6) == 0 && get_over(fd, "GET|/x|||::1|"), "IPv6 client");
	OK(get_over(net_connect(http_server_port(s), 5), "GET|/x|||127.0.0.1|"), "IPv4 client of the same socket, named as such");
	http_server_stop(s, 0);
}

static void test_unix(void)
{
	char dir[] = "/tmp/lianfang-http-XXXXXX", where[64], path[64];
	struct http_config c = CONFIG;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct http_server *s = NULL;
	struct stat st;
	struct err err = { 0 };
	mode_t old = umask(0);
	int fd;

	if (mkdtemp(dir) == NULL)
		return;
	snprintf(where, sizeof where, "unix:%s/sock", dir);
	snprintf(path, sizeof path, "%s/sock", dir);
	c.listen = where;
	for (int i = 0; i < 2; i++) {
		OK(http_server_start(&c, &s, &err) == RC_OK, "socket file, start %d %s", i, err.text);
		OK(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600, "for its owner only");
		memcpy(un.sun_path, path, strlen(path) + 1);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		OK(connect(fd, (struct sockaddr *)&un, sizeof un) == 0 && get_over(fd, "GET|/x||||"), "socket file, request");
		http_server_stop(s, 0);
	}
	umask(old);
	unlink(path);
	rmdir(dir);
}

static void test_config(void)
{
	struct http_config c = CONFIG;
	struct http_server *s = NULL;
	struct err err;

	c.listen = "127.0.0.1";
	EQ_INT(http_server_start(&c, &s, &err), RC_BAD, "listen without port");
	c.listen = "localhost:1";
	EQ_INT(http_server_start(&c, &s, &err), RC_BAD, "listen on a name");
	c.listen = "192.0.2.1:0";
	EQ_INT(http_server_start(&c, &s, &err), RC_IO, "listen on an address of others");
	c.listen = "127.0.0.1:0";
	c.threads = 0;
	EQ_INT(http_server_start(&c, &s, &err), RC_BAD, "no threads");
	c.threads = 1;
	c.tls_cert_pem = "x";
	c.tls_key_pem = "y";
	EQ_INT(http_server_start(&c, &s, &err), RC_BAD, "unusable certificate");
	OK(s == NULL, "nothing came out");
}

int main(void)
{
	struct http_server *s = start(&CONFIG);
	int port = http_server_port(s);

	test_requests(port);
	test_chunked_limit(port);
	test_keep_alive(port);
	test_large_heads(port);
	test_workers(port);
	test_slow_request(s);
	test_stream(s);
	test_stream_gone(s);
	test_stream_slow(s);
	test_stop(s);
	test_ipv6();
	test_unix();
	test_no_request();
	test_config();
	EQ_INT(mem_live(), 0, "nothing leaked");
	return tap_done();
}
