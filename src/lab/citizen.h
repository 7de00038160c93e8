/* A report in the words of somebody who has a strange attachment and no training: what it is, what was found, what was not seen, what
 * to do now, whom to tell. A pure function of the report, in Chinese of Taiwan or English. It never calls a file harmless:
 * what was not found may be there all the same, and the words say so. */
#ifndef LAB_CITIZEN_H
#define LAB_CITIZEN_H

#include "lab/report.h"

#define LAB_LINES_MAX 12 /* of one part */

enum lab_part { LAB_PART_FOUND, LAB_PART_NOT_SEEN, LAB_PART_TO_DO, LAB_PART_TELL, LAB_PARTS };

struct lab_citizen {
	bool zh;
	struct str name, verdict;  /* the file as it was called, visible; one sentence */
	struct { struct str line[LAB_LINES_MAX]; size_t n; } part[LAB_PARTS];
};

/* Sentences live in `a`, or for ever. Same report, same words. RC_NOMEM. */
enum rc lab_citizen_say(struct arena *a, const struct lab_report *r, bool zh, struct lab_citizen *ret, struct err *err) MUSTUSE;

/* "What was found". */
const char *lab_part_title(enum lab_part part, bool zh);

/* As lines of text, the last without its end of line. */
void lab_citizen_text(const struct lab_citizen *c, struct buf *out);
/* {"language", "verdict", "found": [], "not_seen": [], "to_do": [], "tell": []}. */
void lab_citizen_json(const struct lab_citizen *c, struct jsonw *w);

#endif
