/* Inside the engine only: one thread's state, and an event while it is run. */
#ifndef DETECT_ENGINE_RUN_H
#define DETECT_ENGINE_RUN_H

#include "detect/engine_cache.h"
#include "detect/engine_group.h"

/* Values besides those of the event: the name of its format, and its raw line for keywords. */
#define VALUE_FORMAT FLAT_VALUES_MAX
#define VALUE_RAW (FLAT_VALUES_MAX + 1)
#define VALUES (FLAT_VALUES_MAX + 2)
#define NO_VALUE UINT16_MAX

struct place { uint32_t gen; uint16_t first, last; }; /* values of a field in this event */

#define ROUTE_VALUES_MAX 16 /* an event with more is found out each time */
#define ROUTES 512 /* pairs: of two places the one not used last is given away */
#define ROUTE_HITS_MAX 16
struct route { /* a place of the cache of routes: what the routing fields held, and the group that followed */
	const struct group *group;
	uint64_t key[2];             /* hash of what they held */
	uint32_t used;               /* gen of the event that asked last */
	uint32_t n_hits;             /* witnesses that the routing fields wake; ROUTE_UNKNOWN: not found out, or too many */
	uint32_t hits[ROUTE_HITS_MAX];
};

#define ROUTE_UNKNOWN UINT32_MAX

/* How well the cache knows the values of a matcher: where it seldom does, only every eighth value is looked up. */
#define HABITS 1024
#define HABIT_ROUND 64
struct habit { uint8_t asked, known, seldom, turn; };

#define PENDING_MAX CACHE_ASK_MAX
struct pending { const struct matcher *matcher; uint32_t value; }; /* a value that waits for its matcher */

struct scratch;
struct scratch *scratch_new(void) MUSTUSE;
void scratch_free(struct scratch *s);
/* `n` bytes, not zeroed, until scratch_reset; NULL: out of memory. */
char *scratch_get(struct scratch *s, size_t n);
void scratch_reset(struct scratch *s);

struct engine {
	struct engine_image *m;
	struct flat *f;              /* the event being run, or run last */
	uint32_t gen;                /* of this event; what carries another is from an earlier one. 1..INT32_MAX */
	struct place *places;        /* by field id */
	uint16_t *next;              /* by value: the next one of the same field */
	struct flat_value extra[2];  /* VALUE_FORMAT, VALUE_RAW */
	struct text *texts;          /* by value */
	uint32_t *text_gen;
	struct scratch *scratch;     /* what texts were made of */
	uint32_t *known;             /* by test: gen * 2 + what it was found to be */
	uint32_t *seen;              /* by instance: gen of the event it was tried on */
	uint32_t *rule_seen;         /* by rule: gen of the event it matched */
	uint32_t *candidates;
	uint32_t matches[ENGINE_MATCHES_MAX];
	const uint64_t *eager;       /* tests that are false when they are not known by now */
	struct cache *cache;
	uint32_t *tried, pass;       /* by witness: pass in which it was decided */
	uint32_t *hits;
	struct regex_run regex;
	struct route (*routes)[2], *route; /* of this event; NULL: it is not remembered */
	struct str route_text[ROUTE_VALUES_MAX]; /* of this event, what routing looks at */
	uint32_t route_how[ROUTE_VALUES_MAX], n_route_values;
	struct pending pending[PENDING_MAX];
	struct str pending_text[PENDING_MAX];
	struct cache_key pending_key[PENDING_MAX];
	struct habit habits[HABITS]; /* by matcher id */
	uint32_t assume;             /* engine_assume */
	uint64_t *set;               /* scratch: the variants of an event */
	struct group spill;          /* for a set that is granted no group */
	const struct group *group;   /* of this event */
	struct hash_secret secret;
	struct engine_stats stats;
};

/* ---- engine_held.c: does the field hold an object or an array? */
bool event_holds(const struct engine *e, uint16_t field);

/* ---- engine_eval.c: is it so, in this event? */

static inline const struct flat_value *event_value(const struct engine *e, uint32_t i)
{
	return i < FLAT_VALUES_MAX ? &e->f->v[i] : &e->extra[i - FLAT_VALUES_MAX];
}

/* First value of a field, or NO_VALUE; the others by e->next. */
static inline uint32_t event_first(const struct engine *e, uint16_t field)
{
	return e->places[field].gen == e->gen ? e->places[field].first : NO_VALUE;
}

/* The text of a value, resolved and folded; NULL: out of memory, the value is then taken for one that nothing matches. */
const struct text *event_text(struct engine *e, uint32_t i);
bool event_test(struct engine *e, uint32_t test);
bool event_program(struct engine *e, const struct step *steps, uint32_t entry);
/* Does this one value pass? For tests of one value. */
bool event_value_passes(struct engine *e, const struct test *t, uint32_t i);

/* ---- engine_route.c */

/* The group of the event whose places are set; NULL: none was granted, e->spill is it. */
const struct group *event_route(struct engine *e);

/* For tests: every rule of the event's group is run, whatever its witnesses say. */
size_t engine_run_all(struct engine *e, struct flat *f, const uint32_t **ret);

#endif
