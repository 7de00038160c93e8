/* The file: a header, chunks of 64 KiB, records in each one behind the other.
 * Nothing that a header says is needed to find them: a file that was cut, copied
 * while it was written or damaged in the middle gives what is left of it.
 *
 * A chunk's header tells where its records end. Behind that place may stand
 * records that were written later than the header (a dirty log) and remains of
 * others: those are taken that follow without a gap, in place and in number.
 * Checksums that do not fit are told and nothing more: what a record holds is
 * checked where it is used, so what can be read of a torn or altered log is. */
#include <stdio.h>
#include <zlib.h>

#include "base/mem.h"
#include "wire/evtx_int.h"

#define FILE_HEAD 4096
#define FILE_HEAD_SIZE_AT 40
#define FILE_CHUNKS_AT 42
#define CHECKED 120     /* bytes of both headers that their checksum covers, before flags and itself */
#define CHECKSUM_AT 124
#define FILE_FLAGS_AT 120
#define FILE_DIRTY 1
#define RECORDS_CHECKSUM_AT 52

static const char RECORD_MAGIC[4] = { '*', '*', 0, 0 };

static uint32_t sum(uint32_t before, struct str bytes)
{
	return (uint32_t)crc32_z(before, (const unsigned char *)bytes.p, bytes.n);
}

static void damaged(struct evtx *e, uint64_t *count, const char *what, size_t at, const char *why)
{
	++*count;
	snprintf(e->error, sizeof e->error, "evtx: %s at byte %llu: %s", what, (unsigned long long)(at < FILE_HEAD ? at : at + e->before), why);
}

void evtx_close(struct evtx *e)
{
	if (e == NULL)
		return;
	arena_free(e->programs);
	mem_free(e->draft);
	mem_free(e->values);
	mem_free(e->text);
	mem_free(e);
}

void evtx_closep(struct evtx **e)
{
	evtx_close(*e);
}

bool evtx_looks(struct str head)
{
	if (str_starts(head, S("ElfFile\0")))
		return true;
	for (size_t at = FILE_HEAD; at < head.n; at += EVTX_CHUNK)
		if (str_starts(str_slice(head, at, head.n), S("ElfChnk\0")))
			return true;
	return false;
}

enum rc evtx_open(struct str bytes, const struct fields *dict, struct evtx **ret, struct err *err)
{
	CLEANUP(evtx_closep) struct evtx *e = NULL;
	size_t head = str_le16(bytes, FILE_HEAD_SIZE_AT);

	if (!evtx_looks(bytes))
		return FAIL(err, RC_BAD, "evtx: byte 0: no Windows event log");
	if ((e = mem_alloc(sizeof *e)) == NULL)
		return FAIL(err, RC_NOMEM, "evtx: out of memory");
	e->programs = arena_new(2 * EVTX_PROGRAMS_MAX);
	/* Not zeroed: large, and only what was written is read. */
	e->draft = mem_resize(NULL, sizeof *e->draft);
	e->values = mem_resize(NULL, EVTX_VALUES_MAX * sizeof *e->values);
	e->text = mem_resize(NULL, EVTX_TEXT_MAX);
	if (e->programs == NULL || e->draft == NULL || e->values == NULL || e->text == NULL)
		return FAIL(err, RC_NOMEM, "evtx: out of memory");
	e->bytes = bytes;
	e->dict = dict;
	if (!str_starts(bytes, S("ElfFile\0")))
		damaged(e, &e->stats.bad_checksums, "header", 0, "is none of an event log; what follows is");
	else if (bytes.n >= 128 && sum(0, str_slice(bytes, 0, CHECKED)) != str_le32(bytes, CHECKSUM_AT))
		damaged(e, &e->stats.bad_checksums, "header", 0, "fails its checksum");
	e->next_chunk = head >= 128 && str_starts(str_slice(bytes, head, bytes.n), S("ElfChnk\0")) ? head : FILE_HEAD;
	*ret = e;
	e = NULL;
	return RC_OK;
}

uint64_t evtx_chunks_gone(struct str head, uint64_t size)
{
	uint64_t first = str_le16(head, FILE_HEAD_SIZE_AT), chunks = str_le16(head, FILE_CHUNKS_AT), there;

	if (size < FILE_HEAD)
		return 1;
	if (head.n < 128 || (str_le32(head, FILE_FLAGS_AT) & FILE_DIRTY) != 0 || sum(0, str_slice(head, 0, CHECKED)) != str_le32(head, CHECKSUM_AT))
		return 0;
	there = size <= first ? 0 : (size - first + EVTX_CHUNK - 1) / EVTX_CHUNK;
	return chunks > there ? chunks - there : 0;
}

void evtx_begins(struct evtx *e, uint64_t before)
{
	e->before = before;
	if (before > 0) {
		e->stats = (struct evtx_stats){ 0 };
		e->error[0] = '\0';
	}
}

/* Chunks that were never written are zeros, from end to end: one whose header alone is may hold records. */
static bool unused(struct str chunk)
{
	return chunk.n == 0 || (chunk.p[0] == 0 && memcmp(chunk.p, chunk.p + 1, chunk.n - 1) == 0);
}

static void bad_sum(struct evtx *e, const char *what, size_t at, const char *why)
{
	bool dirty = (str_le32(e->bytes, FILE_FLAGS_AT) & FILE_DIRTY) != 0;
	char text[100];

	snprintf(text, sizeof text, "%s%s", why, dirty ? " (the log was being written)" : "");
	damaged(e, &e->stats.bad_checksums, what, at, text);
}

