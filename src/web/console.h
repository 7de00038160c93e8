/* The console's page, script and style, out of the program itself: no file is
 * read, nothing is asked of anybody, and whoever may connect may have them: what
 * they show comes from /api/v1, which asks who is there. */
#ifndef WEB_CONSOLE_H
#define WEB_CONSOLE_H

#include "sys/http.h"

/* Whether the path belongs to the console: "/", "/console" and what is below. */
bool console_has(struct str path);

/* Answers GET and HEAD of such a path; never waits. The page under "/" and every view's link; files under
 * /console/assets/ by names that carry a hash of what they hold, so they may be kept for ever. */
void console_handle(const struct http_req *r, struct http_res *res);

#endif
