/* A cell: a process that is kept from everything, for code that meets hostile bytes. Made in three steps, because each takes away
 * what the one before needs: cell_fork gives a child in name spaces of its own; the child loads what it needs and
 * closes the door (cell_shut: empty root, no rights, Landlock without a rule); each of its forks, right before the first hostile byte, locks
 * itself to a few system calls and limits (cell_lock). sys/fence.h is for roles that live among files and sockets. */
#ifndef SYS_CELL_H
#define SYS_CELL_H

#include <sys/types.h>

#include "base/buf.h"

enum cell_part {
	CELL_USER = 1 << 0,     /* user name space of its own: no right in any other */
	CELL_NET = 1 << 1,      /* a network of its own, without any interface up */
	CELL_MOUNT = 1 << 2,    /* an empty root, read-only */
	CELL_PID = 1 << 3,      /* sees and signals no process but its own */
	CELL_IPC = 1 << 4,      /* and no System V memory or queues, host name, cgroup path */
	CELL_UID = 1 << 5,      /* is not root outside */
	CELL_NO_RIGHTS = 1 << 6, /* no capability, no new privileges, not dumpable */
	CELL_LANDLOCK = 1 << 7, /* no file, no TCP, no abstract socket, as far as the kernel's version knows them */
	CELL_LIMITS = 1 << 8,   /* rlimits: memory, processor time, files, no processes, no file growth, no core */
	CELL_CALLS = 1 << 9,    /* seccomp: a list of calls, death for the rest */
};
#define CELL_LEAST (CELL_UID | CELL_NO_RIGHTS | CELL_LIMITS | CELL_CALLS) /* below this nothing is started */

struct cell {
	unsigned parts;     /* enum cell_part: what is in force */
	int landlock_abi;
	int calls;          /* how many the list lets through */
	struct cell_filter *filter; /* made once by cell_shut, loaded by each cell_lock */
	uint64_t base_memory; /* addresses in use when shut */
};

/* As fork(2): twice back, 0 in the child, which dies with the thread that called. `without`: parts to leave out. Before the first thread.
 * Where the kernel grants no name spaces, the child has none, and says so in `parts`. -1: no fork, see err. */
pid_t cell_fork(unsigned without, struct cell *ret, struct err *err);
/* In the child. From here on no path leads anywhere. RC_UNSUPPORTED: less than CELL_LEAST would be in force. */
enum rc cell_shut(struct cell *c, unsigned without, struct err *err) MUSTUSE;

struct cell_limits {
	uint64_t memory;   /* above what was in use at cell_shut, */
	uint64_t input;    /* and for a file that is mapped */
	uint32_t seconds;  /* of processor time */
};

/* In a fork of the child, once: keeps the descriptors below `keep_below`, closes all others, and locks. Calls outside the list kill the
 * process (those that merely ask for files are refused with EACCES, because libraries ask for their tables). */
enum rc cell_lock(const struct cell *c, int keep_below, const struct cell_limits *l, struct err *err) MUSTUSE;

/* "user net mount pid ipc uid no-rights landlock(abi 7) limits seccomp(31 calls)"; what is not there is said: "NO landlock". */
void cell_describe(const struct cell *c, struct buf *out);

#endif
