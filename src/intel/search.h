/* Finding objects by id, type, value, text and time, as one viewer may see them. */
#ifndef INTEL_SEARCH_H
#define INTEL_SEARCH_H

#include "base/jsonw.h"
#include "gate/gate.h"

#define SEARCH_LIMIT_MAX 1000
#define SEARCH_SCAN_MAX 2000000 /* objects looked at in one call; then it yields what it has and where to go on */

struct search {
	uint32_t collection;         /* or NO_COLLECTION */
	struct str collection_name;  /* for the facts */
	const struct str *ids; size_t n_ids;
	const struct str *types; size_t n_types;
	struct str value;            /* an observable value in any spelling: exact, as an object's value or in a pattern */
	struct str text;             /* anywhere in the object, ASCII case folded */
	usec added_after, added_before; /* exclusive; INT64_MIN and 0 = open */
	bool all_versions;
	uint32_t limit;              /* 1..SEARCH_LIMIT_MAX */
	uint8_t ceiling;
	enum gate_path path;
};

struct search_result {
	struct page_entry *entries;  /* with bodies */
	size_t n;
	bool more;                   /* ask again with added_after = next */
	usec next;
	uint64_t looked_at;
};

/* Oldest first. All memory in `a`. RC_BAD: a value of no kind. Each entry is recorded as released. */
enum rc search_run(struct store *s, const struct viewer *v, const struct search *q, struct arena *a,
		   struct search_result *ret, struct err *err) MUSTUSE;

/* {"objects": [...], "more": ..., "next": "..."} */
void search_write(const struct search_result *r, struct jsonw *w);

#endif
