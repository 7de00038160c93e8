/* What a clamd of this machine says of a file, asked by whoever hands files in and outside the workers' fence, where sockets are: the bytes go through
 * unread, and the answer is read as from a stranger - at most one line, by a deadline. ClamAV is another program with another licence: it is asked
 * and never linked. */
#ifndef LAB_CLAMD_H
#define LAB_CLAMD_H

#include "base/time.h"
#include "lab/report.h"

#define CLAMD_NAME_MAX 200

struct clamd_says {
	bool asked, found;
	char name[CLAMD_NAME_MAX]; /* of the signature */
	char trouble[160];         /* why there is no answer; "": there is one */
};

/* Sends the file (its first `size` bytes; the offset of `fd` stays) as INSTREAM to the socket at `path`, and waits until the deadline at most. Whatever
 * goes wrong is said in `trouble`. */
void clamd_ask(const char *path, int fd, uint64_t size, usec timeout, struct clamd_says *ret);

/* Adds it to a report: what was found as a match; no answer as something that was not seen, because it was asked for. */
void clamd_tell(const struct clamd_says *s, struct lab_report *r);

#endif
