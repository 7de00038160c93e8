/* Texts of ctph compared with each other, as `ssdeep` 2.14 does it: runs of one character count for three, two texts of one block size
 * (or of one and its double) that share seven characters in a row are as alike as few insertions and deletions make one of the other, and
 * short texts of small blocks are not believed too much. */
#include "base/hash.h"
#include "lab/similar.h"

#define SHARED 7                    /* characters in a row */
#define RUN 3
#define SMALL_BLOCK (15 * 3)        /* below that the score is bounded by the texts' length */
#define BLOCK_MIN 3
#define LEVELS 30

struct ctph_text {
	uint64_t block;
	char half[2][CTPH_PIECES + 1];
	size_t n[2];
};

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* One half without what is more than three of a kind. */
static bool read_half(struct str s, struct ctph_text *t, int which)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (!is_letter(s.p[i]))
			return false;
		if (i >= RUN && s.p[i] == s.p[i - 1] && s.p[i] == s.p[i - 2] && s.p[i] == s.p[i - 3])
			continue;
		if (n == CTPH_PIECES)
			return false;
		t->half[which][n++] = s.p[i];
	}
	t->n[which] = n;
	return true;
}

/* "96:abc:de"; what stands behind a comma is a file's name. */
static bool read_text(struct str s, struct ctph_text *t)
{
	size_t first = str_find(s, S(":"), 0), second = first == SIZE_MAX ? SIZE_MAX : str_find(s, S(":"), first + 1), end;
	int64_t block;

	if (second == SIZE_MAX || !str_to_i64(str_slice(s, 0, first), &block) || block < BLOCK_MIN || block > (int64_t)BLOCK_MIN << LEVELS)
		return false;
	end = str_find(s, S(","), second);
	t->block = (uint64_t)block;
	return read_half(str_slice(s, first + 1, second), t, 0) && read_half(str_slice(s, second + 1, end == SIZE_MAX ? s.n : end), t, 1);
}

static bool share_seven(const char *a, size_t na, const char *b, size_t nb)
{
	for (size_t i = 0; i + SHARED <= na; i++)
		for (size_t j = 0; j + SHARED <= nb; j++)
			if (memcmp(a + i, b + j, SHARED) == 0)
				return true;
	return false;
}

/* Insertions and deletions, each 1; a change is one of each. */
static unsigned edits(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[CTPH_PIECES + 1];

	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned above = row[j], best = corner + (a[i - 1] == b[j - 1] ? 0 : 2);

			best = above + 1 < best ? above + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			corner = above;
			row[j] = best;
		}
	}
	return row[nb];
}

static unsigned score_halves(const struct ctph_text *x, int xh, const struct ctph_text *y, int yh, uint64_t block)
{
	size_t na = x->n[xh], nb = y->n[yh];
	unsigned score;
	uint64_t most;

	if (!share_seven(x->half[xh], na, y->half[yh], nb))
		return 0;
	score = edits(x->half[xh], na, y->half[yh], nb) * CTPH_PIECES / (unsigned)(na + nb);
	score = 100 * score / CTPH_PIECES;
	score = score >= 100 ? 0 : 100 - score;
	if (block >= SMALL_BLOCK)
		return score;
	most = block / BLOCK_MIN * (na < nb ? na : nb);
	return score > most ? (unsigned)most : score;
}

int ctph_score(struct str a, struct str b)
{
	struct ctph_text x, y;
	unsigned one, two;

	if (!read_text(a, &x) || !read_text(b, &y))
		return 0;
	if (x.block == y.block && x.n[0] == y.n[0] && x.n[1] == y.n[1] && memcmp(x.half[0], y.half[0], x.n[0]) == 0 && memcmp(x.half[1], y.half[1], x.n[1]) == 0)
		return 100;
	if (x.block == 2 * y.block)
		return (int)score_halves(&x, 0, &y, 1, x.block);
	if (y.block == 2 * x.block)
		return (int)score_halves(&x, 1, &y, 0, y.block);
	if (x.block != y.block)
		return 0;
	one = score_halves(&x, 0, &y, 0, x.block);
	two = score_halves(&x, 1, &y, 1, 2 * x.block);
	return (int)(one > two ? one : two);
}

/* --- keys --- */

/* A seven of this block size as a number that looks drawn, the same on every machine. */
static uint64_t key_of(const char *p, uint64_t block)
{
	uint64_t h = 0xCBF29CE484222325u ^ block * 0x9E3779B97F4A7C15u;

	for (size_t i = 0; i < SHARED; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001B3u;
	h ^= h >> 29;
	h *= 0xBF58476D1CE4E5B9u;
	return (h ^ h >> 32) >> 8;
}

static size_t put_keys(const char *p, size_t n, uint64_t block, uint64_t *keys, size_t room)
{
	size_t sevens = n >= SHARED ? n - SHARED + 1 : 0;

	for (size_t i = 0; i < sevens && i < room; i++)
		keys[i] = key_of(p + i, block);
	return sevens < room ? sevens : room;
}

size_t ctph_keys(struct str text, uint64_t keys[static CTPH_KEYS_MAX])
{
	struct ctph_text t;
	size_t n;

	if (!read_text(text, &t))
		return 0;
	n = put_keys(t.half[0], t.n[0], t.block, keys, CTPH_KEYS_MAX);
	return n + put_keys(t.half[1], t.n[1], 2 * t.block, keys + n, CTPH_KEYS_MAX - n);
}
