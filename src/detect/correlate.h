/* Correlations over matches: exact state of O(N) a group, event time with a
 * stated tolerance for disorder, a cap on memory with counted evictions.
 *
 * Matches wait until nothing earlier can come any more (the newest time seen
 * less the tolerance) and are then counted in the order of their time: events
 * that come out of order within the tolerance give the result of the sorted
 * stream. Equal times are taken in the order of the event numbers. */
#ifndef DETECT_CORRELATE_H
#define DETECT_CORRELATE_H

#include "base/buf.h"
#include "base/jsonw.h"
#include "detect/sigma.h"

#define CORRELATE_SLOTS_MAX 64         /* rules of one correlation */
#define CORRELATE_FIELDS_MAX 16        /* of group-by, of the condition, and carried on to outer correlations: each */
#define CORRELATE_COUNT_MAX 1000000    /* the highest threshold that is counted to */
#define CORRELATE_EVENTS_MAX 32        /* events named by a firing */
#define CORRELATE_VALUE_MAX 1024       /* bytes of a group value that a firing shows; longer ones are told apart whole */
#define CORRELATE_SUM_MAX (1u << 20)   /* values in one window of value_sum, value_avg; the oldest goes, counted */
#define CORRELATE_RANK_MAX (1u << 14)  /* the same of value_percentile, value_median */
#define CORRELATE_STATE_MAX ((size_t)4 << 30)

/* For correlator_opts.tolerance */
#define CORRELATE_ORDERED ((usec)-1)   /* no disorder: fires in the call that adds the event, or, where there
					* are many groups, in one of the next few; correlator_end at the latest */
#define CORRELATE_ALL_TIME INT64_MAX   /* any disorder: files one behind the other; all is held until the end or max_bytes */

struct correlator;

struct correlator_opts {
	size_t max_bytes;   /* of all state, at least 1 MiB; 0 = 256 MiB. The group idle for longest goes first, counted */
	usec tolerance;     /* how late an event may come, behind the newest seen; 0 = 60 s. Later ones are counted */
	uint64_t seed;      /* secret of the hash; 0 = random */
	bool any_time;      /* no time is too far ahead of the real clock: the caller judges, so that a repetition judges alike */
};

/* The set and its arena must outlive the correlator. Correlations that cannot be run are refused, the others go on. */
enum rc correlator_new(const struct sigma_set *rules, const struct correlator_opts *o, struct correlator **ret, struct err *err) MUSTUSE;
void correlator_free(struct correlator *c);
void correlator_freep(struct correlator **c);

struct correlator_refusal { uint32_t rule; struct str reason; };
size_t correlator_refused(const struct correlator *c, const struct correlator_refusal **ret);

/* Does any correlation want matches of this rule? */
bool correlator_wants(const struct correlator *c, uint32_t rule);

/* The fields that correlator_add will ask of events that `rule` matches: for callers who keep matches to add them later. */
size_t correlator_fields(const struct correlator *c, uint32_t rule, const struct str **ret);

/* How the correlator asks for the fields of the event that matched. False: absent; *ret borrowed during the call. */
typedef bool (*correlator_field)(void *ctx, struct str field, struct str *ret);

/* A correlation that fired: group values in the order of group-by. Borrowed during the call.
 *
 * With limits of gt and gte only, and for temporal rules whose condition knows no `not`, the predicate is asked at each
 * event of a group, over (at - timespan, at]; it fires when it has become true, and again while it stays true when the
 * timespan has passed since it fired last. All other limits are asked when a window closes: it opens with the first event
 * of a group that has none open and holds [open, open + timespan); `at` is then its end. */
struct correlation {
	uint32_t rule;          /* index of the correlation in the set */
	usec at, first;         /* time of the event that fired it (or the window's end), of the oldest that takes part */
	double value;           /* count, sum ... that met the condition; counts go no higher than the condition asks */
	const struct str *group;
	uint32_t n_group;
	const uint64_t *events; /* of the group inside the window, as given to correlator_add, newest first, at most 32; those
				 * that lie very many matches back are no longer known */
	uint32_t n_events;
};
typedef void (*correlator_fire)(void *ctx, const struct correlation *c);

