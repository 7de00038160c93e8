/* The level of an incident by a pack's table: the highest of all cells that the
 * affected items meet. */
#ifndef DESK_LEVEL_H
#define DESK_LEVEL_H

#include "desk/pack.h"

#define LEVEL_CELLS_MAX 256

struct level_cell {
	const struct pack_cell *cell;
	uint32_t item;               /* which item met it, from 0 */
	bool decides;                /* no other is higher in its dimension */
};

struct level {
	uint8_t overall;             /* 0: no cell applies */
	uint8_t of[PACK_DIMENSIONS_MAX]; /* by dimension; 0: not applicable */
	struct level_cell cells[LEVEL_CELLS_MAX];
	size_t n_cells;
	uint64_t unmet;              /* 1 << item: no cell applies to it (a leak of a system; an attack that failed) */
};

/* `items`: an array of at most FACT_ITEMS_MAX objects of answers, {"coreness": "core", ...}; none: no level. RC_BAD names item
 * and member: an unknown attribute or answer. */
enum rc level_of(const struct pack *p, const struct json *items, struct level *ret, struct err *err) MUSTUSE;

#endif
