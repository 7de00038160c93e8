/* The HTTP server beside nginx serving the same bytes: a page of 61,477 bytes, keep-alive,
 * over plain HTTP and TLS 1.3, wrk as the client. Rounds alternate between the two, so that
 * what else runs on the machine hits both. `pieces` is the page as 201 gathered pieces. */
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bench.h"
#include "sys/certs.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/net.h"

#define PAGE ((size_t)61477)
#define ROUNDS 5
#define SECONDS "3"

extern char **environ;

static char page[PAGE], dir[] = "/tmp/lianfang-bench-XXXXXX";
static struct pem_pair ca, server;

static void serve(void *ctx, struct http_req *r, struct http_res *res)
{
	(void)ctx;
	res->content_type = "application/taxii+json;version=2.1";
	if (str_eq(r->path, S("/page"))) {
		buf_put(&res->body, page, PAGE);
		return;
	}
	res->pieces = arena_array(r->arena, 201, sizeof *res->pieces);
	if (res->pieces == NULL)
		return;
	for (size_t i = 0, at = 0; i < 201; i++, res->n_pieces++) {
		size_t n = i == 200 ? PAGE - at : PAGE / 201;

		res->pieces[i] = (struct http_piece){ page + at, n };
		at += n;
	}
}

static bool never(void *ctx, const struct http_req *r)
{
	(void)ctx, (void)r;
	return false;
}

static struct http_server *start(bool tls)
{
	struct http_config c = { .listen = "127.0.0.1:0", .threads = 2, .max_connections = 1000, .handler = serve, .blocking = never,
				 .tls_cert_pem = tls ? server.cert.p : NULL, .tls_key_pem = tls ? server.key.p : NULL };
	struct http_server *s = NULL;
	struct err err = { 0 };

	if (http_server_start(&c, &s, &err) != RC_OK) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return s;
}

static void put_file(const char *name, struct str bytes)
{
	char path[128];
	struct err err = { 0 };

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (file_replace(path, bytes, 0644, &err) != RC_OK) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
}

static pid_t run(char *const *argv, int out)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = 0;

	posix_spawn_file_actions_init(&actions);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0)
		pid = 0;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static pid_t start_nginx(int plain, int tls)
{
	char conf[2048], path[128];
	char *argv[] = { (char[]){ "/usr/sbin/nginx" }, (char[]){ "-p" }, dir, (char[]){ "-c" }, path, NULL };
	int n = snprintf(conf, sizeof conf,
			 "daemon off; worker_processes 2; error_log /dev/null; pid %s/pid; events { worker_connections 1000; }\n"
			 "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=10;\n"
			 "default_type application/json; client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f;\n"
			 "uwsgi_temp_path %s/u; scgi_temp_path %s/s; root %s; server { listen 127.0.0.1:%d; }\n"
			 "server { listen 127.0.0.1:%d ssl; ssl_certificate %s/cert; ssl_certificate_key %s/key; ssl_protocols TLSv1.3; } }\n",
			 dir, dir, dir, dir, dir, dir, dir, plain, tls, dir, dir);
	pid_t pid;

	put_file("conf", str_make(conf, (size_t)n));
	put_file("page", str_make(page, PAGE));
	put_file("cert", buf_view(&server.cert));
	put_file("key", buf_view(&server.key));
	chmod(dir, 0755);
	snprintf(path, sizeof path, "%s/conf", dir);
	pid = run(argv, -1);
	for (int i = 0, fd = -1; pid != 0 && i < 100 && fd < 0; i++) {
		usleep(50000);
		fd = net_connect(tls, 1);
		if (fd >= 0)
			close(fd);
	}
	return pid;
}

/* Requests a second, as wrk says. */
static double measure(bool tls, int port, const char *path)
{
	char url[64], out[4096] = "";
	char *argv[] = { (char[]){ "wrk" }, (char[]){ "-t1" }, (char[]){ "-c32" }, (char[]){ "-d" SECONDS }, url, NULL };
	const char *at;
	size_t n = 0;
	ssize_t got;
	int fds[2];
	pid_t pid;

	snprintf(url, sizeof url, "%s://127.0.0.1:%d/%s", tls ? "https" : "http", port, path);
	if (pipe(fds) != 0)
		return 0;
	pid = run(argv, fds[1]);
	close(fds[1]);
	while (n < sizeof out - 1 && (got = read(fds[0], out + n, sizeof out - 1 - n)) > 0)
		n += (size_t)got;
	close(fds[0]);
	if (pid != 0)
		waitpid(pid, NULL, 0);
	if (strstr(out, "Non-2xx") != NULL || strstr(out, "Socket errors") != NULL)
		fprintf(stderr, "%s", out);
	at = strstr(out, "Requests/sec:");
	return at == NULL ? 0 : strtod(at + strlen("Requests/sec:"), NULL);
}

static void compare(bool tls, int ours, int theirs)
{
	const char *what = tls ? "tls" : "plain";
	double us[ROUNDS], pieces[ROUNDS], peer[ROUNDS], ratio[ROUNDS], ratio2[ROUNDS];
	char name[64];

	for (int i = 0; i < ROUNDS; i++) {
		us[i] = measure(tls, ours, "page");
		peer[i] = measure(tls, theirs, "page");
		pieces[i] = measure(tls, ours, "pieces");
		ratio[i] = us[i] / peer[i];
		ratio2[i] = pieces[i] / peer[i];
	}
	snprintf(name, sizeof name, "http_%s_page", what);
	bench_print(name, us, ROUNDS, "req/s");
	snprintf(name, sizeof name, "http_%s_pieces", what);
	bench_print(name, pieces, ROUNDS, "req/s");
	snprintf(name, sizeof name, "http_%s_nginx", what);
	bench_print(name, peer, ROUNDS, "req/s");
	snprintf(name, sizeof name, "http_%s_page_to_nginx", what);
	bench_print(name, ratio, ROUNDS, "ratio");
	snprintf(name, sizeof name, "http_%s_pieces_to_nginx", what);
	bench_print(name, ratio2, ROUNDS, "ratio");
}

static void clean(void)
{
	static const char *const names[] = { "conf", "page", "cert", "key", "pid", "b", "p", "f", "u", "s", "" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		char path[128];

		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		remove(path);
	}
}

int main(void)
{
	struct http_server *plain, *tls;
	int nginx_plain = 0, nginx_tls = 0, a = net_listen(&nginx_plain), b = net_listen(&nginx_tls);
	pid_t nginx;

	close(a);
	close(b);
	for (size_t i = 0; i < PAGE; i++)
		page[i] = (char)('a' + i % 26);
	if (mkdtemp(dir) == NULL)
		return 1;
	pair_make(&ca, "ca", NULL, NULL, -60, 86400, true, NULL);
	pair_make(&server, "s", NULL, "127.0.0.1", -60, 86400, false, &ca);
	plain = start(false);
	tls = start(true);
	nginx = start_nginx(nginx_plain, nginx_tls);
	if (nginx == 0) {
		fprintf(stderr, "nginx and wrk are needed: tools/deps bench\n");
		return 1;
	}
	compare(false, http_server_port(plain), nginx_plain);
	compare(true, http_server_port(tls), nginx_tls);
	kill(nginx, SIGTERM);
	waitpid(nginx, NULL, 0);
	http_server_stop(plain, 0);
	http_server_stop(tls, 0);
	pair_done(&ca);
	pair_done(&server);
	clean();
	return 0;
}
