/* Giving back the room of removed objects. A segment that is closed and for more
 * than half dead bodies is written anew without them, a piece whenever the writer
 * has nothing to do. All records stay, so the numbers of objects, all dates and the
 * segments behind are as they were; a record whose body is left out says so
 * (REC_EMPTIED). It relies on the removal further on, which is on disk: only what
 * is committed is dead.
 *
 * The new file is complete and synced before one rename puts it in the old one's
 * place, so a crash finds either. Readers that hold places in the old file go on
 * reading from it: the descriptor stays open until the last of them has left. */
#include <errno.h>
#include <fcntl.h>

#include "base/fault.h"
#include "base/mem.h"
#include "store/objlog_int.h"
#include "sys/file.h"

#define PATH_BYTES 4096
#define STEPS 16                         /* pieces of work in which a segment is written anew */
#define SWITCH_SLICE 4096u               /* places changed in one hold of the lock */
#define AGAIN_AFTER (600 * USEC_PER_SEC) /* after a failure */

struct compaction {
	uint32_t number;      /* the segment under work; 0 = none */
	struct frames fs;     /* where we are in it */
	struct out out;
	uint32_t *places;     /* of the bodies in the new file, by object; 0 = left out */
	uint32_t next, n;     /* the next object of the segment; how many it has */
	struct buf meta;
	usec not_before;
	uint32_t waiting;     /* a segment whose old file is still open for readers; 0 = none */
	uint32_t waiting_for; /* readers of this epoch */
};

uint32_t objlog_reader_enter(struct objlog *l)
{
	uint32_t epoch;

	pthread_rwlock_rdlock(&l->lock);
	epoch = l->epoch;
	atomic_fetch_add(&l->readers[epoch & 1], 1);
	pthread_rwlock_unlock(&l->lock);
	return epoch;
}

void objlog_reader_leave(struct objlog *l, uint32_t epoch)
{
	atomic_fetch_sub(&l->readers[epoch & 1], 1);
}

static enum rc new_path(const struct objlog *l, uint32_t number, char *out, size_t max, struct err *err)
{
	int n = snprintf(out, max, "%s/objects-%06u.new", l->dir, number);

	return n < 0 || (size_t)n >= max ? FAIL(err, RC_LIMIT, "object log: the folder's path is too long") : RC_OK;
}

/* Ends the work on a segment; its new file goes, unless it was taken over. */
static void stop(struct objlog *l, struct compaction *c)
{
	char path[PATH_BYTES];

	if (c->number != 0 && c->out.fd >= 0 && new_path(l, c->number, path, sizeof path, NULL) == RC_OK)
		unlink(path);
	if (c->number != 0) {
		file_closep(&c->out.fd);
		objlog_frames_done(&c->fs);
	}
	buf_clear(&l->out);
	buf_done(&c->meta);
	mem_free(c->places);
	c->places = NULL;
	c->number = 0;
}

void objlog_compaction_free(struct objlog *l)
{
	struct compaction *c = l->compaction;

	if (c == NULL)
		return;
	stop(l, c);
	mem_free(c);
	l->compaction = NULL;
}

static uint32_t objects_in(const struct objlog *l, uint32_t number)
{
	return l->segments[number].first - l->segments[number - 1].first;
}

/* The closed segment with the most dead bytes of those that are worth it, or 0. */
static uint32_t choose(const struct objlog *l)
{
	uint32_t best = 0;

	for (uint32_t number = 1; number < l->n_segments; number++) {
		const struct segment *s = &l->segments[number - 1];

		if (s->dead * 2 > s->size && (best == 0 || s->dead > l->segments[best - 1].dead))
			best = number;
	}
	return best;
}

static enum rc start(struct objlog *l, struct compaction *c, uint32_t number, struct err *err)
{
	static const char no_head[SEGMENT_HEAD];
	char path[PATH_BYTES];

	TRY(new_path(l, number, path, sizeof path, err));
	c->n = objects_in(l, number);
	c->next = 0;
	c->places = mem_array((size_t)c->n + 1, sizeof *c->places);
	if (c->places == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory to write a segment anew");
	c->out = (struct out){ .l = l, .fd = -1 };
	c->number = number;
	buf_init(&c->meta, FRAME_META_MAX);
	objlog_frames_init(&c->fs, l, number, l->segments[number - 1].size, SEGMENT_HEAD);
	c->out.fd = FAULT("objlog.create") ? -1 : open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->out.fd < 0)
		return FAIL(err, errno == ENOSPC ? RC_FULL : RC_IO, "%s: %m", path);
	buf_clear(&l->out);
	return objlog_emit(&c->out, str_make(no_head, sizeof no_head), err);
}

