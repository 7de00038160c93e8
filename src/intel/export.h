/* Intelligence on its way out in the formats of others. Every object comes
 * through the gate's pages; lists for blocking hold only indicators that are
 * active at the moment and that no warning list names. */
#ifndef INTEL_EXPORT_H
#define INTEL_EXPORT_H

#include "gate/gate.h"
#include "intel/warninglist.h"

enum export_format {
	EXPORT_STIX,     /* one bundle */
	EXPORT_MISP,     /* one MISP event, or the events as they were imported */
	EXPORT_CSV,
	EXPORT_PLAIN,    /* one value a line */
	EXPORT_HOSTS,    /* hosts file: 0.0.0.0 domain */
	EXPORT_RPZ,      /* DNS response policy zone: domains and addresses */
	EXPORT_NFTABLES, /* nft script with two interval sets */
	EXPORT_IPSET,    /* ipset restore */
	EXPORT_FORMATS
};

/* "stix", "misp", "csv", "plain", "hosts", "rpz", "nftables", "ipset". */
const char *export_format_name(enum export_format f);
bool export_format_find(struct str name, enum export_format *ret);
/* "application/json", "text/csv; charset=utf-8", ... */
const char *export_media_type(enum export_format f);

struct export_opts {
	enum export_format format;
	uint32_t collection;          /* or NO_COLLECTION */
	struct str collection_name;   /* for the facts */
	uint8_t ceiling;              /* enum tlp of this way out */
	uint32_t kinds;               /* bit enum observable_kind; 0 = all; lists only */
	uint8_t least_score;          /* lists only: decayed score at least this */
	bool with_expired, with_warned; /* lists only */
	const struct warninglists *warn; /* or NULL */
	struct str node_name;         /* in headers of the output */
	usec now;                     /* 0 = time_now() */
};

struct export_stats {
	uint64_t objects, values;           /* written */
	uint64_t expired, warned, low, other; /* left out: not active, warning list, score, no simple value of a kind that fits */
};

/* Called with pieces of output; a failure stops the export and is returned. */
typedef enum rc (*export_write)(void *ctx, struct str piece, struct err *err);

/* Bounded memory. `ret` may be NULL. */
enum rc export_run(struct store *s, const struct viewer *v, enum gate_path path, const struct export_opts *o,
		   export_write fn, void *ctx, struct export_stats *ret, struct err *err) MUSTUSE;

#endif
