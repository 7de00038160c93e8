/* Inside wire/ only: what flat_json keeps between events of one thread. */
#ifndef WIRE_FLAT_WORK_H
#define WIRE_FLAT_WORK_H

#include "wire/flat_json_path.h"

/* One open object or array. */
struct flat_level {
	uint16_t node;     /* where its members stand */
	uint16_t field;    /* array: what its items are */
	uint16_t name_n;
	uint8_t array;
	const char *name;  /* array: the member's */
};

/* Where the quotes of a line stand that open and close its strings. */
struct flat_index {
	uint16_t quotes[FLAT_FAST_MAX + 1 + 64];           /* in order; 64: the last block may write that much too much */
	uint64_t escaped[(FLAT_FAST_MAX + 1) / 64 + 1];    /* a bit each byte: a quote that closes a string with escapes */
};

struct flat_work {
	flat_json_fast read_json;
	struct flat_level levels[FLAT_DEPTH_MAX + 1];
	struct flat_index index;
};

/* `s` with JSON escapes resolved, in the scratch. .p NULL: out of memory. */
struct str flat_unescape(struct flat *f, struct str s);

#endif
