/* What a matcher is to the hunt. For hunt.c and hunt_*.c. */
#ifndef DETECT_HUNT_INT_H
#define DETECT_HUNT_INT_H

#include "detect/hunt.h"
#include "wire/log_line.h"

struct hunt_sink {
	hunt_fn fn;
	void *ctx;
	uint64_t found, most;
	bool stop;
};

struct hunt_matcher {
	/* Could a block with this filter hold something? NULL: any may. */
	bool (*may)(const struct hunt_matcher *m, const struct fuse *filter);
	/* A look at the line that spares reading it as an event; NULL: none. */
	bool (*line)(const struct hunt_matcher *m, const struct block_event *e);
	/* One event. `f` is NULL when the line breaks its format, and only for matchers with `broken_too`. */
	enum rc (*event)(struct hunt_matcher *m, const struct block_event *e, struct flat *f, struct hunt_sink *s, struct err *err);
	enum rc (*end)(struct hunt_matcher *m, struct hunt_sink *s, struct err *err); /* or NULL */
	void (*free)(struct hunt_matcher *m);
	const struct fields *dict;
	bool broken_too;
	struct hunt_matcher *first, *second; /* of hunt_for_both */
	uint64_t place; /* of the event at hand in its block, from 1 */
	/* the runner's own */
	struct flat *flat;
	struct log_lines *lines[LOG_FORMATS];
};

void hunt_tell(struct hunt_sink *s, const struct hunt_found *f);
/* One block, whatever its filter says. */
enum rc hunt_look_into(struct hunt_matcher *m, struct str bytes, const struct hunt_opts *o, struct hunt_sink *s, struct hunt_stats *st,
		       struct err *err) MUSTUSE;

#endif
