/* Messages out of a stream of bytes: octet counting (RFC 6587 §3.4.1, RFC 5425 §4.3)
 * or lines (RFC 6587 §3.4.2), found out for each message. One that is longer than
 * INPUT_MESSAGE_MAX costs itself, not what is behind it. */
#ifndef INPUT_FRAMES_H
#define INPUT_FRAMES_H

#include <stdbool.h>

#include "base/buf.h"

struct frames {
	struct buf held;   /* bytes that are no whole message yet, from `at` on */
	size_t at, end;    /* where the message at hand begins to be looked for, and ends */
	size_t skip;       /* bytes of a counted message that is too long, still to come */
	bool skip_line;    /* the same of a line */
	bool counts;       /* octet counting is looked for; false: lines only */
	uint64_t too_long;
};

void frames_init(struct frames *f, bool counts);
void frames_done(struct frames *f);

/* Appends a piece of the stream, at most FRAMES_PIECE bytes. RC_NOMEM. All whole messages must have been taken before. */
#define FRAMES_PIECE ((size_t)65536)
enum rc frames_put(struct frames *f, struct str bytes) MUSTUSE;

/* The next whole message without frame and line end, borrowed until frames_put; false: there is none yet. The same again until
 * frames_taken. */
bool frames_next(struct frames *f, struct str *ret);
void frames_taken(struct frames *f);
/* At the end of the stream: the last line without its end; a counted message cut short is none. */
bool frames_last(struct frames *f, struct str *ret);

/* Bytes held of an unfinished message. */
static inline size_t frames_held(const struct frames *f)
{
	return f->held.n - f->at;
}
/* Nothing comes for a while: the memory of an empty one is given back. */
void frames_rest(struct frames *f);
/* Drops the unfinished message as if it were too long. */
void frames_give_up(struct frames *f);

#endif
