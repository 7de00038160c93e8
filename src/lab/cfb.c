#include "lab/cfb.h"

#include <string.h>

#include "base/rd.h"
#include "base/text.h"

#define HEADER 512u
#define FIRST_TABLES 109u      /* sectors of the table of chains that the header names itself */
#define SECTOR_LAST 0xfffffffau /* numbers from here on mean something else */
#define ENTRY_BYTES 128u
#define SMALL_SHIFT 6u
#define NOBODY 0xffffffffu
#define SMALL_BELOW 4096u

static struct str sector(const struct cfb *c, uint32_t i)
{
	uint64_t at = ((uint64_t)i + 1) << c->shift, size = (uint64_t)1 << c->shift;

	if (at >= c->bytes.n)
		return S("");
	return (struct str){ c->bytes.p + at, c->bytes.n - at < size ? c->bytes.n - (size_t)at : (size_t)size };
}

static uint64_t place(const struct cfb *c, uint32_t i)
{
	return ((uint64_t)i + 1) << c->shift;
}

/* Takes a sector for what is read now. False: it is none, or somebody has it already. */
static bool take(struct cfb *c, uint32_t i)
{
	if (i >= c->n_sectors) {
		c->broken |= i < SECTOR_LAST;
		return false;
	}
	if (c->used[i]) {
		c->twice = true;
		return false;
	}
	c->used[i] = 1;
	return true;
}

/* For who need not be told. */
static void nobody(void *ctx, uint64_t at, uint64_t length)
{
	(void)ctx;
	(void)at;
	(void)length;
}

/* --- the tables --- */

static void read_table_sector(struct cfb *c, uint32_t i, uint32_t *filled, cfb_range tell, void *ctx)
{
	struct str s = sector(c, i);

	tell(ctx, place(c, i), s.n);
	for (size_t at = 0; at + 4 <= s.n && *filled < c->n_sectors; at += 4)
		c->next[(*filled)++] = str_le32(s, at);
}

static void read_tables(struct cfb *c, cfb_range tell, void *ctx)
{
	uint32_t filled = 0, more = str_le32(c->bytes, 68), per = (1u << (c->shift - 2)) - 1;

	for (uint32_t i = 0; i < FIRST_TABLES; i++) {
		uint32_t t = str_le32(c->bytes, 76 + i * 4);

		if (t < SECTOR_LAST && take(c, t))
			read_table_sector(c, t, &filled, tell, ctx);
	}
	while (more < SECTOR_LAST && take(c, more)) {
		struct str s = sector(c, more);

		tell(ctx, place(c, more), s.n);
		for (uint32_t i = 0; i < per; i++) {
			uint32_t t = str_le32(s, i * 4);

			if (t < SECTOR_LAST && s.n >= (i + 1) * 4 && take(c, t))
				read_table_sector(c, t, &filled, tell, ctx);
		}
		more = s.n >= (per + 1) * 4 ? str_le32(s, per * 4) : SECTOR_LAST;
	}
	while (filled < c->n_sectors)
		c->next[filled++] = NOBODY;
}

/* --- chains --- */

static bool all_zero(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\0')
			return false;
	}
	return true;
}

struct sink {
	cfb_put put;
	void *ctx;
	cfb_range tell;
	void *tell_ctx;
	uint64_t *places; /* may be NULL: gets where each sector stands */
};

/* Hands on a chain of sectors, up to `size` bytes (UINT64_MAX: all of it); how many they were. */
static uint64_t follow(struct cfb *c, uint32_t start, uint64_t size, const struct sink *k)
{
	uint64_t bytes = 0;

	for (uint32_t i = start, n = 0; bytes < size && take(c, i); i = c->next[i], n++) {
		struct str s = sector(c, i), rest = S("");

		if (size - bytes < s.n) {
			rest = (struct str){ s.p + (size - bytes), s.n - (size_t)(size - bytes) };
			s.n = (size_t)(size - bytes);
		}
		if (k->places != NULL)
			k->places[n] = place(c, i);
		k->tell(k->tell_ctx, place(c, i), s.n + (all_zero(rest) ? rest.n : 0));
		bytes += s.n;
		if (!k->put(k->ctx, s))
			break;
	}
	return bytes;
}

