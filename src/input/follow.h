/* One growing file of lines, through rotation: a new inode (the old file, held open,
 * is read to its end first; after a restart it is looked for beside the log, "NAME.1"
 * or "NAME-DATE" not packed, and so are those that were rotated away behind it) and
 * truncation. A place is "INODE OFFSET", behind the last line that was taken. */
#ifndef INPUT_FOLLOW_H
#define INPUT_FOLLOW_H

#include "input/input.h"

struct follow;

/* `part`: what its messages say they are of. `place` "" = from the beginning. RC_NOMEM, RC_LIMIT: a path too long. */
enum rc follow_new(const char *path, struct str part, struct str place, struct follow **ret, struct err *err) MUSTUSE;
void follow_free(struct follow *f); /* accepts NULL */

/* Hands over what was appended, at most about FOLLOW_TURN bytes; *ret_more: there may be more. RC_NOTFOUND while the file is away. */
#define FOLLOW_TURN ((size_t)1 << 20)
enum rc follow_read(struct follow *f, input_take take, void *ctx, bool *ret_more, struct err *err) MUSTUSE;

/* Behind the message at hand, or behind all that was taken. */
void follow_place(const struct follow *f, char out[INPUT_PLACE_MAX + 1]);
struct str follow_part(const struct follow *f);

struct follow_counts {
	uint64_t messages, bytes, too_long; /* since follow_new */
	uint64_t behind;                    /* bytes that were there at the last look and are not taken yet */
	usec last;                          /* when the last message was taken */
};
struct follow_counts follow_count(const struct follow *f);

/* "log.1", "log-20261122": a number or a date behind the name `base`. Packed ones ("log.2.gz") cannot be read on. */
bool follow_is_rotated(const char *name, struct str base);

#endif
