/* What a detector hands to node/: an observable of a log event met an active
 * indicator. Plain data; whoever receives it decides on alert, sighting, ticket. */
#ifndef EVENT_HIT_H
#define EVENT_HIT_H

#include "base/str.h"
#include "base/time.h"

enum observable_kind {
	OBS_IPV4, OBS_IPV6, OBS_DOMAIN, OBS_URL, OBS_EMAIL, OBS_MD5, OBS_SHA1, OBS_SHA256, OBS_SHA512, OBS_KINDS
};

/* One observable found in an event; all strings borrowed. */
struct observable {
	enum observable_kind kind;
	struct str value;   /* as it stands in the event */
	struct str field;   /* dotted path, "dns.query.0.rrname" */
};

struct hit {
	struct str indicator;   /* STIX id of the indicator */
	struct observable what; /* what matched; kind OBS_KINDS: it meets a pattern and is no observable of these kinds */
	struct str matched;     /* the indicator's own value: a parent domain, a CIDR block, ...; or its whole pattern */
	usec at;                /* the event's own time, or when it was read */
	struct str where;       /* host, sensor or "" */
	struct str input;       /* name of the log */
	struct str event;       /* the event's bytes */
	struct str suppressed;  /* the warning list because of which this is no alert, or "" */
	uint8_t tlp;            /* of the indicator */
	uint8_t confidence;     /* 0..100, more when it states none */
	/* Several that were held together: how many, from `at` to `last`. 0 and 0: this one. */
	uint64_t count;
	usec last;
};

#endif
