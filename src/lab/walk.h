/* Walkers: what opens a container. One row of the table in walk.c = one file walk_NAME.c. A walker reads the node's bytes by the
 * cursor (base/rd.h) only, hands every child to the ledger (node.h), and never decides a verdict. */
#ifndef LAB_WALK_H
#define LAB_WALK_H

#include "lab/node.h"

struct lab_walker {
	const char *name;
	uint64_t types;  /* LAB_TYPE(...) | ...: called for a node that may be one of these */
	/* RC_OK: walked to its end; what is neither claimed nor unseen becomes gap children. RC_UNSUPPORTED: it is not of this type after
	 * all: as if it had not been called (the raw bytes were inspected; children that were opened stay). Any other: all that is not
	 * claimed is unseen, for the reason in `err`. No state between calls; the node's arena is yours. */
	enum rc (*walk)(struct lab_node *n, struct err *err);
	/* Once in the zygote, before the fence: load tables, locale, ... NULL: nothing. */
	enum rc (*prepare)(struct err *err);
};

/* The table; NULL ends. */
extern const struct lab_walker *const lab_walkers[];

/* Union of the types that some row of the table opens. */
uint64_t lab_walkers_types(void);

#endif
