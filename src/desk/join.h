/* Incidents that were merged or split: whose facts count in whose view. Nothing is moved or erased: both sides state a fact that
 * names the other, and only while both stand do the facts of one count in the other, so that nobody who can write into one
 * incident alone learns what another holds. */
#ifndef DESK_JOIN_H
#define DESK_JOIN_H

#include "desk/fact.h"

#define JOIN_MAX 64 /* incidents of which one view is made */

/* What an incident states: {"type": "merged", "ref": A} in B and {"type": "merged", "from": B} in A: B's facts count in A, but
 * for those of its own end, until both state "unmerged" so. {"type": "split", "ref": C, "facts": [ids]} in A and {"type": "split", "from": A} in C: these facts of A
 * count in C and not in A; C merged into A undoes it. */
struct join_source {
	void *ctx;
	/* Facts of an incident, one a line; "" when there is none. */
	enum rc (*facts)(void *ctx, struct str incident, struct arena *a, struct str *ret, struct err *err);
};

struct joined {
	struct desk_facts facts;  /* all that count, `origin` tells them apart by incident, 0 is this one */
	struct str into;          /* this incident is merged into that one, or "" */
	struct str *incidents;    /* others whose facts count here */
	size_t n;
	struct str *origins;      /* whose a fact is, by its `origin` */
	size_t n_origins;
	struct str *kin;          /* all that were ever named in a merge or split; their clocks may be ours */
	size_t n_kin;
};

/* As known at `at`. All in `a`. What goes beyond JOIN_MAX is left out and a problem of the facts. */
enum rc join(struct arena *a, struct str incident, usec at, const struct join_source *src, struct joined *ret, struct err *err) MUSTUSE;

#endif
