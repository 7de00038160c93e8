#include "input/follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "input/frames.h"

#define PATH_LONGEST 4000
#define HEADER_MOST 65536

struct follow {
	char path[PATH_LONGEST + 1], part[INPUT_PART_MAX + 1];
	int fd;                /* the file that is followed, or -1 */
	uint64_t at, inode;    /* at: behind what lies in frames */
	uint64_t behind;       /* of the place that follow_place tells */
	bool begun;            /* a file was followed: where a former life stopped is no question any more */
	bool header_due;       /* read on in the middle: what its first lines say of all others is told first */
	struct frames frames;
	struct follow_counts counts;
};

static void stop_following(struct follow *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

enum rc follow_new(const char *path, struct str part, struct str place, struct follow **ret, struct err *err)
{
	struct follow *f;
	struct str inode;

	if (strlen(path) > PATH_LONGEST || part.n > INPUT_PART_MAX)
		return FAIL(err, RC_LIMIT, "%s: the name is too long", path);
	f = mem_alloc(sizeof *f);
	if (f == NULL)
		return FAIL(err, RC_NOMEM, "follow: out of memory");
	f->fd = -1;
	snprintf(f->path, sizeof f->path, "%s", path);
	snprintf(f->part, sizeof f->part, "%.*s", STR(part));
	frames_init(&f->frames, false);
	if (!str_next(&place, ' ', &inode) || !str_to_u64(inode, &f->inode) || !str_to_u64(place, &f->at))
		f->inode = f->at = 0;
	f->behind = f->at;
	*ret = f;
	return RC_OK;
}

void follow_free(struct follow *f)
{
	if (f == NULL)
		return;
	stop_following(f);
	frames_done(&f->frames);
	mem_free(f);
}

void follow_place(const struct follow *f, char out[INPUT_PLACE_MAX + 1])
{
	snprintf(out, INPUT_PLACE_MAX + 1, "%llu %llu", (unsigned long long)f->inode, (unsigned long long)f->behind);
}

struct str follow_part(const struct follow *f)
{
	return str_of(f->part);
}

struct follow_counts follow_count(const struct follow *f)
{
	return f->counts;
}

/* --- what was appended --- */

static enum rc give(struct follow *f, struct str line, input_take take, void *ctx, struct err *err)
{
	struct input_message m = { .bytes = line, .part = str_of(f->part) };
	uint64_t before = f->behind;
	enum rc rc;

	f->behind = f->at - (f->frames.held.n - f->frames.end);
	rc = take(ctx, &m, err);
	if (rc != RC_OK) {
		f->behind = before;
		return rc;
	}
	frames_taken(&f->frames);
	f->counts.messages++;
	f->counts.bytes += line.n + 1;
	f->counts.last = time_now();
	return RC_OK;
}

static enum rc take_lines(struct follow *f, input_take take, void *ctx, struct err *err)
{
	struct str line;

	while (frames_next(&f->frames, &line))
		TRY(give(f, line, take, ctx, err));
	f->counts.too_long += f->frames.too_long;
	f->frames.too_long = 0;
	f->behind = f->at - frames_held(&f->frames);
	return RC_OK;
}

static enum rc read_on(struct follow *f, input_take take, void *ctx, bool *ret_more, struct err *err)
{
	char room[FRAMES_PIECE] UNINIT; /* not the file's own: there may be a thousand */
	size_t taken = 0;
	ssize_t got;

	*ret_more = false;
	TRY(take_lines(f, take, ctx, err)); /* those that were refused before */
	do {
		got = pread(f->fd, room, sizeof room, (off_t)f->at);
		if (got < 0)
			return errno == EINTR ? RC_OK : FAIL(err, RC_IO, "%s: %s", f->path, strerror(errno));
		if (got == 0) {
			frames_rest(&f->frames);
			return RC_OK;
		}
		TRY(frames_put(&f->frames, str_make(room, (size_t)got)));
		f->at += (uint64_t)got;
		taken += (size_t)got;
		TRY(take_lines(f, take, ctx, err));
	} while (taken < FOLLOW_TURN);
	*ret_more = true;
	return RC_OK;
}

/* Zeek's lines mean what the lines at the beginning of their file say. */
static enum rc give_header(struct follow *f, input_take take, void *ctx, struct err *err)
{
	char room[HEADER_MOST] UNINIT;
	ssize_t got = pread(f->fd, room, sizeof room, 0);
	struct str rest = str_make(room, got < 0 ? 0 : (size_t)got), line;

	if (got > 0 && (uint64_t)got > f->behind)
		rest.n = f->behind;
	while (str_starts(rest, S("#")) && str_next(&rest, '\n', &line)) {
		struct input_message m = { .bytes = line, .part = str_of(f->part) };

		TRY(take(ctx, &m, err));
	}
	f->header_due = false;
	return RC_OK;
}

/* --- rotation --- */

bool follow_is_rotated(const char *name, struct str base)
{
	bool digits = false;

	if (!str_starts(str_of(name), base) || (name[base.n] != '.' && name[base.n] != '-'))
		return false;
	for (const char *c = name + base.n; *c != '\0'; c++) {
		if (strchr("0123456789-_.:TZ", *c) == NULL)
			return false;
		digits |= *c >= '0' && *c <= '9';
	}
	return digits;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Opens the rotated file beside `path` that has this inode; with 0 the oldest that was written to after `behind`
 * and is not `path` itself. -1 when there is none. */
static int open_rotated(const char *path, uint64_t inode, const struct stat *behind, struct stat *ret)
{
	const char *slash = strrchr(path, '/');
	struct str base = str_of(slash == NULL ? path : slash + 1);
	char folder[PATH_LONGEST + 2];
	struct stat st, present = { 0 };
	struct dirent *e;
	int found = -1;
	DIR *d;

	snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1, slash == NULL ? "." : path);
	d = opendir(folder);
	if (d == NULL)
		return -1;
	(void)!stat(path, &present);
	while ((e = readdir(d)) != NULL) {
		int fd = follow_is_rotated(e->d_name, base) ? openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW) : -1;
		bool fits = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

		if (inode != 0)
			fits = fits && (uint64_t)st.st_ino == inode;
		else
			fits = fits && st.st_ino != behind->st_ino && st.st_ino != present.st_ino && is_later(&st.st_mtim, &behind->st_mtim) &&
			       (found < 0 || is_later(&ret->st_mtim, &st.st_mtim));
		if (!fits) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		if (found >= 0)
			close(found);
		found = fd;
		*ret = st;
	}
	closedir(d);
	return found;
}

