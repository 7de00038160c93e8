/* The fence around a role: Landlock to its folders, seccomp allow-list, no new
 * privileges, resource limits. Fails closed: a part that cannot be installed is
 * an error, and the caller must stop the role. */
#ifndef SYS_FENCE_H
#define SYS_FENCE_H

#include "base/buf.h"

struct fence {
	const char *role;
	const char *const *rw_paths; /* NULL-terminated folders the role may read and write */
	const char *const *ro_paths; /* NULL-terminated folders or files it may read; one that does not exist is passed over */
	bool network;                /* may create sockets, */
	bool inet_only;              /* but none of AF_UNIX: Landlock does not keep it from connecting to one by its path */
	bool may_exec;               /* may start processes (supervisor only) */
	uint64_t max_files;          /* RLIMIT_NOFILE; 0 = leave */
	uint64_t max_memory;         /* RLIMIT_AS; 0 = leave (ASan builds ignore it) */
};

/* What the kernel offers; without Landlock in the kernel fence_enter refuses
 * unless `allow_without_landlock`, which is then listed as missing. */
struct fence_report {
	bool no_new_privs, seccomp, landlock, rlimits, dumpable_off;
	int landlock_abi; /* 0 = the kernel has none */
	int syscalls;     /* how many the filter lets through */
	char writable[256]; /* the rw_paths, for people */
};

/* For the rest of this process's life and all it starts. Must come before the first thread
 * (RC_INTERNAL otherwise): Landlock binds the calling thread only. A refused system call
 * fails with EPERM. RC_UNSUPPORTED: the kernel lacks a part; RC_IO: it refused one. */
enum rc fence_enter(const struct fence *f, bool allow_without_landlock, struct fence_report *ret, struct err *err) MUSTUSE;
/* "no-new-privs seccomp(178 calls) landlock(abi 2: /var/lib/x rw) rlimits no-dump"; what is not there is said: "NO landlock". */
void fence_describe(const struct fence_report *r, struct buf *out);

#endif
