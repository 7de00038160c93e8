/* Digests that stay alike when files do. Both are written from their papers and give the very text of the usual programs:
 * ctph as `ssdeep` (J. Kornblum, Identifying almost identical files using context triggered piecewise hashing, 2006),
 * tlsh as `tlsh` (J. Oliver et al., TLSH - a locality sensitive hash, 2013) with the "T1" that its present version puts before.
 * Bytes come piece by piece, so that the caller can stop in between. */
#ifndef LAB_SIMILAR_H
#define LAB_SIMILAR_H

#include "base/err.h"
#include "base/str.h"

/* --- ctph --- */

#define CTPH_PIECES 64
#define CTPH_TEXT_MAX (20 + 1 + CTPH_PIECES + 1 + CTPH_PIECES / 2 + 1) /* "196608:...:..." and a NUL */
#define CTPH_LEVELS 4 /* block sizes looked at in one pass, each twice the one before */
#define CTPH_WINDOW 7

struct ctph {
	uint64_t size;
	unsigned first;                /* the smallest level of this pass: blocks of 3 << first bytes */
	unsigned guess;                /* the level that the size suggests */
	struct ctph_level {
		unsigned char whole, half; /* hash of the piece under way, of the long and of the short half of the text */
		unsigned n;
		char text[CTPH_PIECES], short_end;
	} level[CTPH_LEVELS];
	unsigned char window[CTPH_WINDOW];
	uint32_t sum, weighted, shifted, at;
};

/* For a file of `size` bytes, all of which are then added. */
void ctph_begin(struct ctph *c, uint64_t size);
void ctph_add(struct ctph *c, struct str bytes);
/* False: with these block sizes the text is too short; all bytes are to be added once more, for smaller ones (at most 10 times, on files
 * of hardly any variety). */
bool ctph_end(struct ctph *c, char out[static CTPH_TEXT_MAX]) MUSTUSE;

/* How alike two such texts say their files are, as `ssdeep` counts: 0 nothing in common, 100 the same text. 0 also when one of them is none. */
int ctph_score(struct str a, struct str b);

#define CTPH_KEYS_MAX 128
/* Under which a text is kept so that its relatives are found without a look at all others: two texts with a score share a key (or are the
 * same and too short for one). Keys are below 2^56; their number, 0 for what is no such text or has less than seven characters. */
size_t ctph_keys(struct str text, uint64_t keys[static CTPH_KEYS_MAX]);

/* --- tlsh --- */

#define TLSH_TEXT_MAX 73 /* "T1", 70 digits and a NUL */
#define TLSH_WINDOW 4 /* bytes before the present one */

struct tlsh {
	uint32_t bucket[256];
	uint64_t size;
	unsigned char window[TLSH_WINDOW], checksum;
};

void tlsh_begin(struct tlsh *t);
void tlsh_add(struct tlsh *t, struct str bytes);
/* False: less than 50 bytes, or too little variety: there is none. */
bool tlsh_end(const struct tlsh *t, char out[static TLSH_TEXT_MAX]) MUSTUSE;

/* How far two such texts are apart: 0 the same, below 30 close relatives, below 100 perhaps. -1: one of them is no digest
 * (with or without "T1", digits in either case). */
int tlsh_distance(struct str a, struct str b);

#define TLSH_SHELF_BITS 8
/* On which shelf and in which box of it a text is kept (0 to 65,535): the shelf (upper bits) by the length of its file, the box (TLSH_SHELF_BITS)
 * by its two ratios. -1: it is none. */
int tlsh_place(struct str text);
/* The least that two texts of these places can be apart: what is farther is not looked at. */
int tlsh_place_distance(int a, int b);

#endif
