/* Workers that mean ill, started by the real launcher: each act is one that a taken-over parser might try. It must be
 * killed or refused, say nothing that counts, and the next job must not notice. In several combinations of layers, because hosts differ. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lab/frame.h"
#include "lab/lab.h"
#include "sys/file.h"
#include "tap.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

enum fate {
	KILLED,  /* dead of the call: SIGSYS */
	REFUSED, /* the call fails, life goes on */
	DEAD,    /* ended in some other way: a signal, a limit, the deadline */
	BAD,     /* lives, and what it says is not believed */
};

#define RAW(...) return syscall(__VA_ARGS__)
#define ACT(name) static long name(int out)

static int input_fd(void) { return 3; }

/* --- calls: a value >= 0 is an escape --- */

ACT(a_open_passwd) { (void)out; RAW(SYS_open, "/etc/passwd", O_RDONLY); }
ACT(a_openat_mem) { (void)out; RAW(SYS_openat, AT_FDCWD, "/proc/1/mem", O_RDWR); }
ACT(a_open_self_mem) { (void)out; RAW(SYS_open, "/proc/self/mem", O_RDWR); }
ACT(a_open_root) { (void)out; RAW(SYS_open, "/", O_DIRECTORY); }
ACT(a_openat2) { uint64_t how[3] = { 0 }; (void)out; RAW(SYS_openat2, AT_FDCWD, "/", how, sizeof how); }
ACT(a_create) { (void)out; RAW(SYS_open, "/tmp/escaped", O_CREAT | O_WRONLY, 0600); }
ACT(a_creat) { (void)out; RAW(SYS_creat, "/escaped", 0600); }
ACT(a_stat) { char b[256]; (void)out; RAW(SYS_stat, "/etc/shadow", b); }
ACT(a_readlink) { char b[256]; (void)out; RAW(SYS_readlink, "/proc/self/exe", b, sizeof b); }
ACT(a_access) { (void)out; RAW(SYS_access, "/", 0); }
ACT(a_getdents) { char b[256]; (void)out; RAW(SYS_getdents64, input_fd(), b, sizeof b); }
ACT(a_handle) { (void)out; RAW(SYS_open_by_handle_at, input_fd(), "", 0); }
ACT(a_unlink) { (void)out; RAW(SYS_unlink, "/tmp/x"); }
ACT(a_rename) { (void)out; RAW(SYS_rename, "/tmp/x", "/tmp/y"); }
ACT(a_mkdir) { (void)out; RAW(SYS_mkdir, "/x", 0700); }
ACT(a_symlink) { (void)out; RAW(SYS_symlink, "/etc", "/x"); }
ACT(a_mknod) { (void)out; RAW(SYS_mknod, "/sda", 060600, 0x800); }
ACT(a_chmod) { (void)out; RAW(SYS_chmod, "/", 0777); }
ACT(a_fchmod) { (void)out; RAW(SYS_fchmod, input_fd(), 0777); }
ACT(a_chown) { (void)out; RAW(SYS_chown, "/", 0, 0); }
ACT(a_truncate_input) { (void)out; RAW(SYS_ftruncate, input_fd(), 0); }
ACT(a_write_input) { (void)out; RAW(SYS_write, input_fd(), "x", 1); }
ACT(a_pwrite_input) { (void)out; RAW(SYS_pwrite64, input_fd(), "x", 1, 0); }
ACT(a_fallocate) { (void)out; RAW(SYS_fallocate, input_fd(), 0, 0, 1); }
ACT(a_xattr) { (void)out; RAW(SYS_fsetxattr, input_fd(), "user.x", "x", 1, 0); }

