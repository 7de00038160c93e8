/* Quotes of a line by AVX-512: classes by one table look-up, positions by
 * compressing a row of numbers. */
#include "wire/flat_json_path.h"

#ifdef __x86_64__
#include <immintrin.h>

#include "wire/flat_json_walk.h"

#define MACHINE __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,lzcnt,popcnt")))
#define MACHINE_INLINE MACHINE __attribute__((always_inline)) static inline

/* 1 for what may stand behind a backslash but "u". */
static const unsigned char letters[128] = {
	['"'] = 1, ['\\'] = 1, ['/'] = 1, ['b'] = 1, ['f'] = 1, ['n'] = 1, ['r'] = 1, ['t'] = 1,
};

static const unsigned char rising[64] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
	32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
};

/* Writes the positions of `bits`, and some more behind them that do not count. */
MACHINE_INLINE uint16_t *put_positions(uint16_t *to, uint64_t bits, size_t base)
{
	__m512i at = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(rising)), from = _mm512_set1_epi16((short)base);
	unsigned n = (unsigned)__builtin_popcountll(bits);

	_mm512_storeu_si512(to, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(at)), from));
	if (UNLIKELY(n > 32))
		_mm512_storeu_si512(to + 32, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(at, 1)), from));
	return to + n;
}

/* Control characters and bytes beyond ASCII; `odd` are their places. */
MACHINE_INLINE bool check_odd(struct walk_carry *c, const struct flat_index *x, struct str line, size_t base, uint64_t odd,
			      uint64_t high, uint64_t quotes)
{
	bool inside = ((c->to - x->quotes) & 1) != 0;

	if (UNLIKELY((odd & ~high) != 0) && (odd & ~high & walk_inside(quotes, inside)) != 0)
		return false;
	return high == 0 || walk_utf8(line, base, high, &c->utf8_done);
}

MACHINE_INLINE bool take_block(struct walk_carry *c, struct flat_index *x, struct str line, size_t base, __m512i v)
{
	uint64_t slashes = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'));
	uint64_t quotes = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"'));
	uint64_t odd = _mm512_cmplt_epi8_mask(v, _mm512_set1_epi8(' '));
	uint64_t escaped = walk_behind_slash(c, slashes);
	uint64_t good = _mm512_test_epi8_mask(
		_mm512_permutex2var_epi8(_mm512_loadu_si512(letters), v, _mm512_loadu_si512(letters + 64)), _mm512_set1_epi8(1));

	quotes &= ~escaped;
	if (UNLIKELY((escaped & ~good) != 0) && !walk_escapes(line, base, escaped & ~good))
		return false;
	if (UNLIKELY(odd != 0) && !check_odd(c, x, line, base, odd, _mm512_movepi8_mask(v), quotes))
		return false;
	x->escaped[base / 64] = walk_with_slash(c, quotes, slashes);
	c->to = put_positions(c->to, quotes, base);
	return true;
}

/* The index of the line, which is trimmed; its end, or NULL when something is wrong. */
MACHINE __attribute__((noinline)) static const uint16_t *find_quotes(struct flat_index *x, struct str line)
{
	struct walk_carry c = { .to = x->quotes };
	size_t at = 0;

	for (; line.n - at >= 64; at += 64)
		if (UNLIKELY(!take_block(&c, x, line, at, _mm512_loadu_si512(line.p + at))))
			return NULL;
	if (line.n > at && !take_block(&c, x, line, at, _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '),
			_bzhi_u64(~(uint64_t)0, (unsigned)(line.n - at)), line.p + at)))
		return NULL;
	return c.to;
}

MACHINE bool flat_json_avx512(struct flat *f, const struct fields *dict, struct str line)
{
	const uint16_t *to;

	if (UNLIKELY(!walk_trim(&line)))
		return false;
	to = find_quotes(&f->work->index, line);
	return LIKELY(to != NULL) && walk_start(f, dict, line, to);
}

#endif
