/* The detector of a node: its inputs, the rules and indicators they are matched
 * against, and the history. It knows no store: what it finds, and how far it has
 * read, goes into a sink, on whose other side the records are. */
#ifndef NODE_DETECTOR_H
#define NODE_DETECTOR_H

#include <stdatomic.h>

#include "base/jsonw.h"
#include "detect/image.h"
#include "detect/live.h"
#include "detect/patterns.h"
#include "intel/warninglist.h"
#include "node/config.h"

#define PLACE_TEXT_MAX 1000 /* bytes of an input's place */

/* Where findings go. Each returns RC_OK only when it is durable; RC_FULL, RC_BUSY, RC_IO and RC_NOMEM may pass by
 * themselves and are tried again. Called from the threads of the inputs and of the history, several at once. */
struct sink {
	/* `key`: what is to be kept once a day, RC_CONFLICT: it was already; "": as often as it comes. */
	enum rc (*hit)(void *ctx, const struct hit *h, struct str key, struct err *err);
	enum rc (*rule_hit)(void *ctx, const struct rule_hit *h, struct str key, struct err *err);
	/* Opaque text. `out` is a C string; RC_NOTFOUND: none was put; RC_LIMIT: longer than `room`. */
	enum rc (*place_get)(void *ctx, struct str input, char *out, size_t room, struct err *err);
	enum rc (*place_put)(void *ctx, struct str input, struct str place, struct err *err);
	/* All that became known up to then was looked for in the history. */
	enum rc (*hunted)(void *ctx, usec upto, struct err *err);
	/* The counts of detector_status grew; at most once a second for each input. Does not wait. May be NULL. */
	void (*counted)(void *ctx);
	void *ctx;
};

struct memory;
struct inputs;
struct ways;

struct detector {
	const struct config *conf;
	const char *history;     /* folder of the history */
	const char *own_rules;   /* folder of the node's own rules (rulebook.h); or NULL */
	bool hands_on;           /* somebody waits for its blocks: they are sealed soon */
	struct sink sink;
	struct image *image;
	struct patterns *patterns; /* indicators that the image cannot hold */
	struct warninglists *warninglists; /* or NULL */
	struct live *live;       /* Sigma rules in force, or NULL */
	struct memory *memory;   /* history of the inputs, or NULL */
	struct ways *ways;       /* of the inputs: those that listen are open already (ways_open); closed by whoever opened them */
	struct inputs *inputs;
	_Atomic uint64_t turn[CONFIG_INPUTS_MAX]; /* of the inputs: odd while a message is matched and put into the history */
	_Atomic bool stopping;   /* set before detector_stop by whoever stops the process */
	_Atomic bool image_full; /* every indicator was handed over once; inputs begin to read then */
};

/* An empty image, with the configured warning lists. */
enum rc detector_open(struct detector *d, struct err *err) MUSTUSE;
/* Rules and history: threads begin here. Then it may learn, and the inputs may start, which ask the sink for their places. */
enum rc detector_start(struct detector *d, struct err *err) MUSTUSE;
/* Ends the threads: what is open is sealed. The sink is used until this returns; status and learning are borne until detector_close. */
void detector_stop(struct detector *d);
void detector_close(struct detector *d);

/* One indicator of the store: `fresh` when it became known just now, so that it is looked for in the past too. RC_UNSUPPORTED is
 * counted. */
enum rc detector_learn(struct detector *d, const struct image_indicator *i, bool fresh, struct err *err) MUSTUSE;

/* It was deleted; all were. */
enum rc detector_forget(struct detector *d, struct str id, struct err *err) MUSTUSE;
enum rc detector_clear(struct detector *d, struct err *err) MUSTUSE;

/* The folders are those of the start. Says in the log what came of it. */
enum rc detector_reload(struct detector *d, struct err *err) MUSTUSE;
/* What the rules are read by. */
struct live_opts detector_rules(const struct detector *d);

/* 1: a rule of this id (else title) is in force; 0: none is; -1: there are no rules here. */
int detector_knows(const struct detector *d, struct str rule);

/* Members "detector", "inputs", "history" and "rules" of the node's status. */
void detector_status(const struct detector *d, struct jsonw *w);

/* The [detect] section as the rules' reader wants it; rules NULL: there are none. */
struct live_opts detector_live_opts(const struct config *conf);

/* An object's id as a log line may say it: a log leaves the node by ways that no gate sees, so it is a
 * stranger's view, and what is above TLP:CLEAR has no name there. Facts and alerts name it. */
struct str log_id(struct str id, uint8_t tlp, uint8_t flags);

/* inputs.c: one thread per configured input. */
enum rc inputs_new(struct detector *d, struct err *err) MUSTUSE; /* called by detector_start */
enum rc inputs_start(struct detector *d, struct err *err) MUSTUSE;
/* Ends the threads; detector_stop and detector_close do this and the next. */
void inputs_stop(struct detector *d);
void inputs_free(struct inputs *list);
void inputs_status(const struct detector *d, struct jsonw *w);

#endif
