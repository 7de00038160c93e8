/* Instants as people type and read them: in this machine's time zone, while files, JSON and the node speak UTC. */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include "base/time.h"

/* "23:30", "2026-02-27 23:30[:05]" (or with T), "now", "20m", "2h", "3d", "1w": into RFC 3339. A time of day is the latest one up to `now`, a
 * span lies before it; with `coming` both are the next ones. RFC 3339 stays as it was typed, digit by digit. RC_BAD: nothing of these. */
enum rc when_read(struct str text, bool coming, usec now, char ret[static TIME_TEXT_MAX], struct err *err) MUSTUSE;

/* RFC 3339 to the second, with this machine's offset ("Z" where that is none); what is no instant stays as it is. */
struct str when_show(struct str text, char out[static TIME_TEXT_MAX]);

#endif
