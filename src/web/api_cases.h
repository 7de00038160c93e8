/* At which nodes an incident lives. Inside web/ only. */
#ifndef WEB_API_CASES_H
#define WEB_API_CASES_H

#include "web/api.h"

/* "shared": {...} of an open object; nothing for an incident that never left this node. */
enum rc case_put_shared(struct api_call *c, struct str incident, struct err *err) MUSTUSE;

/* Of an incident that others asked this node to help with, it is neither the reporter nor the reviewer: "responder". Else NULL. */
const char *case_role(struct api_call *c, struct str incident);

#endif
