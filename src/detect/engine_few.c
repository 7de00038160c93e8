/* A few texts, a whole line: four bytes at a place are looked up by their
 * halves in tables of sixteen, sixty-four or thirty-two places at once (the way
 * of Teddy in Hyperscan); what passes is compared exactly. Both cases of a
 * letter stand in the tables, so that a line of JSON can be searched as it
 * came. Whatever could write a letter otherwise makes the answer "perhaps"
 * then: an escape \uXXXX, and the two characters beyond ASCII that fold into it
 * (U+212A, U+017F). */
#include "detect/engine_few.h"

#include "base/ascii.h"
#include "base/fold.h"

bool few_plain(const char *four)
{
	for (int i = 0; i < 4; i++)
		if (four[i] < ' ' || four[i] == '"' || four[i] == '\\' || four[i] == '/' || four[i] == 0x7f)
			return false;
	return true;
}

#ifdef __x86_64__
#include <immintrin.h>

#define DEPTH 4
#define BEHIND 4 /* bytes behind a look that it may read */

struct few {
	/* By place in the quad and by half of the byte: which eighth of the quads may have it. */
	uint8_t low[DEPTH][16], high[DEPTH][16];
	uint8_t byte[DEPTH][128];   /* the same by the byte's lower seven bits, where a look can be taken into so much */
	uint64_t exact[64]; /* bits by hash of a quad, the bit of case set in each byte */
	uint32_t n;
	uint32_t quads[FEW_MAX];
};

static unsigned slot_of(uint32_t quad)
{
	return ((quad | 0x20202020u) * 0x9e3779b1u) >> 20;
}

bool few_build(struct arena *a, const uint32_t *quads, size_t n, const struct few **ret)
{
	struct few *x;

	*ret = NULL;
	if (n == 0 || n > FEW_MAX || !__builtin_cpu_supports("avx2"))
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
			x->byte[k][four[k] & 127] |= bit;
			if (ascii_lower((char)four[k])) {
				x->high[k][(four[k] - 32) >> 4] |= bit;
				x->byte[k][four[k] - 32] |= bit;
			}
		}
	}
	*ret = x;
	return true;
}

/* Is one of the quads at `p`, where four bytes are? */
static bool there(const struct few *x, const char *p)
{
	char four[4];
	uint32_t quad;
	unsigned slot;

	memcpy(&quad, p, 4);
	slot = slot_of(quad);
	if (LIKELY((x->exact[slot / 64] >> (slot % 64) & 1) == 0))
		return false;
	for (int i = 0; i < 4; i++)
		four[i] = ascii_to_lower(p[i]);
	memcpy(&quad, four, 4);
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

/* Does U+212A or U+017F stand at `p`, where three bytes are? */
static bool folds_to_ascii(const char *p)
{
	return (p[0] == '\xe2' && p[1] == '\x84' && p[2] == '\xaa') || (p[0] == '\xc5' && p[1] == '\xbf');
}

/* What the places of one look tell: candidates, `\u`, bytes beyond ASCII. */
struct look { uint64_t hits, escapes, wide; };

/* `p`: the bytes of the look and those behind them; they stand at `at` of the line. */
static bool clear(const struct few *x, struct str line, size_t at, const char *p, struct look l)
{
	for (; l.hits != 0; l.hits &= l.hits - 1)
		if (there(x, p + __builtin_ctzll(l.hits)))
			return false;
	for (; l.escapes != 0; l.escapes &= l.escapes - 1)
		if (begins_escape(line, at + (size_t)__builtin_ctzll(l.escapes)))
			return false;
	for (; l.wide != 0; l.wide &= l.wide - 1)
		if (folds_to_ascii(p + __builtin_ctzll(l.wide)))
			return false;
	return true;
}

#define INLINE __attribute__((always_inline)) static inline

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vbmi")))

/* The tables in registers: a loop that keeps them there calls nothing. */
struct table64 { __m512i low, high; };
struct tables64 { struct table64 a, b, c, d; };

WIDE INLINE struct table64 table64(const struct few *x, int k)
{
	return (struct table64){ _mm512_loadu_si512(x->byte[k]), _mm512_loadu_si512(x->byte[k] + 64) };
}

WIDE INLINE struct tables64 tables64(const struct few *x)
{
	return (struct tables64){ table64(x, 0), table64(x, 1), table64(x, 2), table64(x, 3) };
}

/* Of `n` bytes at `p` those behind them count as zero. */
WIDE INLINE __m512i load64(const char *p, size_t n)
{
	return _mm512_maskz_loadu_epi8(n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1, p);
}

WIDE INLINE uint64_t hits64(const struct tables64 *t, __m512i a, __m512i b, __m512i c, __m512i d)
{
	a = _mm512_permutex2var_epi8(t->a.low, a, t->a.high);
	b = _mm512_permutex2var_epi8(t->b.low, b, t->b.high);
	c = _mm512_permutex2var_epi8(t->c.low, c, t->c.high);
	d = _mm512_permutex2var_epi8(t->d.low, d, t->d.high);
	return _mm512_test_epi8_mask(_mm512_ternarylogic_epi32(a, b, c, 0x80), d);
}

WIDE INLINE struct look look64(const struct tables64 *t, __m512i a, __m512i b, __m512i c, __m512i d)
{
	uint64_t backslash = _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8('\\'));

	return (struct look){ hits64(t, a, b, c, d), _mm512_mask_cmpeq_epi8_mask(backslash, b, _mm512_set1_epi8('u')),
		_mm512_movepi8_mask(a) };
}

