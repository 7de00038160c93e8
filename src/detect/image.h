/* The active indicators of a node as one compact, exact lookup structure:
 * addresses and CIDR blocks, domains with their parents, URLs, hashes, e-mail.
 * Readers use an immutable snapshot; a writer makes changes live without a stop.
 * Small and replaceable: the detection engine takes over this interface. */
#ifndef DETECT_IMAGE_H
#define DETECT_IMAGE_H

#include "base/err.h"
#include "event/hit.h"

struct image;

#define IMAGE_INDICATORS_MAX 20000000

/* An empty image that may hold up to `max_values` observable values, or NULL. */
struct image *image_new(size_t max_values) MUSTUSE;
void image_free(struct image *m);

struct image_indicator {
	struct str id;           /* indicator--uuid */
	struct str pattern;      /* STIX pattern text; values are taken from it when it is an OR of simple equalities, or one
	                          * observation that asks for several at once (value_terms_of_pattern) */
	usec valid_from, valid_until; /* until 0 = open; outside it never hits */
	uint8_t tlp, confidence; /* handed on as they are */
	bool revoked;            /* removes it */
};

/* Adds, replaces (same id) or removes one indicator; live for lookups that begin
 * after the return. RC_UNSUPPORTED: the pattern is not made of simple values (it
 * is counted and left to the pattern matcher). */
enum rc image_update(struct image *m, const struct image_indicator *i, struct err *err) MUSTUSE;
/* Is this indicator in it, and within its time at `at`? */
bool image_knows(struct image *m, struct str id, usec at);
enum rc image_remove(struct image *m, struct str id, struct err *err) MUSTUSE;

/* Empty again, for building anew. RC_NOMEM: nothing changed. */
enum rc image_clear(struct image *m, struct err *err) MUSTUSE;

/* A value that a warning list names makes no alert; `list` is the visible reason. */
typedef bool (*image_suppress)(void *ctx, enum observable_kind kind, struct str value, struct str *ret_list);
void image_set_suppress(struct image *m, image_suppress fn, void *ctx);

struct image_match {
	char id[64];        /* indicator--uuid */
	struct str matched; /* in `scratch` of the caller */
	struct str also;    /* there too; not empty: no match unless the event meets this as well (detect/also.h) */
	uint8_t tlp, confidence;
};
/* All active indicators that `o` (value in normal form, model/observable.h) meets at time `at`, at most `max`; exact.
 * Thread-safe, without a lock. `scratch` of 4096 bytes, and ALSO_MAX a match, holds what `matched` and `also` point to. `ret_list`: the warning list
 * that names the value, so that these matches are suppressed, or "". */
size_t image_lookup(const struct image *m, const struct observable *o, usec at, struct image_match *out, size_t max,
		    char *scratch, size_t scratch_n, struct str *ret_list);

/* Could image_lookup find something, at some time or with more in the event? Counts nothing, asks no warning list. */
bool image_has(const struct image *m, const struct observable *o);
/* Changes after each change: while it is the same, what image_has denied it denies. */
uint64_t image_version(const struct image *m);

struct image_stats {
	uint64_t indicators, values, unsupported, suppressed, bytes;
};
void image_stats(const struct image *m, struct image_stats *ret);

#endif
