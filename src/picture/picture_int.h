/* The tables themselves. Inside picture/ only. */
#ifndef PICTURE_INT_H
#define PICTURE_INT_H

#include "base/arena.h"
#include "base/map.h"
#include "picture/picture.h"

#define NO_ROW UINT32_MAX

struct offered { uint32_t indicator; usec at; };
struct teller { uint32_t member, who; usec since; bool out; };
struct loaded { uint32_t teller, indicator; usec at; uint32_t next; }; /* next of the same indicator */
/* A day's telling: what to take back when it is told anew. */
struct telling { uint32_t seen; usec first, last; int64_t hits; };

/* An indicator that was seen. */
struct head { uint32_t first, n; }; /* of the chain in `seen`, and how many */

/* An array that grows. */
#define TABLE(type) struct { type *p; size_t n, cap; }

struct picture {
	struct arena *texts;
	struct map *word_of;
	TABLE(struct str) words;
	struct map *member_of, *incident_of, *seen_of, *telling_of, *ticket_of, *source_of, *offered_of, *teller_of, *loaded_of, *loads_of;
	TABLE(struct picture_member) members;
	TABLE(struct picture_incident) incidents;
	TABLE(struct picture_clock) clocks;
	size_t clocks_lost;              /* that no incident has any more */
	TABLE(struct picture_seen) seen;
	TABLE(struct telling) tellings;
	TABLE(struct head) heads;        /* by indicator in order of appearance */
	struct map *head_of;             /* indicator: index of heads */
	TABLE(struct picture_ticket) tickets;
	TABLE(struct picture_source) sources;
	TABLE(struct offered) offered;
	TABLE(struct teller) tellers;    /* by (member, who) */
	TABLE(struct loaded) loaded;     /* by (teller, indicator) in loaded_of; the latest of an indicator in loads_of */
	usec since;
};

#endif
