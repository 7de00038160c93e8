/* Two ways: AVX-512 with masks, so that short values of any length are one load and no branch, and 16 bytes or a word
 * at a time for other machines. Cutting into tokens needs AVX2 only: two look-ups by half a byte give the class. */
#include "detect/glance.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

enum { DIGIT = 1, HEX = 2, CLOCK = 4, SPLITS = 8 }; /* CLOCK: besides digits, behind the seconds of a time */
static const uint8_t classes[256] = {
	['0' ... '9'] = DIGIT | HEX, ['a' ... 'f'] = HEX, ['A' ... 'F'] = HEX, ['.'] = CLOCK, [':'] = CLOCK, ['+'] = CLOCK, ['-'] = CLOCK, ['Z'] = CLOCK,
	[' '] = SPLITS, ['\t'] = SPLITS, ['\r'] = SPLITS, ['\n'] = SPLITS, [','] = SPLITS, [';'] = SPLITS, ['='] = SPLITS, ['|'] = SPLITS,
	['"'] = SPLITS, ['\''] = SPLITS, ['('] = SPLITS, [')'] = SPLITS, ['<'] = SPLITS, ['>'] = SPLITS, ['{'] = SPLITS, ['}'] = SPLITS,
	['`'] = SPLITS,
};

static bool is(char c, unsigned class)
{
	return (classes[(unsigned char)c] & class) != 0;
}

bool glance_splits(char c)
{
	return is(c, SPLITS);
}

/* --- on any machine --- */

static bool any(bytes16 x)
{
	words2 w = (words2)x;

	return (w[0] | w[1]) != 0;
}

static bytes16 load16(const char *p)
{
	bytes16 x;

	memcpy(&x, p, sizeof x);
	return x;
}

/* "2023-08-16 05:00:01.967", "2023-08-15T10:00:02.053Z", with an offset: nearly every event has some of its own. */
static bool is_time(const char *p, size_t n)
{
	static const bytes16 marks = { 0, 0, 0, 0, '-', 0, 0, '-', 0, 0, ' ', 0, 0, ':', 0, 0 };
	unsigned dots = 0, colons = 0;
	bytes16 x;

	if (n < 19 || n > 35 || p[4] != '-' || p[16] != ':' || (p[10] != ' ' && p[10] != 'T'))
		return false;
	x = load16(p);
	x[10] = ' ';
	if (any((bytes16)((marks == 0) & (x - '0' > 9)) | (bytes16)((marks != 0) & (x != marks))) || !is(p[17], DIGIT) || !is(p[18], DIGIT))
		return false;
	for (size_t i = 19; i < n; i++) {
		dots += p[i] == '.';
		colons += p[i] == ':';
		if (!is(p[i], DIGIT | CLOCK))
			return false;
	}
	return dots <= 1 && colons <= 1;
}

/* A run covers one of every GLANCE_RUN bytes. */
static bool has_run(const char *p, size_t n)
{
	for (size_t i = GLANCE_RUN - 1; i < n; i += GLANCE_RUN) {
		size_t from = i + 1, to = i;

		while (from > 0 && from + GLANCE_RUN > i + 1 && is(p[from - 1], HEX))
			from--;
		while (to < n && to < from + GLANCE_RUN && is(p[to], HEX))
			to++;
		if (to >= from + GLANCE_RUN)
			return true;
	}
	return false;
}

/* Does a word hold a dot or a colon? (A byte of x is zero: some bit of (x - 0x01..) & ~x & 0x80..) */
static uint64_t marks_of(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t dot = word ^ ones * '.', colon = word ^ ones * ':';

	return (((dot - ones) & ~dot) | ((colon - ones) & ~colon)) & tops;
}

/* Two words that overlap are the end of a string; most values are so short that calling memchr costs more. n >= GLANCE_LEAST. */
static bool has_mark(const char *p, size_t n)
{
	uint64_t word = 0;
	uint32_t half;

	if (n < 8) {
		memcpy(&half, p, 4);
		word = half;
		memcpy(&half, p + n - 4, 4);
		return marks_of(word << 32 | half) != 0;
	}
	if (n < 16) {
		memcpy(&word, p, 8);
		if (marks_of(word) != 0)
			return true;
		memcpy(&word, p + n - 8, 8);
		return marks_of(word) != 0;
	}
	for (size_t i = 0; i + 16 < n; i += 16) {
		bytes16 x = load16(p + i);

		if (any((bytes16)(x == '.') | (bytes16)(x == ':')))
			return true;
	}
	{
		bytes16 x = load16(p + n - 16);

		return any((bytes16)(x == '.') | (bytes16)(x == ':'));
	}
}

