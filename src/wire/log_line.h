/* Log lines that are not JSON: RFC 5424 and RFC 3164 syslog, CEF, LEEF 1 and 2,
 * Zeek TSV, key=value, auditd. Each line becomes a flat event; a syslog message
 * that carries JSON, CEF, LEEF or key=value is opened too. */
#ifndef WIRE_LOG_LINE_H
#define WIRE_LOG_LINE_H

#include "wire/flat.h"

/* What the first bytes of a file (or the first lines of a stream) look like; LOG_TEXT when nothing fits. */
enum log_format log_format_detect(struct str head);
/* By name ("json", "zeek", "syslog" ...); LOG_UNKNOWN: no such format. */
enum log_format log_format_find(struct str name);

struct log_lines; /* holds what lines before mean for lines after: Zeek's header, the year of RFC 3164 */

/* `now` gives RFC 3164 times their year (the latest that lies not more than a day ahead). */
enum rc log_lines_new(enum log_format format, const struct fields *dict, usec now, struct log_lines **ret, struct err *err) MUSTUSE;
void log_lines_free(struct log_lines *l);
void log_lines_freep(struct log_lines **l);

/* One line without its end into `f` (cleared first). *ret_event is false for lines that are no event (Zeek's header, an
 * empty line). RC_BAD with the byte: the line breaks its format; it is then no event. JSON is handed to flat_json. */
enum rc log_lines_next(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err) MUSTUSE;

#endif
