/* A look into the history for people: the newest events first, page by page, while
 * more are counted over time; or, from a place on, what came since. One look ends
 * where its reader has enough, and the next begins there. */
#ifndef DETECT_LOOK_H
#define DETECT_LOOK_H

#include "detect/hunt.h"

#define LOOK_EVENTS_MAX 2000  /* told in one look */
#define LOOK_BUCKETS_MAX 400
#define LOOK_PLACE_MAX 64     /* bytes of a place as text */

/* Between two events: behind the first `n` events found in the block that comes behind the named one. It keeps its meaning when
 * events that were not sealed yet become a block. */
struct look_place {
	bool first;             /* the named block is none: the oldest block is meant */
	uint64_t segment, at;
	uint32_t n;
};
/* Opaque text both ways. RC_BAD. */
struct str look_place_print(const struct look_place *p, char out[static LOOK_PLACE_MAX]);
enum rc look_place_read(struct str text, struct look_place *ret, struct err *err) MUSTUSE;

struct look {
	const struct hunt_term *terms;
	size_t n_terms;
	usec since, until;           /* as in struct hunt_opts; since INT64_MIN: open */
	struct str source;           /* or "" */
	uint32_t most;               /* events told, at most LOOK_EVENTS_MAX */
	bool onward;                 /* from `from` on in the order of the history, else from `from` back, newest first */
	const struct look_place *from; /* NULL: from the end (onward: nothing but the place of the end) */
	uint32_t buckets;            /* counted over [since, until), which are both given then; 0: not counted */
	usec within;                 /* counting ends after so long; events are told first */
	bool (*go_on)(void *ctx);    /* asked between blocks; false: nobody waits */
	/* One event as JSON: time, source, record, format, event (its line; "cut": true when it is longer than what is shown), fields
	 * (path: value or values). */
	void (*event)(void *ctx, struct str json);
	void (*progress)(void *ctx, const struct look *s); /* about four times a second, and after events; may be NULL */
	void *ctx;

	/* how it went; reset by look_run */
	struct hunt_stats stats;
	uint32_t told;
	size_t done, all;            /* blocks looked at, of those there are */
	bool more;                   /* there are further events behind the last one told */
	struct look_place next;    /* where: valid when `more`; onward: always */
	struct look_place end;     /* the end of the history, when the look began there or went there */
	bool whole;                  /* all was counted */
	bool estimated;              /* some counts are shares of a block's, by its first and last event */
	uint64_t bucket[LOOK_BUCKETS_MAX];
	uint64_t matched;            /* events found and counted */
	double seconds;
};

/* RC_BAD: what cannot be asked. Damaged blocks are counted and passed over. */
enum rc look_run(struct history *h, struct look *s, struct err *err) MUSTUSE;

#endif