static uint64_t follow_small(struct cfb *c, const struct cfb_entry *e, const struct sink *k)
{
	uint64_t bytes = 0;

	for (uint32_t i = e->start; bytes < e->size && i < c->n_small; i = c->small_next[i]) {
		size_t at = (size_t)i << SMALL_SHIFT, room = c->small.n - at < 64 ? c->small.n - at : 64, have;
		uint64_t where = c->small_at[at >> c->shift] + (at & (((size_t)1 << c->shift) - 1));
		struct str s = { c->small.p + at, room };

		if (c->small_used[i]) {
			c->twice = true;
			break;
		}
		c->small_used[i] = 1;
		have = e->size - bytes < room ? (size_t)(e->size - bytes) : room;
		k->tell(k->tell_ctx, where, all_zero((struct str){ s.p + have, room - have }) ? room : have);
		bytes += have;
		if (!k->put(k->ctx, (struct str){ s.p, have }))
			break;
	}
	return bytes;
}

bool cfb_copy(struct cfb *c, const struct cfb_entry *e, cfb_put put, void *ctx, cfb_range tell, void *tell_ctx)
{
	struct sink k = { put, ctx, tell != NULL ? tell : nobody, tell_ctx, NULL };
	uint64_t bytes = e->size == 0 ? 0 : e->small ? follow_small(c, e, &k) : follow(c, e->start, e->size, &k);

	c->broken |= bytes < e->size;
	return bytes == e->size;
}

/* --- put together in memory --- */

struct whole {
	char *p;
	size_t n, max;
};

static bool put_whole(void *ctx, struct str s)
{
	struct whole *w = ctx;

	if (s.n > w->max - w->n)
		return false;
	memcpy(w->p + w->n, s.p, s.n);
	w->n += s.n;
	return true;
}

/* Bytes of a chain at most, by counting: nothing is set aside for what is only stated. */
static uint64_t length_of(const uint32_t *next, uint32_t max, uint32_t start, unsigned shift, uint64_t size)
{
	uint64_t n = 0;

	for (uint32_t i = start; i < max && n <= max && n << shift < size; i = next[i])
		n++;
	return n << shift;
}

static enum rc begin_whole(struct cfb *c, uint64_t size, struct whole *w, struct err *err)
{
	*w = (struct whole){ .p = arena_alloc(c->a, (size_t)size + 1), .max = (size_t)size };
	return w->p != NULL ? RC_OK : FAIL(err, RC_NOMEM, "compound file: a stream of %llu bytes is too long", (unsigned long long)size);
}

static enum rc put_together(struct cfb *c, uint32_t start, uint64_t size, struct str *ret, uint64_t **places, cfb_range tell, void *ctx, struct err *err)
{
	uint64_t length = length_of(c->next, c->n_sectors, start, c->shift, size);
	struct whole w;
	struct sink k = { put_whole, &w, tell, ctx, NULL };

	TRY(begin_whole(c, length, &w, err));
	if (places != NULL) {
		*places = k.places = arena_array(c->a, (size_t)(length >> c->shift) + 1, sizeof **places);
		if (k.places == NULL)
			return FAIL(err, RC_NOMEM, "compound file: out of memory");
	}
	(void)follow(c, start, size, &k);
	*ret = (struct str){ w.p, w.n };
	return RC_OK;
}

enum rc cfb_stream(struct cfb *c, const struct cfb_entry *e, struct str *ret, bool *ret_whole, cfb_range tell, void *ctx, struct err *err)
{
	struct whole w;

	TRY(begin_whole(c, e->small ? length_of(c->small_next, c->n_small, e->start, SMALL_SHIFT, e->size)
				    : length_of(c->next, c->n_sectors, e->start, c->shift, e->size), &w, err));
	*ret_whole = cfb_copy(c, e, put_whole, &w, tell, ctx);
	*ret = (struct str){ w.p, w.n };
	return RC_OK;
}

