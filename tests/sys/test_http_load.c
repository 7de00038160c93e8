/* Many clients at once, some of which leave in the middle; streams; memory short. Over plain HTTP and over TLS. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "sys/certs.h"
#include "sys/http.h"
#include "sys/httpc.h"
#include "sys/net.h"
#include "tap.h"

#define CLIENTS 100
#define ROUNDS 10
#define STREAMS 200

static struct pem_pair ca, server;
static struct http_stream *_Atomic streams[STREAMS];
static _Atomic int n_streams;

/* The sum of a body proves that no byte was lost or mixed up with another request's. */
static unsigned sum(struct str s)
{
	unsigned total = 1;

	for (size_t i = 0; i < s.n; i++)
		total = total * 31 + (unsigned char)s.p[i];
	return total;
}

static void handle(void *ctx, struct http_req *r, struct http_res *res)
{
	(void)ctx;
	if (str_eq(r->path, S("/events"))) {
		struct http_stream *s = http_stream_new(1 << 16);
		int at = atomic_fetch_add(&n_streams, 1);

		http_res_stream(res, s);
		if (at < STREAMS)
			atomic_store(&streams[at], s);
		else
			http_stream_close(s);
		return;
	}
	buf_fmt(&res->body, "%zu %u %.*s", r->body.n, sum(r->body), STR(r->query));
}

static bool blocking(void *ctx, const struct http_req *r)
{
	(void)ctx;
	return str_eq(r->method, S("POST"));
}

static struct http_server *start(bool tls)
{
	struct http_config c = { .listen = "127.0.0.1:0", .threads = 2, .workers = 3, .max_connections = 1000, .max_body_bytes = 1 << 20,
				 .max_bodies_bytes = 32 << 20, .handler = handle, .blocking = blocking, .heartbeat_seconds = 1,
				 .tls_cert_pem = tls ? server.cert.p : NULL, .tls_key_pem = tls ? server.key.p : NULL };
	struct http_server *s = NULL;
	struct err err = { 0 };

	if (http_server_start(&c, &s, &err) != RC_OK) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return s;
}

struct client {
	int number, port, good;
	bool tls;
};

static void *ask_often(void *arg)
{
	struct client *c = arg;
	struct httpc_config config = { .ca_pem = ca.cert.p, .max_response = 1000, .allow_plain_loopback = true };
	struct httpc *h = NULL;
	struct err err = { 0 };
	char *body = mem_alloc(60000);

	for (size_t i = 0; i < 60000; i++)
		body[i] = (char)(i * 7 + (size_t)c->number);
	if (httpc_new(&config, &h, &err) != RC_OK)
		return NULL;
	for (int i = 0; i < ROUNDS; i++) {
		bool post = (i + c->number) % 2 == 0;
		struct str bytes = str_make(body, post ? (size_t)(i * c->number * 37 % 60000) : 0);
		struct httpc_res res;
		char url[96], want[96];

		snprintf(url, sizeof url, "http%s://127.0.0.1:%d/x?%d-%d", c->tls ? "s" : "", c->port, c->number, i);
		snprintf(want, sizeof want, "%zu %u %d-%d", bytes.n, sum(bytes), c->number, i);
		if (httpc_do(h, post ? "POST" : "GET", url, NULL, bytes, &res, &err) == RC_OK && res.status == 200 &&
		    str_eq(buf_view(&res.body), str_of(want)))
			c->good++;
		else
			printf("# client %d: %d %s %.*s\n", c->number, res.status, err.text, STR(buf_view(&res.body)));
		httpc_res_done(&res);
	}
	httpc_free(h);
	mem_free(body);
	return NULL;
}

/* Sends part of a request and leaves, politely or by a reset. */
static void *leave(void *arg)
{
	static const char *const parts[] = { "", "PO", "POST /x HTTP/1.1\r\nHo", "POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nabc",
		"POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc", "GET /x HTTP/1.1\r\nHost: t\r\n\r\n",
		"POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc", "GET /events HTTP/1.1\r\nHost: t\r\n\r\n" };
	struct client *c = arg;

	for (int i = 0; i < 20; i++) {
		int fd = net_connect(c->port, 2);
		struct linger now = { 1, 0 };

		net_send(fd, str_of(parts[(size_t)(i + c->number) % COUNTOF(parts)]));
		if (i % 3 == 0)
			usleep(3000);
		if (i % 2 == 0)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
		close(fd);
	}
	return NULL;
}

