/* Every path below is ours or an administrator's; no peer ever names a file.
 * Durability follows one recipe: write a temporary beside the target, fsync it,
 * rename, fsync the folder. A crash leaves the old file or the new one, and at
 * worst a stray ".new-..." file, never a torn target. After a failed fsync the
 * page cache may have dropped the data, so it is reported and never retried. */
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/hash.h"

#define READ_STEP ((size_t)64 << 10)
#define PID_TEXT_MAX 16

/* The code for what errno says; the caller's text carries "%m". */
static enum rc rc_of_errno(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR: return RC_NOTFOUND;
	case ENOSPC:
	case EDQUOT:
	case EFBIG: return RC_FULL;
	case EEXIST: return RC_CONFLICT;
	case ENOMEM: return RC_NOMEM;
	default: return RC_IO;
	}
}

void file_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static int open_retry(const char *path, int flags, unsigned mode)
{
	int fd;

	if (FAULT("file.open"))
		return -1;
	do
		fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static enum rc read_all(int fd, const char *path, size_t max, struct buf *b, struct err *err)
{
	for (;;) {
		char *room = buf_room(b, READ_STEP);
		ssize_t got;

		if (room == NULL && b->bad == RC_LIMIT)
			return FAIL(err, RC_LIMIT, "%s: larger than %zu bytes", path, max);
		if (room == NULL)
			return FAIL(err, RC_NOMEM, "%s: out of memory", path);
		got = FAULT("file.read") ? -1 : read(fd, room, READ_STEP);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return FAIL(err, RC_IO, "%s: read: %m", path);
		if (got == 0)
			return RC_OK;
		buf_grew(b, (size_t)got);
	}
}

enum rc file_read(const char *path, size_t max, struct buf *b, struct err *err)
{
	CLEANUP(file_closep) int fd = -1;
	struct stat st;
	enum rc rc;

	/* One step more than wanted, so that a file of exactly `max` still finds room to see its end. */
	if (__builtin_add_overflow(max, READ_STEP, &(size_t){ 0 }))
		max = SIZE_MAX - READ_STEP;
	buf_init(b, max + READ_STEP);
	/* O_NONBLOCK: a FIFO put in the place of a file must not hang us. */
	fd = open_retry(path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return FAIL(err, rc_of_errno(), "%s: %m", path);
	if (fstat(fd, &st) != 0)
		return FAIL(err, RC_IO, "%s: %m", path);
	if (!S_ISREG(st.st_mode))
		return FAIL(err, RC_IO, "%s: not a regular file", path);
	rc = read_all(fd, path, max, b, err);
	if (rc == RC_OK && b->n > max)
		rc = FAIL(err, RC_LIMIT, "%s: larger than %zu bytes", path, max);
	if (rc != RC_OK)
		buf_done(b);
	return rc;
}

static enum rc write_some(int fd, uint64_t offset, struct str bytes, size_t *ret_done, struct err *err)
{
	ssize_t put = -1;

	if (offset > (uint64_t)INT64_MAX - bytes.n)
		return FAIL(err, RC_LIMIT, "write: offset %llu is too large", (unsigned long long)offset);
	if (!FAULT("file.write"))
		put = pwrite(fd, bytes.p, bytes.n, (off_t)offset);
	if (put < 0 && errno == EINTR)
		put = 0;
	if (put < 0)
		return FAIL(err, rc_of_errno() == RC_FULL ? RC_FULL : RC_IO, "write: %m");
	*ret_done = (size_t)put;
	return RC_OK;
}

enum rc file_write_at(int fd, uint64_t offset, struct str bytes, struct err *err)
{
	while (bytes.n > 0) {
		size_t done = 0;

		TRY(write_some(fd, offset, bytes, &done, err));
		offset += done;
		bytes = str_slice(bytes, done, bytes.n);
	}
	return RC_OK;
}

enum rc file_sync_data(int fd, struct err *err)
{
	if (FAULT("file.sync") || fdatasync(fd) != 0)
		return FAIL(err, rc_of_errno() == RC_FULL ? RC_FULL : RC_IO, "fdatasync: %m");
	return RC_OK;
}

static enum rc sync_all(int fd, const char *path, struct err *err)
{
	if (FAULT("file.sync") || fsync(fd) != 0)
		return FAIL(err, rc_of_errno() == RC_FULL ? RC_FULL : RC_IO, "%s: fsync: %m", path);
	return RC_OK;
}

enum rc file_sync_dir(const char *path, struct err *err)
{
	/* A data folder may well be a link to another disk: the folder itself is what counts here. */
	CLEANUP(file_closep) int fd = FAULT("file.open") ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return FAIL(err, rc_of_errno(), "%s: %m", path);
	return sync_all(fd, path, err);
}

/* "a/b" -> "a", "b" -> ".", "/b" -> "/". */
static enum rc sync_parent(const char *path, struct err *err)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash == NULL ? 0 : (int)(slash - path);

	if (slash == NULL)
		return file_sync_dir(".", err);
	if (slash == path)
		return file_sync_dir("/", err);
	if (snprintf(dir, sizeof dir, "%.*s", n, path) >= (int)sizeof dir)
		return FAIL(err, RC_LIMIT, "path is too long");
	return file_sync_dir(dir, err);
}

static enum rc temp_name(const char *path, char out[static PATH_MAX], struct err *err)
{
	uint64_t salt;

	random_bytes(&salt, sizeof salt);
	if (snprintf(out, PATH_MAX, "%s.new-%016llx", path, (unsigned long long)salt) >= PATH_MAX)
		return FAIL(err, RC_LIMIT, "path is too long: %.80s...", path);
	return RC_OK;
}

/* What goes wrong is told of the file that was named. */
static enum rc write_temp(const char *path, const char *temp, struct str bytes, unsigned mode, struct err *err)
{
	CLEANUP(file_closep) int fd = open_retry(temp, O_WRONLY | O_CREAT | O_EXCL, mode);
	enum rc rc;

	if (fd < 0)
		return FAIL(err, rc_of_errno() == RC_CONFLICT ? RC_IO : rc_of_errno(), "%s: %m", path);
	/* The umask may have taken bits away that the caller asked for. */
	if (fchmod(fd, mode) != 0)
		return FAIL(err, RC_IO, "%s: chmod: %m", path);
	rc = file_write_at(fd, 0, bytes, err);
	if (rc != RC_OK) {
		err_prefix(err, "%s", path);
		return rc;
	}
	return sync_all(fd, path, err);
}

static enum rc put_file(const char *path, struct str bytes, unsigned mode, unsigned rename_flags, struct err *err)
{
	char temp[PATH_MAX];
	enum rc rc;

	TRY(temp_name(path, temp, err));
	rc = write_temp(path, temp, bytes, mode, err);
	if (rc == RC_OK && (FAULT("file.rename") || renameat2(AT_FDCWD, temp, AT_FDCWD, path, rename_flags) != 0))
		rc = FAIL(err, rc_of_errno(), "%s: %m", path);
	if (rc != RC_OK) {
		unlink(temp);
		return rc;
	}
	return sync_parent(path, err);
}

enum rc file_replace(const char *path, struct str bytes, unsigned mode, struct err *err)
{
	return put_file(path, bytes, mode, 0, err);
}

enum rc file_create(const char *path, struct str bytes, unsigned mode, struct err *err)
{
	return put_file(path, bytes, mode, RENAME_NOREPLACE, err);
}

enum rc file_mkdir(const char *path, unsigned mode, struct err *err)
{
	struct stat st;

	if (!FAULT("file.mkdir") && mkdir(path, mode) == 0)
		return sync_parent(path, err);
	if (errno != EEXIST)
		return FAIL(err, rc_of_errno(), "%s: %m", path);
	if (stat(path, &st) != 0)
		return FAIL(err, rc_of_errno(), "%s: %m", path);
	if (!S_ISDIR(st.st_mode))
		return FAIL(err, RC_CONFLICT, "%s: exists and is not a folder", path);
	return RC_OK;
}

bool file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* The holder wrote its pid into the file; 0 when it has not yet. */
static int read_pid(int fd)
{
	char text[PID_TEXT_MAX];
	ssize_t n = pread(fd, text, sizeof text, 0);
	uint64_t pid = 0;

	if (n <= 0 || !str_to_u64(str_trim(str_make(text, (size_t)n)), &pid) || pid > INT_MAX)
		return 0;
	return (int)pid;
}

enum rc file_lock(const char *path, int *ret_fd, int *ret_pid, struct err *err)
{
	/* A lock of the open file, not of the process: a second attempt inside this process is
	 * refused too, and closing some other descriptor of the file does not drop it. */
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	CLEANUP(file_closep) int fd = open_retry(path, O_RDWR | O_CREAT, 0600);
	char text[PID_TEXT_MAX];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());

	if (fd < 0)
		return FAIL(err, rc_of_errno(), "%s: %m", path);
	if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		if (errno != EAGAIN && errno != EACCES)
			return FAIL(err, RC_IO, "%s: lock: %m", path);
		*ret_pid = read_pid(fd);
		return FAIL(err, RC_BUSY, "%s: held by process %d", path, *ret_pid);
	}
	if (ftruncate(fd, 0) != 0)
		return FAIL(err, RC_IO, "%s: %m", path);
	TRY(file_write_at(fd, 0, str_make(text, (size_t)n), err));
	*ret_pid = (int)getpid();
	*ret_fd = fd;
	fd = -1;
	return RC_OK;
}
