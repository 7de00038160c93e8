/* Indicators over flat events: every observable of every value is looked up, in
 * the lists (detect/iocs.h) and in the image of STIX indicators (detect/image.h).
 * Values that held nothing are remembered, so that a log which repeats itself
 * costs little. One per thread. */
#ifndef DETECT_SPOT_H
#define DETECT_SPOT_H

#include "detect/block_keys.h"
#include "detect/image.h"
#include "detect/iocs.h"
#include "wire/flat.h"

#define SPOTS_MAX 64 /* of one event; more are counted as left out */

struct spot {
	char id[64];          /* indicator--uuid */
	struct observable what;
	struct str matched;   /* the indicator's own value */
	struct str suppressed; /* name of the warning list that holds it back; "": it is a hit */
	uint8_t tlp, confidence; /* UINT8_MAX: not said */
	const char *list;     /* file of the list, or NULL for the image */
};

struct spotter;

/* Either may be NULL. Both outlive the spotter. */
enum rc spotter_new(const struct iocs *lists, const struct image *image, struct spotter **ret, struct err *err) MUSTUSE;
void spotter_free(struct spotter *s);
void spotter_freep(struct spotter **s);

/* What the event holds, valid until the next call. RC_IO as iocs_lookup; RC_NOMEM. `at`: indicators count that are
 * active at this time. */
enum rc spotter_run(struct spotter *s, struct flat *f, usec at, const struct spot **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* The same in two calls, the first right behind the parser, so that memory is on its way while something else is done with
 * the event, which stays as it is between them. */
void spotter_begin(struct spotter *s, struct flat *f);
enum rc spotter_end(struct spotter *s, usec at, const struct spot **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* Could the event hold a value that an indicator of the image names, whether it is active or asks for more, or not? True is no
 * more than a reason to look closely; false is exact. Forgets by itself when the image changes. Of a spotter without lists. */
bool spotter_maybe(struct spotter *s, struct flat *f);

/* From now on spotter_maybe also notes what it finds, for the history's block. What it yields is of the latest event; RC_NOMEM. */
enum rc spotter_note(struct spotter *s, const struct event_keys **ret, struct err *err) MUSTUSE;

/* The image changed: what was remembered counts no more. */
void spotter_forget(struct spotter *s);

struct spotter_stats { uint64_t values, looked_at, observables, hits, left_out; };
void spotter_stats(const struct spotter *s, struct spotter_stats *ret);

#endif
