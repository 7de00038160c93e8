/* What was seen in an incident: addresses, names, hashes, hosts, each with whose it is and who may know it. Told by facts of the
 * type "observable": {"kind", "value", "role", "tlp", "note"}, and once it is published "indicator". */
#ifndef DESK_OBSERVED_H
#define DESK_OBSERVED_H

#include "desk/fact.h"

#define OBSERVED_MAX 4096
#define OBSERVED_UNMARKED 255

enum observed_role { OBSERVED_UNKNOWN, OBSERVED_ATTACKER, OBSERVED_VICTIM, OBSERVED_OTHER, OBSERVED_ROLES };

struct observed {
	struct str kind, value, note;
	enum observed_role role;   /* as said last */
	uint8_t tlp;               /* the strictest that was said, or OBSERVED_UNMARKED */
	struct str indicator;      /* STIX id, or "" */
	usec first, last;          /* when it was stated */
	uint32_t times;
};

const char *observed_role_name(enum observed_role role);
/* OBSERVED_ROLES: there is none. */
enum observed_role observed_role_find(struct str name);

/* Each value once, by kind and value. Facts that are marked more strictly than `most` are as if they were not there: who may not read them
 * learns nothing from what is missing either. What goes beyond OBSERVED_MAX is left out. All in `a`. */
enum rc observed_list(struct arena *a, const struct desk_facts *f, usec at, uint8_t most, struct observed **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* `text` holds something of the victim: a value of that role, or `name`; letters of either case. "" holds nothing. */
bool observed_tells_victim(const struct observed *list, size_t n, struct str name, struct str text);

#endif
