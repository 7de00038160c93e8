/* Quotes of a line by AVX2: two halves of 32 bytes make a block of 64. */
#include "wire/flat_json_path.h"

#ifdef __x86_64__
#include <immintrin.h>

#define MACHINE __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define MACHINE_INLINE MACHINE __attribute__((always_inline)) static inline

/* FLAT_NAME_MAX bytes are read; from byte 32 - n of this row the first n are kept. */
#define MACHINE_NEAR 32
static const char kept[64] = {
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};

MACHINE_INLINE __m256i machine_name(const char *name, uint32_t n)
{
	const char *mask = kept + 32 - (n < 32 ? n : 32);

	return _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)name),
		_mm256_loadu_si256((const __m256i *)(const void *)mask));
}

#include "wire/flat_json_walk.h"

struct block {
	__m256i a, b;
};

MACHINE_INLINE uint64_t mask(__m256i a, __m256i b)
{
	return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

MACHINE_INLINE uint64_t equal(struct block v, char c)
{
	__m256i all = _mm256_set1_epi8(c);

	return mask(_mm256_cmpeq_epi8(v.a, all), _mm256_cmpeq_epi8(v.b, all));
}

/* Eight at a time, of which the last may be too much. */
MACHINE_INLINE uint16_t *put_positions(uint16_t *to, uint64_t bits, size_t base)
{
	uint16_t *end = to + __builtin_popcountll(bits);

	do {
#pragma GCC unroll 8
		for (int i = 0; i < 8; i++, bits = _blsr_u64(bits))
			to[i] = (uint16_t)(base + _tzcnt_u64(bits));
		to += 8;
	} while (UNLIKELY(bits != 0));
	return end;
}

/* 0xff for / b f n r t: a bit for each high half, met by the bits of the low halves. */
MACHINE_INLINE __m256i is_letter(__m256i v)
{
	__m256i low = _mm256_shuffle_epi8(_mm256_setr_epi8(0, 0, 6, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 6, 0, 4, 0, 2, 0, 0, 0,
		0, 0, 0, 0, 2, 1), v);
	__m256i high = _mm256_shuffle_epi8(_mm256_setr_epi8(0, 0, 1, 0, 0, 0, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 4, 0, 0,
		0, 0, 0, 0, 0, 0), _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15)));

	return _mm256_cmpgt_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
}

/* Control characters and bytes beyond ASCII. */
MACHINE __attribute__((noinline)) static bool check_odd(struct str line, size_t base, struct block v, uint64_t quotes, bool inside)
{
	__m256i blank = _mm256_set1_epi8(' ');
	uint64_t high = mask(v.a, v.b), odd = mask(_mm256_cmpgt_epi8(blank, v.a), _mm256_cmpgt_epi8(blank, v.b));

	return (odd & ~high & walk_inside(quotes, inside)) == 0 && (high == 0 || walk_utf8(line, base, high));
}

MACHINE_INLINE bool take_block(struct walk_carry *c, struct flat_index *x, struct str line, size_t base, struct block v)
{
	__m256i blank = _mm256_set1_epi8(' ');
	uint64_t slashes = equal(v, '\\'), marks = equal(v, '"'), escaped = walk_behind_slash(&c->escape, slashes);
	uint64_t quotes = marks & ~escaped, rest = escaped & ~(slashes | marks);
	__m256i odd = _mm256_or_si256(_mm256_cmpgt_epi8(blank, v.a), _mm256_cmpgt_epi8(blank, v.b));

	if (UNLIKELY(rest != 0)) {
		rest &= ~mask(is_letter(v.a), is_letter(v.b));
		if (rest != 0 && !walk_escapes(line, base, rest))
			return false;
	}
	if (UNLIKELY(_mm256_movemask_epi8(odd) != 0) && !check_odd(line, base, v, quotes, ((c->to - x->quotes) & 1) != 0))
		return false;
	x->escaped[base / 64] = walk_with_slash(&c->segment, quotes, slashes);
	c->to = put_positions(c->to, quotes, base);
	return true;
}

MACHINE_INLINE struct block load(const char *p)
{
	return (struct block){ _mm256_loadu_si256((const __m256i *)(const void *)p),
		_mm256_loadu_si256((const __m256i *)(const void *)(p + 32)) };
}

/* The index of the line; its end, or NULL when something is wrong. */
MACHINE __attribute__((noinline)) static const uint16_t *find_quotes(struct flat_index *x, struct str line)
{
	struct walk_carry c = { .to = x->quotes };
	char last[64];
	size_t at = 0;

	for (; line.n - at >= 64; at += 64)
		if (UNLIKELY(!take_block(&c, x, line, at, load(line.p + at))))
			return NULL;
	memset(last, ' ', sizeof last);
	memcpy(last, line.p + at, line.n - at);
	if (line.n > at && !take_block(&c, x, line, at, load(last)))
		return NULL;
	return c.to;
}

MACHINE bool flat_json_avx2(struct flat *f, const struct fields *dict, struct str line)
{
	const uint16_t *to = find_quotes(&f->work->index, line);

	return LIKELY(to != NULL) && walk_start(f, dict, line, to);
}

#endif
