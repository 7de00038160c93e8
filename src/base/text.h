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

/* Appends one Unicode scalar value. */
void utf8_put(struct buf *b, uint32_t ch);

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

/* %XX decoding; false on a bad escape. `plus` turns '+' into a space (query strings). */
bool percent_get(struct buf *b, struct str text, bool plus);
/* Escapes all but RFC 3986 unreserved characters. */
void percent_put(struct buf *b, struct str text);

#endif
