/* Files: whole or not at all, also when the disk is full or a call fails at every possible place. */
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/mem.h"
#include "tap.h"

static char dir[] = "/tmp/lianfang-file-XXXXXX";
static char path[128];

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* Entries of the folder beside "." and "..": strays show here. */
static int entries(void)
{
	DIR *d = opendir(dir);
	int n = -2;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static bool holds(const char *name, const char *want)
{
	struct buf b;
	struct err err;
	bool same = file_read(in_dir(name), 1000, &b, &err) == RC_OK && str_eq(buf_view(&b), str_of(want));

	buf_done(&b);
	return same;
}

static void test_read(void)
{
	static const struct {
		const char *name;
		size_t max;
		enum rc want;
	} rows[] = {
		{ "ten", 10, RC_OK }, { "ten", 11, RC_OK },  { "ten", SIZE_MAX, RC_OK }, { "ten", 9, RC_LIMIT }, { "ten", 0, RC_LIMIT },
		{ "empty", 0, RC_OK }, { "absent", 9, RC_NOTFOUND }, { "absent/x", 9, RC_NOTFOUND }, { "link", 99, RC_IO }, { "folder", 99, RC_IO },
		{ "fifo", 99, RC_IO },
	};
	struct err err;

	OK(file_replace(in_dir("ten"), S("0123456789"), 0600, &err) == RC_OK, "ten bytes");
	OK(file_replace(in_dir("empty"), S(""), 0600, &err) == RC_OK, "no bytes");
	(void)!symlink("ten", in_dir("link"));
	mkdir(in_dir("folder"), 0700);
	mkfifo(in_dir("fifo"), 0600);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b;
		enum rc rc = file_read(in_dir(rows[i].name), rows[i].max, &b, &err);

		OK(rc == rows[i].want && (rc != RC_OK || b.n == (rows[i].name[0] == 't' ? 10 : 0)), "read %s, at most %zu", rows[i].name,
		   rows[i].max);
		buf_done(&b);
	}
	remove(in_dir("link"));
	remove(in_dir("fifo"));
	remove(in_dir("folder"));
	remove(in_dir("ten"));
	remove(in_dir("empty"));
}

static void test_large(void)
{
	struct buf big, back;
	struct err err;

	buf_init(&big, 1 << 20);
	for (int i = 0; i < 30000; i++)
		buf_fmt(&big, "%010d\n", i);
	OK(file_replace(in_dir("big"), buf_view(&big), 0600, &err) == RC_OK && file_read(in_dir("big"), 330000, &back, &err) == RC_OK,
	   "330 kB there and back");
	OK(str_eq(buf_view(&big), buf_view(&back)), "unchanged");
	buf_done(&big);
	buf_done(&back);
	EQ_INT(file_read("/proc/self/status", 100000, &back, &err), RC_OK, "a file without a size");
	OK(back.n > 100, "is read whole");
	buf_done(&back);
	remove(in_dir("big"));
}

static void test_replace(void)
{
	struct stat st;
	struct err err;
	mode_t old = umask(077);

	OK(file_create(in_dir("f"), S("one"), 0644, &err) == RC_OK && holds("f", "one"), "create");
	OK(stat(in_dir("f"), &st) == 0 && (st.st_mode & 0777) == 0644, "its mode does not depend on the umask");
	OK(file_create(in_dir("f"), S("two"), 0644, &err) == RC_CONFLICT && holds("f", "one"), "create again");
	OK(file_replace(in_dir("f"), S("two"), 0600, &err) == RC_OK && holds("f", "two"), "replace");
	OK(stat(in_dir("f"), &st) == 0 && (st.st_mode & 0777) == 0600, "new mode");
	EQ_INT(entries(), 1, "nothing is left beside it");
	EQ_INT(file_replace(in_dir("no/f"), S("x"), 0600, &err), RC_NOTFOUND, "folder is absent");
	OK(file_exists(in_dir("f")) && !file_exists(in_dir("g")), "exists");
	OK(file_mkdir(in_dir("d"), 0700, &err) == RC_OK && file_mkdir(in_dir("d"), 0700, &err) == RC_OK, "mkdir twice");
	EQ_INT(file_mkdir(in_dir("f"), 0700, &err), RC_CONFLICT, "mkdir over a file");
	EQ_INT(file_sync_dir(in_dir("d"), &err), RC_OK, "sync of a folder");
	remove(in_dir("d"));
	remove(in_dir("f"));
	umask(old);
}

