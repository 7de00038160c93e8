/* Lines in, hits out. A line that is too long or no JSON is counted and skipped;
 * the rest of the log is not held up by it. */
#include "detect/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "detect/also.h"
#include "wire/flat_json.h"
#include "wire/log_line.h"

#define LINE_ARENA ((size_t)64 << 20)
#define MATCHES_MAX 64
#define SCRATCH (4096 + MATCHES_MAX * ALSO_MAX)
#define FOLLOW_PIECE ((size_t)1 << 20)
#define HEADER_MAX ((size_t)64 << 10)

struct watch {
	const struct image *image;
	char input[256];
	watch_hit fn;
	void *ctx;
	struct arena *arena;
	enum log_format format;    /* LOG_UNKNOWN until the first line */
	struct log_lines *lines;   /* of a format that is no JSON */
	struct flat *flat;
	struct fields *no_fields;  /* dictionary of a watch without rules */
	const struct fields *dict; /* the one that `lines` was made with */
	struct live_run *rules;    /* or NULL */
	live_hit rule_fn;
	struct patterns_run *patterns; /* or NULL */
	watch_event event_fn;      /* or NULL */
	uint64_t behind;           /* place in the log behind the line at hand */
	enum rc end;               /* what the taker of events says */
	struct err end_err;
	struct buf header;         /* Zeek's, for a reader that begins in the middle */
	struct buf json;           /* a line of another format as JSON */
	struct buf partial;  /* a torn last line */
	bool skipping;       /* inside a line that is too long */
	struct watch_stats stats;
	struct err last;
	int fd;              /* the file that is followed, or -1 */
	bool begun;          /* a file was followed: where a former life stopped is no question any more */
};

enum rc watch_new(const struct image *m, struct str input, watch_hit fn, void *ctx, struct watch **ret, struct err *err)
{
	struct watch *w = mem_alloc(sizeof *w);

	if (w == NULL)
		return FAIL(err, RC_NOMEM, "watch: out of memory");
	w->fd = -1;
	w->image = m;
	snprintf(w->input, sizeof w->input, "%.*s", STR(input));
	w->fn = fn;
	w->ctx = ctx;
	buf_init(&w->partial, WATCH_LINE_MAX);
	buf_init(&w->json, 4 * WATCH_LINE_MAX);
	buf_init(&w->header, HEADER_MAX);
	w->arena = arena_new(LINE_ARENA);
	w->no_fields = fields_new();
	if (w->arena == NULL || w->no_fields == NULL || flat_new(&w->flat, NULL) != RC_OK) {
		watch_free(w);
		return FAIL(err, RC_NOMEM, "watch: out of memory");
	}
	*ret = w;
	return RC_OK;
}

static void stop_following(struct watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	arena_free(w->arena);
	live_run_free(w->rules);
	patterns_run_free(w->patterns);
	log_lines_free(w->lines);
	flat_free(w->flat);
	fields_free(w->no_fields);
	buf_done(&w->json);
	buf_done(&w->header);
	buf_done(&w->partial);
	stop_following(w);
	mem_free(w);
}

static void report(struct watch *w, const struct event_view *e, const struct observable *o, const struct image_match *m, struct str line,
		   struct str list)
{
	struct hit h = { .indicator = str_of(m->id), .what = *o, .matched = m->matched, .at = e->at != 0 ? e->at : time_now(),
			 .where = e->where, .input = str_of(w->input), .event = line, .tlp = m->tlp, .confidence = m->confidence, .suppressed = list };

	if (list.n > 0)
		w->stats.suppressed++;
	else
		w->stats.hits++;
	w->fn(w->ctx, &h);
}

static void bad_line(struct watch *w, const struct err *why)
{
	w->stats.bad_lines++;
	w->last = *why;
	err_prefix(&w->last, "line %llu", (unsigned long long)w->stats.lines);
}

/* Every observable of the event, written as JSON. */
static enum rc look_up(struct watch *w, struct str json, struct str line, struct event_view *e, struct err *err)
{
	struct image_match matches[MATCHES_MAX] UNINIT;
	char scratch[SCRATCH] UNINIT;
	usec now = time_now();

