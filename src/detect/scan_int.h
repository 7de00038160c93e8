/* Inside of scan: what one thread finds in one unit, and how it finds it. */
#ifndef DETECT_SCAN_INT_H
#define DETECT_SCAN_INT_H

#include "base/arena.h"
#include "detect/scan.h"

/* A match and a trouble share one list, so that both come out in the order of records. */
struct finding {
	struct finding *next;
	struct scan_match m;
	const char *why;      /* not NULL: no match but a trouble */
	enum rc rc;           /* its kind */
};

/* A match that correlations want, with the fields they may ask for. */
struct corr_input {
	usec at;
	uint32_t rule, file;
	uint64_t record;
	const struct scan_field *fields;
	uint32_t n_fields;
};

struct findings {
	struct arena *a;
	struct finding *first, **last;
	struct { struct corr_input *p; size_t n, cap; } inputs;
	uint64_t events, bad, altered, left_out, matches, suppressed, cut; /* of this unit */
};

struct scan_worker {
	const struct scan_opts *o;
	const struct correlator *wishes; /* which fields it asks of a rule's events; only read */
	struct engine *engine;
	struct spotter *spotter; /* NULL: no indicators */
	usec now;                /* indicators count that are active now, also for an old log */
	struct source_reader *reader;
	struct arena *place;       /* of the look for an event's host */
	struct str where;          /* what it found, once `placed`: of the event at hand */
	bool placed;
	struct findings *out;
	uint32_t file;
	double busy, waited;    /* seconds of reading with all that it calls, and those of them in which findings were handed over */
	double match, sampled;  /* of the first events, which are all timed, and of n_sampled ones behind them */
	uint64_t turn, n_sampled;
	/* The unit's findings are many: hand them over before going on. False: stop. */
	bool (*full)(struct scan_worker *w);
	void *full_ctx;
	/* On a stream, matches go on at once. */
	bool (*live)(struct scan_worker *w, struct flat *f, uint32_t rule, usec at, uint64_t record);
	void *live_ctx;
	enum rc rc;
	struct err err;
};

/* Is a match of this rule to be told? */
bool scan_shows(const struct scan_opts *o, const struct sigma_rule *r);

enum rc scan_worker_new(struct scan_worker *w, const struct scan_opts *o, const struct correlator *wishes, struct err *err) MUSTUSE;
void scan_worker_done(struct scan_worker *w);

enum rc findings_new(struct findings *f, struct err *err) MUSTUSE;
void findings_done(struct findings *f);
/* Empties the lists; the counts stay. */
void findings_clear(struct findings *f);

/* Seconds, finer than time_mono(): a match may take less than a microsecond. 0 unless the options say `measure`. */
double scan_clock(const struct scan_worker *w);
/* Of all its events, estimated where they are too many to time each; together what it was busy for. */
void scan_worker_times(const struct scan_worker *w, double *ret_parse, double *ret_match);

/* One event (or a bad piece) of the unit: matches, keeps what it finds in w->out. A source_event. */
bool scan_worker_event(void *worker, struct flat *f, const struct err *why);

#define FINDINGS_MAX ((size_t)96 << 20)  /* bytes of one unit's findings that are held at once */
#define FINDINGS_FULL ((size_t)24 << 20)

#endif
