/* Inside wire/ only: what flat_json keeps between events of one thread. */
#ifndef WIRE_FLAT_WORK_H
#define WIRE_FLAT_WORK_H

#include "wire/flat.h"

/* One open object or array. */
struct flat_level {
	uint16_t node;     /* where its members stand */
	uint16_t field;    /* array: what its items are */
	uint16_t name_n;
	uint8_t array;
	const char *name;  /* array: the member's */
};

struct flat_work {
	struct flat_level levels[FLAT_DEPTH_MAX + 1];
};

/* `s` with JSON escapes resolved, in the scratch. .p NULL: out of memory. */
struct str flat_unescape(struct flat *f, struct str s);

#endif
