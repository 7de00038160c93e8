/* Structured log lines on stderr: one JSON object or one logfmt line each,
 * with time, level, role and subject. Only node/ and cli/ log; libraries report
 * through struct err. Never pass secrets or bodies of marked objects. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"
#include "base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* `role` names the process ("core"); `as_json` picks the line format. */
void log_setup(const char *role, enum log_level least, bool as_json);

/* log_line(LOG_LEVEL_INFO, "http", "listening on %s", where); `subject` is a short noun. */
void log_line(enum log_level level, const char *subject, const char *fmt, ...) PRINTF(3, 4);

#endif
