/* Each key owns three cells, one in each of three neighbouring segments; the
 * cells' exclusive or is the key's fingerprint. Building peels keys off that are
 * alone in a cell, in the reverse order they are then written. A seed for which
 * the peeling gets stuck is replaced; seeds come from the keys' number alone, so
 * that equal sets make equal bytes.
 *
 * Cells are packed without gaps. Twelve to fourteen bits are what the index of
 * the history is after, and neither a byte nor two bytes give that.
 *
 * Hostile: the filter's bytes at reading. Everything that indexes is checked once
 * in fuse_view; fuse_has then stays inside for every key. */
#include "detect/fuse.h"

#include <math.h>

#include "base/mem.h"
#include "base/rd.h"

#define HEAD 24           /* seed, segment, segments, bits, magic */
#define MAGIC 0x31455546u /* "FUE1" */
#define PAD 3             /* a cell is read as four bytes */
#define TRIES 200
#define FIRST_IN_HURRY 28 /* of them: most keys come apart at once with the cells of this one */
#define SEGMENT_MOST ((uint32_t)1 << 18)

struct work {
	uint64_t *sums;  /* of the keys' hashes in a cell */
	uint32_t *counts;
	uint32_t *alone; /* cells to look at */
	uint64_t *order; /* hashes in the order of peeling */
	uint8_t *which;  /* which of its cells the key was alone in */
};

/* The finaliser of MurmurHash3. */
static uint64_t mix(uint64_t key, uint64_t seed)
{
	uint64_t h = key + seed;

	h = (h ^ h >> 33) * 0xff51afd7ed558ccdULL;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

static void cells_of(const struct fuse *f, uint64_t hash, uint32_t out[static 3])
{
	uint64_t span = (uint64_t)f->segment * f->segments;
	uint32_t mask = f->segment - 1;

	out[0] = (uint32_t)((unsigned __int128)hash * span >> 64);
	out[1] = (out[0] + f->segment) ^ ((uint32_t)(hash >> 18) & mask);
	out[2] = (out[0] + 2 * f->segment) ^ ((uint32_t)hash & mask);
}

static uint32_t fingerprint(const struct fuse *f, uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32) & ((1u << f->bits) - 1);
}

static uint64_t all_cells(const struct fuse *f)
{
	return (uint64_t)f->segment * (f->segments + 2);
}

static uint32_t cell_get(const unsigned char *cells, uint32_t bits, uint32_t i)
{
	uint64_t at = (uint64_t)i * bits;
	uint32_t word;

	memcpy(&word, cells + at / 8, sizeof word);
	return word >> (at % 8) & ((1u << bits) - 1);
}

static void cell_set(unsigned char *cells, uint32_t bits, uint32_t i, uint32_t value)
{
	uint64_t at = (uint64_t)i * bits;
	uint32_t word;

	memcpy(&word, cells + at / 8, sizeof word);
	word |= value << (at % 8); /* written once, onto zeros */
	memcpy(cells + at / 8, &word, sizeof word);
}

/* The paper's sizes are for millions of keys and a good seed at the first go. A block has a few thousand, and a few more seeds
 * cost nothing beside its compression: segments of half the size, a tenth fewer cells, and a percent more at every fourth
 * seed. 1.24 cells a key instead of 1.34 at 2,300 keys. */
static void plan(struct fuse *f, size_t n, int seed)
{
	double keys = (double)(n < 10 ? 10 : n);
	double exponent = floor(log(keys) / log(3.33) + 1.25), spread = 0.775 + 0.25 * log(1e6) / log(keys);
	double capacity = keys * ((spread < 1.125 ? 1.125 : spread) + 0.01 * (seed / 4));
	uint32_t wanted;

	f->segment = exponent >= 18 ? SEGMENT_MOST : 1u << (unsigned)exponent;
	wanted = ((uint32_t)capacity + f->segment - 1) / f->segment;
	f->segments = wanted <= 2 ? 1 : wanted - 2;
}

static void pile(const struct fuse *f, struct work *w, const uint64_t *keys, size_t n)
{
	memset(w->sums, 0, all_cells(f) * sizeof *w->sums);
	memset(w->counts, 0, all_cells(f) * sizeof *w->counts);
	for (size_t i = 0; i < n; i++) {
		uint64_t hash = mix(keys[i], f->seed);
		uint32_t at[3];

		cells_of(f, hash, at);
		for (int k = 0; k < 3; k++) {
			w->sums[at[k]] ^= hash;
			w->counts[at[k]]++;
		}
	}
}

/* True when every key found a cell of its own. */
static bool peel(const struct fuse *f, struct work *w, size_t n)
{
	size_t waiting = 0, done = 0;

	for (uint32_t i = 0; i < all_cells(f); i++)
		if (w->counts[i] == 1)
			w->alone[waiting++] = i;
	while (waiting > 0) {
		uint32_t cell = w->alone[--waiting], at[3];
		uint64_t hash = w->sums[cell];

		if (w->counts[cell] != 1)
			continue;
		cells_of(f, hash, at);
		w->order[done] = hash;
		for (uint8_t k = 0; k < 3; k++) {
			if (at[k] == cell)
				w->which[done] = k;
			w->sums[at[k]] ^= hash;
			if (--w->counts[at[k]] == 1)
				w->alone[waiting++] = at[k];
		}
		done++;
	}
	return done == n;
}

