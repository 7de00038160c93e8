/* The lab for people without an account: pages without a script under /public/lab. A file goes in by a plain form, the verdict comes back in words of the
 * reader's language with its reasons. The pages ask the REST interface as a stranger with the same address would (docs/internals/lab-node.md), so quotas,
 * privacy and what may be told are decided in one place, and not here. */
#ifndef WEB_PUBLIC_LAB_H
#define WEB_PUBLIC_LAB_H

#include "web/api.h"

bool public_lab_is_path(struct str path);
/* Answers a request whose path public_lab_is_path knows; may wait for a verdict. `form_max`: bytes that a form may have. */
void public_lab_handle(struct api *api, uint64_t form_max, struct http_req *r, struct http_res *res);
/* The page for what the server itself refused ("too large"); `r` may lack all but its path and headers. */
void public_lab_refused(struct http_req *r, int status, struct http_res *res);

#endif
