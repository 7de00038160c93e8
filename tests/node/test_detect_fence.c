/* What the detect role's process may do and what not, each tried in a child that has entered its fence: even when whoever writes
 * into a log takes the role over, the store, the keys, the network and other programs stay out of reach. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate/folder.h"
#include "node/detect_fence.h"
#include "sys/file.h"
#include "sys/unixsock.h"
#include "tap.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static char dir[] = "/tmp/lianfang-detect-XXXXXX";
static struct node_paths paths;
static int door = -1;

static const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static bool opens(const char *path, int how)
{
	int fd = open(path, how | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* --- true when the system let it happen --- */

static bool read_records(void) { return opens(in_dir("node/records.db"), O_RDONLY); }
static bool read_sign_key(void) { return opens(paths.sign, O_RDONLY); }
static bool read_tls_key(void) { return opens(paths.key, O_RDONLY); }
static bool read_conf(void) { return opens(paths.conf, O_RDONLY); }
static bool list_node(void) { return opens(paths.dir, O_RDONLY | O_DIRECTORY); }
static bool read_passwd(void) { return opens("/etc/passwd", O_RDONLY); }
static bool read_log(void) { return opens(in_dir("logs/fw.log"), O_RDONLY); }
static bool read_rotated(void) { return opens(in_dir("logs/fw.log.1"), O_RDONLY); }
static bool write_log(void) { return opens(in_dir("logs/fw.log"), O_WRONLY); }
static bool read_rules(void) { return opens(in_dir("rules/a.yml"), O_RDONLY); }
static bool write_rules(void) { return opens(in_dir("rules/b.yml"), O_WRONLY | O_CREAT); }
static bool read_beside(void) { return opens(in_dir("beside"), O_RDONLY); }
static bool tcp_socket(void) { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }
static bool udp_socket(void) { return socket(AF_INET6, SOCK_DGRAM, 0) >= 0; }
static bool unix_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
static bool signal_parent(void) { return kill(getppid(), 0) == 0; }

static bool write_history(void)
{
	char path[NODE_PATH_MAX + 8];

	snprintf(path, sizeof path, "%s/x", paths.history);
	return opens(path, O_RDWR | O_CREAT) && unlink(path) == 0;
}

static bool connect_control(void)
{
	struct err err;
	int fd;

	return unix_connect(paths.socket, &fd, &err) == RC_OK;
}

static bool run_program(void)
{
	char *argv[] = { (char[]){ "true" }, NULL };

	execv("/bin/true", argv);
	return errno != EPERM && errno != EACCES;
}

static bool fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static void *nothing(void *arg) { return arg; }

static bool start_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}

/* The door was opened before; who connects is in its queue already. */
static bool accept_at_door(void)
{
	struct err err;
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	return fd >= 0 && unix_check_peer(fd, &err) == RC_OK && send(fd, "x", 1, MSG_NOSIGNAL) == 1;
}

/* --- */

static const char CONF[] = "[node]\nname = A\ntier = sector\nidentity = identity--1\n[detect]\nrules = %s/rules\n[input fw]\npath = %s/logs/fw.log\n"
			   "[input net]\npath = udp://127.0.0.1:5140\n";

static const char CONNECTS[] = "[input topic]\npath = kafka://127.0.0.1:9092/t?group=g\n";

static int in_fence(bool (*try)(void), bool connects, struct arena *a)
{
	struct fence_report report;
	struct err err = { 0 };
	struct config conf;
	char text[512];
	int n = snprintf(text, sizeof text, CONF, dir, dir);

	if (connects)
		snprintf(text + n, sizeof text - (size_t)n, "%s", CONNECTS);
	if (config_parse(str_of(text), "x.conf", a, &conf, &err) != RC_OK)
		return 3;
	conf.require_landlock = false;
	if (detect_fence(&conf, &paths, &report, &err) != RC_OK) {
		printf("# %s\n", err.text);
		return 2;
	}
	return try();
}

