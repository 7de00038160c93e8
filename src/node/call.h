/* REST calls to the node in a folder: over its control socket when it runs, in
 * this process when it does not. The command line is built on this, so a command
 * does the same thing in both cases. */
#ifndef NODE_CALL_H
#define NODE_CALL_H

#include "base/buf.h"

struct node_conn;

/* RC_NOTFOUND: no node in `dir`. While it is open in this process, no node can start there. */
enum rc node_conn_open(const char *dir, struct node_conn **ret, struct err *err) MUSTUSE;
/* Accepts NULL. */
void node_conn_close(struct node_conn *c);
void node_conn_closep(struct node_conn **c);
/* True when the node is running, so the calls go to its socket. */
bool node_conn_live(const struct node_conn *c);

/* `path` with its query, e.g. "/users?x=1" (below /api/v1). `reply` is initialised
 * here. RC_OK for every HTTP status; RC_BUSY: it runs but does not answer. */
enum rc node_conn_do(struct node_conn *c, const char *method, const char *path, struct str body, int *ret_status,
		     struct buf *reply, struct err *err) MUSTUSE;

/* The `message` of an error reply, or its first bytes. */
void node_reply_error(const struct buf *reply, int status, struct err *err);

#endif
