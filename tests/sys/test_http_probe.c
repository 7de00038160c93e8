/* Malformed requests over a real socket: each row says what we answer and what nginx 1.22
 * answers to the same bytes, and we are never laxer. Where nginx is installed its column
 * is measured again, as a proxy, so that it reads bodies. 0 = closed without a
 * reply (nginx to "no version": an HTTP/0.9 reply without a head). */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/net.h"
#include "tap.h"

#define P "POST / HTTP/1.1\r\nHost: t\r\n"
#define G "GET / HTTP/1.1\r\nHost: t\r\n"

struct probe {
	const char *name;
	struct str bytes;
	int nginx, ours;
};
#define ROW(name, bytes, nginx, ours) { name, { bytes, sizeof(bytes) - 1 }, nginx, ours }

static const struct probe PROBES[] = {
	ROW("a good request", G "\r\n", 200, 200),
	ROW("a good request with a body", P "Content-Length: 3\r\n\r\nabc", 200, 200),
	ROW("a good chunked request", P "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, 200),
	ROW("Content-Length and Transfer-Encoding", P "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 400),
	ROW("Transfer-Encoding and Content-Length", P "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, 400),
	ROW("two different lengths", P "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, 400),
	ROW("two equal lengths", P "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, 400),
	ROW("length list", P "Content-Length: 3, 3\r\n\r\nabc", 400, 400),
	ROW("length +3", P "Content-Length: +3\r\n\r\nabc", 400, 400),
	ROW("length -3", P "Content-Length: -3\r\n\r\nabc", 400, 400),
	ROW("length 0x3", P "Content-Length: 0x3\r\n\r\nabc", 400, 400),
	ROW("length empty", P "Content-Length:\r\n\r\n", 400, 400),
	ROW("length beyond 64 bits", P "Content-Length: 99999999999999999999\r\n\r\nabc", 400, 413),
	ROW("coding xchunked", P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, 400),
	ROW("coding gzip, chunked", P "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, 400),
	ROW("coding chunked twice", P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 400),
	ROW("coding chunked, identity", P "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, 400),
	ROW("coding with vertical tab", P "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n", 501, 400),
	ROW("coding with HTTP/1.0", "POST / HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 400),
	ROW("space before the colon: Host", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, 400),
	ROW("space before the colon: Content-Length", P "Content-Length : 3\r\n\r\nabc", 400, 400),
	ROW("tab before the colon", P "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400, 400),
	ROW("space before a name", "GET / HTTP/1.1\r\n Host: t\r\n\r\n", 400, 400),
	ROW("name with a parenthesis", G "X(: 1\r\n\r\n", 200, 400),
	ROW("name with a non-ASCII byte", G "X\xff: 1\r\n\r\n", 200, 400),
	ROW("empty name", G ": 1\r\n\r\n", 400, 400),
	ROW("header without colon", G "abc\r\n\r\n", 200, 400),
	ROW("no Host", "GET / HTTP/1.1\r\n\r\n", 400, 400),
	ROW("two Hosts", G "Host: u\r\n\r\n", 400, 400),
	ROW("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, 400),
	ROW("Host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 400),
	ROW("Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 400),
	ROW("Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 200, 400),
	ROW("folded header", G "X: a\r\n b\r\n\r\n", 400, 400),
	ROW("folded header in the middle", "GET / HTTP/1.1\r\nX: a\r\n\tb\r\nHost: t\r\n\r\n", 400, 400),
	ROW("folded Transfer-Encoding", P "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, 400),
	ROW("folded Content-Length", P "Content-Length: 3\r\n 0\r\n\r\nabc", 400, 400),
	ROW("NUL in a value", G "X: a\0b\r\n\r\n", 400, 400),
	ROW("NUL in the last byte of a value", G "X: a\0\r\n\r\n", 400, 400),
	ROW("NUL in a name", G "X\0Y: a\r\n\r\n", 400, 400),
	ROW("CR in a value", G "X: a\rb\r\n\r\n", 400, 400),
	ROW("control character in a value", G "X: a\x01" "b\r\n\r\n", 200, 400),
	ROW("chunk size 0x3", P "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400, 400),
	ROW("chunk size +3", P "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", 400, 400),
	ROW("chunk size -3", P "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", 400, 400),
	ROW("chunk size empty", P "Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n", 400, 400),
	ROW("chunk size beyond 64 bits", P "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n", 400, 413),
	ROW("chunk longer than its size", P "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400, 400),
	ROW("HTTP/1.2", "GET / HTTP/1.2\r\nHost: t\r\n\r\n", 200, 505),
	ROW("HTTP/2.0", "GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505, 505),
	ROW("HTTP/11", "GET / HTTP/11\r\nHost: t\r\n\r\n", 505, 400),
	ROW("http/1.1", "GET / http/1.1\r\nHost: t\r\n\r\n", 400, 400),
	ROW("no version", "GET /\r\n\r\n", 0, 400),
	ROW("method with a brace", "GE{T / HTTP/1.1\r\nHost: t\r\n\r\n", 400, 400),
	ROW("space in the target", "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", 400, 400),
	ROW("control character in the target", "GET /a\x01 HTTP/1.1\r\nHost: t\r\n\r\n", 400, 400),
	ROW("NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: t\r\n\r\n", 400, 400),
	ROW("non-ASCII target", "GET /\xff HTTP/1.1\r\nHost: t\r\n\r\n", 200, 400),
	ROW("fragment in the target", "GET /#a HTTP/1.1\r\nHost: t\r\n\r\n", 200, 400),
	ROW("target without slash", "GET a HTTP/1.1\r\nHost: t\r\n\r\n", 400, 400),
	ROW("another scheme", "GET ftp://t/ HTTP/1.1\r\nHost: t\r\n\r\n", 200, 400),
	ROW("authority form", "CONNECT t:80 HTTP/1.1\r\nHost: t\r\n\r\n", 400, 400),
	ROW("TLS hello on a plain port", "\x16\x03\x01\x00\x05hello\r\n\r\n", 400, 0),
	ROW("garbage", "\x01\x02\x03\r\n\r\n", 400, 0),
	ROW("bare LF", "GET / HTTP/1.1\nHost: t\n\n", 200, 400),
};

static void answer(void *ctx, struct http_req *r, struct http_res *res)
{
	(void)ctx, (void)r;
	buf_cstr(&res->body, "ok");
}

static bool readers_inline(void *ctx, const struct http_req *r)
{
	(void)ctx, (void)r;
	return false;
}

/* The status of the first reply; *ret_closed when the server ended the connection,
 * *ret_served when any request in these bytes was served. */
static int ask(int port, struct str bytes, bool *ret_closed, bool *ret_served)
{
	CLEANUP(buf_done) struct buf b;
	int fd = net_connect(port, 1), status;

	buf_init(&b, 1 << 16);
	net_send(fd, bytes);
	*ret_closed = net_read(fd, &b, S("")) || errno != EAGAIN;
	close(fd);
	status = net_status(buf_view(&b));
	*ret_served = str_find(buf_view(&b), S("HTTP/1.1 200"), 0) != SIZE_MAX;
	return status;
}

static bool refused(int status)
{
	return status == 0 || status >= 400;
}

static void test_ours(int port)
{
	for (size_t i = 0; i < COUNTOF(PROBES); i++) {
		const struct probe *p = &PROBES[i];
		bool closed, served;
		int got = ask(port, p->bytes, &closed, &served);

		EQ_INT(got, p->ours, p->name);
		if (refused(got))
			OK(closed && !served, "%s: nothing is served, the connection ends", p->name);
		OK(!refused(p->nginx) || refused(got), "%s: not laxer than nginx", p->name);
	}
}

/* --- nginx in front --- */

static const char CONF[] =
	"daemon off;\nmaster_process off;\nerror_log /dev/null;\npid %s/pid;\nevents { worker_connections 64; }\n"
	"http { access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u;\n"
	"scgi_temp_path %s/s; server { listen 127.0.0.1:%d; keepalive_timeout 1; location / { proxy_pass http://127.0.0.1:%d; } }\n"
	"server { listen 127.0.0.1:%d; location / { return 200 ok; } } }\n";

static pid_t start_nginx(const char *dir, int port, int behind)
{
	char conf[2048], path[128], arg_c[] = "-c", prog[] = "nginx", arg_p[] = "-p", where[128];
	char *argv[] = { prog, arg_p, where, arg_c, path, NULL };
	pid_t pid = 0;
	int n = snprintf(conf, sizeof conf, CONF, dir, dir, dir, dir, dir, dir, port, behind, behind);

	snprintf(path, sizeof path, "%s/conf", dir);
	snprintf(where, sizeof where, "%s", dir);
	if (file_replace(path, str_make(conf, (size_t)n), 0600, NULL) != RC_OK ||
	    posix_spawn(&pid, "/usr/sbin/nginx", NULL, NULL, argv, NULL) != 0)
		return 0;
	for (int i = 0; i < 100; i++) {
		int fd = net_connect(port, 1);

		if (fd >= 0) {
			close(fd);
			return pid;
		}
		usleep(50000);
	}
	return pid;
}

static void remove_folder(const char *dir)
{
	static const char *const names[] = { "conf", "pid", "b", "p", "f", "u", "s", "" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		char path[128];

		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		remove(path);
	}
}

static void test_nginx(void)
{
	char dir[] = "/tmp/lianfang-probe-XXXXXX";
	int port = 0, behind = 0, fd, fd2;
	pid_t pid;

	if (access("/usr/sbin/nginx", X_OK) != 0) {
		SKIP("nginx is not installed", "the column of nginx, measured again");
		return;
	}
	fd = net_listen(&port);
	fd2 = net_listen(&behind);
	close(fd);
	close(fd2);
	if (mkdtemp(dir) == NULL || (pid = start_nginx(dir, port, behind)) == 0)
		return;
	for (size_t i = 0; i < COUNTOF(PROBES); i++) {
		const struct probe *p = &PROBES[i];
		bool closed, served;

		EQ_INT(ask(port, p->bytes, &closed, &served), p->nginx, p->name);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	remove_folder(dir);
}

int main(void)
{
	struct http_config c = { .listen = "127.0.0.1:0", .threads = 2, .max_connections = 64, .max_body_bytes = 1000,
				 .idle_seconds = 5, .handler = answer, .blocking = readers_inline };
	struct http_server *s = NULL;
	struct http_stats stats;
	struct err err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	if (!OK(http_server_start(&c, &s, &err) == RC_OK, "starts %s", err.text))
		return tap_done();
	test_ours(http_server_port(s));
	http_server_stats(s, &stats);
	printf("# %llu requests, %llu malformed, %llu too large\n", (unsigned long long)stats.requests,
	       (unsigned long long)stats.refused_malformed, (unsigned long long)stats.refused_size);
	EQ_INT(stats.requests, 3, "only the good ones reached the handler");
	test_nginx();
	http_server_stop(s, 0);
	EQ_INT(mem_live(), 0, "nothing leaked");
	return tap_done();
}
