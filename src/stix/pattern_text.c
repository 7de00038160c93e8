/* Normalisation: STIX 2.1 §9.6.2 wants LIKE and MATCHES on NFC. All characters
 * below U+0300 are their own NFC and combine with nothing that is also below
 * it, so a string without a byte >= 0xCC (the lead byte of U+0300) is returned
 * as it is; this covers ASCII and Latin-1. Everything else goes through
 * libunistring, which GnuTLS loads anyway: composition tables of our own would
 * be a second copy of Unicode to keep up to date.
 *
 * LIKE is the greedy match that remembers the last '%': no recursion, at worst
 * length times length, which the budget bounds. */
#include "stix/pattern_text.h"

#include <arpa/inet.h>
#include <uninorm.h>

#include "base/text.h"

#define NFC_GROWTH 3 /* Unicode Standard Annex 15: UTF-8 never grows more in NFC */

static bool surely_nfc(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0xCC)
			return false;
	return true;
}

enum rc pat_nfc(struct buf *room, struct str s, struct str *ret, struct err *err)
{
	size_t n = s.n * NFC_GROWTH;
	uint8_t *dst, *made;

	if (surely_nfc(s)) {
		*ret = s;
		return RC_OK;
	}
	buf_clear(room);
	dst = (uint8_t *)buf_room(room, n);
	if (dst == NULL)
		return buf_check(room, err, "pattern: a string to be normalised");
	made = u8_normalize(UNINORM_NFC, (const uint8_t *)s.p, s.n, dst, &n);
	if (made != dst) {
		/* It did not use our room: out of memory, or a longer result than Unicode allows. */
		free(made);
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	}
	buf_grew(room, n);
	*ret = buf_view(room);
	return RC_OK;
}

bool pat_octets(struct buf *out, struct str utf8)
{
	size_t before = out->n;

	for (size_t pos = 0; pos < utf8.n;) {
		uint32_t ch = utf8_next(utf8, &pos);

		if (ch > 0xFF) {
			buf_cut(out, before);
			return false;
		}
		buf_char(out, (char)ch);
	}
	return true;
}

static size_t char_len(struct str s, size_t pos, bool utf8)
{
	size_t n = utf8 ? utf8_len(s, pos) : 1;

	return n == 0 ? 1 : n;
}

/* The '_', '%' or character of `like` at `i` takes the character at `v`, which has `n` bytes. */
static bool takes(struct str like, size_t i, struct str value, size_t v, size_t n)
{
	if (i >= like.n)
		return false;
	return like.p[i] == '_' || str_eq(str_slice(like, i, i + n), str_slice(value, v, v + n));
}

bool pat_like(struct str like, struct str value, bool utf8, uint64_t *budget)
{
	size_t i = 0, v = 0;
	size_t star = SIZE_MAX, retry = 0;

	while (v < value.n) {
		size_t n = char_len(value, v, utf8);

		if (*budget == 0)
			return false;
		--*budget;
		if (i < like.n && like.p[i] == '%') {
			star = ++i;
			retry = v;
		} else if (takes(like, i, value, v, n)) {
			i += like.p[i] == '_' ? 1 : n;
			v += n;
		} else if (star != SIZE_MAX) {
			i = star;
			retry += char_len(value, retry, utf8);
			v = retry;
		} else {
			return false;
		}
	}
	while (i < like.n && like.p[i] == '%')
		i++;
	return i == like.n;
}

bool pat_net_parse(struct str s, struct pat_net *ret)
{
	char text[INET6_ADDRSTRLEN];
	size_t slash = str_find(s, S("/"), 0);
	struct str host = str_slice(s, 0, slash);
	struct pat_net net = { .family = 4, .bits = 32 };
	uint64_t bits;

	if (host.n == 0 || host.n >= sizeof text)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	/* A NUL inside would hide what follows it. */
	if (strlen(text) != host.n)
		return false;
	if (inet_pton(AF_INET, text, net.addr) != 1) {
		if (inet_pton(AF_INET6, text, net.addr) != 1)
			return false;
		net.family = 6;
		net.bits = 128;
	}
	if (slash != SIZE_MAX) {
		struct str digits = str_slice(s, slash + 1, s.n);

		if (digits.n > 3 || !str_to_u64(digits, &bits) || bits > net.bits)
			return false;
		net.bits = (uint8_t)bits;
	}
	*ret = net;
	return true;
}

bool pat_net_within(const struct pat_net *inner, const struct pat_net *outer)
{
	size_t whole = outer->bits / 8;
	unsigned rest = outer->bits % 8;
	unsigned mask = 0xFFu << (8 - rest) & 0xFFu;

	if (inner->family != outer->family || inner->bits < outer->bits ||
	    memcmp(inner->addr, outer->addr, whole) != 0)
		return false;
	return rest == 0 || ((inner->addr[whole] ^ outer->addr[whole]) & mask) == 0;
}
