/* Between the two processes stands a pair of sockets that keep messages apart: what to say one way, how it went the other. The
 * runner has no threads and reads nothing but what its parent sends; it dies with it. */
#include "sys/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/proc.h"

#define ASK_FD 3
#define LOOK_MS 100
#define NOT_RUN 1000   /* replies: a status of 0..255, 256 + a signal, or */
#define TOO_LONG 1001

struct runner {
	pid_t pid;
	int fd;
	usec limit;
	pthread_mutex_t lock;
};

/* --- the runner's side --- */

__attribute__((noreturn)) static void become(const char *path, int in_fd)
{
	static char search[] = "PATH=/usr/bin:/bin", language[] = "LC_ALL=C.UTF-8", home[] = "HOME=/";
	static char *const environment[] = { search, language, home, NULL };
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(in_fd, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 || chdir("/") != 0)
		_exit(127);
	close_range(3, ~0U, 0);
	execve(path, argv, environment);
	_exit(127);
}

static int left_of(usec until)
{
	usec left = (until - time_mono()) / 1000;

	return left < 0 ? 0 : left > LOOK_MS ? LOOK_MS : (int)left;
}

/* Hands over the input as fast as it is taken; a program that does not read it may all the same end well. */
static void feed(int fd, const char *bytes, size_t n, pid_t pid, usec until)
{
	siginfo_t done;

	while (n > 0 && time_mono() < until) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t put;

		if (poll(&p, 1, left_of(until)) == 0) {
			done.si_pid = 0;
			if (waitid(P_PID, (id_t)pid, &done, WEXITED | WNOHANG | WNOWAIT) == 0 && done.si_pid == pid)
				return;
			continue;
		}
		put = write(fd, bytes, n);
		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (put > 0) {
			bytes += put;
			n -= (size_t)put;
		}
	}
}

static int wait_for(pid_t pid, usec until)
{
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			break;
		if (got < 0 && errno != EINTR)
			return NOT_RUN;
		if (time_mono() >= until) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL); /* it may not lead its group yet */
			waitpid(pid, &status, 0);
			return TOO_LONG;
		}
		poll(NULL, 0, 5);
	}
	kill(-pid, SIGKILL); /* what it left behind */
	if (WIFSIGNALED(status))
		return 256 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int run_once(const char *path, const char *bytes, size_t n, usec limit)
{
	usec until = time_mono() + limit;
	int ends[2], status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return NOT_RUN;
	pid = fork();
	if (pid == 0)
		become(path, ends[0]);
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		return NOT_RUN;
	}
	setpgid(pid, pid); /* whichever of the two is first */
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	feed(ends[1], bytes, n, pid, until);
	close(ends[1]);
	status = wait_for(pid, until);
	return status == 127 ? NOT_RUN : status;
}

__attribute__((noreturn)) static void serve(const char *path, int fd, usec limit, pid_t parent)
{
	static char bytes[RUNNER_INPUT_MAX];
	struct rlimit none = { 0, 0 };

	proc_signals_default();
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "runner");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	if (getppid() != parent || dup2(fd, ASK_FD) < 0)
		_exit(1);
	close_range(ASK_FD + 1, ~0U, 0);
	fcntl(ASK_FD, F_SETFD, FD_CLOEXEC);
	for (;;) {
		ssize_t n = recv(ASK_FD, bytes, sizeof bytes, 0);
		int status;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		status = run_once(path, bytes + 1, (size_t)n - 1, limit);
		if (send(ASK_FD, &status, sizeof status, MSG_NOSIGNAL) != (ssize_t)sizeof status)
			_exit(0);
	}
}

/* --- the other side --- */

static enum rc check_path(const char *path, struct err *err)
{
	struct stat st;

	if (path[0] != '/')
		return FAIL(err, RC_BAD, "%s: expected an absolute path", path);
	if (stat(path, &st) != 0)
		return FAIL(err, RC_BAD, "%s: %m", path);
	if (!S_ISREG(st.st_mode) || access(path, X_OK) != 0)
		return FAIL(err, RC_BAD, "%s: is no program that may be run", path);
	return (st.st_mode & S_IWOTH) == 0 ? RC_OK : FAIL(err, RC_BAD, "%s: everybody may write it", path);
}

enum rc runner_start(const char *path, usec limit, struct runner **ret, struct err *err)
{
	struct runner *r;
	pid_t parent = getpid();
	int ends[2];

	TRY(check_path(path, err));
	r = mem_alloc(sizeof *r);
	if (r == NULL)
		return FAIL(err, RC_NOMEM, "runner: out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		mem_free(r);
		return FAIL(err, RC_IO, "runner: %m");
	}
	r->pid = fork();
	if (r->pid == 0)
		serve(path, ends[1], limit, parent);
	close(ends[1]);
	r->fd = ends[0];
	r->limit = limit;
	pthread_mutex_init(&r->lock, NULL);
	if (r->pid < 0) {
		runner_stop(r);
		return FAIL(err, RC_IO, "runner: fork: %m");
	}
	*ret = r;
	return RC_OK;
}

static enum rc reply_of(const struct runner *r, int status, struct err *err)
{
	switch (status) {
	case 0:
		return RC_OK;
	case NOT_RUN:
		return FAIL(err, RC_IO, "the command cannot be run");
	case TOO_LONG:
		return FAIL(err, RC_PEER, "the command took longer than %lld s", (long long)(r->limit / USEC_PER_SEC));
	default:
		return status > 255 ? FAIL(err, RC_PEER, "the command was killed by signal %d", status - 256)
				    : FAIL(err, RC_PEER, "the command ended with status %d", status);
	}
}

static enum rc ask(struct runner *r, const char *bytes, size_t n, const _Atomic int *stop, struct err *err)
{
	int status;

	if (send(r->fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
		return FAIL(err, RC_IO, "the process that runs the command is gone");
	for (;;) {
		struct pollfd p = { .fd = r->fd, .events = POLLIN };

		if (stop != NULL && atomic_load(stop))
			return FAIL(err, RC_BUSY, "the command is given up on");
		if (poll(&p, 1, LOOK_MS) > 0)
			break;
	}
	if (recv(r->fd, &status, sizeof status, 0) != (ssize_t)sizeof status)
		return FAIL(err, RC_IO, "the process that runs the command is gone");
	return reply_of(r, status, err);
}

enum rc runner_do(struct runner *r, struct str input, const _Atomic int *stop, struct err *err)
{
	char *bytes;
	enum rc rc;

	if (input.n + 1 > RUNNER_INPUT_MAX)
		return FAIL(err, RC_LIMIT, "the command: more than %zu bytes", RUNNER_INPUT_MAX - 1);
	bytes = mem_alloc(input.n + 1);
	if (bytes == NULL)
		return FAIL(err, RC_NOMEM, "the command: out of memory");
	bytes[0] = '+'; /* a message of no bytes would be the end */
	memcpy(bytes + 1, input.p, input.n);
	pthread_mutex_lock(&r->lock);
	rc = ask(r, bytes, input.n + 1, stop, err);
	pthread_mutex_unlock(&r->lock);
	mem_free(bytes);
	return rc;
}

void runner_stop(struct runner *r)
{
	if (r == NULL)
		return;
	close(r->fd);
	/* A fence may forbid the signal: then the closed pair, or our own end, ends it. */
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		for (int i = 0; i < 100 && waitpid(r->pid, NULL, WNOHANG) == 0; i++)
			poll(NULL, 0, 10);
	}
	pthread_mutex_destroy(&r->lock);
	mem_free(r);
}
