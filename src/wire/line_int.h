/* Inside the readers of log lines: what they share. A format is one file and one row of the table in log_line.c. */
#ifndef WIRE_LINE_INT_H
#define WIRE_LINE_INT_H

#include "wire/log_line.h"

/* Names that a format gives by itself, looked up once. */
enum line_name {
	NAME_FORMAT, NAME_MESSAGE, NAME_PRIORITY, NAME_FACILITY, NAME_SEVERITY, NAME_TIMESTAMP, NAME_HOST, NAME_APP, NAME_PROCID,
	NAME_MSGID, NAME_VENDOR, NAME_PRODUCT, NAME_VERSION, NAME_CLASS, NAME_NAME, NAME_CEF_SEVERITY, NAME_EVENT_ID, NAME_PATH,
	NAME_TYPE, NAME_MSG, NAME_SERIAL, LINE_NAMES
};

struct zeek; /* what the header of a Zeek log said */

struct line_format;

#define LINE_SEEN 512    /* names whose id is at hand: a power of two */
#define LINE_JOINED 256  /* names put together from two, kept: a power of two */
#define LINE_NAME_KEPT 48

/* The same names stand in every line: their ids are kept, for the dictionary takes its time with what nobody asks for. */
struct line_seen {
	uint64_t head, tail;
	uint16_t n, id; /* n 0: free */
	char name[LINE_NAME_KEPT];
};

struct log_lines {
	enum log_format format;
	const struct line_format *row;
	const struct fields *dict;
	usec now;
	uint16_t ids[LINE_NAMES];
	struct zeek *zeek;
	struct line_seen seen[LINE_SEEN];     /* a newer name takes the place of an older one */
	struct line_seen joined[LINE_JOINED]; /* never given up: values borrow these names */
};

struct line_format {
	enum log_format format;
	/* Whether a line looks like this format: strict, for the first that says yes is taken. NULL: never guessed. */
	bool (*looks)(struct str line);
	/* Appends to f what the line holds. *ret_event is true before. */
	enum rc (*read)(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err);
	bool inside; /* a syslog message that looks like it is opened */
};

extern const struct str line_names[LINE_NAMES];

static inline void line_put_fixed(const struct log_lines *l, struct flat *f, enum line_name name, enum flat_type type, struct str text)
{
	flat_put(f, l->ids[name], line_names[name], type, text, 0);
}

/* The id of a name. */
uint16_t line_field(struct log_lines *l, struct str name);
/* "a.b" and its id: in *ret, which lasts. False: too long or too many of them. */
bool line_join(struct log_lines *l, struct str a, struct str b, struct str *ret, uint16_t *ret_id);

static inline void line_put(struct log_lines *l, struct flat *f, struct str name, struct str text, uint8_t flags)
{
	flat_put(f, line_field(l, name), name, FLAT_STRING, text, flags);
}

/* The value of `_format`. */
void line_put_format(const struct log_lines *l, struct flat *f, enum log_format format);

/* Out of memory for what has to be decoded. */
enum rc line_full(struct err *err) MUSTUSE;

/* Escapes resolved: a backslash before one of `known` gives that character, before n, r and t among them a line feed, a
 * return, a tab. Any other backslash stands for itself. Borrows when there is none. False: out of memory. */
bool line_unescape(struct flat *f, struct str s, struct str known, struct str *ret) MUSTUSE;

bool syslog_looks(struct str line);
enum rc syslog_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err) MUSTUSE;
bool cef_looks(struct str line);
enum rc cef_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err) MUSTUSE;
bool leef_looks(struct str line);
enum rc leef_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err) MUSTUSE;
bool kv_looks(struct str line);
enum rc kv_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err) MUSTUSE;
bool auditd_looks(struct str line);
enum rc auditd_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err) MUSTUSE;
bool zeek_looks(struct str line);
enum rc zeek_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err) MUSTUSE;
void zeek_free(struct zeek *z);

/* Opens the content of a syslog message that is CEF, LEEF, auditd or key=value; false: it is none of these, or broken (f
 * is as before). */
bool line_open(struct log_lines *l, struct flat *f, struct str message);

/* One pair of a line of key=value. */
struct kv_pair {
	struct str key, value; /* of a quoted value: what stands between the quotes */
	char quote;            /* or 0 */
	bool escaped;
};
/* The next pair off *rest, with or without backslashes that escape within quotes; text between pairs sets *ret_other (may be NULL). False at the end. */
bool kv_next(struct str *rest, struct kv_pair *ret, bool escapes, bool *ret_other);

/* RFC 5424 §6.2.3 (RFC 3339 with its offset). */
bool line_time_iso(struct str s, usec *ret);
/* "Oct  1 22:14:15", with a year behind the day or behind the time, a fraction and UTC or GMT behind it. Without a year: the
 * latest that lies not more than a day after `now`. *ret_n (may be NULL): bytes of it; else the whole of s must be read. */
bool line_time_bsd(struct str s, usec now, usec *ret, size_t *ret_n);

#endif
