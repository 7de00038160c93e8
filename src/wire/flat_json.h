/* JSON lines into flat events, at the speed of memory where the machine has wide
 * vectors. Reads RFC 8259 strictly enough that a broken line is never taken for
 * a good one; well-formed UTF-8 is asked for. */
#ifndef WIRE_FLAT_JSON_H
#define WIRE_FLAT_JSON_H

#include "wire/flat.h"

/* One JSON object into `f` (cleared first); values borrow from `line`. Objects and arrays open out into their members
 * and items; an empty one yields nothing. RC_BAD with the byte: not one well-formed object; RC_LIMIT: too deep or
 * longer than 4 GiB - 1. */
enum rc flat_json(struct flat *f, const struct fields *dict, struct str line, struct err *err) MUSTUSE;

/* The same of a line that may hold bytes of another coding, as what comes from outside into a log does: each is U+FFFD, so
 * that nobody can hide an event behind one. *line becomes the mended one, in `spare`, when there were any. */
enum rc flat_json_mended(struct flat *f, const struct fields *dict, struct str *line, struct buf *spare, struct err *err) MUSTUSE;

/* Which code path runs: "avx512", "avx2" or "portable". */
const char *flat_json_path(void);

#endif
