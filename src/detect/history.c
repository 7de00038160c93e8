/* The folder: segments by their numbers, and PLACES, in which at the beginning of
 * each segment the places of all inputs are kept, so that they outlive the
 * segments that stated them. Order at a new segment: places, then the segment,
 * then perhaps removals; PLACES names the first segment it does not cover, and a
 * writer that finds it newer than the last segment goes on with a new one. */
#include "detect/history_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "detect/block_int.h"
#include "detect/journal.h"
#include "sys/file.h"

#define PLACES_MAGIC 0x3150464cu /* "LFP1" */
#define PLACES_MAX 65536         /* inputs, of all time */
#define PLACES_BYTES ((size_t)64 << 20)
#define LATEST 256               /* blocks that are asked whether they hold the journal's events */
#define TAIL_TRIES 4             /* a writer that seals faster than we read leaves the newest unseen */
#define AGE_PARTS 16             /* a segment spans at most this part of the age at which it is removed */

struct place {
	uint16_t n;
	char text[BLOCK_PLACE_MAX];
};

/* What a journal holds, sealed here. */
struct tail {
	struct buf bytes;
	struct journal_life life;
	uint64_t end;
	struct history_block block;
};

struct history {
	struct history_opts opts;
	char dir[4096];
	int lock;
	bool broken;             /* a sync failed */
	struct segment **segments;
	size_t n, room;
	struct map *by_source;   /* writer: places by the input's name */
	struct place *places;
	size_t n_places, places_room;
	/* writer: of the events that are not sealed yet, once some were kept; those of the one that is not `open` are being sealed */
	struct journal *journal[JOURNALS];
	_Atomic unsigned open;
	_Atomic uint64_t sealing; /* their mark, until they are in a block; 0: there are none */
	uint32_t lives;
	struct tail tail[JOURNALS]; /* reader: the journals' events as blocks, the older ones first */
	size_t n_tails;
	uint64_t torn, expired_segments, expired_events, expired_bytes;
};

/* --- places --- */

static enum rc put_place(struct history *h, struct str source, struct str place, struct err *err)
{
	uint64_t at;

	if (!map_get(h->by_source, source, &at)) {
		if (h->n_places == h->places_room) {
			size_t wider = h->places_room == 0 ? 16 : h->places_room * 2;
			struct place *p = mem_resize(h->places, wider * sizeof *p);

			if (p == NULL)
				return FAIL(err, RC_NOMEM, "history: out of memory");
			h->places = p;
			h->places_room = wider;
		}
		at = h->n_places;
		TRY(map_put(h->by_source, source, at) == RC_OK ? RC_OK : FAIL(err, RC_LIMIT, "history: too many inputs"));
		h->n_places++;
	}
	h->places[at].n = (uint16_t)place.n;
	memcpy(h->places[at].text, place.p, place.n);
	return RC_OK;
}

static enum rc take_places(struct history *h, const struct history_block *b, struct err *err)
{
	struct str name, place;

	for (uint32_t i = 0; block_source(b->index, i, &name, &place); i++)
		if (place.n > 0)
			TRY(put_place(h, name, place, err));
	return RC_OK;
}

static void places_path(const struct history *h, char out[static SEGMENT_NAME_MAX])
{
	snprintf(out, SEGMENT_NAME_MAX, "%s/places", h->dir);
}

/* All places as they are when segment `number` begins. */
static enum rc save_places(struct history *h, uint64_t number, struct err *err)
{
	char path[SEGMENT_NAME_MAX];
	struct str name;
	uint64_t at;
	size_t it = 0;
	struct buf b;
	enum rc rc;

