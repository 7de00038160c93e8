/* What a locked cell may ask the kernel for: memory, the descriptors it has, the time. Internal to cell.c. */
#ifndef SYS_CELL_CALLS_H
#define SYS_CELL_CALLS_H

static const char *const CELL_ALLOWED[] = {
	"read", "pread64", "readv", "write", "writev", "lseek", "close", "munmap", "mremap", "brk", "madvise", "futex",
	"clock_gettime", "gettimeofday", "time", "getrandom", "sched_yield", "getpid", "gettid", "restart_syscall",
	"rt_sigreturn", "rt_sigprocmask", "rt_sigaction", "sigaltstack", "exit", "exit_group",
};

/* Libraries ask for these on the way to something they can do without: refused, and no reason to die. */
static const char *const CELL_REFUSED[] = {
	"open", "openat", "openat2", "stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat", "getcwd", "getdents64", "ioctl", "fcntl", "sysinfo", "uname", "getuid", "geteuid", "getgid", "getegid",
	"sched_getaffinity", "prlimit64", "getrusage", "times",
};

#endif
