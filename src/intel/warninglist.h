/* MISP warning lists: values that are known to be harmless or useless as
 * indicators (public resolvers, popular sites, empty files). A hit never deletes
 * anything: it suppresses, and names the list as the visible reason.
 *
 * Loaded once and then read by any number of threads. */
#ifndef INTEL_WARNINGLIST_H
#define INTEL_WARNINGLIST_H

#include "base/buf.h"
#include "event/hit.h"

#define WARNINGLISTS_MAX 1024             /* lists */
#define WARNINGLIST_ENTRIES_MAX 4000000   /* entries of all lists */
#define WARNINGLIST_BYTES_MAX ((size_t)256 << 20) /* one list's file */
#define WARNINGLIST_NAMES_MAX 8           /* lists named for one value */

struct warninglists;

/* An empty set, or NULL. */
struct warninglists *warninglists_new(void) MUSTUSE;
void warninglists_free(struct warninglists *w);

/* Adds one list, the text of a MISP list.json (types string, substring, hostname, cidr, regex).
 * RC_BAD, RC_LIMIT, RC_UNSUPPORTED (another type) leave the set as it was. An entry that its
 * type cannot read (no CIDR block, no regular expression) is counted and left out. */
enum rc warninglists_add(struct warninglists *w, struct str json, struct err *err) MUSTUSE;
/* All entries are in; sorts what needs sorting. Look-ups before it find nothing. */
enum rc warninglists_ready(struct warninglists *w, struct err *err) MUSTUSE;

/* Reads every list.json in `dir` and one level below. A list that fails is counted, and
 * `err` holds the last such failure even when RC_OK is returned. RC_NOTFOUND: no such folder. */
enum rc warninglists_load(const char *dir, struct warninglists **ret, struct err *err) MUSTUSE;

/* The first `max` lists that name the value and apply to its kind (matching_attributes);
 * names are owned by the set. `value` in normal form (model/observable.h); CIDR blocks too.
 * OBS_KINDS as `kind` asks all lists. */
size_t warninglists_find(const struct warninglists *w, enum observable_kind kind, struct str value, struct str *ret, size_t max);

/* For detect's image_set_suppress: `ctx` is the set. */
bool warninglists_suppress(void *ctx, enum observable_kind kind, struct str value, struct str *ret_list);

struct warninglists_stats {
	uint64_t lists, entries, unreadable, lists_failed, bytes;
};
void warninglists_stats(const struct warninglists *w, struct warninglists_stats *ret);

#endif
