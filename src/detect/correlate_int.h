/* Inside the correlator only: what its files share. A plan is a correlation
 * made ready; a hit is a match on its way into one slot of one plan; a group is
 * the state of one plan for one set of group values. */
#ifndef DETECT_CORRELATE_INT_H
#define DETECT_CORRELATE_INT_H

#include "base/hash.h"
#include "detect/correlate.h"

/* --- groups: a pool of equal entries and an index over it (correlate_groups.c) --- */

enum { GROUP_LIVE = 1, GROUP_FIRING = 2 };

/* The 128-bit keyed hash stands for the group values: see base/hash.h for why two groups do not meet. */
struct group {
	uint64_t h[2];
	usec last;     /* time of its newest event */
	uint32_t past; /* newest entry of its trail (low bits of its number); in a free entry the next free one */
	uint8_t n, head, flags, spare;
	unsigned char state[]; /* by the plan's machine */
};

struct groups {
	unsigned char *pool;
	uint32_t *index; /* number of the entry + 1 in the low bits, bits of the hash above; 0 = empty */
	size_t stride;
	uint32_t cap, used, live, free; /* free: number + 1 */
	uint32_t hand; /* where the search for dead groups goes on */
	unsigned bits; /* of the index */
};

/* What all memory of the state is counted in. */
struct budget {
	size_t bytes;
};

void *budget_alloc(struct budget *b, size_t n) MUSTUSE;
void budget_free(struct budget *b, void *p, size_t n);

static inline struct group *groups_at(const struct groups *gs, uint32_t i)
{
	return (struct group *)(void *)(gs->pool + (size_t)i * gs->stride);
}
static inline uint32_t groups_number(const struct groups *gs, const struct group *g)
{
	return (uint32_t)((size_t)((const unsigned char *)g - gs->pool) / gs->stride);
}
struct group *groups_find(const struct groups *gs, const uint64_t h[static 2]);
void groups_prefetch_index(const struct groups *gs, const uint64_t h[static 2]);
void groups_prefetch_entry(const struct groups *gs, const uint64_t h[static 2]);
/* A new zeroed group that is not there yet; moves others. NULL: no memory. */
struct group *groups_make(struct groups *gs, const uint64_t h[static 2], struct budget *b);
void groups_drop(struct groups *gs, struct group *g);
/* Gives back what many drops have left. `moved` hears of each group that got another number. */
void groups_shrink(struct groups *gs, struct budget *b, void (*moved)(void *ctx, uint32_t from, uint32_t to), void *ctx);
void groups_free(struct groups *gs, struct budget *b);

/* --- blocks that a group owns; flat, so that a snapshot copies them --- */

/* Times and values of a window, a ring; with `sorted` the values in order, too (correlate_values.c). */
struct values {
	uint64_t size; /* of the block, bytes */
	uint32_t cap, head, n, removed;
	double sum;
};
enum values_kind { VALUES_TIMES = 1, VALUES_SUM = 2, VALUES_RANK = 3 }; /* arrays behind the head: times, values, sorted */

/* RC_NOMEM: unchanged. The oldest goes at `max`; *lost (may be NULL) counts it. */
enum rc values_put(struct values **v, enum values_kind kind, uint32_t max, usec at, double value, uint64_t *lost, struct budget *b) MUSTUSE;
void values_expire(struct values *v, enum values_kind kind, usec upto); /* <= upto */
usec values_first(const struct values *v);
double values_rank(const struct values *v, double percent); /* n > 0; linear between the neighbours */
/* Of a block that was read back: false when it is none; what follows from the values is made anew. */
bool values_renew(struct values *v, enum values_kind kind, uint32_t max);

/* The most recent distinct values, with the time each was seen last (correlate_distinct.c). */
struct distinct {
	uint64_t size;
	uint32_t cap, n, newest, oldest; /* nodes' numbers + 1 */
	uint32_t slots, spare;
};
enum rc distinct_put(struct distinct **d, uint32_t max, uint64_t value, usec at, struct budget *b) MUSTUSE;
void distinct_expire(struct distinct *d, usec upto);
usec distinct_first(const struct distinct *d);
bool distinct_sound(const struct distinct *d, uint32_t max);

/* --- plans (correlate_plan.c) --- */