/* The frame's records, those of dead objects turned into REC_EMPTIED; gives places to the bodies that stay. */
static enum rc plan_frame(struct compaction *c, const struct frame *f, uint64_t begin, uint64_t *ret_body, struct err *err)
{
	struct objlog *l = c->out.l;
	uint32_t first = l->segments[c->number - 1].first, next = c->next;
	uint64_t at = begin;
	struct rd rd;

	rd_init(&rd, buf_view(&c->meta));
	for (uint32_t i = 0; i < f->count; i++) {
		size_t kind_at = c->meta.n - rd_left(&rd);
		struct record r;
		enum rc rc = objlog_record_read(&rd, f->collection, &r, err);

		mem_free(r.odd);
		TRY(rc);
		if (r.kind != REC_STORE && r.kind != REC_EMPTIED)
			continue;
		if (next == c->n)
			return FAIL(err, RC_CORRUPT, "objects-%06u.log: more objects than the next segment says", c->number);
		c->places[next] = 0;
		if (r.kind == REC_STORE && objlog_object(l, first + next)->entries == NONE) {
			c->meta.p[kind_at] = REC_EMPTIED;
		} else if (r.kind == REC_STORE) {
			at += at == begin ? 0 : 1;
			c->places[next] = (uint32_t)at;
			at += r.o.len;
		}
		next++;
	}
	*ret_body = at - begin;
	return RC_OK;
}

/* The bodies that have a place, in order. */
static enum rc copy_bodies(struct compaction *c, const struct frame *f, struct err *err)
{
	struct objlog *l = c->out.l;
	uint64_t at = (uint64_t)f->offset + FRAME_HEAD + f->meta, begin = at;
	bool first = true;
	struct rd rd;

	rd_init(&rd, buf_view(&c->meta));
	for (uint32_t i = 0; i < f->count; i++) {
		struct record r;
		enum rc rc = objlog_record_read(&rd, f->collection, &r, err);
		char *room;

		mem_free(r.odd);
		TRY(rc);
		if (r.kind != REC_STORE && r.kind != REC_EMPTIED)
			continue;
		/* It has a body in the old file. */
		if (objlog_object(l, l->segments[c->number - 1].first + c->next++)->pos != 0) {
			at += at == begin ? 0 : 1;
			at += r.o.len;
		}
		if (r.kind == REC_EMPTIED)
			continue;
		buf_clear(&l->scratch);
		room = buf_room(&l->scratch, r.o.len);
		if (room == NULL)
			return buf_check(&l->scratch, err, "object log");
		TRY(objlog_read(l, (uint64_t)c->fs.file << 32 | (at - r.o.len), room, r.o.len, err));
		if (!first)
			TRY(objlog_emit(&c->out, S(","), err));
		first = false;
		TRY(objlog_emit(&c->out, str_make(room, r.o.len), err));
	}
	return RC_OK;
}

static enum rc copy_frame(struct compaction *c, struct err *err)
{
	uint64_t at = c->out.flushed + c->out.l->out.n, body;
	unsigned char head[FRAME_HEAD];
	struct frame f, to;
	struct str meta;
	bool good;

	TRY(objlog_frames_next(&c->fs, &f, &meta, &good, err));
	if (!good)
		return FAIL(err, RC_CORRUPT, "objects-%06u.log: the frame at %llu is damaged", c->number, (unsigned long long)c->fs.at);
	buf_clear(&c->meta);
	buf_str(&c->meta, meta);
	TRY(buf_check(&c->meta, err, "object log"));
	TRY(plan_frame(c, &f, at + FRAME_HEAD + f.meta, &body, err));
	to = f;
	to.offset = to.synced = (uint32_t)at;
	to.body = (uint32_t)body;
	objlog_frame_head_write(&to, buf_view(&c->meta), head);
	TRY(objlog_emit(&c->out, str_make((const char *)head, sizeof head), err));
	TRY(objlog_emit(&c->out, buf_view(&c->meta), err));
	TRY(copy_bodies(c, &f, err));
	TRY(objlog_emit_padding(&c->out, (uint64_t)FRAME_HEAD + to.meta + to.body, err));
	c->fs.at += objlog_frame_size(&f);
	return RC_OK;
}

/* The head comes last, and with it the file's length; then the rename. */
static enum rc complete(struct objlog *l, struct compaction *c, struct err *err)
{
	const struct segment *s = &l->segments[c->number - 1];
	char path[PATH_BYTES], to[PATH_BYTES];
	CLEANUP(buf_done) struct buf b;
	struct segment_head h;

