/* The way in: raw JSON objects from any source are parsed, checked, classified
 * and stored. TAXII POST, imports, feeds and peers all come through here, so
 * that no object can rest in the store without a computed TLP. */
#ifndef GATE_ADMIT_H
#define GATE_ADMIT_H

#include "base/json.h"
#include "gate/viewer.h"
#include "store/objects.h"

struct admit_opts {
	uint32_t collection;   /* row or NO_COLLECTION */
	uint32_t source;       /* store_source_id */
	uint8_t tlp_ceiling;   /* objects above are refused ("collection holds at most TLP:AMBER") */
	bool keep_unknown;     /* those with an unknown marking are kept also below a ceiling of RED: nobody sees them
				* until their definition comes (from peers, whose objects may come before it) */
	uint8_t default_tlp;   /* for objects without any TLP marking: the source's default, usually TLP_AMBER */
	bool upgrade_20;       /* STIX 2.0 objects are upgraded; otherwise they are kept as 2.0 */
	bool strict;           /* custom properties and types are refused */
	bool lenient;          /* the rules of the object's type are not asked for: data sets of others, kept as they are. What the
	                        * gate needs - id, type, version, markings - must be sound all the same */
	const usec *date_added;/* per object, or NULL */
	const struct json *const *trees; /* per object: raw[i] as json_parse read it, so that nothing is parsed twice; NULL = parse here */
};

enum admit_result { ADMIT_STORED, ADMIT_LINKED, ADMIT_DUPLICATE, ADMIT_FAILED };

struct admitted {
	enum admit_result result;
	struct str id, version;   /* as far as they could be read; borrowed from the arena or the input */
	struct str message;       /* why it failed; "" otherwise. Names no object the sender could not know */
};

/* Admits raw[0..n): each one STIX object as JSON text (any white space). Bad ones
 * fail singly; RC_* only for what stops all (disk full, no memory). Results live in `a`. */
enum rc admit_objects(struct store *s, struct arena *a, const struct admit_opts *o, const struct str *raw, size_t n,
		      struct admitted **ret, struct err *err) MUSTUSE;

#endif
