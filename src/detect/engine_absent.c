/* A few texts, a whole line: three bytes at a place are looked up by their
 * halves in tables of sixteen, sixty-four or thirty-two places at once (the way
 * of Teddy in Hyperscan); what passes is compared exactly. Both cases of a
 * letter stand in the tables. The line is searched as it came, so whatever
 * could write a letter otherwise makes the answer "perhaps": an escape \uXXXX,
 * and the two characters beyond ASCII that fold into it (U+212A, U+017F). */
#include "detect/engine_absent.h"

#include "base/ascii.h"
#include "base/fold.h"

bool absent_takes(const char *four)
{
	for (int i = 0; i < 4; i++)
		if (four[i] < ' ' || four[i] == '"' || four[i] == '\\' || four[i] == '/' || four[i] == 0x7f)
			return false;
	return true;
}

#ifdef __x86_64__
#include <immintrin.h>

#define DEPTH 3

struct absent {
	uint32_t n;
	uint32_t quads[ABSENT_QUADS_MAX];
	/* By place in the quad and by half of the byte: which eighth of the quads may have it. */
	uint8_t low[DEPTH][16], high[DEPTH][16];
	uint64_t exact[64]; /* bits by hash of a quad */
};

static unsigned slot_of(uint32_t quad)
{
	return (quad * 0x9e3779b1u) >> 20;
}

static uint32_t folded4(const char *p)
{
	char four[4];
	uint32_t v;

	for (int i = 0; i < 4; i++)
		four[i] = ascii_to_lower(p[i]);
	memcpy(&v, four, 4);
	return v;
}

bool absent_build(struct arena *a, const uint32_t *quads, size_t n, const struct absent **ret)
{
	struct absent *x;

	*ret = NULL;
	if (n == 0 || n > ABSENT_QUADS_MAX || !__builtin_cpu_supports("avx2"))
		return true;
	x = arena_alloc(a, sizeof *x);
	if (x == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char four[4];

		memcpy(four, &quads[i], 4);
		x->quads[x->n++] = quads[i];
		x->exact[slot_of(quads[i]) / 64] |= (uint64_t)1 << (slot_of(quads[i]) % 64);
		for (int k = 0; k < DEPTH; k++) {
			uint8_t bit = (uint8_t)(1u << (i % 8));

			x->low[k][four[k] & 15] |= bit;
			x->high[k][four[k] >> 4] |= bit;
			if (ascii_lower((char)four[k]))
				x->high[k][(four[k] - 32) >> 4] |= bit;
		}
	}
	*ret = x;
	return true;
}

/* Is one of the quads at `p`, where four bytes are? */
static bool there(const struct absent *x, const char *p)
{
	uint32_t quad = folded4(p);
	unsigned slot = slot_of(quad);

	if ((x->exact[slot / 64] >> (slot % 64) & 1) == 0)
		return false;
	for (uint32_t i = 0; i < x->n; i++)
		if (x->quads[i] == quad)
			return true;
	return false;
}

/* The backslash at `at` begins \u, unless it is the second of a pair. */
static bool begins_escape(struct str line, size_t at)
{
	size_t before = 0;

	while (before < at && line.p[at - before - 1] == '\\')
		before++;
	return before % 2 == 0;
}

/* What the places of one look tell: candidates, `\u`, bytes beyond ASCII. */
struct look { uint64_t hits, escapes, wide; };

/* `p`: the bytes of the look and three behind them; they stand at `at` of the line. */
static bool clear(const struct absent *x, struct str line, size_t at, const char *p, struct look l)
{
	for (; l.hits != 0; l.hits &= l.hits - 1)
		if (there(x, p + __builtin_ctzll(l.hits)))
			return false;
	for (; l.escapes != 0; l.escapes &= l.escapes - 1)
		if (begins_escape(line, at + (size_t)__builtin_ctzll(l.escapes)))
			return false;
	return true;
}

