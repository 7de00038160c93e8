/* CBOR (RFC 8949) as authenticators must write it (CTAP 2.1 §8, canonical form): every length is known beforehand and every
 * number as short as can be. Whatever else is CBOR is refused. */
#ifndef WIRE_CBOR_H
#define WIRE_CBOR_H

#include "base/rd.h"

#define CBOR_DEPTH 8 /* maps and arrays inside each other */

enum cbor_type { CBOR_UINT, CBOR_NEGINT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_SIMPLE };

struct cbor {
	enum cbor_type type;
	uint64_t n;       /* number; bytes; items; pairs; tag; simple value (of a float, its bits) */
	struct str bytes; /* of CBOR_BYTES and CBOR_TEXT: borrowed from the input */
};

/* The next head, and what follows it for bytes and texts; what a map or an array holds comes with the next calls. False at the
 * end and for what is not canonical: `r` is bad then. */
bool cbor_next(struct rd *r, struct cbor *ret);
/* Goes over one whole item, with all that is in it. */
bool cbor_skip(struct rd *r);
/* The number of a CBOR_UINT or CBOR_NEGINT; false for others and beyond 63 bits. */
bool cbor_int(const struct cbor *c, int64_t *ret);

#endif
