/* Everything here may be hostile: a block comes from a disk, from PostgreSQL,
 * from a peer's collector. Lengths are held against each other before anything
 * is allocated, both checksums are compared, and what zstd gives out must have
 * the stated size. */
#include "block_int.h"

#include <zstd.h>

#include "base/mem.h"
#include "base/rd.h"

struct source {
	struct str name;
	enum log_format format;
};

struct row {
	usec time;
	uint64_t ordinal;
	uint32_t at, n, source;
};

struct block {
	struct block_head head;
	struct source *sources;
	struct row *rows;
	uint32_t next;
	char *names, *text;
};

enum rc block_head_read(struct str bytes, struct block_head *ret, struct err *err)
{
	struct block_head h;
	struct rd r;

	rd_init(&r, bytes);
	if (bytes.n < BLOCK_HEAD)
		return FAIL(err, RC_NOTFOUND, "block: shorter than its head");
	if (rd_le32(&r) != BLOCK_MAGIC)
		return FAIL(err, RC_CORRUPT, "block: does not begin like one");
	h.events = rd_le32(&r);
	h.keys = rd_le32(&r);
	h.sources = rd_le32(&r);
	h.id = rd_le64(&r);
	h.first = (usec)rd_le64(&r);
	h.last = (usec)rd_le64(&r);
	h.sealed = (usec)rd_le64(&r);
	h.raw = rd_le64(&r);
	h.sources_n = rd_le32(&r);
	h.filter_n = rd_le32(&r);
	h.columns_n = rd_le32(&r);
	h.columns_raw = rd_le32(&r);
	h.body_n = rd_le32(&r);
	rd_skip(&r, 4);
	h.mark = rd_le64(&r);
	if (h.events > BLOCK_EVENTS_MOST || h.sources > BLOCK_SOURCES_MAX || h.raw > BLOCK_RAW_MOST || h.sources_n > BLOCK_INDEX_MOST ||
	    h.filter_n > BLOCK_INDEX_MOST || h.columns_n > BLOCK_BYTES_MAX || h.body_n > BLOCK_BYTES_MAX ||
	    h.columns_raw > COLUMNS * 10 * BLOCK_EVENTS_MOST + COLUMNS * 4 || block_n(&h) > BLOCK_BYTES_MAX)
		return FAIL(err, RC_CORRUPT, "block: its head states sizes that no block has");
	*ret = h;
	return RC_OK;
}

enum rc block_index_read(struct str bytes, struct block_head *ret, struct fuse *ret_filter, struct err *err)
{
	struct block_head h = { 0 };
	struct rd r;

	TRY(block_head_read(bytes, &h, err));
	if (bytes.n < block_index_n(&h))
		return FAIL(err, RC_NOTFOUND, "block: shorter than its index");
	rd_init(&r, str_slice(bytes, BLOCK_CHECK_AT, BLOCK_HEAD));
	if (rd_le64(&r) != block_check(bytes, (size_t)h.sources_n + h.filter_n))
		return FAIL(err, RC_CORRUPT, "block: its index fails its checksum");
	TRY(fuse_view(str_slice(bytes, BLOCK_HEAD + (size_t)h.sources_n, block_index_n(&h)), ret_filter, err));
	*ret = h;
	return RC_OK;
}

static bool next_source(struct rd *r, struct str *ret_name, enum log_format *ret_format, struct str *ret_place)
{
	uint8_t format;

	*ret_name = rd_bytes(r, rd_u8(r));
	format = rd_u8(r);
	*ret_format = format < LOG_FORMATS ? (enum log_format)format : LOG_TEXT;
	*ret_place = rd_bytes(r, block_place_n(r));
	r->bad |= ret_place->n > BLOCK_PLACE_MAX;
	return !r->bad;
}

bool block_source(struct str bytes, uint32_t i, struct str *ret_name, struct str *ret_place)
{
	struct block_head h = { 0 };
	enum log_format format;
	struct rd r;
	bool good = true;

	if (block_head_read(bytes, &h, NULL) != RC_OK || i >= h.sources)
		return false;
	rd_init(&r, str_slice(bytes, BLOCK_HEAD, BLOCK_HEAD + (size_t)h.sources_n));
	for (uint32_t k = 0; k <= i && good; k++)
		good = next_source(&r, ret_name, &format, ret_place);
	return good;
}

/* --- opening --- */

static enum rc expand(struct str bytes, size_t n, char **ret, struct err *err)
{
	char *out;
	size_t got;

	/* A stated size that is not the frame's own is caught before any memory is spent on it. */
	if (ZSTD_getFrameContentSize(bytes.p, bytes.n) != n)
		return FAIL(err, RC_CORRUPT, "block: a part has another size than its head says");
	out = mem_alloc(n + 1);
	if (out == NULL)
		return FAIL(err, RC_NOMEM, "block: out of memory");
	got = ZSTD_decompress(out, n, bytes.p, bytes.n);
	if (got != n) {
		mem_free(out);
		return FAIL(err, RC_CORRUPT, "block: %s", ZSTD_isError(got) ? ZSTD_getErrorName(got) : "a part is cut");
	}
	*ret = out;
	return RC_OK;
}

static enum rc read_sources(struct block *b, struct str bytes, struct err *err)
{
	struct rd r;

	b->names = mem_alloc(bytes.n + 1);
	b->sources = mem_array((size_t)b->head.sources + 1, sizeof *b->sources);
	if (b->names == NULL || b->sources == NULL)
		return FAIL(err, RC_NOMEM, "block: out of memory");
	memcpy(b->names, bytes.p, bytes.n);
	rd_init(&r, str_make(b->names, bytes.n));
	for (uint32_t i = 0; i < b->head.sources; i++) {
		struct str place;

		if (!next_source(&r, &b->sources[i].name, &b->sources[i].format, &place))
			return FAIL(err, RC_CORRUPT, "block: its inputs are cut");
	}
	return RC_OK;
}