	buf_init(&b, SEGMENT_HEAD);
	TRY(objlog_segment_head_of(l, objlog_segment_file(l, c->number), &h, err));
	h.size = (uint32_t)c->out.flushed;
	h.chain = objlog_segment_chain(s);
	objlog_segment_head_write(&h, &b);
	TRY(buf_check(&b, err, "object log"));
	TRY(file_write_at(c->out.fd, 0, buf_view(&b), err));
	TRY(file_sync_data(c->out.fd, err));
	TRY(new_path(l, c->number, path, sizeof path, err));
	TRY(objlog_segment_path(l, c->number, to, sizeof to, err));
	if (FAULT("objlog.rename") || rename(path, to) != 0)
		return FAIL(err, RC_IO, "%s: %m", to);
	return RC_OK;
}

/* Readers find the objects in the new file from here on. */
static void switch_over(struct objlog *l, struct compaction *c)
{
	struct segment *s = &l->segments[c->number - 1];
	uint32_t side = s->side ^ 1, file = c->number | side << FILE_SIDE;
	uint64_t dead = 0, left_out = 0;

	/* No reader holds a place on this side any more: what is kept of the file before last goes now, or never. */
	objlog_cache_clear(l);
	pthread_rwlock_wrlock(&l->lock);
	s->fd[side] = c->out.fd;
	c->out.fd = -1;
	for (uint32_t i = 0; i < c->n; i++) {
		struct object *o = objlog_object(l, s->first + i);

		if (i % SWITCH_SLICE == SWITCH_SLICE - 1) {
			pthread_rwlock_unlock(&l->lock);
			pthread_rwlock_wrlock(&l->lock);
		}
		left_out += o->pos != 0 && c->places[i] == 0 ? o->len : 0u;
		dead += o->entries == NONE && c->places[i] != 0 ? o->len : 0u;
		o->pos = c->places[i] == 0 ? 0 : (uint64_t)file << 32 | c->places[i];
	}
	l->bytes -= s->size - c->out.flushed;
	l->dead -= left_out;
	s->chain = objlog_segment_chain(s);
	s->dead = dead;
	s->side = side;
	s->size = (uint32_t)c->out.flushed;
	c->waiting = c->number;
	c->waiting_for = l->epoch++;
	pthread_rwlock_unlock(&l->lock);
}

static void close_old(struct objlog *l, struct compaction *c)
{
	struct segment *s = &l->segments[c->waiting == 0 ? 0 : c->waiting - 1];

	if (c->waiting == 0 || atomic_load(&l->readers[c->waiting_for & 1]) > 0)
		return;
	file_closep(&s->fd[s->side ^ 1]);
	c->waiting = 0;
}

static enum rc work(struct objlog *l, struct compaction *c, struct err *err)
{
	uint64_t end = c->fs.at + l->segment_bytes / STEPS;

	while (c->fs.at < c->fs.size && c->fs.at < end)
		TRY(copy_frame(c, err));
	TRY(objlog_flush(&c->out, err));
	TRY(file_sync_data(c->out.fd, err));
	if (c->fs.at < c->fs.size)
		return RC_OK;
	if (c->next != c->n)
		return FAIL(err, RC_CORRUPT, "objects-%06u.log: fewer objects than the next segment says", c->number);
	TRY(complete(l, c, err));
	switch_over(l, c);
	stop(l, c);
	/* Where this fails the old file may come back after a power cut, and holds the same. */
	return file_sync_dir(l->dir, err);
}

static enum rc get_compaction(struct objlog *l, struct err *err)
{
	if (l->compaction != NULL)
		return RC_OK;
	l->compaction = mem_alloc(sizeof *l->compaction);
	if (l->compaction == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory to write a segment anew");
	return RC_OK;
}

enum rc objlog_compact(struct objlog *l, bool *ret_more, struct err *err)
{
	struct compaction *c;
	uint32_t number;
	enum rc rc;

	*ret_more = false;
	if (l->read_only || l->broken || l->tx != TX_NONE)
		return RC_OK;
	number = choose(l);
	if (number == 0 && l->compaction == NULL)
		return RC_OK;
	TRY(get_compaction(l, err));
	c = l->compaction;
	close_old(l, c);
	/* One old file at a time waits for its readers. */
	if (c->number == 0 && (number == 0 || c->waiting != 0 || time_mono() < c->not_before))
		return RC_OK;
	rc = c->number == 0 ? start(l, c, number, err) : RC_OK;
	if (rc == RC_OK)
		rc = work(l, c, err);
	if (rc != RC_OK) {
		stop(l, c);
		c->not_before = time_mono() + AGAIN_AFTER;
		return rc;
	}
	*ret_more = c->number != 0 || choose(l) != 0;
	return RC_OK;
}
