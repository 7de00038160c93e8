/* The client against our server over real TLS, and against raw sockets that misbehave. */
#include "sys/httpc.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "sys/certs.h"
#include "sys/http.h"
#include "sys/net.h"
#include "tap.h"

enum { CA, OTHER_CA, SERVER, EXPIRED_SERVER, NAMED_SERVER, LONE_SERVER, CLIENT, LONE_CLIENT, EXPIRED_CLIENT, OTHER_CLIENT, N_PAIRS };

static struct pem_pair pairs[N_PAIRS];
static _Atomic int requests;
static char *_Atomic resumed_from;

static void make_pairs(void)
{
	const int day = 86400;

	pair_make(&pairs[CA], "Federation CA", NULL, NULL, -60, 365 * day, true, NULL);
	pair_make(&pairs[OTHER_CA], "Other CA", NULL, NULL, -60, 365 * day, true, NULL);
	pair_make(&pairs[SERVER], "node a", "node-a.example", "127.0.0.1", -60, day, false, &pairs[CA]);
	pair_make(&pairs[EXPIRED_SERVER], "node a", NULL, "127.0.0.1", -2 * day, -day, false, &pairs[CA]);
	pair_make(&pairs[NAMED_SERVER], "node b", "node-b.example", NULL, -60, day, false, &pairs[CA]);
	pair_make(&pairs[LONE_SERVER], "lone", NULL, NULL, -60, day, false, NULL);
	pair_make(&pairs[CLIENT], "node c", NULL, NULL, -60, day, false, &pairs[CA]);
	pair_make(&pairs[LONE_CLIENT], "lone c", NULL, NULL, -60, day, false, NULL);
	pair_make(&pairs[EXPIRED_CLIENT], "old c", NULL, NULL, -2 * day, -day, false, &pairs[CA]);
	pair_make(&pairs[OTHER_CLIENT], "other c", NULL, NULL, -60, day, false, &pairs[OTHER_CA]);
}

/* Three events, one every few milliseconds, then the end. */
static void *feed(void *arg)
{
	struct http_stream *s = arg;
	static const char *const events[] = { "id: 7\nevent: add\ndata: one\ndata: two\n\n", ": comment\n\n", "data: three\n\n", "id: 9\ndata: end\n\n" };

	for (size_t i = 0; i < COUNTOF(events); i++) {
		usleep(20000);
		if (http_stream_send(s, str_of(events[i])) != RC_OK)
			break;
	}
	http_stream_close(s);
	return NULL;
}

static void stream(struct http_req *r, struct http_res *res)
{
	struct str id = http_header(r, "last-event-id");
	pthread_t thread;

	if (id.p != NULL) {
		char *copy = mem_alloc(id.n + 1);

		memcpy(copy, id.p, id.n);
		mem_free(atomic_exchange(&resumed_from, copy));
	}
	res->content_type = NULL;
	http_res_stream(res, http_stream_new(4096));
	pthread_create(&thread, NULL, feed, res->stream);
	pthread_detach(thread);
}

static void handle(void *ctx, struct http_req *r, struct http_res *res)
{
	(void)ctx;
	atomic_fetch_add(&requests, 1);
	res->content_type = "application/json;v=1";
	if (str_eq(r->path, S("/events"))) {
		stream(r, res);
	} else if (str_eq(r->path, S("/silent"))) {
		http_stream_close(http_stream_new(4096)); /* never handed over */
		res->status = 204;
	} else if (str_eq(r->path, S("/here"))) {
		res->status = 301;
		http_res_header(res, "Location", "/there?x=1");
	} else if (str_eq(r->path, S("/elsewhere"))) {
		res->status = 302;
		http_res_header(res, "Location", "https://192.0.2.1/x");
	} else if (str_eq(r->path, S("/round"))) {
		res->status = 302;
		http_res_header(res, "Location", "/round");
	} else if (str_eq(r->path, S("/later"))) {
		res->status = 503;
		http_res_header(res, "Retry-After", "17");
		http_res_header(res, "X-TAXII-Date-Added-First", "2026-01-01T00:00:00.000000Z");
		http_res_header(res, "X-TAXII-Date-Added-Last", "2026-01-02T00:00:00.000000Z");
		http_res_header(res, "WWW-Authenticate", "Basic realm=\"x\"");
	} else if (str_eq(r->path, S("/big"))) {
		for (int i = 0; i < 100; i++)
			buf_fmt(&res->body, "%01000d", i);
	} else {
		buf_fmt(&res->body, "%.*s %.*s?%.*s body=%zu cert=%d sha=%s cn=%s auth=%.*s ct=%.*s", STR(r->method), STR(r->path),
			STR(r->query), r->body.n, r->peer.cert, r->peer.cert_sha256, r->peer.cert_cn,
			STR(http_header(r, "authorization")), STR(http_header(r, "content-type")));
	}
}

