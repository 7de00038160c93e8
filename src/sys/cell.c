/* Raw clone instead of fork and unshare: one process less stands between the caller and the cell, and a PID name space counts
 * from its first process on. The filter is written by libseccomp once and kept as the kernel's program, because every worker loads
 * it and writing it costs more than all the rest.
 *
 * Root gives its rights away in the outer user name space first (uid 65534), so that even a hole in the inner one is nobody's;
 * an ordinary user gets its name spaces by a user name space in which it is mapped to itself. */
#include "sys/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "sys/cell_calls.h"
#include "sys/file.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || HAS_FEATURE(address_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define NOBODY 65534
#define NR_LANDLOCK_CREATE 444
#define NR_LANDLOCK_RESTRICT 446
#define SET_MDWE 65 /* PR_SET_MDWE, Linux 6.3: no memory that was written is ever run */

struct cell_filter {
	struct sock_fprog prog;
	struct sock_filter code[];
};

static const struct {
	enum cell_part part;
	int flag;
} SPACES[] = {
	{ CELL_USER, CLONE_NEWUSER }, { CELL_NET, CLONE_NEWNET }, { CELL_MOUNT, CLONE_NEWNS },
	{ CELL_PID, CLONE_NEWPID },   { CELL_IPC, CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP },
};

/* --- cell_fork --- */

static enum rc put_line(const char *path, const char *line, struct err *err)
{
	CLEANUP(file_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		return FAIL(err, RC_IO, "cell: %s: %m", path);
	return RC_OK;
}

/* Mapped to itself: nothing changes but that rights end at the border. */
static enum rc map_self(unsigned uid, unsigned gid, struct err *err)
{
	char line[64];

	TRY(put_line("/proc/self/setgroups", "deny", err));
	snprintf(line, sizeof line, "%u %u 1\n", uid, uid);
	TRY(put_line("/proc/self/uid_map", line, err));
	snprintf(line, sizeof line, "%u %u 1\n", gid, gid);
	return put_line("/proc/self/gid_map", line, err);
}

static int flags_of(unsigned parts)
{
	int flags = 0;

	for (size_t i = 0; i < COUNTOF(SPACES); i++)
		if ((parts & SPACES[i].part) != 0)
			flags |= SPACES[i].flag;
	return flags;
}

pid_t cell_fork(unsigned without, struct cell *ret, struct err *err)
{
	unsigned uid = geteuid(), gid = getegid();
	unsigned spaces = (CELL_USER | CELL_NET | CELL_MOUNT | CELL_PID | CELL_IPC) & ~without;
	long pid;

	*ret = (struct cell){ 0 };
	if (uid == 0)
		spaces &= ~(unsigned)CELL_USER; /* later, when the rights are gone */
	else if ((spaces & CELL_USER) == 0)
		spaces = 0;
	pid = syscall(SYS_clone, (unsigned long)flags_of(spaces) | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0 && spaces != 0) {
		spaces = 0; /* a kernel that grants none: what is left has to reach CELL_LEAST */
		pid = syscall(SYS_clone, (unsigned long)SIGCHLD, 0, 0, 0, 0);
	}
	if (pid < 0) {
		err_set(err, errno == ENOMEM ? RC_NOMEM : RC_IO, "cell: %m");
		return -1;
	}
	ret->parts = spaces;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else its own maps belong to root; cell_shut takes it away */
		if ((spaces & CELL_USER) != 0 && map_self(uid, gid, err) != RC_OK)
			_exit(1);
	}
	return (pid_t)pid;
}

/* --- cell_shut --- */

static uint64_t memory_in_use(void)
{
	struct buf b;
	uint64_t pages = 0;
	struct str rest, word;

	if (file_read("/proc/self/statm", 4096, &b, NULL) != RC_OK)
		return 0;
	rest = buf_view(&b);
	if (str_next(&rest, ' ', &word))
		(void)str_to_u64(word, &pages);
	buf_done(&b);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A file system that is mounted nowhere, as root and folder: for who lives in a chroot, whose root cannot be exchanged. The old one
 * stays mounted, and no name leads to it. */
static bool detached_root(void)
{
	int made = fsopen("tmpfs", FSOPEN_CLOEXEC), at;
	bool fine;

	if (made < 0)
		return false;
	fine = fsconfig(made, FSCONFIG_SET_STRING, "size", "4k", 0) == 0 && fsconfig(made, FSCONFIG_SET_STRING, "mode", "0555", 0) == 0 &&
	       fsconfig(made, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0;
	at = fine ? fsmount(made, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) : -1;
	fine = at >= 0 && fchdir(at) == 0 && chroot(".") == 0;
	if (at >= 0)
		close(at);
	close(made);
	return fine;
}

/* A new root stacked over the old one, which is then let go of: nothing of it stays reachable, by no open folder either. */
static enum rc empty_root(struct err *err)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		/* "/" is not where something is mounted. */
		if (errno == EINVAL && detached_root())
			return RC_OK;
		return FAIL(err, RC_IO, "cell: empty root: %m");
	}
	if (mount("cell", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0555") != 0 || chdir("/tmp") != 0 ||
	    syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
		return FAIL(err, RC_IO, "cell: empty root: %m");
	return RC_OK;
}

static enum rc leave_root_user(struct cell *c, unsigned without, struct err *err)
{
	if (geteuid() == 0 && (without & CELL_UID) == 0) {
		if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
			return FAIL(err, RC_IO, "cell: giving root up: %m");
		if ((without & CELL_USER) == 0 && unshare(CLONE_NEWUSER) == 0)
			c->parts |= CELL_USER;
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user forgets it */
		c->parts |= CELL_UID;
	} else if (geteuid() != 0) {
		c->parts |= CELL_UID;
	}
	return RC_OK;
}

static enum rc drop_rights(struct cell *c, struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* without CAP_SETPCAP it cannot be dropped, and needs not */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_capset, &head, none) != 0)
		return FAIL(err, RC_IO, "cell: giving rights up: %m");
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return FAIL(err, RC_IO, "cell: dumpable: %m");
	c->parts |= CELL_NO_RIGHTS;
	return RC_OK;
}

