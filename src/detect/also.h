/* What besides its most telling value an indicator asks of an event: the port of the
 * traffic, the address behind the name, the name of the file. Written as bytes that
 * rest in the image, and asked of the few events that meet the value. */
#ifndef DETECT_ALSO_H
#define DETECT_ALSO_H

#include "detect/observe.h"
#include "model/observable.h"

#define ALSO_MAX 512

/* Writes the terms of a pattern (value_terms_of_pattern) but the first, and the side of the first if it is an end of
 * traffic. RC_UNSUPPORTED: longer than ALSO_MAX. */
enum rc also_put(const struct value_term *terms, size_t n, struct buf *out, struct err *err) MUSTUSE;

/* Whether the event meets all of them: ends of traffic and ports by the names that Suricata, Zeek, Sysmon and ECS give
 * them, other observables anywhere (a domain also by a name below it, an address also inside a block), a file's name
 * as the last step of any path. */
bool also_met(struct str also, const struct event_view *e);

#endif