static struct http_server *serve(int pair)
{
	struct http_config c = {
		.listen = "127.0.0.1:0", .threads = 2, .max_connections = 200, .max_body_bytes = 4 << 20, .handler = handle,
		.tls_cert_pem = pair < 0 ? NULL : pairs[pair].cert.p, .tls_key_pem = pair < 0 ? NULL : pairs[pair].key.p,
		.tls_client_ca_pem = pairs[CA].cert.p,
	};
	struct http_server *s = NULL;
	struct err err = { 0 };

	if (http_server_start(&c, &s, &err) != RC_OK) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return s;
}

static enum rc get(const struct httpc_config *c, const char *url, struct httpc_res *res, struct err *err)
{
	struct httpc *h = NULL;
	enum rc rc = httpc_new(c, &h, err);

	*res = (struct httpc_res){ 0 };
	if (rc == RC_OK)
		rc = httpc_do(h, "GET", url, NULL, S(""), res, err);
	httpc_free(h);
	return rc;
}

/* Who is let through to whom. The server must not have seen a request where the client refused it. */
static void test_trust(void)
{
	static const struct {
		const char *name;
		int server, ca, pin; /* indices into pairs, -1 = none */
		enum rc want;
		const char *why;
	} rows[] = {
		{ "signed by the given CA", SERVER, CA, -1, RC_OK, "" },
		{ "signed by the CA and pinned", SERVER, CA, SERVER, RC_OK, "" },
		{ "pinned, no CA", SERVER, -1, SERVER, RC_OK, "" },
		{ "self-signed and pinned", LONE_SERVER, -1, LONE_SERVER, RC_OK, "" },
		{ "expired but pinned", EXPIRED_SERVER, -1, EXPIRED_SERVER, RC_DENIED, "outside its dates" },
		{ "wrong CA", SERVER, OTHER_CA, -1, RC_DENIED, "certificate" },
		{ "system's store", SERVER, -1, -1, RC_DENIED, "certificate" },
		{ "self-signed, not pinned", LONE_SERVER, CA, -1, RC_DENIED, "certificate" },
		{ "expired", EXPIRED_SERVER, CA, -1, RC_DENIED, "verification failed" },
		{ "another host's certificate", NAMED_SERVER, CA, -1, RC_DENIED, "does not match" },
		{ "wrong pin", SERVER, -1, LONE_SERVER, RC_DENIED, "not the pinned one" },
		{ "right CA, wrong pin", SERVER, CA, NAMED_SERVER, RC_DENIED, "not the pinned one" },
		{ "right pin, wrong CA", SERVER, OTHER_CA, SERVER, RC_DENIED, "certificate" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct http_server *s = serve(rows[i].server);
		struct httpc_config c = {
			.ca_pem = rows[i].ca < 0 ? NULL : pairs[rows[i].ca].cert.p,
			.pin_sha256 = rows[i].pin < 0 ? NULL : pairs[rows[i].pin].sha256,
			.max_response = 1 << 16, .user = "u", .password = "p",
		};
		struct httpc_res res;
		struct err err = { 0 };
		char url[64];
		int before = atomic_load(&requests);
		enum rc rc;

		snprintf(url, sizeof url, "https://127.0.0.1:%d/x", http_server_port(s));
		rc = get(&c, url, &res, &err);
		if (!OK(rc == rows[i].want && (rc == RC_OK || str_find(str_of(err.text), str_of(rows[i].why), 0) != SIZE_MAX), "trust: %s",
			rows[i].name))
			printf("# rc %d %s\n", rc, err.text);
		EQ_INT(atomic_load(&requests) - before, rc == RC_OK, "trust: no request reached a server that was refused");
		httpc_res_done(&res);
		http_server_stop(s, 0);
	}
}

/* What the server learns from the client's certificate. */
static void test_client_certs(void)
{
	static const struct {
		const char *name;
		int pair;
		bool cert;
		const char *cn;
	} rows[] = {
		{ "none", -1, false, "" },         { "signed by the CA", CLIENT, true, "node c" },
		{ "self-signed", LONE_CLIENT, false, "lone c" }, { "expired", EXPIRED_CLIENT, false, "old c" },
		{ "of another CA", OTHER_CLIENT, false, "other c" },
	};
	struct http_server *s = serve(SERVER);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int p = rows[i].pair;
		struct httpc_config c = {
			.ca_pem = pairs[CA].cert.p, .max_response = 1 << 16,
			.cert_pem = p < 0 ? NULL : pairs[p].cert.p, .key_pem = p < 0 ? NULL : pairs[p].key.p,
		};
		struct httpc_res res;
		struct err err = { 0 };
		char url[64], want[300];
		enum rc rc;

		snprintf(url, sizeof url, "https://127.0.0.1:%d/x", http_server_port(s));
		/* A pin is not asked for outside the certificate's dates. */
		snprintf(want, sizeof want, "GET /x? body=0 cert=%d sha=%s cn=%s auth= ct=", rows[i].cert,
			 p < 0 || p == EXPIRED_CLIENT ? "" : pairs[p].sha256, rows[i].cn);
		rc = get(&c, url, &res, &err);
		OK(rc == RC_OK, "client certificate %s: %s", rows[i].name, err.text);
		EQ_STR(buf_view(&res.body), str_of(want), rows[i].name);
		httpc_res_done(&res);
	}
	http_server_stop(s, 0);
}