ACT(a_inet) { (void)out; RAW(SYS_socket, AF_INET, SOCK_STREAM, 0); }
ACT(a_inet6) { (void)out; RAW(SYS_socket, AF_INET6, SOCK_DGRAM, 0); }
ACT(a_unix) { (void)out; RAW(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }
ACT(a_netlink) { (void)out; RAW(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }
ACT(a_packet) { (void)out; RAW(SYS_socket, AF_PACKET, SOCK_RAW, 0); }
ACT(a_pair) { int p[2]; (void)out; RAW(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, p); }
ACT(a_connect) { char sa[16] = { 2, 0, 0, 80, 127, 0, 0, 1 }; (void)out; RAW(SYS_connect, 4, sa, 16); }
ACT(a_bind) { char sa[16] = { 2 }; (void)out; RAW(SYS_bind, 4, sa, 16); }
ACT(a_listen) { (void)out; RAW(SYS_listen, 4, 1); }
ACT(a_accept) { (void)out; RAW(SYS_accept4, 4, NULL, NULL, 0); }
ACT(a_sendto) { RAW(SYS_sendto, out, "x", 1, 0, NULL, 0); }
ACT(a_sendmsg) { struct msghdr m = { 0 }; RAW(SYS_sendmsg, out, &m, 0); }
ACT(a_recvmsg) { struct msghdr m = { 0 }; RAW(SYS_recvmsg, out, &m, 0); }

ACT(a_exec) { char *argv[] = { NULL }; (void)out; RAW(SYS_execve, "/bin/sh", argv, argv); }
ACT(a_execat) { char *argv[] = { NULL }; (void)out; RAW(SYS_execveat, input_fd(), "", argv, argv, AT_EMPTY_PATH); }
ACT(a_memfd) { (void)out; RAW(SYS_memfd_create, "x", 0); }
ACT(a_fork) { (void)out; RAW(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
ACT(a_vfork) { (void)out; RAW(SYS_vfork); }
ACT(a_clone3) { uint64_t args[11] = { 0 }; (void)out; RAW(SYS_clone3, args, sizeof args); }
ACT(a_new_user) { (void)out; RAW(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }
ACT(a_unshare) { (void)out; RAW(SYS_unshare, CLONE_NEWUSER); }
ACT(a_setns) { (void)out; RAW(SYS_setns, input_fd(), 0); }
ACT(a_mount) { (void)out; RAW(SYS_mount, "proc", "/", "proc", 0, NULL); }
ACT(a_umount) { (void)out; RAW(SYS_umount2, "/", MNT_DETACH); }
ACT(a_pivot) { (void)out; RAW(SYS_pivot_root, "/", "/"); }
ACT(a_chroot) { (void)out; RAW(SYS_chroot, "/"); }
ACT(a_chdir) { (void)out; RAW(SYS_chdir, "/"); }

ACT(a_ptrace) { (void)out; RAW(SYS_ptrace, 16, 1, 0, 0); }
ACT(a_kill_parent) { (void)out; RAW(SYS_kill, 1, SIGKILL); }
ACT(a_kill_all) { (void)out; RAW(SYS_kill, -1, SIGKILL); }
ACT(a_tgkill) { (void)out; RAW(SYS_tgkill, 1, 1, SIGKILL); }
ACT(a_vm_read) { struct iovec v = { &v, 1 }; (void)out; RAW(SYS_process_vm_readv, 1, &v, 1, &v, 1, 0); }
ACT(a_vm_write) { struct iovec v = { &v, 1 }; (void)out; RAW(SYS_process_vm_writev, 1, &v, 1, &v, 1, 0); }
ACT(a_pidfd) { (void)out; RAW(SYS_pidfd_open, 1, 0); }
ACT(a_pidfd_getfd) { (void)out; RAW(SYS_pidfd_getfd, 3, 0, 0); }
ACT(a_kcmp) { (void)out; RAW(SYS_kcmp, 1, 1, 0, 0, 0); }
ACT(a_prlimit_parent) { struct rlimit r = { 1, 1 }; (void)out; RAW(SYS_prlimit64, 1, RLIMIT_AS, &r, NULL); }
ACT(a_prlimit) { struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY }; (void)out; RAW(SYS_prlimit64, 0, RLIMIT_AS, &r, NULL); }
ACT(a_setrlimit) { struct rlimit r = { 1024, 1024 }; (void)out; RAW(SYS_setrlimit, RLIMIT_NOFILE, &r); }

ACT(a_setuid) { (void)out; RAW(SYS_setuid, 0); }
ACT(a_setresuid) { (void)out; RAW(SYS_setresuid, 0, 0, 0); }
ACT(a_setgroups) { (void)out; RAW(SYS_setgroups, 0, NULL); }
ACT(a_capset) { uint32_t h[2] = { 0x20080522, 0 }, d[6] = { 0xffffffff, 0xffffffff, 0, 0xffffffff, 0xffffffff, 0 }; (void)out; RAW(SYS_capset, h, d); }
ACT(a_dumpable) { (void)out; RAW(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0); }
ACT(a_seccomp) { (void)out; RAW(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL); }
ACT(a_personality) { (void)out; RAW(SYS_personality, 0x0400000); }
ACT(a_keyctl) { (void)out; RAW(SYS_keyctl, 0, -3, 1); }
ACT(a_add_key) { (void)out; RAW(SYS_add_key, "user", "x", "x", 1, -3); }
ACT(a_bpf) { char attr[64] = { 0 }; (void)out; RAW(SYS_bpf, 0, attr, sizeof attr); }
ACT(a_perf) { char attr[128] = { 0 }; (void)out; RAW(SYS_perf_event_open, attr, 0, -1, -1, 0); }
ACT(a_uring) { char p[256] = { 0 }; (void)out; RAW(SYS_io_uring_setup, 1, p); }
ACT(a_userfault) { (void)out; RAW(SYS_userfaultfd, 0); }
ACT(a_module) { (void)out; RAW(SYS_init_module, "x", 1, ""); }
ACT(a_finit_module) { (void)out; RAW(SYS_finit_module, input_fd(), "", 0); }
ACT(a_kexec) { (void)out; RAW(SYS_kexec_load, 0, 0, NULL, 0); }
ACT(a_reboot) { (void)out; RAW(SYS_reboot, 0xfee1dead, 672274793, 0, NULL); }
ACT(a_swapon) { (void)out; RAW(SYS_swapon, "/x", 0); }
ACT(a_hostname) { (void)out; RAW(SYS_sethostname, "x", 1); }
ACT(a_settime) { struct timespec t = { 0, 0 }; (void)out; RAW(SYS_clock_settime, 0, &t); }
ACT(a_syslog) { char b[64]; (void)out; RAW(SYS_syslog, 3, b, sizeof b); }
ACT(a_ioctl) { char b[64] = "x"; RAW(SYS_ioctl, out, 0x5412, b); }
ACT(a_inotify) { (void)out; RAW(SYS_inotify_init1, 0); }
ACT(a_fanotify) { (void)out; RAW(SYS_fanotify_init, 0, 0); }
ACT(a_shmget) { (void)out; RAW(SYS_shmget, 77, 4096, 01666); }
ACT(a_msgget) { (void)out; RAW(SYS_msgget, 77, 01666); }
ACT(a_semget) { (void)out; RAW(SYS_semget, 77, 1, 01666); }
ACT(a_mq) { (void)out; RAW(SYS_mq_open, "x", O_CREAT | O_RDWR, 0600, NULL); }
ACT(a_dup) { RAW(SYS_dup, out); }
ACT(a_splice) { RAW(SYS_splice, input_fd(), NULL, out, NULL, 16, 0); }
ACT(a_sendfile) { RAW(SYS_sendfile, out, input_fd(), NULL, 16); }
ACT(a_vmsplice) { struct iovec v = { &v, 1 }; RAW(SYS_vmsplice, out, &v, 1, 0); }
ACT(a_timer) { struct sigevent e = { 0 }; int t; (void)out; RAW(SYS_timer_create, 0, &e, &t); }
ACT(a_sleep) { struct timespec t = { 3600, 0 }; (void)out; RAW(SYS_nanosleep, &t, NULL); }
ACT(a_affinity) { uint64_t m = 1; (void)out; RAW(SYS_sched_setaffinity, 1, 8, &m); }
ACT(a_priority) { (void)out; RAW(SYS_setpriority, 0, 0, -20); }
ACT(a_fcntl) { RAW(SYS_fcntl, out, F_DUPFD, 100); }
ACT(a_poll) { (void)out; RAW(SYS_poll, NULL, 0, 1000000); }

static long exec_map(int prot, int flags, int fd)
{
	long at = syscall(SYS_mmap, NULL, 4096, prot, flags, fd, 0);

	return at < 0 && at > -4096 ? -1 : at;
}

ACT(a_mmap_rwx) { (void)out; return exec_map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1); }
ACT(a_mmap_input) { (void)out; return exec_map(PROT_READ | PROT_EXEC, MAP_PRIVATE, 3); }
ACT(a_mprotect) { static _Alignas(4096) char page[4096]; (void)out; RAW(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC); }
ACT(a_pkey) { static _Alignas(4096) char page[4096]; (void)out; RAW(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1); }
ACT(a_memory) { (void)out; return exec_map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1) < 0 ? -1 : syscall(SYS_mmap, NULL, (size_t)10 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

/* Descriptors that the zygote or the caller had. */
ACT(a_other_fds)
{
	char b;

	(void)out;
	for (int fd = 5; fd < 1024; fd++)
		if (syscall(SYS_read, fd, &b, 1) >= 0 || errno != EBADF)
			return fd;
	return -1;
}

#if defined(__x86_64__)
ACT(a_int80)
{
	long rc;

	(void)out;
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory");
	return rc;
}
ACT(a_x32) { (void)out; RAW(0x40000000 + SYS_getppid); }
#endif

/* --- ends that are no calls --- */

ACT(a_spin) { (void)out; for (volatile unsigned i = 0;; i++) continue; return 0; }
ACT(a_hang) { static uint32_t word; (void)out; for (;;) (void)syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0); return 0; }
static volatile int *volatile nowhere;
ACT(a_null) { (void)out; return nowhere[2]; }
ACT(a_abort) { (void)out; abort(); return 0; }
ACT(a_silence) { (void)out; _exit(0); return 0; }
ACT(a_run_data) { static const unsigned char ret[] = { 0xc3 }; void (*f)(void); const void *p = ret; (void)out; memcpy(&f, &p, sizeof f); f(); return 0; }
static volatile bool go_on = true;
static long deeper(volatile char *above) { volatile char here[8192]; here[0] = *above; return go_on ? deeper(here) + here[0] : 0; }
ACT(a_stack) { volatile char c = 1; (void)out; return deeper(&c); }

/* --- lies --- */

static void say(int out, struct buf *b)
{
	for (size_t at = 0; at < b->n;) {
		ssize_t n = write(out, b->p + at, b->n - at);

		if (n <= 0)
			_exit(4);
		at += (size_t)n;
	}
	buf_clear(b);
}

static void put_end(struct buf *b, uint64_t total, uint64_t seen)
{
	size_t begun = lab_frame_begin(b, LAB_F_END);

	buf_le64(b, 0);
	buf_le64(b, total);
	buf_le64(b, seen);
	buf_le64(b, 0);
	lab_frame_end(b, begun);
}

static struct buf some(void)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	return b;
}

ACT(a_noise) { struct buf b = some(); for (int i = 0; i < 1000; i++) buf_le32(&b, 0xdeadbeef); say(out, &b); return -1; }
ACT(a_long_frame) { struct buf b = some(); buf_le32(&b, LAB_FRAME_MAX * 4); buf_char(&b, LAB_F_FACT); say(out, &b); return -1; }
ACT(a_seen_more) { struct buf b = some(); put_end(&b, 10, 20); say(out, &b); return -1; }
ACT(a_smaller) { struct buf b = some(); put_end(&b, 0, 0); say(out, &b); return -1; }
ACT(a_after_end) { struct buf b = some(); put_end(&b, 4, 4); put_end(&b, 4, 4); say(out, &b); return -1; }
ACT(a_no_digests) { struct buf b = some(); put_end(&b, 4, 4); say(out, &b); return -1; }
ACT(a_kind) { struct buf b = some(); size_t f = lab_frame_begin(&b, (enum lab_frame_kind)77); lab_frame_end(&b, f); put_end(&b, 4, 4); say(out, &b); return -1; }
ACT(a_weight)
{
	struct buf b = some();
	size_t f = lab_frame_begin(&b, LAB_F_MATCH);

	lab_frame_text(&b, S(""), 1);
	buf_char(&b, 0);
	buf_char(&b, 99);
	for (int i = 0; i < 5; i++)
		lab_frame_text(&b, S("x"), 1);
	buf_le64(&b, 0);
	buf_le64(&b, 0);
	lab_frame_end(&b, f);
	put_end(&b, 4, 4);
	say(out, &b);
	return -1;
}
/* Valid frames without end: the caller stops to listen. */
ACT(a_flood)
{
	struct buf b = some();

	for (;;) {
		for (int i = 0; i < 100; i++) {
			size_t f = lab_frame_begin(&b, LAB_F_FACT);

			lab_frame_text(&b, S("../../x"), 64);
			lab_frame_text(&b, S("</script>"), 64);
			lab_frame_text(&b, S("\xff\xfe\x1b[2J"), 64);
			lab_frame_end(&b, f);
		}
		say(out, &b);
	}
	return 0;
}

static const struct act {
	const char *name;
	long (*run)(int out);
	enum fate fate;
} ACTS[] = {
	{ "open /etc/passwd", a_open_passwd, REFUSED }, { "open /proc/1/mem", a_openat_mem, REFUSED }, { "open /proc/self/mem", a_open_self_mem, REFUSED },
	{ "open /", a_open_root, REFUSED }, { "openat2", a_openat2, REFUSED }, { "create a file", a_create, REFUSED }, { "creat", a_creat, KILLED },
	{ "stat /etc/shadow", a_stat, REFUSED }, { "readlink", a_readlink, REFUSED }, { "access", a_access, REFUSED }, { "getdents", a_getdents, REFUSED },
	{ "open by handle", a_handle, KILLED }, { "unlink", a_unlink, KILLED }, { "rename", a_rename, KILLED }, { "mkdir", a_mkdir, KILLED },
	{ "symlink", a_symlink, KILLED }, { "mknod", a_mknod, KILLED }, { "chmod", a_chmod, KILLED }, { "chmod of the input", a_fchmod, KILLED },
	{ "chown", a_chown, KILLED }, { "truncate the input", a_truncate_input, KILLED }, { "write to the input", a_write_input, REFUSED },
	{ "pwrite to the input", a_pwrite_input, KILLED }, { "fallocate", a_fallocate, KILLED }, { "set an attribute", a_xattr, KILLED },
	{ "socket inet", a_inet, KILLED }, { "socket inet6", a_inet6, KILLED }, { "socket unix", a_unix, KILLED }, { "socket netlink", a_netlink, KILLED },
	{ "socket packet", a_packet, KILLED }, { "socket pair", a_pair, KILLED }, { "connect", a_connect, KILLED }, { "bind", a_bind, KILLED },
	{ "listen", a_listen, KILLED }, { "accept", a_accept, KILLED }, { "sendto", a_sendto, KILLED }, { "sendmsg", a_sendmsg, KILLED }, { "recvmsg", a_recvmsg, KILLED },
	{ "execve", a_exec, KILLED }, { "execveat of the input", a_execat, KILLED }, { "memfd", a_memfd, KILLED }, { "fork", a_fork, KILLED }, { "vfork", a_vfork, KILLED },
	{ "clone3", a_clone3, KILLED }, { "clone with a user name space", a_new_user, KILLED }, { "unshare", a_unshare, KILLED }, { "setns", a_setns, KILLED },
	{ "mount", a_mount, KILLED }, { "umount", a_umount, KILLED }, { "pivot_root", a_pivot, KILLED }, { "chroot", a_chroot, KILLED }, { "chdir", a_chdir, KILLED },
	{ "ptrace the parent", a_ptrace, KILLED }, { "kill the parent", a_kill_parent, KILLED }, { "kill everybody", a_kill_all, KILLED }, { "tgkill", a_tgkill, KILLED },
	{ "read a process's memory", a_vm_read, KILLED }, { "write a process's memory", a_vm_write, KILLED }, { "pidfd", a_pidfd, KILLED },
	{ "take a descriptor", a_pidfd_getfd, KILLED }, { "kcmp", a_kcmp, KILLED }, { "limits of the parent", a_prlimit_parent, REFUSED }, { "raise a limit", a_prlimit, REFUSED },
	{ "setrlimit", a_setrlimit, KILLED }, { "setuid", a_setuid, KILLED }, { "setresuid", a_setresuid, KILLED }, { "setgroups", a_setgroups, KILLED },
	{ "capset", a_capset, KILLED }, { "dumpable", a_dumpable, KILLED }, { "another filter", a_seccomp, KILLED }, { "personality", a_personality, KILLED },
	{ "keyctl", a_keyctl, KILLED }, { "add_key", a_add_key, KILLED }, { "bpf", a_bpf, KILLED }, { "perf", a_perf, KILLED }, { "io_uring", a_uring, KILLED },
	{ "userfaultfd", a_userfault, KILLED }, { "load a module", a_module, KILLED }, { "load a module from the input", a_finit_module, KILLED }, { "kexec", a_kexec, KILLED },
	{ "reboot", a_reboot, KILLED }, { "swapon", a_swapon, KILLED }, { "host name", a_hostname, KILLED }, { "set the clock", a_settime, KILLED }, { "kernel log", a_syslog, KILLED },
	{ "type into a terminal", a_ioctl, REFUSED }, { "inotify", a_inotify, KILLED }, { "fanotify", a_fanotify, KILLED }, { "shared memory", a_shmget, KILLED },
	{ "message queue", a_msgget, KILLED }, { "semaphores", a_semget, KILLED }, { "POSIX queue", a_mq, KILLED }, { "dup", a_dup, KILLED }, { "dup by fcntl", a_fcntl, REFUSED },
	{ "splice", a_splice, KILLED }, { "sendfile", a_sendfile, KILLED }, { "vmsplice", a_vmsplice, KILLED }, { "timer", a_timer, KILLED }, { "sleep", a_sleep, KILLED },
	{ "poll for ever", a_poll, KILLED }, { "affinity of the parent", a_affinity, KILLED }, { "priority", a_priority, KILLED },
	{ "memory that runs", a_mmap_rwx, KILLED }, { "the input as a program", a_mmap_input, KILLED }, { "data that becomes code", a_mprotect, KILLED },
	{ "the same by a key", a_pkey, KILLED }, { "10 GiB", a_memory, REFUSED }, { "descriptors 5 to 1023", a_other_fds, REFUSED },
#if defined(__x86_64__)
	{ "int 0x80", a_int80, KILLED }, { "an x32 call", a_x32, KILLED },
#endif
	{ "spin", a_spin, DEAD }, { "hang", a_hang, DEAD }, { "a null pointer", a_null, DEAD }, { "abort", a_abort, DEAD }, { "end without a word", a_silence, BAD },
	{ "jump into data", a_run_data, DEAD }, { "the stack's end", a_stack, DEAD },
	{ "noise", a_noise, BAD }, { "a frame too long", a_long_frame, BAD }, { "more seen than there is", a_seen_more, BAD }, { "less than there is", a_smaller, BAD },
	{ "a frame behind the last", a_after_end, BAD }, { "no digests", a_no_digests, BAD }, { "a kind of frame that is none", a_kind, BAD },
	{ "a weight that is none", a_weight, BAD }, { "frames without end", a_flood, DEAD },
};
#define N_ACTS COUNTOF(ACTS)

/* In the worker: the submission is the number of the act in decimal, or "tame". */
static void work(const struct lab_stock *stock, struct str bytes, struct str passwords, int out)
{
	struct buf b = some();
	uint64_t n;
	size_t f;

	(void)stock;
	(void)passwords;
	if (str_to_u64(bytes, &n) && n < N_ACTS && ACTS[n].run(out) < 0) {
		f = lab_frame_begin(&b, LAB_F_FACT);
		lab_frame_text(&b, S(""), 1);
		lab_frame_text(&b, S("alive"), 64);
		lab_frame_text(&b, S(""), 1);
	} else {
		f = lab_frame_begin(&b, LAB_F_FACT);
		lab_frame_text(&b, S(""), 1);
		lab_frame_text(&b, str_eq(bytes, S("tame")) ? S("tame") : S("escaped"), 64);
		lab_frame_text(&b, S(""), 1);
	}
	lab_frame_end(&b, f);
	say(out, &b);
}

/* --- the tests --- */

struct result {
	bool ran, escaped, alive, sigsys, late, no_finding, next_fine;
	char why[96];
};

struct results {
	bool opened;
	char fences[400], error[200];
	struct result of[N_ACTS];
};

static bool hand_in(struct lab *l, const char *what, struct arena *a, struct lab_report *r)
{
	CLEANUP(file_closep) int fd = memfd_create("act", MFD_CLOEXEC);
	struct lab_submission s = { .fd = -1, .path = S("act") };
	CLEANUP(file_closep) int ro = -1;
	char path[64];
	void *tag;

	if (fd < 0 || file_write_at(fd, 0, str_of(what), NULL) != RC_OK)
		return false;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	s.fd = ro >= 0 ? ro : fd;
	return lab_submit(l, &s, NULL) == RC_OK && lab_next(l, a, 20 * USEC_PER_SEC, r, &tag, NULL) == RC_OK;
}

static bool has_fact(const struct lab_report *r, const char *name)
{
	for (size_t i = 0; i < r->facts.n; i++)
		if (str_eq(r->facts.p[i].name, str_of(name)))
			return true;
	return false;
}

static void run_act(struct lab *l, size_t i, struct result *to)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct lab_report r;
	char text[16];

	snprintf(text, sizeof text, "%zu", i);
	to->ran = hand_in(l, text, a, &r);
	if (to->ran) {
		to->escaped = has_fact(&r, "escaped");
		to->alive = has_fact(&r, "alive");
		to->no_finding = lab_verdict_of(&r) == LAB_V_NO_FINDING;
		snprintf(to->why, sizeof to->why, "%.*s", r.unseen.n == 0 ? 0 : STR(r.unseen.p[r.unseen.n - 1].why));
		to->sigsys = strstr(to->why, "asked for what it may not") != NULL;
		to->next_fine = hand_in(l, "tame", a, &r) && has_fact(&r, "tame");
	}
	arena_free(a);
}

static void battery(struct results *to, unsigned without)
{
	struct lab_setup s = { .limits = LAB_LIMITS, .without = without, .work = work };
	struct lab *l = NULL;
	struct err err = { 0 };
	struct buf b;

	s.limits.seconds = 1;
	s.limits.output = (uint64_t)1 << 20;
	if (lab_open(&s, &l, &err) != RC_OK) {
		snprintf(to->error, sizeof to->error, "%.190s", err.text);
		return;
	}
	to->opened = true;
	buf_init(&b, sizeof to->fences - 1);
	lab_describe(l, &b);
	memcpy(to->fences, b.p, b.n);
	buf_done(&b);
	for (size_t i = 0; i < N_ACTS; i++)
		run_act(l, i, &to->of[i]);
	lab_close(l);
}

static void judge(const struct results *got, const char *where)
{
	if (!OK(got->opened, "%s: the lab starts: %s", where, got->error))
		return;
	printf("# %s: %s\n", where, got->fences);
	for (size_t i = 0; i < N_ACTS; i++) {
		const struct result *r = &got->of[i];
		bool fate = ACTS[i].fate == KILLED ? r->sigsys && !r->alive : ACTS[i].fate == REFUSED ? r->alive && !r->sigsys : ACTS[i].fate == DEAD ? !r->alive : true;

		OK(r->ran && !r->escaped && !r->no_finding && fate && r->next_fine, "%s: %s: %s", where, ACTS[i].name,
		   !r->ran ? "no report" : r->escaped ? "ESCAPED" : r->no_finding ? "BELIEVED" : !r->next_fine ? "the next one suffered" : r->alive ? "refused" : r->why);
	}
}

/* In a process of its own, so that giving root up stays there. */
static void combination(const char *where, bool as_nobody, unsigned without)
{
	struct results *got = mmap(NULL, sizeof *got, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	fflush(stdout);
	pid = got == MAP_FAILED ? -1 : fork();
	if (pid == 0) {
		if (as_nobody && (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
			_exit(1);
		battery(got, without);
		_exit(0);
	}
	if (OK(pid > 0 && waitpid(pid, NULL, 0) == pid, "%s: ran", where))
		judge(got, where);
}

int main(void)
{
	if (SANITIZED) {
		SKIP("the fence of a sanitized build lets more through", "hostile workers");
		return tap_done();
	}
	OK(N_ACTS >= 60, "%zu acts", N_ACTS);
	if (geteuid() == 0) {
		combination("as root", false, 0);
		combination("as an ordinary user", true, 0);
	} else {
		SKIP("not root", "as root");
		combination("as an ordinary user", false, 0);
	}
	combination("without Landlock", false, CELL_LANDLOCK);
	combination("without name spaces", geteuid() == 0, CELL_USER | CELL_NET | CELL_MOUNT | CELL_PID | CELL_IPC | CELL_LANDLOCK);
	return tap_done();
}
