/* Lines are cut in place from pieces that are read, not mapped: a file that is cut short while it is read must not end
 * the process. A unit of a file of lines owns the lines that begin in it. */
#include "detect/source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jsonsplit.h"
#include "base/mem.h"
#include "detect/salvage.h"
#include "sys/file.h"
#include "wire/evtx.h"
#include "wire/flat_json.h"
#include "wire/log_line.h"

#define HEAD ((size_t)64 << 10)        /* looked at to find the format */
#define PIECE ((size_t)1 << 20)        /* of a line file */
#define RAW (2 * HEAD)                 /* packed bytes at once */
#define COLUMN_MAX 64                  /* further in no element of a document begins its line */
#define COLUMN_UNKNOWN SIZE_MAX
#define EVTX_HEADER 4096
#define EVTX_CHUNK 65536
_Static_assert(SOURCE_UNIT % EVTX_CHUNK == 0, "a unit of an event log is whole chunks");
#define EVTX_PIPE_MAX ((size_t)1 << 30)

struct source_reader {
	const struct fields *dict;
	usec now;
	struct flat *flat;
	struct buf piece;   /* lines: what was read and not yet used, from `used` on */
	struct buf spare;   /* a line with bytes of another coding, mended */
	size_t used;
	uint64_t at;        /* lines: offset in the file of piece.p + used; documents: of the next read */
	bool begun;
	struct unpack *unpack; /* NULL: what is read is what is taken */
	char *raw;             /* packed bytes; `raw_left` of them are not unpacked yet */
	struct str raw_left;
	uint64_t raw_at;       /* offset of the next of them */
};

