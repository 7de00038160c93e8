/* What the routes about alerts that want an answer share. Inside web/ only. */
#ifndef WEB_API_BULLETINS_H
#define WEB_API_BULLETINS_H

#include "store/bulletins.h"
#include "web/api.h"

/* Whether the caller may see what is marked so: by its level, and not when it has a role at the desk that sees only the incidents
 * in which it is asked (web/need.h). */
bool alert_may_see(const struct api_call *c, uint8_t tlp);
/* The one that the path names, by number or id. RC_NOTFOUND, also for one that the caller may not see. */
enum rc alert_find(struct api_call *c, struct bulletin_row *ret, struct err *err) MUSTUSE;

#endif
