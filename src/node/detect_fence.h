/* The fence of the detect role: it may read the folders that its configuration
 * names, write the history, and nothing else; no socket, unless an input connects, and then none of this machine's own, where
 * control.sock would make it the administrator. */
#ifndef NODE_DETECT_FENCE_H
#define NODE_DETECT_FENCE_H

#include "node/node.h"
#include "sys/fence.h"

/* Makes the history's folder, then enters. As fence_enter; RC_BAD: an input's path. */
enum rc detect_fence(const struct config *conf, const struct node_paths *paths, struct fence_report *ret, struct err *err) MUSTUSE;

#endif
