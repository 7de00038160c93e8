/* What follows from a verdict of this node's lab, in a thread of its own behind a durable cursor: indicators of what is malicious go up and
 * down the tiers where the configuration says so ([lab] indicators = yes), what was handed in can be found by its looks; and what is learned later is looked for in it
 * (lab_retro.h). */
#ifndef NODE_LAB_LOOP_H
#define NODE_LAB_LOOP_H

#include "base/err.h"

struct core;
struct lab_loop;

/* Between lab_desk_new and lab_desk_start. Without a lab *ret is NULL, which all calls below accept. */
enum rc lab_loop_new(struct core *c, struct lab_loop **ret, struct err *err) MUSTUSE;
enum rc lab_loop_start(struct lab_loop *l, struct err *err) MUSTUSE;
/* An indicator came. Any thread, until lab_loop_free. */
void lab_loop_ring(struct lab_loop *l);
/* After lab_desk_stop: nobody rings any more. */
void lab_loop_stop(struct lab_loop *l);
void lab_loop_free(struct lab_loop *l);

#endif
