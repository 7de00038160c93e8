/* Formats of single strings: each function yields NULL when the text fits, else
 * a fixed phrase that says what is wrong. They never allocate. */
#ifndef STIX_FORMAT_H
#define STIX_FORMAT_H

#include "base/str.h"

const char *format_uri(struct str s);      /* RFC 3986 §3, other languages' letters allowed (RFC 3987) */
const char *format_hex(struct str s);      /* even count, not empty */
const char *format_base64(struct str s);   /* RFC 4648 §4, not empty */
const char *format_ipv4(struct str s);     /* dotted, optional /0../32 */
const char *format_ipv6(struct str s);     /* RFC 5952 or longer, optional /0../128 */
const char *format_mac(struct str s);      /* six lower-case pairs with colons */
const char *format_email(struct str s);    /* addr-spec without display name */
const char *format_domain(struct str s);   /* RFC 1034 labels, A- or U-labels (RFC 5890) */
const char *format_mime(struct str s);     /* registered top-level type "/" subtype */
const char *format_charset(struct str s);  /* family of an IANA character set name */
const char *format_cpe(struct str s);      /* CPE 2.3 formatted string */
const char *format_lang(struct str s);     /* RFC 5646 language tag */
const char *format_lang_639_2(struct str s);
const char *format_dict_key(struct str s, size_t min, size_t max); /* a-z A-Z 0-9 _ - */
/* The digest of a known algorithm has its length and alphabet; unknown ones pass. */
const char *format_hash(struct str algorithm, struct str value);
/* Lower-case ASCII letters, digits and hyphens: the look of vocabulary words. */
bool format_is_word(struct str s);
/* 3..250 of a-z 0-9 _, a letter first; or "id" (STIX 2.1 §3.1, §11.1). */
bool format_is_property(struct str s, bool letter_first);

#endif
