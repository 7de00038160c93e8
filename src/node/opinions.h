/* What people here found out about an indicator, told to the tier above as a STIX
 * opinion: one for each indicator, told anew when the verdicts change. The gate
 * decides whether it may go, as for the indicator itself. */
#ifndef NODE_OPINIONS_H
#define NODE_OPINIONS_H

#include "base/err.h"
#include "base/str.h"

struct core;

/* Nothing where the configuration says no. RC_NOTFOUND: the indicator is not known any more, or nobody said anything. */
enum rc opinion_tell(struct core *c, struct str indicator, struct err *err) MUSTUSE;

/* Those that were said while the node did not run. */
void opinions_catch_up(struct core *c);

#endif
