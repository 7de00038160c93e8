#include "base/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static void test_arm(void)
{
	OK(!FAULT("a.b"), "nothing is armed");
	OK(fault_arm("a.b", 3, EIO, FAULT_ONCE), "armed");
	OK(!FAULT("a.c") && !FAULT("a.b") && !FAULT("a.b"), "not yet");
	errno = 0;
	OK(FAULT("a.b") && errno == EIO, "the third fails");
	OK(!FAULT("a.b"), "once");
	EQ_INT(fault_clear(), 1, "one failure was made");
	EQ_INT(fault_clear(), 0, "none since");
	OK(fault_arm("a.*", 2, ENOSPC, FAULT_FROM_THEN_ON), "armed by prefix");
	OK(!FAULT("a.x") && !FAULT("b.x") && FAULT("a.y") && FAULT("a.") && errno == ENOSPC && !FAULT("a"), "fails from then on");
	EQ_INT(fault_clear(), 2, "two failures were made");
	OK(!FAULT("a.y"), "cleared");
	for (int i = 0; i < FAULT_MAX; i++)
		OK(fault_arm("x", 1, EIO, FAULT_ONCE), "number %d", i);
	OK(!fault_arm("x", 1, EIO, FAULT_ONCE), "no more than agreed");
	fault_clear();
	OK(!fault_arm("0123456789012345678901234567890123456789012345678901234567890123", 1, EIO, FAULT_ONCE), "name too long");
}

static void test_kill(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(!fault_arm("here", 2, EIO, FAULT_KILL) || FAULT("here") || FAULT("here"));
	OK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "killed at the second passage");
}

/* This program again, with the variable set: 10 + passages until "io.x" failed, or the signal. */
static int run_with(const char *self, const char *value)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		setenv("LIANFANG_FAULT", value, 1);
		execl(self, self, "child", (char *)NULL);
		_exit(99);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int child(void)
{
	for (int i = 1; i < 10; i++)
		if (FAULT("io.x"))
			return 10 + i + (errno == ENOSPC ? 100 : 0);
	return 10;
}

static void test_environment(const char *self)
{
	static const struct {
		const char *value;
		int status;
	} rows[] = {
		{ "io.x:3:5", 13 }, { "io.x:1:ENOSPC", 111 }, { "io.y:1:EIO", 10 }, { "io.*:2+:28", 112 },
		{ "io.x:2:EIO:kill", -SIGKILL }, { "io.x", 2 }, { "io.x:1", 2 }, { "io.x:a:5", 2 }, { "io.x:1:EWHAT", 2 },
		{ "io.x:1:5:maim", 2 }, { "", 10 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_INT(run_with(self, rows[i].value), rows[i].status, rows[i].value);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return child();
	test_arm();
	test_kill();
	test_environment(argv[0]);
	return tap_done();
}
