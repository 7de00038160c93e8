/* Segment files. A transaction is written behind the good end of the last
 * segment and synced once; only then does the good end move. A segment that
 * would grow too long is left as it is (every byte of it synced) and a new one
 * begun, so an unfinished tail can only be in the last.
 *
 * After a failed write the file is cut back. After a failed sync nothing can be
 * said about the disk any more (the kernel may have dropped the pages), so the
 * log refuses further changes until it is opened again. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/mem.h"
#include "store/objlog_int.h"
#include "sys/file.h"

#define OUT_BYTES ((size_t)256 << 10)
#define PATH_BYTES 4096

enum rc objlog_segment_path(const struct objlog *l, uint32_t number, char *out, size_t max, struct err *err)
{
	int n = snprintf(out, max, "%s/objects-%06u.log", l->dir, number);

	if (n < 0 || (size_t)n >= max)
		return FAIL(err, RC_LIMIT, "object log: the folder's path is too long");
	return RC_OK;
}

static enum rc write_head(struct objlog *l, int fd, uint32_t number, struct err *err)
{
	struct segment_head h = { .number = number, .created = time_now(), .objects_before = l->n_objects };
	struct buf b;
	enum rc rc;

	memcpy(h.store_id, l->store_id, sizeof h.store_id);
	h.previous_size = number > 1 ? objlog_segment_chain(&l->segments[number - 2]) : 0;
	buf_init(&b, SEGMENT_HEAD);
	objlog_segment_head_write(&h, &b);
	rc = buf_check(&b, err, "object log");
	if (rc == RC_OK)
		rc = file_write_at(fd, 0, buf_view(&b), err);
	if (rc == RC_OK)
		rc = file_sync_data(fd, err);
	if (rc == RC_OK)
		rc = file_sync_dir(l->dir, err);
	buf_done(&b);
	return rc;
}

enum rc objlog_segment_new(struct objlog *l, struct err *err)
{
	uint32_t number = l->n_segments + 1;
	char path[PATH_BYTES];
	enum rc rc;
	int fd;

	if (number > SEGMENTS_MAX)
		return FAIL(err, RC_LIMIT, "object log: more than %d segments", SEGMENTS_MAX);
	TRY(objlog_segment_path(l, number, path, sizeof path, err));
	fd = FAULT("objlog.create") ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return FAIL(err, errno == ENOSPC ? RC_FULL : RC_IO, "%s: %m", path);
	rc = write_head(l, fd, number, err);
	if (rc != RC_OK) {
		err_prefix(err, "%s", path);
		unlink(path);
		close(fd);
		return rc;
	}
	pthread_rwlock_wrlock(&l->lock);
	l->segments[number - 1] = (struct segment){ .fd = { fd, -1 }, .size = SEGMENT_HEAD, .first = l->n_objects };
	l->n_segments = number;
	pthread_rwlock_unlock(&l->lock);
	l->synced = SEGMENT_HEAD;
	l->bytes += SEGMENT_HEAD;
	return RC_OK;
}

enum rc objlog_flush(struct out *o, struct err *err)
{
	struct buf *b = &o->l->out;

	TRY(buf_check(b, err, "object log"));
	TRY(file_write_at(o->fd, o->flushed, buf_view(b), err));
	o->flushed += b->n;
	buf_clear(b);
	return RC_OK;
}

enum rc objlog_emit(struct out *o, struct str bytes, struct err *err)
{
	struct buf *b = &o->l->out;

	if (b->n + bytes.n > OUT_BYTES)
		TRY(objlog_flush(o, err));
	if (bytes.n <= OUT_BYTES) {
		buf_str(b, bytes);
		return RC_OK;
	}
	TRY(file_write_at(o->fd, o->flushed, bytes, err));
	o->flushed += bytes.n;
	return RC_OK;
}

enum rc objlog_emit_padding(struct out *o, uint64_t frame_bytes, struct err *err)
{
	static const char zeros[8];

	return objlog_emit(o, str_make(zeros, (8 - frame_bytes % 8) % 8), err);
}

/* The frame's records; type names that the log does not hold yet come first. */
static uint32_t write_meta(struct objlog *l, const struct staged_batch *b)
{
	uint32_t n = 0;

	buf_clear(&l->meta);
	for (uint32_t i = b->first; i < b->first + b->n; i++) {
		const struct record *r = &l->staged[i];
		struct type_name *t = &l->types[r->o.type];

		if (r->kind != REC_STORE || t->state != TYPE_NEW)
			continue;
		objlog_record_write(l, &(struct record){ .kind = REC_TYPE, .number = r->o.type }, 0, &l->meta);
		t->state = TYPE_WRITTEN;
		n++;
	}
	for (uint32_t i = b->first; i < b->first + b->n; i++, n++)
		objlog_record_write(l, &l->staged[i], b->coll, &l->meta);
	return n;
}

static enum rc write_bodies(struct out *o, const struct staged_batch *b, struct err *err)
{
	struct objlog *l = o->l;
	bool first = true;

	for (uint32_t i = b->first; i < b->first + b->n; i++) {
		struct record *r = &l->staged[i];

		if (r->kind != REC_STORE)
			continue;
		if (!first)
			TRY(objlog_emit(o, S(","), err));
		first = false;
		r->o.pos = (uint64_t)objlog_segment_file(l, l->n_segments) << 32 | (o->flushed + l->out.n);
		TRY(objlog_emit(o, r->body, err));
	}
	return RC_OK;
}