#define WHOLE64(p) _mm512_loadu_si512(p), _mm512_loadu_si512((p) + 1), _mm512_loadu_si512((p) + 2), _mm512_loadu_si512((p) + 3)
#define CUT64(p, n) load64(p, n), load64((p) + 1, (n) - 1), load64((p) + 2, (n) < 2 ? 0 : (n) - 2), load64((p) + 3, (n) < 3 ? 0 : (n) - 3)

/* From `i` the first look that tells anything, or where there are no whole looks left; *ret is what it tells. */
WIDE __attribute__((noinline)) static size_t next64(const struct few *x, struct str line, size_t i, struct look *ret)
{
	struct tables64 t = tables64(x);

	for (; i + 64 + BEHIND <= line.n; i += 64) {
		*ret = look64(&t, WHOLE64(line.p + i));
		if (UNLIKELY((ret->hits | ret->escapes | ret->wide) != 0))
			break;
	}
	return i;
}

WIDE __attribute__((noinline)) static size_t next_hits64(const struct few *x, struct str text, size_t i, uint64_t *ret)
{
	struct tables64 t = tables64(x);

	for (; i + 64 + BEHIND <= text.n; i += 64) {
		*ret = hits64(&t, WHOLE64(text.p + i));
		if (UNLIKELY(*ret != 0))
			break;
	}
	return i;
}

__attribute__((target("avx2"))) INLINE uint64_t hits32(const struct few *x, const char *p)
{
	const __m256i half = _mm256_set1_epi8(15);
	__m256i all = _mm256_set1_epi8(-1);

	for (int k = 0; k < DEPTH; k++) {
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(p + k));
		__m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)x->low[k]));
		__m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)x->high[k]));

		low = _mm256_shuffle_epi8(low, _mm256_and_si256(c, half));
		high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(c, 4), half));
		all = _mm256_and_si256(all, _mm256_and_si256(low, high));
	}
	return (uint32_t)~_mm256_movemask_epi8(_mm256_cmpeq_epi8(all, _mm256_setzero_si256()));
}

__attribute__((target("avx2"))) INLINE struct look look32(const struct few *x, const char *p)
{
	__m256i first = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(p + 1));
	__m256i both = _mm256_and_si256(_mm256_cmpeq_epi8(first, _mm256_set1_epi8('\\')), _mm256_cmpeq_epi8(second, _mm256_set1_epi8('u')));

	return (struct look){ hits32(x, p), (uint32_t)_mm256_movemask_epi8(both), (uint32_t)_mm256_movemask_epi8(first) };
}

