/* Looking for something in the history: blocks whose times and filters cannot
 * rule it out are opened, and their events are given to the same matchers that
 * look at live events. The result is that of looking at every event. */
#ifndef DETECT_HUNT_H
#define DETECT_HUNT_H

#include "detect/correlate.h"
#include "detect/history.h"
#include "detect/image.h"
#include "detect/known.h"
#include "detect/live.h"
#include "detect/patterns.h"
#include "detect/taxonomy.h"

#define HUNT_TERMS_MAX 64
#define HUNT_WHY_MAX 8

/* One finding; all of it borrowed during the call. */
struct hunt_found {
	const struct block_event *event; /* NULL: a correlation, of several events */
	struct str source;               /* input of the event, of a correlation the latest that takes part */
	const uint64_t *records;         /* of a correlation: ordinals of those that take part and are of that input, newest first */
	size_t n_records;
	usec at;                         /* its time, or when the correlation fired */
	const struct correlated *made;   /* correlation: of what; else NULL */
	struct str id;                   /* of the indicator or rule; "" of a search */
	struct str title, author, level; /* of a rule; else "" */
	const struct sigma_rule *rule;   /* or NULL */
	struct flat *f;                  /* the event as it was read; or NULL */
	struct { struct str field, value; } why[HUNT_WHY_MAX]; /* what matched, in the event */
	size_t n_why;
	struct str matched;              /* the indicator's own value, or its pattern */
	uint8_t tlp, confidence;         /* of an indicator, as they were given; UINT8_MAX: of none */
};
/* False ends the hunt. */
typedef bool (*hunt_fn)(void *ctx, const struct hunt_found *f);

/* --- what is looked for --- */

struct hunt_matcher;
void hunt_matcher_free(struct hunt_matcher *m);
void hunt_matcher_freep(struct hunt_matcher **m);

/* list[i] cannot be looked for: `why` says what in it. */
typedef void (*hunt_refuse)(void *ctx, size_t i, const struct err *why);

/* Indicators, values as well as patterns of any sort, whatever the times they are valid in: what was seen before an
 * indicator was known is what a hunt is for. Those that cannot be looked for are told to `refuse` and left out; RC_UNSUPPORTED:
 * none is left, or one cannot and `refuse` is NULL. */
enum rc hunt_for_indicators(const struct image_indicator *list, size_t n, hunt_refuse refuse, void *ctx, struct hunt_matcher **ret,
			    struct err *err) MUSTUSE;

/* Sigma rules and their correlations; set, taxonomy and their arena outlive the matcher. *ret_refused (may be NULL) counts
 * rules that cannot be run. */
enum rc hunt_for_rules(const struct sigma_set *rules, const struct taxonomy *t, struct hunt_matcher **ret, uint64_t *ret_refused,
		       struct err *err) MUSTUSE;

/* Of a matcher from hunt_for_rules: rules that were made of indicators come from `patterns`, which outlives it. */
void hunt_rules_from(struct hunt_matcher *m, const struct stix_rules *patterns);
/* Of a matcher from hunt_for_rules, for one of several that share the blocks of a queue, none of which sees all events of a group:
 * matches become steps (correlate.h) instead of being counted here. An event is known by its block's number and its place there. */
enum rc hunt_make_steps(struct hunt_matcher *m, uint64_t seed, correlator_step fn, void *ctx, struct err *err) MUSTUSE;
#define HUNT_EVENT_BITS 24
/* The block that comes next; events later than `upto` make no steps. */
void hunt_next_block(struct hunt_matcher *m, int64_t number, usec upto);

/* Indicators as they are in force: valid now, and unless a warning list names the value. `k` outlives the matcher; its
 * patterns are rules (stix_rules_join). */
enum rc hunt_for_known(const struct known *k, struct hunt_matcher **ret, struct err *err) MUSTUSE;

/* Both on one pass; takes both over, whatever it returns. Either may be NULL: it is the other then. */
enum rc hunt_for_both(struct hunt_matcher *rules, struct hunt_matcher *indicators, struct hunt_matcher **ret, struct err *err) MUSTUSE;