	TRY(event_observe(w->arena, json, e, err));
	for (size_t i = 0; i < e->n; i++) {
		/* What is active now counts, also for an old log: that it was seen then is what the hit says. */
		struct str list;
		size_t n = image_lookup(w->image, &e->list[i], now, matches, MATCHES_MAX, scratch, sizeof scratch, &list);

		for (size_t k = 0; k < n; k++) {
			if (matches[k].also.n == 0 || also_met(matches[k].also, e))
				report(w, e, &e->list[i], &matches[k], line, list);
		}
	}
	w->stats.observables += e->n;
	w->stats.cut += e->cut;
	return RC_OK;
}

static void on_rule(void *ctx, const struct rule_hit *h)
{
	struct watch *w = ctx;

	w->stats.rule_hits++;
	w->rule_fn(w->ctx, h);
}

static void on_pattern(void *ctx, const struct hit *h)
{
	struct watch *w = ctx;

	if (h->suppressed.n > 0)
		w->stats.suppressed++;
	else
		w->stats.hits++;
	w->fn(w->ctx, h);
}

/* The event's own time is best known to the reader of its format. */
static enum rc match_patterns(struct watch *w, struct str json, struct str line, const struct event_view *e, struct err *err)
{
	struct patterns_event pe = { .json = json, .line = line, .format = w->format, .input = str_of(w->input), .where = e->where };

	if (w->format != LOG_JSON)
		pe.at = flat_time(w->flat);
	return patterns_match(w->patterns, &pe, on_pattern, w, err);
}

/* A header begins with #separator; each of its lines may change what the lines below it mean. */
static void keep_header(struct watch *w, struct str line)
{
	if (w->format != LOG_ZEEK || line.p[0] != '#')
		return;
	if (str_starts(line, S("#separator")))
		buf_clear(&w->header);
	buf_str(&w->header, line);
	buf_char(&w->header, '\n');
}

/* Rules read anew bring another dictionary, which takes another reader. */
static enum rc new_reader(struct watch *w, const struct fields *dict, struct err *err)
{
	struct str header = buf_view(&w->header), line;
	struct log_lines *lines;
	bool event;

	TRY(log_lines_new(w->format, dict, time_now(), &lines, err));
	while (str_next(&header, '\n', &line))
		(void)!log_lines_next(lines, w->flat, line, &event, NULL);
	log_lines_free(w->lines);
	w->lines = lines;
	return RC_OK;
}

static enum rc choose_reader(struct watch *w, struct str line, struct err *err)
{
	const struct fields *dict = w->no_fields;

	/* Text that is nothing we know may be what a crash left in the middle of a log: the next line is asked again. */
	if (w->format == LOG_UNKNOWN && (w->format = log_format_detect(line)) == LOG_TEXT) {
		w->format = LOG_UNKNOWN;
		return FAIL(err, RC_BAD, "neither JSON nor another format of logs that we know");
	}
	if (w->rules != NULL)
		TRY(live_fields(w->rules, &dict, err));
	if (w->format != LOG_JSON && (w->lines == NULL || dict != w->dict))
		TRY(new_reader(w, dict, err));
	w->dict = dict;
	keep_header(w, line);
	return RC_OK;
}

static enum rc match_line(struct watch *w, struct str line, struct err *err)
{
	struct event_view e;
	bool event = true, json;

	TRY(choose_reader(w, line, err));
	json = w->format == LOG_JSON;
	if (!json) {
		TRY(log_lines_next(w->lines, w->flat, line, &event, err));
		if (!event)
			return RC_OK;
		buf_clear(&w->json);
		flat_json_print(w->flat, &w->json);
		TRY(buf_check(&w->json, err, "event"));
		TRY(look_up(w, buf_view(&w->json), line, &e, err));
	} else {
		TRY(look_up(w, line, line, &e, err));
		if (w->rules != NULL || w->event_fn != NULL)
			TRY(flat_json(w->flat, w->dict, line, err));
	}
	if (w->event_fn != NULL && (w->end = w->event_fn(w->ctx, w->flat, line, w->behind, &w->end_err)) != RC_OK)
		return FAIL(err, w->end, "%s", w->end_err.text);
	if (w->patterns != NULL)
		TRY(match_patterns(w, json ? line : buf_view(&w->json), line, &e, err));
	return w->rules == NULL ? RC_OK : live_match(w->rules, w->flat, str_of(w->input), e.where, on_rule, w, err);
}

