/* The human half of an error: fixed text in the caller's storage that names
 * the subject and the position. Libraries fill it and never print, log or exit. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"
#include "base/rc.h"

#define ERR_TEXT_MAX 400

struct err {
	enum rc rc;
	char text[ERR_TEXT_MAX]; /* UTF-8, NUL-terminated, cut at a character when too long */
};

/* Fills `err` (may be NULL). Used through FAIL, which also yields the code. */
void err_set(struct err *err, enum rc rc, const char *fmt, ...) PRINTF(3, 4);

/* Puts "prefix: " before the text that `err` already holds. */
void err_prefix(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* return FAIL(err, RC_BAD, "indicator: %s", why);
 * A macro, so that the analyzer sees that the value is never RC_OK. */
#define FAIL(err, code, ...) (err_set((err), (code), __VA_ARGS__), (code))

/* Passes a failure of the callee on: TRY(thing_open(&t, err)); */
#define TRY(call) \
	do { \
		enum rc try_rc_ = (call); \
		if (UNLIKELY(try_rc_ != RC_OK)) \
			return try_rc_; \
	} while (0)

#endif
