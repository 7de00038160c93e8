/* Text as it stands in a line of JSON, made what it means: backslashes go, and
 * the letters behind them become what they stand for. */
#include "base/text.h"
#include "wire/flat.h"

static int hex4(struct str s, size_t at)
{
	int v = 0;

	if (s.n - at < 4)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		int digit = hex_value(s.p[i]);

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* "\uXXXX" at `at`, a pair when two belong together. Never longer than its escape. */
static size_t unescape_u(struct str s, size_t at, char *to, size_t *ret_used)
{
	int high = hex4(s, at + 2), low;

	*ret_used = 6;
	if (high >= 0xD800 && high < 0xDC00 && s.n - at >= 12 && s.p[at + 6] == '\\' && s.p[at + 7] == 'u') {
		low = hex4(s, at + 8);
		if (low >= 0xDC00 && low < 0xE000) {
			*ret_used = 12;
			return utf8_write(to, 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00));
		}
	}
	return utf8_write(to, high < 0 || (high >= 0xD800 && high < 0xE000) ? 0xFFFD : (uint32_t)high);
}

/* What stands for the letter behind a backslash, where it is not the letter itself. */
static const unsigned char letters[128] = { ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t' };

#ifdef __SSE2__
#include <emmintrin.h>
#define LOOK 16

/* Copies sixteen bytes; yields how many of them stand before the first backslash. */
static unsigned copy_plain(const char *from, char *to)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)from);
	unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

	_mm_storeu_si128((__m128i *)(void *)to, v);
	return (unsigned)__builtin_ctz(found | 1u << LOOK);
}
#else
#define LOOK 8

static unsigned copy_plain(const char *from, char *to)
{
	uint64_t eight, x, zero;

	memcpy(&eight, from, 8);
	memcpy(to, &eight, 8);
	x = eight ^ 0x5c5c5c5c5c5c5c5cu;
	zero = (x - 0x0101010101010101u) & ~x & 0x8080808080808080u;
	return zero == 0 ? 8 : (unsigned)__builtin_ctzll(zero) / 8;
}
#endif

static char letter_value(char letter)
{
	unsigned char value = letters[letter & 127];

	return (signed char)letter < 0 || value == 0 ? letter : (char)value;
}

/* The escape at `*at`, which is moved behind it; yields the bytes written. One that was cut off ends the text. */
static size_t resolve_one(struct str s, size_t *at, char *to)
{
	size_t n = 1, used = 2;

	if (s.n - *at < 2 || (s.p[*at + 1] == 'u' && s.n - *at < 6)) {
		*at = s.n;
		return 0;
	}
	if (s.p[*at + 1] == 'u')
		n = unescape_u(s, *at, to, &used);
	else
		*to = letter_value(s.p[*at + 1]);
	*at += used;
	return n;
}

#ifdef __x86_64__
#include <immintrin.h>

/* Of sixty-four bytes those that a backslash is before, which is not itself behind one. */
static uint64_t behind_slash(uint64_t slashes)
{
	const uint64_t odd = 0xAAAAAAAAAAAAAAAAu;

	return ((((slashes << 1) | odd) - slashes) ^ odd) ^ slashes;
}

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt")))

/* Writes what `v` means, of which `escaped` stand behind a backslash and `kept` are to stay; yields their number. */
WIDE __attribute__((always_inline)) static inline size_t put(__m512i v, uint64_t escaped, uint64_t kept, char *to)
{
	__m512i meant = _mm512_permutex2var_epi8(_mm512_loadu_si512(letters), v, _mm512_loadu_si512(letters + 64));

	v = _mm512_mask_mov_epi8(v, _mm512_mask_test_epi8_mask(escaped & ~_mm512_movepi8_mask(v), meant, meant), meant);
	_mm512_storeu_si512(to, _mm512_maskz_compress_epi8(kept, v));
	return (size_t)__builtin_popcountll(kept);
}

/* Sixty-four bytes at a look. One is cut before a \u, which is read by itself, and before a backslash that is its last
 * byte. Bytes that a mask leaves out are not touched. */
WIDE static size_t resolve_wide(struct str s, char *to)
{
	size_t at = 0, n = 0;

	while (at < s.n) {
		unsigned look = s.n - at < 64 ? (unsigned)(s.n - at) : 64;
		uint64_t all = _bzhi_u64(~(uint64_t)0, look), slashes, escaped, begins, apart;
		__m512i v = _mm512_maskz_loadu_epi8(all, s.p + at);

		slashes = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'));
		if (slashes == 0) {
			_mm512_storeu_si512(to + n, v);
			at += look;
			n += look;
			continue;
		}
		escaped = behind_slash(slashes);
		begins = slashes & ~escaped;
		apart = begins & (_mm512_mask_cmpeq_epi8_mask(escaped, v, _mm512_set1_epi8('u')) >> 1 | (uint64_t)1 << (look - 1));
		if (LIKELY(apart == 0)) { /* the next look must not wait for what this one finds */
			n += put(v, escaped, all & ~begins, to + n);
			at += look;
		} else if ((apart & 1) != 0) {
			n += resolve_one(s, &at, to + n);
		} else {
			look = (unsigned)__builtin_ctzll(apart);
			n += put(v, escaped, _bzhi_u64(~begins, look), to + n);
			at += look;
		}
	}
	return n;
}
#endif

size_t flat_resolve(struct str s, char *to)
{
	size_t at = 0, n = 0;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512vbmi2"))
		return resolve_wide(s, to);
#endif
	while (s.n - at >= LOOK) { /* a whole look is always copied, what is plain of it counts */
		unsigned plain = copy_plain(s.p + at, to + n);

		at += plain;
		n += plain;
		if (plain < LOOK)
			n += resolve_one(s, &at, to + n);
	}
	while (at < s.n) {
		if (s.p[at] == '\\')
			n += resolve_one(s, &at, to + n);
		else
			to[n++] = s.p[at++];
	}
	return n;
}
