/* The keyed hash where vectors are wide. Long texts by xxhash, which chooses its way when it is compiled, while the program is
 * compiled for every machine; many short ones by rounds of AES, each quarter of a vector under keys of its own. */
#ifdef __x86_64__
#include <immintrin.h>

#include "base/hash_wide.h"

#define TINY 64 /* bytes of a vector */
#define AES __attribute__((target("avx512f,avx512bw,avx512vl,vaes,aes,bmi2")))

struct keys { __m512i first, second, third; };

#define LOAD_MASKED(p, n) _mm512_maskz_loadu_epi8(_bzhi_u64(~(uint64_t)0, (n)), (p))
#define INLINE __attribute__((always_inline)) static inline

/* One block, three rounds before the next may meet it. */
AES INLINE __m512i absorb(const struct keys *k, __m512i x, const char *p)
{
	x = _mm512_aesenc_epi128(_mm512_xor_si512(x, _mm512_loadu_si512(p)), k->second);
	return _mm512_aesenc_epi128(_mm512_aesenc_epi128(x, k->third), k->second);
}

/* What stood apart becomes one. */
AES INLINE __m512i join(const struct keys *k, __m512i x, __m512i y)
{
	return _mm512_aesenc_epi128(_mm512_aesenc_epi128(_mm512_aesenc_epi128(x, k->third), y), k->first);
}

/* All blocks before the last. Of a long text four at a time, which do not wait for each other. */
AES static __m512i absorb_all(const struct keys *k, struct str *text)
{
	__m512i a = k->first;

	if (text->n > 4 * TINY) {
		__m512i b = k->second, c = k->third, d = _mm512_xor_si512(a, b);

		for (; text->n > 4 * TINY; text->p += 4 * TINY, text->n -= 4 * TINY) {
			a = absorb(k, a, text->p);
			b = absorb(k, b, text->p + TINY);
			c = absorb(k, c, text->p + 2 * TINY);
			d = absorb(k, d, text->p + 3 * TINY);
		}
		a = join(k, join(k, a, b), join(k, c, d));
	}
	for (; text->n > TINY; text->p += TINY, text->n -= TINY)
		a = absorb(k, a, text->p);
	return a;
}

AES void hash_keyed_each_wide(const struct hash_secret *s, const struct str *texts, size_t n, uint64_t (*out)[2])
{
	const unsigned char *bytes = s->bytes;
	const struct keys k = { _mm512_loadu_si512(bytes), _mm512_loadu_si512(bytes + TINY), _mm512_loadu_si512(bytes + 2 * TINY) };
	const __m128i fourth = _mm512_castsi512_si128(k.second), fifth = _mm512_extracti32x4_epi32(k.second, 3);

	for (size_t i = 0; i < n; i++) {
		struct str text = texts[i];
		__m512i x = text.n <= TINY ? k.first : absorb_all(&k, &text);
		__m128i left, right;

		x = _mm512_aesenc_epi128(_mm512_xor_si512(x, LOAD_MASKED(text.p, text.n)), k.second);
		x = _mm512_aesenc_epi128(x, k.third);
		left = _mm_aesenc_si128(_mm512_castsi512_si128(x), _mm512_extracti32x4_epi32(x, 1));
		right = _mm_aesenc_si128(_mm512_extracti32x4_epi32(x, 2), _mm512_extracti32x4_epi32(x, 3));
		left = _mm_xor_si128(left, _mm_cvtsi64_si128((long long)texts[i].n));
		left = _mm_aesenc_si128(_mm_aesenc_si128(_mm_aesenc_si128(left, right), fourth), fifth);
		_mm_storeu_si128((__m128i *)(void *)out[i], left);
	}
}

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_keyed_short_wide(const struct hash_secret *s, struct str bytes)
{
	return XXH3_64bits_withSecret(bytes.p, bytes.n, s->bytes, sizeof s->bytes);
}
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
