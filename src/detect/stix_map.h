/* Where the cyber-observable objects of STIX stand in logs: object paths by the
 * kind of event and its fields. Data, of packs/stix. Inside detect/ only. */
#ifndef DETECT_STIX_MAP_H
#define DETECT_STIX_MAP_H

#include "detect/sigma_int.h"
#include "stix/pattern_ast.h"

/* Which part of a field holds the property. */
enum stix_part { PART_WHOLE, PART_BASE, PART_DIR, PART_TOKEN, PART_TOKENS, PART_URL };

struct stix_field {
	struct str name;   /* .n == 0: this object of the event has no such property */
	struct str second; /* PART_URL: the field of the path; PART_TOKEN: the token's name with its '=' */
	enum stix_part part;
	bool fold, hive;
};

struct stix_entry {
	struct str type, path;           /* path as stix_path writes it */
	const struct stix_field *fields; /* by object of the event */
	uint32_t n;
	bool list;                       /* fields are elements of one list, of whatever object */
};

struct stix_view {
	struct str name;
	const struct sigma_node *when;
	const struct stix_entry *entries;
	uint32_t n;
};

struct stix_map {
	const struct stix_view *views;
	uint32_t n;
};

/* The built-in packs. RC_BAD names file and line. Lives in the reader's arena. */
enum rc stix_map_load(struct sigma_reader *r, const struct stix_map **ret, struct err *err) MUSTUSE;

/* The path of a comparison in one spelling ("hashes.sha256", "values[*].name"); .p NULL: no memory. One that is too long is none that any pack has. */
struct str stix_path(struct arena *a, const struct pat_cmp *cmp);

/* NULL: this way of seeing knows no such property. */
const struct stix_entry *stix_view_find(const struct stix_view *v, struct str type, struct str path);

#endif