static uint64_t varint(struct rd *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = rd_u8(r);

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
	r->bad = true;
	return 0;
}

/* Where each line lies: the groups one behind the other, each in the order of its events. */
static enum rc place_rows(struct block *b, const uint64_t *group_n, struct err *err)
{
	uint64_t start[BLOCK_GROUPS], at = 0;

	for (int i = 0; i < BLOCK_GROUPS; i++) {
		start[i] = at;
		at += group_n[i];
	}
	if (at != b->head.raw)
		return FAIL(err, RC_CORRUPT, "block: its lines are not as long as its events");
	for (uint32_t i = 0; i < b->head.events; i++) {
		struct row *row = &b->rows[i];
		uint32_t group = row->at;

		row->at = (uint32_t)start[group];
		start[group] += row->n;
	}
	return RC_OK;
}

static enum rc fill_rows(struct block *b, struct rd column[static COLUMNS], uint64_t *ordinal, struct err *err)
{
	uint64_t time = 0, group_n[BLOCK_GROUPS] = { 0 };

	for (uint32_t i = 0; i < b->head.events; i++) {
		uint64_t n = varint(&column[COLUMN_LENGTH]), source = varint(&column[COLUMN_SOURCE]), group = varint(&column[COLUMN_GROUP]);

		time += (uint64_t)block_unzigzag(varint(&column[COLUMN_TIME]));
		if (source >= b->head.sources || group >= BLOCK_GROUPS || n > b->head.raw)
			return FAIL(err, RC_CORRUPT, "block: event %u lies outside", i);
		ordinal[source] += (uint64_t)block_unzigzag(varint(&column[COLUMN_ORDINAL]));
		b->rows[i] = (struct row){ .time = (usec)time, .ordinal = ordinal[source], .at = (uint32_t)group, .n = (uint32_t)n,
					   .source = (uint32_t)source };
		group_n[group] += n;
	}
	for (int i = 0; i < COLUMNS; i++)
		if (column[i].bad || rd_left(&column[i]) > 0)
			return FAIL(err, RC_CORRUPT, "block: a column does not fit its events");
	return place_rows(b, group_n, err);
}

static enum rc read_columns(struct block *b, struct str bytes, struct err *err)
{
	struct rd all, column[COLUMNS];
	uint64_t *ordinal = mem_array((size_t)b->head.sources + 1, sizeof *ordinal);
	enum rc rc;

	b->rows = mem_array((size_t)b->head.events + 1, sizeof *b->rows);
	rd_init(&all, bytes);
	for (int i = 0; i < COLUMNS; i++)
		rd_init(&column[i], rd_bytes(&all, rd_le32(&all)));
	rc = b->rows == NULL || ordinal == NULL ? FAIL(err, RC_NOMEM, "block: out of memory")
		: all.bad ? FAIL(err, RC_CORRUPT, "block: its columns are cut") : fill_rows(b, column, ordinal, err);
	mem_free(ordinal);
	return rc;
}

static enum rc open_parts(struct block *b, struct str bytes, struct err *err)
{
	size_t at = block_index_n(&b->head);
	char *columns = NULL;
	enum rc rc;

	TRY(read_sources(b, str_slice(bytes, BLOCK_HEAD, BLOCK_HEAD + (size_t)b->head.sources_n), err));
	TRY(expand(str_slice(bytes, at, at + b->head.columns_n), b->head.columns_raw, &columns, err));
	rc = read_columns(b, str_make(columns, b->head.columns_raw), err);
	mem_free(columns);
	TRY(rc);
	at += b->head.columns_n;
	return expand(str_slice(bytes, at, at + b->head.body_n), (size_t)b->head.raw, &b->text, err);
}

enum rc block_open(struct str bytes, struct block **ret, struct err *err)
{
	struct block *b = mem_alloc(sizeof *b);
	struct fuse filter;
	enum rc rc;

	if (b == NULL)
		return FAIL(err, RC_NOMEM, "block: out of memory");
	rc = block_index_read(bytes, &b->head, &filter, err);
	if (rc == RC_OK && bytes.n < block_n(&b->head))
		rc = FAIL(err, RC_NOTFOUND, "block: %zu bytes of %zu", bytes.n, block_n(&b->head));
	if (rc == RC_OK && hash_stable(str_slice(bytes, BLOCK_HEAD, block_n(&b->head))) != b->head.id)
		rc = FAIL(err, RC_CORRUPT, "block: fails its checksum");
	if (rc == RC_OK)
		rc = open_parts(b, bytes, err);
	if (rc == RC_OK)
		*ret = b;
	else
		block_close(b);
	return rc;
}

void block_close(struct block *b)
{
	if (b == NULL)
		return;
	mem_free(b->sources);
	mem_free(b->rows);
	mem_free(b->names);
	mem_free(b->text);
	mem_free(b);
}

void block_closep(struct block **b)
{
	block_close(*b);
}

const struct block_head *block_of(const struct block *b)
{
	return &b->head;
}

bool block_next(struct block *b, struct block_event *ret)
{
	const struct row *row = &b->rows[b->next];

	if (b->next >= b->head.events)
		return false;
	*ret = (struct block_event){ .line = str_make(b->text + row->at, row->n), .format = b->sources[row->source].format,
				     .source = b->sources[row->source].name, .time = row->time, .ordinal = row->ordinal };
	b->next++;
	return true;
}