static void write_cells(const struct fuse *f, const struct work *w, size_t n, unsigned char *cells)
{
	for (size_t i = n; i-- > 0;) {
		uint32_t at[3], value = fingerprint(f, w->order[i]);

		cells_of(f, w->order[i], at);
		for (int k = 0; k < 3; k++)
			if (k != w->which[i])
				value ^= cell_get(cells, f->bits, at[k]);
		cell_set(cells, f->bits, at[w->which[i]], value);
	}
}

static void put_head(const struct fuse *f, struct buf *out)
{
	buf_le64(out, f->seed);
	buf_le32(out, f->segment);
	buf_le32(out, f->segments);
	buf_le32(out, f->bits);
	buf_le32(out, MAGIC);
}

static enum rc fill(struct fuse *f, struct work *w, const uint64_t *keys, size_t n, bool hurry, struct buf *out, struct err *err)
{
	bool good = false;
	size_t bytes;
	char *room;

	for (int i = hurry ? FIRST_IN_HURRY : 0; i < TRIES && !good; i++) {
		plan(f, n, i);
		f->seed = mix(n, (uint64_t)i + 1);
		pile(f, w, keys, n);
		good = peel(f, w, n);
	}
	if (!good)
		return FAIL(err, RC_INTERNAL, "filter: %zu keys do not come apart", n);
	bytes = (size_t)(all_cells(f) * f->bits + 7) / 8 + PAD;
	put_head(f, out);
	room = buf_room(out, bytes);
	if (room == NULL)
		return buf_check(out, err, "filter");
	memset(room, 0, bytes);
	write_cells(f, w, n, (unsigned char *)room);
	buf_grew(out, bytes);
	return buf_check(out, err, "filter");
}

enum rc fuse_build(const uint64_t *keys, size_t n, unsigned bits, bool hurry, struct buf *out, struct err *err)
{
	struct fuse f = { .bits = bits };
	struct work w;
	enum rc rc;

	if (n > FUSE_KEYS_MAX || bits < FUSE_BITS_LEAST || bits > FUSE_BITS_MOST)
		return FAIL(err, RC_LIMIT, "filter: %zu keys of %u bits", n, bits);
	if (n == 0) {
		put_head(&(struct fuse){ .segment = 1, .segments = 1 }, out);
		return buf_check(out, err, "filter");
	}
	plan(&f, n, TRIES); /* the largest it may become */
	w = (struct work){ .sums = mem_array(all_cells(&f), sizeof *w.sums), .counts = mem_array(all_cells(&f), sizeof *w.counts),
			   .alone = mem_array(all_cells(&f), sizeof *w.alone), .order = mem_array(n, sizeof *w.order),
			   .which = mem_array(n, sizeof *w.which) };
	rc = w.sums == NULL || w.counts == NULL || w.alone == NULL || w.order == NULL || w.which == NULL
		? FAIL(err, RC_NOMEM, "filter: out of memory") : fill(&f, &w, keys, n, hurry, out, err);
	mem_free(w.sums);
	mem_free(w.counts);
	mem_free(w.alone);
	mem_free(w.order);
	mem_free(w.which);
	return rc;
}

enum rc fuse_view(struct str bytes, struct fuse *ret, struct err *err)
{
	struct fuse f = { 0 };
	struct rd r;

	rd_init(&r, bytes);
	f.seed = rd_le64(&r);
	f.segment = rd_le32(&r);
	f.segments = rd_le32(&r);
	f.bits = rd_le32(&r);
	if (rd_le32(&r) != MAGIC || r.bad || f.segment == 0 || f.segment > SEGMENT_MOST || (f.segment & (f.segment - 1)) != 0 ||
	    f.segments == 0 || f.segments > 2 * FUSE_KEYS_MAX)
		return FAIL(err, RC_CORRUPT, "filter: not one");
	if (f.bits != 0 && (f.bits < FUSE_BITS_LEAST || f.bits > FUSE_BITS_MOST || all_cells(&f) > 4 * FUSE_KEYS_MAX ||
			    rd_left(&r) < (all_cells(&f) * f.bits + 7) / 8 + PAD))
		return FAIL(err, RC_CORRUPT, "filter: shorter than its cells");
	f.cells = (const unsigned char *)bytes.p + HEAD;
	*ret = f;
	return RC_OK;
}

bool fuse_has(const struct fuse *f, uint64_t key)
{
	uint64_t hash = mix(key, f->seed);
	uint32_t at[3], sum;

	if (f->bits == 0)
		return false;
	cells_of(f, hash, at);
	sum = cell_get(f->cells, f->bits, at[0]) ^ cell_get(f->cells, f->bits, at[1]) ^ cell_get(f->cells, f->bits, at[2]);
	return sum == fingerprint(f, hash);
}
