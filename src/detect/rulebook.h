/* The rules of a node: those of its configured folder, before them its own, which
 * people add and change, and which of all are turned off. Also what became of each
 * rule, in the words of everybody who asks. */
#ifndef DETECT_RULEBOOK_H
#define DETECT_RULEBOOK_H

#include "detect/engine.h"

/* Below the folder of its own: ID.yml each, and off/ID for what is turned off. */
#define RULEBOOK_ID_MAX 128
#define RULEBOOK_OFF "off"
#define RULEBOOK_OFF_WHY "turned off"
#define RULEBOOK_OFF_MAX 10000
/* May an id name such a file? Letters, digits, '.', '_', '-', no dot first. */
bool rulebook_id_ok(struct str id);

struct rulebook_opts {
	const char *rules, *lists; /* as of live_opts; or NULL */
	const char *own;           /* the folder of its own, or NULL; it may be missing */
	struct str draft;          /* text that goes before all others, or "" */
};
#define RULEBOOK_DRAFT "draft" /* the file's name in reports of what stands in `draft` */

/* Reads them all. Memory of the set in `a`. */
enum rc rulebook_read(struct arena *a, const struct rulebook_opts *o, const struct sigma_set **ret, struct err *err) MUSTUSE;

/* --- what became of them --- */

struct ruling {
	const struct sigma_report *report;
	const struct sigma_rule *rule;  /* that is in force, or NULL */
	enum sigma_verdict verdict;
	struct str reason, also;        /* also: what the engine or the log sources add */
};

/* What the engine and the correlator refuse of a set, in one list in `a`. */
enum rc rulebook_refusals(struct arena *a, const struct sigma_set *set, const struct engine_image *image, const struct engine_refusal **ret,
			  size_t *ret_n, struct err *err) MUSTUSE;
/* One for each report of the set, in its order; in `a`. */
enum rc rulebook_judge(struct arena *a, const struct sigma_set *set, const struct taxonomy *t, const struct engine_image *image,
		       const struct ruling **ret, struct err *err) MUSTUSE;
const char *ruling_name(enum sigma_verdict v); /* "loaded", "needs-list", "refused", "ignored", "off" */

#endif
