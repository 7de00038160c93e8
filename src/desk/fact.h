/* Facts of an incident: what somebody stated, when it happened and when that
 * was recorded. Everything else about an incident is derived from its facts. */
#ifndef DESK_FACT_H
#define DESK_FACT_H

#include "base/arena.h"
#include "base/json.h"
#include "base/time.h"

enum fact_type {
	FACT_AWARE, FACT_REPORTED, FACT_BACKFILLED, FACT_LEVEL, FACT_REVIEWED, FACT_REREVIEWED, FACT_FORWARDED, FACT_CONTAINED,
	FACT_RECOVERED, FACT_FINAL_REPORT, FACT_EXTENDED, FACT_RETURNED, FACT_ACCEPTED, FACT_CLOSED, FACT_REOPENED, FACT_CORRECTED,
	FACT_DISPATCHED, FACT_ACKNOWLEDGED, FACT_WARNED, FACT_EVIDENCE, FACT_MEETING, FACT_DISMISSED, FACT_MERGED, FACT_UNMERGED,
	FACT_NOTE, FACT_SPLIT, FACT_OBSERVABLE, FACT_ENTRY, FACT_REQUESTED, FACT_DECIDED, FACT_COMPLETED, FACT_PUBLISHED,
	FACT_TYPES
};

#define FACTS_MAX 100000
#define FACT_ITEMS_MAX 64
#define FACT_LINE_MAX ((size_t)1 << 20)

struct desk_fact {
	struct str id, by;         /* by: a role of the pack */
	usec at;                   /* recorded */
	usec claimed;              /* when it happened; = at when it was not said */
	enum fact_type type;
	struct str channel, stage, reason, grounds, subject;
	struct str ref;            /* corrected, acknowledged, completed: the fact; merged, unmerged, split: the incident into which, or out of which, this one goes */
	struct str from;           /* merged, unmerged, split: the other side of it, stated in the incident that takes in (desk/join.h) */
	const struct json *moved;  /* split: ids of the facts that go, or NULL */
	uint32_t origin;           /* which incident it was stated about; 0: this one (desk/join.h) */
	usec until;                /* extended; of dispatched and requested until when it is wanted, 0: nobody said */
	int level;                 /* stated outright; 0 = not */
	const struct json *items;  /* level: what is affected, or NULL */
	const struct json *source; /* the whole fact */
	uint32_t line;
};

/* Something about the facts that people have to look at; the fact named does not count. */
struct desk_problem {
	uint32_t line;
	struct str id, why;
	bool counted;              /* it does count, all the same */
};

struct desk_facts {
	struct desk_fact *f;            /* in the order of the input */
	size_t n;
	struct desk_problem *problems;
	size_t n_problems;
};

const char *desk_fact_name(enum fact_type type);
/* FACT_TYPES when there is none. */
enum fact_type desk_fact_find(struct str name);

/* One fact a line. RC_BAD names the line: no JSON object, or one of id, at, type is missing or no such thing. A type that nobody
 * knows is a problem, and stays in the file. All lives in `a`; texts are borrowed. `file` for messages. */
enum rc desk_facts_parse(struct arena *a, const char *file, struct str text, struct desk_facts *ret, struct err *err) MUSTUSE;

/* A text member; "" when it is not there, or no text. */
struct str desk_text(const struct json *v, const char *name);

/* The marking of a fact (its member "tlp", enum tlp), `unmarked` when it has none; one that nobody knows is the strictest. */
uint8_t desk_marking(const struct json *fact, uint8_t unmarked);

/* Adds a problem; the list is cut at FACTS_MAX. */
void desk_facts_problem(struct arena *a, struct desk_facts *f, uint32_t line, struct str id, bool counted, const char *fmt, ...) PRINTF(6, 7);

#endif
