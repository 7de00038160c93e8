/* Order matters: limits and Landlock first, the system-call filter last, because the
 * filter takes away the calls that the others need. libseccomp writes the filter;
 * Landlock has no library in Debian 12, so its three calls are made raw, with our own
 * copies of its constants (kernel ABI, never changing), because the headers of the build
 * machine may be older than the kernel that runs us.
 *
 * The filter looks into arguments where the call alone says too little: socket families,
 * clone without new name spaces, prctl without privileges, prlimit for ourselves only.
 * clone3 hides its flags in memory, so it answers ENOSYS and glibc falls back to clone. */
#include "sys/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sys/fence_calls.h"
#include "sys/file.h"

/* A sanitizer's leak check stops and inspects the process at its exit. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define NR_CREATE_RULESET 444
#define NR_ADD_RULE 445
#define NR_RESTRICT_SELF 446
#define LL_VERSION 1u
#define LL_PATH_BENEATH 1
#define LL_EXECUTE (1ull << 0)
#define LL_WRITE_FILE (1ull << 1)
#define LL_READ_FILE (1ull << 2)
#define LL_READ_DIR (1ull << 3)
#define LL_MAKE_CHAR (1ull << 6)
#define LL_MAKE_BLOCK (1ull << 11)
#define LL_REFER (1ull << 13)
#define LL_TRUNCATE (1ull << 14)
#define LL_ABI1 ((1ull << 13) - 1)
#define LL_OF_FILES (LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE)

struct ll_ruleset {
	uint64_t handled_fs;
};

struct ll_beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

static enum rc check_single_thread(struct err *err)
{
	struct stat st;

	/* One link for ".", one for "..", one for each thread. */
	if (stat("/proc/self/task", &st) != 0)
		return FAIL(err, RC_IO, "fence: /proc/self/task: %m");
	if (st.st_nlink > 3 && !SANITIZED)
		return FAIL(err, RC_INTERNAL, "fence: must be entered before the first thread");
	return RC_OK;
}

/* --- limits --- */

static enum rc limit(int what, const char *name, uint64_t value, struct err *err)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)what, &r) != 0)
		return FAIL(err, RC_IO, "fence: getrlimit %s: %m", name);
	/* Lowering only: raising the hard limit would take a privilege that the role must not have. */
	if (value > r.rlim_max)
		value = r.rlim_max;
	r.rlim_cur = r.rlim_max = value;
	if (setrlimit((__rlimit_resource_t)what, &r) != 0)
		return FAIL(err, RC_IO, "fence: setrlimit %s: %m", name);
	return RC_OK;
}

static enum rc set_limits(const struct fence *f, struct fence_report *ret, struct err *err)
{
	TRY(limit(RLIMIT_CORE, "core", 0, err));
	if (f->max_files != 0)
		TRY(limit(RLIMIT_NOFILE, "nofile", f->max_files, err));
	/* A sanitizer reserves terabytes of addresses. */
	if (f->max_memory != 0 && !SANITIZED)
		TRY(limit(RLIMIT_AS, "as", f->max_memory, err));
	ret->rlimits = true;
	return RC_OK;
}

