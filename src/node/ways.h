/* The ways in of the configured inputs, opened in two steps: those that listen
 * before the fence, with the keys that lie outside the node's folder; those that
 * resume at a place when the place is known. */
#ifndef NODE_WAYS_H
#define NODE_WAYS_H

#include "input/input.h"
#include "node/config.h"
#include "node/node.h"

struct way {
	const struct input_kind *kind;
	void *self;              /* NULL: not opened yet */
	struct way_texts *texts; /* keys and certificates, read before the fence, until it is opened */
};

struct ways {
	struct way way[CONFIG_INPUTS_MAX];
};

/* Opens all that listen, and reads what the others will need of files. Before the first thread. RC_CONFLICT, RC_DENIED, RC_BAD: "[input NAME] ...". */
enum rc ways_open(const struct config *conf, const struct node_paths *paths, struct ways *ret, struct err *err) MUSTUSE;
/* Opens one that was not opened yet, behind `place` ("" = a former life left none). `more`: what else `o` shall tell. */
enum rc way_open(struct way *w, const struct config_input *in, const struct input_opts *more, struct str place, struct err *err) MUSTUSE;
void ways_close(struct ways *w);

#endif
