/* The supervisor with real processes: this program is its own role, told by argv[1] what to do. */
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tap.h"

static char dir[] = "/tmp/lianfang-proc-XXXXXX";

static void path_of(char out[static 96], const char *name)
{
	snprintf(out, 96, "%s/%s", dir, name);
}

/* Appends one line to a file: what a role saw. */
static void say(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	(void)!write(fd, what, strlen(what));
	close(fd);
}

static int lines_in(const char *path, const char *what)
{
	char line[256];
	FILE *f = fopen(path, "r");
	int n = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		n += strcmp(line, what) == 0;
	if (f != NULL)
		fclose(f);
	return n;
}

static bool wait_lines(const char *path, const char *what, int n, usec span)
{
	usec until = time_mono() + span;

	while (lines_in(path, what) < n && time_mono() < until)
		usleep(10000);
	return lines_in(path, what) >= n;
}

/* --- roles --- */

static int role_main(const char *what, const char *path)
{
	char text[64];
	int sig;

	if (strcmp(what, "once") == 0) { /* dies, and from then on refuses */
		bool first = lines_in(path, "up\n") == 0;

		say(path, first ? "up\n" : "refused\n");
		return first ? 1 : PROC_EXIT_REFUSED;
	}
	if (strcmp(what, "refuse") == 0)
		return PROC_EXIT_REFUSED;
	if (strcmp(what, "die") == 0) {
		say(path, "died\n");
		return 3;
	}
	if (strcmp(what, "fds") == 0) {
		ssize_t n = read(3, text, sizeof text);

		snprintf(text, sizeof text, "fd3 %zd fd4 %d fd20 %d\n", n, fcntl(4, F_GETFD) >= 0, fcntl(20, F_GETFD) >= 0);
		say(path, text);
		return 0;
	}
	if (strcmp(what, "print") == 0) {
		printf("out\n");
		fprintf(stderr, "err\n");
		return 7;
	}
	if (strcmp(what, "deaf") == 0) {
		signal(SIGTERM, SIG_IGN);
		say(path, "up\n");
		for (;;)
			pause();
	}
	proc_signals_block();
	say(path, "up\n");
	while ((sig = proc_signal_wait(10 * USEC_PER_SEC)) == SIGHUP)
		say(path, "hup\n");
	say(path, sig == SIGTERM ? "term\n" : "nothing\n");
	return 0;
}

static void remember(const char *role, const char *what, int number)
{
	char path[96], line[160];

	path_of(path, "told");
	snprintf(line, sizeof line, "%s %s %d\n", role, what, strcmp(what, "started") == 0 ? 0 : number);
	say(path, line);
}

/* A supervisor in a child of ours. */
static pid_t supervise(const struct proc_role *roles, size_t n, usec grace)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(proc_supervise(roles, n, grace));
	return pid;
}

