/* Inside wire/ only: JSON into a flat event byte by byte. Slow, obvious, the
 * same on every machine: what the fast reader must agree with, what it asks for
 * the words when a line is bad, and what runs where there are no wide vectors. */
#ifndef WIRE_FLAT_JSON_PLAIN_H
#define WIRE_FLAT_JSON_PLAIN_H

#include "wire/flat.h"

/* As flat_json. */
enum rc flat_json_plain(struct flat *f, const struct fields *dict, struct str line, struct err *err) MUSTUSE;

#endif
