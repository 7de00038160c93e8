/* Correlations over matches: exact state of O(N) a group, event time with a
 * stated tolerance for disorder, a cap on memory with counted evictions. */
#ifndef DETECT_CORRELATE_H
#define DETECT_CORRELATE_H

#include "detect/sigma.h"

struct correlator;

struct correlator_opts {
	size_t max_bytes;   /* of all state; 0 = 256 MiB. The group idle for longest goes first, counted */
	usec tolerance;     /* how late an event may come, behind the newest seen; 0 = 60 s. Later ones are counted */
	uint64_t seed;      /* secret of the hash; 0 = random */
};

enum rc correlator_new(const struct sigma_set *rules, const struct correlator_opts *o, struct correlator **ret, struct err *err) MUSTUSE;
void correlator_free(struct correlator *c);
void correlator_freep(struct correlator **c);

/* Does any correlation want matches of this rule? */
bool correlator_wants(const struct correlator *c, uint32_t rule);

/* How the correlator asks for the fields of the event that matched. False: absent; *ret borrowed during the call. */
typedef bool (*correlator_field)(void *ctx, struct str field, struct str *ret);

/* A correlation that fired: group values in the order of group-by. Borrowed during the call. */
struct correlation {
	uint32_t rule;          /* index of the correlation in the set */
	usec at, first;         /* time of the event that fired it, of the oldest that takes part */
	double value;           /* count, sum ... that met the condition */
	const struct str *group;
	uint32_t n_group;
	const uint64_t *events; /* of those that take part, as given to correlator_add, newest first, at most 32 */
	uint32_t n_events;
};
typedef void (*correlator_fire)(void *ctx, const struct correlation *c);

/* Rule `rule` matched an event of time `at` which the caller knows as `event`. Chained correlations run in the same
 * call. A field of group-by that the event lacks: not counted (and counted as such). RC_NOMEM. */
enum rc correlator_add(struct correlator *c, uint32_t rule, usec at, uint64_t event, correlator_field field, void *field_ctx,
		       correlator_fire fire, void *fire_ctx, struct err *err) MUSTUSE;

/* Event time has come to `now`, with or without matches: closes windows (lt, lte, eq, neq). */
enum rc correlator_advance(struct correlator *c, usec now, correlator_fire fire, void *fire_ctx, struct err *err) MUSTUSE;
/* End of input: closes all windows. */
enum rc correlator_end(struct correlator *c, correlator_fire fire, void *fire_ctx, struct err *err) MUSTUSE;

struct correlator_stats {
	uint64_t updates, groups, bytes, evicted, late, without_group, fired;
};
void correlator_stats(const struct correlator *c, struct correlator_stats *ret);

#endif