/* Everything that this kernel's version can forbid, without one exception. */
static enum rc landlock(struct cell *c, struct err *err)
{
	struct {
		uint64_t fs, net, scoped;
	} all = { .fs = (1ull << 13) - 1 };
	long abi = syscall(NR_LANDLOCK_CREATE, NULL, 0, 1);
	CLEANUP(file_closep) int fd = -1;

	if (abi < 1)
		return RC_OK;
	all.fs |= (abi >= 2 ? 1ull << 13 : 0) | (abi >= 3 ? 1ull << 14 : 0) | (abi >= 5 ? 1ull << 15 : 0);
	all.net = abi >= 4 ? 3 : 0;
	all.scoped = abi >= 6 ? 3 : 0;
	fd = (int)syscall(NR_LANDLOCK_CREATE, &all, abi >= 6 ? 24ul : abi >= 4 ? 16ul : 8ul, 0);
	if (fd < 0 || syscall(NR_LANDLOCK_RESTRICT, fd, 0) != 0)
		return FAIL(err, RC_IO, "cell: landlock: %m");
	c->landlock_abi = (int)abi;
	c->parts |= CELL_LANDLOCK;
	return RC_OK;
}

static void filter_rule(scmp_filter_ctx ctx, uint32_t action, const char *name, int *ret_n, int *bad)
{
	int nr = seccomp_syscall_resolve_name(name), rc;

	if (nr == __NR_SCMP_ERROR)
		return;
	rc = seccomp_rule_add(ctx, action, nr, 0);
	if (rc == 0)
		(*ret_n)++;
	else if (*bad == 0)
		*bad = rc;
}

static int filter_rules(scmp_filter_ctx ctx, int *ret_n)
{
	static const char *const sanitizer[] = { "prctl", "tgkill", "sched_getaffinity", "mmap", "mprotect", "getrusage", "fcntl" };
	const struct scmp_arg_cmp not_run = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int bad = 0, refused = 0;

	for (size_t i = 0; i < COUNTOF(CELL_ALLOWED); i++)
		filter_rule(ctx, SCMP_ACT_ALLOW, CELL_ALLOWED[i], ret_n, &bad);
	for (size_t i = 0; SANITIZED && i < COUNTOF(sanitizer); i++)
		filter_rule(ctx, SCMP_ACT_ALLOW, sanitizer[i], ret_n, &bad);
	for (size_t i = 0; i < COUNTOF(CELL_REFUSED); i++)
		if (!SANITIZED)
			filter_rule(ctx, SCMP_ACT_ERRNO(EACCES), CELL_REFUSED[i], &refused, &bad);
	if (!SANITIZED && bad == 0)
		bad = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &not_run);
	if (!SANITIZED && bad == 0)
		bad = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &not_run);
	*ret_n += SANITIZED ? 0 : 2;
	return bad;
}

static enum rc keep_filter(struct cell *c, int fd, struct err *err)
{
	off_t n = lseek(fd, 0, SEEK_END);
	struct cell_filter *f;

	if (n <= 0 || (size_t)n % sizeof f->code[0] != 0 || (size_t)n / sizeof f->code[0] > BPF_MAXINSNS)
		return FAIL(err, RC_INTERNAL, "cell: seccomp: the filter has no size");
	f = mem_alloc(sizeof *f + (size_t)n);
	if (f == NULL)
		return FAIL(err, RC_NOMEM, "cell: out of memory");
	f->prog = (struct sock_fprog){ .len = (unsigned short)((size_t)n / sizeof f->code[0]), .filter = f->code };
	if (pread(fd, f->code, (size_t)n, 0) != (ssize_t)n) {
		mem_free(f);
		return FAIL(err, RC_IO, "cell: seccomp: %m");
	}
	c->filter = f;
	return RC_OK;
}

