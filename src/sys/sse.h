/* Reads a server-sent-events stream (WHATWG HTML §9.2.6) piece by piece, as it comes
 * off the wire. Pure; everything it holds is bounded. */
#ifndef SYS_SSE_H
#define SYS_SSE_H

#include "base/buf.h"

#define SSE_ID_MAX 1024
#define SSE_NAME_MAX 128

/* One event; false ends the reading. `id` is the last one the stream gave, also with an earlier event. */
typedef bool (*sse_event)(void *ctx, struct str id, struct str event, struct str data);

struct sse {
	struct buf line, data;
	char id[SSE_ID_MAX], name[SSE_NAME_MAX];
	bool begun, after_cr, has_data;
	sse_event on_event;
	void *ctx;
};

/* `max` bounds a line, and the data of one event. */
void sse_init(struct sse *s, size_t max, sse_event on_event, void *ctx);
void sse_done(struct sse *s);

/* RC_OK; RC_LIMIT when a line or event is too large; RC_BAD for text that is not UTF-8;
 * RC_NOTFOUND when on_event wants no more; RC_NOMEM. After a failure the parser is spent. */
enum rc sse_feed(struct sse *s, struct str bytes, struct err *err) MUSTUSE;

#endif
