/* Inside wire/ and its tests: the ways to read a line, one for each kind of
 * machine. All give the same values, and plain words where a line is bad. */
#ifndef WIRE_FLAT_JSON_PATH_H
#define WIRE_FLAT_JSON_PATH_H

#include "wire/flat.h"

/* A fast way reads a line of at most FLAT_FAST_MAX bytes into `f` (clear) and says false when it meets anything that is
 * bad, rare or doubtful: the plain way then reads it again from the start and decides. */
#define FLAT_FAST_MAX 65535
typedef bool (*flat_json_fast)(struct flat *f, const struct fields *dict, struct str line);

/* Byte by byte: what the others must agree with, what knows the words for a bad line, what runs where there are no wide
 * vectors. */
enum rc flat_json_plain(struct flat *f, const struct fields *dict, struct str line, struct err *err) MUSTUSE;

bool flat_json_avx2(struct flat *f, const struct fields *dict, struct str line);
bool flat_json_avx512(struct flat *f, const struct fields *dict, struct str line);

struct flat_json_way {
	const char *name;
	flat_json_fast read; /* NULL: the plain way only */
};

/* The ways this machine has, best first; the last is "portable". */
size_t flat_json_ways(struct flat_json_way out[static 3]);

/* flat_json by one of them. */
enum rc flat_json_by(flat_json_fast read, struct flat *f, const struct fields *dict, struct str line, struct err *err) MUSTUSE;

#endif