	buf_init(&b, PLACES_BYTES);
	buf_le32(&b, PLACES_MAGIC);
	buf_le32(&b, (uint32_t)h->n_places);
	buf_le64(&b, number);
	while (map_each(h->by_source, &it, &name, &at)) {
		buf_char(&b, (char)name.n);
		buf_str(&b, name);
		block_put_place_n(&b, h->places[at].n);
		buf_put(&b, h->places[at].text, h->places[at].n);
	}
	buf_le64(&b, hash_stable(buf_view(&b)));
	rc = buf_check(&b, err, "history");
	places_path(h, path);
	if (rc == RC_OK)
		rc = file_replace(path, buf_view(&b), 0640, err);
	buf_done(&b);
	return rc;
}

static enum rc parse_places(struct history *h, struct str bytes, uint64_t *ret_number, struct err *err)
{
	struct rd r, end;
	uint32_t n;

	rd_init(&end, str_slice(bytes, bytes.n < 8 ? 0 : bytes.n - 8, bytes.n));
	rd_init(&r, str_slice(bytes, 0, bytes.n < 8 ? 0 : bytes.n - 8));
	if (hash_stable(str_make(bytes.p, r.n)) != rd_le64(&end) || rd_le32(&r) != PLACES_MAGIC)
		return FAIL(err, RC_CORRUPT, "history: the file of places is damaged; without it, the segments' own places count");
	n = rd_le32(&r);
	*ret_number = rd_le64(&r);
	for (uint32_t i = 0; i < n && !r.bad; i++) {
		struct str name = rd_bytes(&r, rd_u8(&r)), place = rd_bytes(&r, block_place_n(&r));

		if (place.n > BLOCK_PLACE_MAX)
			return FAIL(err, RC_CORRUPT, "history: the file of places holds one of %zu bytes", place.n);
		TRY(put_place(h, name, place, err));
	}
	return r.bad ? FAIL(err, RC_CORRUPT, "history: the file of places is cut") : RC_OK;
}

static enum rc load_places(struct history *h, uint64_t *ret_number, struct err *err)
{
	char path[SEGMENT_NAME_MAX];
	struct buf b;
	enum rc rc;

	*ret_number = 0;
	places_path(h, path);
	rc = file_read(path, PLACES_BYTES, &b, err);
	if (rc == RC_NOTFOUND)
		return RC_OK;
	TRY(rc);
	rc = parse_places(h, buf_view(&b), ret_number, err);
	buf_done(&b);
	return rc;
}

enum rc history_place(struct history *h, struct str source, struct arena *a, struct str *ret, struct err *err)
{
	uint64_t at;

	if (!map_get(h->by_source, source, &at))
		return FAIL(err, RC_NOTFOUND, "history: nothing of the input %.*s", STR(source));
	*ret = arena_dup(a, str_make(h->places[at].text, h->places[at].n));
	return ret->p == NULL ? FAIL(err, RC_NOMEM, "history: out of memory") : RC_OK;
}

/* --- segments --- */

static enum rc add_segment(struct history *h, struct segment *take_s, struct err *err)
{
	if (h->n == h->room) {
		size_t wider = h->room == 0 ? 16 : h->room * 2;
		struct segment **s = wider > HISTORY_SEGMENTS_MAX * 2 ? NULL : mem_resize(h->segments, wider * sizeof(struct segment *));

		if (s == NULL) {
			segment_close(take_s);
			return FAIL(err, RC_NOMEM, "history: out of memory");
		}
		h->segments = s;
		h->room = wider;
	}
	h->segments[h->n++] = take_s;
	return RC_OK;
}

static int order_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Numbers of the .seg files, ascending. */
static enum rc list_segments(const struct history *h, struct buf *ret, struct err *err)
{
	DIR *d = opendir(h->dir);
	struct dirent *e;

	buf_init(ret, (size_t)HISTORY_SEGMENTS_MAX * sizeof(uint64_t));
	if (d == NULL)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %m", h->dir);
	while ((e = readdir(d)) != NULL) {
		struct str name = str_of(e->d_name);
		uint64_t number;

		if (str_ends(name, S(".seg")) && str_to_u64(str_slice(name, 0, name.n - 4), &number))
			buf_put(ret, &number, sizeof number);
	}
	closedir(d);
	TRY(buf_check(ret, err, "history"));
	if (ret->n > 0)
		qsort(ret->p, ret->n / sizeof(uint64_t), sizeof(uint64_t), order_numbers);
	return RC_OK;
}

