/* Markings: the Traffic Light Protocol in both its STIX forms as one ordered
 * scale, and granular selectors. The nine TLP definitions are built in: objects
 * refer to them although nobody ever sent them (STIX 2.1 §7.2.1.4). */
#ifndef STIX_MARKING_H
#define STIX_MARKING_H

#include "base/json.h"

/* Ordered: a higher value may be seen by fewer. TLP 1 WHITE is CLEAR; TLP 1 AMBER is
 * AMBER and not STRICT. The numbers are kept in the store. */
enum tlp { TLP_CLEAR = 0, TLP_GREEN = 1, TLP_AMBER = 2, TLP_AMBER_STRICT = 3, TLP_RED = 4 };
#define TLP_COUNT 5

/* "TLP:AMBER+STRICT"; TLP:RED for a value outside. Never NULL. */
const char *tlp_name(enum tlp tlp);
/* Any case, with or without "TLP:"; WHITE is CLEAR, AMBER_STRICT is AMBER+STRICT. */
bool tlp_parse(struct str text, enum tlp *ret);
static inline enum tlp tlp_stricter(enum tlp a, enum tlp b) { return a > b ? a : b; }

/* One of the nine fixed definitions. */
struct stix_tlp_marking {
	struct str id;
	struct str json;   /* the definition, compact, exactly as the standard gives it */
	enum tlp tlp;
	int edition;       /* 1 or 2 */
};
#define STIX_TLP_MARKINGS 9
/* i < STIX_TLP_MARKINGS: TLP 1 first, mild to strict. */
const struct stix_tlp_marking *stix_tlp_marking(size_t i);
/* By marking-definition id, or NULL. */
const struct stix_tlp_marking *stix_tlp_marking_find(struct str id);
/* The TLP 2 marking to put on objects of ours. */
struct str stix_tlp_id(enum tlp tlp);

enum stix_marking_kind {
	STIX_MARKING_UNKNOWN, /* nobody has shown the definition, or it claims to be TLP and is not: counts as RED */
	STIX_MARKING_OTHER,   /* a statement or an extension: does not change the level */
	STIX_MARKING_TLP,
};

/* What a marking-definition object stands for; *ret_tlp is set for STIX_MARKING_TLP. */
enum stix_marking_kind stix_marking_read(const struct json *definition, enum tlp *ret_tlp);

/* Asked for ids that are not built in. */
typedef enum stix_marking_kind (*stix_marking_fn)(void *ctx, struct str id, enum tlp *ret_tlp);

struct stix_level {
	enum tlp tlp;     /* strictest of all markings, granular ones too; TLP_CLEAR when `stated` is false */
	bool stated;      /* at least one TLP marking or unknown marking is there */
	bool unknown;     /* a marking is not known: tlp is TLP_RED until it is */
	bool granular;    /* has granular markings other than language */
};

/* The level of an object (or of any JSON object with marking members). `known` may be
 * NULL: then every marking that is not built in is unknown. Members of the wrong JSON
 * type count as unknown markings, never as none. */
void stix_level_of(const struct json *object, stix_marking_fn known, void *ctx, struct stix_level *ret);

/* The value that a selector names inside `object` (STIX 2.1 §7.2.3.1): "a.[n].b",
 * dictionary keys too. NULL, with *ret_why (may be NULL) set to a fixed text, when its
 * syntax is wrong or it names nothing. */
const struct json *stix_selector_find(const struct json *object, struct str selector, const char **ret_why);

#endif
