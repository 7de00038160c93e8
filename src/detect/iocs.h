/* Many indicators from plain lists in few bytes each: a table of short marks in
 * memory, the values themselves on disk, where a hit is confirmed exactly. Made
 * once, then read by any number of threads. */
#ifndef DETECT_IOCS_H
#define DETECT_IOCS_H

#include "base/err.h"
#include "event/hit.h"

#define IOCS_FILES_MAX 64
#define IOCS_BYTES_MAX ((uint64_t)1 << 40) /* of all files together */
#define IOCS_MATCHES_MAX 16

struct iocs;

struct iocs_stats {
	uint64_t lines, values, skipped, bad, bytes; /* skipped: comments and empty lines; bad: no value that we know; bytes in memory */
	struct str first_bad;                        /* "FILE:LINE: why", or "" */
};

/* Reads the lists (one value a line, as value_of_line has it). RC_NOTFOUND, RC_IO, RC_NOMEM, RC_LIMIT. */
enum rc iocs_load(const char *const *paths, size_t n, struct iocs **ret, struct err *err) MUSTUSE;
void iocs_free(struct iocs *t);
void iocs_freep(struct iocs **t);
void iocs_stats(const struct iocs *t, struct iocs_stats *ret);

/* A list to read from its beginning; "-" is standard input, which has to be a file then (iocs_stdin). -1 with errno. */
int iocs_open(const char *path);
/* Makes a file in memory of what comes over standard input, unless that is a file already: lists are read again where a value is met.
 * RC_LIMIT: more than IOCS_STDIN_MAX bytes. */
#define IOCS_STDIN_MAX ((uint64_t)1 << 32)
enum rc iocs_stdin(struct err *err) MUSTUSE;

struct ioc_match {
	char id[64];        /* value_id: the same value has the same id everywhere */
	struct str matched; /* normal form of the list's value, in `scratch` */
	const char *file;
};

/* Exact. RC_IO: a list changed or went away while it is in use, so that a hit cannot be confirmed. `scratch` of 8192 bytes. */
enum rc iocs_lookup(const struct iocs *t, const struct observable *o, struct ioc_match *out, size_t max, size_t *ret_n, char *scratch,
		    size_t scratch_n, struct err *err) MUSTUSE;

#endif
