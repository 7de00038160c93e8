/* Word of the desk's alarms to people: mail, webhook and a command. At least once each: what was
 * sent is noted behind the reply, and a second try carries the same message id. */
#ifndef NODE_NOTIFY_H
#define NODE_NOTIFY_H

#include "base/err.h"

struct core;
struct notify;

/* NULL in *ret when [notify] names nobody. Reads password and certificates: before the fence hides their files. */
enum rc notify_start(struct core *c, struct notify **ret, struct err *err) MUSTUSE;
/* An alarm was kept. Thread-safe; accepts NULL. */
void notify_wake(struct notify *n);
void notify_stop(struct notify *n); /* accepts NULL */

#endif
