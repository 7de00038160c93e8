/* A hit as what it would be: an alert, and the ticket that it would open were it
 * the first of its kind. What it belongs to is told at once; the rest is read and
 * written only when it is new. */
#ifndef NODE_MATTER_H
#define NODE_MATTER_H

#include "event/hit.h"
#include "event/rule_hit.h"
#include "store/tickets.h"

struct core;

struct matter {
	struct arena *a;
	const struct rule_hit *rule; /* one of the two */
	const struct hit *hit;
	struct alert_row alert;      /* `rule` or `indicator` tells one alert of a ticket from another */
	struct ticket ticket;
	struct str connection;       /* JSON (soc/connection.h), or "" */
	struct str protection;       /* of the device, or "" */
	usec first, last;
	int64_t hits;
};

/* Key, entity, times, connection. `a` outlives the matter.
 *
 * The entity is the host; of a correlation its group too; where no host is named, the address that spoke, else the log.
 * The family is the rule; or the value that an indicator named, a URL by its host, so that several indicators of one
 * thing are one matter. The key is both. */
enum rc matter_of_rule(struct core *c, struct arena *a, const struct rule_hit *h, struct matter *ret, struct err *err) MUSTUSE;
enum rc matter_of_hit(struct core *c, struct arena *a, const struct hit *h, const char *sighting, struct matter *ret, struct err *err) MUSTUSE;

/* Everything else: titles, classes, lists, the alert's body. */
enum rc matter_fill(struct core *c, struct matter *m, struct err *err) MUSTUSE;

/* "domain-name", "file:md5" ... as alerts name it. */
const char *matter_observable(enum observable_kind kind);

#endif