static uint64_t number_at(const struct buf *list, size_t i)
{
	uint64_t number;

	memcpy(&number, list->p + i * sizeof number, sizeof number);
	return number;
}

/* Opens what stands in the folder and is not open yet. One that a writer removes meanwhile is passed over. */
static enum rc open_new(struct history *h, const struct buf *list, struct err *err)
{
	size_t count = list->n / sizeof(uint64_t);

	for (size_t i = 0; i < count; i++) {
		uint64_t number = number_at(list, i), torn = 0;
		struct segment *s = NULL;
		enum rc rc;

		if (h->n > 0 && number <= h->segments[h->n - 1]->number)
			continue;
		rc = segment_open(h->dir, number, false, h->opts.write, i + 1 == count, &s, &torn, err);
		if (rc == RC_NOTFOUND && !h->opts.write)
			continue;
		TRY(rc);
		h->torn += torn;
		TRY(add_segment(h, s, err));
	}
	return RC_OK;
}

static enum rc new_segment(struct history *h, uint64_t number, struct err *err)
{
	struct segment *s = NULL;
	uint64_t torn;

	TRY(save_places(h, number, err));
	TRY(segment_open(h->dir, number, true, true, true, &s, &torn, err));
	return add_segment(h, s, err);
}

static void remove_oldest(struct history *h)
{
	struct segment *s = h->segments[0];
	char path[SEGMENT_NAME_MAX];

	h->expired_segments++;
	h->expired_bytes += s->seg_n;
	for (size_t i = 0; i < s->n; i++)
		h->expired_events += s->blocks[i].head.events;
	segment_path(h->dir, s->number, "seg", path);
	(void)unlink(path);
	segment_path(h->dir, s->number, "idx", path);
	(void)unlink(path);
	segment_close(s);
	memmove(h->segments, h->segments + 1, --h->n * sizeof(struct segment *));
}

/* --- events that are not sealed yet --- */

/* Whether one of the latest blocks was sealed from the journal of this mark. */
static bool is_sealed(const struct history *h, uint64_t mark)
{
	unsigned looked = 0;

	for (size_t i = h->n; i-- > 0 && looked < LATEST;)
		for (size_t k = h->segments[i]->n; k-- > 0 && looked < LATEST; looked++)
			if (h->segments[i]->blocks[k].head.mark == mark)
				return true;
	return false;
}

static enum rc refill(void *ctx, const struct block_event *e, struct str place, struct err *err)
{
	struct block_maker *m = ctx;

	TRY(block_maker_add(m, e, NULL, err));
	return place.n == 0 ? RC_OK : block_maker_place(m, e->source, place, err);
}

/* What journal `which` holds as a sealed block; empty: nothing, or it is in a block already. */
static enum rc seal_journal(struct history *h, unsigned which, struct tail *t, struct err *err)
{
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	enum rc rc;

	buf_clear(&t->bytes);
	TRY(block_maker_new(&m, err));
	rc = journal_read(h->dir, which, &t->life, &t->end, refill, m, err);
	/* The maker that wrote it had room for all of it; what is damaged ends there. */
	if (rc != RC_BUSY && rc != RC_CORRUPT)
		TRY(rc);
	if (block_maker_events(m) == 0 || is_sealed(h, t->life.mark))
		return RC_OK;
	block_maker_mark(m, t->life.mark);
	block_maker_hurry(m, !h->opts.write); /* a reader only looks at it */
	return block_maker_seal(m, time_now(), 0, &t->bytes, err);
}

static void drop_tails(struct history *h)
{
	for (size_t i = 0; i < JOURNALS; i++)
		buf_done(&h->tail[i].bytes);
	h->n_tails = 0;
}

