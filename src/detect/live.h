/* The rules in force on a node: one compiled image and one correlator for all
 * inputs, replaced while events flow without losing one. */
#ifndef DETECT_LIVE_H
#define DETECT_LIVE_H

#include "event/rule_hit.h"
#include "wire/flat.h"

struct live;

struct live_opts {
	const char *rules;  /* a Sigma file or folder; NULL with `own` */
	const char *own;    /* the node's own rules, and which of all are turned off (rulebook.h); or NULL */
	const char *lists;  /* values of placeholders, or NULL */
	const char *packs;  /* further log sources, or NULL */
	/* The i-th input whose events of no known source are of `*ret_source` (taxonomy_assume); NULL: there are no more. May be NULL. */
	const char *(*assume)(const void *ctx, size_t i, const char **ret_source);
	const void *ctx;
};

/* Reads and compiles. Rules that are refused are counted, the others are in force. */
enum rc live_new(const struct live_opts *o, struct live **ret, struct err *err) MUSTUSE;
void live_free(struct live *l); /* after all its runs */

/* Reads anew; in force for every event that begins after the return. On failure the old rules stay. */
enum rc live_reload(struct live *l, const struct live_opts *o, struct err *err) MUSTUSE;

/* Is there a rule of this id, or, without an id, of this title? */
bool live_knows(struct live *l, struct str id);

/* What became of each rule of this reading; borrowed during the call. */
struct ruling;
typedef void (*live_ruling)(void *ctx, const struct ruling *r);
enum rc live_rulings(struct live *l, live_ruling fn, void *ctx, struct err *err) MUSTUSE;

struct live_stats { uint64_t rules, refused, events, matches, fired, late, evicted; };
void live_stats(struct live *l, struct live_stats *ret);

/* One thread's part. */
struct live_run;
enum rc live_run_new(struct live *l, struct live_run **ret, struct err *err) MUSTUSE;
void live_run_free(struct live_run *r);

/* The dictionary to parse the next event with; the event must be matched before this is asked again. */
enum rc live_fields(struct live_run *r, const struct fields **ret, struct err *err) MUSTUSE;

/* Borrowed during the call. Correlations come behind the matches that made them. */
#define LIVE_TOLERANCE (5 * USEC_PER_SEC) /* disorder that correlations bear */
typedef void (*live_hit)(void *ctx, const struct rule_hit *h);
enum rc live_match(struct live_run *r, struct flat *f, struct str input, struct str where, live_hit fn, void *ctx, struct err *err) MUSTUSE;

/* Counts an event of the past, of `at`, in the correlations alone: nothing is told. Before the first live event. */
enum rc live_warm(struct live_run *r, struct flat *f, struct str input, usec at, struct err *err) MUSTUSE;
/* That was all of the past: what need not wait for earlier events any more is counted. */
enum rc live_warmed(struct live_run *r, struct err *err) MUSTUSE;
/* The longest timespan of the correlations in force; 0: there are none. */
usec live_span(struct live *l);

/* Nothing came for a while: what waits for earlier events waits no longer than LIVE_TOLERANCE of real time. */
enum rc live_idle(struct live_run *r, struct str input, live_hit fn, void *ctx, struct err *err) MUSTUSE;

#endif
