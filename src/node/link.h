/* One connection between core and the detect role: whole frames each way. One
 * thread reads, any number write. */
#ifndef NODE_LINK_H
#define NODE_LINK_H

#include "node/frame.h"

struct link;

/* Takes over the descriptor, also on failure. The peer was checked (unix_check_peer). */
enum rc link_new(int fd, struct link **ret, struct err *err) MUSTUSE;
/* When no other thread uses it any more. Accepts NULL. */
void link_free(struct link *l);

/* Waits for the next frame's body; borrowed until the next call. RC_PEER: the connection has ended; RC_LIMIT: a frame longer
 * than FRAME_MAX; RC_NOMEM. After a failure nothing more comes. */
enum rc link_read(struct link *l, struct str *ret_body, struct err *err) MUSTUSE;

/* Whole frames (frame_put), in one piece. Waits while the peer does not read, at most LINK_STALL: then the link is ended.
 * RC_PEER. */
#define LINK_STALL (30 * USEC_PER_SEC)
enum rc link_write(struct link *l, struct str frames, struct err *err) MUSTUSE;
/* frame_put and link_write. */
enum rc link_say(struct link *l, const struct frame *f, struct err *err) MUSTUSE;

/* Wakes whoever reads or writes; they see RC_PEER. From any thread. */
void link_end(struct link *l);

#endif