/* Both journals, the older life first. */
static enum rc seal_journals(struct history *h, struct err *err)
{
	drop_tails(h);
	for (unsigned i = 0; i < JOURNALS; i++) {
		buf_init(&h->tail[i].bytes, BLOCK_BYTES_MAX);
		TRY(seal_journal(h, i, &h->tail[i], err));
	}
	if ((int32_t)(h->tail[0].life.number - h->tail[1].life.number) > 0) {
		struct tail t = h->tail[0];

		h->tail[0] = h->tail[1];
		h->tail[1] = t;
	}
	return RC_OK;
}

/* Is what came before the events of a life known, in a block or whole in the other journal? A crash may leave the newer journal on the
 * disk without all of the older one. */
static bool follows(const struct history *h, const struct tail *t, const struct tail *other)
{
	return t->life.before == 0 || is_sealed(h, t->life.before) || (other->life.mark == t->life.before && other->end >= t->life.before_end);
}

/* Keeps the tails that count. */
static enum rc note_tails(struct history *h, struct err *err)
{
	h->n_tails = 0;
	for (size_t i = 0; i < JOURNALS; i++) {
		struct tail *t = &h->tail[i];

		if (t->bytes.n == 0 || is_sealed(h, t->life.mark) || !follows(h, t, &h->tail[1 - i]))
			continue;
		t->block = (struct history_block){ .index = buf_view(&t->bytes) };
		TRY(block_index_read(t->block.index, &t->block.head, &t->block.filter, err));
		if (h->n_tails != i) { /* only the second counts */
			struct tail first = h->tail[0];

			h->tail[0] = *t;
			h->tail[1] = first;
		}
		h->n_tails++;
	}
	return RC_OK;
}

/* A former life's unsealed events become blocks. */
static enum rc adopt_journals(struct history *h, struct err *err)
{
	enum rc rc = seal_journals(h, err);

	if (rc == RC_OK)
		rc = note_tails(h, err);
	for (size_t i = 0; i < h->n_tails && rc == RC_OK; i++) {
		rc = history_append(h, buf_view(&h->tail[i].bytes), err);
		h->lives = h->tail[i].life.number;
	}
	drop_tails(h);
	if (rc == RC_OK)
		journal_forget(h->dir);
	return rc;
}

/* Segments that are not in the list any more are closed. */
static void close_removed(struct history *h, const struct buf *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		bool there = bsearch(&h->segments[i]->number, list->p, list->n / sizeof(uint64_t), sizeof(uint64_t), order_numbers) != NULL;

		if (there)
			h->segments[kept++] = h->segments[i];
		else
			segment_close(h->segments[i]);
	}
	h->n = kept;
}

static enum rc refresh_segments(struct history *h, struct err *err)
{
	struct buf list;
	enum rc rc = list_segments(h, &list, err);

	if (rc == RC_OK && list.n > 0)
		close_removed(h, &list);
	if (rc == RC_OK && h->n > 0)
		rc = segment_refresh(h->segments[h->n - 1], err);
	if (rc == RC_OK)
		rc = open_new(h, &list, err);
	buf_done(&list);
	return rc;
}

/* The journals first, then the segments once more: what was sealed between the two has its block, and the journals are read again. */
static enum rc read_tails(struct history *h, struct err *err)
{
	for (int i = 0; i < TAIL_TRIES; i++) {
		bool sealed = false;

		TRY(seal_journals(h, err));
		if (h->tail[0].bytes.n == 0 && h->tail[1].bytes.n == 0)
			return RC_OK;
		TRY(refresh_segments(h, err));
		for (size_t k = 0; k < JOURNALS; k++)
			sealed |= h->tail[k].bytes.n > 0 && is_sealed(h, h->tail[k].life.mark);
		TRY(note_tails(h, err));
		if (!sealed)
			return RC_OK;
	}
	return RC_OK;
}

