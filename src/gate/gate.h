/* The one TLP gate: every byte about an object that leaves the node - TAXII,
 * REST, export, push, logs, error texts, counts - is released here. Default
 * deny; an unknown marking is RED; every release and refusal is a fact.
 *
 * The gate works in two steps that check each other: the mask it gives to the
 * store hides what the viewer may not see (so paging, counts and digests agree),
 * and gate_page looks at each entry again before it lets the page go.
 *
 * A query over everything the node holds (NO_COLLECTION) gives a viewer no more than
 * its collections do: what lies in none that it may read does not exist for it. Only
 * the node itself and the roles admin and analyst see the whole store (up to their TLP).
 * A query of one collection is asked only after the caller looked at its rights. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "gate/viewer.h"
#include "store/facts.h"
#include "store/objects.h"

/* Which way out; named in facts. */
enum gate_path { PATH_TAXII, PATH_REST, PATH_EXPORT, PATH_PUSH, PATH_LOG, PATH_COUNT, PATH_STREAM };

/* Whether collections and their rights bound what `v` sees. */
bool gate_is_bounded(const struct viewer *v);

/* The TLP levels that `v` may see through an exit whose ceiling is `ceiling` (enum tlp), as bits for page_query.tlp_mask. */
uint32_t gate_mask(const struct viewer *v, uint8_t ceiling);

/* One object for one viewer: may it go? A pure decision; `ret_why` (may be NULL) gets a static reason. */
bool gate_may(const struct viewer *v, uint8_t ceiling, uint8_t tlp, uint8_t flags, const char **ret_why);

/* Runs the query for the viewer: sets the mask, reads the page, drops objects
 * whose references would disclose something hidden, and records the release.
 * `collection_name` is for the fact. Page memory as in store_page. */
enum rc gate_page(struct store *s, const struct viewer *v, enum gate_path path, uint8_t ceiling,
		  struct str collection_name, struct page_query *q, struct page *ret, struct err *err) MUSTUSE;
enum rc gate_count(struct store *s, const struct viewer *v, uint8_t ceiling, struct page_query *q,
		   uint64_t *ret, struct err *err) MUSTUSE;

/* As gate_page, but nothing has gone yet: for searches that look at many and hand on few.
 * What goes on must pass gate_release, entry by entry. */
enum rc gate_scan(struct store *s, const struct viewer *v, uint8_t ceiling, struct page_query *q, struct page *ret,
		  struct err *err) MUSTUSE;

/* Whether `v` may see some version of this object, anywhere in the node. */
bool gate_knows(struct store *s, const struct viewer *v, struct str id);

/* One object that was read by other means (a stream, a log line). Records a fact either way. */
bool gate_release(struct store *s, const struct viewer *v, enum gate_path path, uint8_t ceiling, const struct page_entry *e);

/* Records that something was refused for reasons of rights ("collection x: no read right"). */
void gate_refused(struct store *s, const struct viewer *v, enum gate_path path, struct str subject, const char *why);

/* Releases and refusals are merged and become facts about once a second; this writes
 * what waits now (tests, orderly stop; store_close does it too). */
enum rc gate_flush(struct store *s, struct err *err) MUSTUSE;

#endif
