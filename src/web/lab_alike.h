/* Relatives: which files of this node's lab look like this one. Candidates come by keys (store/alike.h, lab/similar.h), and only they are compared:
 * texts of ctph by each seven characters in a row, tlsh by its place. Exact: whoever scores, or is within LAB_ALIKE_FAR, is among the candidates. */
#ifndef WEB_LAB_ALIKE_H
#define WEB_LAB_ALIKE_H

#include "lab/report.h"
#include "store/alike.h"

#define LAB_ALIKE_FAR 60   /* of tlsh; beyond that nothing is called a relative */
#define LAB_ALIKE_MAX 200  /* told at most */

/* What of a report is kept to be found by: the submission and the files in it that have such a digest or a name of their own. In `a`. */
enum rc lab_alike_parts(struct arena *a, const struct lab_report *r, int64_t row, struct str submission, struct alike_part **ret, size_t *ret_n,
			struct err *err) MUSTUSE;

struct lab_relative {
	struct alike_part part;
	uint32_t of;     /* which part of the question it is like */
	int score;       /* of ctph, 0 to 100 */
	int distance;    /* of tlsh; -1: not to be told, or beyond LAB_ALIKE_FAR */
	bool same;       /* the same bytes */
};

/* The best first; parts of `submission` itself are left out. *ret_cut: there were more candidates than are looked at. */
enum rc lab_alike_find(struct store *s, struct arena *a, const struct alike_part *parts, size_t n, struct str submission, struct lab_relative **ret,
		       size_t *ret_n, bool *ret_cut, struct err *err) MUSTUSE;

#endif