static enum rc write_frame(struct out *o, const struct staged_batch *b, struct err *err)
{
	struct objlog *l = o->l;
	struct frame f = { .segment = l->n_segments, .offset = (uint32_t)(o->flushed + l->out.n), .synced = l->synced,
			   .body = (uint32_t)b->body_bytes, .collection = l->colls[b->coll]->row, .source = b->source,
			   .received = b->received };
	unsigned char head[FRAME_HEAD];

	f.count = write_meta(l, b);
	TRY(buf_check(&l->meta, err, "object log"));
	f.meta = (uint32_t)l->meta.n;
	objlog_frame_head_write(&f, buf_view(&l->meta), head);
	TRY(objlog_emit(o, str_make((const char *)head, sizeof head), err));
	TRY(objlog_emit(o, buf_view(&l->meta), err));
	TRY(write_bodies(o, b, err));
	return objlog_emit_padding(o, (uint64_t)FRAME_HEAD + f.meta + f.body, err);
}

/* More than the transaction can take. */
static uint64_t size_bound(const struct objlog *l)
{
	uint64_t n = (uint64_t)l->n_staged * 128 + (uint64_t)l->n_batches * 64;

	for (uint32_t i = 0; i < l->n_batches; i++)
		n += l->batches[i].body_bytes;
	for (uint32_t i = 0; i < l->n_staged; i++)
		n += l->staged[i].kind != REC_STORE ? 0 : l->staged[i].o.odd ? ODD_ID_MAX + ODD_VERSION_MAX :
			l->types[l->staged[i].o.type].state == TYPE_LOGGED ? 0 : TYPE_NAME_MAX;
	return n;
}

static void types_settle(struct objlog *l, enum type_state state)
{
	for (uint32_t i = 0; i < l->n_types; i++)
		if (l->types[i].state == TYPE_WRITTEN)
			l->types[i].state = (uint8_t)state;
}

static void cut_back(struct objlog *l, struct segment *s)
{
	buf_clear(&l->out);
	/* What stays behind the good end would be overwritten by the next frames, but only in part. */
	if (ftruncate(s->fd[s->side], s->size) != 0)
		l->broken = true;
	types_settle(l, TYPE_NEW);
}

enum rc objlog_append(struct objlog *l, struct err *err)
{
	struct segment *s = &l->segments[l->n_segments - 1];
	struct out o = { .l = l };
	enum rc rc = RC_OK;

	if (s->size > SEGMENT_HEAD && s->size + size_bound(l) > l->segment_bytes) {
		TRY(objlog_segment_new(l, err));
		s = &l->segments[l->n_segments - 1];
	}
	o.fd = s->fd[s->side];
	o.flushed = s->size;
	for (uint32_t i = 0; i < l->n_batches && rc == RC_OK; i++)
		rc = write_frame(&o, &l->batches[i], err);
	if (rc == RC_OK)
		rc = objlog_flush(&o, err);
	if (rc == RC_OK) {
		rc = file_sync_data(s->fd[s->side], err);
		l->broken = l->broken || rc == RC_IO;
	}
	if (rc != RC_OK) {
		cut_back(l, s);
		return rc;
	}
	l->bytes += o.flushed - s->size;
	pthread_rwlock_wrlock(&l->lock);
	s->size = l->synced = (uint32_t)o.flushed;
	pthread_rwlock_unlock(&l->lock);
	types_settle(l, TYPE_LOGGED);
	l->clean = false;
	return RC_OK;
}

/* Unsynced on purpose: where it is missing, start only looks harder. */
void objlog_append_close(struct objlog *l)
{
	struct segment *s = &l->segments[l->n_segments - 1];
	struct frame f = { .segment = l->n_segments, .offset = s->size, .synced = l->synced, .meta = 1, .count = 1 };
	char bytes[FRAME_HEAD + 8] = { 0 };
	struct err ignored;

	bytes[FRAME_HEAD] = REC_CLOSE;
	objlog_frame_head_write(&f, str_make(bytes + FRAME_HEAD, 1), (unsigned char *)bytes);
	if (file_write_at(s->fd[s->side], s->size, str_make(bytes, sizeof bytes), &ignored) != RC_OK && ftruncate(s->fd[s->side], s->size) != 0)
		return;
}

enum rc objlog_read(const struct objlog *l, uint64_t pos, char *to, size_t n, struct err *err)
{
	uint32_t file = (uint32_t)(pos >> 32), number = file & ((1u << FILE_SIDE) - 1);
	int fd = l->segments[number - 1].fd[file >> FILE_SIDE & 1];
	uint64_t at = pos & UINT32_MAX;

	while (n > 0) {
		ssize_t got = FAULT("objlog.read") ? -1 : pread(fd, to, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return FAIL(err, RC_IO, "objects-%06u.log: read at %llu: %m", number, (unsigned long long)at);
		if (got == 0)
			return FAIL(err, RC_CORRUPT, "objects-%06u.log: ends before %llu", number, (unsigned long long)at);
		to += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return RC_OK;
}
