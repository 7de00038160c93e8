/* Writing: the block, its sync, then its entry in the .idx without one. A crash
 * leaves at most one block in part and entries missing in the .idx: both are
 * seen at opening and mended, the one by cutting, the other from the blocks.
 *
 * Reading beside a writer: what the .idx names is whole in the .seg, because it
 * was written later; blocks behind that are looked for in the .seg itself. The
 * .idx is mapped and therefore never made shorter: a bad one is replaced by a new
 * file. The .seg is made shorter only where no sound block lies, and read by pread.
 *
 * Hostile: both files' bytes, as a disk may return anything. Nothing is used
 * that its checksum does not cover. */
#include "detect/history_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rd.h"
#include "sys/file.h"

#define ENTRY_HEAD 8 /* the offset */
#define SEEK_STEP ((size_t)1 << 20)

void segment_path(const char *dir, uint64_t number, const char *suffix, char out[static SEGMENT_NAME_MAX])
{
	snprintf(out, SEGMENT_NAME_MAX, "%.4096s/%012llu.%.16s", dir, (unsigned long long)number, suffix);
}

static enum rc read_at(int fd, uint64_t at, size_t n, struct buf *out, struct err *err)
{
	buf_clear(out);
	while (out->n < n) {
		char *room = buf_room(out, n - out->n);
		ssize_t got;

		if (room == NULL)
			return buf_check(out, err, "history");
		got = FAULT("history.read") ? -1 : pread(fd, room, n - out->n, (off_t)(at + out->n));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return FAIL(err, RC_IO, "history: read: %m");
		if (got == 0)
			return FAIL(err, RC_NOTFOUND, "history: the file ends");
		buf_grew(out, (size_t)got);
	}
	return RC_OK;
}

static enum rc size_of(int fd, uint64_t *ret, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return FAIL(err, RC_IO, "history: %m");
	*ret = (uint64_t)st.st_size;
	return RC_OK;
}

/* --- blocks known --- */

static enum rc room_for_one(struct segment *s, struct err *err)
{
	size_t wider = s->room == 0 ? 64 : s->room * 2;
	struct history_block *blocks;
	char **owned;

	if (s->n < s->room)
		return RC_OK;
	if (wider > HISTORY_BLOCKS_MAX)
		return FAIL(err, RC_LIMIT, "history: more blocks than a segment may hold");
	blocks = mem_resize(s->blocks, wider * sizeof *blocks);
	if (blocks == NULL)
		return FAIL(err, RC_NOMEM, "history: out of memory");
	s->blocks = blocks;
	owned = mem_resize(s->owned, wider * sizeof *owned);
	if (owned == NULL)
		return FAIL(err, RC_NOMEM, "history: out of memory");
	s->owned = owned;
	s->room = wider;
	return RC_OK;
}

/* `index` in the map, or with `copy` anywhere. RC_CORRUPT, RC_NOTFOUND (cut): not taken. */
static enum rc take_entry(struct segment *s, uint64_t at, struct str index, bool copy, struct err *err)
{
	struct history_block *b;
	char *own = NULL;

	TRY(room_for_one(s, err));
	b = &s->blocks[s->n];
	*b = (struct history_block){ .segment = s->number, .at = at };
	TRY(block_index_read(index, &b->head, &b->filter, err));
	index.n = block_index_n(&b->head);
	if (copy) {
		own = mem_alloc(index.n);
		if (own == NULL)
			return FAIL(err, RC_NOMEM, "history: out of memory");
		memcpy(own, index.p, index.n);
		index.p = own;
		TRY(block_index_read(index, &b->head, &b->filter, err));
	}
	b->index = index;
	s->owned[s->n++] = own;
	if (b->head.sealed > s->sealed)
		s->sealed = b->head.sealed;
	return RC_OK;
}

static uint64_t end_of(const struct history_block *b)
{
	return b->at + block_n(&b->head);
}

static void drop_latest(struct segment *s)
{
	mem_free(s->owned[--s->n]);
}

/* --- the .idx --- */

/* Entries of `bytes`, which begin at s->idx_n of the .idx. Stops before one that is cut or damaged. */
static enum rc take_entries(struct segment *s, struct str bytes, bool copy, uint64_t seg_size, struct err *err)
{
	while (bytes.n > ENTRY_HEAD) {
		struct rd r;
		uint64_t at;
		enum rc rc;

		rd_init(&r, bytes);
		at = rd_le64(&r);
		rc = at < s->seg_n ? RC_CORRUPT : take_entry(s, at, str_slice(bytes, ENTRY_HEAD, bytes.n), copy, err);
		if (rc == RC_CORRUPT || rc == RC_NOTFOUND)
			return RC_OK;
		TRY(rc);
		if (end_of(&s->blocks[s->n - 1]) > seg_size) { /* without sync the .idx may have reached the disk first */
			drop_latest(s);
			return RC_OK;
		}
		s->skipped += at - s->seg_n;
		s->seg_n = end_of(&s->blocks[s->n - 1]);
		s->idx_n += ENTRY_HEAD + s->blocks[s->n - 1].index.n;
		bytes = str_slice(bytes, ENTRY_HEAD + s->blocks[s->n - 1].index.n, bytes.n);
	}
	return RC_OK;
}

