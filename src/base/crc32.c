/* CRC-32 (ISO 3309, the polynomial of Ethernet and zip), as files of others have it. Where the processor multiplies without
 * carries, pieces of the message are moved towards its end: bits that stand d bits before others count as much as their
 * product with x^d mod P there (Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ"). What is
 * left in the end, 16 bytes, is reckoned plainly. */
#include "base/hash.h"

static uint32_t crc32_plain(uint32_t crc, const unsigned char *p, size_t n)
{
	static const uint32_t steps[16] = {
		0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
		0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
	};

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ steps[crc & 15];
		crc = crc >> 4 ^ steps[crc & 15];
	}
	return crc;
}

#ifdef __x86_64__
#include <immintrin.h>

/* x^(d + 32) and x^(d - 32) mod P, bits turned round, for moves by d bits. */
#define MOVE_128 0xccaa009e, 0x1751997d0
#define MOVE_512 0x1c6e41596, 0x154442bd4
#define MOVE_2048 0x1322d1430, 0x11542778a

#define NARROW __attribute__((target("pclmul,sse4.1")))
#define WIDE __attribute__((target("pclmul,sse4.1,avx512f,vpclmulqdq")))

NARROW static inline __m128i move(__m128i x, __m128i by, __m128i onto)
{
	return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, by, 0x00), _mm_clmulepi64_si128(x, by, 0x11)), onto);
}

NARROW static inline __m128i load(const unsigned char *p)
{
	__m128i x;

	memcpy(&x, p, sizeof x);
	return x;
}

/* What is left behind x, which stands for all before. */
NARROW static uint32_t finish(__m128i x, const unsigned char *p, size_t n)
{
	const __m128i by = _mm_set_epi64x(MOVE_128);
	unsigned char last[16];

	for (; n >= 16; p += 16, n -= 16)
		x = move(x, by, load(p));
	memcpy(last, &x, sizeof last);
	return crc32_plain(crc32_plain(0, last, sizeof last), p, n);
}

NARROW static uint32_t crc32_narrow(uint32_t crc, const unsigned char *p, size_t n)
{
	const __m128i by = _mm_set_epi64x(MOVE_512), next = _mm_set_epi64x(MOVE_128);
	__m128i a, b, c, d;

	if (n < 64)
		return crc32_plain(crc, p, n);
	a = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)crc));
	b = load(p + 16);
	c = load(p + 32);
	d = load(p + 48);
	for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
		a = move(a, by, load(p));
		b = move(b, by, load(p + 16));
		c = move(c, by, load(p + 32));
		d = move(d, by, load(p + 48));
	}
	return finish(move(move(move(a, next, b), next, c), next, d), p, n);
}

WIDE static inline __m512i move_wide(__m512i x, __m512i by, __m512i onto)
{
	return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(x, by, 0x00), _mm512_clmulepi64_epi128(x, by, 0x11), onto, 0x96);
}

WIDE static uint32_t crc32_wide(uint32_t crc, const unsigned char *p, size_t n)
{
	const __m512i by = _mm512_broadcast_i32x4(_mm_set_epi64x(MOVE_2048)), next = _mm512_broadcast_i32x4(_mm_set_epi64x(MOVE_512));
	const __m128i last = _mm_set_epi64x(MOVE_128);
	__m512i a, b, c, d;
	__m128i x;

	if (n < 512)
		return crc32_narrow(crc, p, n);
	a = _mm512_xor_si512(_mm512_loadu_si512(p), _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
	b = _mm512_loadu_si512(p + 64);
	c = _mm512_loadu_si512(p + 128);
	d = _mm512_loadu_si512(p + 192);
	for (p += 256, n -= 256; n >= 256; p += 256, n -= 256) {
		a = move_wide(a, by, _mm512_loadu_si512(p));
		b = move_wide(b, by, _mm512_loadu_si512(p + 64));
		c = move_wide(c, by, _mm512_loadu_si512(p + 128));
		d = move_wide(d, by, _mm512_loadu_si512(p + 192));
	}
	a = move_wide(move_wide(move_wide(a, next, b), next, c), next, d);
	x = move(_mm512_extracti32x4_epi32(a, 0), last, _mm512_extracti32x4_epi32(a, 1));
	x = move(x, last, _mm512_extracti32x4_epi32(a, 2));
	x = move(x, last, _mm512_extracti32x4_epi32(a, 3));
	return finish(x, p, n);
}

static uint32_t crc32(uint32_t crc, const unsigned char *p, size_t n)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq"))
		return crc32_wide(crc, p, n);
	return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1") ? crc32_narrow(crc, p, n) : crc32_plain(crc, p, n);
}
#else
#define crc32 crc32_plain
#endif

uint32_t hash_crc32(uint32_t crc, struct str bytes)
{
	return ~crc32(~crc, (const unsigned char *)bytes.p, bytes.n);
}
