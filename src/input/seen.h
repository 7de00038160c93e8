/* Which numbers of a stream were handed over, as the latest ranges without gaps: enough to know what comes again. It goes into
 * places as " LO-HI LO-HI ...". Inside input/ only. */
#ifndef INPUT_SEEN_H
#define INPUT_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define SEEN_RANGES 32       /* older ones are forgotten: what comes again from there is taken for new */
#define SEEN_TEXT_MAX 900

struct seen {
	struct { uint64_t lo, hi; } range[SEEN_RANGES];
	uint32_t n;
	char text[SEEN_TEXT_MAX]; /* of all but the last one */
	uint32_t text_n, text_of; /* text_of: n - 1 when `text` holds; else it must be made */
};

bool seen_has(const struct seen *s, uint64_t number);
void seen_add(struct seen *s, uint64_t number);
/* Takes the one back that was added last. */
void seen_drop_last(struct seen *s);
/* Writes at most `room` bytes with the NUL. */
void seen_print(struct seen *s, char *out, size_t room);
/* Reads such a text; false: it is damaged, and nothing is known. */
bool seen_read(struct seen *s, struct str text);

#endif
