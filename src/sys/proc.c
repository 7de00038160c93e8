/* Children are always our own executable, found as /proc/self/exe, so that an upgrade
 * that replaces the file on disk does not mix two versions under one supervisor, and no
 * search path or shell is ever asked. */
#include "sys/proc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define ARGS_MAX 64
#define PASSED_FD 3
#define DELAY_FIRST (1 * USEC_PER_SEC)
#define DELAY_MAX (60 * USEC_PER_SEC)
#define STEADY (60 * USEC_PER_SEC) /* up this long: the next death starts the delays anew */

extern char **environ;

struct child {
	const struct proc_role *role;
	pid_t pid; /* 0 = not running */
	usec started, next_start, delay;
	bool ran; /* a life of it ended otherwise than by refusing */
};

enum rc proc_self_path(char *out, size_t n, struct err *err)
{
	ssize_t got = readlink("/proc/self/exe", out, n);

	if (got < 0)
		return FAIL(err, RC_IO, "/proc/self/exe: %m");
	if ((size_t)got >= n)
		return FAIL(err, RC_LIMIT, "the path of our executable is too long");
	out[got] = '\0';
	return RC_OK;
}

/* --- the child's side, between fork and exec: only calls that are safe there --- */

static void own_fds(int in_fd, int out_fd, int err_fd)
{
	/* Out of the way first: a descriptor that is to be copied may sit where another one goes. */
	int in = in_fd < 0 ? -1 : fcntl(in_fd, F_DUPFD, 16);
	int out = out_fd < 0 ? -1 : fcntl(out_fd, F_DUPFD, 16);
	int error = err_fd < 0 ? -1 : fcntl(err_fd, F_DUPFD, 16);

	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	if (error >= 0)
		dup2(error, STDERR_FILENO);
	if (in >= 0)
		dup2(in, PASSED_FD);
	close_range(in >= 0 ? PASSED_FD + 1 : PASSED_FD, UINT_MAX, 0);
}

void proc_signals_default(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void become(char *const *argv, pid_t parent, int in_fd, int out_fd, int err_fd)
{
	proc_signals_default();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) /* died before the line above */
		_exit(PROC_EXIT_REFUSED);
	own_fds(in_fd, out_fd, err_fd);
	execve("/proc/self/exe", argv, environ);
	_exit(127);
}

/* --- the parent's side --- */

static enum rc spawn(const char *const *argv, int in_fd, int out_fd, int err_fd, pid_t *ret_pid, struct err *err)
{
	char self[PATH_MAX];
	char *args[ARGS_MAX + 1];
	pid_t parent = getpid(), pid;
	sigset_t all, before;
	size_t n = 0;

