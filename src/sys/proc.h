/* Child processes by fork and exec of our own binary as a role, signals, and a
 * supervisor loop that restarts what dies, with back-off. No shell, ever. */
#ifndef SYS_PROC_H
#define SYS_PROC_H

#include "base/err.h"
#include "base/time.h"

#define PROC_ROLES_MAX 16
#define PROC_EXIT_REFUSED 78 /* EX_CONFIG of sysexits.h */

struct proc_role {
	const char *name;            /* "core" */
	const char *const *argv;     /* argv[0] is replaced by our own executable */
	int pass_fd;                 /* becomes fd 3 in the child, or -1 */
	/* Told what happens to it, may be NULL: "started" (pid), "exited" (status), "killed" (signal), "restart" (seconds until). */
	void (*tell)(const char *role, const char *what, int number);
	bool others_stay;            /* when it refuses to run (status 78) after it once ran, it is tried again like one that died */
};

/* Runs until SIGTERM or SIGINT: starts every role, restarts one that dies
 * (1 s, 2 s, 4 s ... 60 s, reset after 60 s up), passes SIGHUP on, stops all with
 * SIGTERM and after `grace` with SIGKILL. A role that exits with status 78 (fence
 * or configuration refused) is not restarted and ends the run, but for others_stay. Returns the exit status: 0, or 78. Blocks the signals it waits for
 * in the calling thread, which must be the only one. */
int proc_supervise(const struct proc_role *roles, size_t n, usec grace);

/* Runs our own executable with `argv` as a child with this stdout/stderr (-1 = inherit).
 * A child gets no other descriptor of ours, default signal handling, and SIGTERM when the
 * calling thread dies, so that nothing is left behind. argv[0] as in proc_role. */
enum rc proc_spawn_self(const char *const *argv, int out_fd, int err_fd, int *ret_pid, struct err *err) MUSTUSE;
enum rc proc_self_path(char *out, size_t n, struct err *err) MUSTUSE;

/* Blocks SIGTERM, SIGINT, SIGHUP in all threads and waits for one of them here. */
void proc_signals_block(void);
/* In a child: every signal does what it does by default, and none is blocked. Safe after fork. */
void proc_signals_default(void);
int proc_signal_wait(usec timeout); /* signal number, or 0 after the time-out */

/* sd_notify(3) without libsystemd: "READY=1"; does nothing without NOTIFY_SOCKET. */
void proc_notify(const char *state);

#endif
