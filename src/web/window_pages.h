/* The pages of the single window: plain HTML without a script, in both languages. Nothing that a stranger wrote is ever
 * in them, and what the node puts there is escaped all the same. Inside web/ only. */
#ifndef WEB_WINDOW_PAGES_H
#define WEB_WINDOW_PAGES_H

#include "store/intake.h"
#include "sys/http.h"

/* "lang=zh" or "lang=en" of the query, else what the browser asks for. */
bool page_is_zh(const struct http_req *r);
/* No script, no frame, no cache, no referrer: for every answer of the window. */
void page_headers(struct http_res *res);

void page_form(const char *name, bool zh, struct http_res *res);
void page_style(struct http_res *res);
void page_message(const char *name, bool zh, const char *message, struct http_res *res);
/* Of a report its number and times are shown, and that it is of a drill. */
void page_receipt(const char *name, bool zh, const struct intake_report *r, const char *code, struct http_res *res);
void page_status(const char *name, bool zh, const struct intake_report *r, const char *word, struct http_res *res);

#endif
