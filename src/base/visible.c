/* Texts of strangers, for eyes and terminals. Which characters: Unicode's Cc, Cf and Zl, Zp as far as they move, hide or join
 * what stands around them (UTS #39 §2, UTR #36 §3.2). */
#include "base/json.h"
#include "base/text.h"

static const struct { uint32_t first, last; } HIDDEN[] = {
	{ 0x00, 0x08 },     { 0x0B, 0x1F },     { 0x7F, 0x9F },     { 0xAD, 0xAD },     { 0x061C, 0x061C }, { 0x180E, 0x180E }, { 0x200B, 0x200F },
	{ 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0xFE00, 0xFE0F }, { 0xFEFF, 0xFEFF }, { 0xFFF9, 0xFFFB }, { 0xE0000, 0xE0FFF },
};

bool utf8_is_hidden(uint32_t ch)
{
	for (size_t i = 0; i < COUNTOF(HIDDEN); i++)
		if (ch >= HIDDEN[i].first && ch <= HIDDEN[i].last)
			return true;
	return false;
}

void utf8_visible(struct buf *b, struct str s)
{
	for (size_t at = 0; at < s.n;) {
		size_t n = utf8_len(s, at), begin = at;
		uint32_t ch;

		if (n == 0) {
			buf_fmt(b, "\\x{%02X}", (unsigned char)s.p[at++]);
			continue;
		}
		ch = utf8_next(s, &at);
		if (utf8_is_hidden(ch))
			buf_fmt(b, "\\u{%04X}", ch);
		else
			buf_str(b, str_slice(s, begin, at));
	}
}

static void put_escape(struct buf *b, uint32_t ch)
{
	if (ch > 0xFFFF)
		buf_fmt(b, "\\u%04x\\u%04x", 0xD800 + ((ch - 0x10000) >> 10), 0xDC00 + ((ch - 0x10000) & 0x3FF));
	else
		buf_fmt(b, "\\u%04x", ch);
}

void json_quote_visible(struct buf *b, struct str s)
{
	buf_char(b, '"');
	for (size_t at = 0; at < s.n;) {
		size_t begin = at;
		uint32_t ch = utf8_len(s, at) == 0 ? 0xFFFD : utf8_next(s, &at);

		at += at == begin;
		if (ch == '"' || ch == '\\')
			buf_fmt(b, "\\%c", (char)ch);
		else if (ch < 0x20 || utf8_is_hidden(ch))
			put_escape(b, ch);
		else
			utf8_put(b, ch);
	}
	buf_char(b, '"');
}
