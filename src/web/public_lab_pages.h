/* What the pages of the public lab look like. Every byte that a stranger sent is escaped, and what hides is shown. Inside web/ only. */
#ifndef WEB_PUBLIC_LAB_PAGES_H
#define WEB_PUBLIC_LAB_PAGES_H

#include "base/json.h"
#include "sys/http.h"

struct lab_page {
	const char *node;     /* name of the node */
	bool zh;
	struct str here;      /* path of this page, for its other language */
	uint64_t form_max;    /* bytes that a form may have */
	struct http_res *res;
};

/* `lab`: GET /lab; `message`: what was wrong with what was sent, or NULL. */
void lab_page_front(const struct lab_page *p, const struct json *lab, uint64_t size_max, const char *message);
/* A submission as GET /lab/submissions/ID has it, with a verdict or not yet; or deleted, with its receipt. */
void lab_page_submission(const struct lab_page *p, const struct json *s);
/* `asked`: 5 to 64 hex digits in lower case; `hashes`: what the node knows of those that begin so. */
void lab_page_hashes(const struct lab_page *p, struct str asked, const struct json *hashes);
void lab_page_message(const struct lab_page *p, const char *message);
void lab_page_style(struct http_res *res);

/* "惡意". Itself when it has no word here. */
struct str lab_verdict_word(struct str verdict, bool zh);

#endif
