/* Hunting through files without a server: all files of a list read by several
 * threads, every event matched, every match handed over in the order of files
 * and records, whatever the number of threads. */
#ifndef DETECT_SCAN_H
#define DETECT_SCAN_H

#include "detect/correlate.h"
#include "detect/engine.h"
#include "detect/source.h"
#include "detect/spot.h"

#define SCAN_FIELDS_MAX 32       /* fields that a match shows */
#define SCAN_FIELD_BYTES 4096    /* of one value that it shows */

struct stix_rules;

struct scan_field { struct str name, value; };

struct scan_match {
	const struct sigma_rule *rule;   /* NULL: an indicator's value was met; with `indicator`: its pattern */
	const struct spot *spot;         /* the former; else NULL */
	const char *file;
	uint64_t record;                 /* of the event in its file, from 1; of a correlation: of the event that fired it */
	usec time;                       /* 0: the event states none */
	struct str host;                 /* where it happened, or "" */
	const struct scan_field *fields; /* what matched and its value; of a correlation: its group and its value */
	uint32_t n_fields;
	struct str event;                /* the event as JSON or as its line stood, when asked for */
	const uint64_t *records;         /* correlation: the records that take part, newest first, and the file of each */
	const char *const *files;
	uint32_t n_records;
	const struct correlated *made;   /* correlation: of what; else NULL */
};

/* False ends the scan. All is borrowed during the call, which is made by the thread that called scan_run. */
typedef bool (*scan_sink)(void *ctx, const struct scan_match *m);
/* A file that could not be read, or a piece of it that was no event (record 0: the file itself); why->rc RC_CORRUPT: read, though
 * it fails its checksum. */
typedef void (*scan_trouble)(void *ctx, const char *file, uint64_t record, const struct err *why);
/* Now and then: for a progress line. */
typedef void (*scan_progress)(void *ctx, uint64_t bytes, uint64_t of, uint64_t events, uint64_t matches);

struct scan_opts {
	const char *const *paths; /* files, folders (walked in order of names), "-" for standard input */
	size_t n_paths;
	const struct sigma_set *rules;
	struct engine_image *image;
	const struct iocs *lists;        /* indicators; either may be NULL */
	const struct image *indicators;
	const struct stix_rules *patterns; /* those whose rules are among `rules`, or NULL */
	enum log_format format;   /* LOG_UNKNOWN: each file by its content */
	unsigned threads;         /* 0: as many as there are processors, at most 64 */
	enum sigma_level least;   /* matches below are neither shown nor counted; correlations see them all the same */
	bool with_event;
	bool measure;             /* tell parse and match apart (of many events a sample is timed) */
	usec tolerance;           /* disorder that correlations bear on a stream */
	scan_sink sink;
	scan_trouble trouble;
	scan_progress progress;   /* or NULL */
	void *ctx;
};

struct scan_stats {
	uint64_t files, failed_files, events, bad, bytes, matches, correlations, indicators, suppressed, left_out;
	uint64_t altered; /* parts of files that fail their own checksum: read all the same */
	uint64_t cut; /* events that hold more values, or longer ones, than are looked at */
	struct engine_stats engine;
	struct correlator_stats correlator;
	struct spotter_stats spotter;
	double wall, parse, match; /* seconds; parse (with reading) and match are of all threads together */
};

enum rc scan_run(const struct scan_opts *o, struct scan_stats *ret, struct err *err) MUSTUSE;

#endif