/* Events that meet every term: `field` .n > 0: one of its values is `value`, where * and ? stand for any run and any one
 * character; else `value` stands anywhere in the line or in a value. Letters of ASCII in either case. `without`: those that
 * do not meet it. */
struct hunt_term { struct str field, value; bool without; };
/* As people write it: FIELD=VALUE, FIELD!=VALUE, "=TEXT" for text with an equals sign, any other text. Borrows. */
struct hunt_term hunt_term_of(struct str text);
/* Several of them with blanks between; a piece in double quotes holds blanks (a="b c", "b c"; \" and \\ inside). RC_BAD: a quote
 * that does not end; RC_LIMIT: more than HUNT_TERMS_MAX. In `a`. */
enum rc hunt_terms_of(struct arena *a, struct str text, struct hunt_term *list, size_t *ret_n, struct err *err) MUSTUSE;
enum rc hunt_for_terms(const struct hunt_term *terms, size_t n, struct hunt_matcher **ret, struct err *err) MUSTUSE;

/* --- looking --- */

struct hunt_opts {
	usec since, until;   /* event times, until 0 = open; since <= at < until */
	struct str source;   /* name of one input, or of one file of it ("app:web.log"), or "" */
	uint64_t most;       /* findings, 0 = no limit */
	bool every_block;    /* ask no filter: for comparison */
	void (*progress)(void *ctx, size_t done, size_t all); /* about ten times a second; may be NULL */
	void *progress_ctx;
};

struct hunt_stats {
	uint64_t blocks, outside, probed, opened; /* outside: by time or input; probed: by filter */
	uint64_t named;                           /* blocks of that time with events of the input asked for */
	uint64_t false_openings;                  /* opened because of their filter, and nothing was found */
	uint64_t events, bytes, bad_lines, found; /* events and bytes looked at; bad_lines: no event of their format */
	uint64_t unreadable;                      /* blocks that are damaged or were removed meanwhile */
};

/* Findings come in the order of the history. RC_NOMEM, RC_IO ... A damaged block is counted and passed over. */
enum rc hunt_run(struct history *h, struct hunt_matcher *m, const struct hunt_opts *o, hunt_fn fn, void *ctx, struct hunt_stats *ret,
		 struct err *err) MUSTUSE;

/* The same over the blocks that a queue keeps, done or not: filters are fetched, and the blocks that may hold something. */
struct blockq;
enum rc hunt_queue(struct blockq *q, struct hunt_matcher *m, const struct hunt_opts *o, hunt_fn fn, void *ctx, struct hunt_stats *ret,
		   struct err *err) MUSTUSE;

/* The same over one block from elsewhere: its events from `bytes`; adds to `ret`. */
enum rc hunt_block(struct hunt_matcher *m, struct str bytes, const struct hunt_opts *o, hunt_fn fn, void *ctx, struct hunt_stats *ret,
		   struct err *err) MUSTUSE;
/* Could a block of this index hold anything (time, input, filter)? Counts. */
bool hunt_may(struct hunt_matcher *m, struct str index, const struct hunt_opts *o, struct hunt_stats *ret);
/* Correlations are told that nothing more comes. */
enum rc hunt_end(struct hunt_matcher *m, hunt_fn fn, void *ctx, struct hunt_stats *ret, struct err *err) MUSTUSE;

/* --- correlations of a process that begins --- */

/* Counts again, in the live correlations and in the operators between observations of patterns, what the history holds of their longest
 * timespan, before the first live event: what fired was told in its time, and nothing is told here. Events within LIVE_TOLERANCE of the newest wait in the correlator as they did, and
 * fire live. Bounded; what is left out is the oldest. */
struct hunt_replay {
	struct live *live;         /* NULL: no rules */
	struct patterns *patterns; /* NULL: none */
	uint64_t events; /* no more than about these */
	usec time;       /* nor longer */
};
struct hunt_replayed {
	uint64_t events;
	bool cut;        /* a bound was reached */
};
enum rc hunt_replay(struct history *h, const struct hunt_replay *o, struct hunt_replayed *ret, struct err *err) MUSTUSE;

#endif