/* The last bytes of a text, zeros behind them, where a whole look does not fit any more. */
static size_t tail_copy(struct str s, size_t at, char *tail, size_t size)
{
	size_t n = s.n - at < size ? s.n - at : size;

	memcpy(tail, s.p + at, n);
	memset(tail + n, 0, size - n);
	return n;
}

WIDE static bool absent64(const struct few *x, struct str line)
{
	char tail[64 + BEHIND] UNINIT;
	struct tables64 t;
	struct look l;
	size_t i = next64(x, line, 0, &l);

	for (; i + 64 + BEHIND <= line.n; i = next64(x, line, i + 64, &l))
		if (!clear(x, line, i, line.p + i, l))
			return false;
	t = tables64(x);
	for (; i < line.n; i += 64) {
		l = look64(&t, CUT64(line.p + i, line.n - i));
		if ((l.hits | l.escapes | l.wide) != 0) {
			tail_copy(line, i, tail, sizeof tail);
			if (!clear(x, line, i, tail, l))
				return false;
		}
	}
	return true;
}

__attribute__((target("avx2"))) static bool absent32(const struct few *x, struct str line)
{
	char tail[32 + BEHIND] UNINIT;
	struct look l;
	size_t i = 0;

	for (; i + 32 + BEHIND <= line.n; i += 32) {
		l = look32(x, line.p + i);
		if (UNLIKELY((l.hits | l.escapes | l.wide) != 0) && !clear(x, line, i, line.p + i, l))
			return false;
	}
	for (; i < line.n; i += 32) {
		tail_copy(line, i, tail, sizeof tail);
		if (!clear(x, line, i, tail, look32(x, tail)))
			return false;
	}
	return true;
}

bool few_absent(const struct few *x, struct str line)
{
	return __builtin_cpu_supports("avx512vbmi") ? absent64(x, line) : absent32(x, line);
}

struct scan {
	const struct few *x;
	void (*hit)(void *ctx, size_t at);
	void *ctx;
};

static void tell(const struct scan *s, const char *p, size_t at, size_t left, uint64_t hits)
{
	for (; hits != 0; hits &= hits - 1) {
		size_t k = (size_t)__builtin_ctzll(hits);

		if (k + 4 <= left && there(s->x, p + k))
			s->hit(s->ctx, at + k);
	}
}

WIDE static void scan64(const struct scan *s, struct str text)
{
	struct tables64 t;
	uint64_t hits;
	size_t i = next_hits64(s->x, text, 0, &hits);

	for (; i + 64 + BEHIND <= text.n; i = next_hits64(s->x, text, i + 64, &hits))
		tell(s, text.p + i, i, 64 + BEHIND, hits);
	t = tables64(s->x);
	for (; i < text.n; i += 64)
		tell(s, text.p + i, i, text.n - i, hits64(&t, CUT64(text.p + i, text.n - i)));
}

__attribute__((target("avx2"))) static void scan32(const struct scan *s, struct str text)
{
	char tail[32 + BEHIND] UNINIT;
	uint64_t hits;
	size_t i = 0;

	for (; i + 32 + BEHIND <= text.n; i += 32) {
		hits = hits32(s->x, text.p + i);
		if (UNLIKELY(hits != 0))
			tell(s, text.p + i, i, 32 + BEHIND, hits);
	}
	for (; i < text.n; i += 32) {
		size_t n = tail_copy(text, i, tail, sizeof tail);

		tell(s, tail, i, n, hits32(s->x, tail));
	}
}

void few_scan(const struct few *x, struct str text, void (*hit)(void *ctx, size_t at), void *ctx)
{
	struct scan s = { x, hit, ctx };

	if (__builtin_cpu_supports("avx512vbmi"))
		scan64(&s, text);
	else
		scan32(&s, text);
}

#else

bool few_build(struct arena *a, const uint32_t *quads, size_t n, const struct few **ret)
{
	(void)a;
	(void)quads;
	(void)n;
	*ret = NULL;
	return true;
}

void few_scan(const struct few *x, struct str text, void (*hit)(void *ctx, size_t at), void *ctx)
{
	(void)x;
	(void)text;
	(void)hit;
	(void)ctx;
}

bool few_absent(const struct few *x, struct str line)
{
	(void)x;
	(void)line;
	return false;
}

#endif
