/* One REST call to the node in a folder: over its control socket when it runs,
 * in this process when it does not. The command line is built on this, so a
 * command does the same thing in both cases. */
#ifndef NODE_CALL_H
#define NODE_CALL_H

#include "base/buf.h"

/* `path` with its query, e.g. "/users?x=1" (below /api/v1). `reply` is initialised
 * here. RC_OK for every HTTP status; RC_NOTFOUND: no node in `dir`; RC_BUSY: it
 * runs but does not answer. */
enum rc node_call(const char *dir, const char *method, const char *path, struct str body, int *ret_status,
		  struct buf *reply, struct err *err) MUSTUSE;

#endif