static void test_replies(void)
{
	static const char *const headers[] = { "Content-Type: a/b", NULL };
	static const struct {
		const char *name, *method, *path;
		size_t body;
		enum rc rc;
		int status;
		const char *text;
	} rows[] = {
		{ "get", "GET", "/a?b=c", 0, RC_OK, 200, "GET /a?b=c body=0 cert=0 sha= cn= auth=Bearer tok ct=a/b" },
		{ "post", "POST", "/a", 10, RC_OK, 200, "POST /a? body=10 cert=0 sha= cn= auth=Bearer tok ct=a/b" },
		{ "empty post", "POST", "/a", 0, RC_OK, 200, "POST /a? body=0 cert=0 sha= cn= auth=Bearer tok ct=a/b" },
		{ "large post", "POST", "/a", 3000000, RC_OK, 200, "POST /a? body=3000000 cert=0 sha= cn= auth=Bearer tok ct=a/b" },
		{ "too large for the server", "POST", "/a", 5000000, RC_OK, 413, "413 the body is too large\n" },
		{ "get after post", "GET", "/a", 0, RC_OK, 200, "GET /a? body=0 cert=0 sha= cn= auth=Bearer tok ct=a/b" },
		{ "delete", "DELETE", "/a", 0, RC_OK, 200, "DELETE /a? body=0 cert=0 sha= cn= auth=Bearer tok ct=a/b" },
		{ "put", "PUT", "/a", 3, RC_OK, 200, "PUT /a? body=3 cert=0 sha= cn= auth=Bearer tok ct=a/b" },
		{ "head", "HEAD", "/a", 0, RC_OK, 200, "" },
		{ "redirect here", "GET", "/here", 0, RC_OK, 200, "GET /there?x=1 body=0 cert=0 sha= cn= auth=Bearer tok ct=a/b" },
		{ "redirect elsewhere", "GET", "/elsewhere", 0, RC_OK, 302, "" },
		{ "redirect for ever", "GET", "/round", 0, RC_OK, 302, "" },
		{ "too large for us", "GET", "/big", 0, RC_LIMIT, 200, NULL },
		{ "no content", "GET", "/silent", 0, RC_OK, 204, "" },
	};
	struct http_server *s = serve(SERVER);
	struct httpc_config c = { .ca_pem = pairs[CA].cert.p, .max_response = 60000, .bearer = "tok" };
	struct httpc *h = NULL;
	struct httpc_res res;
	struct err err = { 0 };
	char *body = mem_alloc(5000000), url[64];

	OK(httpc_new(&c, &h, &err) == RC_OK, "client");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		enum rc rc;

		snprintf(url, sizeof url, "https://127.0.0.1:%d%s", http_server_port(s), rows[i].path);
		rc = httpc_do(h, rows[i].method, url, headers, str_make(body, rows[i].body), &res, &err);
		if (!OK(rc == rows[i].rc && res.status == rows[i].status, "reply: %s", rows[i].name))
			printf("# %d %d %s\n", rc, res.status, err.text);
		if (rows[i].text != NULL)
			EQ_STR(buf_view(&res.body), str_of(rows[i].text), rows[i].name);
		httpc_res_done(&res);
	}
	snprintf(url, sizeof url, "https://127.0.0.1:%d/later", http_server_port(s));
	OK(httpc_do(h, "GET", url, NULL, S(""), &res, &err) == RC_OK && res.status == 503 && res.retry_after == 17, "retry-after");
	EQ_STR(str_of(res.added_first), S("2026-01-01T00:00:00.000000Z"), "first");
	EQ_STR(str_of(res.added_last), S("2026-01-02T00:00:00.000000Z"), "last");
	EQ_STR(str_of(res.www_authenticate), S("Basic realm=\"x\""), "www-authenticate");
	EQ_STR(str_of(res.content_type), S("application/json;v=1"), "content type");
	OK(res.server_date > time_now() - 5 * USEC_PER_SEC && res.server_date < time_now() + USEC_PER_SEC, "the server's date");
	httpc_res_done(&res);
	httpc_free(h);
	mem_free(body);
	http_server_stop(s, 0);
}

