/* Start: the log is read once from its beginning and the index made from it.
 * Only heads and records are read, bodies are stepped over; a million objects
 * take about a second.
 *
 * What a crash can leave behind is an unfinished transaction at the end of the
 * last segment. Each frame says up to where the file was synced when it was
 * written, so a damaged frame that a later one proves to have been on disk is
 * corruption and named; one that nothing proves is an unfinished tail and cut.
 * Bodies are checked where nothing proves them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "store/objlog_int.h"
#include "sys/file.h"

#define WINDOW ((size_t)64 << 10)
#define PATH_BYTES 4096

void objlog_frames_init(struct frames *fs, const struct objlog *l, uint32_t segment, uint64_t size, uint64_t at)
{
	*fs = (struct frames){ .l = l, .segment = segment, .file = objlog_segment_file(l, segment), .size = size, .at = at };
	buf_init(&fs->window, FRAME_HEAD + (size_t)FRAME_META_MAX + WINDOW);
}

void objlog_frames_done(struct frames *fs)
{
	buf_done(&fs->window);
}

/* Bytes [at, at + n) of the segment, which must be there. */
static enum rc look(struct frames *fs, uint64_t at, size_t n, struct str *ret, struct err *err)
{
	if (at < fs->window_at || at + n > fs->window_at + fs->window.n) {
		size_t want = n > WINDOW ? n : WINDOW;
		char *room;

		if (want > fs->size - at)
			want = (size_t)(fs->size - at);
		buf_clear(&fs->window);
		room = buf_room(&fs->window, want);
		if (room == NULL)
			return buf_check(&fs->window, err, "object log");
		TRY(objlog_read(fs->l, (uint64_t)fs->file << 32 | at, room, want, err));
		buf_grew(&fs->window, want);
		fs->window_at = at;
	}
	*ret = str_make(fs->window.p + (at - fs->window_at), n);
	return RC_OK;
}

enum rc objlog_frames_next(struct frames *fs, struct frame *ret, struct str *ret_meta, bool *ret_good, struct err *err)
{
	struct str whole;

	*ret_good = false;
	if (fs->at + FRAME_HEAD > fs->size)
		return RC_OK;
	TRY(look(fs, fs->at, FRAME_HEAD, &whole, err));
	if (!objlog_frame_head_read(whole, fs->segment, (uint32_t)fs->at, ret) || objlog_frame_size(ret) > fs->size - fs->at)
		return RC_OK;
	TRY(look(fs, fs->at, FRAME_HEAD + ret->meta, &whole, err));
	*ret_meta = str_slice(whole, FRAME_HEAD, whole.n);
	*ret_good = objlog_frame_good(str_slice(whole, 0, FRAME_HEAD), *ret_meta);
	return RC_OK;
}

static enum rc body_check(const struct objlog *l, uint64_t pos, const struct record *r, bool first, struct buf *scratch,
			  bool *ret_good, struct err *err)
{
	size_t lead = first ? 0 : 1, n = r->o.len + lead;
	char *room;

	buf_clear(scratch);
	room = buf_room(scratch, n);
	if (room == NULL)
		return buf_check(scratch, err, "object log");
	TRY(objlog_read(l, pos - lead, room, n, err));
	*ret_good = hash_stable(str_make(room + lead, r->o.len)) == r->body_hash && (first || room[0] == ',');
	return RC_OK;
}

enum rc objlog_bodies_check(const struct frames *fs, const struct frame *f, struct str meta, struct buf *scratch,
			    uint64_t *ret_bad_at, struct err *err)
{
	uint64_t begin = (uint64_t)f->offset + FRAME_HEAD + f->meta, at = begin, end = begin + f->body;
	struct rd rd;

	*ret_bad_at = 0;
	rd_init(&rd, meta);
	for (uint32_t i = 0; i < f->count; i++) {
		struct record r;
		bool good = true;
		enum rc rc = objlog_record_read(&rd, f->collection, &r, err);

		mem_free(r.odd);
		if (rc != RC_OK)
			return rc;
		if (r.kind != REC_STORE)
			continue;
		at += at == begin ? 0 : 1;
		if (at + r.o.len > end)
			good = false;
		else
			TRY(body_check(fs->l, (uint64_t)fs->file << 32 | at, &r, at == begin, scratch, &good, err));
		if (!good) {
			*ret_bad_at = at;
			return RC_OK;
		}
		at += r.o.len;
	}
	return RC_OK;
}

