/* Where an event happened: the machine that tells of it, else the inside end of
 * the traffic it tells of. Never the server that was asked for: what somebody
 * visited is not the place of the event. */
#ifndef DETECT_WHERE_H
#define DETECT_WHERE_H

#include "base/json.h"
#include "wire/flat.h"

/* The host of an event as a tree, or "". `header` is what the format's own header says (flat.h), or "". A format that
 * is no JSON has lost which of its members stood at the top: names that are also those of a server do not count there.
 * Borrows from both. */
struct str event_where(const struct json *tree, enum log_format format, struct str header);

/* The same from the event at hand; in `a`, as is the work. Slow: for matches only. "" also when memory is out. */
struct str flat_where(struct arena *a, struct flat *f);

#endif
