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
	const struct json *tree; /* the whole event */
};

/* All memory in `a`; borrows from `line` too. RC_BAD: no JSON object. */
enum rc event_observe(struct arena *a, struct str line, struct event_view *ret, struct err *err) MUSTUSE;

/* The observables of one string alone, whole and in its parts: what event_observe finds in each string of an event, one
 * call each, repeats included; `value` lasts for the call. `normal` is scratch with a maximum of OBSERVE_NORMAL_MAX.
 * False: the string holds more than is looked at. */
#define OBSERVE_NORMAL_MAX ((size_t)8192)
typedef void (*observe_fn)(void *ctx, enum observable_kind kind, struct str value);
bool observe_string(struct str s, struct buf *normal, observe_fn fn, void *ctx);

/* Members of one object that are a URL together: "http://" host path, where path begins with "/". */
#define OBSERVE_PAIRS 2
struct observe_pair { struct str host, path; };
extern const struct observe_pair observe_pairs[OBSERVE_PAIRS];

#endif