static enum rc damaged(const struct frames *fs, struct err *err)
{
	return FAIL(err, RC_CORRUPT, "objects-%06u.log: the frame at %llu is damaged", fs->segment, (unsigned long long)fs->at);
}

/* Is there a sound frame behind the damaged one at `bad` that was written after `bad` was synced? */
static enum rc proven_later(struct frames *fs, uint64_t bad, bool *ret, struct err *err)
{
	struct frame f;
	struct str meta;
	bool good;

	*ret = false;
	for (fs->at = bad + 8; fs->at + FRAME_HEAD <= fs->size; fs->at += 8) {
		TRY(objlog_frames_next(fs, &f, &meta, &good, err));
		if (good && f.synced > bad) {
			*ret = true;
			break;
		}
	}
	fs->at = bad;
	return RC_OK;
}

/* Where the sound part of the last segment ends. */
static enum rc find_end(struct frames *fs, uint64_t *ret, struct err *err)
{
	uint64_t proven = SEGMENT_HEAD, end, bad_at;
	CLEANUP(buf_done) struct buf scratch;
	struct frame f;
	struct str meta;
	bool good = true, proof;

	buf_init(&scratch, OBJECT_BODY_MAX + 1);
	for (fs->at = SEGMENT_HEAD; fs->at < fs->size; fs->at += objlog_frame_size(&f)) {
		TRY(objlog_frames_next(fs, &f, &meta, &good, err));
		if (!good)
			break;
		proven = f.synced > proven ? f.synced : proven;
	}
	end = fs->at;
	if (!good) {
		TRY(proven_later(fs, end, &proof, err));
		if (proof)
			return damaged(fs, err);
	}
	for (fs->at = proven; fs->at < end; fs->at += objlog_frame_size(&f)) {
		TRY(objlog_frames_next(fs, &f, &meta, &good, err));
		/* `proven` is a place between frames: the writer took it from the end of its own. */
		if (!good)
			return damaged(fs, err);
		TRY(objlog_bodies_check(fs, &f, meta, &scratch, &bad_at, err));
		if (bad_at != 0)
			break;
	}
	*ret = fs->at;
	return RC_OK;
}

static enum rc replay_type(struct objlog *l, const struct record *r, struct err *err)
{
	struct type_name *t = &l->types[r->number];

	if (t->p != NULL || objlog_type_find(l, r->body) != NONE)
		return FAIL(err, RC_CORRUPT, "object type %u is named twice", r->number);
	t->p = mem_alloc(r->body.n + 1);
	if (t->p == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for a type name");
	memcpy(t->p, r->body.p, r->body.n);
	t->n = (uint8_t)r->body.n;
	t->state = TYPE_LOGGED;
	l->n_types = r->number >= l->n_types ? r->number + 1 : l->n_types;
	return RC_OK;
}

/* Does what the record says fit what the log said before? */
static enum rc check_store(struct objlog *l, struct record *r, struct err *err)
{
	struct object *o = &r->o;
	uint32_t newest, known;

	if (l->types[r->number].p == NULL)
		return FAIL(err, RC_CORRUPT, "object type %u has no name", r->number);
	if (r->added0 <= l->colls[0]->last || (r->coll != 0 && r->added <= l->colls[r->coll]->last))
		return FAIL(err, RC_CORRUPT, "date_added goes back");
	r->id_hash = objlog_id_hash(o->type, o->uuid);
	newest = objlog_find(l, r->id_hash, o->type, o->uuid);
	known = objlog_version_find(l, newest, o, r->odd);
	/* Too deep now need not have been so when it came: others of its transaction are here already. */
	if (known != NONE && known != TOO_DEEP)
		return FAIL(err, RC_CORRUPT, "the same version is stored twice");
	objlog_print(l, o, r->odd, r->print);
	return RC_OK;
}

static enum rc check_other(struct objlog *l, struct record *r, struct err *err)
{
	const struct object *o;
	bool here;

