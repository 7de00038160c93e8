/* What bytes hold at a glance, many of them in one step: could a value hold an
 * observable, and where does a string fall into tokens? Everything that we know
 * has a dot or a colon, or is a run of hexadecimal digits as long as a hash. */
#ifndef DETECT_GLANCE_H
#define DETECT_GLANCE_H

#include "wire/flat.h"

#define GLANCE_LEAST 4 /* bytes of the shortest observable: "a.bc" */
#define GLANCE_RUN 32  /* hexadecimal digits of the shortest hash */

/* The values of an event that could hold one, in their order. Left out for certain: what is no string, what has neither
 * mark nor run, and times ("2023-08-16 05:00:01.967"). */
struct glance_values {
	uint32_t n;
	uint32_t names;                   /* bit k: the name of some value, worth it or not, has k bytes, or k and a multiple of 32 */
	uint16_t place[FLAT_VALUES_MAX];  /* in f->v */
	struct str text[FLAT_VALUES_MAX]; /* as it stands there, with its escapes */
};
void glance_values(const struct flat *f, struct glance_values *out);

/* By bit of each of up to 64 bytes. */
struct glance { uint64_t splits, dots, colons; };
struct glance glance_bytes(const char *p, size_t n);

/* Does this byte end a token? Blanks, quotes, brackets but [], and , ; = | ` do. */
bool glance_splits(char c);

/* For the tests: the ways of this machine, the best first. */
struct glance_way {
	const char *name;
	void (*values)(const struct flat *f, struct glance_values *out);
	struct glance (*bytes)(const char *p, size_t n);
};
size_t glance_ways(struct glance_way out[static 2]);

#endif
