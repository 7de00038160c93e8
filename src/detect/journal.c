/* A file: a head with its life, then chunks, each with the mark, its length and a
 * checksum. A chunk of another mark is left over from a longer former life and ends
 * the reading, as does a torn one. Written in place: its pages stay in memory, and a
 * sync of an overwritten file needs no change of the folder's records. */
#include "detect/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rd.h"
#include "base/uuid.h"
#include "sys/file.h"

#define MAGIC 0x324a464cu      /* "LFJ2" */
#define HEAD 40                /* magic, then the life, then the checksum of both */
#define CHUNK_HEAD 32          /* magic, length, mark, checksum, zero */
#define CHUNK ((size_t)256 << 10)
#define RECORD_HEAD 25
#define RECORD_MOST (RECORD_HEAD + BLOCK_LINE_MAX + BLOCK_NAME_MAX + BLOCK_PLACE_MAX)
#define FILE_MOST ((size_t)256 << 20)

struct journal {
	int fd;
	uint64_t mark, at;         /* at: where the next chunk goes */
	struct buf chunk;          /* CHUNK_HEAD bytes of room, then records */
	size_t before;             /* chunk's length before the latest event */
	_Atomic bool broken;
};

static void path_of(const char *dir, unsigned which, char out[static 4200])
{
	snprintf(out, 4200, "%.4096s/%s", dir, which == 0 ? "open" : "open2");
}

static void put_le(char *to, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = (char)(v >> (8 * i));
}

static void begin_chunk(struct journal *j)
{
	static const char zeros[CHUNK_HEAD];

	buf_clear(&j->chunk);
	buf_put(&j->chunk, zeros, sizeof zeros);
	j->before = j->chunk.n;
}

enum rc journal_restart(struct journal *j, const struct journal_life *life, struct err *err)
{
	struct uuid u;
	struct buf head;
	enum rc rc;

	uuid_v4(&u);
	memcpy(&j->mark, &u, sizeof j->mark);
	j->mark |= 1; /* 0 is none */
	j->at = HEAD;
	begin_chunk(j);
	buf_init(&head, HEAD);
	buf_le32(&head, MAGIC);
	buf_le32(&head, life->number);
	buf_le64(&head, j->mark);
	buf_le64(&head, life->before);
	buf_le64(&head, life->before_end);
	buf_le64(&head, hash_stable(buf_view(&head)));
	rc = buf_check(&head, err, "journal");
	if (rc == RC_OK)
		rc = file_write_at(j->fd, 0, buf_view(&head), err);
	buf_done(&head);
	/* Without its head it would be taken for the life before, which is sealed: what comes now must not be believed kept. */
	atomic_store(&j->broken, rc != RC_OK);
	return rc;
}

enum rc journal_open(const char *dir, unsigned which, const struct journal_life *life, struct journal **ret, struct err *err)
{
	struct journal *j = mem_alloc(sizeof *j);
	char path[4200];
	enum rc rc;

	if (j == NULL)
		return FAIL(err, RC_NOMEM, "journal: out of memory");
	path_of(dir, which, path);
	buf_init(&j->chunk, CHUNK_HEAD + CHUNK + RECORD_MOST);
	j->fd = FAULT("journal.open") ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	rc = j->fd < 0 ? FAIL(err, errno == ENOSPC ? RC_FULL : RC_IO, "%s: %m", path) : journal_restart(j, life, err);
	if (rc != RC_OK) {
		journal_close(j);
		return rc;
	}
	*ret = j;
	return RC_OK;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	file_closep(&j->fd);
	buf_done(&j->chunk);
	mem_free(j);
}

uint64_t journal_mark(const struct journal *j)
{
	return j->mark;
}

void journal_give_up(struct journal *j)
{
	atomic_store(&j->broken, true);
}

uint64_t journal_end(const struct journal *j)
{
	return atomic_load(&j->broken) ? UINT64_MAX : j->at;
}

enum rc journal_add(struct journal *j, const struct block_event *e, struct str place, struct err *err)
{
	char head[RECORD_HEAD];

	if (e->line.n > BLOCK_LINE_MAX || e->source.n > BLOCK_NAME_MAX || place.n > BLOCK_PLACE_MAX)
		return FAIL(err, RC_LIMIT, "journal: an event of %zu bytes", e->line.n);
	/* A broken one is begun anew by the next sealing; until then the history is what it was without a journal. */
	if (atomic_load(&j->broken))
		return RC_OK;
	if (j->chunk.n >= CHUNK_HEAD + CHUNK)
		TRY(journal_flush(j, err));
	j->before = j->chunk.n;
	put_le(head, e->line.n, 4);
	put_le(head + 4, e->source.n << 16 | place.n, 4);
	head[8] = (char)e->format;
	put_le(head + 9, (uint64_t)e->time, 8);
	put_le(head + 17, e->ordinal, 8);
	buf_put(&j->chunk, head, sizeof head);
	buf_str(&j->chunk, e->source);
	buf_str(&j->chunk, place);
	buf_str(&j->chunk, e->line);
	if (j->chunk.bad == RC_OK)
		return RC_OK;
	j->chunk.bad = RC_OK;
	journal_undo(j);
	return FAIL(err, RC_NOMEM, "journal: out of memory");
}

