/* Inside a fence a role can do its work and nothing else. Each row runs in a child, since a fence is for life. */
#include "sys/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sys/certs.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/httpc.h"
#include "sys/keys.h"
#include "tap.h"

/* A sanitizer's leak check needs calls that the fence else forbids; see fence.c. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static char dir[] = "/tmp/lianfang-fence-XXXXXX";
static char inside[64], outside[64];
static struct pem_pair ca, server;

/* --- what is tried inside; true when the system let it happen --- */

static bool writes(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool write_inside(void)
{
	struct err err;
	char path[96];

	snprintf(path, sizeof path, "%s/f", inside);
	return file_replace(path, S("abc"), 0600, &err) == RC_OK && unlink(path) == 0;
}

static bool write_outside(void)
{
	char path[96];

	snprintf(path, sizeof path, "%s/f", outside);
	return writes(path);
}

static bool read_passwd(void)
{
	int fd = open("/etc/passwd", O_RDONLY);

	return fd >= 0;
}

static bool read_hosts(void)
{
	return open("/etc/hostname", O_RDONLY) >= 0;
}

static bool write_hosts(void)
{
	return open("/etc/hostname", O_WRONLY) >= 0;
}

static bool link_out(void)
{
	char from[96], to[96];

	snprintf(from, sizeof from, "%s/g", inside);
	snprintf(to, sizeof to, "%s/g", outside);
	return writes(from) && rename(from, to) == 0;
}

static bool tcp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool raw_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool vsock_socket(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0) >= 0 || errno != EPERM;
}

static bool run_program(void)
{
	char *argv[] = { (char[]){ "false" }, NULL };

	execv("/bin/false", argv);
	return errno != EPERM;
}

static bool fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool unshare_user(void)
{
	return unshare(CLONE_NEWUSER) == 0 || errno != EPERM;
}

static bool mount_something(void)
{
	return mount("none", "/", NULL, MS_REMOUNT, NULL) == 0 || errno != EPERM;
}

static bool load_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0) == 0 || errno != EPERM;
}

static bool signal_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool signal_thread_of_parent(void)
{
	return tgkill(getppid(), getppid(), 0) == 0;
}

static bool signal_itself(void)
{
	return raise(0) == 0;
}

static bool limit_parent(void)
{
	struct rlimit r;

	return syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, &r) == 0;
}

