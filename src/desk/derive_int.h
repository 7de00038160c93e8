/* Between the files that derive an incident. Inside desk/ only. */
#ifndef DESK_DERIVE_INT_H
#define DESK_DERIVE_INT_H

#include "desk/derive.h"

/* A fact that counts, at the time that counts. */
struct moment {
	const struct desk_fact *fact;
	usec time;          /* when it happened, as corrected */
	uint8_t claim;      /* the level it claims by its number or its items; 0: none */
	bool changed;       /* level: another one than before, behind a report; reported: the first, or behind such a change */
	bool tells;         /* its items could be read: `of` holds what they tell of each dimension */
	uint8_t level;      /* in force from here on; 0: none yet */
	uint8_t of[PACK_DIMENSIONS_MAX];
	uint32_t nth;       /* of its type, from 1 */
};

struct story {
	struct arena *a;
	const struct pack *pack;
	struct moment *m;   /* by time */
	size_t n;
	usec now;
	usec ended;         /* closed or dismissed and not reopened since: when; else NO_TIME */
};

/* derive_facts.c: which facts count, in which order. */
enum rc story_gather(struct story *s, struct desk_facts *f, struct err *err) MUSTUSE;
/* derive_clock.c */
enum rc story_clocks(const struct story *s, struct incident_view *ret, struct err *err) MUSTUSE;

#endif