void journal_undo(struct journal *j)
{
	if (j->before <= j->chunk.n)
		buf_cut(&j->chunk, j->before);
}

enum rc journal_flush(struct journal *j, struct err *err)
{
	size_t n = j->chunk.n - CHUNK_HEAD;

	if (atomic_load(&j->broken) || n == 0)
		return RC_OK;
	put_le(j->chunk.p, MAGIC, 4);
	put_le(j->chunk.p + 4, n, 4);
	put_le(j->chunk.p + 8, j->mark, 8);
	put_le(j->chunk.p + 16, hash_stable(str_make(j->chunk.p + CHUNK_HEAD, n)), 8);
	TRY(file_write_at(j->fd, j->at, buf_view(&j->chunk), err));
	j->at += j->chunk.n;
	begin_chunk(j);
	return RC_OK;
}

enum rc journal_sync(struct journal *j, struct err *err)
{
	enum rc rc;

	if (atomic_load(&j->broken))
		return FAIL(err, RC_IO, "journal: it could not be written; the next sealing begins it anew");
	rc = file_sync_data(j->fd, err);
	if (rc != RC_OK)
		atomic_store(&j->broken, true);
	return rc;
}

/* --- reading --- */

static enum rc read_record(struct rd *r, journal_event fn, void *ctx, struct err *err)
{
	uint32_t line_n = rd_le32(r), sizes = rd_le32(r);
	uint8_t format = rd_u8(r);
	struct block_event e = { .format = format < LOG_FORMATS ? (enum log_format)format : LOG_TEXT, .time = (usec)rd_le64(r), .ordinal = rd_le64(r) };
	struct str place;

	e.source = rd_bytes(r, sizes >> 16);
	place = rd_bytes(r, sizes & 0xffff);
	e.line = rd_bytes(r, line_n);
	return r->bad ? FAIL(err, RC_CORRUPT, "journal: a record is cut") : fn(ctx, &e, place, err);
}

/* One chunk off `bytes`; false: none of this mark that is whole. */
static bool next_chunk(struct rd *r, uint64_t mark, struct str *ret)
{
	uint32_t magic = rd_le32(r), n = rd_le32(r);
	uint64_t of = rd_le64(r), sum = rd_le64(r);

	rd_skip(r, 8);
	*ret = rd_bytes(r, n);
	return !r->bad && magic == MAGIC && of == mark && n > 0 && hash_stable(*ret) == sum;
}

static void read_head(struct str all, struct rd *r, struct journal_life *ret)
{
	uint32_t magic = rd_le32(r);
	struct journal_life l = { .number = rd_le32(r) };

	l.mark = rd_le64(r);
	l.before = rd_le64(r);
	l.before_end = rd_le64(r);
	if (rd_le64(r) == hash_stable(str_slice(all, 0, HEAD - 8)) && magic == MAGIC && !r->bad)
		*ret = l;
}

enum rc journal_read(const char *dir, unsigned which, struct journal_life *ret, uint64_t *ret_end, journal_event fn, void *ctx, struct err *err)
{
	char path[4200];
	struct buf all;
	struct str chunk;
	struct rd r, records;
	enum rc rc;

	*ret = (struct journal_life){ 0 };
	*ret_end = 0;
	path_of(dir, which, path);
	rc = file_read(path, FILE_MOST, &all, err);
	if (rc == RC_NOTFOUND)
		return RC_OK;
	TRY(rc);
	rd_init(&r, buf_view(&all));
	read_head(buf_view(&all), &r, ret);
	*ret_end = HEAD;
	while (ret->mark != 0 && rc == RC_OK && next_chunk(&r, ret->mark, &chunk)) {
		rd_init(&records, chunk);
		while (rc == RC_OK && rd_left(&records) > 0)
			rc = read_record(&records, fn, ctx, err);
		*ret_end += CHUNK_HEAD + chunk.n;
	}
	buf_done(&all);
	return rc;
}

void journal_forget(const char *dir)
{
	char path[4200];

	for (unsigned i = 0; i < JOURNALS; i++) {
		path_of(dir, i, path);
		(void)unlink(path);
	}
}
