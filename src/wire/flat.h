/* A log event as a flat list of values, whatever its format was: what every
 * parser of logs produces and the detection engine reads. Nothing is copied
 * that the source already holds in one piece. */
#ifndef WIRE_FLAT_H
#define WIRE_FLAT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "wire/fields.h"

enum flat_type { FLAT_NULL, FLAT_FALSE, FLAT_TRUE, FLAT_NUMBER, FLAT_STRING };

enum {
	FLAT_ESCAPED = 1, /* .p holds JSON escapes that flat_text resolves */
	FLAT_ITEM = 2,    /* an item of an array: the field has as many values as items */
	FLAT_CUT = 4,     /* longer than FLAT_VALUE_MAX; the rest is left out */
};

#define FLAT_VALUES_MAX 4096            /* of one event; more are left out and counted */
#define FLAT_VALUE_MAX ((uint32_t)1 << 20) /* bytes of one value that are looked at */
#define FLAT_DEPTH_MAX 1024             /* nested objects and arrays that are walked; deeper ones end the event (RC_LIMIT) */

struct flat_value {
	const char *p;    /* string: bytes between the quotes; number: its text; true, false, null: that word */
	const char *name; /* the member's own name, unresolved; NULL for a format without names */
	uint32_t n;
	uint16_t name_n;
	uint16_t field;   /* id in the dictionary, or FIELD_NONE */
	uint8_t type, flags;
};

enum log_format {
	LOG_UNKNOWN, LOG_JSON, LOG_EVTX, LOG_ZEEK, LOG_SYSLOG, LOG_CEF, LOG_LEEF, LOG_KV, LOG_AUDITD, LOG_TEXT, LOG_FORMATS
};
const char *log_format_name(enum log_format f); /* "json", "evtx" ... */

#define FLAT_HELD_MAX 64

struct flat {
	struct flat_value *v;
	uint32_t n;
	uint32_t left_out;      /* values beyond FLAT_VALUES_MAX */
	uint32_t n_held;        /* fields that hold an object or an array, in JSON; more than FLAT_HELD_MAX: not all are named */
	uint16_t held[FLAT_HELD_MAX]; /* those of the dictionary */
	enum log_format format;
	struct str raw;         /* the event's own bytes: a line, a record */
	usec time;              /* when the format itself states it (EVTX record, syslog header, Zeek ts, CEF rt); else 0: flat_time */
	struct str host;        /* when the format's own header states it (syslog); else "" */
	struct arena *scratch;  /* what had to be decoded; lasts until flat_clear */
	struct flat_work *work; /* flat_json's own */
};

/* Space for FLAT_VALUES_MAX values. One per thread, used again for each event. */
enum rc flat_new(struct flat **ret, struct err *err) MUSTUSE;
void flat_free(struct flat *f);
void flat_freep(struct flat **f);
void flat_clear(struct flat *f);

/* For parsers: adds one value; a full list counts it as left out. */
static inline void flat_put(struct flat *f, uint16_t field, struct str name, enum flat_type type, struct str text, uint8_t flags)
{
	if (UNLIKELY(f->n == FLAT_VALUES_MAX)) {
		f->left_out++;
		return;
	}
	f->v[f->n++] = (struct flat_value){ text.p, name.p, text.n > FLAT_VALUE_MAX ? FLAT_VALUE_MAX : (uint32_t)text.n,
		name.n > UINT16_MAX ? UINT16_MAX : (uint16_t)name.n, field, (uint8_t)type,
		(uint8_t)(flags | (text.n > FLAT_VALUE_MAX ? FLAT_CUT : 0)) };
}

/* For parsers: this member is an object or an array. */
static inline void flat_hold(struct flat *f, uint16_t field)
{
	if (field == FIELD_NONE)
		return;
	if (LIKELY(f->n_held < FLAT_HELD_MAX))
		f->held[f->n_held] = field;
	f->n_held++;
}

/* The value's text with JSON escapes resolved (in the scratch when there were any). An unpaired surrogate becomes
 * U+FFFD. .p NULL: out of memory. */
struct str flat_text(struct flat *f, const struct flat_value *v);

/* Writes `s` with its JSON escapes resolved to `to`, which has room for s.n + FLAT_RESOLVE_SLACK bytes; yields the bytes
 * of the result. An escape that was cut off is left out. */
#define FLAT_RESOLVE_SLACK 64
size_t flat_resolve(struct str s, char *to);

/* Where the value stands in its event: "tls.sni" in JSON, with no word of places in arrays; in other formats its name. In
 * the scratch. Slow: for matches only. .p NULL: out of memory. */
struct str flat_path(struct flat *f, const struct flat_value *v);

/* First value of a field, or NULL. */
const struct flat_value *flat_get(const struct flat *f, uint16_t field);

/* The event's own time: f->time, or the first of the fields that usually hold it (UtcTime, TimeCreated SystemTime,
 * @timestamp, EventTime, timestamp, ts, eventTime, time ...) that reads as a time after 1970. The first two go before the
 * f->time of an EVTX record. 0: none. Slow: for matches only. */
usec flat_time(struct flat *f);

/* Reads a time as logs write it: RFC 3339 with "T" or a blank, with "Z", "+hh:mm", "+hhmm" or no zone (UTC), and seconds,
 * milliseconds, micro- or nanoseconds since 1970. False: none of these. */
bool log_time_read(struct str text, usec *ret);

/* The event as one line of compact JSON: names as they stand, each once, in the order of their first values; several
 * values of a name are an array. For display and history of formats that are no JSON. */
void flat_json_print(struct flat *f, struct buf *out);

#endif
