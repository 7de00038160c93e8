/* Well-formed UTF-8 as in Table 3-7 of the Unicode standard: shortest form
 * only, no surrogates, nothing above U+10FFFF. */
#include "base/text.h"

#include "base/vec16.h"

static bool tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

size_t utf8_len(struct str s, size_t pos)
{
	const unsigned char *p = (const unsigned char *)s.p + pos;
	size_t left = s.n - pos;
	unsigned char c = p[0];

	if (c < 0x80)
		return 1;
	if (c < 0xC2 || c > 0xF4 || left < 2 || !tail(p[1]))
		return 0;
	if (c < 0xE0)
		return 2;
	if (left < 3 || !tail(p[2]))
		return 0;
	if (c < 0xF0)
		return (c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) ? 0 : 3;
	if (left < 4 || !tail(p[3]))
		return 0;
	return (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F) ? 0 : 4;
}

/* Offset of the first byte >= 0x80 at or after `at`, or s.n. */
static size_t skip_ascii(struct str s, size_t at)
{
	for (; s.n - at >= 16; at += 16) {
		unsigned high = vec16_mask(vec16_load(s.p + at));

		if (high != 0)
			return at + (size_t)__builtin_ctz(high);
	}
	while (at < s.n && (unsigned char)s.p[at] < 0x80)
		at++;
	return at;
}

/* Passes well-formed characters of two and three bytes, four bytes at a look
 * (little-endian: the lead is lowest); stops at any other. */
static size_t skip_short(struct str s, size_t at)
{
	while (s.n - at >= 4) {
		uint32_t w;

		memcpy(&w, s.p + at, sizeof w);
		if ((w & 0x00C0C0F0) == 0x008080E0 && (w & 0x200F) != 0 && (w & 0x200F) != 0x200D)
			at += 3; /* neither overlong (E0 80-9F) nor a surrogate (ED A0-BF) */
		else if ((w & 0xC0E0) == 0x80C0 && (w & 0x1E) != 0)
			at += 2; /* not overlong (C0, C1) */
		else
			break;
	}
	return at;
}

bool utf8_valid(struct str s, size_t *ret_at)
{
	size_t at = 0, n;

	while ((at = skip_ascii(s, at)) < s.n) {
		at = skip_short(s, at);
		n = at < s.n ? utf8_len(s, at) : 1;
		if (n == 0) {
			if (ret_at != NULL)
				*ret_at = at;
			return false;
		}
		at += at < s.n ? n : 0;
	}
	return true;
}

uint32_t utf8_next(struct str s, size_t *pos)
{
	static const unsigned char lead_bits[] = { 0x7F, 0x7F, 0x1F, 0x0F, 0x07 };
	const unsigned char *p = (const unsigned char *)s.p + *pos;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	uint32_t ch = p[0] & lead_bits[n];

	for (size_t i = 1; i < n && *pos + i < s.n; i++)
		ch = ch << 6 | (p[i] & 0x3Fu);
	*pos = *pos + n < s.n ? *pos + n : s.n;
	return ch;
}

void utf8_put(struct buf *b, uint32_t ch)
{
	char out[4];

	buf_put(b, out, utf8_write(out, ch));
}

void utf8_mend(struct buf *b, struct str s)
{
	size_t at;

	while (!utf8_valid(s, &at)) {
		buf_str(b, str_slice(s, 0, at));
		utf8_put(b, 0xFFFD);
		s = str_slice(s, at + 1, s.n);
	}
	buf_str(b, s);
}
