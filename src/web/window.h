/* The single window: people without an account report what happened, and ask later by number and code what became of it. Plain pages
 * without a script, or JSON. Strangers' bytes all of it: limited in size and rate, kept verbatim, never sent back. */
#ifndef WEB_WINDOW_H
#define WEB_WINDOW_H

#include "store/intake.h"
#include "sys/http.h"

#define WINDOW_BODY_MAX ((size_t)64 << 10)
#define WINDOW_ASKED_AN_HOUR 120 /* questions for a state from one address */
#define WINDOW_CODE_MAX 24       /* "K7M4-9QXT-2B8H-ZD5V" and a NUL */

struct window;

struct window_config {
	struct store *store;
	const char *name;            /* whose window it is, for people */
	int64_t per_address, per_hour; /* reports in an hour: from one address, from all */
	void (*came)(void *ctx, struct str number); /* a report was kept; may be NULL */
	void *ctx;
};

/* Texts of `c` are copied. */
enum rc window_new(const struct window_config *c, struct window **ret, struct err *err) MUSTUSE;
void window_free(struct window *w); /* accepts NULL */

bool window_is_path(struct str path);
/* Answers a request whose path window_is_path knows. */
void window_handle(struct window *w, struct http_req *r, struct http_res *res);

/* A new secret code, 80 bits, and its digest. */
void window_code_draw(char code[static WINDOW_CODE_MAX], unsigned char digest[static SHA256_LEN]);
/* Digest of a code as people type it: any case, with or without strokes and blanks, O for 0, I and L for 1. */
void window_code_digest(struct str typed, unsigned char digest[static SHA256_LEN]);

/* What reporters are told of a state of intake.h, or of "closed". */
const char *window_state_word(struct str state, bool zh);

#endif