static enum rc map_index(struct segment *s, const char *path, uint64_t seg_size, bool *ret_whole, struct err *err)
{
	CLEANUP(file_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t size = 0;

	*ret_whole = false;
	if (fd < 0)
		return errno == ENOENT ? RC_OK : FAIL(err, RC_IO, "%s: %m", path);
	TRY(size_of(fd, &size, err));
	*ret_whole = size == 0;
	if (size == 0)
		return RC_OK;
	s->map = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		return FAIL(err, RC_NOMEM, "%s: map: %m", path);
	}
	s->map_n = size;
	TRY(take_entries(s, str_make(s->map, s->map_n), false, seg_size, err));
	*ret_whole = s->idx_n == size;
	return RC_OK;
}

static void put_entry(const struct history_block *b, struct buf *out)
{
	buf_le64(out, b->at);
	buf_str(out, b->index);
}

static enum rc write_index_anew(struct segment *s, const char *path, struct err *err)
{
	size_t most = 1;
	struct buf all;
	enum rc rc;

	for (size_t i = 0; i < s->n; i++)
		most += ENTRY_HEAD + s->blocks[i].index.n;
	buf_init(&all, most);
	for (size_t i = 0; i < s->n; i++)
		put_entry(&s->blocks[i], &all);
	rc = buf_check(&all, err, "history");
	if (rc == RC_OK)
		rc = file_replace(path, buf_view(&all), 0640, err);
	if (rc == RC_OK)
		s->idx_n = all.n;
	buf_done(&all);
	return rc;
}

/* --- the .seg --- */

/* The block at `at`, if a sound one is there; `whole`: its lines are verified too. RC_NOTFOUND, RC_CORRUPT: none. */
static enum rc take_block(struct segment *s, uint64_t at, uint64_t seg_size, bool whole, struct err *err)
{
	struct block_head h = { 0 };
	struct buf bytes;
	enum rc rc;

	buf_init(&bytes, BLOCK_BYTES_MAX);
	rc = read_at(s->seg, at, BLOCK_HEAD, &bytes, err);
	if (rc == RC_OK)
		rc = block_head_read(buf_view(&bytes), &h, err);
	if (rc == RC_OK && at + block_n(&h) > seg_size)
		rc = RC_NOTFOUND;
	if (rc == RC_OK)
		rc = read_at(s->seg, at, whole ? block_n(&h) : block_index_n(&h), &bytes, err);
	if (rc == RC_OK && whole && hash_stable(str_slice(buf_view(&bytes), BLOCK_HEAD, bytes.n)) != h.id)
		rc = RC_CORRUPT;
	if (rc == RC_OK)
		rc = take_entry(s, at, buf_view(&bytes), true, err);
	buf_done(&bytes);
	return rc;
}

/* Where the next block may begin, behind something that is none; `seg_size` when nowhere. */
static enum rc seek_block(const struct segment *s, uint64_t from, uint64_t seg_size, uint64_t *ret, struct err *err)
{
	struct buf b;
	enum rc rc = RC_OK;

	buf_init(&b, SEEK_STEP + 3);
	*ret = seg_size;
	while (rc == RC_OK && from + 4 <= seg_size && *ret == seg_size) {
		size_t n = seg_size - from < SEEK_STEP ? (size_t)(seg_size - from) : SEEK_STEP, found;

		rc = read_at(s->seg, from, n, &b, err);
		found = rc == RC_OK ? str_find(buf_view(&b), S("LFB1"), 0) : SIZE_MAX;
		if (found != SIZE_MAX)
			*ret = from + found;
		from += n < SEEK_STEP ? n : SEEK_STEP - 3;
	}
	buf_done(&b);
	return rc;
}

/* Blocks behind s->seg_n. What is no block counts as skipped when one follows, else it is left as the end. */
static enum rc scan(struct segment *s, uint64_t seg_size, bool whole, bool seek, struct err *err)
{
	uint64_t at = s->seg_n;

	while (at < seg_size) {
		enum rc rc = take_block(s, at, seg_size, whole, err);

		if (rc == RC_OK) {
			s->skipped += at - s->seg_n;
			s->seg_n = at = end_of(&s->blocks[s->n - 1]);
			continue;
		}
		if (rc != RC_CORRUPT && rc != RC_NOTFOUND)
			return rc;
		if (!seek)
			return RC_OK;
		TRY(seek_block(s, at + 1, seg_size, &at, err));
	}
	return RC_OK;
}

/* A crash without sync may have left entries of blocks whose bytes never came: those at the end go. */
static enum rc verify_latest(struct segment *s, bool *ret_dropped, struct err *err)
{
	struct buf b;
	enum rc rc = RC_OK;

