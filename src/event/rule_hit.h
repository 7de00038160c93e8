/* What a detector hands to node/: a log event met a Sigma rule, or several did a
 * correlation. Plain data; whoever receives it decides on alert and ticket. */
#ifndef EVENT_RULE_HIT_H
#define EVENT_RULE_HIT_H

#include "base/str.h"
#include "base/time.h"

/* Of the alarm that an input is silent, which goes the way of a rule's match. */
#define RULE_SILENT_ID "b1d2f6c4-6f0e-4f0b-9b0f-5d7a1c9e3a21"

struct rule_hit_field { struct str name, value; };
struct rule_hit_base { struct str id, title; }; /* a rule that a correlation counts */

struct rule_hit {
	struct str id, title, level, author; /* of the rule; level "" when it states none */
	const struct str *tags;              /* "attack.t1059.001" ... */
	uint32_t n_tags;
	const struct rule_hit_field *fields; /* what matched; of a correlation: its group and "value" */
	uint32_t n_fields;
	usec at;                             /* the event's own time, or when it was read */
	struct str where;                    /* host, sensor or "" */
	struct str input;                    /* name of the log */
	struct str event;                    /* the event's bytes; "" for a correlation */
	bool correlation;
	/* Of a correlation: its fields but the last, "value", are its group. */
	const struct rule_hit_base *base;
	uint32_t n_base;
	usec first;                          /* time of the oldest event that takes part; 0: not known */
	/* Several that were held together: how many, from `at` to `last`. 0 and 0: this one. */
	uint64_t count;
	usec last;
};

#endif