enum machine {
	MACHINE_RING,     /* event_count: the newest N times */
	MACHINE_TIMES,    /* the same for a large N */
	MACHINE_RECENT,   /* value_count: the N most recent distinct values */
	MACHINE_DISTINCT, /* the same for a large N */
	MACHINE_SLOTS,    /* temporal: newest time of each slot */
	MACHINE_CHAIN,    /* temporal_ordered: latest start of a chain, by length and last slot */
	MACHINE_SUM, MACHINE_RANK,
	MACHINE_WINDOW    /* anything asked at the end of a window */
};
#define RING_MAX 24u
#define RECENT_MAX 16u

struct plan {
	uint32_t rule;
	const struct sigma_rule *r;
	const struct sigma_corr *corr;
	enum machine machine;
	uint32_t need; /* threshold of a count: what it is saturated at */
	usec span;
	unsigned width; /* bytes of a time in the state: enough that no two ages inside the state are confused */
	unsigned fired; /* where in the state the time of the last firing stands */
	uint32_t n_group, n_values, n_carried;
	struct str *names;        /* what an outer correlation may ask a firing for: group-by, then carried */
	const struct str *fields; /* [slot][n_group + n_values + n_carried]: names in the events of that slot */
	size_t key_max;           /* bytes of a hit's key at most */
	unsigned char *scratch;   /* key of a hit that does not wait */
	struct groups groups;
	uint32_t first_open, last_open; /* windows, in the order of their ends; number + 1 */
	uint64_t print;           /* of all that gives the state its meaning */
	uint64_t family;          /* of all correlations that feed each other */
	uint8_t route[CORRELATE_FIELDS_MAX]; /* places in group-by whose values choose the correlator, see correlate_shard.c */
	uint32_t n_route;
};

struct use { uint32_t plan, slot; };

/* Room that the key of a hit of `p` needs at most, when all that it carries is known. */
size_t plan_key_max(const struct plan *p);

/* --- hits, waiting ones (correlate_pending.c) --- */

struct hit {
	usec at;
	uint64_t event;
	uint64_t h[2];
	uint64_t value; /* hash of the counted values, or the bits of the number */
	uint32_t plan, slot;
	uint32_t n_key;
	const unsigned char *key; /* values of plan->names, see correlate_key.c */
};

struct pending_block;
struct waiting {
	struct hit hit;
	struct waiting *next;
	struct pending_block *block;
	uint64_t seq;
};

/* Hits in the order of (time, event number, order of adding): those that come in order stand in a list, the others in a
 * heap. */
struct pending {
	struct waiting *first, *last;
	struct waiting **heap;
	size_t n_heap, cap_heap;
	struct waiting *ahead, *near; /* whose state is fetched before its turn */
	unsigned ahead_by, near_by;
	uint64_t seq, n;
	struct pending_block *block, *spare; /* being filled; an empty one */
	size_t bytes; /* of what waits */
};

/* Room for a hit whose key has at most `key_max` bytes, at the end of what waits; commit or forget it. */
struct waiting *pending_room(struct pending *p, size_t key_max, struct budget *b) MUSTUSE;
enum rc pending_commit(struct pending *p, struct waiting *w, struct budget *b) MUSTUSE;
struct waiting *pending_first(const struct pending *p); /* NULL: nothing waits */
void pending_drop(struct pending *p, struct waiting *first, struct budget *b);
void pending_free(struct pending *p, struct budget *b);

/* --- keys (correlate_key.c) --- */

/* Fills h, value, key of `hit` (key into `room`). False: counted in `stats` as lacking what it needs. */
bool key_build(const struct plan *p, const struct hash_secret *secret, correlator_field field, void *ctx, unsigned char *room,
	       struct hit *hit, struct correlator_stats *stats);
/* Values in the order of plan->names; p == NULL: absent. False: not a key. */
bool key_read(struct str key, struct str *out, uint32_t n);

/* --- the correlator --- */

/* An event on the trail of its group, so that a firing can name its events without room in every group. */
struct past {
	uint64_t event;
	usec at;
	uint32_t before; /* number of the one before it of the same group; 0: none */
	uint32_t who;    /* bits of the group's hash */
};

