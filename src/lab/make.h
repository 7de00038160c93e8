/* Fact makers: what says something of one node without opening it. One row of the table in make.c = one file make_NAME.c. They
 * run on every node whose types they name, in the order of the table, before its walkers. */
#ifndef LAB_MAKE_H
#define LAB_MAKE_H

#include "lab/node.h"

#define LAB_ANY_TYPE UINT64_MAX /* also for nodes of no known type */

struct lab_maker {
	const char *name;
	uint64_t types;
	/* Says what it found by lab_fact, lab_match, lab_feature. RC_UNSUPPORTED: not of this type after all. Any other failure: the bytes of
	 * this node are unseen by this maker, for the reason in `err`, and the verdict is `incomplete`: a damaged file is no failure (say so by a
	 * fact), running out of memory or time is. */
	enum rc (*make)(struct lab_node *n, struct err *err);
	enum rc (*prepare)(struct err *err); /* as in walk.h */
};

extern const struct lab_maker *const lab_makers[];

/* Bits a byte, 0 to 8 (Shannon); of nothing: 0. */
double lab_entropy(struct str bytes);

#endif
