/* Core's end of the link to the detect role: says what is to be looked for, keeps
 * what was found, and knows how the role is. The role may be away, be restarted, or
 * be in other hands: core serves on. */
#ifndef NODE_DETECT_LINK_H
#define NODE_DETECT_LINK_H

#include "base/jsonw.h"
#include "node/frame.h"

struct core;
struct detect_link;

enum rc detect_link_new(struct core *c, struct detect_link **ret, struct err *err) MUSTUSE;
/* Connects, and again whenever the link ends. The store is open, the sink of the core stands. */
enum rc detect_link_start(struct detect_link *l, struct err *err) MUSTUSE;
/* `wait`: lets the role finish what it does, for a while. From then on nothing is taken or sent. Accepts NULL, as detect_link_free. */
void detect_link_stop(struct detect_link *l, bool wait);
void detect_link_free(struct detect_link *l);

/* Waits until the role has read its rules and opened its inputs. False: it did not within `wait`, or this process is to end. */
bool detect_link_wait(struct detect_link *l, usec wait);

/* The connection that stands, counted from 1; 0: none. What it was told is forgotten when this changes. */
uint64_t detect_link_now(struct detect_link *l);
/* Up to when the role at the other end knew, when it connected, what it had to look for in the past; INT64_MIN: nothing. */
usec detect_link_knew(struct detect_link *l);
/* Whole frames to the connection `now`. False: it is gone. Waits while the role does not read. */
bool detect_link_tell(struct detect_link *l, uint64_t now, struct str frames);

/* The role's log settings, as those of core. */
void detect_link_settings(struct detect_link *l, int level, bool json);

/* Is a rule of this id (of this title, where it has no id) in force? 1, 0; -1: the role does not say, or has no rules. */
int detect_link_rule(struct detect_link *l, struct str id);

/* Asks the role something (query.h). Pieces of the answer come from another thread, one after the other, to `fn`, which must not
 * block: JSON objects in one line; the last, with `rc`, has no text but why there is no answer when it is not RC_OK. False of `fn`:
 * enough. 0: the role is away, or too many wait; `fn` is not called then. Else the question's number. */
typedef bool (*detect_answer)(void *ctx, struct str json, bool last, enum rc rc);
uint32_t detect_link_ask(struct detect_link *l, struct str question, detect_answer fn, void *ctx);
/* Nobody waits any more: `fn` is not called behind this. */
void detect_link_unask(struct detect_link *l, uint32_t number);

/* A row of "roles"; then, apart, the members that detector_status writes, as the role tells them now, or, when it does not answer
 * at once, as it told them last. */
void detect_link_role(struct detect_link *l, struct jsonw *w);
void detect_link_status(struct detect_link *l, struct jsonw *w);

#endif
