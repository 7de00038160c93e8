/* What the lab found becomes intelligence: digests of what is malicious as indicators in the collections that go up and down the tiers,
 * and their revocation when it was a mistake. Both are versions of one object, so they travel and take effect alike. The gate decides on
 * the way out who gets them. Called by a person's request and by the node's own policy. */
#ifndef WEB_LAB_SHARE_H
#define WEB_LAB_SHARE_H

#include "lab/report_stix.h"
#include "store/submissions.h"

#define LAB_SHARED_MAX 1001 /* the submission and its parts */

struct lab_share {
	struct store *store;
	struct str identity;   /* of this node */
	uint32_t up, down;     /* rows of the collections */
	struct str actor;      /* for the chain of facts: "user:alice", "node" */
	struct str submission; /* id, or "" */
};

/* How widely digests of a submission of this class may be known (docs/internals/lab-node.md). */
enum tlp lab_share_level(enum privacy p);

enum lab_shared_state {
	LAB_SHARED_NEW,
	LAB_SHARED_BEFORE,   /* it is there already, as it was */
	LAB_SHARED_REVOKED,  /* it is revoked: now, or when asked to share it, since before: what was revoked stays so (STIX 2.1 §3.6) */
};
const char *lab_shared_name(enum lab_shared_state s);

struct lab_shared {
	char id[LAB_STIX_ID];
	const unsigned char *sha256; /* of the report */
	enum lab_shared_state state;
};

/* Every harmful file of the report. RC_CONFLICT: there is none, or all are revoked. Done again it changes nothing, and finishes what a crash
 * left half done. The list in `a`. */
enum rc lab_share_report(const struct lab_share *x, struct arena *a, const struct lab_report *r, enum tlp tlp, struct lab_shared **ret, size_t *ret_n,
			 struct err *err) MUSTUSE;

/* All that was shared of this file and of the files in it, whatever the report says of them by now; or of these only the file with digest `only` (may be
 * NULL). `why`: for the chain. RC_NOTFOUND: nothing was. */
enum rc lab_share_revoke(const struct lab_share *x, struct arena *a, const struct lab_report *r, const unsigned char *only, struct str why,
			 struct lab_shared **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* One indicator of this node by its id, whoever found it. RC_NOTFOUND: this node made none of that id. */
enum rc lab_share_revoke_id(const struct lab_share *x, struct str id, struct str why, struct err *err) MUSTUSE;

#endif