static void close_streams(void)
{
	for (size_t i = 0; i < STREAMS; i++)
		http_stream_close(atomic_exchange(&streams[i], NULL));
	atomic_store(&n_streams, 0);
}

static void test_crowd(bool tls)
{
	static struct client clients[CLIENTS], leavers[10];
	pthread_t threads[CLIENTS], others[10];
	struct http_server *s = start(tls);
	struct http_stats stats;
	usec until;
	int good = 0;

	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){ i, http_server_port(s), 0, tls };
		pthread_create(&threads[i], NULL, ask_often, &clients[i]);
	}
	for (int i = 0; i < 10; i++) {
		leavers[i] = (struct client){ i, http_server_port(s), 0, tls };
		pthread_create(&others[i], NULL, leave, &leavers[i]);
	}
	for (int i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
		good += clients[i].good;
	}
	for (int i = 0; i < 10; i++)
		pthread_join(others[i], NULL);
	EQ_INT(good, CLIENTS * ROUNDS, tls ? "every reply right, TLS" : "every reply right");
	/* Those who left mid-stream are found by the heartbeat. */
	until = time_mono() + 8 * USEC_PER_SEC;
	do {
		usleep(50000);
		http_server_stats(s, &stats);
	} while ((stats.connections > 0 || stats.streams > 0) && time_mono() < until);
	EQ_INT(stats.connections, 0, "all connections ended");
	EQ_INT(stats.streams, 0, "all streams ended");
	close_streams();
	http_server_stop(s, 0);
}

/* Stops in the middle of everything: nothing hangs, nothing is lost. */
static void test_stop_in_crowd(void)
{
	static struct client leavers[8];
	pthread_t threads[8];
	usec begun;

	for (int round = 0; round < 5; round++) {
		struct http_server *s = start(false);

		for (int i = 0; i < 8; i++) {
			leavers[i] = (struct client){ i, http_server_port(s), 0, false };
			pthread_create(&threads[i], NULL, leave, &leavers[i]);
		}
		usleep((unsigned)round * 7000);
		begun = time_mono();
		http_server_stop(s, USEC_PER_SEC / 5);
		OK(time_mono() - begun < 3 * USEC_PER_SEC, "stop %d in a crowd", round);
		for (int i = 0; i < 8; i++)
			pthread_join(threads[i], NULL);
		close_streams();
	}
}

static void test_streams(void)
{
	struct http_server *s = start(false);
	int fds[STREAMS], whole = 0;
	char event[64];
	usec until = time_mono() + 5 * USEC_PER_SEC;

	for (int i = 0; i < STREAMS; i++) {
		fds[i] = net_connect(http_server_port(s), 5);
		net_send(fds[i], S("GET /events HTTP/1.1\r\nHost: t\r\n\r\n"));
	}
	while (atomic_load(&n_streams) < STREAMS && time_mono() < until)
		usleep(10000);
	usleep(50000);
	for (int k = 0; k < 50; k++)
		for (int i = 0; i < STREAMS; i++) {
			snprintf(event, sizeof event, "id: %d\ndata: x\n\n", k);
			(void)!http_stream_send(atomic_load(&streams[i]), str_of(event));
		}
	close_streams();
	for (int i = 0; i < STREAMS; i++) {
		CLEANUP(buf_done) struct buf b;
		size_t at = 0;
		int seen = 0;

		buf_init(&b, 1 << 20);
		net_read(fds[i], &b, S("\r\n0\r\n\r\n"));
		close(fds[i]);
		for (int k = 0; k < 50 && at != SIZE_MAX; k++) {
			snprintf(event, sizeof event, "id: %d\ndata: x\n\n", k);
			at = str_find(buf_view(&b), str_of(event), at);
			seen += at != SIZE_MAX;
		}
		whole += seen == 50;
	}
	EQ_INT(whole, STREAMS, "every stream got every event in order");
	http_server_stop(s, 0);
}

/* Sends `n` bytes of a body of `whole`. */
static int begin_post(int port, int n, int whole)
{
	CLEANUP(buf_done) struct buf b;
	int fd = net_connect(port, 5);

	buf_init(&b, 1 << 20);
	buf_fmt(&b, "POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%0*d", whole, n, 0);
	net_send(fd, buf_view(&b));
	return fd;
}

static int reply_of(int fd)
{
	CLEANUP(buf_done) struct buf b;

	buf_init(&b, 1 << 20);
	net_read(fd, &b, S(""));
	close(fd);
	return net_status(buf_view(&b));
}