	if (r->number >= l->n_objects || objlog_object(l, r->number)->entries == NONE)
		return FAIL(err, RC_CORRUPT, "there is no object %u", r->number);
	o = objlog_object(l, r->number);
	here = objlog_entry_of(l, r->number, r->coll) != NONE;
	if (r->kind == REC_LINK && (here || r->added <= l->colls[r->coll]->last))
		return FAIL(err, RC_CORRUPT, "object %u cannot be linked here", r->number);
	if (r->kind == REC_REMOVE && !here)
		return FAIL(err, RC_CORRUPT, "object %u is not here to be removed", r->number);
	r->o = *o;
	if (r->kind != REC_CLAIM)
		objlog_print(l, o, o->odd ? objlog_odd(l, r->number) : NULL, r->print);
	return RC_OK;
}

static enum rc replay_record(struct objlog *l, struct record *r, const struct staged_batch *b, struct err *err)
{
	if (r->kind == REC_TYPE)
		return replay_type(l, r, err);
	if (r->kind == REC_CLOSE)
		return RC_OK;
	TRY(r->kind == REC_STORE ? check_store(l, r, err) : check_other(l, r, err));
	TRY(objlog_reserve(l, r, err));
	objlog_apply(l, r, b);
	return RC_OK;
}

static enum rc replay_frame(struct objlog *l, const struct frame *f, struct str meta, struct err *err)
{
	struct staged_batch b = { .source = f->source, .received = f->received };
	uint64_t begin = (uint64_t)f->offset + FRAME_HEAD + f->meta, at = begin;
	struct rd rd;

	TRY(objlog_coll_add(l, f->collection, &b.coll, err));
	rd_init(&rd, meta);
	l->clean = false;
	for (uint32_t i = 0; i < f->count; i++) {
		struct record r;
		enum rc rc = objlog_record_read(&rd, f->collection, &r, err);

		r.coll = b.coll;
		if (r.kind == REC_STORE) {
			at += at == begin ? 0 : 1;
			r.o.pos = (uint64_t)f->segment << 32 | at;
			at += r.o.len;
		}
		l->clean = r.kind == REC_CLOSE;
		if (r.kind == REC_EMPTIED) {
			r.kind = REC_STORE;
			l->emptied++;
		}
		if (rc == RC_OK)
			rc = replay_record(l, &r, &b, err);
		mem_free(r.odd);
		TRY(rc);
	}
	if (rd_left(&rd) > 0 || at - begin != f->body)
		return FAIL(err, RC_CORRUPT, "the frame's records and bodies do not add up");
	return RC_OK;
}

static enum rc replay_segment(struct frames *fs, struct objlog *l, struct err *err)
{
	for (fs->at = SEGMENT_HEAD; fs->at < fs->size;) {
		struct frame f;
		struct str meta;
		bool good;
		enum rc rc;

		TRY(objlog_frames_next(fs, &f, &meta, &good, err));
		if (!good)
			return damaged(fs, err);
		rc = replay_frame(l, &f, meta, err);
		if (rc != RC_OK) {
			err_prefix(err, "objects-%06u.log: the frame at %llu", fs->segment, (unsigned long long)fs->at);
			return rc;
		}
		fs->at += objlog_frame_size(&f);
	}
	return RC_OK;
}

enum rc objlog_segment_head_of(const struct objlog *l, uint32_t file, struct segment_head *ret, struct err *err)
{
	char bytes[SEGMENT_HEAD];
	enum rc rc;

	TRY(objlog_read(l, (uint64_t)file << 32, bytes, sizeof bytes, err));
	rc = objlog_segment_head_read(str_make(bytes, sizeof bytes), ret, err);
	if (rc != RC_OK)
		err_prefix(err, "objects-%06u.log", file & ((1u << FILE_SIDE) - 1));
	return rc;
}

static enum rc head_check(struct objlog *l, uint32_t number, uint64_t size, struct err *err)
{
	struct segment_head h;

	TRY(objlog_segment_head_of(l, number, &h, err));
	if (number == 1)
		memcpy(l->store_id, h.store_id, sizeof l->store_id);
	if (h.number != number || memcmp(h.store_id, l->store_id, sizeof l->store_id) != 0)
		return FAIL(err, RC_CORRUPT, "objects-%06u.log: belongs to another log", number);
	if (h.objects_before != l->n_objects || (number > 1 && h.previous_size != objlog_segment_chain(&l->segments[number - 2])))
		return FAIL(err, RC_CORRUPT, "objects-%06u.log: does not follow the segment before it", number);
	if (size < h.size)
		return FAIL(err, RC_CORRUPT, "objects-%06u.log: shorter than its head says", number);
	l->segments[number - 1].chain = h.chain;
	l->segments[number - 1].first = l->n_objects;
	return RC_OK;
}

static enum rc cut_tail(struct objlog *l, struct frames *fs, uint64_t end, struct err *err)
{
	int fd = l->segments[fs->segment - 1].fd[0];