/* The next life, after one of which nothing more needs to be known. */
static struct journal_life next_life(struct history *h)
{
	return (struct journal_life){ .number = ++h->lives };
}

enum rc history_keep(struct history *h, const struct block_event *e, struct str place, struct err *err)
{
	unsigned open = atomic_load_explicit(&h->open, memory_order_relaxed);

	if (h->journal[open] == NULL) {
		struct journal_life life = next_life(h);

		TRY(journal_open(h->dir, open, &life, &h->journal[open], err));
	}
	return journal_add(h->journal[open], e, place, err);
}

void history_unkeep(struct history *h)
{
	journal_undo(h->journal[atomic_load(&h->open)]);
}

enum rc history_keep_flush(struct history *h, struct err *err)
{
	struct journal *j = h->journal[atomic_load(&h->open)];

	return j == NULL ? RC_OK : journal_flush(j, err);
}

/* Which one is open is asked for first: a turn that comes between the two questions leaves what was flushed in that one. */
enum rc history_keep_sync(struct history *h, struct err *err)
{
	unsigned open = atomic_load(&h->open);
	struct journal *older = atomic_load(&h->sealing) != 0 ? h->journal[1 - open] : NULL;

	if (older != NULL)
		TRY(journal_sync(older, err));
	return h->journal[open] == NULL ? RC_OK : journal_sync(h->journal[open], err);
}

uint64_t history_mark(const struct history *h)
{
	const struct journal *j = h->journal[atomic_load(&h->open)];

	return j == NULL ? 0 : journal_mark(j);
}

/* The journal may fail where the segments do not: what it could not write has no second place then, as without a journal. */
enum rc history_turn(struct history *h, struct err *err)
{
	unsigned open = atomic_load(&h->open), next = 1 - open;
	struct journal *j = h->journal[open];
	struct journal_life life;

	if (atomic_load(&h->sealing) != 0)
		return FAIL(err, RC_BUSY, "history: the block before is not written yet");
	if (j == NULL)
		return RC_OK;
	life = next_life(h);
	life.before = journal_mark(j);
	if (journal_flush(j, NULL) != RC_OK)
		journal_give_up(j);
	life.before_end = journal_end(j);
	if (h->journal[next] == NULL)
		TRY(journal_open(h->dir, next, &life, &h->journal[next], err));
	else
		(void)!journal_restart(h->journal[next], &life, NULL);
	atomic_store(&h->sealing, life.before);
	atomic_store(&h->open, next);
	return RC_OK;
}

/* The block of this mark is durable: its journal may be written over. One that cannot begin anew acknowledges nothing until it can. */
static void end_life(struct history *h, uint64_t mark)
{
	struct journal *j = h->journal[atomic_load(&h->open)];
	struct journal_life life;

	if (mark == 0)
		return;
	if (atomic_load(&h->sealing) == mark) {
		atomic_store(&h->sealing, 0);
		return;
	}
	if (j == NULL || mark != journal_mark(j))
		return;
	life = next_life(h);
	(void)!journal_restart(j, &life, NULL);
}

/* --- opening --- */

static enum rc open_writer(struct history *h, struct err *err)
{
	char path[SEGMENT_NAME_MAX];
	uint64_t covered = 0;

	TRY(load_places(h, &covered, err));
	for (size_t i = 0; i < h->n; i++)
		for (size_t k = 0; h->segments[i]->number >= covered && k < h->segments[i]->n; k++)
			TRY(take_places(h, &h->segments[i]->blocks[k], err));
	if (h->n == 0 || h->segments[h->n - 1]->number < covered)
		return new_segment(h, covered > 0 ? covered : h->n == 0 ? 1 : h->segments[h->n - 1]->number + 1, err);
	/* An .idx whose segment is gone: the crash came between the two. */
	for (uint64_t number = h->segments[0]->number; number-- > 0 && h->segments[0]->number - number <= 2;) {
		segment_path(h->dir, number, "idx", path);
		(void)unlink(path);
	}
	return RC_OK;
}

