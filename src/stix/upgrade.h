/* STIX 2.0 documents as STIX 2.1: the same statements in today's words, with a
 * list of everything that was changed. What 2.1 cannot say is kept as a custom
 * property, never dropped. */
#ifndef STIX_UPGRADE_H
#define STIX_UPGRADE_H

#include "base/arena.h"
#include "stix/object.h"

struct stix_change {
	struct str id;      /* object concerned */
	const char *what;   /* short and stable: "spec-version", "labels-to-types", "objects-to-refs", ... */
	struct str note;    /* one line for people */
};

struct stix_upgraded {
	struct str *objects;        /* JSON text of each 2.1 object, compact; SCOs come before what refers to them */
	size_t n;
	struct stix_change *changes;
	size_t n_changes;
};

/* True for an object, bundle or list that is STIX 2.0: no spec_version on a versioned
 * object, spec_version "2.0" on a bundle (STIX 2.1 §3.2, TAXII 2.1 §3.4.1). */
bool stix_is_20(const struct json *document);

/* Upgrades one object; several come out of observed-data, whose cyber-observables become
 * objects of their own. A 2.1 object comes out as it is, without changes. All memory is
 * `a`'s. RC_BAD: not readable as STIX 2.0. RC_NOMEM, RC_LIMIT: no room. */
enum rc stix_upgrade(struct arena *a, const struct json *object, struct stix_upgraded *ret, struct err *err) MUSTUSE;

#endif