static enum rc drop_privileges(struct fence_report *ret, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return FAIL(err, RC_IO, "fence: no-new-privs: %m");
	ret->no_new_privs = true;
	if (SANITIZED)
		return RC_OK;
	/* Nobody of our uid may attach to us or read our memory, where the keys are. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return FAIL(err, RC_IO, "fence: dumpable: %m");
	ret->dumpable_off = true;
	return RC_OK;
}

/* --- Landlock --- */

static enum rc allow_path(int ruleset, const char *path, uint64_t rights, bool may_lack, struct err *err)
{
	CLEANUP(file_closep) int fd = open(path, O_PATH | O_CLOEXEC);
	struct ll_beneath rule = { .allowed = rights, .parent_fd = fd };
	struct stat st;

	if (fd < 0 && errno == ENOENT && may_lack)
		return RC_OK;
	if (fd < 0 || fstat(fd, &st) != 0)
		return FAIL(err, RC_IO, "fence: %s: %m", path);
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= LL_OF_FILES;
	if (syscall(NR_ADD_RULE, ruleset, LL_PATH_BENEATH, &rule, 0) != 0)
		return FAIL(err, RC_IO, "fence: landlock %s: %m", path);
	return RC_OK;
}

static enum rc allow_paths(int ruleset, const struct fence *f, uint64_t handled, struct err *err)
{
	uint64_t read = LL_READ_FILE | LL_READ_DIR, execute = f->may_exec ? LL_EXECUTE : 0;
	uint64_t all = handled & ~(LL_EXECUTE | LL_MAKE_CHAR | LL_MAKE_BLOCK);

	for (const char *const *p = f->rw_paths; p != NULL && *p != NULL; p++)
		TRY(allow_path(ruleset, *p, all | execute, false, err));
	for (const char *const *p = f->ro_paths; p != NULL && *p != NULL; p++)
		TRY(allow_path(ruleset, *p, read | execute, true, err));
	return RC_OK;
}

static enum rc set_landlock(const struct fence *f, bool may_lack, struct fence_report *ret, struct err *err)
{
	struct ll_ruleset attr = { .handled_fs = LL_ABI1 };
	CLEANUP(file_closep) int ruleset = -1;
	long abi = syscall(NR_CREATE_RULESET, NULL, 0, LL_VERSION);

	if (abi < 1) {
		if (may_lack)
			return RC_OK;
		return FAIL(err, RC_UNSUPPORTED, "fence: this kernel has no Landlock (%m)");
	}
	attr.handled_fs |= abi >= 2 ? LL_REFER : 0;
	attr.handled_fs |= abi >= 3 ? LL_TRUNCATE : 0;
	ruleset = (int)syscall(NR_CREATE_RULESET, &attr, sizeof attr, 0);
	if (ruleset < 0)
		return FAIL(err, RC_IO, "fence: landlock: %m");
	TRY(allow_paths(ruleset, f, attr.handled_fs, err));
	if (syscall(NR_RESTRICT_SELF, ruleset, 0) != 0)
		return FAIL(err, RC_IO, "fence: landlock: %m");
	ret->landlock = true;
	ret->landlock_abi = (int)abi;
	return RC_OK;
}

/* --- the system-call filter --- */

struct filter {
	scmp_filter_ctx ctx;
	int calls;
	int bad; /* first negative errno */
};

static void filter_freep(struct filter *f)
{
	if (f->ctx != NULL)
		seccomp_release(f->ctx);
}

static void note(struct filter *f, int rc)
{
	if (rc < 0 && f->bad == 0)
		f->bad = rc;
}

/* A name that this machine's architecture or library does not know stays forbidden. */
static void allow(struct filter *f, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr == __NR_SCMP_ERROR)
		return;
	note(f, seccomp_rule_add(f->ctx, SCMP_ACT_ALLOW, nr, 0));
	f->calls++;
}

static void allow_all(struct filter *f, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		allow(f, names[i]);
}

static void allow_if(struct filter *f, int nr, struct scmp_arg_cmp test)
{
	note(f, seccomp_rule_add_array(f->ctx, SCMP_ACT_ALLOW, nr, 1, &test));
}

static void allow_sockets(struct filter *f, bool inet_only)
{
	const struct scmp_arg_cmp netlink[] = { SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE) };

	allow_all(f, CALLS_NETWORK, COUNTOF(CALLS_NETWORK));
	allow_if(f, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET));
	allow_if(f, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET6));
	if (!inet_only)
		allow_if(f, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	/* The resolver asks which addresses this machine has. */
	note(f, seccomp_rule_add_array(f->ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), COUNTOF(netlink), netlink));
}

