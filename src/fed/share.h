/* The two collections that the desk exchanges with a peer (gate/own.h): made with
 * the peer, linked with the peer's own pair, and gone with it. */
#ifndef FED_SHARE_H
#define FED_SHARE_H

#include "store/store.h"

/* Makes what is missing of root, collections and links; the rest stays. Rows of the collections that come and go. */
enum rc share_with(struct store *s, struct str peer, uint32_t *ret_in, uint32_t *ret_out, struct err *err) MUSTUSE;

/* Their collections, so that nobody who gets the name later reads what was meant for this peer. */
enum rc share_end(struct store *s, struct str peer, struct err *err) MUSTUSE;

#endif
