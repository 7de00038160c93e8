/* Tells of the desk's clocks in time: each rung of each clock once. */
#ifndef NODE_ALARMS_H
#define NODE_ALARMS_H

#include "base/err.h"

struct core;
struct alarms;

/* Starts the thread. core.stopping ends it, together with alarms_stop. */
enum rc alarms_start(struct core *c, struct alarms **ret, struct err *err) MUSTUSE;
/* A fact came. Thread-safe; accepts NULL. */
void alarms_wake(struct alarms *m);
void alarms_stop(struct alarms *m); /* accepts NULL */

#endif