static enum rc make_filter(struct cell *c, struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SANITIZED ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	CLEANUP(file_closep) int fd = memfd_create("filter", MFD_CLOEXEC);
	int bad;

	if (ctx == NULL || fd < 0) {
		seccomp_release(ctx);
		return FAIL(err, RC_NOMEM, "cell: seccomp: out of memory");
	}
	bad = filter_rules(ctx, &c->calls);
	if (bad == 0)
		bad = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (bad == 0)
		bad = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (bad == 0)
		bad = seccomp_export_bpf(ctx, fd);
	seccomp_release(ctx);
	return bad == 0 ? keep_filter(c, fd, err) : FAIL(err, RC_IO, "cell: seccomp: %s", strerrordesc_np(-bad));
}

enum rc cell_shut(struct cell *c, unsigned without, struct err *err)
{
	c->base_memory = memory_in_use();
	if ((without & CELL_CALLS) == 0) {
		TRY(make_filter(c, err));
		c->parts |= CELL_CALLS;
	}
	if ((c->parts & CELL_MOUNT) != 0)
		TRY(empty_root(err));
	TRY(leave_root_user(c, without, err));
	TRY(drop_rights(c, err));
	if ((without & CELL_LANDLOCK) == 0)
		TRY(landlock(c, err));
	if ((without & CELL_LIMITS) == 0)
		c->parts |= CELL_LIMITS;
	/* A user name space of its own is as good as another uid: there is no right in it that counts outside. */
	if ((c->parts & CELL_USER) == 0 && (c->parts & CELL_UID) == 0)
		return FAIL(err, RC_UNSUPPORTED, "cell: neither a user name space nor another user than root can be had");
	if ((c->parts & CELL_LEAST & ~(unsigned)CELL_UID) != (CELL_LEAST & ~(unsigned)CELL_UID))
		return FAIL(err, RC_UNSUPPORTED, "cell: less than the least would be in force");
	return RC_OK;
}

/* --- cell_lock --- */

static bool limit(__rlimit_resource_t what, uint64_t value)
{
	struct rlimit r = { value, value };

	return setrlimit(what, &r) == 0;
}

/* SIGXCPU tells why; a second later there is no more asking. */
static bool limit_cpu(uint32_t seconds)
{
	struct rlimit r = { seconds, (rlim_t)seconds + 1 };

	return setrlimit(RLIMIT_CPU, &r) == 0;
}

static enum rc set_limits(const struct cell *c, int keep_below, const struct cell_limits *l, struct err *err)
{
	bool good = limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NOFILE, (uint64_t)keep_below) && limit(RLIMIT_NPROC, 0) &&
		    limit_cpu(l->seconds) && limit(RLIMIT_MEMLOCK, 0) && limit(RLIMIT_MSGQUEUE, 0);

	if (good && !SANITIZED)
		good = limit(RLIMIT_AS, c->base_memory + l->memory + l->input);
	return good ? RC_OK : FAIL(err, RC_IO, "cell: limits: %m");
}

enum rc cell_lock(const struct cell *c, int keep_below, const struct cell_limits *l, struct err *err)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (close_range((unsigned)keep_below, ~0U, 0) != 0)
		return FAIL(err, RC_IO, "cell: close_range: %m");
	if ((c->parts & CELL_LIMITS) != 0)
		TRY(set_limits(c, keep_below, l, err));
	if (!SANITIZED)
		(void)prctl(SET_MDWE, 1, 0, 0, 0); /* from Linux 6.3 on; the list of calls says the same */
	if (c->filter != NULL && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &c->filter->prog) != 0)
		return FAIL(err, RC_IO, "cell: seccomp: %m");
	return RC_OK;
}

void cell_describe(const struct cell *c, struct buf *out)
{
	static const struct {
		enum cell_part part;
		const char *name;
	} names[] = {
		{ CELL_CALLS, "seccomp" }, { CELL_LIMITS, "limits" }, { CELL_NO_RIGHTS, "no-rights" }, { CELL_UID, "uid" }, { CELL_USER, "user" }, { CELL_NET, "net" },
		{ CELL_MOUNT, "mount" },   { CELL_PID, "pid" },	      { CELL_IPC, "ipc" },	      { CELL_LANDLOCK, "landlock" },
	};

	for (size_t i = 0; i < COUNTOF(names); i++) {
		buf_fmt(out, "%s%s%s", i == 0 ? "" : " ", (c->parts & names[i].part) != 0 ? "" : "NO ", names[i].name);
		if (names[i].part == CELL_CALLS && c->calls > 0)
			buf_fmt(out, "(%d calls)", c->calls);
		if (names[i].part == CELL_LANDLOCK && c->landlock_abi > 0)
			buf_fmt(out, "(abi %d)", c->landlock_abi);
	}
}
