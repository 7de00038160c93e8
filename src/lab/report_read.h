/* A report as it was kept (lab_report_json), read again: for words, STIX and indicators of what was inspected long ago. The text may be
 * of another version of the program, or damaged; a member that is not there is as if it were empty. */
#ifndef LAB_REPORT_READ_H
#define LAB_REPORT_READ_H

#include "lab/report.h"

/* `text`: one object as lab_report_json writes it; the report lives in `a`, and no part of it borrows from `text`. RC_BAD: it is
 * none. RC_LIMIT, RC_NOMEM. */
enum rc lab_report_read(struct arena *a, struct str text, struct lab_report *ret, struct err *err) MUSTUSE;

#endif
