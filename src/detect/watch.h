/* Reads a log's lines as they come (JSON of any shape, syslog, CEF, LEEF, Zeek,
 * key=value, auditd), finds every observable and looks it up, and matches rules
 * where there are any. in = matched + passed + counted bad lines, always. */
#ifndef DETECT_WATCH_H
#define DETECT_WATCH_H

#include "detect/block_keys.h"
#include "detect/image.h"
#include "detect/live.h"
#include "detect/patterns.h"

#define WATCH_LINE_MAX ((size_t)1 << 20)

#define WATCH_PARTS_MAX 1024 /* further parts share what is known of their format */

struct watch_stats {
	uint64_t lines, events, bad_lines; /* lines = events + bad_lines + what is no event: the comments of a format */
	uint64_t cut, hits, suppressed, rule_hits; /* cut: events that hold more than is looked at */
	usec latest;                       /* latest time that an event states; 0: none */
};

/* Also called for what a warning list suppresses (`suppressed` names it), which is no hit. */
typedef void (*watch_hit)(void *ctx, const struct hit *h);

struct watch;

/* `input` names the log in hits. One watch per thread. */
enum rc watch_new(const struct image *m, struct str input, watch_hit fn, void *ctx, struct watch **ret, struct err *err) MUSTUSE;
void watch_free(struct watch *w);

/* What the lines hold, when it is not to be found out from the first one. */
void watch_format(struct watch *w, enum log_format format);

/* Matches the rules of `l` too, which outlives the watch. */
enum rc watch_rules(struct watch *w, struct live *l, live_hit fn, struct err *err) MUSTUSE;

/* Matches the patterns of `p` too, which outlives the watch; their hits come as those of the image. */
enum rc watch_patterns(struct watch *w, struct patterns *p, struct err *err) MUSTUSE;

/* Every event is handed over too, when it was matched: what it hit was told before. Not RC_OK ends the feeding. */
typedef enum rc (*watch_event)(void *ctx, struct flat *f, struct str line, struct err *err);
void watch_events(struct watch *w, watch_event fn);
/* What was found out about each event is noted for the history's block too; *ret is of the event at hand while it is handed over. */
enum rc watch_note_keys(struct watch *w, const struct event_keys **ret, struct err *err) MUSTUSE;

/* Nothing came for a while (see live_idle, patterns_idle). */
enum rc watch_idle(struct watch *w, struct err *err) MUSTUSE;

/* One whole message, one event whatever line ends it holds. `part` names the log within the input that it is of, where an input has
 * many ("" else): what its lines hold is found out for each. `format` LOG_UNKNOWN: that; else this one. What the taker of events
 * says when it is not RC_OK: the message counts as not fed. */
enum rc watch_message(struct watch *w, struct str part, enum log_format format, struct str message, struct err *err) MUSTUSE;

/* Feeds bytes in pieces of any size; complete lines are matched, a torn last line
 * waits. A bad line is counted and skipped (`watch_last_error` tells why). */
enum rc watch_feed(struct watch *w, struct str bytes, struct err *err) MUSTUSE;
/* The last line without a newline, at the end of the input. */
enum rc watch_end(struct watch *w, struct err *err) MUSTUSE;
/* Nothing more will come: patterns of several observations wait for nothing any more. */
enum rc watch_flush(struct watch *w, struct err *err) MUSTUSE;
void watch_stats(const struct watch *w, struct watch_stats *ret);
const char *watch_last_error(const struct watch *w);

#endif
