/* The string side of comparisons: Unicode normal form C, LIKE, octet strings
 * and address ranges (STIX 2.1 §9.6). Used by pattern_cmp.c only. */
#ifndef STIX_PATTERN_TEXT_H
#define STIX_PATTERN_TEXT_H

#include "base/buf.h"

/* NFC of valid UTF-8. `ret` is `s` itself when that is known to be NFC already, else a view of `room`, whose
 * former content is lost. RC_LIMIT, RC_NOMEM. */
enum rc pat_nfc(struct buf *room, struct str s, struct str *ret, struct err *err) MUSTUSE;

/* Appends the characters of valid UTF-8 as one octet each; false (and nothing appended) when one is above U+00FF. */
bool pat_octets(struct buf *out, struct str utf8);

/* Does all of `value` match `like`, where '%' stands for any run and '_' for one character (`utf8`) or octet?
 * Every step takes one from `*budget`; false with *budget == 0 when it ran out. */
bool pat_like(struct str like, struct str value, bool utf8, uint64_t *budget);

struct pat_net {
	uint8_t addr[16];
	uint8_t family; /* 4, 6 */
	uint8_t bits;
};

/* "198.51.100.7", "198.51.100.0/24", "2001:db8::/32"; host bits may be set. False for all else. */
bool pat_net_parse(struct str s, struct pat_net *ret);
/* Every address of `inner` lies in `outer`. */
bool pat_net_within(const struct pat_net *inner, const struct pat_net *outer);

#endif
