/* What core and the detect role say to each other, as bytes. Core takes nothing
 * of it for granted: the role that reads logs may be in other hands. */
#ifndef NODE_FRAME_H
#define NODE_FRAME_H

#include "base/arena.h"
#include "base/buf.h"
#include "detect/image.h"
#include "event/rule_hit.h"

#define FRAME_VERSION 3
#define FRAME_MAX ((size_t)8 << 20)          /* bytes of one frame's body */
#define FRAME_TEXT_MAX ((size_t)64 << 10)    /* of a text in it; a longer one is cut */
#define FRAME_STATUS_MAX ((size_t)4 << 20)
#define FRAME_PATTERN_MAX ((size_t)4 << 20)  /* of an indicator's pattern; a longer one must not be sent */
#define FRAME_FIELDS_MAX 128                 /* of a rule's match; further ones are left out */
#define FRAME_VALUE_MAX ((size_t)16 << 10)   /* of such a field */
#define FRAME_TAGS_MAX 256
#define FRAME_BASE_MAX 64                    /* rules that a correlation counts */

/* Calls carry a number and are answered with the same; an answer of RC_OK means that it is durable. */
enum frame_kind {
	FRAME_HELLO = 1,  /* first, both ways: number = FRAME_VERSION; of detect: value = process id, text = its fences,
	                   * more = up to when it was told all that became known (decimal, "": nothing) */
	/* detect -> core */
	FRAME_READY,      /* rules are loaded, inputs are open */
	FRAME_HIT,        /* a call; key: "" or what happens once a day */
	FRAME_RULE_HIT,   /* a call; the same */
	FRAME_PLACE_GET,  /* a call; text = input */
	FRAME_PLACE_PUT,  /* a call; text = input, more = place */
	FRAME_HUNTED,     /* a call; value: what became known up to then was looked for in the past */
	FRAME_STATUS,     /* text = members of a JSON object; number = of the question */
	/* core -> detect */
	FRAME_ANSWER,     /* value = enum rc, text = why, more = what was asked for */
	FRAME_LEARN,      /* value = 1: look for it in the past too */
	FRAME_FORGET,     /* text = id */
	FRAME_CLEAR,      /* all indicators */
	FRAME_FULL,       /* all there are were sent; value: the newest was added then */
	FRAME_ASK,        /* for a FRAME_STATUS of this number */
	FRAME_SETTINGS,   /* value = log level, text = "json" or "logfmt" */
	FRAME_RULE_ASK,   /* for a FRAME_RULE_IS of this number; text = a rule's id, or its title where it has none */
	/* detect -> core */
	FRAME_RULE_IS,    /* number = of the question; value: 1 the rule is in force, 0 it is not, -1 there are no rules here */
	FRAME_FOUND,      /* a piece of the answer to the query `number`: text = a JSON object; value: 1 more come, 0 the last, else enum rc, text = why */
	/* core -> detect */
	FRAME_QUERY,      /* text = a JSON object (query.h) */
	FRAME_QUERY_END,  /* nobody waits for that number any more */
	FRAME_KINDS
};

/* Borrowed: of what is sent, from the caller; of what was read, from the body and the arena. */
struct frame {
	enum frame_kind kind;
	uint32_t number;
	int64_t value;
	struct str key, text, more;
	struct hit hit;
	struct rule_hit rule_hit;
	struct image_indicator learn;
};

/* Appends the frame: four bytes with the length of its body, the body. */
void frame_put(struct buf *out, const struct frame *f);

/* Reads a body. RC_BAD: what no honest peer sends; RC_NOMEM. `a` may be reset once `ret` is done with. */
enum rc frame_get(struct str body, struct arena *a, struct frame *ret, struct err *err) MUSTUSE;

#endif