	buf_init(&b, BLOCK_BYTES_MAX);
	*ret_dropped = false;
	while (s->n > 0 && rc == RC_OK) {
		const struct history_block *last = &s->blocks[s->n - 1];

		rc = read_at(s->seg, last->at, block_n(&last->head), &b, err);
		if (rc == RC_OK && hash_stable(str_slice(buf_view(&b), BLOCK_HEAD, b.n)) == last->head.id)
			break;
		if (rc == RC_OK || rc == RC_NOTFOUND) {
			s->seg_n = last->at;
			drop_latest(s);
			*ret_dropped = true;
			rc = RC_OK;
		}
	}
	buf_done(&b);
	return rc;
}

/* --- opening --- */

static enum rc mend(struct segment *s, const char *idx_path, uint64_t seg_size, bool index_whole, uint64_t *ret_torn, struct err *err)
{
	size_t known;
	bool dropped;

	TRY(verify_latest(s, &dropped, err));
	known = s->n;
	TRY(scan(s, seg_size, true, true, err));
	*ret_torn = seg_size - s->seg_n;
	if (*ret_torn > 0 && (FAULT("history.cut") || ftruncate(s->seg, (off_t)s->seg_n) != 0))
		return FAIL(err, RC_IO, "history: cutting a torn end: %m");
	if (!index_whole || dropped || s->n > known)
		TRY(write_index_anew(s, idx_path, err));
	s->idx = open(idx_path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_CREAT, 0640);
	return s->idx < 0 ? FAIL(err, RC_IO, "%s: %m", idx_path) : RC_OK;
}

static enum rc open_files(struct segment *s, const char *dir, bool create, bool write, bool last, uint64_t *ret_torn, struct err *err)
{
	int flags = (last && write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0);
	char seg[SEGMENT_NAME_MAX], idx[SEGMENT_NAME_MAX];
	bool index_whole = false;
	uint64_t size = 0;

	segment_path(dir, s->number, "seg", seg);
	segment_path(dir, s->number, "idx", idx);
	s->seg = FAULT("history.open") ? -1 : open(seg, flags, 0640);
	if (s->seg < 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : errno == ENOSPC ? RC_FULL : RC_IO, "%s: %m", seg);
	if (create)
		TRY(file_sync_dir(dir, err));
	TRY(size_of(s->seg, &size, err));
	TRY(map_index(s, idx, size, &index_whole, err));
	if (last && write)
		return mend(s, idx, size, index_whole, ret_torn, err);
	TRY(scan(s, size, false, !last, err));
	if (!last)
		s->skipped += size - s->seg_n;
	return RC_OK;
}

enum rc segment_open(const char *dir, uint64_t number, bool create, bool write, bool last, struct segment **ret, uint64_t *ret_torn,
		     struct err *err)
{
	struct segment *s = mem_alloc(sizeof *s);
	enum rc rc;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "history: out of memory");
	*s = (struct segment){ .number = number, .seg = -1, .idx = -1 };
	*ret_torn = 0;
	rc = open_files(s, dir, create, write, last, ret_torn, err);
	if (rc == RC_OK)
		*ret = s;
	else
		segment_close(s);
	return rc;
}

void segment_close(struct segment *s)
{
	if (s == NULL)
		return;
	while (s->n > 0)
		drop_latest(s);
	mem_free(s->blocks);
	mem_free(s->owned);
	if (s->map != NULL)
		munmap(s->map, s->map_n);
	file_closep(&s->seg);
	file_closep(&s->idx);
	mem_free(s);
}

enum rc segment_refresh(struct segment *s, struct err *err)
{
	uint64_t size = 0;

	TRY(size_of(s->seg, &size, err));
	return scan(s, size, false, false, err);
}

/* --- appending --- */

static enum rc write_block(struct segment *s, struct str block, bool sync, struct err *err)
{
	enum rc rc = file_write_at(s->seg, s->seg_n, block, err);

	if (rc == RC_OK && sync) {
		TRY(file_sync_data(s->seg, err));
		return RC_OK;
	}
	if (rc != RC_OK && ftruncate(s->seg, (off_t)s->seg_n) != 0)
		return FAIL(err, RC_IO, "history: cutting a block that did not fit: %m");
	return rc;
}

enum rc segment_append(struct segment *s, struct str block, bool sync, struct err *err)
{
	const struct history_block *b;
	struct buf entry;
	enum rc rc;

	TRY(take_entry(s, s->seg_n, block, true, err));
	rc = write_block(s, block, sync, err);
	if (rc != RC_OK) {
		drop_latest(s);
		return rc;
	}
	b = &s->blocks[s->n - 1];
	s->seg_n += block.n;
	buf_init(&entry, ENTRY_HEAD + b->index.n);
	put_entry(b, &entry);
	/* The block is there; an entry that cannot be written is made again at the next opening, and until then found in the .seg. */
	if (entry.bad == RC_OK && s->idx >= 0 && file_write_at(s->idx, s->idx_n, buf_view(&entry), NULL) == RC_OK)
		s->idx_n += entry.n;
	else
		file_closep(&s->idx);
	buf_done(&entry);
	return RC_OK;
}
