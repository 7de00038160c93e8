/* What is left of a JSON document that breaks its own grammar: the text from each line that begins with '{', no
 * further in than the elements before the damage stood, to the next such line is tried as an event. One pass over the
 * text; memory is that of one event. */
#ifndef DETECT_SALVAGE_H
#define DETECT_SALVAGE_H

#include "base/buf.h"

/* One piece that may be an event, without the commas and brackets between elements; .p NULL: it is longer than an
 * event may be. False ends the reading. */
typedef bool (*salvage_fn)(void *ctx, struct str piece);

struct salvage {
	salvage_fn fn;
	void *ctx;
	struct buf line;  /* the beginning of a line whose end has not come yet */
	struct buf piece; /* lines of the piece so far */
	size_t column;    /* how far in a line may begin */
	bool open;        /* in a piece; else everything is passed over */
	bool ended;       /* fn wants no more */
};

/* `max`: bytes of a piece. Owns memory once fed: salvage_done. */
void salvage_init(struct salvage *s, size_t column, size_t max, salvage_fn fn, void *ctx);
void salvage_done(struct salvage *s);

/* The next text of any length. With `open` the text itself begins a piece, whatever stands in its first line. */
bool salvage_feed(struct salvage *s, struct str text, bool open) MUSTUSE;

/* No more text: hands over the last piece. */
bool salvage_end(struct salvage *s);

#endif