struct correlator {
	const struct sigma_set *set;
	struct arena *arena;
	struct plan *plans;
	uint32_t n_plans;
	struct use *uses;
	uint32_t *use_at; /* by rule, n_rules + 1 */
	struct asked { struct str *fields; uint32_t n; } *asked; /* by rule: what its events will be asked for */
	struct correlator_refusal *refused;
	size_t n_refused;
	usec tolerance, newest, floor;
	usec believed; /* times up to this one the real clock allows for certain */
	bool any_time;
	usec next_end; /* of the window that ends first */
	size_t max_bytes, max_waiting;
	struct budget budget;
	struct hash_secret secret;
	struct pending pending;
	struct past *past;
	uint64_t n_past;
	size_t cap_past;
	struct correlator_stats stats;
	correlator_fire fire; /* of the running call */
	void *fire_ctx;
};

/* Forgets all state. */
void correlator_clear(struct correlator *c);

/* A machine with a wrong clock would make everyone else late. */
bool correlator_believes(struct correlator *c, usec at);

/* correlate_plan.c: plans, uses and refusals of c->set. */
enum rc plan_all(struct correlator *c, struct err *err) MUSTUSE;
/* NULL: none that runs. */
struct plan *plan_of(const struct correlator *c, uint32_t rule);
struct plan *plan_by_print(const struct correlator *c, uint64_t print);
/* correlate_shard.c: families and routes of plans that are ready. */
enum rc route_all(struct correlator *c, struct err *err) MUSTUSE;

/* correlate_run.c */
enum rc run_hit(struct correlator *c, const struct hit *h) MUSTUSE;
enum rc run_windows(struct correlator *c, usec upto) MUSTUSE; /* all that end at or before */
void run_evict(struct correlator *c);
void run_drop(struct correlator *c, struct plan *p, struct group *g);

/* What holds of a group at an event or at the end of its window. */
struct verdict {
	bool holds;
	double value;
	usec first;
};
enum rc run_fire(struct correlator *c, struct plan *p, struct group *g, struct str key, usec at, usec from, const struct verdict *v) MUSTUSE;

/* correlate_step.c: the machines that are asked at each event. */
enum rc step(struct correlator *c, const struct plan *p, struct group *g, const struct hit *h, struct verdict *ret) MUSTUSE;
void step_fired(const struct plan *p, struct group *g, usec at);
bool step_may_fire(const struct plan *p, const struct group *g, usec at);
void step_plan(struct plan *p); /* stride of its groups, `fired` */
/* The block a group owns, or NULL. */
void **step_block(const struct plan *p, struct group *g);

/* correlate_window.c */
struct window {
	usec open;
	unsigned char *key;
	uint32_t n_key, n;
	uint32_t before, after; /* among the open ones; number + 1 */
	uint64_t slots;
	void *block;
	unsigned char best[]; /* temporal_ordered: longest chain that ends at each slot */
};
static inline struct window *window_of(struct group *g)
{
	return (struct window *)(void *)g->state;
}
enum rc window_add(struct correlator *c, struct plan *p, const struct hit *h) MUSTUSE;
enum rc window_close(struct correlator *c, struct plan *p, struct group *g) MUSTUSE;
void window_link(struct plan *p, struct group *g);
void window_forget(struct correlator *c, struct plan *p, struct group *g); /* unlinks and frees what it owns */
void window_moved(struct plan *p, uint32_t from, uint32_t to);

/* Do all limits of the correlation hold for `value`? */
bool limits_hold(const struct sigma_corr *corr, double value);
/* The boolean condition over the slots that were seen. */
bool condition_holds(const struct sigma_node *n, uint64_t slots);

/* Appends to the trail. */
void past_grow(struct correlator *c);
static inline void past_add(struct correlator *c, struct group *g, usec at, uint64_t event)
{
	struct past *e;

	if (UNLIKELY(c->n_past == c->cap_past))
		past_grow(c);
	if (UNLIKELY(c->cap_past == 0))
		return;
	e = &c->past[c->n_past & (c->cap_past - 1)];
	e->event = event;
	e->at = at;
	e->before = g->past;
	e->who = (uint32_t)(g->h[1] >> 32);
	g->past = (uint32_t)++c->n_past;
}
/* Events of the group later than `after`, newest first. */
size_t past_read(const struct correlator *c, const struct group *g, usec after, struct past *out, size_t max);

#endif
