/* UTF-16LE into UTF-8. What Windows writes is nearly all ASCII: that goes
 * sixteen characters at a time, narrowed in the compiler's vector arithmetic. */
#include "base/text.h"

#include "base/rd.h"

#define WIDE UINT64_C(0xff80ff80ff80ff80) /* bits that no ASCII character has */

typedef uint16_t units __attribute__((vector_size(32)));
typedef unsigned char bytes __attribute__((vector_size(16)));

static inline uint64_t four(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline bool wide16(const char *p)
{
	return (((four(p) | four(p + 8)) | (four(p + 16) | four(p + 24))) & WIDE) != 0;
}

static inline void narrow16(char *to, const char *p)
{
	units wide;
	bytes narrow;

	memcpy(&wide, p, sizeof wide);
	narrow = __builtin_convertvector(wide, bytes);
	memcpy(to, &narrow, sizeof narrow);
}

static inline void narrow4(char *to, uint64_t v)
{
	uint32_t low;

	v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
	low = (uint32_t)(v | v >> 16);
	memcpy(to, &low, sizeof low);
}

/* Narrows up to `n` units until one is not ASCII; the count. The last steps overlap those before. */
static inline size_t ascii_run(char *to, const char *p, size_t n)
{
	size_t k = 0;

	for (; n - k >= 16; k += 16) {
		if (wide16(p + 2 * k))
			goto few;
		narrow16(to + k, p + 2 * k);
	}
	if (k > 0 && k < n && !wide16(p + 2 * (n - 16))) {
		narrow16(to + n - 16, p + 2 * (n - 16));
		return n;
	}
few:
	for (; n - k >= 4; k += 4) {
		uint64_t v = four(p + 2 * k);

		if ((v & WIDE) != 0)
			break;
		narrow4(to + k, v);
	}
	if (n >= 4 && k < n && n - k < 4 && (four(p + 2 * (n - 4)) & WIDE) == 0) {
		narrow4(to + n - 4, four(p + 2 * (n - 4)));
		return n;
	}
	for (; k < n && p[2 * k + 1] == 0 && (p[2 * k] & 0x80) == 0; k++)
		to[k] = p[2 * k];
	return k;
}

/* The character at unit `*i`, pairs of surrogates joined, single ones replaced. */
static uint32_t next(struct str s, size_t n, size_t *i)
{
	uint32_t ch = str_le16(s, 2 * *i), low;

	++*i;
	if (ch < 0xD800 || ch > 0xDFFF)
		return ch;
	if (ch > 0xDBFF || *i == n)
		return 0xFFFD;
	low = str_le16(s, 2 * *i);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0xFFFD;
	++*i;
	return 0x10000 + ((ch - 0xD800) << 10) + (low - 0xDC00);
}

size_t utf16le_get(char *to, struct str utf16)
{
	size_t n = utf16.n / 2, i = 0, out = 0;

	while (i < n) {
		size_t run = ascii_run(to + out, utf16.p + 2 * i, n - i);

		i += run;
		out += run;
		for (unsigned few = 0; few < 8 && i < n; few++) /* other scripts come in runs too */
			out += utf8_write(to + out, next(utf16, n, &i));
	}
	return out;
}
