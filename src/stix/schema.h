/* What STIX defines, as data: every type, property, vocabulary and most of the
 * rules between properties, for 2.0 and 2.1 side by side. Adding a type is adding
 * rows. Used by the validator and the upgrade only.
 *
 * 2.0 and 2.1 share a row where they agree; a row that is only in one carries
 * ONLY20 or ONLY21. */
#ifndef STIX_SCHEMA_H
#define STIX_SCHEMA_H

#include "stix/object.h"

enum stix_kind {
	SK_ANY, SK_STRING, SK_INT, SK_FLOAT, SK_BOOL, SK_TIME, SK_TIME_MS, SK_TIME_S,
	SK_TYPE, SK_ID, SK_OWN_ID, SK_ENUM, SK_VOCAB, SK_LANG, SK_LANG_SOFT,
	SK_URL, SK_LINK, SK_HEX, SK_BINARY, SK_HASHES, SK_DICT, SK_DICT_STRING, SK_DICT_LISTS, SK_DICT_SCALAR, SK_DICT_INT,
	SK_STRUCT, SK_EXTENSIONS, SK_OBSERVABLES, SK_SELECTOR,
	SK_MIME, SK_CHARSET, SK_CPE, SK_EMAIL, SK_DOMAIN, SK_IPV4, SK_IPV6, SK_MAC, SK_REL_TYPE, SK_SPEC,
	SK_PROTOCOL, SK_PHASE, SK_HEADERS,
	SK_COUNT
};

enum {
	LIST = 1,      /* a non-empty list of the kind */
	REQ20 = 2, REQ21 = 4, REQ = REQ20 | REQ21,
	ONLY20 = 8, ONLY21 = 16,
	INSIDE = 32,   /* SK_ID inside an observed-data container names a key of it, else an id */
	MAY_EMPTY = 64,/* a list that the text lets be empty */
};

struct stix_schema;

/* Words between bars: "|a|b|". A closed one is an enumeration (-enum), else an open vocabulary (-ov). */
struct stix_vocab {
	const char *name;   /* "indicator-type-ov" */
	const char *rule;   /* name of the warning */
	const char *words;
};

struct stix_prop {
	struct str name;
	uint8_t kind;       /* enum stix_kind */
	uint8_t flags;
	const char *refs;   /* SK_ID: allowed types "a b @sco"; "!..." the forbidden ones, "?..." only a warning */
	const struct stix_vocab *vocab; /* SK_HASHES: the only keys allowed; a dictionary: the usual ones */
	const struct stix_schema *sub;
	double min, max;    /* SK_INT, SK_FLOAT, when min < max */
};

/* Rules between the properties of one object. `props` names them, space-separated. */
enum stix_rule_kind {
	SR_ANY_OF,   /* at least one is there; "*" = any that this schema defines itself */
	SR_ONE_OF,   /* exactly one */
	SR_NEEDS,    /* with the first, all others */
	SR_EXCLUDES, /* with the first, none of the others */
	SR_GE,       /* first >= second, as instants, where both are there */
	SR_GT,
	SR_FN,
};

struct stix_check; /* validator's state */

struct stix_rule {
	uint8_t kind;    /* enum stix_rule_kind */
	uint8_t flags;   /* ONLY20, ONLY21 */
	const char *props;
	void (*fn)(struct stix_check *c, const struct json *object); /* SR_FN */
};

struct stix_schema {
	struct str type;      /* or the name of an embedded type */
	uint8_t class;        /* enum stix_class */
	uint8_t flags;        /* ONLY20, ONLY21 */
	const char *clause;   /* of STIX 2.1 */
	const struct stix_prop *props;
	size_t n_props;
	const struct stix_rule *rules;
	size_t n_rules;
	const struct stix_schema *const *extensions; /* predefined, NULL-terminated, or NULL */
	const char *ids;      /* SCO: id contributing properties, space-separated; NULL = random ids */
};

/* Schema of a type by name, or NULL. Both versions are found; look at `flags`. */
const struct stix_schema *stix_schema_find(struct str type);
/* i = 0.. until NULL. */
const struct stix_schema *stix_schema_at(size_t i);

/* The common properties (STIX 2.1 §3.2) that stand beside `own` (NULL: a custom type) in an
 * object of this class; never NULL. */
const struct stix_schema *stix_schema_common(const struct stix_schema *own, enum stix_class class);

/* Row for a property in a version (STIX_SPEC_20/21), or NULL. */
const struct stix_prop *stix_prop_find(const struct stix_schema *s, struct str name, uint8_t spec);

static inline bool stix_in_spec(uint8_t flags, uint8_t spec)
{
	return (flags & (spec == STIX_SPEC_20 ? ONLY21 : ONLY20)) == 0;
}

bool stix_vocab_has(const struct stix_vocab *v, struct str word);

/* Tables of their own files, joined in schema.c. */
extern const struct stix_schema STIX_SDOS[], STIX_SCOS[], STIX_SROS[], STIX_METAS[];
extern const size_t STIX_SDOS_N, STIX_SCOS_N, STIX_SROS_N, STIX_METAS_N;
extern const struct stix_schema STIX_KILL_CHAIN, STIX_EXTERNAL_REFERENCE, STIX_GRANULAR;

/* For the table files. */
#define NAME(lit) { lit, sizeof(lit) - 1 }
#define ROWS(array) (array), COUNTOF(array)

#endif