/* [MS-EVEN6] leaves them out; libevtx's "Windows XML Event Log (EVTX) format" tells what they cover. */
static void check_sums(struct evtx *e, struct str chunk, size_t at, size_t end)
{
	uint32_t head = sum(sum(0, str_slice(chunk, 0, CHECKED)), str_slice(chunk, 128, EVTX_CHUNK_HEAD));

	if (head != str_le32(chunk, CHECKSUM_AT))
		bad_sum(e, "chunk", at, "its header fails its checksum");
	if (sum(0, str_slice(chunk, EVTX_CHUNK_HEAD, end)) != str_le32(chunk, RECORDS_CHECKSUM_AT))
		bad_sum(e, "chunk", at, "its records fail their checksum");
}

static void start_chunk(struct evtx *e, struct str chunk, size_t at)
{
	size_t end = str_le32(chunk, 48);

	e->chunk = chunk;
	e->chunk_no++;
	e->at = EVTX_CHUNK_HEAD;
	e->end = end;
	e->compiled = 0;
	e->last_id = 0;
	e->stats.chunks++;
	if (!str_starts(chunk, S("ElfChnk\0"))) {
		damaged(e, &e->stats.bad_chunks, "chunk", at, "has no header of a chunk");
		e->end = 0;
	} else if (end < EVTX_CHUNK_HEAD || end > EVTX_CHUNK) {
		damaged(e, &e->stats.bad_chunks, "chunk", at, "its header does not tell where records end");
		e->end = 0;
	} else if (chunk.n < end) {
		damaged(e, &e->stats.bad_chunks, "chunk", at, "the file breaks off");
	} else {
		check_sums(e, chunk, at, end);
	}
	if (arena_used(e->programs) > EVTX_PROGRAMS_MAX)
		evtx_programs_drop(e);
}

static bool next_chunk(struct evtx *e)
{
	while (e->next_chunk < e->bytes.n) {
		size_t at = e->next_chunk;
		struct str chunk = str_slice(e->bytes, at, at + EVTX_CHUNK);

		e->next_chunk += EVTX_CHUNK;
		if (unused(chunk))
			continue;
		start_chunk(e, chunk, at);
		return true;
	}
	e->chunk = S("");
	return false;
}

/* A record at `at`: its size, told twice; 0: none. */
static size_t record_size(const struct evtx *e, size_t at)
{
	size_t size = str_le32(e->chunk, at + 4);

	if (e->chunk.n - at < EVTX_RECORD_MIN || memcmp(e->chunk.p + at, RECORD_MAGIC, sizeof RECORD_MAGIC) != 0 ||
		size < EVTX_RECORD_MIN || size > e->chunk.n - at || str_le32(e->chunk, at + size - 4) != size)
		return 0;
	return size;
}

/* The place of the next record at or behind e->at; SIZE_MAX: the chunk has no more. */
static size_t find_record(struct evtx *e, size_t *ret_size)
{
	size_t from = e->at;

	for (size_t at = from; at + EVTX_RECORD_MIN <= e->chunk.n; at++) {
		const char *star = memchr(e->chunk.p + at, '*', e->chunk.n - EVTX_RECORD_MIN - at + 1);

		if (star == NULL)
			break;
		at = (size_t)(star - e->chunk.p);
		if ((*ret_size = record_size(e, at)) == 0)
			continue;
		if (e->end != 0 && at >= e->end && (at != from || str_le64(e->chunk, at + 8) != e->last_id + 1))
			break;
		if (at > from && from < e->end)
			damaged(e, &e->stats.bad_records, "record", (size_t)(e->chunk.p - e->bytes.p) + from, "has no size that fits");
		return at;
	}
	if (from < e->end && e->end <= e->chunk.n)
		damaged(e, &e->stats.bad_records, "record", (size_t)(e->chunk.p - e->bytes.p) + from, "has no size that fits");
	return SIZE_MAX;
}

/* The record at e->at into f; false: nothing of it could be read. */
static bool read_record(struct evtx *e, struct flat *f, size_t size)
{
	size_t at = e->at;
	const char *why = NULL;

	flat_clear(f);
	f->format = LOG_EVTX;
	f->raw = str_make(e->chunk.p + at, size);
	f->time = evtx_filetime(str_le64(f->raw, 16));
	if (f->time < 0) /* a record that states none, 1601: the event may know better */
		f->time = 0;
	e->last_id = str_le64(f->raw, 8);
	e->text_n = e->n_values = e->steps = 0;
	e->steps_max = EVTX_STEPS_FREE + (uint32_t)size / EVTX_STEPS_BYTES;
	if (!evtx_run(e, f, at + EVTX_RECORD_HEAD, at + size - 4, IN_NOTHING, 0, &why))
		damaged(e, &e->stats.bad_records, "record", (size_t)(e->chunk.p - e->bytes.p) + at, why == NULL ? "damaged" : why);
	return f->n > 0;
}

bool evtx_next(struct evtx *e, struct flat *f)
{
	for (;;) {
		size_t size = 0;
		bool good;

		if (e->chunk.n == 0 && !next_chunk(e))
			return false;
		if (e->at >= e->chunk.n || (e->at = find_record(e, &size)) == SIZE_MAX) {
			e->chunk = S("");
			continue;
		}
		good = read_record(e, f, size);
		e->at += size;
		if (good) {
			e->stats.records++;
			e->record++;
			return true;
		}
	}
}

uint64_t evtx_record(const struct evtx *e)
{
	return e->record;
}

void evtx_stats(const struct evtx *e, struct evtx_stats *ret)
{
	*ret = e->stats;
}

const char *evtx_last_error(const struct evtx *e)
{
	return e->error;
}
