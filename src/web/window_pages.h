/* The pages for people without an account - the single window, notices - : plain HTML without a script, in both languages. Nothing that a stranger wrote is ever
 * in them, and what the node puts there is escaped all the same. Inside web/ only. */
#ifndef WEB_WINDOW_PAGES_H
#define WEB_WINDOW_PAGES_H

#include "store/intake.h"
#include "sys/http.h"

/* "lang=zh" or "lang=en" of the query, else what the browser asks for. */
bool page_is_zh(const struct http_req *r);
/* No script, no frame, no cache, no referrer: for every answer of the window. */
void page_headers(struct http_res *res);

/* The beginning of a page: its style and its languages lie below `root` ("/window"); what comes behind it goes into the body. */
void page_begin(const char *name, bool zh, const char *root, const char *title, struct http_res *res);
void page_end(struct http_res *res);
/* Text between tags or in an attribute in double quotes; hidden characters are shown. */
void page_put(struct buf *b, struct str s);

void page_form(const char *name, bool zh, struct http_res *res);
void page_style(struct http_res *res);
void page_message(const char *name, bool zh, const char *message, struct http_res *res);
/* Of a report its number and times are shown, and that it is of a drill. */
void page_receipt(const char *name, bool zh, const struct intake_report *r, const char *code, struct http_res *res);
void page_status(const char *name, bool zh, const struct intake_report *r, const char *word, struct http_res *res);

#endif
