/* What a node's detector has of what was released to it, on its way to the tier above: a STIX 2.1 object of a type of our own
 * (an extension of kind new-sdo, §7.3) for the collections between two desks. It names indicators that the tier above released or was
 * told of and nothing else; members behind the node that tells have pseudonyms. */
#ifndef INTEL_LOADED_OBJECT_H
#define INTEL_LOADED_OBJECT_H

#include "base/arena.h"
#include "base/json.h"
#include "base/time.h"

#define LOADED_TYPE "x-lianfang-loaded"
#define LOADED_INDICATORS_MAX 1000
#define LOADED_MEMBER_MAX 64

struct loaded_statement {
	struct str member;      /* pseudonym of whom it is about; "": of the node that tells */
	usec since;             /* from then on it tells of each release; before, silence means nothing */
	bool out;               /* it looks at no log, so there is nothing to protect */
	usec at;                /* since when the indicators have been live */
	const struct str *indicators;
	size_t n;               /* 0..LOADED_INDICATORS_MAX */
};

/* `creator`: identity of the node that tells; `key`: the same gives the same id. RC_LIMIT, RC_NOMEM. */
enum rc loaded_object(struct arena *a, const struct loaded_statement *s, struct str creator, struct str key, uint8_t tlp, struct str *ret,
		      struct err *err) MUSTUSE;
/* Texts borrowed from `object`, the list in `a`. RC_BAD: not such a statement. */
enum rc loaded_read(struct arena *a, const struct json *object, struct loaded_statement *ret, struct err *err) MUSTUSE;

#endif