/* "\u002e"; now and then true of what is none. */
static bool has_code(const char *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;

	for (size_t i = 0; i + 1 < n; i += 7) { /* words that overlap by a byte */
		uint64_t word = 0, back, u;

		memcpy(&word, p + i, n - i < 8 ? n - i : 8);
		back = word ^ ones * '\\';
		u = word ^ ones * 'u';
		if ((((back - ones) & ~back & tops) << 8 & (u - ones) & ~u) != 0)
			return true;
	}
	return false;
}

/* What has no mark: an escape of JSON may stand for one, which is seen when it is resolved. */
static bool worth_unmarked(const struct flat_value *v)
{
	return ((v->flags & FLAT_ESCAPED) != 0 && has_code(v->p, v->n)) || (v->n >= GLANCE_RUN && has_run(v->p, v->n));
}

static void values_plain(const struct flat *f, struct glance_values *out)
{
	out->n = out->names = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		const struct flat_value *v = &f->v[i];

		out->names |= 1u << v->name_n % 32;
		if (v->type == FLAT_STRING && v->n >= GLANCE_LEAST && (has_mark(v->p, v->n) ? !is_time(v->p, v->n) : worth_unmarked(v))) {
			out->text[out->n] = str_make(v->p, v->n);
			out->place[out->n++] = (uint16_t)i;
		}
	}
}

static struct glance bytes_plain(const char *p, size_t n)
{
	struct glance g = { 0, 0, 0 };

	for (size_t i = 0; i < n; i++) {
		uint64_t bit = (uint64_t)1 << i;

		g.splits |= is(p[i], SPLITS) ? bit : 0;
		g.dots |= p[i] == '.' ? bit : 0;
		g.colons |= p[i] == ':' ? bit : 0;
	}
	return g;
}

/* --- where vectors are wide --- */

#ifdef __x86_64__
#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx2,bmi,bmi2,lzcnt,popcnt")))
#define HALF __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define WIDE_INLINE WIDE __attribute__((always_inline)) static inline
#define BITS(from, to) ((~(uint64_t)0 >> (64 - ((to) - (from)))) << (from))
#define BIT(at) ((uint64_t)1 << (at))

WIDE_INLINE uint64_t in_range(__m512i x, char from, char to)
{
	return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8(from)), _mm512_set1_epi8((char)(to - from)));
}

WIDE_INLINE uint64_t equal(__m512i x, char c)
{
	return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(c));
}

WIDE_INLINE __m512i load(const char *p, uint32_t n)
{
	return _mm512_maskz_loadu_epi8(_bzhi_u64(~(uint64_t)0, n < 64 ? n : 64), p);
}

/* "dddd-dd-dd?dd:dd:dd", then anything: how far each byte may be above the least that may stand there. */
static const struct { unsigned char least[64], above[64]; } time_form = {
	{ "0000-00-00" "\0" "00:00:00" },
	{ 9, 9, 9, 9, 0, 9, 9, 0, 9, 9, 255, 9, 9, 0, 9, 9, 0, 9, 9, [19 ... 63] = 255 },
};

/* As is_time, of a value of at most 35 bytes. */
WIDE_INLINE bool time_wide(__m512i x, const char *p, uint32_t n, uint64_t dots, uint64_t colons)
{
	__m512i above = _mm512_sub_epi8(x, _mm512_loadu_si512(time_form.least));
	uint64_t tail = BITS(19, 64) & (BIT(n) - 1), others;

	if (n < 19 || _mm512_cmpgt_epu8_mask(above, _mm512_loadu_si512(time_form.above)) != 0 || (p[10] != ' ' && p[10] != 'T'))
		return false;
	dots &= tail;
	colons &= tail;
	others = tail & ~(dots | colons | in_range(x, '0', '9'));
	if ((others & ~(equal(x, '-') | equal(x, '+') | equal(x, 'Z'))) != 0)
		return false;
	return (dots & (dots - 1)) == 0 && (colons & (colons - 1)) == 0;
}

WIDE_INLINE uint64_t hex_digits(__m512i x)
{
	return in_range(x, '0', '9') | in_range(_mm512_or_si512(x, _mm512_set1_epi8(0x20)), 'a', 'f');
}

/* Does it hold 32 bits in a row? */
WIDE_INLINE bool run_of(uint64_t digits)
{
	digits &= digits >> 1;
	digits &= digits >> 2;
	digits &= digits >> 4;
	digits &= digits >> 8;
	return (digits & digits >> 16) != 0;
}
_Static_assert(GLANCE_RUN == 32, "five steps of doubling");

