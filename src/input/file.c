/* Files: one log, or all that lie in a folder ("/var/log/app") or whose names match
 * a pattern behind the last slash, each followed with a place of its own.
 *
 * A folder is read anew twice a second. What is the rotated name of another file there
 * is that one's business (follow.c); packed files and EVTX are not followed. A file
 * that was quiet for a while is looked at once a second, so that a thousand of them
 * cost little. */
#include "input/input.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "input/follow.h"

#define FILES_MOST 1000
#define NAMES_MOST ((size_t)1 << 20)  /* bytes of the names in one folder */
#define SCAN_EVERY (USEC_PER_SEC / 2)
#define QUIET_AFTER (5 * USEC_PER_SEC)
#define GONE_AFTER (5 * USEC_PER_SEC) /* a file that is away for so long is forgotten; its place is not */
#define POLL_EACH (50 * 1000)

struct watched {
	struct follow *follow;
	usec stirred, looked, seen; /* when it last grew, was read, was in the folder */
};

struct files {
	bool many;                  /* a folder or a pattern */
	char folder[4000], pattern[256];
	struct watched *w;          /* FILES_MOST */
	size_t n, turn;
	struct follow *at_hand;
	usec scanned;
	bool (*part_place)(void *ctx, struct str part, char out[INPUT_PLACE_MAX + 1]);
	void *ctx;
	struct follow_counts gone;  /* of files that are followed no more */
	_Atomic uint64_t messages, bytes, too_long, followed, left_out;
	_Atomic int64_t lag;
	_Atomic usec last;
};

static void files_close(void *self)
{
	struct files *s = self;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		follow_free(s->w[i].follow);
	mem_free(s->w);
	mem_free(s);
}

/* A folder: "DIR/" or one that is there; a pattern: wildcards behind the last slash. */
static enum rc split_path(struct files *s, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	if (strlen(path) >= sizeof s->folder)
		return FAIL(err, RC_BAD, "%s: the path is too long", path);
	s->many = folder || (slash != NULL && (slash[1] == '\0' || strpbrk(slash + 1, "*?[") != NULL));
	if (!s->many)
		return RC_OK;
	if (slash == NULL)
		return FAIL(err, RC_BAD, "%s: expected an absolute path", path);
	if (strpbrk(path, "*?[") != NULL && strpbrk(path, "*?[") < slash)
		return FAIL(err, RC_BAD, "%s: wildcards stand in the last part only", path);
	if (!folder && strlen(slash + 1) >= sizeof s->pattern)
		return FAIL(err, RC_BAD, "%s: the pattern is too long", path);
	snprintf(s->folder, sizeof s->folder, "%.*s", folder ? (int)strlen(path) : (int)(slash - path) + 1, path);
	snprintf(s->pattern, sizeof s->pattern, "%s", folder || slash[1] == '\0' ? "*" : slash + 1);
	return RC_OK;
}

static enum rc fill(struct files *s, const struct input_opts *o, struct str place, struct err *err)
{
	TRY(split_path(s, o->path, err));
	s->w = mem_array(s->many ? FILES_MOST : 1, sizeof *s->w);
	if (s->w == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	if (!s->many) {
		TRY(follow_new(o->path, S(""), place, &s->w[0].follow, err));
		s->n = 1;
	}
	return RC_OK;
}

static enum rc files_open(const struct input_opts *o, struct str place, void **ret, struct err *err)
{
	struct files *s = mem_alloc(sizeof *s);
	enum rc rc;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	s->part_place = o->part_place;
	s->ctx = o->ctx;
	rc = fill(s, o, place, err);
	if (rc != RC_OK) {
		files_close(s);
		return rc;
	}
	*ret = s;
	return RC_OK;
}

/* --- the folder --- */

static bool is_packed(const char *name)
{
	static const struct str ends[] = { S(".gz"), S(".xz"), S(".zst"), S(".bz2"), S(".zip"), S(".evtx"), S(".swp"), S("~") };

	for (size_t i = 0; i < COUNTOF(ends); i++)
		if (str_ends(str_of(name), ends[i]))
			return true;
	return false;
}

/* Is it the rotated name of another of `names` (each ends in NUL), or of one that is followed? */
static bool is_old(const struct files *s, const struct buf *names, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (follow_is_rotated(name, follow_part(s->w[i].follow)))
			return true;
	for (size_t at = 0; at < names->n; at += strlen(names->p + at) + 1)
		if (follow_is_rotated(name, str_of(names->p + at)))
			return true;
	return false;
}

static struct watched *find(struct files *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(follow_part(s->w[i].follow), str_of(name)))
			return &s->w[i];
	return NULL;
}

