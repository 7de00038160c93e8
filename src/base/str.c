#include "base/str.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/ascii.h"
#include "base/vec16.h"

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_to_lower(a.p[i]) != ascii_to_lower(b.p[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_make(s.p, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_make(s.p + s.n - suffix.n, suffix.n), suffix);
}

#define WIDE_LEAST 192 /* bytes of a text where wide looks gain */
#define FIND_MAX 64 /* of longer ones each false place costs too much */

/* Sixteen places at a look: where the needle's first and last byte stand. Whoever fills a text with such places pays
 * memmem's price, which is linear: false places are counted. */
static const char *find16(const char *p, size_t n, struct str needle, size_t i)
{
	vec16 first = (vec16){ 0 } + (unsigned char)needle.p[0], last = (vec16){ 0 } + (unsigned char)needle.p[needle.n - 1];
	size_t in_vain = 0;

	for (; needle.n <= FIND_MAX && n - i >= needle.n + 15 && in_vain <= 8 + i / 16; i += 16) {
		unsigned both = vec16_mask((vec16)(vec16_load(p + i) == first) & (vec16)(vec16_load(p + i + needle.n - 1) == last));

		for (; both != 0; both &= both - 1, in_vain++) {
			const char *at = p + i + __builtin_ctz(both);

			if (memcmp(at, needle.p, needle.n) == 0)
				return at;
		}
	}
	return memmem(p + i, n - i, needle.p, needle.n);
}

#ifdef __x86_64__
/* Sixty-four places at a look, as far as whole looks go and few places are false; from *at on nobody has looked yet. */
__attribute__((target("avx512f,avx512bw"), noinline)) static const char *find64(const char *p, size_t n, struct str needle, size_t *at)
{
	__m512i first = _mm512_set1_epi8(needle.p[0]), last = _mm512_set1_epi8(needle.p[needle.n - 1]);
	size_t i = 0, in_vain = 0;

	for (; n - i >= needle.n + 63 && in_vain <= 8 + i / 16; i += 64) {
		__mmask64 both = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p + i), first);

		both = _mm512_mask_cmpeq_epi8_mask(both, _mm512_loadu_si512(p + i + needle.n - 1), last);
		for (; both != 0; both &= both - 1, in_vain++)
			if (memcmp(p + i + __builtin_ctzll(both), needle.p, needle.n) == 0)
				return p + i + __builtin_ctzll(both);
	}
	*at = i;
	return NULL;
}
#endif

static const char *find(const char *p, size_t n, struct str needle)
{
	size_t at = 0;

#ifdef __x86_64__
	if (n >= WIDE_LEAST && needle.n <= FIND_MAX && __builtin_cpu_supports("avx512bw")) {
		const char *hit = find64(p, n, needle, &at);

		if (hit != NULL)
			return hit;
	}
#endif
	return find16(p, n, needle, at);
}

size_t str_find(struct str s, struct str needle, size_t from)
{
	const char *hit;

	if (from > s.n)
		return SIZE_MAX;
	if (needle.n == 0)
		return from;
	if (s.n - from < needle.n)
		return SIZE_MAX;
	hit = needle.n == 1 ? memchr(s.p + from, needle.p[0], s.n - from) : find(s.p + from, s.n - from, needle);
	return hit == NULL ? SIZE_MAX : (size_t)(hit - s.p);
}

struct str str_slice(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return str_make(from == 0 ? s.p : s.p + from, to - from);
}

struct str str_part(struct str s, size_t at, size_t n)
{
	size_t from = at < s.n ? at : s.n;

	return str_slice(s, from, n < s.n - from ? from + n : s.n);
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && ascii_space(s.p[0]))
		s = str_make(s.p + 1, s.n - 1);
	while (s.n > 0 && ascii_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_next(struct str *rest, char sep, struct str *ret_piece)
{
	const char *at;

	if (rest->p == NULL)
		return false;
	if (rest->n == 0) {
		rest->p = NULL;
		return false;
	}
	at = memchr(rest->p, sep, rest->n);
	if (at == NULL) {
		*ret_piece = *rest;
		*rest = (struct str){ NULL, 0 };
		return true;
	}
	*ret_piece = str_make(rest->p, (size_t)(at - rest->p));
	*rest = str_make(at + 1, rest->n - ret_piece->n - 1);
	return true;
}

bool str_to_u64(struct str s, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_digit(s.p[i]))
			return false;
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

bool str_to_i64(struct str s, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t value;

	if (!str_to_u64(negative ? str_slice(s, 1, s.n) : s, &value))
		return false;
	if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return false;
	*ret = negative ? (int64_t)(~value + 1) : (int64_t)value;
	return true;
}

bool str_eq_secret(struct str a, struct str b)
{
	unsigned char diff = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		diff = (unsigned char)(diff | (a.p[i] ^ b.p[i]));
	return diff == 0;
}