static enum rc open_all(struct history *h, struct err *err)
{
	char path[SEGMENT_NAME_MAX];
	struct buf list;
	enum rc rc;

	if (h->opts.write) {
		TRY(file_mkdir(h->dir, 0750, err));
		snprintf(path, sizeof path, "%s/lock", h->dir);
		TRY(file_lock(path, &h->lock, &(int){ 0 }, err));
		h->by_source = map_new(PLACES_MAX);
		if (h->by_source == NULL)
			return FAIL(err, RC_NOMEM, "history: out of memory");
	}
	rc = list_segments(h, &list, err);
	if (rc == RC_OK)
		rc = open_new(h, &list, err);
	buf_done(&list);
	TRY(rc);
	if (!h->opts.write)
		return read_tails(h, err);
	TRY(open_writer(h, err));
	return adopt_journals(h, err);
}

enum rc history_open(const struct history_opts *o, struct history **ret, struct err *err)
{
	struct history *h = mem_alloc(sizeof *h);
	enum rc rc;

	if (h == NULL)
		return FAIL(err, RC_NOMEM, "history: out of memory");
	h->opts = *o;
	h->lock = -1;
	if (h->opts.segment_bytes == 0)
		h->opts.segment_bytes = HISTORY_SEGMENT;
	if (strlen(o->dir) >= sizeof h->dir - 300)
		rc = FAIL(err, RC_LIMIT, "history: the folder's name is too long");
	else {
		snprintf(h->dir, sizeof h->dir, "%s", o->dir);
		h->opts.dir = h->dir;
		rc = open_all(h, err);
	}
	if (rc == RC_OK)
		*ret = h;
	else
		history_close(h);
	return rc;
}

void history_close(struct history *h)
{
	if (h == NULL)
		return;
	if (h->opts.write && h->opts.unsynced && h->n > 0)
		(void)!history_sync(h, NULL);
	for (size_t i = 0; i < h->n; i++)
		segment_close(h->segments[i]);
	mem_free(h->segments);
	map_free(h->by_source);
	mem_free(h->places);
	for (size_t i = 0; i < JOURNALS; i++)
		journal_close(h->journal[i]);
	drop_tails(h);
	file_closep(&h->lock);
	mem_free(h);
}

void history_closep(struct history **h)
{
	history_close(*h);
}

/* --- writing --- */

enum rc history_sync(struct history *h, struct err *err)
{
	enum rc rc = file_sync_data(h->segments[h->n - 1]->seg, err);

	h->broken |= rc != RC_OK;
	return rc;
}

static bool wants_new_segment(const struct history *h, const struct segment *s, size_t more, usec now)
{
	if (s->n == 0)
		return false;
	return s->seg_n + more > h->opts.segment_bytes || (h->opts.max_age > 0 && now - s->blocks[0].head.sealed > h->opts.max_age / AGE_PARTS);
}

enum rc history_append(struct history *h, struct str block, struct err *err)
{
	struct block_head head = { 0 };
	struct fuse filter;
	enum rc rc;

	if (!h->opts.write || h->broken)
		return FAIL(err, h->broken ? RC_IO : RC_DENIED, h->broken ? "history: a sync failed before; it must be opened again"
									  : "history: opened for reading");
	TRY(block_index_read(block, &head, &filter, err));
	if (block.n != block_n(&head) || hash_stable(str_slice(block, BLOCK_HEAD, block.n)) != head.id)
		return FAIL(err, RC_CORRUPT, "history: not one sound block");
	if (wants_new_segment(h, h->segments[h->n - 1], block.n, head.sealed)) {
		TRY(h->opts.unsynced ? history_sync(h, err) : RC_OK);
		file_closep(&h->segments[h->n - 1]->idx);
		TRY(new_segment(h, h->segments[h->n - 1]->number + 1, err));
	}
	rc = segment_append(h->segments[h->n - 1], block, !h->opts.unsynced, err);
	h->broken |= rc == RC_IO;
	TRY(rc);
	TRY(take_places(h, &h->segments[h->n - 1]->blocks[h->segments[h->n - 1]->n - 1], err));
	end_life(h, head.mark);
	return RC_OK;
}