static void allow_threads(struct filter *f)
{
	const scmp_datum_t thread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
	const scmp_datum_t spaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
				    CLONE_NEWCGROUP;

	allow_if(f, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, thread | spaces, thread));
	note(f, seccomp_rule_add(f->ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
}

static void allow_by_argument(struct filter *f, bool may_exec)
{
	static const unsigned controls[] = { PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_VMA };
	static const unsigned ioctls[] = { FIONREAD, FIONBIO, FIOCLEX, TCGETS, TIOCGWINSZ };

	for (size_t i = 0; i < COUNTOF(controls); i++)
		allow_if(f, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, controls[i]));
	for (size_t i = 0; i < COUNTOF(ioctls); i++)
		allow_if(f, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
	/* Reading limits; setting them on others takes a pid. */
	allow_if(f, SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_EQ, 0));
	/* raise() and abort() signal a thread of ours, by our own number; a child would have another. */
	if (may_exec)
		allow(f, "tgkill");
	else
		allow_if(f, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	f->calls += 3 + !may_exec;
}

static void allow_sanitizer(struct filter *f)
{
	static const char *const calls[] = { "clone", "ptrace", "process_vm_readv", "sched_setaffinity", "prctl", "kill" };

	allow_all(f, calls, COUNTOF(calls));
}

static enum rc set_filter(const struct fence *fence, struct fence_report *ret, struct err *err)
{
	CLEANUP(filter_freep) struct filter f = { .ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM)) };

	if (f.ctx == NULL)
		return FAIL(err, RC_NOMEM, "fence: seccomp: out of memory");
	allow_all(&f, CALLS_ALWAYS, COUNTOF(CALLS_ALWAYS));
	allow_by_argument(&f, fence->may_exec);
	if (fence->network)
		allow_sockets(&f, fence->inet_only);
	if (fence->may_exec) {
		allow_all(&f, CALLS_EXEC, COUNTOF(CALLS_EXEC));
		allow(&f, "clone");
	} else {
		allow_threads(&f);
	}
	if (SANITIZED)
		allow_sanitizer(&f);
	note(&f, seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_NNP, 0));
	/* Most frequent first costs nothing here; a binary tree over 180 calls saves 100 compares a call. */
	note(&f, seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2));
	if (f.bad == 0)
		note(&f, seccomp_load(f.ctx));
	if (f.bad != 0)
		return FAIL(err, RC_IO, "fence: seccomp: %s", strerrordesc_np(-f.bad));
	ret->seccomp = true;
	ret->syscalls = f.calls;
	return RC_OK;
}

static void list_writable(const struct fence *f, struct fence_report *ret)
{
	size_t n = 0;

	for (const char *const *p = f->rw_paths; p != NULL && *p != NULL && n < sizeof ret->writable - 1; p++)
		n += (size_t)snprintf(ret->writable + n, sizeof ret->writable - n, "%s%s", n == 0 ? "" : ", ", *p);
}

enum rc fence_enter(const struct fence *f, bool allow_without_landlock, struct fence_report *ret, struct err *err)
{
	*ret = (struct fence_report){ 0 };
	TRY(check_single_thread(err));
	list_writable(f, ret);
	TRY(set_limits(f, ret, err));
	TRY(drop_privileges(ret, err));
	TRY(set_landlock(f, allow_without_landlock, ret, err));
	return set_filter(f, ret, err);
}

void fence_describe(const struct fence_report *r, struct buf *out)
{
	buf_cstr(out, r->no_new_privs ? "no-new-privs" : "NO no-new-privs");
	if (r->seccomp)
		buf_fmt(out, " seccomp(%d calls)", r->syscalls);
	else
		buf_cstr(out, " NO seccomp");
	if (r->landlock)
		buf_fmt(out, " landlock(abi %d: %s rw)", r->landlock_abi, r->writable[0] == '\0' ? "nothing" : r->writable);
	else
		buf_cstr(out, " NO landlock");
	buf_cstr(out, r->rlimits ? " rlimits" : " NO rlimits");
	buf_cstr(out, r->dumpable_off ? " no-dump" : " NO no-dump");
}