/* All bodies together are bounded, and what is over is given back. */
static void test_bodies_budget(void)
{
	struct http_config c = { .listen = "127.0.0.1:0", .threads = 2, .max_connections = 50, .max_body_bytes = 1 << 20,
				 .max_bodies_bytes = 450000, .handler = handle };
	struct http_server *s = NULL;
	struct http_stats stats;
	int held[3];

	if (!OK(http_server_start(&c, &s, NULL) == RC_OK, "starts"))
		return;
	for (int i = 0; i < 3; i++)
		held[i] = begin_post(http_server_port(s), 80000, 80001);
	usleep(200000);
	EQ_INT(reply_of(begin_post(http_server_port(s), 90000, 90000)), 503, "one body too many is refused");
	for (int i = 0; i < 3; i++) {
		net_send(held[i], S("x"));
		EQ_INT(reply_of(held[i]), 200, "those that were there first are served");
	}
	for (int i = 0; i < 10; i++)
		EQ_INT(reply_of(begin_post(http_server_port(s), 200000, 200000)), 200, "room again");
	http_server_stats(s, &stats);
	EQ_INT(stats.refused_size, 1, "the refusal is counted");
	http_server_stop(s, 0);
}

static void test_per_address(void)
{
	struct http_config c = { .listen = "127.0.0.1:0", .threads = 2, .max_connections = 50, .max_per_address = 3, .handler = handle };
	struct http_server *s = NULL;
	int fds[3], fd;

	if (!OK(http_server_start(&c, &s, NULL) == RC_OK, "starts"))
		return;
	for (int i = 0; i < 3; i++)
		fds[i] = net_connect(http_server_port(s), 5);
	usleep(100000);
	fd = net_connect(http_server_port(s), 5);
	net_send(fd, S("GET /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
	EQ_INT(reply_of(fd), 0, "a fourth connection of one address is closed");
	close(fds[0]);
	usleep(200000);
	fd = net_connect(http_server_port(s), 5);
	net_send(fd, S("GET /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
	EQ_INT(reply_of(fd), 200, "when one ends there is room");
	close(fds[1]);
	close(fds[2]);
	http_server_stop(s, 0);
}

/* The n-th allocation fails, from starting to stopping: an error or a refused client, never more. */
static void test_memory(void)
{
	int started = 0, served = 0;

	for (uint64_t n = 1; n < 60; n++) {
		struct http_config c = { .listen = "127.0.0.1:0", .threads = 1, .workers = 1, .max_connections = 10, .max_body_bytes = 100,
					 .handler = handle, .tls_cert_pem = server.cert.p, .tls_key_pem = server.key.p };
		struct http_server *s = NULL;
		struct err err = { 0 };

		mem_fail_at(n, 0);
		if (http_server_start(&c, &s, &err) != RC_OK) {
			mem_fail_at(0, 0);
			if (err.rc != RC_NOMEM)
				OK(false, "allocation %d: %s", (int)n, err.text);
			continue;
		}
		started++;
		mem_fail_at(0, 0);
		http_server_stop(s, 0);
	}
	OK(started > 0 && started < 59, "starting with memory short: %d of 59 start", started);
	for (uint64_t n = 1; n < 40; n++) {
		CLEANUP(buf_done) struct buf b;
		struct http_server *s = start(false);
		int fd;

		buf_init(&b, 10000);
		if (buf_room(&b, 9000) == NULL)
			return;
		fd = net_connect(http_server_port(s), 2);
		mem_fail_at(n, 0);
		net_send(fd, S("POST /x?y HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"));
		net_read(fd, &b, S(""));
		mem_fail_at(0, 0);
		close(fd);
		served += net_status(buf_view(&b)) == 200;
		http_server_stop(s, 0);
	}
	OK(served > 20 && served < 39, "serving with memory short: %d of 39 served", served);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	pair_make(&ca, "ca", NULL, NULL, -60, 86400, true, NULL);
	pair_make(&server, "s", NULL, "127.0.0.1", -60, 86400, false, &ca);
	test_crowd(false);
	test_crowd(true);
	test_streams();
	test_stop_in_crowd();
	test_bodies_budget();
	test_per_address();
	test_memory();
	pair_done(&ca);
	pair_done(&server);
	EQ_INT(mem_live(), 0, "nothing leaked");
	return tap_done();
}