enum rc history_expire(struct history *h, usec now, struct err *err)
{
	uint64_t bytes = 0;

	if (!h->opts.write)
		return FAIL(err, RC_DENIED, "history: opened for reading");
	for (size_t i = 0; i < h->n; i++)
		bytes += h->segments[i]->seg_n + h->segments[i]->idx_n;
	while (h->n > 0 && h->segments[0]->n > 0) {
		const struct segment *s = h->segments[0];
		bool old = h->opts.max_age > 0 && s->sealed < now - h->opts.max_age;
		bool many = h->opts.max_bytes > 0 && bytes > h->opts.max_bytes;

		if (!old && !many)
			return RC_OK;
		if (h->n == 1)
			TRY(new_segment(h, s->number + 1, err));
		bytes -= h->segments[0]->seg_n + h->segments[0]->idx_n;
		remove_oldest(h);
	}
	return RC_OK;
}

/* --- reading --- */

size_t history_blocks(const struct history *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		n += h->segments[i]->n;
	return n + h->n_tails;
}

/* NULL: it is tail number *i. */
static struct segment *segment_of(const struct history *h, size_t *i)
{
	size_t k = 0;

	while (k < h->n && *i >= h->segments[k]->n)
		*i -= h->segments[k++]->n;
	return k < h->n ? h->segments[k] : NULL;
}

const struct history_block *history_block(const struct history *h, size_t i)
{
	const struct segment *s = segment_of(h, &i);

	return s == NULL ? &h->tail[i].block : &s->blocks[i];
}

enum rc history_read(struct history *h, size_t i, struct buf *out, struct err *err)
{
	const struct segment *s = segment_of(h, &i);
	const struct history_block *b = s == NULL ? &h->tail[i].block : &s->blocks[i];
	size_t n = block_n(&b->head);
	char *room;
	ssize_t got;

	buf_clear(out);
	if (s == NULL) {
		buf_str(out, buf_view(&h->tail[i].bytes));
		return buf_check(out, err, "history");
	}
	room = buf_room(out, n);
	if (room == NULL)
		return buf_check(out, err, "history");
	do
		got = pread(s->seg, room, n, (off_t)b->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return FAIL(err, RC_IO, "history: read: %m");
	if ((size_t)got != n)
		return FAIL(err, RC_CORRUPT, "history: segment %llu ends inside a block", (unsigned long long)s->number);
	buf_grew(out, n);
	return RC_OK;
}

enum rc history_refresh(struct history *h, struct err *err)
{
	if (h->opts.write)
		return RC_OK;
	TRY(refresh_segments(h, err));
	return read_tails(h, err);
}

void history_stats(const struct history *h, struct history_stats *ret)
{
	*ret = (struct history_stats){ .segments = h->n, .torn = h->torn, .expired_segments = h->expired_segments,
				       .expired_events = h->expired_events, .expired_bytes = h->expired_bytes };
	for (size_t i = 0; i < h->n; i++) {
		const struct segment *s = h->segments[i];

		ret->skipped += s->skipped;
		ret->disk += s->seg_n + s->idx_n;
		for (size_t k = 0; k < s->n; k++) {
			const struct block_head *b = &s->blocks[k].head;

			if (ret->blocks == 0 || b->first < ret->first)
				ret->first = b->first;
			if (ret->blocks == 0 || b->last > ret->last)
				ret->last = b->last;
			ret->blocks++;
			ret->events += b->events;
			ret->raw += b->raw;
			ret->keys += b->keys;
			ret->index += block_index_n(b);
		}
	}
	for (size_t i = 0; i < h->n_tails; i++)
		ret->unsealed += h->tail[i].block.head.events;
}
