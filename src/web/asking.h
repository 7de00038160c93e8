/* Questions to the process that reads logs and rules, for routes: waiting for the
 * answer, or handing it on as a stream. */
#ifndef WEB_ASKING_H
#define WEB_ASKING_H

#include "web/api.h"

/* Who may look into the logs: they are the organisation's most private records. RC_DENIED. */
enum rc asking_may(const struct api_call *c, struct err *err) MUSTUSE;

#define ASKING_PATIENCE (30 * USEC_PER_SEC) /* longest wait for an answer */

/* Waits for the whole answer. Its pieces in the request's memory, in their order; the last one is the end's. RC_BUSY: not now;
 * else what the answer says. */
struct asked {
	const struct json **pieces;
	size_t n;
};
enum rc asking_wait(struct api_call *c, struct str question, struct asked *ret, struct err *err) MUSTUSE;
/* The same for an answer of one piece. */
enum rc asking_one(struct api_call *c, struct str question, const struct json **ret, struct err *err) MUSTUSE;

/* All of it as one object: the items of the list of that name in all pieces, and the members of the last piece. */
void asking_put(struct jsonw *w, const struct asked *a, const char *list_name);

/* The reply becomes a stream of events: "piece" for each piece, then "end", or "error" with {"code", "message"}. The question is given
 * up when the client has gone. */
enum rc asking_stream(struct api_call *c, struct str question, struct err *err) MUSTUSE;

#endif