/* --- the directory --- */

static bool read_entry(struct cfb *c, struct str row, struct cfb_entry *e)
{
	size_t units = str_le16(row, 64);
	char *name = arena_alloc(c->a, 3 * 32 + 1);
	bool large = c->shift > 9;

	if (name == NULL)
		return false;
	units = units >= 2 && units <= 64 ? units - 2 : 0;
	*e = (struct cfb_entry){ .name = { name, utf16le_get(name, (struct str){ row.p, units }) }, .left = str_le32(row, 68), .right = str_le32(row, 72),
				 .child = str_le32(row, 76), .start = str_le32(row, 116), .size = large ? str_le64(row, 120) : str_le32(row, 120) };
	switch (row.p[66]) {
	case CFB_STORAGE:
	case CFB_STREAM:
	case CFB_ROOT:
		e->kind = (enum cfb_kind)row.p[66];
		break;
	default:
		e->kind = CFB_NONE;
	}
	e->small = e->kind == CFB_STREAM && e->size < SMALL_BELOW;
	return true;
}

/* Who lies in which storage: the brothers of a storage's child form a tree. */
static enum rc find_parents(struct cfb *c, struct err *err)
{
	uint32_t *stack = arena_array(c->a, c->n_entries + 1, sizeof *stack), n = 0;

	if (stack == NULL)
		return FAIL(err, RC_NOMEM, "compound file: out of memory");
	for (uint32_t i = 0; i < c->n_entries; i++)
		c->entry[i].parent = i;
	if (c->entry[0].child < c->n_entries && c->entry[0].child != 0) {
		c->entry[c->entry[0].child].parent = 0;
		c->entry[c->entry[0].child].reached = true;
		stack[n++] = c->entry[0].child;
	}
	c->entry[0].reached = true;
	while (n > 0) {
		uint32_t i = stack[--n];
		const struct cfb_entry *e = &c->entry[i];
		uint32_t ways[3] = { e->left, e->right, e->kind == CFB_STORAGE ? e->child : NOBODY };

		for (int k = 0; k < 3; k++) {
			if (ways[k] >= c->n_entries || c->entry[ways[k]].reached)
				continue;
			c->entry[ways[k]].reached = true;
			c->entry[ways[k]].parent = k == 2 ? i : e->parent;
			stack[n++] = ways[k];
		}
	}
	return RC_OK;
}

static enum rc read_directory(struct cfb *c, cfb_range tell, void *ctx, struct err *err)
{
	struct str rows;

	TRY(put_together(c, str_le32(c->bytes, 48), UINT64_MAX, &rows, NULL, tell, ctx, err));
	c->n_entries = (uint32_t)(rows.n / ENTRY_BYTES);
	if (c->n_entries == 0)
		return FAIL(err, RC_BAD, "compound file: no directory");
	if (c->n_entries > CFB_ENTRIES_MAX)
		return FAIL(err, RC_LIMIT, "compound file: more than %u entries", CFB_ENTRIES_MAX);
	c->entry = arena_array(c->a, c->n_entries, sizeof *c->entry);
	if (c->entry == NULL)
		return FAIL(err, RC_NOMEM, "compound file: out of memory");
	for (uint32_t i = 0; i < c->n_entries; i++) {
		if (!read_entry(c, (struct str){ rows.p + (size_t)i * ENTRY_BYTES, ENTRY_BYTES }, &c->entry[i]))
			return FAIL(err, RC_NOMEM, "compound file: out of memory");
	}
	return find_parents(c, err);
}

static enum rc read_small(struct cfb *c, cfb_range tell, void *ctx, struct err *err)
{
	struct str table;