static int end_of(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_orderly(void)
{
	char a[96], b[96];
	const char *argv_a[] = { "x", "loop", a, NULL }, *argv_b[] = { "x", "loop", b, NULL };
	struct proc_role roles[] = { { "a", argv_a, -1, remember, false }, { "b", argv_b, -1, NULL, false } };
	pid_t pid;

	path_of(a, "a");
	path_of(b, "b");
	pid = supervise(roles, 2, 5 * USEC_PER_SEC);
	OK(wait_lines(a, "up\n", 1, 5 * USEC_PER_SEC) && wait_lines(b, "up\n", 1, 5 * USEC_PER_SEC), "both roles start");
	kill(pid, SIGHUP);
	OK(wait_lines(a, "hup\n", 1, 5 * USEC_PER_SEC) && wait_lines(b, "hup\n", 1, 5 * USEC_PER_SEC), "SIGHUP is passed on");
	kill(pid, SIGTERM);
	EQ_INT(end_of(pid), 0, "SIGTERM ends it");
	OK(lines_in(a, "term\n") == 1 && lines_in(b, "term\n") == 1, "both were told to end");
	path_of(a, "told");
	OK(lines_in(a, "a started 0\n") == 1 && lines_in(a, "a exited 0\n") == 1, "and what happened was told");
}

static void test_restart(void)
{
	char a[96], told[96];
	const char *argv[] = { "x", "die", a, NULL };
	struct proc_role role = { "dying", argv, -1, remember, false };
	usec begun = time_mono();
	pid_t pid;

	path_of(a, "die");
	path_of(told, "told");
	pid = supervise(&role, 1, USEC_PER_SEC);
	OK(wait_lines(a, "died\n", 3, 10 * USEC_PER_SEC), "a role that dies is started again");
	OK(time_mono() - begun >= 29 * USEC_PER_SEC / 10, "after one second, then two");
	OK(wait_lines(told, "dying restart 4\n", 1, 5 * USEC_PER_SEC), "then four");
	kill(pid, SIGINT);
	EQ_INT(end_of(pid), 0, "SIGINT ends it while it waits");
	EQ_INT(lines_in(told, "dying exited 3\n"), 3, "each death was told with its status");
}

static void test_refused(void)
{
	char a[96];
	const char *argv_a[] = { "x", "loop", a, NULL }, *argv_b[] = { "x", "refuse", a, NULL };
	struct proc_role roles[] = { { "a", argv_a, -1, NULL, false }, { "b", argv_b, -1, NULL, false } };

	path_of(a, "refused");
	EQ_INT(end_of(supervise(roles, 2, 5 * USEC_PER_SEC)), PROC_EXIT_REFUSED, "a role that refuses ends the run");
}

static void test_refused_later(void)
{
	char a[96], b[96], c[96];
	const char *argv_a[] = { "x", "loop", a, NULL }, *argv_b[] = { "x", "once", b, NULL }, *argv_c[] = { "x", "refuse", c, NULL };
	struct proc_role roles[] = { { "a", argv_a, -1, NULL, false }, { "b", argv_b, -1, NULL, true } };
	pid_t pid;

	path_of(a, "stays");
	path_of(b, "once");
	path_of(c, "never");
	pid = supervise(roles, 2, 5 * USEC_PER_SEC);
	OK(wait_lines(b, "refused\n", 2, 10 * USEC_PER_SEC), "a role that ran once and then refuses is tried again");
	OK(kill(pid, 0) == 0 && lines_in(a, "up\n") == 1, "and the others stay");
	kill(pid, SIGTERM);
	EQ_INT(end_of(pid), 0, "to the end");
	roles[1].argv = argv_c;
	EQ_INT(end_of(supervise(roles, 2, 5 * USEC_PER_SEC)), PROC_EXIT_REFUSED, "one that never ran ends the run");
}

static void test_deaf(void)
{
	char a[96];
	const char *argv[] = { "x", "deaf", a, NULL };
	struct proc_role role = { "deaf", argv, -1, NULL, false };
	usec begun;
	pid_t pid;

	path_of(a, "deaf");
	pid = supervise(&role, 1, USEC_PER_SEC / 2);
	wait_lines(a, "up\n", 1, 5 * USEC_PER_SEC);
	begun = time_mono();
	kill(pid, SIGTERM);
	EQ_INT(end_of(pid), 0, "a role that does not listen is killed");
	OK(time_mono() - begun >= USEC_PER_SEC * 4 / 10 && time_mono() - begun < 3 * USEC_PER_SEC, "after the grace");
}

/* A killed supervisor takes its roles with it. */
static void test_orphans(void)
{
	char a[96];
	const char *argv[] = { "x", "loop", a, NULL };
	struct proc_role role = { "a", argv, -1, NULL, false };
	pid_t pid;

	path_of(a, "orphan");
	pid = supervise(&role, 1, USEC_PER_SEC);
	wait_lines(a, "up\n", 1, 5 * USEC_PER_SEC);
	kill(pid, SIGKILL);
	EQ_INT(end_of(pid), -SIGKILL, "the supervisor is killed");
	OK(wait_lines(a, "term\n", 1, 5 * USEC_PER_SEC), "its role ends");
}

static void test_fds(void)
{
	char a[96];
	const char *argv[] = { "x", "fds", a, NULL };
	struct proc_role role = { "a", argv, -1, NULL, false };
	int fds[2], leak;
	pid_t pid;

	path_of(a, "fds");
	if (pipe(fds) != 0)
		return;
	leak = dup2(fds[0], 20);
	(void)!write(fds[1], "abc", 3);
	role.pass_fd = fds[0];
	pid = supervise(&role, 1, USEC_PER_SEC);
	OK(wait_lines(a, "fd3 3 fd4 0 fd20 0\n", 1, 5 * USEC_PER_SEC), "one descriptor is passed, the others are closed");
	kill(pid, SIGTERM);
	end_of(pid);
	close(fds[0]);
	close(fds[1]);
	close(leak);
}

static void test_spawn(void)
{
	const char *argv[] = { "x", "print", "-", NULL };
	const char *many[100];
	char text[64] = "";
	struct err err = { 0 };
	int fds[2], pid = 0;

	if (pipe(fds) != 0)
		return;
	OK(proc_spawn_self(argv, fds[1], fds[1], &pid, &err) == RC_OK, "spawn");
	EQ_INT(end_of(pid), 7, "its status");
	(void)!read(fds[0], text, sizeof text - 1);
	OK(strcmp(text, "out\nerr\n") == 0 || strcmp(text, "err\nout\n") == 0, "its output");
	for (size_t i = 0; i < COUNTOF(many); i++)
		many[i] = "x";
	many[COUNTOF(many) - 1] = NULL;
	EQ_INT(proc_spawn_self(many, -1, -1, &pid, &err), RC_LIMIT, "too many arguments");
	close(fds[0]);
	close(fds[1]);
}

static void test_notify(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char got[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s/notify", dir);
	if (bind(fd, (struct sockaddr *)&un, sizeof un) != 0)
		return;
	unsetenv("NOTIFY_SOCKET");
	proc_notify("READY=1");
	OK(recv(fd, got, sizeof got, MSG_DONTWAIT) < 0, "nobody to notify");
	setenv("NOTIFY_SOCKET", un.sun_path, 1);
	proc_notify("READY=1");
	OK(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) == 7 && strcmp(got, "READY=1") == 0, "notified");
	unsetenv("NOTIFY_SOCKET");
	close(fd);
}

static void remove_all(void)
{
	static const char *const names[] = { "a", "b", "told", "die", "refused", "deaf", "orphan", "fds", "notify", "" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		char path[96];

		path_of(path, names[i]);
		remove(path);
	}
}

int main(int argc, char **argv)
{
	char self[200], tiny[3];

	if (argc == 3)
		return role_main(argv[1], argv[2]);
	if (mkdtemp(dir) == NULL)
		return 1;
	OK(proc_self_path(self, sizeof self, NULL) == RC_OK && strstr(self, "test-sys-proc") != NULL, "own path");
	EQ_INT(proc_self_path(tiny, sizeof tiny, NULL), RC_LIMIT, "own path does not fit");
	test_spawn();
	test_orderly();
	test_restart();
	test_refused();
	test_refused_later();
	test_deaf();
	test_orphans();
	test_fds();
	test_notify();
	remove_all();
	return tap_done();
}