/* What a firing tells of its making, for whoever shows it. */
struct correlated {
	const struct sigma_set *set;
	const struct correlation *c;
};
/* "group", "value", "rules" (those it counts, as it names them: id and title; none of an indicator's pattern), "first": members of an object that is open. */
void correlated_put(const struct correlated *x, struct jsonw *w);
/* In `a`; false: out of memory. */
bool correlated_copy(struct arena *a, const struct correlated *x, const struct correlated **ret);

/* Rule `rule` matched an event of time `at` which the caller knows as `event`. Chained correlations run in the same
 * call. A field of group-by that the event lacks: not counted (and counted as such). RC_NOMEM: as much is counted as had
 * memory. A time ahead of the real clock by more than tolerance and a day is not believed. */
enum rc correlator_add(struct correlator *c, uint32_t rule, usec at, uint64_t event, correlator_field field, void *field_ctx,
		       correlator_fire fire, void *fire_ctx, struct err *err) MUSTUSE;

/* Event time has come to `now`, with or without matches: closes windows (lt, lte, eq, neq). */
enum rc correlator_advance(struct correlator *c, usec now, correlator_fire fire, void *fire_ctx, struct err *err) MUSTUSE;
/* End of input: closes all windows. */
enum rc correlator_end(struct correlator *c, correlator_fire fire, void *fire_ctx, struct err *err) MUSTUSE;

/* --- spread over several correlators ---
 * Steps are made where events are matched, by a correlator that counts nothing, and counted by the one that is chosen by their
 * route; both of the same rules and the same `seed`, and the counting one not CORRELATE_ORDERED. */

/* What correlator_add would have counted of this match, a step for each place that it has in a correlation. Steps of equal routes
 * belong together: those of one group, and of all groups that they feed. Bytes are borrowed during the call. */
typedef enum rc (*correlator_step)(void *ctx, uint64_t route, struct str step, struct err *err);
enum rc correlator_steps(struct correlator *c, uint32_t rule, usec at, uint64_t event, correlator_field field, void *field_ctx,
			 correlator_step fn, void *ctx, struct err *err) MUSTUSE;
/* Counts steps, one behind the other; those of one event in the order in which they were made. Steps of correlations that are not
 * here, or not as they were, are left out and counted in *ret_unknown. RC_CORRUPT: those before it are counted. RC_NOMEM. */
enum rc correlator_take(struct correlator *c, struct str steps, uint64_t *ret_unknown, correlator_fire fire, void *fire_ctx,
			struct err *err) MUSTUSE;

/* The newest time that was believed, of an event or told; INT64_MIN: none yet. */
usec correlator_time(const struct correlator *c);

/* All state as bytes, for a restart: our own record, with the hash's secret: as private as the logs. */
enum rc correlator_save(const struct correlator *c, struct buf *out, struct err *err) MUSTUSE;
/* Into a new correlator. State of correlations that are no longer there, or not as they were, is left out and counted
 * in *ret_left_out (may be NULL). RC_CORRUPT: nothing is taken over. */
enum rc correlator_load(struct correlator *c, struct str bytes, uint64_t *ret_left_out, struct err *err) MUSTUSE;

struct correlator_stats {
	uint64_t updates, groups, bytes, evicted, late, without_group, fired;
	uint64_t pending;       /* matches that wait for earlier ones */
	uint64_t ahead;         /* matches of a time that is not believed */
	uint64_t without_value; /* the field that is counted or added up is absent or no number */
	uint64_t values_lost;   /* went before their time: CORRELATE_SUM_MAX, CORRELATE_RANK_MAX */
	uint64_t forced;        /* counted before their time: max_bytes */
};
void correlator_stats(const struct correlator *c, struct correlator_stats *ret);

#endif
