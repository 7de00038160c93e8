/* Quotes of a line by AVX-512: classes by one table look-up, positions by
 * compressing a row of numbers. */
#include "wire/flat_json_path.h"

#ifdef __x86_64__
#include <immintrin.h>

#define MACHINE __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,lzcnt,popcnt")))
#define MACHINE_INLINE MACHINE __attribute__((always_inline)) static inline

/* Bytes that the mask leaves out are not touched. */
#define MACHINE_NEAR 0
MACHINE_INLINE __m256i machine_name(const char *name, uint32_t n)
{
	return _mm256_maskz_loadu_epi8(_bzhi_u32(~0u, n), name);
}

#include "wire/flat_json_walk.h"

/* What may stand behind a backslash but "u". */
static const unsigned char letters[128] = {
#define GOOD 0x80
	['"'] = GOOD, ['\\'] = GOOD, ['/'] = GOOD, ['b'] = GOOD, ['f'] = GOOD, ['n'] = GOOD, ['r'] = GOOD, ['t'] = GOOD,
};

static const unsigned char rising[64] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
	32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
};

/* Writes the positions of `bits`, of which the first is `from`, and some more behind them that do not count. A block of
 * a log has few quotes: sixteen are written always, more if need be. */
MACHINE_INLINE uint16_t *put_positions(uint16_t *to, uint64_t bits, __m256i from)
{
	__m512i at = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(rising));
	unsigned n = (unsigned)__builtin_popcountll(bits);

	_mm256_storeu_si256((__m256i *)(void *)to, _mm256_add_epi16(_mm256_cvtepu8_epi16(_mm512_castsi512_si128(at)), from));
	if (UNLIKELY(n > 16)) {
		__m512i wide = _mm512_broadcastw_epi16(_mm256_castsi256_si128(from));

		_mm512_storeu_si512(to, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(at)), wide));
		_mm512_storeu_si512(to + 32, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(at, 1)), wide));
	}
	return to + n;
}

/* Control characters and bytes beyond ASCII; `odd` are their places. */
MACHINE __attribute__((noinline)) static bool check_odd(struct str line, size_t base, uint64_t odd, uint64_t high, uint64_t quotes,
							bool inside)
{
	return (odd & ~high & walk_inside(quotes, inside)) == 0 && (high == 0 || walk_utf8(line, base, high));
}

MACHINE_INLINE bool take_block(struct walk_carry *c, struct flat_index *x, struct str line, size_t base, __m256i from, __m512i v)
{
	uint64_t slashes = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'));
	uint64_t marks = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"'));
	uint64_t odd = _mm512_cmplt_epi8_mask(v, _mm512_set1_epi8(' '));
	uint64_t escaped = walk_behind_slash(&c->escape, slashes), quotes;
	uint64_t good = _mm512_movepi8_mask(
		_mm512_permutex2var_epi8(_mm512_loadu_si512(letters), v, _mm512_loadu_si512(letters + 64)));

	__asm__("" : "+r"(marks)); /* else gcc takes `escaped` to a mask register and back for the next line */
	quotes = marks & ~escaped;
	if (UNLIKELY((escaped & ~good) != 0) && !walk_escapes(line, base, escaped & ~good))
		return false;
	if (UNLIKELY(odd != 0) && !check_odd(line, base, odd, _mm512_movepi8_mask(v), quotes, ((c->to - x->quotes) & 1) != 0))
		return false;
	x->escaped[base / 64] = walk_with_slash(&c->segment, quotes, slashes);
	c->to = put_positions(c->to, quotes, from);
	return true;
}

/* The index of the line; its end, or NULL when something is wrong. */
MACHINE __attribute__((noinline)) static const uint16_t *find_quotes(struct flat_index *x, struct str line)
{
	struct walk_carry c = { .to = x->quotes };
	__m256i from = _mm256_setzero_si256(), step = _mm256_set1_epi16(64);
	size_t at = 0;

	__asm__("" : "+v"(step)); /* stays in its register */
	for (; line.n - at >= 64; _mm_prefetch(line.p + at + 1024, _MM_HINT_T0), at += 64, from = _mm256_add_epi16(from, step))
		if (UNLIKELY(!take_block(&c, x, line, at, from, _mm512_loadu_si512(line.p + at))))
			return NULL;
	if (line.n > at && !take_block(&c, x, line, at, from, _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '),
			_bzhi_u64(~(uint64_t)0, (unsigned)(line.n - at)), line.p + at)))
		return NULL;
	return c.to;
}

MACHINE bool flat_json_avx512(struct flat *f, const struct fields *dict, struct str line)
{
	const uint16_t *to = find_quotes(&f->work->index, line);

	return LIKELY(to != NULL) && walk_start(f, dict, line, to);
}

#endif
