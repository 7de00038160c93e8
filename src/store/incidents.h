/* Incidents: their facts, kept for good and linked into the node's chain, and beside
 * them what was derived, so that lists and alarms need not derive it again. */
#ifndef STORE_INCIDENTS_H
#define STORE_INCIDENTS_H

#include "store/store.h"

#define INCIDENT_FACT_MAX ((size_t)32 << 10) /* bytes of one fact */
#define INCIDENT_FACTS_MAX 10000
#define INCIDENT_NEVER INT64_MAX

/* Derived from the facts (desk/desk.h). */
struct incident_derived {
	bool open;
	struct str state;
	int level;            /* 0: none yet */
	usec due;             /* of the clock with the least time left, or INCIDENT_NEVER */
	usec rung;            /* when somebody has to be told next, or INCIDENT_NEVER */
};

struct incident_row {
	int64_t row;
	struct str id;        /* incident--uuid */
	struct str number;    /* "2026-000017", of a drill "EX2026-000001"; of incident_open in `number_text` */
	char number_text[24];
	struct str title, packs; /* packs: ids with a blank between */
	bool exercise;
	usec opened, changed;
	int64_t facts;        /* how many there are */
	struct incident_derived now;
};

/* A fact as it is kept: one JSON object without a newline. */
struct incident_fact {
	struct str id, type, body;
};

/* A new incident with its first facts, durably; `actor` for the chain. Sets row, number, opened, changed, facts. RC_CONFLICT: the id is there. */
enum rc incident_open(struct store *s, struct incident_row *r, const struct incident_fact *f, size_t n, struct str actor, struct err *err) MUSTUSE;
/* More facts, durably. `had`: how many the caller derived `now` from; RC_BUSY: there are others meanwhile, look again. A fact
 * whose id is there already is not added again: *ret_added tells how many were. RC_LIMIT: more than INCIDENT_FACTS_MAX. */
enum rc incident_add(struct store *s, int64_t row, int64_t had, const struct incident_fact *f, size_t n, const struct incident_derived *now,
		     struct str actor, size_t *ret_added, struct err *err) MUSTUSE;

/* The same for several incidents, all or none: RC_BUSY when one of them changed. */
struct incident_addition {
	struct incident_row *fresh;           /* a new one, as incident_open takes it, and gets its numbers; else NULL and: */
	int64_t row, had;
	const struct incident_fact *f;
	size_t n;
	struct incident_derived now;          /* of one that is there */
	size_t added;                         /* set */
};
enum rc incident_add_all(struct store *s, struct incident_addition *list, size_t n, struct str actor, struct err *err) MUSTUSE;

/* By id or number. RC_NOTFOUND. */
enum rc incident_get(struct store *s, struct str id, struct arena *a, struct incident_row *ret, struct err *err) MUSTUSE;
/* The facts, one a line, in the order in which they came. */
enum rc incident_facts(struct store *s, int64_t row, struct arena *a, struct str *ret, struct err *err) MUSTUSE;

/* Each order ends with the row, so that pages meet without a gap; open incidents are read from an index of the order alone. */
enum incident_order {
	INCIDENT_BY_DUE,      /* the least time left first */
	INCIDENT_BY_NEWEST,
	INCIDENT_BY_CHANGED,  /* the latest change first */
	INCIDENT_BY_LEVEL,    /* the highest first, then by due */
	INCIDENT_BY_STATE,    /* by the state's id, then by due */
	INCIDENT_ORDERS
};
#define INCIDENT_ANY (-1)
struct incident_query {
	bool all;             /* closed ones too */
	enum incident_order order;
	struct str state;     /* empty: any */
	int level, exercise;  /* INCIDENT_ANY: any; exercise 0 or 1 */
	int64_t after_row;    /* behind this one of the order; 0 = from the start */
	struct { usec due, changed; int level; struct str state; } after; /* its members; due and level as in incident_derived */
	uint32_t limit;       /* 1..1000 */
};
enum rc incident_list(struct store *s, const struct incident_query *q, struct arena *a, struct incident_row **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* Those whose `rung` is not behind `now`, the earliest first. */
enum rc incident_ringing(struct store *s, usec now, uint32_t limit, struct arena *a, struct incident_row **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* A rung of a clock's ladder that somebody was told of. */
struct incident_alarm {
	struct str clock;     /* alarm_key() */
	int percent;          /* 100: the breach */
	usec due, at;         /* at: when it was noticed */
	bool told;            /* nobody waits for word of it */
	bool fresh;           /* set by incident_alarm_put: it was not there */
};
/* Each (incident, clock, percent) once, for good; fresh ones become facts of the chain ("incident.alarm"). `had` as above. */
enum rc incident_alarm_put(struct store *s, int64_t row, int64_t had, struct incident_alarm *list, size_t n, const struct incident_derived *now,
			   struct err *err) MUSTUSE;
/* Alarms of which people have not had word yet, the oldest first, each with its incident. */
struct incident_untold {
	struct incident_row incident;
	struct incident_alarm alarm;
};
enum rc incident_untold(struct store *s, uint32_t limit, struct arena *a, struct incident_untold **ret, size_t *ret_n, struct err *err) MUSTUSE;
enum rc incident_told(struct store *s, int64_t row, struct str clock, int percent, struct err *err) MUSTUSE;
enum rc incident_alarms(struct store *s, int64_t row, struct arena *a, struct incident_alarm **ret, size_t *ret_n, struct err *err) MUSTUSE;

#endif
