/* How often an indicator was seen in a source on a day: what a sighting is made
 * of, and made anew of while it grows. */
#ifndef STORE_TALLIES_H
#define STORE_TALLIES_H

#include "store/store.h"

struct tally {
	struct str id;         /* STIX id of the sighting */
	struct str indicator;
	struct str input;      /* which log */
	int64_t day;           /* of the events: days since 1970, UTC */
	uint32_t collection;   /* where the sighting goes */
	uint8_t tlp;
	usec created;          /* of the sighting; 0 = now */
	usec first, last;
	int64_t hits;          /* to be added; in what is read: in all */
	int64_t sent;          /* hits that the newest version of the sighting tells of */
	usec sent_at;
};

/* Adds hits and widens the times; a new id begins a new one. */
enum rc tally_add(struct store *s, const struct tally *t, size_t n, struct err *err) MUSTUSE;
/* RC_NOTFOUND. */
enum rc tally_get(struct store *s, struct str id, struct arena *a, struct tally *ret, struct err *err) MUSTUSE;
/* Those that grew since they were sent, if that was before `sent_before` or their day is before `day`. */
enum rc tally_due(struct store *s, usec sent_before, int64_t day, uint32_t limit, struct arena *a, struct tally **ret, size_t *ret_n,
		  struct err *err) MUSTUSE;
/* A version with so many hits is in the store. */
enum rc tally_sent(struct store *s, struct str id, int64_t hits, usec at, struct err *err) MUSTUSE;

#endif