static void place_of(struct files *s, struct str part, char place[INPUT_PLACE_MAX + 1])
{
	if (s->part_place == NULL || !s->part_place(s->ctx, part, place))
		place[0] = '\0';
}

static enum rc begin(struct files *s, struct str part, struct err *err)
{
	char path[sizeof s->folder + 260], place[INPUT_PLACE_MAX + 1];

	if (s->n == FILES_MOST || part.n > INPUT_PART_MAX) {
		atomic_fetch_add(&s->left_out, 1);
		return RC_OK;
	}
	place_of(s, part, place);
	snprintf(path, sizeof path, "%s%s%.*s", s->folder, str_ends(str_of(s->folder), S("/")) ? "" : "/", STR(part));
	s->w[s->n] = (struct watched){ .seen = time_mono(), .stirred = time_mono() };
	TRY(follow_new(path, part, str_of(place), &s->w[s->n].follow, err));
	s->n++;
	return RC_OK;
}

/* The file whose rotated name this is, while that itself is not there: a former life stopped in this inode under that name. */
static bool find_base(struct files *s, const char *name, struct str *ret)
{
	char path[sizeof s->folder + 260], place[INPUT_PLACE_MAX + 1];
	struct str rest, inode;
	uint64_t number;
	struct stat st;

	for (size_t i = 1; name[i] != '\0' && i < INPUT_PART_MAX; i++) {
		*ret = str_make(name, i);
		if (!follow_is_rotated(name, *ret))
			continue;
		place_of(s, *ret, place);
		rest = str_of(place);
		snprintf(path, sizeof path, "%s/%s", s->folder, name);
		if (str_next(&rest, ' ', &inode) && str_to_u64(inode, &number) && stat(path, &st) == 0 && (uint64_t)st.st_ino == number)
			return true;
	}
	return false;
}

/* Names of regular files that match. */
static enum rc list(const struct files *s, struct buf *names, uint64_t *ret_left_out, struct err *err)
{
	DIR *d = opendir(s->folder);
	struct dirent *e;
	struct stat st;

	*ret_left_out = 0;
	if (d == NULL)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", s->folder, strerror(errno));
	while ((e = readdir(d)) != NULL) {
		if (fnmatch(s->pattern, e->d_name, FNM_PERIOD) != 0 || fstatat(dirfd(d), e->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode))
			continue;
		if (is_packed(e->d_name))
			++*ret_left_out;
		else
			buf_put(names, e->d_name, strlen(e->d_name) + 1);
	}
	closedir(d);
	return buf_check(names, err, s->folder);
}

static void add_counts(struct follow_counts *to, const struct follow_counts *n)
{
	to->messages += n->messages;
	to->bytes += n->bytes;
	to->too_long += n->too_long;
	to->last = n->last > to->last ? n->last : to->last;
}

static void forget_gone(struct files *s)
{
	for (size_t i = s->n; i-- > 0;) {
		struct follow_counts n;

		if (time_mono() - s->w[i].seen < GONE_AFTER || time_mono() - s->w[i].stirred < GONE_AFTER)
			continue;
		n = follow_count(s->w[i].follow);
		add_counts(&s->gone, &n);
		if (s->at_hand == s->w[i].follow)
			s->at_hand = NULL;
		follow_free(s->w[i].follow);
		s->w[i] = s->w[--s->n];
	}
}

/* First those that go on under another name: they tell which names are theirs. */
static enum rc begin_new(struct files *s, const struct buf *names, struct err *err)
{
	struct str base;