static int in_child(bool (*try)(void), bool connects, struct arena *a)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(in_fence(try, connects, a));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_rows(struct arena *a, bool landlock)
{
	static const struct {
		const char *name;
		bool (*try)(void);
		int want;
		bool needs_landlock, wider; /* wider: a sanitized build lets it through */
		bool connects;              /* beside an input that connects */
	} rows[] = {
		{ "read the records", read_records, 0, true, false, false },
		{ "read the signing key", read_sign_key, 0, true, false, false },
		{ "read the TLS key", read_tls_key, 0, true, false, false },
		{ "read the configuration, which may hold a password", read_conf, 0, true, false, false },
		{ "list the node's folder", list_node, 0, true, false, false },
		{ "read a file of the system", read_passwd, 0, true, false, false },
		{ "read the log", read_log, 1, false, false, false },
		{ "read a rotated log beside it", read_rotated, 1, false, false, false },
		{ "write the log", write_log, 0, true, false, false },
		{ "read the rules", read_rules, 1, false, false, false },
		{ "write the rules", write_rules, 0, true, false, false },
		{ "read a file beside their folders", read_beside, 0, true, false, false },
		{ "write the history", write_history, 1, false, false, false },
		{ "a TCP socket", tcp_socket, 0, false, false, false },
		{ "a UDP socket", udp_socket, 0, false, false, false },
		{ "a Unix socket", unix_socket, 0, false, false, false },
		{ "connect to the control socket", connect_control, 0, false, false, false },
		{ "accept core at the door that was opened before", accept_at_door, 1, false, false, false },
		{ "another program", run_program, 0, false, false, false },
		{ "a child", fork_child, 0, false, true, false },
		{ "a signal to another process", signal_parent, 0, false, true, false },
		{ "a thread", start_thread, 1, false, false, false },
		{ "a TCP socket, when an input connects", tcp_socket, 1, false, false, true },
		{ "a Unix socket, when an input connects", unix_socket, 0, false, false, true },
		{ "connect to the control socket, when an input connects", connect_control, 0, false, false, true },
		{ "read the records, when an input connects", read_records, 0, true, false, true },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if (rows[i].needs_landlock && !landlock)
			SKIP("this kernel has no Landlock", "%s", rows[i].name);
		else if (rows[i].wider && SANITIZED)
			SKIP("a sanitized build needs it", "%s", rows[i].name);
		else
			EQ_INT(in_child(rows[i].try, rows[i].connects, a), rows[i].want, rows[i].name);
	}
}

static bool make_world(struct err *err)
{
	static const char *const folders[] = { "node", "node/tls", "logs", "rules" };
	static const char *const files[] = { "node/records.db", "node/sign.key", "node/tls/node.key", "node/lianfang.conf", "logs/fw.log",
					     "logs/fw.log.1", "rules/a.yml", "beside" };
	char node[64];
	int fd;

	if (mkdtemp(dir) == NULL)
		return false;
	for (size_t i = 0; i < COUNTOF(folders); i++)
		if (file_mkdir(in_dir(folders[i]), 0700, err) != RC_OK)
			return false;
	for (size_t i = 0; i < COUNTOF(files); i++)
		if (file_create(in_dir(files[i]), S("secret"), 0600, err) != RC_OK)
			return false;
	snprintf(node, sizeof node, "%s/node", dir);
	return node_paths_of(node, &paths, err) == RC_OK && unix_listen(paths.socket, 4, &fd, err) == RC_OK &&
	       unix_listen(paths.detect, 4, &door, err) == RC_OK;
}

int main(void)
{
	long abi = syscall(444, NULL, 0, 1u); /* landlock_create_ruleset: which version is there */
	struct arena *a = arena_new((size_t)1 << 20);
	struct err err = { 0 };
	int knock;

	if (!OK(a != NULL && make_world(&err), "a node's folder, logs and rules: %s", err.text))
		return tap_done();
	OK(unix_connect(paths.detect, &knock, &err) == RC_OK, "somebody knocks");
	test_rows(a, abi > 0);
	close(knock);
	folder_empty(dir);
	arena_free(a);
	return tap_done();
}
