/* What is known about one value or object, as one viewer may know it: every
 * source's claim stays on its own, and the merged view is computed at each
 * question from what this viewer may see, so that it can neither leak nor go stale. */
#ifndef INTEL_VIEW_H
#define INTEL_VIEW_H

#include "base/jsonw.h"
#include "gate/gate.h"
#include "intel/warninglist.h"

#define VIEW_OBJECTS_MAX 256 /* objects about one value */

struct view_claim {
	struct str source;      /* "user:alice", "peer:sector-a", ... */
	struct str version;
	usec received;
	uint8_t tlp, confidence;
};

/* One object that speaks of the value. */
struct view_object {
	struct str id, type, version, body;
	uint8_t tlp, flags, confidence;
	uint8_t score;          /* indicators: decayed at `now` */
	usec expiry;            /* indicators; 0 = none */
	bool active;
	int64_t confirmed, false_positives; /* by people here; 0 for viewers who are bounded by collections */
	struct view_claim *claims;
	size_t n_claims;
};

struct view {
	struct str subject;     /* normal form of the value, or the id */
	struct view_object *objects;
	size_t n;
	bool more;              /* there are more than VIEW_OBJECTS_MAX */
	uint8_t confidence;     /* merged from the visible claims; 255 = none states one */
	uint8_t score;          /* highest decayed score of the active indicators */
	struct str warned[WARNINGLIST_NAMES_MAX]; /* lists that name the value */
	size_t n_warned;
};

struct view_opts {
	uint8_t ceiling;
	enum gate_path path;
	const struct warninglists *warn; /* or NULL */
	usec now;                        /* 0 = time_now() */
};

/* `subject`: a STIX id, or a value in any spelling (defanged too). RC_NOTFOUND: nothing that this
 * viewer may see. All memory in `a`. Each object shown is recorded as released. */
enum rc view_get(struct store *s, const struct viewer *v, const struct view_opts *o, struct str subject,
		 struct arena *a, struct view *ret, struct err *err) MUSTUSE;

/* Merged confidence of independent sources: at least the strongest, never above 100. 255 entries are left out. */
uint8_t view_merge_confidence(const uint8_t *stated, size_t n);

void view_write(const struct view *v, struct jsonw *w);

#endif
