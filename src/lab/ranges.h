/* A set of byte ranges that grows in any order and is asked once: what of a whole is covered, and what is not. */
#ifndef LAB_RANGES_H
#define LAB_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_RANGES_MAX ((size_t)1 << 20)

struct lab_range {
	uint64_t from, to;
};

struct lab_ranges {
	struct lab_range *p;
	size_t n, cap;
	bool tidy, full; /* full: more than LAB_RANGES_MAX, or no memory: the set is not to be trusted to hold all */
};

void lab_ranges_done(struct lab_ranges *r);
void lab_ranges_add(struct lab_ranges *r, uint64_t from, uint64_t to); /* empty ones are nothing */
void lab_ranges_add_all(struct lab_ranges *r, const struct lab_ranges *more);
/* Sorted, none touching another. */
void lab_ranges_tidy(struct lab_ranges *r);
uint64_t lab_ranges_sum(struct lab_ranges *r);
/* The next piece of [*at, end) that is not in the (tidy) set; moves *at behind it. */
bool lab_ranges_gap(const struct lab_ranges *r, uint64_t *at, uint64_t end, struct lab_range *ret);

#endif
