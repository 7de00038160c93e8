/* Settings that are read and changed while the node runs: GET, PUT and DELETE of /settings, and what SIGHUP puts in force. */
#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include "node/core.h"

/* Lends c->api its calls. */
void settings_api(struct core *c);
/* Puts in force what of `conf` can change at once (config_rule.now). */
void settings_apply(struct core *c, const struct config *conf);

#endif
