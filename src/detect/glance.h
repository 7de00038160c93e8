/* What bytes hold at a glance, many of them in one step: could a value hold an
 * observable, and where does a string fall into tokens? Everything that we know
 * has a dot or a colon, or is a run of hexadecimal digits as long as a hash. */
#ifndef DETECT_GLANCE_H
#define DETECT_GLANCE_H

#include "wire/flat.h"

#define GLANCE_LEAST 4 /* bytes of the shortest observable: "a.bc" */
#define GLANCE_RUN 32  /* hexadecimal digits of the shortest hash */

/* The values of an event that could hold one, as places in f->v, in their order. Left out for certain: what is no string,
 * what has neither mark nor run, and times ("2023-08-16 05:00:01.967"). */
size_t glance_values(const struct flat *f, uint16_t out[static FLAT_VALUES_MAX]);

/* By bit of each of up to 64 bytes. */
struct glance { uint64_t splits, dots, colons; };
struct glance glance_bytes(const char *p, size_t n);

/* Does this byte end a token? Blanks, quotes, brackets but [], and , ; = | ` do. */
bool glance_splits(char c);

/* For the tests: the ways of this machine, the best first. */
struct glance_way {
	const char *name;
	size_t (*values)(const struct flat *f, uint16_t *out);
	struct glance (*bytes)(const char *p, size_t n);
};
size_t glance_ways(struct glance_way out[static 2]);

#endif