struct heard {
	char text[512];
	int stop_at, count;
};

static bool hear(void *ctx, struct str id, struct str event, struct str data)
{
	struct heard *h = ctx;
	size_t n = strlen(h->text);

	snprintf(h->text + n, sizeof h->text - n, "[%.*s|%.*s|%.*s]", STR(id), STR(event), STR(data));
	return ++h->count != h->stop_at;
}

static void test_events(void)
{
	struct http_server *s = serve(SERVER);
	struct httpc_config c = { .ca_pem = pairs[CA].cert.p, .max_response = 60000 };
	struct httpc *h = NULL;
	struct heard all = { .stop_at = 0 }, two = { .stop_at = 2 };
	struct err err = { 0 };
	_Atomic int stop = 0;
	char url[64];

	OK(httpc_new(&c, &h, &err) == RC_OK, "client");
	snprintf(url, sizeof url, "https://127.0.0.1:%d/events", http_server_port(s));
	EQ_INT(httpc_events(h, url, "41", 5 * USEC_PER_SEC, &stop, hear, &all, &err), RC_OK, "events to the orderly end");
	EQ_STR(str_of(all.text), S("[7|add|one\ntwo][7|message|three][9|message|end]"), "events");
	EQ_STR(str_of(atomic_load(&resumed_from)), S("41"), "resumed behind the last id");
	EQ_INT(httpc_events(h, url, NULL, 5 * USEC_PER_SEC, &stop, hear, &two, &err), RC_OK, "events until the reader has enough");
	EQ_INT(two.count, 2, "two of three");
	snprintf(url, sizeof url, "https://127.0.0.1:%d/later", http_server_port(s));
	EQ_INT(httpc_events(h, url, NULL, 5 * USEC_PER_SEC, &stop, hear, &all, &err), RC_BUSY, "no stream: 503");
	snprintf(url, sizeof url, "https://127.0.0.1:%d/x", http_server_port(s));
	EQ_INT(httpc_events(h, url, NULL, 5 * USEC_PER_SEC, &stop, hear, &all, &err), RC_UNSUPPORTED, "no stream: other content");
	stop = 1;
	snprintf(url, sizeof url, "https://127.0.0.1:%d/events", http_server_port(s));
	EQ_INT(httpc_events(h, url, NULL, 5 * USEC_PER_SEC, &stop, hear, &all, &err), RC_OK, "asked to stop");
	EQ_INT(httpc_events(h, url, "a\nb", 5 * USEC_PER_SEC, &stop, hear, &all, &err), RC_BAD, "an id with a line feed");
	httpc_free(h);
	http_server_stop(s, USEC_PER_SEC);
	mem_free(atomic_exchange(&resumed_from, NULL));
}