	TRY(proc_self_path(self, sizeof self, err));
	for (; argv[n] != NULL; n++) {
		if (n == ARGS_MAX)
			return FAIL(err, RC_LIMIT, "more than %d arguments", ARGS_MAX);
		args[n] = (char *)(uintptr_t)argv[n];
	}
	args[0] = self;
	args[n == 0 ? 1 : n] = NULL;
	/* Until the child has the default actions it must not take a signal: our handler would swallow it. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(args, parent, in_fd, out_fd, err_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return FAIL(err, errno == ENOMEM ? RC_NOMEM : RC_IO, "fork: %m");
	*ret_pid = pid;
	return RC_OK;
}

enum rc proc_spawn_self(const char *const *argv, int out_fd, int err_fd, int *ret_pid, struct err *err)
{
	return spawn(argv, -1, out_fd, err_fd, ret_pid, err);
}

static void tell(const struct child *c, const char *what, int number)
{
	if (c->role->tell != NULL)
		c->role->tell(c->role->name, what, number);
}

static void retry_later(struct child *c, usec now)
{
	c->next_start = now + c->delay;
	tell(c, "restart", (int)(c->delay / USEC_PER_SEC));
	c->delay = c->delay * 2 > DELAY_MAX ? DELAY_MAX : c->delay * 2;
}

static void start_due(struct child *children, size_t n)
{
	usec now = time_mono();

	for (size_t i = 0; i < n; i++) {
		struct child *c = &children[i];

		if (c->pid != 0 || now < c->next_start)
			continue;
		c->started = now;
		if (spawn(c->role->argv, c->role->pass_fd, -1, -1, &c->pid, NULL) == RC_OK)
			tell(c, "started", c->pid);
		else
			retry_later(c, now);
	}
}

static struct child *find(struct child *children, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (children[i].pid == pid)
			return &children[i];
	return NULL;
}

/* Collects the dead. True when one of them refused to run at all. */
static bool reap(struct child *children, size_t n, bool stopping)
{
	bool refused = false, refuses;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = find(children, n, pid);
		usec now = time_mono();

		if (c == NULL)
			continue;
		c->pid = 0;
		refuses = WIFEXITED(status) && WEXITSTATUS(status) == PROC_EXIT_REFUSED;
		c->ran = c->ran || !refuses;
		refused = refused || (refuses && !(c->ran && c->role->others_stay));
		tell(c, WIFEXITED(status) ? "exited" : "killed", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		if (now - c->started >= STEADY)
			c->delay = DELAY_FIRST;
		if (!stopping && !refused)
			retry_later(c, now);
	}
	return refused;
}

static void send_all(const struct child *children, size_t n, int sig)
{
	for (size_t i = 0; i < n; i++)
		if (children[i].pid > 0)
			kill(children[i].pid, sig);
}

static bool any_runs(const struct child *children, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (children[i].pid > 0)
			return true;
	return false;
}

static int wait_signal(const sigset_t *set, usec span)
{
	struct timespec t = { .tv_sec = span / USEC_PER_SEC, .tv_nsec = span % USEC_PER_SEC * 1000 };
	int sig;

	if (span < 0)
		sig = sigwaitinfo(set, NULL);
	else
		sig = sigtimedwait(set, NULL, &t);
	return sig < 0 ? 0 : sig;
}

static void stop_all(struct child *children, size_t n, usec grace, const sigset_t *set)
{
	usec until = time_mono() + grace;

	send_all(children, n, SIGTERM);
	while (reap(children, n, true), any_runs(children, n)) {
		usec left = until - time_mono();

		if (left <= 0)
			break;
		wait_signal(set, left);
	}
	send_all(children, n, SIGKILL);
	for (size_t i = 0; i < n; i++)
		if (children[i].pid > 0)
			waitpid(children[i].pid, NULL, 0);
}

/* How long until the next restart is due; a minute when none is. */
static usec until_next(const struct child *children, size_t n)
{
	usec now = time_mono(), least = 60 * USEC_PER_SEC;

	for (size_t i = 0; i < n; i++)
		if (children[i].pid == 0 && children[i].next_start - now < least)
			least = children[i].next_start - now;
	return least < 0 ? 0 : least;
}

int proc_supervise(const struct proc_role *roles, size_t n, usec grace)
{
	struct child children[PROC_ROLES_MAX] = { { 0 } };
	sigset_t set;
	bool refused = false;
	int sig = 0;

	assert(n <= PROC_ROLES_MAX);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < n; i++)
		children[i] = (struct child){ .role = &roles[i], .delay = DELAY_FIRST };
	while (!refused && sig != SIGTERM && sig != SIGINT) {
		start_due(children, n);
		sig = wait_signal(&set, until_next(children, n));
		if (sig == SIGHUP)
			send_all(children, n, SIGHUP);
		if (sig == SIGCHLD)
			refused = reap(children, n, false);
	}
	stop_all(children, n, grace, &set);
	return refused ? PROC_EXIT_REFUSED : 0;
}

static void wanted_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

void proc_signals_block(void)
{
	sigset_t set;

	wanted_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int proc_signal_wait(usec timeout)
{
	sigset_t set;

	wanted_signals(&set);
	return wait_signal(&set, timeout);
}

void proc_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = path == NULL ? 0 : strlen(path);
	int fd;

	if (n < 2 || n >= sizeof un.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(un.sun_path, path, n);
	if (path[0] == '@') /* the abstract name space */
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* Nobody to tell is no error: the service runs either way. */
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}