/* Of a value of more than 64 bytes: has it a mark, a run or a code? */
WIDE __attribute__((noinline)) static bool long_wide(const struct flat_value *v)
{
	uint64_t before = 0, back = 0; /* digits and the last backslash of the block before: a run covers at most two */
	bool escaped = (v->flags & FLAT_ESCAPED) != 0;

	for (uint32_t at = 0; at < v->n; at += 64) {
		__m512i x = load(v->p + at, v->n - at);
		uint64_t digits = hex_digits(x), backs = equal(x, '\\');

		if ((equal(x, '.') | equal(x, ':')) != 0 || run_of(digits) || run_of(before >> 32 | digits << 32))
			return true;
		if (escaped && ((backs << 1 | back) & equal(x, 'u')) != 0)
			return true;
		before = digits;
		back = backs >> 63;
	}
	return false;
}

/* Of a value without a mark in its first 64 bytes, that is escaped or as long as a hash: has it a mark, a run or a code? */
WIDE_INLINE bool unmarked_wide(const struct flat_value *v, __m512i x)
{
	if (v->n >= 64)
		return long_wide(v);
	if (v->n >= GLANCE_RUN) {
		uint64_t digits = hex_digits(x);

		/* What every run of so short a value covers, seldom is one of digits only. */
		if ((~digits & BITS(v->n - GLANCE_RUN, GLANCE_RUN)) == 0 && run_of(digits))
			return true;
	}
	return (v->flags & FLAT_ESCAPED) != 0 && (equal(x, '\\') << 1 & equal(x, 'u')) != 0;
}

/* Few instructions: a value has a dozen bytes, and an event dozens of values. */
WIDE static void values_wide(const struct flat *f, struct glance_values *out)
{
	const struct flat_value *end = f->v + f->n;
	__m512i dot = _mm512_set1_epi8('.'), colon = _mm512_set1_epi8(':');
	uint32_t n = 0, names = 0;

	__asm__("" : "+v"(dot), "+v"(colon)); /* else the compiler makes them anew for each value */
	for (const struct flat_value *v = f->v; v < end; v++) {
		uint32_t bytes = v->type == FLAT_STRING ? v->n : 0;
		__m512i x = load(v->p, bytes);
		__mmask64 dots = _mm512_cmpeq_epi8_mask(x, dot), colons = _mm512_cmpeq_epi8_mask(x, colon);

		names |= 1u << v->name_n % 32;
		if (_kortestz_mask64_u8(dots, colons)) {
			if ((bytes < GLANCE_RUN && (v->flags & FLAT_ESCAPED) == 0) || bytes == 0 || !unmarked_wide(v, x))
				continue;
		} else if (bytes <= 35 && (colons & BIT(13)) != 0 && time_wide(x, v->p, bytes, dots, colons)) {
			continue;
		}
		out->text[n] = str_make(v->p, bytes);
		out->place[n] = (uint16_t)(v - f->v);
		n += bytes >= GLANCE_LEAST;
	}
	out->n = n;
	out->names = names;
}

HALF static struct glance bytes_half(const char *p, size_t n)
{
	/* By the lower and the upper half of a byte, a bit for each upper half that splits: 0x09.., 0x2., 0x3., 0x60, 0x7. */
	const __m256i lower = _mm256_setr_epi8(2 | 8, 0, 2, 0, 0, 0, 0, 2, 2, 1 | 2, 1, 4 | 16, 2 | 4 | 16, 1 | 4 | 16, 4, 0,
					       2 | 8, 0, 2, 0, 0, 0, 0, 2, 2, 1 | 2, 1, 4 | 16, 2 | 4 | 16, 1 | 4 | 16, 4, 0);
	const __m256i upper = _mm256_setr_epi8(1, 0, 2, 4, 0, 0, 8, 16, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 4, 0, 0, 8, 16, 0, 0, 0, 0, 0, 0, 0, 0);
	struct glance g = { 0, 0, 0 };
	char tail[64];

	if (n < sizeof tail) {
		memset(tail, 0, sizeof tail);
		memcpy(tail, p, n);
		p = tail;
	}
	for (unsigned i = 0; i < 64; i += 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
		__m256i high = _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(15));
		__m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(lower, x), _mm256_shuffle_epi8(upper, high)),
						 _mm256_setzero_si256());

		g.splits |= (uint64_t)(uint32_t)~_mm256_movemask_epi8(none) << i;
		g.dots |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('.'))) << i;
		g.colons |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(':'))) << i;
	}
	return g;
}
#endif

size_t glance_ways(struct glance_way out[static 2])
{
	size_t n = 0;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
		out[n].name = "wide";
		out[n].values = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? values_wide : values_plain;
		out[n++].bytes = bytes_half;
	}
#endif
	out[n++] = (struct glance_way){ "portable", values_plain, bytes_plain };
	return n;
}

void glance_values(const struct flat *f, struct glance_values *out)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2")) {
		values_wide(f, out);
		return;
	}
#endif
	values_plain(f, out);
}

struct glance glance_bytes(const char *p, size_t n)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		return bytes_half(p, n);
#endif
	return bytes_plain(p, n);
}