static void take_line(struct watch *w, struct str line)
{
	struct err err = { 0 };

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (str_trim(line).n == 0)
		return;
	w->stats.lines++;
	arena_reset(w->arena);
	if (match_line(w, line, &err) != RC_OK)
		bad_line(w, &err);
}

void watch_format(struct watch *w, enum log_format format)
{
	w->format = format;
}

enum rc watch_rules(struct watch *w, struct live *l, live_hit fn, struct err *err)
{
	w->rule_fn = fn;
	return live_run_new(l, &w->rules, err);
}

enum rc watch_patterns(struct watch *w, struct patterns *p, struct err *err)
{
	return patterns_run_new(p, &w->patterns, err);
}

void watch_events(struct watch *w, watch_event fn)
{
	w->event_fn = fn;
}

enum rc watch_idle(struct watch *w, struct err *err)
{
	if (w->patterns != NULL)
		TRY(patterns_idle(w->patterns, on_pattern, w, err));
	return w->rules == NULL ? RC_OK : live_idle(w->rules, str_of(w->input), on_rule, w, err);
}

/* Keeps the piece of an unfinished line; one that grows too long is skipped to its end. */
static enum rc keep_partial(struct watch *w, struct str piece, struct err *err)
{
	struct err why = { 0 };

	if (w->skipping || piece.n == 0)
		return RC_OK;
	buf_str(&w->partial, piece);
	if (w->partial.bad == RC_NOMEM)
		return FAIL(err, RC_NOMEM, "watch: out of memory");
	if (w->partial.bad == RC_LIMIT) {
		w->skipping = true;
		w->stats.lines++;
		err_set(&why, RC_LIMIT, "longer than %zu bytes", WATCH_LINE_MAX);
		bad_line(w, &why);
		buf_clear(&w->partial);
	}
	return RC_OK;
}

static enum rc end_line(struct watch *w, struct str piece, struct err *err)
{
	if (w->skipping) {
		w->skipping = false;
		return RC_OK;
	}
	if (w->partial.n == 0) {
		take_line(w, piece);
		return RC_OK;
	}
	TRY(keep_partial(w, piece, err));
	if (!w->skipping)
		take_line(w, buf_view(&w->partial));
	w->skipping = false;
	buf_clear(&w->partial);
	return RC_OK;
}

enum rc watch_feed(struct watch *w, struct str bytes, struct err *err)
{
	while (bytes.n > 0) {
		const char *nl = memchr(bytes.p, '\n', bytes.n);
		size_t n = nl == NULL ? bytes.n : (size_t)(nl - bytes.p);

		if (nl == NULL) {
			w->behind += bytes.n;
			return keep_partial(w, bytes, err);
		}
		w->behind += n + 1;
		TRY(end_line(w, str_slice(bytes, 0, n), err));
		if (w->end != RC_OK)
			return FAIL(err, w->end, "%s", w->end_err.text);
		bytes = str_slice(bytes, n + 1, bytes.n);
	}
	return RC_OK;
}

enum rc watch_end(struct watch *w, struct err *err)
{
	return end_line(w, S(""), err);
}

enum rc watch_flush(struct watch *w, struct err *err)
{
	return w->patterns == NULL ? RC_OK : patterns_end(w->patterns, on_pattern, w, err);
}

void watch_stats(const struct watch *w, struct watch_stats *ret)
{
	*ret = w->stats;
}

const char *watch_last_error(const struct watch *w)
{
	return w->last.text;
}

/* --- following a file --- */

static enum rc feed_from(int fd, uint64_t *offset, struct watch *w, bool *ret_more, struct err *err)
{
	struct buf piece;
	enum rc rc = RC_OK;
	ssize_t got;
	char *room;