/* Each passage through a failpoint fails once: the target is the old text or the new one. */
static void sweep(const char *name, int errnum, enum rc want)
{
	uint64_t n = 0;
	bool whole = true, clean = true, right = true;
	enum rc rc;
	struct err err;

	OK(file_replace(in_dir("s"), S("old"), 0600, &err) == RC_OK, "sweep %s: begin", name);
	do {
		if (!fault_arm(name, ++n, errnum, FAULT_ONCE))
			break;
		rc = file_replace(in_dir("s"), S("new"), 0600, &err);
		fault_clear();
		whole = whole && (holds("s", "old") || holds("s", "new")) && (rc != RC_OK || holds("s", "new"));
		clean = clean && entries() == 1;
		right = right && (rc == RC_OK || rc == want);
	} while (rc != RC_OK && n < 50);
	OK(n > 1 && n < 50, "sweep %s: %d places failed", name, (int)n - 1);
	OK(whole, "sweep %s: old or new, and new when it said so", name);
	OK(clean, "sweep %s: no stray files", name);
	OK(right, "sweep %s: the right cause", name);
	remove(in_dir("s"));
}

static void test_faults(void)
{
	static const char *const names[] = { "file.open", "file.write", "file.sync", "file.rename" };
	struct buf b;
	struct err err;

	for (size_t i = 0; i < COUNTOF(names); i++) {
		sweep(names[i], EIO, RC_IO);
		sweep(names[i], ENOSPC, RC_FULL);
	}
	OK(file_replace(in_dir("r"), S("text"), 0600, &err) == RC_OK, "a file");
	OK(fault_arm("file.read", 1, EIO, FAULT_ONCE) && file_read(in_dir("r"), 100, &b, &err) == RC_IO && b.p == NULL, "read fails");
	OK(fault_arm("file.read", 1, EINTR, FAULT_ONCE) && file_read(in_dir("r"), 100, &b, &err) == RC_OK, "read is interrupted");
	buf_done(&b);
	OK(fault_arm("file.write", 1, EINTR, FAULT_ONCE) && file_replace(in_dir("r"), S("again"), 0600, &err) == RC_OK && holds("r", "again"),
	   "write is interrupted");
	fault_clear();
	remove(in_dir("r"));
}

static void test_memory(void)
{
	struct buf b;
	struct err err;
	int64_t before = mem_live();

	OK(file_replace(in_dir("m"), S("text"), 0600, &err) == RC_OK, "a file");
	mem_fail_at(1, 0);
	EQ_INT(file_read(in_dir("m"), 100, &b, &err), RC_NOMEM, "no memory to read");
	mem_fail_at(0, 0);
	EQ_INT(mem_live(), before, "nothing held");
	remove(in_dir("m"));
}

/* A killed writer leaves the old file or the new one; strays are swept up by hand here. */
static void test_kill(void)
{
	static const char *const names[] = { "file.write", "file.sync", "file.rename" };
	struct err err;

	for (size_t i = 0; i < COUNTOF(names); i++) {
		int status = 0;
		pid_t pid;

		OK(file_replace(in_dir("k"), S("old"), 0600, &err) == RC_OK, "kill at %s: begin", names[i]);
		pid = fork();
		if (pid == 0) {
			if (fault_arm(names[i], 1, EIO, FAULT_KILL))
				(void)!file_replace(in_dir("k"), S("new"), 0600, &err);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		OK(WIFSIGNALED(status) && holds("k", "old"), "kill at %s: the old file stands", names[i]);
	}
}

static void test_lock(void)
{
	struct err err = { 0 };
	int fd = -1, second = -1, pid = 0, status = 0;
	pid_t child;

	OK(file_lock(in_dir("lock"), &fd, &pid, &err) == RC_OK && pid == getpid(), "lock");
	EQ_INT(file_lock(in_dir("lock"), &second, &pid, &err), RC_BUSY, "twice in one process");
	child = fork();
	if (child == 0) {
		int other = -1, holder = 0;

		file_closep(&fd);
		_exit(file_lock(in_dir("lock"), &other, &holder, &err) == RC_BUSY && holder == getppid() ? 0 : 1);
	}
	waitpid(child, &status, 0);
	EQ_INT(status, 0, "held against another process, which learns by whom");
	file_closep(&fd);
	OK(fd == -1, "closed");
	OK(file_lock(in_dir("lock"), &fd, &pid, &err) == RC_OK, "free again");
	file_closep(&fd);
	(void)!symlink("lock", in_dir("lock2"));
	EQ_INT(file_lock(in_dir("lock2"), &fd, &pid, &err), RC_IO, "not through a symbolic link");
}

static void test_write_at(void)
{
	struct err err;
	int fd = open(in_dir("w"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	OK(file_write_at(fd, 3, S("def"), &err) == RC_OK && file_write_at(fd, 0, S("abc"), &err) == RC_OK && holds("w", "abcdef"), "two pieces");
	EQ_INT(file_sync_data(fd, &err), RC_OK, "sync");
	EQ_INT(file_write_at(fd, UINT64_MAX - 1, S("abc"), &err), RC_LIMIT, "offset too large");
	file_closep(&fd);
	EQ_INT(file_write_at(-1, 0, S("abc"), &err), RC_IO, "no file");
}

static void remove_all(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(dir);
}

int main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	test_read();
	test_large();
	test_replace();
	test_faults();
	test_memory();
	test_lock();
	test_write_at();
	test_kill();
	remove_all();
	EQ_INT(mem_live(), 0, "nothing leaked");
	return tap_done();
}
