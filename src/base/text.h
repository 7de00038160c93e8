/* Text codings: UTF-8, UTF-16, hexadecimal, base64 (RFC 4648), percent (RFC 3986). */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

/* True for well-formed UTF-8 without surrogates; `ret_at` (may be NULL) gets the
 * offset of the first bad byte. */
bool utf8_valid(struct str s, size_t *ret_at);

/* Bytes (1-4) of the well-formed character at `pos` < s.n, or 0. */
size_t utf8_len(struct str s, size_t pos);

/* Decodes the character at `*pos` of valid UTF-8 and moves `*pos` behind it. */
uint32_t utf8_next(struct str s, size_t *pos);

/* Writes one Unicode scalar value; the bytes written, 1-4: no more are touched. */
static inline size_t utf8_write(char *to, uint32_t ch)
{
	if (ch < 0x80) {
		to[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		to[0] = (char)(0xC0 | ch >> 6);
		to[1] = (char)(0x80 | (ch & 0x3F));
		return 2;
	}
	if (ch < 0x10000) {
		to[0] = (char)(0xE0 | ch >> 12);
		to[1] = (char)(0x80 | (ch >> 6 & 0x3F));
		to[2] = (char)(0x80 | (ch & 0x3F));
		return 3;
	}
	to[0] = (char)(0xF0 | ch >> 18);
	to[1] = (char)(0x80 | (ch >> 12 & 0x3F));
	to[2] = (char)(0x80 | (ch >> 6 & 0x3F));
	to[3] = (char)(0x80 | (ch & 0x3F));
	return 4;
}

/* Appends one Unicode scalar value. */
void utf8_put(struct buf *b, uint32_t ch);

/* A character that shows nothing and does something: controls (but not tab and line feed), directions of writing,
 * joiners, blanks without width, tags. What strangers write is shown with these made visible. */
bool utf8_is_hidden(uint32_t ch);
/* Appends `s` with "\u{202E}" for each hidden character and each byte of no well-formed one. */
void utf8_visible(struct buf *b, struct str s);
/* JSON string of `s`, well-formed, with \u escapes for hidden characters: the same text, harmless as bytes too. */
void json_quote_visible(struct buf *b, struct str s);

/* Appends `s` with U+FFFD for each byte that is of no well-formed character. */
void utf8_mend(struct buf *b, struct str s);

/* UTF-16LE to UTF-8 into `to`, which has room for three bytes a unit; the bytes written. A single surrogate becomes
 * U+FFFD, an odd last byte is left out. */
size_t utf16le_get(char *to, struct str utf16) MUSTUSE;

/* 0-15 for a hexadecimal digit of either case, else -1. */
int hex_value(char c);

/* Lower-case hexadecimal. */
void hex_put(struct buf *b, struct str bytes);
/* Even count of either case, else false. Appends the decoded bytes; like all
 * decoders here, nothing when it returns false. */
bool hex_get(struct buf *b, struct str hex);

/* With padding. */
void base64_put(struct buf *b, struct str bytes);
/* Standard alphabet, padding required, no white space; else false. */
bool base64_get(struct buf *b, struct str text);
/* URL alphabet without padding: for cursors and tokens. */
void base64url_put(struct buf *b, struct str bytes);
bool base64url_get(struct buf *b, struct str text);

/* A field of CSV, always within quotation marks (RFC 4180). `guard`: what a spreadsheet would take for a formula gets an apostrophe
 * before it. */
void csv_put(struct buf *b, struct str s, bool guard);

/* %XX decoding; false on a bad escape. `plus` turns '+' into a space (query strings). */
bool percent_get(struct buf *b, struct str text, bool plus);
/* Escapes all but RFC 3986 unreserved characters. */
void percent_put(struct buf *b, struct str text);

#endif
