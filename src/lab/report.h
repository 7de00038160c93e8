/* What came of one submission: read from the worker's frames (which are hostile: a worker may be taken over by what it
 * inspects), judged, and printed. The verdict is derived here, outside the worker, by one pure function. */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include "base/jsonw.h"
#include "lab/node.h"

#define LAB_SHOWN_MAX 1000 /* children, facts shown one by one */

enum lab_verdict { LAB_V_NO_FINDING, LAB_V_KNOWN_GOOD, LAB_V_UNSUPPORTED, LAB_V_INCOMPLETE, LAB_V_SUSPICIOUS, LAB_V_MALICIOUS };

struct lab_report_child {
	struct str path, how;
	uint64_t at, length, size, types;
	uint32_t depth;
	unsigned char sha256[SHA256_LEN];
};

struct lab_report_fact {
	struct str path, name, value;
};

struct lab_report_match {
	struct str path, excerpt;
	struct lab_match m;
};

struct lab_report_unseen {
	struct str path, why;
	uint64_t at, length;
};

/* All strings live in the arena given to lab_report_begin. */
struct lab_report {
	struct arena *a;
	struct str path, generation;
	unsigned char sha256[SHA256_LEN], sha1[SHA1_LEN], md5[MD5_LEN];
	bool hashed, ended; /* digests are there; the worker came to its end */
	bool lost;          /* its workers were killed from outside again and again */
	uint64_t size, types;
	uint64_t bytes_total, bytes_seen; /* of the submission and all its children */
	uint64_t n_children;
	struct { struct lab_report_child *p; size_t n, cap; } children;
	struct { struct lab_report_fact *p; size_t n, cap; } facts;
	struct { struct lab_report_match *p; size_t n, cap; } matches;
	struct { struct lab_report_unseen *p; size_t n, cap; } unseen;
	uint64_t left_out; /* facts and children that are counted, not shown */
};

void lab_report_begin(struct lab_report *r, struct arena *a, struct str path, struct str generation, uint64_t size);
/* One whole frame of the worker (frame.h). RC_BAD: it is none; the worker is to be ended. */
enum rc lab_report_take(struct lab_report *r, struct str frame, struct err *err) MUSTUSE;
/* The worker was ended or died before its last frame: what it said stands, the rest of the submission is unseen, for this reason. */
void lab_report_broken(struct lab_report *r, const char *why);

/* What somebody else than the worker found in the submission as a whole, or could not see of it. */
void lab_report_add(struct lab_report *r, const struct lab_match *m);
void lab_report_not_seen(struct lab_report *r, const char *why);

/* malicious, suspicious: the heaviest match. known-good: the submission itself is, and nothing of weight was found. incomplete: something
 * was not seen. unsupported: nothing of a container was opened. no-finding: every byte was. Never "safe". */
enum lab_verdict lab_verdict_of(const struct lab_report *r);
const char *lab_verdict_name(enum lab_verdict v);

/* The object of `lianfang scan --json`: same submission and generation, same bytes. */
void lab_report_json(const struct lab_report *r, struct jsonw *w);

#endif
