/* A report as STIX 2.1, for whoever keeps such: the file with its digests and what it contains, the analysis with its result, what
 * is malicious in it as indicators, how these hang together, and a note of what was found and what was not seen. Pure: the
 * same report and the same `how` give the same bytes and the same ids. */
#ifndef LAB_REPORT_STIX_H
#define LAB_REPORT_STIX_H

#include "lab/report.h"
#include "stix/marking.h"

#define LAB_HARMFUL_MAX 64
#define LAB_STIX_ID 64 /* "relationship--" and a UUID, with a NUL */

struct lab_stix_how {
	struct str creator; /* id of an identity, or "": nobody is named */
	enum tlp tlp;
	/* created and modified. 0: nobody knows when, so a fixed day is given, and ids hold the generation: what another generation says
	 * is another object and not another version of the same moment. */
	usec at;
	bool revoked;       /* the indicators: they were found to be wrong */
};

/* A file of the submission in which something malicious was found; and the submission itself. */
struct lab_harmful {
	const unsigned char *sha256, *sha1, *md5; /* sha1, md5: of the submission only, or NULL */
	const struct lab_report_match *match;     /* the first of the heaviest */
};

/* What a child's origin calls a file by itself: a member, an attachment, an object, a mail, what was unpacked. */
bool lab_is_file(struct str how);

/* Which these are, at most LAB_HARMFUL_MAX, each digest once; none unless the verdict is malicious. Pieces that are no file by
 * themselves (streams, gaps, macros) are left out: their bytes may lie in good files as well. */
size_t lab_harmful(const struct lab_report *r, struct lab_harmful list[static LAB_HARMFUL_MAX]);

/* The id of the indicator of this file, the same whatever the report says (but for `how->at` 0: see there). */
struct str lab_indicator_id(const struct lab_stix_how *how, const unsigned char *sha256, struct str generation, char out[static LAB_STIX_ID]);
/* The indicator alone: nothing in it is a byte or a name of the file, only its digests and what was found. */
void lab_stix_indicator(const struct lab_report *r, const struct lab_stix_how *how, const struct lab_harmful *h, struct jsonw *w);

/* The whole bundle. RC_NOMEM, RC_LIMIT. */
enum rc lab_stix_bundle(struct arena *a, const struct lab_report *r, const struct lab_stix_how *how, struct buf *out, struct err *err) MUSTUSE;

#endif
