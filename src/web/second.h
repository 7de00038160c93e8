/* A second person for dangerous changes: what removes, what gives somebody more power, and what lets in as somebody else.
 *
 * Such a request over the network is not carried out but kept, and answered with 202; another administrator approves it, and
 * then it runs as its asker's, with all checks of that moment. Who sits at the node itself (control socket) is not held up: so
 * a single administrator, or one whose colleague left, is never locked out. */
#ifndef WEB_SECOND_H
#define WEB_SECOND_H

#include "web/api.h"

/* Whether the call waits: then it was kept and the reply (202) is written. */
enum rc second_holds(struct api_call *c, const struct api_route *route, bool *ret_held, struct err *err) MUSTUSE;

#endif
