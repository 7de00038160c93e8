/* Files and streams of logs, cut into events: finds out what a file holds, splits
 * large ones into units that threads can read side by side, and hands each event
 * over as a flat one. Memory is bounded whatever a file holds. */
#ifndef DETECT_SOURCE_H
#define DETECT_SOURCE_H

#include "wire/flat.h"
#include "wire/unpack.h"

#define SOURCE_LINE_MAX ((size_t)16 << 20) /* bytes of one event's text; longer ones are skipped and counted */
#define SOURCE_UNIT ((uint64_t)2 << 20)    /* bytes of one unit of a file that can be split */

enum source_shape {
	SOURCE_LINES,     /* an event a line */
	SOURCE_DOCUMENTS, /* JSON over several lines: [ {...}, ... ], {"Records": [...]} (or "records"), {...} {...} */
	SOURCE_RECORDS    /* EVTX */
};

struct source_file {
	const char *path;       /* the caller's, outlives the units */
	uint64_t size;
	enum log_format format;
	enum source_shape shape;
	struct str member;      /* documents: the member that holds the events, where one does */
	enum packing packing;   /* what is said above is of what it unpacks to, but for the size */
	bool splits;            /* any unit can be read without those before it */
};

/* Looks at the beginning of a file; `format` LOG_UNKNOWN = find out. RC_NOTFOUND, RC_IO; RC_UNSUPPORTED: packed by
 * something else than gzip or zstd, or a device; RC_BAD: packed, and broken. */
enum rc source_probe(const char *path, enum log_format format, struct source_file *ret, struct err *err) MUSTUSE;

/* Units of a file: `i` of source_units(). */
uint64_t source_units(const struct source_file *file);

/* One event, or with `f` NULL a piece that is none and why: it is to be counted as bad. False ends the reading. With why->rc RC_CORRUPT
 * nothing is missing, but what stands there fails the file's own checksum: it was damaged or altered. */
typedef bool (*source_event)(void *ctx, struct flat *f, const struct err *why);

struct source_reader; /* one per thread */

/* `dict` outlives the reader. `now`: see log_lines_new. */
enum rc source_reader_new(const struct fields *dict, usec now, struct source_reader **ret, struct err *err) MUSTUSE;
void source_reader_free(struct source_reader *r);
void source_reader_freep(struct source_reader **r);

/* Reads one unit: all events that begin in it. A file that shrank meanwhile ends early. RC_IO, RC_NOMEM. */
enum rc source_read(struct source_reader *r, const struct source_file *file, uint64_t unit, source_event fn, void *ctx, struct err *err) MUSTUSE;

/* Reads a pipe to its end; the format is found in the first bytes when LOG_UNKNOWN. Events are handed over as soon as
 * their line is complete. EVTX cannot come through a pipe of unknown length: it is read whole (at most 1 GiB). */
enum rc source_stream(struct source_reader *r, int fd, enum log_format format, source_event fn, void *ctx, struct err *err) MUSTUSE;

#endif
