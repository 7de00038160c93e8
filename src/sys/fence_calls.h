/* The system calls that a role may make: what SQLite, libpq, the HTTP server and client,
 * GnuTLS, OpenSSL and glibc need to serve, and nothing that loads code into the kernel,
 * looks into other processes, or changes who we are. One row each, so that a new need is
 * one line in review. Internal to fence.c. */
#ifndef SYS_FENCE_CALLS_H
#define SYS_FENCE_CALLS_H

static const char *const CALLS_ALWAYS[] = {
	/* descriptors and files */
	"read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "lseek",
	"open", "openat", "openat2", "creat", "close", "close_range", "dup", "dup2", "dup3", "fcntl", "flock",
	"stat", "fstat", "lstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2",
	"getdents64", "getcwd", "chdir", "fchdir", "readlink", "readlinkat", "rename", "renameat", "renameat2",
	"mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "link", "linkat", "chmod", "fchmod", "fchmodat", "fchown", "umask",
	"truncate", "ftruncate", "fallocate", "fadvise64", "fsync", "fdatasync", "sync_file_range", "utimensat",
	"copy_file_range", "sendfile", "splice", "pipe", "pipe2", "memfd_create", "inotify_init1", "inotify_add_watch",
	"inotify_rm_watch",
	/* memory */
	"mmap", "munmap", "mremap", "mprotect", "madvise", "msync", "mincore", "mlock", "munlock", "brk",
	/* waiting and time */
	"poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime", "signalfd4", "nanosleep", "clock_nanosleep",
	"clock_gettime", "clock_getres", "gettimeofday", "time", "times", "restart_syscall", "pause",
	/* threads and signals of our own */
	"futex", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "arch_prctl", "membarrier",
	"sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "getpriority", "exit", "exit_group",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait", "sigaltstack",
	"wait4", "waitid",
	/* who and what we are */
	"getpid", "gettid", "getppid", "getpgrp", "getpgid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid",
	"getgroups", "getrlimit", "getrusage", "uname", "sysinfo", "getrandom", "getcpu",
	/* sockets we were given */
	"accept", "accept4", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "shutdown",
	"getsockname", "getpeername", "getsockopt", "setsockopt", "socketpair",
};

static const char *const CALLS_NETWORK[] = { "bind", "listen", "connect" };

static const char *const CALLS_EXEC[] = { "execve", "execveat", "fork", "vfork", "clone3", "kill", "setpgid", "setsid" };

#endif