	l->cut += fs->size - end;
	fs->size = end;
	if (l->read_only)
		return RC_OK;
	if (l->cut > 0 && ftruncate(fd, (off_t)end) != 0)
		return FAIL(err, RC_IO, "objects-%06u.log: cutting the unfinished tail: %m", fs->segment);
	/* Written by a process that was killed before its sync, perhaps: from here on it counts as synced. */
	return file_sync_data(fd, err);
}

static enum rc segment_load(struct objlog *l, uint32_t number, bool last, uint64_t size, struct err *err)
{
	struct frames fs;
	uint64_t end;
	enum rc rc;

	TRY(head_check(l, number, size, err));
	objlog_frames_init(&fs, l, number, size, SEGMENT_HEAD);
	rc = last ? find_end(&fs, &end, err) : RC_OK;
	if (rc == RC_OK && last)
		rc = cut_tail(l, &fs, end, err);
	if (rc == RC_OK)
		rc = replay_segment(&fs, l, err);
	l->segments[number - 1].size = l->synced = (uint32_t)fs.size;
	l->bytes += fs.size;
	objlog_frames_done(&fs);
	return rc;
}

static enum rc segment_open(struct objlog *l, uint32_t number, uint64_t *ret_size, struct err *err)
{
	char path[PATH_BYTES];
	struct stat st;
	int fd;

	TRY(objlog_segment_path(l, number, path, sizeof path, err));
	fd = open(path, (l->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return FAIL(err, errno == ENOENT ? RC_CORRUPT : RC_IO, "%s: %m", path);
	l->segments[number - 1] = (struct segment){ .fd = { fd, -1 } };
	l->n_segments = number;
	if (fstat(fd, &st) != 0)
		return FAIL(err, RC_IO, "%s: %m", path);
	if (st.st_size > UINT32_MAX)
		return FAIL(err, RC_CORRUPT, "%s: longer than a segment can be", path);
	*ret_size = (uint64_t)st.st_size;
	return RC_OK;
}

/* The highest number of a segment file, 0 for none. What a killed process was writing anew is thrown away. */
static enum rc count_segments(const struct objlog *l, uint32_t *ret, struct err *err)
{
	DIR *d = opendir(l->dir);
	struct dirent *e;

	*ret = 0;
	if (d == NULL)
		return errno == ENOENT ? RC_OK : FAIL(err, RC_IO, "%s: %m", l->dir);
	while ((e = readdir(d)) != NULL) {
		struct str name = str_of(e->d_name);
		uint64_t n;

		if (name.n == 18 && str_starts(name, S("objects-")) && str_ends(name, S(".log")) &&
		    str_to_u64(str_slice(name, 8, 14), &n) && n <= SEGMENTS_MAX && n > *ret)
			*ret = (uint32_t)n;
		if (!l->read_only && str_starts(name, S("objects-")) && str_ends(name, S(".new")))
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	return RC_OK;
}

/* A crash while a segment was being made leaves one without a sound head and with nothing behind it. */
static bool unborn(const struct objlog *l, uint32_t number, uint64_t size)
{
	struct segment_head h;

	return size < SEGMENT_HEAD || (size == SEGMENT_HEAD && objlog_segment_head_of(l, number, &h, NULL) == RC_CORRUPT);
}

static enum rc drop_unborn(struct objlog *l, uint32_t number, struct err *err)
{
	char path[PATH_BYTES];

	l->n_segments = number - 1;
	file_closep(&l->segments[number - 1].fd[0]);
	if (l->read_only)
		return RC_OK;
	TRY(objlog_segment_path(l, number, path, sizeof path, err));
	if (unlink(path) != 0)
		return FAIL(err, RC_IO, "%s: %m", path);
	return RC_OK;
}

enum rc objlog_scan(struct objlog *l, struct err *err)
{
	uint32_t count, unused;
	uint64_t size;

	TRY(objlog_coll_add(l, 0, &unused, err));
	TRY(count_segments(l, &count, err));
	for (uint32_t number = 1; number <= count; number++) {
		TRY(segment_open(l, number, &size, err));
		if (number == count && unborn(l, number, size)) {
			TRY(drop_unborn(l, number, err));
			break;
		}
		TRY(segment_load(l, number, number == count, size, err));
	}
	if (l->n_segments == 0)
		return FAIL(err, RC_NOTFOUND, "%s: no object log here", l->dir);
	/* Who only reads may have come between the two: the removal and the file that relies on it. */
	if (l->emptied > 0)
		return FAIL(err, l->read_only ? RC_BUSY : RC_CORRUPT, "%s: the removal of %u objects whose bodies are gone is missing",
			    l->dir, l->emptied);
	return RC_OK;
}