static bool read_head(int fd, char *p, size_t room, size_t *ret_n)
{
	size_t n = 0;

	while (n < room) {
		ssize_t got = pread(fd, p + n, room - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret_n = n;
	return true;
}

static struct str skip_bom(struct str s)
{
	return str_starts(s, S("\xef\xbb\xbf")) ? str_slice(s, 3, s.n) : s;
}

static const char *foreign(struct str head)
{
	static const struct { struct str magic; const char *what; } table[] = {
		{ { "PK\x03\x04", 4 }, "a zip archive: unpack it first" },
		{ { "BZh", 3 }, "compressed by bzip2: read it through a pipe (bzcat FILE | lianfang ... -)" },
		{ { "\xfd" "7zXZ", 5 }, "compressed by xz: read it through a pipe (xzcat FILE | lianfang ... -)" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (str_starts(head, table[i].magic))
			return table[i].what;
	return NULL;
}

static bool begins(struct str head, const char *want)
{
	for (size_t i = 0; i < head.n && *want != '\0'; i++) {
		if (strchr(" \t\r\n", head.p[i]) != NULL)
			continue;
		if (head.p[i] != *want++)
			return false;
	}
	return *want == '\0';
}

/* The member that holds the events: CloudTrail says "Records", Azure "records". */
static struct str records_member(struct str head)
{
	if (begins(head, "{\"Records\":["))
		return S("Records");
	return begins(head, "{\"records\":[") ? S("records") : S("");
}

/* Is the first line a whole event? Judged by how it ends. */
static enum source_shape json_shape(struct str head)
{
	struct str text = str_trim(skip_bom(head)), line = text;
	const char *nl = memchr(text.p, '\n', text.n);

	if (text.n == 0 || text.p[0] == '[' || records_member(text).n > 0)
		return text.n == 0 ? SOURCE_LINES : SOURCE_DOCUMENTS;
	if (nl != NULL)
		line = str_trim(str_make(text.p, (size_t)(nl - text.p)));
	/* "{" alone or a line that ends in a comma: more of the object follows. A broken first line is read as a line. */
	return line.n > 0 && line.p[0] == '{' && line.p[line.n - 1] != '}' && nl != NULL && (line.n == 1 || line.p[line.n - 1] == ',' ||
	       line.p[line.n - 1] == '{' || line.p[line.n - 1] == '[') ? SOURCE_DOCUMENTS : SOURCE_LINES;
}

static enum rc settle(struct str head, const char *name, enum log_format format, struct source_file *ret, struct err *err)
{
	const char *what = foreign(head);

	if (what != NULL)
		return FAIL(err, RC_UNSUPPORTED, "%s: is %s", name, what);
	ret->format = format != LOG_UNKNOWN ? format : log_format_detect(skip_bom(head));
	ret->member = records_member(str_trim(skip_bom(head)));
	ret->shape = ret->format == LOG_EVTX ? SOURCE_RECORDS : ret->format == LOG_JSON ? json_shape(head) : SOURCE_LINES;
	/* Zeek's header and the year of RFC 3164 are what lines before say. */
	ret->splits = ret->shape == SOURCE_RECORDS || (ret->shape == SOURCE_LINES && ret->format == LOG_JSON);
	return RC_OK;
}

/* The beginning of what a packed file holds. */
static enum rc unpack_head(enum packing packing, struct str raw, char *out, size_t *ret_n, struct err *err)
{
	struct unpack *u CLEANUP(unpack_freep) = NULL;
	size_t got = 1;

	*ret_n = 0;
	TRY(unpack_new(packing, &u, err));
	while (got > 0 && HEAD - *ret_n >= UNPACK_ROOM_LEAST) {
		TRY(unpack_step(u, &raw, out + *ret_n, HEAD - *ret_n, &got, err));
		*ret_n += got;
	}
	return RC_OK;
}

static enum rc settle_packed(struct str raw, enum log_format format, struct source_file *ret, struct err *err)
{
	CLEANUP(mem_freep) char *head = mem_alloc(HEAD);
	size_t n;
	enum rc rc;

	if (head == NULL)
		return FAIL(err, RC_NOMEM, "%s: out of memory", ret->path);
	rc = unpack_head(ret->packing, raw, head, &n, err);
	if (rc != RC_OK) {
		err_prefix(err, "%s", ret->path);
		return rc;
	}
	TRY(settle(str_make(head, n), ret->path, format, ret, err));
	ret->splits = false;
	return RC_OK;
}

enum rc source_probe(const char *path, enum log_format format, struct source_file *ret, struct err *err)
{
	int fd CLEANUP(file_closep) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEANUP(mem_freep) char *head = mem_alloc(HEAD);
	struct stat st;
	size_t n = 0;

	if (head == NULL)
		return FAIL(err, RC_NOMEM, "%s: out of memory", path);
	if (fd < 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0)
		return FAIL(err, RC_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return FAIL(err, RC_UNSUPPORTED, "%s: is no regular file; a pipe is read as - (standard input)", path);
	if (!read_head(fd, head, HEAD, &n))
		return FAIL(err, RC_IO, "%s: %s", path, strerror(errno));
	ret->path = path;
	ret->size = (uint64_t)st.st_size;
	ret->packing = packing_of(str_make(head, n));
	if (ret->packing != PACKING_NONE)
		return settle_packed(str_make(head, n), format, ret, err);
	return settle(str_make(head, n), path, format, ret, err);
}

uint64_t source_units(const struct source_file *file)
{
	uint64_t bytes = file->shape == SOURCE_RECORDS && file->size > EVTX_HEADER ? file->size - EVTX_HEADER : file->size;

	if (!file->splits || bytes == 0)
		return 1;
	return (bytes + SOURCE_UNIT - 1) / SOURCE_UNIT;
}

enum rc source_reader_new(const struct fields *dict, usec now, struct source_reader **ret, struct err *err)
{
	CLEANUP(source_reader_freep) struct source_reader *r = mem_alloc(sizeof *r);

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "log reader: out of memory");
	r->dict = dict;
	r->now = now;
	buf_init(&r->piece, SOURCE_LINE_MAX + 2 * PIECE);
	buf_init(&r->spare, 3 * SOURCE_LINE_MAX);
	TRY(flat_new(&r->flat, err));
	*ret = r;
	r = NULL;
	return RC_OK;
}

void source_reader_free(struct source_reader *r)
{
	if (r == NULL)
		return;
	flat_free(r->flat);
	buf_done(&r->piece);
	buf_done(&r->spare);
	unpack_free(r->unpack);
	mem_free(r->raw);
	mem_free(r);
}

void source_reader_freep(struct source_reader **r)
{
	source_reader_free(*r);
}

static enum rc read_raw(int fd, bool seeks, uint64_t offset, char *room, size_t want, size_t *ret_n, struct err *err)
{
	ssize_t got;

	do
		got = seeks ? pread(fd, room, want, (off_t)offset) : read(fd, room, want);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return FAIL(err, RC_IO, "%s", strerror(errno));
	*ret_n = (size_t)got;
	return RC_OK;
}

/* Unpacks at least a byte, or it is the end. */
static enum rc read_packed(struct source_reader *r, int fd, bool seeks, char *room, size_t want, size_t *ret_n, struct err *err)
{
	for (;;) {
		size_t got = 0;

		TRY(unpack_step(r->unpack, &r->raw_left, room, want, ret_n, err));
		if (*ret_n > 0)
			return RC_OK;
		TRY(read_raw(fd, seeks, r->raw_at, r->raw, RAW, &got, err));
		if (got == 0)
			return unpack_end(r->unpack, err);
		r->raw_at += got;
		r->raw_left = str_make(r->raw, got);
	}
}

/* `first`: what was read already. */
static enum rc begin_packed(struct source_reader *r, enum packing packing, struct str first, struct err *err)
{
	unpack_free(r->unpack);
	r->unpack = NULL;
	if (packing == PACKING_NONE)
		return RC_OK;
	if (r->raw == NULL)
		r->raw = mem_alloc(RAW);
	if (r->raw == NULL)
		return FAIL(err, RC_NOMEM, "log reader: out of memory");
	r->raw_left = str_slice(first, 0, RAW);
	if (first.n > 0)
		memcpy(r->raw, first.p, r->raw_left.n);
	r->raw_left.p = r->raw;
	r->raw_at = 0;
	return unpack_new(packing, &r->unpack, err);
}

/* Reads on behind what is in the piece. *ret_n 0: the end. */
static enum rc fill(struct source_reader *r, int fd, bool seeks, uint64_t offset, size_t want, size_t *ret_n, struct err *err)
{
	char *room;

	if (r->used > 0) {
		memmove(r->piece.p, r->piece.p + r->used, r->piece.n - r->used);
		buf_cut(&r->piece, r->piece.n - r->used);
		r->used = 0;
	}
	room = buf_room(&r->piece, want);
	if (room == NULL)
		return FAIL(err, RC_NOMEM, "log reader: out of memory");
	*ret_n = 0;
	if (r->unpack != NULL)
		TRY(read_packed(r, fd, seeks, room, want, ret_n, err));
	else
		TRY(read_raw(fd, seeks, offset, room, want, ret_n, err));
	buf_grew(&r->piece, *ret_n);
	return RC_OK;
}

/* A run of lines: where it reads, where it stops, and what takes the events. */
struct run {
	struct source_reader *r;
	struct log_lines *lines; /* NULL: JSON */
	int fd;
	bool seeks;
	uint64_t next;  /* offset of the next read */
	uint64_t at;    /* offset of the next line */
	uint64_t stop;  /* lines from here on are another unit's */
	bool skipping;  /* inside a line that is too long */
	source_event fn;
	void *ctx;
};

static bool take_line(struct run *u, struct str line)
{
	struct err err = { 0 };
	bool event = true;
	enum rc rc;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (u->at == 0)
		line = skip_bom(line);
	if (line.n == 0)
		return true;
	if (u->lines != NULL)
		rc = log_lines_next(u->lines, u->r->flat, line, &event, &err);
	else
		rc = str_trim(line).n == 0 ? (event = false, RC_OK) : flat_json_mended(u->r->flat, u->r->dict, &line, &u->r->spare, &err);
	if (rc != RC_OK)
		return u->fn(u->ctx, NULL, &err);
	return !event || u->fn(u->ctx, u->r->flat, NULL);
}

static bool too_long(struct run *u)
{
	struct err err = { 0 };

	err_set(&err, RC_LIMIT, "the line at byte %llu is longer than %zu MiB", (unsigned long long)u->at, SOURCE_LINE_MAX >> 20);
	return u->fn(u->ctx, NULL, &err);
}

/* The lines that are whole in the piece. False: the unit's end, or the taker wants no more. */
static bool take_lines(struct run *u)
{
	struct source_reader *r = u->r;

	for (;;) {
		const char *begin = r->piece.p + r->used, *nl = memchr(begin, '\n', r->piece.n - r->used);
		bool go = true;
		size_t n;

		if (u->at >= u->stop)
			return false;
		if (nl == NULL)
			break;
		n = (size_t)(nl - begin);
		if (!u->skipping)
			go = n > SOURCE_LINE_MAX ? too_long(u) : take_line(u, str_make(begin, n));
		u->skipping = false;
		u->at += n + 1;
		r->used += n + 1;
		if (!go)
			return false;
	}
	if (!u->skipping && r->piece.n - r->used > SOURCE_LINE_MAX) {
		u->skipping = true;
		if (!too_long(u))
			return false;
	}
	if (u->skipping) { /* what is there belongs to the long line */
		u->at += r->piece.n - r->used;
		r->used = r->piece.n;
	}
	return true;
}

static enum rc run_lines(struct run *u, struct err *err)
{
	struct source_reader *r = u->r;

	for (;;) {
		size_t got = 0;

		TRY(fill(r, u->fd, u->seeks, u->next, PIECE, &got, err));
		if (got == 0)
			break;
		u->next += got;
		if (!take_lines(u))
			return RC_OK;
	}
	if (r->piece.n > r->used && !u->skipping && u->at < u->stop)
		(void)take_line(u, str_make(r->piece.p + r->used, r->piece.n - r->used));
	return RC_OK;
}

/* A unit in the middle begins behind the line that began before it. */
static enum rc find_first_line(struct run *u, bool *ret_any, struct err *err)
{
	struct source_reader *r = u->r;

	*ret_any = true;
	if (u->at == 0)
		return RC_OK;
	u->at--;
	u->next = u->at;
	for (;;) {
		const char *nl;
		size_t got = 0;

		TRY(fill(r, u->fd, true, u->next, PIECE, &got, err));
		nl = memchr(r->piece.p, '\n', r->piece.n);
		u->next += got;
		if (got == 0 || (nl == NULL && u->at + r->piece.n >= u->stop)) {
			*ret_any = false;
			return RC_OK;
		}
		if (nl != NULL) {
			r->used = (size_t)(nl - r->piece.p) + 1;
			u->at += r->used;
			return RC_OK;
		}
		u->at += r->piece.n;
		r->used = r->piece.n;
	}
}

static enum rc read_lines(struct run *u, enum log_format format, struct err *err)
{
	CLEANUP(log_lines_freep) struct log_lines *lines = NULL;
	bool any = true;

	if (format != LOG_JSON)
		TRY(log_lines_new(format, u->r->dict, u->r->now, &lines, err));
	u->lines = lines;
	if (u->seeks)
		TRY(find_first_line(u, &any, err));
	if (!any)
		return RC_OK;
	if (u->r->piece.n > u->r->used && !take_lines(u))
		return RC_OK;
	return run_lines(u, err);
}

/* A document that is read, and what its damage left of it. */
struct document {
	struct run *u;
	struct jsonsplit *split;
	struct salvage salvage;
	bool broken; /* its grammar does not hold: from here on only salvage reads */
};

static bool take_element(struct run *u, struct str element)
{
	struct err err = { 0 };
	enum rc rc = flat_json_mended(u->r->flat, u->r->dict, &element, &u->r->spare, &err);

	return u->fn(u->ctx, rc == RC_OK ? u->r->flat : NULL, &err);
}

static bool take_salvaged(void *ctx, struct str piece)
{
	struct run *u = ctx;
	struct err err = { 0 };

	if (piece.p != NULL)
		return take_element(u, piece);
	err_set(&err, RC_LIMIT, "a piece of a broken document is longer than %zu MiB", SOURCE_LINE_MAX >> 20);
	return u->fn(u->ctx, NULL, &err);
}

/* How far in the line the element at `p` begins. */
static size_t column_of(struct str piece, const char *p)
{
	size_t n = 0;

	while (p - n > piece.p && p[-1 - (ptrdiff_t)n] != '\n' && n < COLUMN_MAX)
		n++;
	return n;
}

/* An element is cut out by its brackets. Where one lacks a bracket or a quote, it has its neighbours in it. */
static bool take_whole(struct document *d, struct str piece, struct str element)
{
	struct run *u = d->u;
	struct err err = { 0 };
	struct str line = element;
	enum rc rc;

	if (d->salvage.column == COLUMN_UNKNOWN && element.p >= piece.p && element.p < piece.p + piece.n)
		d->salvage.column = column_of(piece, element.p);
	rc = flat_json_mended(u->r->flat, u->r->dict, &line, &u->r->spare, &err);
	if (rc == RC_BAD && memchr(element.p, '\n', element.n) != NULL)
		return salvage_feed(&d->salvage, element, true) && salvage_end(&d->salvage);
	return u->fn(u->ctx, rc == RC_OK ? u->r->flat : NULL, &err);
}

/* What is behind the place where the grammar breaks, line by line. Who tells of the damage is the broken element itself,
 * or, where there is none, the grammar. */
static bool break_off(struct document *d, struct str piece, const struct err *why)
{
	struct str held, rest;

	d->broken = true;
	jsonsplit_unread(d->split, &held, &rest);
	if (d->salvage.column == COLUMN_UNKNOWN)
		d->salvage.column = held.n == 0 && rest.n > 0 && rest.p[0] == '{' ? column_of(piece, rest.p) : 0;
	if (held.n == 0 && (rest.n == 0 || rest.p[0] != '{') && !d->u->fn(d->u->ctx, NULL, why))
		return false;
	return salvage_feed(&d->salvage, held, held.n > 0) && salvage_feed(&d->salvage, rest, held.n == 0 && rest.n > 0 && rest.p[0] == '{');
}

/* Each element as soon as it is whole. */
static bool take_elements(struct document *d, struct str piece)
{
	if (d->broken)
		return salvage_feed(&d->salvage, piece, false);
	jsonsplit_feed(d->split, piece);
	for (;;) {
		struct str element = { NULL, 0 };
		struct err err = { 0 };

		if (jsonsplit_next(d->split, &element, &err) != RC_OK)
			return break_off(d, piece, &err);
		if (element.p == NULL)
			return true;
		if (!take_whole(d, piece, element))
			return false;
	}
}

static enum rc read_pieces(struct document *d, struct err *err)
{
	struct run *u = d->u;
	struct err why = { 0 };

	for (bool first = true;; first = false) {
		struct str piece;
		size_t got = 0;

		if (u->r->piece.n == u->r->used) {
			TRY(fill(u->r, u->fd, u->seeks, u->next, PIECE, &got, err));
			if (got == 0)
				break;
			u->next += got;
		}
		piece = str_make(u->r->piece.p + u->r->used, u->r->piece.n - u->r->used);
		if (!take_elements(d, first ? skip_bom(piece) : piece))
			return RC_OK;
		u->r->used = u->r->piece.n;
	}
	if (!d->broken && jsonsplit_end(d->split, &why) != RC_OK && !break_off(d, S(""), &why))
		return RC_OK;
	if (d->broken)
		(void)salvage_end(&d->salvage);
	return RC_OK;
}

/* `member` "": the first document has none of the known ones in front. */
static enum rc read_documents(struct run *u, struct str member, struct err *err)
{
	CLEANUP(jsonsplit_freep) struct jsonsplit *s = jsonsplit_new(member.n > 0 ? member : S("Records"), SOURCE_LINE_MAX);
	struct document d = { .u = u, .split = s };
	enum rc rc;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "log reader: out of memory");
	salvage_init(&d.salvage, COLUMN_UNKNOWN, SOURCE_LINE_MAX, take_salvaged, u);
	rc = read_pieces(&d, err);
	salvage_done(&d.salvage);
	return rc;
}

static bool tell_damage(const struct evtx *e, uint64_t n, enum rc rc, source_event fn, void *ctx)
{
	for (; n > 0; n--) {
		struct err why = { 0 };

		err_set(&why, rc, "%s", evtx_last_error(e));
		if (!fn(ctx, NULL, &why))
			return false;
	}
	return true;
}

/* `left_out`: bytes of the file between its header and the chunks at hand. */
static enum rc evtx_events(struct source_reader *r, struct str bytes, uint64_t left_out, source_event fn, void *ctx, struct err *err)
{
	CLEANUP(evtx_closep) struct evtx *e = NULL;
	struct evtx_stats before = { 0 }, st;

	TRY(evtx_open(bytes, r->dict, &e, err));
	evtx_begins(e, left_out);
	for (;;) {
		bool got = evtx_next(e, r->flat);

		evtx_stats(e, &st);
		if (!tell_damage(e, st.bad_checksums - before.bad_checksums, RC_CORRUPT, fn, ctx) ||
		    !tell_damage(e, st.bad_chunks + st.bad_records - before.bad_chunks - before.bad_records, RC_BAD, fn, ctx))
			return RC_OK;
		before = st;
		if (!got || !fn(ctx, r->flat, NULL))
			return RC_OK;
	}
}

/* Nobody is to take what is left of a log for the whole: a copy that broke off between chunks shows no other sign. False: stop. */
static bool tell_cut(const struct source_reader *r, uint64_t size, source_event fn, void *ctx)
{
	uint64_t gone = evtx_chunks_gone(buf_view(&r->piece), size);
	struct err why = { 0 };

	if (gone == 0)
		return true;
	err_set(&why, RC_BAD, "evtx: the file breaks off: %llu chunks of 64 KiB that its header tells of are not there", (unsigned long long)gone);
	return fn(ctx, NULL, &why);
}

/* The file's header and the chunks of this unit: a chunk knows nothing of its neighbours. */
static enum rc read_records(struct source_reader *r, int fd, uint64_t size, uint64_t unit, source_event fn, void *ctx, struct err *err)
{
	uint64_t from = EVTX_HEADER + unit * SOURCE_UNIT;
	size_t got = 1, want = SOURCE_UNIT;

	TRY(fill(r, fd, true, 0, EVTX_HEADER, &got, err));
	if (unit == 0 && !tell_cut(r, size, fn, ctx))
		return RC_OK;
	if (got < EVTX_HEADER)
		return evtx_events(r, buf_view(&r->piece), 0, fn, ctx, err);
	while (want > 0 && got > 0) {
		TRY(fill(r, fd, true, from, want, &got, err));
		from += got;
		want -= got;
	}
	return evtx_events(r, buf_view(&r->piece), unit * SOURCE_UNIT, fn, ctx, err);
}

static enum rc read_all(struct source_reader *r, int fd, size_t max, struct err *err)
{
	size_t got = 1;

	while (got > 0 && r->piece.n <= max)
		TRY(fill(r, fd, false, 0, PIECE, &got, err));
	return r->piece.n > max ? FAIL(err, RC_LIMIT, "an event log that is packed or comes through a pipe may have %zu MiB: name the plain file instead", max >> 20) : RC_OK;
}

static enum rc stream_records(struct source_reader *r, int fd, source_event fn, void *ctx, struct err *err)
{
	size_t max = r->piece.max;
	enum rc rc;

	r->piece.max = EVTX_PIPE_MAX + 2 * PIECE;
	rc = read_all(r, fd, EVTX_PIPE_MAX, err);
	if (rc == RC_OK && tell_cut(r, r->piece.n, fn, ctx))
		rc = evtx_events(r, buf_view(&r->piece), 0, fn, ctx, err);
	buf_done(&r->piece);
	r->piece.max = max;
	return rc;
}

enum rc source_read(struct source_reader *r, const struct source_file *file, uint64_t unit, source_event fn, void *ctx, struct err *err)
{
	int fd CLEANUP(file_closep) = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct run u = { .r = r, .fd = fd, .seeks = true, .fn = fn, .ctx = ctx, .stop = UINT64_MAX };
	enum rc rc;

	if (fd < 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", file->path, strerror(errno));
	buf_clear(&r->piece);
	r->used = 0;
	if (file->splits && file->shape == SOURCE_LINES) {
		u.at = u.next = unit * SOURCE_UNIT;
		u.stop = u.at + SOURCE_UNIT < file->size ? u.at + SOURCE_UNIT : UINT64_MAX;
	}
	TRY(begin_packed(r, file->packing, S(""), err));
	if (file->shape == SOURCE_RECORDS && file->packing != PACKING_NONE)
		rc = stream_records(r, fd, fn, ctx, err);
	else if (file->shape == SOURCE_RECORDS)
		rc = read_records(r, fd, file->size, unit, fn, ctx, err);
	else if (file->shape == SOURCE_DOCUMENTS)
		rc = read_documents(&u, file->member, err);
	else
		rc = read_lines(&u, file->format, err);
	if (rc != RC_OK)
		err_prefix(err, "%s", file->path);
	return rc;
}

/* A first line tells the format; pretty JSON needs to be seen further only when it begins with a bare bracket. */
static enum rc read_first(struct source_reader *r, int fd, struct err *err)
{
	size_t got = 1;

	while (got > 0 && r->piece.n < HEAD && (r->piece.n < 8 || memchr(r->piece.p, '\n', r->piece.n) == NULL))
		TRY(fill(r, fd, false, 0, HEAD, &got, err));
	return RC_OK;
}

enum rc source_stream(struct source_reader *r, int fd, enum log_format format, source_event fn, void *ctx, struct err *err)
{
	struct run u = { .r = r, .fd = fd, .fn = fn, .ctx = ctx, .stop = UINT64_MAX };
	struct source_file what = { 0 };
	enum packing packing;

	TRY(begin_packed(r, PACKING_NONE, S(""), err));
	buf_clear(&r->piece);
	r->used = 0;
	TRY(read_first(r, fd, err));
	packing = packing_of(buf_view(&r->piece));
	if (packing != PACKING_NONE) {
		TRY(begin_packed(r, packing, buf_view(&r->piece), err));
		buf_clear(&r->piece);
		TRY(read_first(r, fd, err));
	}
	TRY(settle(buf_view(&r->piece), "standard input", format, &what, err));
	if (what.shape == SOURCE_RECORDS)
		return stream_records(r, fd, fn, ctx, err);
	if (what.shape == SOURCE_DOCUMENTS)
		return read_documents(&u, what.member, err);
	return read_lines(&u, what.format, err);
}
