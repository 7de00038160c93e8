/* An incident as its facts tell it under one pack: state, level and clocks. A pure
 * function of (pack, set of facts, instant): the order in which facts arrived, and
 * how often, does not matter. */
#ifndef DESK_DERIVE_H
#define DESK_DERIVE_H

#include "desk/level.h"

enum clock_verdict { CLOCK_RUNNING, CLOCK_MET, CLOCK_BREACHED, CLOCK_VOID };

#define DERIVE_CLOCKS_MAX 1024
#define NO_TIME INT64_MIN

struct clock_view {
	const struct pack_clock *clock;
	usec start, due, stop;       /* due, stop: NO_TIME when there is none */
	usec breached;               /* when it was breached, or NO_TIME */
	uint8_t level;               /* by which `due` was found */
	enum clock_verdict verdict;
	const struct desk_fact *started, *stopped; /* stopped: or NULL */
};

struct incident_view {
	const char *state;           /* of desk_state_names */
	uint8_t overall, of[PACK_DIMENSIONS_MAX]; /* 0: none */
	uint8_t claimed;             /* what the reporter claims, 0: nothing */
	uint32_t subject;            /* of pack.subjects */
	usec aware;                  /* NO_TIME: not yet */
	struct clock_view clocks[DERIVE_CLOCKS_MAX];
	size_t n_clocks;
	size_t n_facts;              /* that counted */
};

/* What was known at `at`: facts recorded later do not count yet. Problems are added to `f`. RC_LIMIT: too many clocks. */
enum rc derive(struct arena *a, const struct pack *p, struct desk_facts *f, usec at, struct incident_view *ret, struct err *err) MUSTUSE;

/* All that an incident may be in; NULL ends. */
extern const char *const desk_state_names[];
const char *clock_verdict_name(enum clock_verdict v);

#endif
