/* Indicators that the image cannot hold - LIKE, MATCHES, several comparisons,
 * several observations - live on a node: compiled predicates and correlations
 * (detect/stix_rules.h) that come and go one at a time beside the Sigma rules,
 * which are not compiled anew for them.
 *
 * A thread here compiles what is new, in batches: a small image beside those that
 * are there, and images of like size into one, so that one more indicator costs
 * little however many there are. What is removed or expires stops at once. */
#ifndef DETECT_PATTERNS_H
#define DETECT_PATTERNS_H

#include "detect/image.h"
#include "wire/flat.h"

#define PATTERNS_MAX 50000        /* indicators; more are refused */
#define PATTERNS_TOLERANCE (5 * USEC_PER_SEC) /* disorder that operators between observations bear */

struct patterns;

/* An indicator that cannot be matched, and why. From the thread that compiles. */
typedef void (*patterns_refuse)(void *ctx, struct str id, uint8_t tlp, const char *why);

struct patterns_opts {
	const char *packs;        /* further log sources, or NULL */
	image_suppress suppress;  /* warning lists, or NULL */
	void *suppress_ctx;
	patterns_refuse refuse;   /* or NULL */
	void *refuse_ctx;
};

/* Starts the thread. */
enum rc patterns_new(const struct patterns_opts *o, struct patterns **ret, struct err *err) MUSTUSE;
void patterns_free(struct patterns *p); /* after all its runs */

/* Adds, replaces (same id) or removes (revoked). Copies and returns; in force for events that come shortly after, at once
 * when the pattern is the one it had. Whether it can be matched is found out later (refuse). RC_LIMIT, RC_NOMEM. */
enum rc patterns_update(struct patterns *p, const struct image_indicator *i, struct err *err) MUSTUSE;
void patterns_remove(struct patterns *p, struct str id); /* accepts an id it does not know, and a NULL p */
void patterns_clear(struct patterns *p);
/* Is it in force: known, compiled, not refused, and within its time at `at`? Accepts NULL. */
bool patterns_in_force(struct patterns *p, struct str id, usec at);
/* Returns when all that was told before is in force or refused. Accepts NULL. */
void patterns_settle(struct patterns *p);

struct patterns_stats {
	uint64_t indicators;  /* known and not refused; `waiting` of them are not yet in force */
	uint64_t waiting, refused;
	uint64_t images;      /* that they are spread over */
	uint64_t matches, fired, suppressed; /* of single observations, of operators between them; held back by warning lists */
	uint64_t lost;        /* operators that had no memory to count a match */
};
void patterns_stats(struct patterns *p, struct patterns_stats *ret);

/* --- one thread's part --- */

struct patterns_run;
enum rc patterns_run_new(struct patterns *p, struct patterns_run **ret, struct err *err) MUSTUSE;
void patterns_run_free(struct patterns_run *r);

/* False: there is no pattern to match, so that patterns_match need not be called for this event. */
bool patterns_any(const struct patterns_run *r);

struct patterns_event {
	struct str json;          /* the event as JSON */
	struct str line;          /* as it came */
	enum log_format format;   /* of the line */
	usec at;                  /* 0: to be found in the JSON */
	struct str input;
	struct str (*where)(void *ctx); /* the host or sensor, asked for when something matches */
	void *ctx;
};

/* `what` of a hit is the observable that was most telling, or of kind OBS_KINDS; `matched` is the pattern; `event` is the line,
 * of several observations the latest. One whose observables are all on warning lists is handed over as suppressed. */
typedef void (*patterns_hit)(void *ctx, const struct hit *h);
enum rc patterns_match(struct patterns_run *r, const struct patterns_event *e, patterns_hit fn, void *ctx, struct err *err) MUSTUSE;

/* The event was matched before, by another process: operators between observations count it, and nothing is told. */
enum rc patterns_warm(struct patterns_run *r, const struct patterns_event *e, struct err *err) MUSTUSE;
/* The longest time that some operator between observations looks back; 0: there is none. */
usec patterns_span(struct patterns *p);

/* Nothing came for a while: what waits for earlier events waits no longer than the tolerance. */
enum rc patterns_idle(struct patterns_run *r, patterns_hit fn, void *ctx, struct err *err) MUSTUSE;

/* Nothing more will come: operators take what waits. */
enum rc patterns_end(struct patterns_run *r, patterns_hit fn, void *ctx, struct err *err) MUSTUSE;

#endif