	for (size_t at = 0; at < names->n; at += strlen(names->p + at) + 1) {
		struct watched *w = find(s, names->p + at);

		if (w != NULL)
			w->seen = time_mono();
		else if (!is_old(s, names, names->p + at) && find_base(s, names->p + at, &base))
			TRY(begin(s, base, err));
	}
	for (size_t at = 0; at < names->n; at += strlen(names->p + at) + 1)
		if (find(s, names->p + at) == NULL && !is_old(s, names, names->p + at))
			TRY(begin(s, str_of(names->p + at), err));
	return RC_OK;
}

static enum rc scan(struct files *s, struct err *err)
{
	uint64_t left_out;
	struct buf names;
	enum rc rc;

	if (!s->many || (s->scanned != 0 && time_mono() - s->scanned < SCAN_EVERY))
		return RC_OK;
	buf_init(&names, NAMES_MOST);
	rc = list(s, &names, &left_out, err);
	atomic_store(&s->left_out, left_out);
	if (rc == RC_OK)
		rc = begin_new(s, &names, err);
	buf_done(&names);
	s->scanned = time_mono();
	if (rc == RC_OK)
		forget_gone(s);
	return rc;
}

/* --- reading --- */

static void count(struct files *s)
{
	struct follow_counts sum = s->gone;
	uint64_t behind = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct follow_counts n = follow_count(s->w[i].follow);

		add_counts(&sum, &n);
		behind += n.behind;
	}
	atomic_store(&s->messages, sum.messages);
	atomic_store(&s->bytes, sum.bytes);
	atomic_store(&s->too_long, sum.too_long);
	atomic_store(&s->last, sum.last);
	atomic_store(&s->lag, (int64_t)behind);
	atomic_store(&s->followed, s->n);
}

static enum rc read_one(struct files *s, struct watched *w, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	uint64_t before = follow_count(w->follow).messages;
	bool more = false;
	enum rc rc;

	s->at_hand = w->follow;
	rc = follow_read(w->follow, take, ctx, &more, err);
	w->looked = time_mono();
	if (more || follow_count(w->follow).messages != before) {
		w->stirred = w->looked;
		*ret_any = true;
	}
	/* In a folder files come and go. */
	return s->many && (rc == RC_NOTFOUND || rc == RC_IO) ? RC_OK : rc;
}

static enum rc read_all(struct files *s, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	for (size_t k = 0; k < s->n; k++) {
		struct watched *w = &s->w[(s->turn + k) % s->n];
		usec now = time_mono();
		enum rc rc;

		if (s->many && now - w->stirred > QUIET_AFTER && now - w->looked < SCAN_EVERY)
			continue;
		rc = read_one(s, w, take, ctx, ret_any, err);
		if (rc != RC_OK) { /* who was refused comes first the next time */
			s->turn = (s->turn + k) % s->n;
			return rc;
		}
	}
	return RC_OK;
}

static enum rc files_run(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	struct files *s = self;
	usec nap = wait < POLL_EACH ? wait : POLL_EACH;
	enum rc rc = scan(s, err);

	*ret_any = false;
	if (rc == RC_OK)
		rc = read_all(s, take, ctx, ret_any, err);
	count(s);
	if (!*ret_any && nap > 0)
		nanosleep(&(struct timespec){ .tv_nsec = nap * 1000 }, NULL);
	return rc;
}

static void files_place(void *self, char out[INPUT_PLACE_MAX + 1])
{
	const struct files *s = self;

	out[0] = '\0';
	if (s->at_hand != NULL)
		follow_place(s->at_hand, out);
}

static void files_stats(void *self, struct input_stats *ret)
{
	const struct files *s = self;

	*ret = (struct input_stats){ .messages = atomic_load(&s->messages), .bytes = atomic_load(&s->bytes), .senders = atomic_load(&s->followed),
				     .refused = atomic_load(&s->left_out), .too_long = atomic_load(&s->too_long), .lag = atomic_load(&s->lag),
				     .last_message = atomic_load(&s->last) };
}

const struct input_kind INPUT_FILE = {
	.scheme = "", .traits = INPUT_READS_FILES | INPUT_HAS_PLACE, .open = files_open, .run = files_run, .place = files_place, .stats = files_stats,
	.close = files_close,
};
