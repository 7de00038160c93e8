#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/jsonw.h"

#define MESSAGE_MAX 2048
#define LINE_MAX_BYTES 16384

/* Set at the start, and again while threads log when the configuration is read anew. */
static const char *_Atomic log_role = "lianfang";
static _Atomic enum log_level log_least = LOG_LEVEL_INFO;
static _Atomic bool log_json;

void log_setup(const char *role, enum log_level least, bool as_json)
{
	atomic_store(&log_role, role);
	atomic_store(&log_least, least);
	atomic_store(&log_json, as_json);
}

static const char *level_name(enum log_level level)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };

	return names[level];
}

static void put_json(struct buf *line, enum log_level level, const char *subject, const char *message)
{
	struct jsonw w;

	jsonw_init(&w, line);
	jsonw_object(&w);
	jsonw_m_time(&w, "time", time_now());
	jsonw_m_cstr(&w, "level", level_name(level));
	jsonw_m_cstr(&w, "role", atomic_load(&log_role));
	jsonw_m_cstr(&w, "subject", subject);
	jsonw_m_cstr(&w, "msg", message);
	jsonw_object_end(&w);
	buf_char(line, '\n');
}

static void put_logfmt(struct buf *line, enum log_level level, const char *subject, const char *message)
{
	char when[TIME_TEXT_MAX];

	time_format(time_now(), when);
	buf_fmt(line, "time=%s level=%s role=%s subject=%s msg=", when, level_name(level), atomic_load(&log_role), subject);
	json_quote(line, str_of(message));
	buf_char(line, '\n');
}

/* One write, so that lines of several processes on one pipe stay whole. A log
 * that cannot be written must not stop the work. */
static void emit(const char *bytes, size_t n)
{
	ssize_t done = write(STDERR_FILENO, bytes, n);

	(void)done;
}

void log_line(enum log_level level, const char *subject, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	static const char short_of_memory[] = "level=error subject=log msg=\"out of memory for a line\"\n";
	struct buf line;
	va_list ap;

	if (level < atomic_load(&log_least))
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	buf_init(&line, LINE_MAX_BYTES);
	(atomic_load(&log_json) ? put_json : put_logfmt)(&line, level, subject, message);
	if (line.bad == RC_OK)
		emit(line.p, line.n);
	else
		emit(short_of_memory, sizeof short_of_memory - 1);
	buf_done(&line);
}