static bool become_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1) == 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static bool start_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static bool files_are_limited(void)
{
	int fd = -1, n = 0;

	while (n < 1000 && (fd = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	return n < 100;
}

static bool no_new_privileges(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	bool found = false;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		found = found || strcmp(line, "NoNewPrivs:\t1\n") == 0;
	return found;
}

static void hello(void *ctx, struct http_req *r, struct http_res *res)
{
	char hash[PASSWORD_HASH_MAX];
	struct err err;

	(void)ctx, (void)r;
	if (password_hash(S("x"), hash, &err) == RC_OK && password_verify(hash, S("x")))
		buf_cstr(&res->body, "hello");
}

/* The whole of sys at work: TLS server and client, workers, password hashes. */
static bool serve_and_ask(void)
{
	struct http_config c = { .listen = "127.0.0.1:0", .threads = 2, .max_connections = 10, .handler = hello,
				 .tls_cert_pem = server.cert.p, .tls_key_pem = server.key.p };
	struct httpc_config cc = { .ca_pem = ca.cert.p, .max_response = 1000 };
	struct http_server *s = NULL;
	struct httpc *h = NULL;
	struct httpc_res res = { 0 };
	struct err err = { 0 };
	char url[64] = "";
	bool good = http_server_start(&c, &s, &err) == RC_OK && httpc_new(&cc, &h, &err) == RC_OK;

	if (good)
		snprintf(url, sizeof url, "https://127.0.0.1:%d/", http_server_port(s));
	good = good && httpc_do(h, "GET", url, NULL, S(""), &res, &err) == RC_OK && str_eq(buf_view(&res.body), S("hello"));
	if (!good)
		printf("# %s\n", err.text);
	httpc_res_done(&res);
	httpc_free(h);
	http_server_stop(s, 0);
	return good;
}

/* --- */

enum kind { PLAIN = 0, NETWORK = 1, EXEC = 2, FEW_FILES = 4 };

/* 0: not let through, 1: let through, 2: no fence */
static int in_fence(bool (*try)(void), int kind)
{
	const char *rw[] = { inside, NULL };
	const char *ro[] = { "/etc/hostname", "/etc/ssl", "/usr/share/ca-certificates", "/usr/lib", "/lib", "/bin", "/usr/bin", "/proc/self",
			     "/dev/null", "/dev/urandom", "/no/such/path", NULL };
	struct fence f = { .role = "test", .rw_paths = rw, .ro_paths = ro, .network = kind & NETWORK, .may_exec = kind & EXEC,
			   .max_files = kind & FEW_FILES ? 50 : 0 };
	struct fence_report report;
	struct err err = { 0 };

	if (fence_enter(&f, true, &report, &err) != RC_OK) {
		printf("# %s\n", err.text);
		return 2;
	}
	return try();
}

static int in_child(bool (*try)(void), int kind)
{
	pid_t pid;
	int status = 0;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(in_fence(try, kind));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_rows(bool landlock)
{
	static const struct {
		const char *name;
		bool (*try)(void);
		int kind, want;
		bool needs_landlock, wider; /* wider: a sanitized build lets it through */
	} rows[] = {
		{ "write in the own folder", write_inside, PLAIN, 1, false, false },
		{ "write elsewhere", write_outside, PLAIN, 0, true, false },
		{ "move a file out", link_out, PLAIN, 0, true, false },
		{ "read a file not listed", read_passwd, PLAIN, 0, true, false },
		{ "read a file that is listed", read_hosts, PLAIN, 1, false, false },
		{ "write a file listed for reading", write_hosts, PLAIN, 0, true, false },
		{ "socket without network", tcp_socket, PLAIN, 0, false, false },
		{ "socket with network", tcp_socket, NETWORK, 1, false, false },
		{ "packet socket with network", raw_socket, NETWORK, 0, false, false },
		{ "socket of another family with network", vsock_socket, NETWORK, 0, false, false },
		{ "program", run_program, PLAIN, 0, false, false },
		{ "child", fork_child, PLAIN, 0, false, true },
		{ "child of a role that may", fork_child, EXEC, 1, false, false },
		{ "program of a role that may", run_program, EXEC, 1, false, false }, /* the status of false(1) */
		{ "thread", start_thread, PLAIN, 1, false, false },
		{ "ptrace", trace, PLAIN, 0, false, true },
		{ "name space", unshare_user, PLAIN, 0, false, false },
		{ "mount", mount_something, PLAIN, 0, false, false },
		{ "bpf", load_bpf, PLAIN, 0, false, false },
		{ "signal to another process", signal_parent, PLAIN, 0, false, true },
		{ "signal to a thread of another process", signal_thread_of_parent, PLAIN, 0, false, false },
		{ "signal to itself", signal_itself, PLAIN, 1, false, false },
		{ "limits of another process", limit_parent, PLAIN, 0, false, false },
		{ "dumpable again", become_dumpable, PLAIN, 0, false, true },
		{ "file limit holds", files_are_limited, FEW_FILES, 1, false, false },
		{ "no new privileges", no_new_privileges, PLAIN, 1, false, false },
		{ "serve and ask over TLS, hash passwords", serve_and_ask, NETWORK, 1, false, false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if (rows[i].needs_landlock && !landlock)
			SKIP("this kernel has no Landlock", "%s", rows[i].name);
		else if (rows[i].wider && SANITIZED)
			SKIP("a sanitized build needs it", "%s", rows[i].name);
		else
			EQ_INT(in_child(rows[i].try, rows[i].kind), rows[i].want, rows[i].name);
	}
}

/* Parts of the report, and refusals, seen from a child that writes them to a pipe. */
static void report_child(int out, int kind)
{
	const char *rw[] = { inside, kind == 1 ? "/no/such/folder" : NULL, NULL };
	struct fence f = { .role = "test", .rw_paths = rw, .max_memory = (uint64_t)1 << 40 };
	struct fence_report report;
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf b;
	pthread_t t;

	buf_init(&b, 1000);
	if (kind == 2)
		pthread_create(&t, NULL, (void *(*)(void *))(uintptr_t)pause, NULL);
	if (fence_enter(&f, true, &report, &err) == RC_OK)
		fence_describe(&report, &b);
	else
		buf_cstr(&b, err.text);
	(void)!write(out, b.p, b.n);
	_exit(0);
}

static void test_report(bool landlock)
{
	static const struct {
		const char *name, *holds, *without_landlock;
	} rows[] = {
		{ "report", "no-new-privs seccomp(", "no-new-privs seccomp(" },
		{ "a folder that is not there", "/no/such/folder: No such file", "NO landlock" },
		{ "after the first thread", "before the first thread", "before the first thread" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		char text[1000] = "";
		int fds[2];
		pid_t pid;

		if (i == 2 && SANITIZED) {
			SKIP("a sanitizer has threads of its own", "%s", rows[i].name);
			continue;
		}
		if (pipe(fds) != 0)
			return;
		pid = fork();
		if (pid == 0)
			report_child(fds[1], (int)i);
		close(fds[1]);
		(void)!read(fds[0], text, sizeof text - 1);
		close(fds[0]);
		waitpid(pid, NULL, 0);
		if (!OK(strstr(text, landlock ? rows[i].holds : rows[i].without_landlock) != NULL, "%s", rows[i].name))
			printf("# %s\n", text);
	}
}

static bool landlock_here(void)
{
	return syscall(444, NULL, 0, 1u) > 0;
}

/* Without the excuse a kernel without Landlock is a refusal. */
static void test_strict(bool landlock)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		const char *rw[] = { inside, NULL };
		struct fence f = { .role = "test", .rw_paths = rw };
		struct fence_report report;
		struct err err;

		_exit(fence_enter(&f, false, &report, &err) == RC_OK && report.landlock && report.seccomp ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	EQ_INT(WEXITSTATUS(status), landlock, "Landlock is demanded");
}

int main(void)
{
	bool landlock = landlock_here();

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(inside, sizeof inside, "%s/in", dir);
	snprintf(outside, sizeof outside, "%s/out", dir);
	mkdir(inside, 0700);
	mkdir(outside, 0700);
	pair_make(&ca, "ca", NULL, NULL, -60, 86400, true, NULL);
	pair_make(&server, "s", NULL, "127.0.0.1", -60, 86400, false, &ca);
	test_rows(landlock);
	test_report(landlock);
	test_strict(landlock);
	pair_done(&ca);
	pair_done(&server);
	for (const char *const *p = (const char *const[]){ "in/f", "in/g", "out/f", "out/g", "in", "out", "", NULL }; *p != NULL; p++) {
		char path[96];

		snprintf(path, sizeof path, "%s/%s", dir, *p);
		remove(path);
	}
	return tap_done();
}