struct rogue {
	int fd;
	const char *reply;
	size_t repeat; /* the tail "x" this often */
	bool stall;
};

/* Answers one connection with canned bytes. */
static void *rogue_main(void *arg)
{
	struct rogue *g = arg;
	char in[4096];
	int c = accept(g->fd, NULL, NULL);

	if (recv(c, in, sizeof in, 0) > 0)
		net_send(c, str_of(g->reply));
	for (size_t i = 0; i < g->repeat && net_send(c, S("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")); i++)
		;
	if (g->stall)
		(void)!recv(c, in, sizeof in, 0);
	close(c);
	return NULL;
}

static void test_rogues(void)
{
	static const struct {
		const char *name, *reply;
		size_t repeat;
		bool stall, events;
		enum rc want;
	} rows[] = {
		{ "garbage", "\x01\x02\x03 not http\r\n\r\n", 0, false, false, RC_PEER },
		{ "nothing", "", 0, false, false, RC_PEER },
		{ "cut in the head", "HTTP/1.1 200 OK\r\nContent-Le", 0, false, false, RC_PEER },
		{ "cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 0, false, false, RC_PEER },
		{ "cut in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc", 0, false, false, RC_PEER },
		{ "bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", 0, false, false, RC_PEER },
		{ "body without end", "HTTP/1.1 200 OK\r\n\r\n", 100000, false, false, RC_LIMIT },
		{ "head without end", "HTTP/1.1 200 OK\r\nX: ", 100000, false, false, RC_PEER },
		{ "stalls in the head", "HTTP/1.1 200 OK\r\n", 0, true, false, RC_PEER },
		{ "stalls in the body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 0, true, false, RC_PEER },
		{ "silent events", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n", 0, true, true, RC_PEER },
		{ "endless line of events", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ", 100000, false, true, RC_LIMIT },
		{ "events in bad UTF-8", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: \xff\n\n", 0, true, true, RC_PEER },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct rogue g = { .reply = rows[i].reply, .repeat = rows[i].repeat, .stall = rows[i].stall };
		struct httpc_config c = { .max_response = 60000, .allow_plain_loopback = true, .total_timeout = USEC_PER_SEC };
		struct httpc *h = NULL;
		struct httpc_res res = { 0 };
		struct heard heard = { .stop_at = 0 };
		struct err err = { 0 };
		pthread_t thread;
		char url[64];
		int port = 0;
		enum rc rc;
		usec begun = time_mono();

		g.fd = net_listen(&port);
		pthread_create(&thread, NULL, rogue_main, &g);
		snprintf(url, sizeof url, "http://127.0.0.1:%d/x", port);
		OK(httpc_new(&c, &h, &err) == RC_OK, "client");
		if (rows[i].events)
			rc = httpc_events(h, url, NULL, USEC_PER_SEC, NULL, hear, &heard, &err);
		else
			rc = httpc_do(h, "GET", url, NULL, S(""), &res, &err);
		if (!OK(rc == rows[i].want && err.text[0] != '\0', "rogue server: %s", rows[i].name))
			printf("# %d %s\n", rc, err.text);
		OK(time_mono() - begun < 4 * USEC_PER_SEC, "rogue server: %s: in time", rows[i].name);
		httpc_res_done(&res);
		httpc_free(h);
		pthread_join(thread, NULL);
		close(g.fd);
	}
}

static void test_urls(void)
{
	static const struct {
		const char *url;
		bool plain;
		enum rc want;
	} rows[] = {
		{ "http://127.0.0.1:1/", false, RC_BAD }, { "http://127.0.0.1:1/", true, RC_PEER }, { "http://127.9.9.9:1/", true, RC_PEER },
		{ "http://[::1]:1/", true, RC_PEER },     { "http://localhost:1/", true, RC_BAD },  { "http://192.0.2.1:1/", true, RC_BAD },
		{ "http://127.0.0.1.example:1/", true, RC_BAD }, { "ftp://127.0.0.1/", true, RC_BAD }, { "file:///etc/passwd", true, RC_BAD },
		{ "https://u:p@127.0.0.1:1/", true, RC_BAD }, { "nonsense", true, RC_BAD }, { "", true, RC_BAD },
		{ "https://127.0.0.1:1/", false, RC_PEER },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct httpc_config c = { .max_response = 100, .allow_plain_loopback = rows[i].plain, .total_timeout = USEC_PER_SEC };
		struct httpc_res res;
		struct err err = { 0 };

		EQ_INT(get(&c, rows[i].url, &res, &err), rows[i].want, rows[i].url);
		httpc_res_done(&res);
	}
}

static void test_config(void)
{
	static const struct {
		const char *name;
		struct httpc_config c;
	} rows[] = {
		{ "pin too short", { .pin_sha256 = "ab", .max_response = 1 } },
		{ "pin in capitals", { .pin_sha256 = "ABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCD", .max_response = 1 } },
		{ "certificate without key", { .cert_pem = "x", .max_response = 1 } },
		{ "password and token", { .user = "a", .bearer = "b", .max_response = 1 } },
		{ "no limit", { .max_response = 0 } },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct httpc *h = NULL;
		struct err err;

		OK(httpc_new(&rows[i].c, &h, &err) == RC_BAD && h == NULL, "configuration: %s", rows[i].name);
	}
}

/* The n-th allocation fails, of ours alone: curl has its own. */
static void test_memory(void)
{
	struct http_server *s = serve(SERVER);
	char url[64];
	int good = 0, short_of = 0, other = 0;

	snprintf(url, sizeof url, "https://127.0.0.1:%d/here", http_server_port(s));
	for (uint64_t n = 1; n < 40; n++) {
		struct httpc_config c = { .ca_pem = pairs[CA].cert.p, .pin_sha256 = pairs[SERVER].sha256, .max_response = 1000, .user = "u", .password = "p" };
		struct httpc_res res;
		struct err err = { 0 };
		enum rc rc;

		mem_fail_at(n, 0);
		rc = get(&c, url, &res, &err);
		mem_fail_at(0, 0);
		/* The server in this process runs short as well, and then hangs up. */
		good += rc == RC_OK;
		short_of += rc == RC_NOMEM;
		other += rc != RC_OK && rc != RC_NOMEM && rc != RC_PEER;
		httpc_res_done(&res);
	}
	OK(good > 0 && short_of > 3 && other == 0, "memory short: %d good, %d told so, %d told otherwise", good, short_of, other);
	http_server_stop(s, 0);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	make_pairs();
	test_config();
	test_urls();
	test_trust();
	test_client_certs();
	test_replies();
	test_events();
	test_rogues();
	test_memory();
	for (int i = 0; i < N_PAIRS; i++)
		pair_done(&pairs[i]);
	EQ_INT(mem_live(), 0, "nothing leaked");
	return tap_done();
}