__attribute__((target("avx512f,avx512bw"))) static struct look look64(const struct absent *x, const char *p)
{
	const __m512i half = _mm512_set1_epi8(15);
	__m512i all = _mm512_set1_epi8(-1), first = _mm512_loadu_si512(p), second = _mm512_loadu_si512(p + 1);
	struct look l;

	for (int k = 0; k < DEPTH; k++) {
		__m512i c = k == 0 ? first : k == 1 ? second : _mm512_loadu_si512(p + k);
		__m512i low = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)x->low[k]));
		__m512i high = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)x->high[k]));

		all = _mm512_and_si512(all, _mm512_and_si512(_mm512_shuffle_epi8(low, _mm512_and_si512(c, half)),
							     _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(c, 4), half))));
	}
	l.hits = _mm512_test_epi8_mask(all, all);
	l.wide = _mm512_movepi8_mask(first);
	l.escapes = _mm512_cmpeq_epi8_mask(first, _mm512_set1_epi8('\\')) & _mm512_cmpeq_epi8_mask(second, _mm512_set1_epi8('u'));
	return l;
}

__attribute__((target("avx2"))) static struct look look32(const struct absent *x, const char *p)
{
	const __m256i half = _mm256_set1_epi8(15);
	__m256i all = _mm256_set1_epi8(-1), first = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(p + 1)), none = _mm256_setzero_si256();
	struct look l;

	for (int k = 0; k < DEPTH; k++) {
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(p + k));
		__m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)x->low[k]));
		__m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)x->high[k]));

		all = _mm256_and_si256(all, _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(c, half)),
							     _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(c, 4), half))));
	}
	l.hits = (uint32_t)~_mm256_movemask_epi8(_mm256_cmpeq_epi8(all, none));
	l.wide = (uint32_t)_mm256_movemask_epi8(first);
	l.escapes = (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(_mm256_cmpeq_epi8(first, _mm256_set1_epi8('\\')),
								    _mm256_cmpeq_epi8(second, _mm256_set1_epi8('u'))));
	return l;
}

__attribute__((target("avx512f,avx512bw"))) static bool search64(const struct absent *x, struct str line, uint64_t *wide)
{
	char tail[64 + 4] = { 0 };
	struct look l;
	size_t i = 0;

	for (; i + 64 + 4 <= line.n; i += 64) {
		l = look64(x, line.p + i);
		*wide |= l.wide;
		if (UNLIKELY((l.hits | l.escapes) != 0) && !clear(x, line, i, line.p + i, l))
			return false;
	}
	while (i < line.n) {
		size_t n = line.n - i < 64 + 4 ? line.n - i : 64 + 4;

		memcpy(tail, line.p + i, n);
		memset(tail + n, 0, sizeof tail - n);
		l = look64(x, tail);
		*wide |= l.wide;
		if (!clear(x, line, i, tail, l))
			return false;
		i += 64;
	}
	return true;
}

__attribute__((target("avx2"))) static bool search32(const struct absent *x, struct str line, uint64_t *wide)
{
	char tail[32 + 4] = { 0 };
	struct look l;
	size_t i = 0;

	for (; i + 32 + 4 <= line.n; i += 32) {
		l = look32(x, line.p + i);
		*wide |= l.wide;
		if (UNLIKELY((l.hits | l.escapes) != 0) && !clear(x, line, i, line.p + i, l))
			return false;
	}
	while (i < line.n) {
		size_t n = line.n - i < 32 + 4 ? line.n - i : 32 + 4;

		memcpy(tail, line.p + i, n);
		memset(tail + n, 0, sizeof tail - n);
		l = look32(x, tail);
		*wide |= l.wide;
		if (!clear(x, line, i, tail, l))
			return false;
		i += 32;
	}
	return true;
}

bool absent_from(const struct absent *x, struct str line)
{
	uint64_t wide = 0;

	if (!(__builtin_cpu_supports("avx512bw") ? search64(x, line, &wide) : search32(x, line, &wide)))
		return false;
	return wide == 0 || (str_find(line, S("\xe2\x84\xaa"), 0) == SIZE_MAX && str_find(line, S("\xc5\xbf"), 0) == SIZE_MAX);
}
#else

bool absent_build(struct arena *a, const uint32_t *quads, size_t n, const struct absent **ret)
{
	(void)a;
	(void)quads;
	(void)n;
	*ret = NULL;
	return true;
}

bool absent_from(const struct absent *x, struct str line)
{
	(void)x;
	(void)line;
	return false;
}

#endif
