/* Inside fed/: who listens to our collections, and the thread that serves them all. */
#ifndef FED_STREAM_H
#define FED_STREAM_H

#include "gate/viewer.h"
#include "store/collections.h"
#include "sys/http.h"

#define STREAM_SUBSCRIBERS_MAX 5000
#define STREAM_EVENT_OBJECTS 500
#define STREAM_EVENT_BYTES ((size_t)256 << 10) /* of objects in one event; one object may be larger */
#define STREAM_QUEUE_MAX ((size_t)17 << 20)    /* an event with the largest object; few bytes wait in it as a rule */

struct streams;

enum rc streams_new(struct store *s, struct streams **ret, struct err *err) MUSTUSE;
/* Ends all streams and the thread. Accepts NULL. */
void streams_free(struct streams *st);
/* Something was stored in this collection. Any thread, cheap. */
void streams_wake(struct streams *st, uint32_t collection);
/* Makes the reply a stream of what lies behind `after`. What it needs is copied. RC_BUSY: too many. */
enum rc streams_add(struct streams *st, const struct viewer *v, const struct collection *k, usec after, struct http_res *res,
		    struct err *err) MUSTUSE;

#endif
