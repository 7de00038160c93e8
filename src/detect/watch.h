/* Reads a log's lines as they come (JSON of any shape, syslog, CEF, LEEF, Zeek,
 * key=value, auditd), finds every observable and looks it up, and matches rules
 * where there are any. in = matched + passed + counted bad lines, always. */
#ifndef DETECT_WATCH_H
#define DETECT_WATCH_H

#include "detect/image.h"
#include "detect/live.h"
#include "detect/patterns.h"

#define WATCH_LINE_MAX ((size_t)1 << 20)

struct watch_stats {
	uint64_t lines, bad_lines, cut, observables, hits, suppressed, rule_hits; /* cut: events that hold more than is looked at */
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

/* Every event is handed over too, before it is matched, with the place in the log behind its line (of follow_read; else
 * bytes fed). Not RC_OK ends the feeding. */
typedef enum rc (*watch_event)(void *ctx, struct flat *f, struct str line, uint64_t behind, struct err *err);
void watch_events(struct watch *w, watch_event fn);

/* Nothing came for a while (see live_idle, patterns_idle). */
enum rc watch_idle(struct watch *w, struct err *err) MUSTUSE;

/* Feeds bytes in pieces of any size; complete lines are matched, a torn last line
 * waits. A bad line is counted and skipped (`watch_last_error` tells why). */
enum rc watch_feed(struct watch *w, struct str bytes, struct err *err) MUSTUSE;
/* The last line without a newline, at the end of the input. */
enum rc watch_end(struct watch *w, struct err *err) MUSTUSE;
/* Nothing more will come: patterns of several observations wait for nothing any more. */
enum rc watch_flush(struct watch *w, struct err *err) MUSTUSE;
void watch_stats(const struct watch *w, struct watch_stats *ret);
const char *watch_last_error(const struct watch *w);

/* Follows a growing file: hands over what was appended since `*offset`, copes with
 * rotation (a new inode; the old file, held open, is read to its end first; after a
 * restart it is looked for beside the log, "NAME.1" or "NAME-DATE" not packed, and so are
 * those that were rotated away behind it) and truncation; `*offset` and `*inode` are the caller's to keep durably. RC_NOTFOUND while the file is away. */
enum rc follow_read(const char *path, uint64_t *offset, uint64_t *inode, struct watch *w, bool *ret_more, struct err *err) MUSTUSE;

#endif
