/* A binary fuse filter (Graf and Lemire, 2022) with a chosen number of bits per
 * cell: a set of 64-bit keys in about 1.13-1.3 cells each that answers "certainly
 * not" or "probably", wrong once in 2^bits. Built once, read in place. */
#ifndef DETECT_FUSE_H
#define DETECT_FUSE_H

#include "base/buf.h"

#define FUSE_BITS_LEAST 4
#define FUSE_BITS_MOST 16
#define FUSE_KEYS_MAX ((size_t)1 << 24)

/* Appends the filter of these keys, each of them once and in any order, to `out`: the same keys give the same bytes. `hurry`: in
 * less time, a few percent larger. RC_LIMIT, RC_NOMEM; RC_INTERNAL: a key stands there twice. */
enum rc fuse_build(const uint64_t *keys, size_t n, unsigned bits, bool hurry, struct buf *out, struct err *err) MUSTUSE;

/* A filter that was checked and may be asked; borrows its bytes. */
struct fuse {
	const unsigned char *cells;
	uint64_t seed;
	uint32_t segment, segments; /* cells of one, a power of two; how many a key's first cell may lie in */
	uint32_t bits;              /* 0: an empty set */
};

/* `bytes` may be anybody's. RC_CORRUPT: no filter of ours. */
enum rc fuse_view(struct str bytes, struct fuse *ret, struct err *err) MUSTUSE;

/* False: the key was not among those built from. */
bool fuse_has(const struct fuse *f, uint64_t key);

#endif
