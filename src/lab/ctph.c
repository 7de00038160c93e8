#include "lab/similar.h"

#include <stdio.h>
#include <string.h>

#define SMALLEST_BLOCK 3u
#define LEVELS_MAX 31u /* 3 << 30 bytes a block */
#define HALF (CTPH_PIECES / 2)

/* Of the FNV hash of a piece only six bits are ever shown, and they depend on six bits alone. */
#define SIX 0x3fu
#define PIECE_BEGIN (0x28021967u & SIX)
#define PIECE_PRIME (0x01000193u & SIX)

static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void begin_pass(struct ctph *c)
{
	memset(c->window, 0, sizeof c->window);
	c->sum = c->weighted = c->shifted = c->at = 0;
	for (size_t i = 0; i < CTPH_LEVELS; i++)
		c->level[i] = (struct ctph_level){ .whole = PIECE_BEGIN, .half = PIECE_BEGIN };
}

void ctph_begin(struct ctph *c, uint64_t size)
{
	unsigned guess = 0;

	while (guess < LEVELS_MAX - 1 && ((uint64_t)SMALLEST_BLOCK << guess) * CTPH_PIECES < size)
		guess++;
	/* The guess, the next one (second half of the text), and two below: chance often leaves the guess too few pieces. */
	*c = (struct ctph){ .size = size, .guess = guess, .first = guess < 2 ? 0 : guess - 2 };
	begin_pass(c);
}

static void end_piece(struct ctph_level *l)
{
	l->text[l->n] = LETTERS[l->whole];
	l->short_end = LETTERS[l->half];
	if (l->n == CTPH_PIECES - 1)
		return; /* the last letter stands for all the rest */
	l->n++;
	l->whole = PIECE_BEGIN;
	if (l->n < HALF) {
		l->half = PIECE_BEGIN;
		l->short_end = '\0';
	}
}

static void end_pieces(struct ctph *c, uint32_t rolled)
{
	for (unsigned i = 0; i < CTPH_LEVELS && c->first + i < LEVELS_MAX; i++) {
		uint32_t block = SMALLEST_BLOCK << (c->first + i);

		if (rolled % block != block - 1)
			return; /* nor does any larger block end here */
		end_piece(&c->level[i]);
	}
}

void ctph_add(struct ctph *c, struct str bytes)
{
	const uint32_t low = (1u << c->first) - 1;

	for (size_t i = 0; i < bytes.n; i++) {
		uint32_t b = (unsigned char)bytes.p[i], rolled;

		c->weighted += CTPH_WINDOW * b - c->sum;
		c->sum += b - c->window[c->at];
		c->window[c->at] = (unsigned char)b;
		c->at = c->at == CTPH_WINDOW - 1 ? 0 : c->at + 1;
		c->shifted = c->shifted << 5 ^ b;
		rolled = c->sum + c->weighted + c->shifted;
		for (size_t k = 0; k < CTPH_LEVELS; k++) {
			c->level[k].whole = (unsigned char)((c->level[k].whole * PIECE_PRIME ^ b) & SIX);
			c->level[k].half = (unsigned char)((c->level[k].half * PIECE_PRIME ^ b) & SIX);
		}
		if ((rolled & low) == low)
			end_pieces(c, rolled);
	}
}

/* The letters of a level, with that of the piece that the end of the file cut off. */
static size_t put_level(const struct ctph *c, const struct ctph_level *l, bool second, char *out)
{
	size_t n = second && l->n > HALF - 1 ? HALF - 1 : l->n;
	bool open = c->sum + c->weighted + c->shifted != 0;
	char last = second ? l->short_end : l->n == CTPH_PIECES - 1 ? l->text[l->n] : '\0';

	memcpy(out, l->text, n);
	if (open)
		out[n++] = LETTERS[second ? l->half : l->whole];
	else if (last != '\0')
		out[n++] = last;
	return n;
}

bool ctph_end(struct ctph *c, char out[static CTPH_TEXT_MAX])
{
	unsigned i = c->guess - c->first;
	char first[CTPH_PIECES + 1], second[CTPH_PIECES + 1];
	size_t n, m;

	while (i > 0 && c->level[i].n < HALF)
		i--;
	if (c->level[i].n < HALF && c->first > 0) {
		/* The next pass ends one level above where this one began, to have the second half for its best. */
		c->guess = c->first - 1;
		c->first = c->guess < CTPH_LEVELS - 2 ? 0 : c->guess - (CTPH_LEVELS - 2);
		begin_pass(c);
		return false;
	}
	n = put_level(c, &c->level[i], false, first);
	m = put_level(c, &c->level[i + 1], true, second);
	snprintf(out, CTPH_TEXT_MAX, "%u:%.*s:%.*s", SMALLEST_BLOCK << (c->first + i), (int)n, first, (int)m, second);
	return true;
}