	buf_init(&piece, FOLLOW_PIECE);
	room = buf_room(&piece, FOLLOW_PIECE);
	got = room == NULL ? -1 : pread(fd, room, FOLLOW_PIECE, (off_t)*offset);
	if (room == NULL)
		rc = FAIL(err, RC_NOMEM, "follow: out of memory");
	else if (got < 0 && errno != EINTR)
		rc = FAIL(err, RC_IO, "follow: %s", strerror(errno));
	if (got > 0) {
		buf_grew(&piece, (size_t)got);
		w->behind = *offset;
		rc = watch_feed(w, buf_view(&piece), err);
		*offset += (uint64_t)got;
	}
	*ret_more = got == (ssize_t)FOLLOW_PIECE;
	buf_done(&piece);
	return rc;
}

/* "log.1", "log-20261122": a number or a date behind the name. Packed ones ("log.2.gz") cannot be read on. */
static bool is_rotated(const char *name, struct str base)
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
	char folder[4096];
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
		int fd = is_rotated(e->d_name, base) ? openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW) : -1;
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

/* What was written to the old file between the last look and its renaming; a last line without a newline ends there.
 * Then come those that were begun and rotated away meanwhile. */
static enum rc finish_old(const char *path, struct watch *w, const struct stat *held, uint64_t *at, uint64_t *inode, bool *ret_more,
			  struct err *err)
{
	struct stat next;
	int fd;

	TRY(feed_from(w->fd, at, w, ret_more, err));
	if (*ret_more)
		return RC_OK;
	fd = open_rotated(path, 0, held, &next);
	stop_following(w);
	w->fd = fd;
	if (fd >= 0) {
		*at = 0;
		*inode = (uint64_t)next.st_ino;
	}
	*ret_more = true; /* the next file, next time */
	return watch_end(w, err);
}

/* A former life stopped in a file that has been rotated since: its rest comes first. */
static bool resume_rotated(const char *path, struct watch *w, uint64_t at, uint64_t inode)
{
	struct stat st;

	if (w->begun || inode == 0 || (stat(path, &st) == 0 && (uint64_t)st.st_ino == inode))
		return false;
	w->fd = open_rotated(path, inode, NULL, &st);
	if (w->fd >= 0 && (uint64_t)st.st_size < at) /* another file has the number now */
		stop_following(w);
	return w->fd >= 0;
}

static enum rc open_followed(const char *path, struct watch *w, uint64_t *at, uint64_t *inode, struct err *err)
{
	struct stat st;

	if (resume_rotated(path, w, *at, *inode)) {
		w->begun = true;
		return RC_OK;
	}
	w->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (w->fd < 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", path, strerror(errno));
	if (fstat(w->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		stop_following(w);
		return FAIL(err, RC_IO, "%s: is no regular file", path);
	}
	if ((uint64_t)st.st_ino != *inode)
		*at = 0;
	*inode = (uint64_t)st.st_ino;
	w->begun = true;
	return RC_OK;
}

/* The offset given back lies behind the last whole line, so that a restart does not begin inside one. */
enum rc follow_read(const char *path, uint64_t *offset, uint64_t *inode, struct watch *w, bool *ret_more, struct err *err)
{
	uint64_t at = *offset + w->partial.n;
	struct stat now, held;
	bool away;
	enum rc rc;

	*ret_more = false;
	if (w->fd < 0)
		TRY(open_followed(path, w, &at, inode, err));
	if (fstat(w->fd, &held) != 0)
		return FAIL(err, RC_IO, "%s: %s", path, strerror(errno));
	if ((uint64_t)held.st_size < at) { /* truncated */
		at = 0;
		w->skipping = false;
		buf_clear(&w->partial);
	}
	away = stat(path, &now) != 0;
	if (!away && (now.st_ino != held.st_ino || now.st_dev != held.st_dev))
		rc = finish_old(path, w, &held, &at, inode, ret_more, err);
	else
		rc = feed_from(w->fd, &at, w, ret_more, err);
	*offset = at - w->partial.n;
	/* Renamed, and the new one is not there yet: whoever writes goes on with the old one. */
	return rc == RC_OK && away && !*ret_more ? FAIL(err, RC_NOTFOUND, "%s: is away", path) : rc;
}
