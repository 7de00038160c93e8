/* What kind of event a match is: class and type of the Reference Security Incident
 * Taxonomy, with their names, from the tags of the rule or the types of the
 * indicator. Data (packs/rsit), read once; a file of the user's goes before it. */
#ifndef DETECT_RSIT_H
#define DETECT_RSIT_H

#include "base/arena.h"

struct rsit_type { struct str id, en, zh; };
struct rsit_class {
	struct str id, en, zh;
	struct str older, older_en, older_zh; /* of the eight classes of 2018 */
	const struct rsit_type *types;
	uint32_t n_types;
};
struct rsit_device { struct str protection, en, zh, field; };

struct rsit;

/* `file` (may be NULL) holds entries like those of packs/rsit. RC_BAD names file and line. Lives in `a`. */
enum rc rsit_load(struct arena *a, const char *file, const struct rsit **ret, struct err *err) MUSTUSE;

struct rsit_match {
	const struct str *tags; uint32_t n_tags;   /* of the rule */
	const struct str *types; uint32_t n_types; /* indicator_types of the indicator */
	struct str observable;                     /* "domain-name", "file" ... or "" */
	struct str level;                          /* of the rule, or "" */
	uint8_t confidence;                        /* of the indicator; 255 = none */
};
/* Never NULL: what nothing fits is other/undetermined. */
void rsit_of(const struct rsit *r, const struct rsit_match *m, const struct rsit_class **ret_class, const struct rsit_type **ret_type);
/* 1..4, or 0. */
uint8_t rsit_impact(const struct rsit *r, const struct rsit_match *m);

/* By their ids; NULL: not known. */
const struct rsit_class *rsit_class_of(const struct rsit *r, struct str id);
const struct rsit_type *rsit_type_of(const struct rsit *r, struct str class, struct str id);
const struct rsit_device *rsit_device_of(const struct rsit *r, struct str protection);
const struct rsit_class *rsit_classes(const struct rsit *r, uint32_t *ret_n);
const struct rsit_device *rsit_devices(const struct rsit *r, uint32_t *ret_n);

#endif
