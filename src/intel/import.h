/* Other people's intelligence on its way in: STIX, MISP, CSV and plain lists are
 * read in pieces of any size, turned into STIX objects, and admitted in batches
 * through the gate's front door. What could not be read is reported with its
 * place; nothing is dropped in silence. */
#ifndef INTEL_IMPORT_H
#define INTEL_IMPORT_H

#include "base/jsonw.h"
#include "gate/admit.h"
#include "intel/warninglist.h"

#define IMPORT_FAILURES_MAX 1000 /* kept in the report; the rest is counted */
#define IMPORT_HITS_MAX 1000
#define IMPORT_CHANGES_MAX 1000
#define IMPORT_TYPES_MAX 128

enum import_format { IMPORT_AUTO, IMPORT_STIX, IMPORT_MISP, IMPORT_CSV, IMPORT_LIST };

/* "stix", "misp", "csv", "list", "auto"; false: unknown. */
bool import_format_find(struct str name, enum import_format *ret);

struct import_report;
typedef void (*import_progress)(void *ctx, uint64_t bytes, uint64_t objects);

struct import_opts {
	enum import_format format;
	struct admit_opts admit;       /* date_added and trees are not used */
	const struct warninglists *warn; /* hits are reported, the objects are stored all the same; or NULL */
	struct str source_name;        /* for ids made here: the same list imported again gives the same objects */
	struct str identity;           /* created_by_ref of objects made here ("identity--..."), or "" */
	uint8_t tlp;                   /* marking put on objects made from lists and CSV without a level of their own; TLP_COUNT = none */
	uint8_t confidence;            /* of objects made from lists, or 255 */
	struct str columns;            /* CSV without a header: "value,type,,comment"; "" = first line is the header */
	usec now;                      /* 0 = time_now() */
	bool dry_run;                  /* reads, checks and reports, stores nothing; the store may be NULL then */
	import_progress progress;      /* or NULL; called about once for each batch */
	void *progress_ctx;
};

struct import_failure {
	uint64_t line;       /* 1.. for line formats, else 0 */
	struct str where;    /* JSON pointer or object id; "" for lines */
	struct str message;
};

/* What was done to an object of STIX 2.0. */
struct import_change {
	struct str id, what, note;
};

struct import_hit {
	struct str id, value, list;
};

/* What happened. Strings live as long as the import. */
struct import_report {
	enum import_format format;
	uint64_t bytes, lines;
	uint64_t objects;      /* offered to the gate */
	uint64_t stored, linked, duplicates, failed;
	uint64_t values;       /* observable values read (lists, CSV, MISP attributes) */
	uint64_t skipped;      /* comments and empty lines */
	uint64_t kept_raw;     /* MISP attributes of types we have no STIX form for: kept as notes */
	uint64_t upgraded;     /* STIX 2.0 objects, with admit.upgrade_20; `objects` counts what became of them */
	uint64_t warned;       /* values that a warning list names */
	struct { struct str type; uint64_t n; } types[IMPORT_TYPES_MAX];
	size_t n_types;
	struct import_failure *failures;
	size_t n_failures;
	struct import_hit *hits;
	size_t n_hits;
	struct import_change *changes;
	size_t n_changes;
};

struct import;

enum rc import_new(struct store *s, const struct import_opts *o, struct import **ret, struct err *err) MUSTUSE;
void import_free(struct import *im);
void import_freep(struct import **im);

/* The next bytes. RC_BAD: the document is broken so that nothing behind it can be read (what
 * was admitted stays); RC_FULL, RC_IO: the store. After a failure only import_end and import_free. */
enum rc import_feed(struct import *im, struct str piece, struct err *err) MUSTUSE;
/* End of input: admits the rest and rounds off the report. */
enum rc import_end(struct import *im, struct err *err) MUSTUSE;
const struct import_report *import_report(const struct import *im);

/* Feeds all of an open file. */
enum rc import_fd(struct import *im, int fd, struct err *err) MUSTUSE;

/* The report as JSON, for REST and --json. */
void import_report_write(const struct import_report *r, struct jsonw *w);

#endif
