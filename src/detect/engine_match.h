/* Inside the engine only: the matcher of one field, for the witnesses of one
 * group. Which of them hold for a value is found out in one pass over it. */
#ifndef DETECT_ENGINE_MATCH_H
#define DETECT_ENGINE_MATCH_H

#include "detect/engine_few.h"
#include "detect/engine_int.h"

struct match_entry {
	uint32_t witness; /* number in the group */
	uint32_t beside;  /* four other bytes of the literal that the key's are of */
	uint16_t at;      /* where in the literal the key's stand */
	int8_t where;     /* and how far from these the four do; MATCH_ALONE: there are none */
	bool exact;       /* the test is that the literal stands there; else it is to be asked */
};
#define MATCH_ALONE INT8_MAX

/* "greater than 5" and the like: of a list that is sorted those that hold stand at its beginning. */
struct threshold { double number; uint32_t witness; bool or_equal; };

struct match_bucket { uint64_t key; uint32_t first, n; }; /* n == 0: empty */

struct matcher {
	uint32_t id;                  /* of its own in the image */
	uint32_t kinds;               /* bit 1 << enum key_kind: which keys there are */
	const struct match_bucket *table;
	uint32_t mask;
	uint32_t whole_max;           /* a longer value is none of those that are asked for whole */
	const struct match_entry *entries;
	const uint64_t *ends;         /* bits by key: of all kinds but quads and pairs, which have bitmaps of their own */
	uint32_t ends_mask;
	const uint64_t *quads;        /* bits by hash of four bytes: they are a key; NULL: none */
	const uint64_t *pairs;        /* bitmap of two bytes; NULL: none */
	unsigned quad_shift, stride;  /* every stride-th place is looked at: long literals have that many quads */
	const struct few *few;        /* where short literals stand; NULL: their quads are among the others */
	const struct threshold *above, *below; /* ascending: GT and GE; descending: LT and LE */
	uint32_t n_above, n_below;
	const uint32_t *direct;       /* witnesses that have no key: asked one by one */
	uint32_t n_direct;
};

/* Keys of a value: all of it, its first and last bytes, four or two bytes anywhere, its number. */
enum key_kind {
	KEY_WHOLE, KEY_FIRST8, KEY_FIRST4, KEY_FIRST2, KEY_FIRST1, KEY_LAST8, KEY_LAST4, KEY_LAST2, KEY_LAST1, KEY_QUAD, KEY_PAIR, KEY_NUMBER
};

/* A matcher over witnesses first..first+n, of which tests[i] is the test. All in `a`. False: no memory. */
bool matcher_build(struct arena *a, const struct engine_image *m, const uint32_t *tests, uint32_t first, uint32_t n, uint32_t id,
		   struct matcher *ret);

/* A pass over one value. */
struct match_pass {
	const struct matcher *matcher;
	const struct test *tests;      /* of the image */
	const uint32_t *witness_test;  /* of the group */
	enum flat_type type;
	const struct text *text;
	struct regex_run *regex;
	uint32_t *tried, pass;         /* by witness: the pass in which it was decided */
	uint32_t *hits;
	uint32_t n_hits;
};
void matcher_run(struct match_pass *p);

#endif
