#include "base/text.h"

#include "base/ascii.h"

int hex_value(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void hex_put(struct buf *b, struct str bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *to = bytes.n > SIZE_MAX / 2 ? NULL : buf_room(b, bytes.n * 2);

	if (to == NULL)
		return;
	for (size_t i = 0; i < bytes.n; i++) {
		*to++ = digits[(unsigned char)bytes.p[i] >> 4];
		*to++ = digits[bytes.p[i] & 15];
	}
	buf_grew(b, bytes.n * 2);
}

/* Byte written as the two digits at `p`, or -1. */
static int hex_pair(const char *p)
{
	int high = hex_value(p[0]), low = hex_value(p[1]);

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool hex_get(struct buf *b, struct str hex)
{
	size_t start = b->n;

	if (hex.n % 2 != 0)
		return false;
	for (size_t i = 0; i < hex.n; i += 2) {
		int v = hex_pair(hex.p + i);

		if (v < 0) {
			buf_cut(b, start);
			return false;
		}
		buf_char(b, (char)v);
	}
	return true;
}

static const char STANDARD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put64(struct buf *b, struct str bytes, const char *alphabet, bool padded)
{
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t have = bytes.n - i < 3 ? bytes.n - i : 3;
		char out[4] = { '=', '=', '=', '=' };
		uint32_t v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (k < have ? (unsigned char)bytes.p[i + k] : 0);
		for (size_t k = 0; k <= have; k++)
			out[k] = alphabet[v >> (18 - 6 * k) & 63];
		buf_put(b, out, padded ? 4 : have + 1);
	}
}

static int value64(char c, const char *alphabet)
{
	if (ascii_upper(c))
		return c - 'A';
	if (ascii_lower(c))
		return c - 'a' + 26;
	if (ascii_digit(c))
		return c - '0' + 52;
	return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : -1;
}

/* `text` without padding. Bits left over must be zero, so that there is one
 * spelling of each value only. */
static bool get64(struct buf *b, struct str text, const char *alphabet)
{
	size_t start = b->n;
	uint32_t v = 0;
	int bits = 0, digit = 0;

	for (size_t i = 0; i < text.n && digit >= 0; i++) {
		digit = value64(text.p[i], alphabet);
		v = v << 6 | ((uint32_t)digit & 63);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_char(b, (char)(v >> bits));
		}
	}
	if (digit < 0 || bits == 6 || (v & ((1u << bits) - 1)) != 0) {
		buf_cut(b, start);
		return false;
	}
	return true;
}

void base64_put(struct buf *b, struct str bytes)
{
	put64(b, bytes, STANDARD, true);
}

bool base64_get(struct buf *b, struct str text)
{
	if (text.n % 4 != 0)
		return false;
	for (int padding = 0; padding < 2 && text.n > 0 && text.p[text.n - 1] == '='; padding++)
		text.n--;
	return get64(b, text, STANDARD);
}

void base64url_put(struct buf *b, struct str bytes)
{
	put64(b, bytes, URL, false);
}

bool base64url_get(struct buf *b, struct str text)
{
	return get64(b, text, URL);
}

bool percent_get(struct buf *b, struct str text, bool plus)
{
	size_t start = b->n;

	for (size_t i = 0; i < text.n; i++) {
		int v;

		if (text.p[i] != '%') {
			buf_char(b, plus && text.p[i] == '+' ? ' ' : text.p[i]);
			continue;
		}
		v = text.n - i < 3 ? -1 : hex_pair(text.p + i + 1);
		if (v < 0) {
			buf_cut(b, start);
			return false;
		}
		buf_char(b, (char)v);
		i += 2;
	}
	return true;
}

static bool unreserved(char c)
{
	return ascii_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void percent_put(struct buf *b, struct str text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.n; i++) {
		char escaped[3] = { '%', digits[(unsigned char)text.p[i] >> 4], digits[text.p[i] & 15] };

		if (unreserved(text.p[i]))
			buf_char(b, text.p[i]);
		else
			buf_put(b, escaped, sizeof escaped);
	}
}

void csv_put(struct buf *b, struct str s, bool guard)
{
	buf_char(b, '"');
	if (guard && s.n > 0 && strchr("=+-@\t\r", s.p[0]) != NULL)
		buf_char(b, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_char(b, '"');
		buf_char(b, s.p[i]);
	}
	buf_char(b, '"');
}
