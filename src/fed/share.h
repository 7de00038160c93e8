/* The collections that the desk exchanges with a peer (gate/own.h), a pair for each lane: made with
 * the peer, linked with the peer's own, and gone with it. */
#ifndef FED_SHARE_H
#define FED_SHARE_H

#include "store/store.h"

enum share_lane {
	SHARE_PLAIN,
	SHARE_URGENT, /* workers, cursors and connections of its own: no backlog of the other holds it up */
	SHARE_LANES
};

/* Rows of collections. */
struct share {
	uint32_t in, out;
};

/* Makes what is missing of root, collections and links; the rest stays. */
enum rc share_with(struct store *s, struct str peer, struct share ret[static SHARE_LANES], struct err *err) MUSTUSE;

/* The alias of the collection that goes to this peer ("out-NAME" or "urgent-out-NAME"), or comes from it. .p NULL: out of memory. */
struct str share_out(enum share_lane lane, struct str peer, struct arena *a);
struct str share_in(enum share_lane lane, struct str peer, struct arena *a);

/* Their collections, so that nobody who gets the name later reads what was meant for this peer. */
enum rc share_end(struct store *s, struct str peer, struct err *err) MUSTUSE;

#endif
