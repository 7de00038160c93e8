/* How long a statement about a value stays worth believing: a table of half-lives
 * and lifetimes by kind, and the score of an indicator at an instant as a pure
 * function of what it says. Nothing here is stored, so nothing overwrites a
 * person's own score. */
#ifndef INTEL_DECAY_H
#define INTEL_DECAY_H

#include "event/hit.h"

#define DECAY_DAY (24 * 3600 * USEC_PER_SEC)
#define CONFIDENCE_NONE 255 /* not stated */
#define CONFIDENCE_DEFAULT 50 /* taken for "not stated" */

struct decay_rule {
	const char *kind;  /* value_kind_name, or "other" for patterns of other sorts */
	usec half_life;    /* the score halves in this span */
	usec lifetime;     /* from here on it is 0 and the indicator counts as expired */
};
/* The rule of a kind; OBS_KINDS gives "other". Never NULL. */
const struct decay_rule *decay_rule(enum observable_kind kind);

struct decay_facts {
	enum observable_kind kind;
	uint8_t confidence;   /* 0..100 or CONFIDENCE_NONE. 0 is a statement and stays 0 */
	usec seen;            /* the latest of valid_from, modified and last sighting */
	usec valid_until;     /* 0 = not stated */
	bool revoked;
	/* What people here found out where it was met (store/verdicts.h). */
	int64_t confirmed, false_positives;
	usec confirmed_at;    /* of the latest confirmation; 0: none */
};

/* The stated confidence and what was found out, as one: (4 c + 100 k) / (4 + k + f) for a stated c, k confirmations and f false
 * positives, so that a statement weighs as much as four verdicts. One that is not stated stays so without verdicts and counts
 * as CONFIDENCE_DEFAULT with them; a stated 0 stays 0. */
uint8_t decay_confidence(uint8_t stated, int64_t confirmed, int64_t false_positives);

/* 0..100 at instant `t`. Never above decay_confidence; until `seen`, or the latest confirmation, it is that. */
uint8_t decay_score(const struct decay_facts *f, usec t);
/* When the indicator stops being active: valid_until, else the end of the lifetime; a revoked one: INT64_MIN. */
usec decay_expiry(const struct decay_facts *f);

#endif