	TRY(put_together(c, str_le32(c->bytes, 60), UINT64_MAX, &table, NULL, tell, ctx, err));
	/* What of this stream is understood is told by the streams in it, sector by sector. */
	TRY(put_together(c, c->entry[0].start, c->entry[0].size, &c->small, &c->small_at, nobody, NULL, err));
	c->n_small = (uint32_t)((c->small.n + 63) >> SMALL_SHIFT);
	if (c->n_small > table.n / 4)
		c->n_small = (uint32_t)(table.n / 4);
	c->small_next = arena_array(c->a, c->n_small + 1, sizeof *c->small_next);
	c->small_used = arena_array(c->a, c->n_small + 1, 1);
	if (c->small_next == NULL || c->small_used == NULL)
		return FAIL(err, RC_NOMEM, "compound file: out of memory");
	for (uint32_t i = 0; i < c->n_small; i++) {
		c->small_next[i] = str_le32(table, (size_t)i * 4);
		c->small_used[i] = 0;
	}
	return RC_OK;
}

enum rc cfb_open(struct str bytes, struct arena *a, struct cfb *ret, cfb_range tell, void *ctx, struct err *err)
{
	uint64_t n;

	if (tell == NULL)
		tell = nobody;
	*ret = (struct cfb){ .bytes = bytes, .a = a, .shift = str_le16(bytes, 30) };
	if (bytes.n < HEADER || memcmp(bytes.p, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) != 0)
		return FAIL(err, RC_BAD, "compound file: no header");
	if (ret->shift != 9 && ret->shift != 12)
		return FAIL(err, RC_BAD, "compound file: sectors of 2^%u bytes", ret->shift);
	n = (bytes.n + (1u << ret->shift) - 1) >> ret->shift;
	ret->n_sectors = n > 1 ? (uint32_t)(n - 1 < SECTOR_LAST ? n - 1 : SECTOR_LAST) : 0;
	ret->next = arena_array(a, (size_t)ret->n_sectors + 1, sizeof *ret->next);
	ret->used = arena_array(a, (size_t)ret->n_sectors + 1, 1);
	if (ret->next == NULL || ret->used == NULL)
		return FAIL(err, RC_NOMEM, "compound file: out of memory");
	memset(ret->used, 0, (size_t)ret->n_sectors + 1);
	tell(ctx, 0, HEADER);
	if (ret->shift > 9 && bytes.n >= (1u << ret->shift) && all_zero((struct str){ bytes.p + HEADER, (1u << ret->shift) - HEADER }))
		tell(ctx, HEADER, (1u << ret->shift) - HEADER);
	read_tables(ret, tell, ctx);
	TRY(read_directory(ret, tell, ctx, err));
	return read_small(ret, tell, ctx, err);
}

/* Packages of the installer keep names in 64 letters, two to a character (no specification; as msitools and Wine read them). */
bool cfb_msi_name(struct str packed, struct buf *out)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
	size_t at = 0;
	bool any = false;

	while (at < packed.n) {
		size_t from = at;
		uint32_t c = utf8_next(packed, &at);

		if (c >= 0x3800 && c < 0x4800) {
			buf_char(out, letters[(c - 0x3800) & 63]);
			buf_char(out, letters[(c - 0x3800) >> 6]);
		} else if (c >= 0x4800 && c < 0x4840) {
			buf_char(out, letters[c - 0x4800]);
		} else if (c == 0x4840) {
			buf_char(out, '!'); /* before the name of a table */
		} else {
			buf_str(out, str_slice(packed, from, at));
			continue;
		}
		any = true;
	}
	return any;
}

struct str cfb_path(const struct cfb *c, uint32_t entry, struct arena *a)
{
	const struct str *part[64];
	size_t n = 0, size = 0, at = 0;
	char *out;

	for (uint32_t i = entry; n < COUNTOF(part); i = c->entry[i].parent) {
		if (i == 0 && n > 0)
			break;
		part[n++] = &c->entry[i].name;
		size += c->entry[i].name.n + 1;
		if (c->entry[i].parent == i || size > CFB_PATH_MAX)
			break;
	}
	out = arena_alloc(a, size + 1);
	if (out == NULL)
		return S("");
	while (n-- > 0) {
		memcpy(out + at, part[n]->p, part[n]->n);
		at += part[n]->n;
		if (n > 0)
			out[at++] = '/';
	}
	return (struct str){ out, at };
}
