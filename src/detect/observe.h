/* Observables of one log event, whatever its shape: every string of the JSON is
 * looked at, whole and in its parts, and typed by its form. */
#ifndef DETECT_OBSERVE_H
#define DETECT_OBSERVE_H

#include "base/json.h"
#include "event/hit.h"

#define EVENT_OBSERVABLES_MAX 1024 /* of one event; more are counted by the caller as cut */
#define EVENT_DEPTH 32

struct event_view {
	struct observable *list; /* in normal form (model/observable.h) */
	size_t n;
	bool cut;                /* the event holds more */
	usec at;                 /* its own time, or 0 */
	struct str where;        /* host or sensor, or "" */
};

/* All memory in `a`; borrows from `line` too. RC_BAD: no JSON object. */
enum rc event_observe(struct arena *a, struct str line, struct event_view *ret, struct err *err) MUSTUSE;

#endif