static void begin_at(struct follow *f, uint64_t inode, uint64_t at)
{
	frames_done(&f->frames);
	frames_init(&f->frames, false);
	f->inode = inode;
	f->at = f->behind = at;
	f->header_due = at > 0;
}

/* What was written to the old file between the last look and its renaming; a last line without a newline ends there.
 * Then come those that were begun and rotated away meanwhile. */
static enum rc finish_old(struct follow *f, const struct stat *held, input_take take, void *ctx, bool *ret_more, struct err *err)
{
	struct stat next;
	struct str last;
	int fd;

	TRY(read_on(f, take, ctx, ret_more, err));
	if (*ret_more)
		return RC_OK;
	if (frames_last(&f->frames, &last))
		TRY(give(f, last, take, ctx, err));
	fd = open_rotated(f->path, 0, held, &next);
	stop_following(f);
	f->fd = fd;
	if (fd >= 0)
		begin_at(f, (uint64_t)next.st_ino, 0);
	*ret_more = true; /* the next file, next time */
	return RC_OK;
}

/* A former life stopped in a file that has been rotated since: its rest comes first. */
static bool resume_rotated(struct follow *f)
{
	struct stat st;

	if (f->begun || f->inode == 0 || (stat(f->path, &st) == 0 && (uint64_t)st.st_ino == f->inode))
		return false;
	f->fd = open_rotated(f->path, f->inode, NULL, &st);
	if (f->fd >= 0 && (uint64_t)st.st_size < f->at) /* another file has the number now */
		stop_following(f);
	return f->fd >= 0;
}

static enum rc open_followed(struct follow *f, struct err *err)
{
	struct stat st;

	if (resume_rotated(f)) {
		f->begun = true;
		f->header_due = f->at > 0;
		return RC_OK;
	}
	f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", f->path, strerror(errno));
	if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		stop_following(f);
		return FAIL(err, RC_IO, "%s: is no regular file", f->path);
	}
	begin_at(f, (uint64_t)st.st_ino, (uint64_t)st.st_ino == f->inode ? f->behind : 0);
	f->begun = true;
	return RC_OK;
}

enum rc follow_read(struct follow *f, input_take take, void *ctx, bool *ret_more, struct err *err)
{
	struct stat now, held;
	bool away;
	enum rc rc;

	*ret_more = false;
	if (f->fd < 0)
		TRY(open_followed(f, err));
	if (fstat(f->fd, &held) != 0)
		return FAIL(err, RC_IO, "%s: %s", f->path, strerror(errno));
	if ((uint64_t)held.st_size < f->at) /* truncated */
		begin_at(f, f->inode, 0);
	if (f->header_due)
		TRY(give_header(f, take, ctx, err));
	f->counts.behind = (uint64_t)held.st_size - f->behind;
	away = stat(f->path, &now) != 0;
	if (!away && (now.st_ino != held.st_ino || now.st_dev != held.st_dev))
		rc = finish_old(f, &held, take, ctx, ret_more, err);
	else
		rc = read_on(f, take, ctx, ret_more, err);
	f->counts.behind = (uint64_t)held.st_size > f->behind && f->fd >= 0 ? (uint64_t)held.st_size - f->behind : 0;
	/* Renamed, and the new one is not there yet: whoever writes goes on with the old one. */
	return rc == RC_OK && away && !*ret_more ? FAIL(err, RC_NOTFOUND, "%s: is away", f->path) : rc;
}
