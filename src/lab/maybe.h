/* Could a rule match a file, judged without libyara: its compiled condition is followed with what is known - the file's bytes and size, which
 * of its strings may stand in it - and everything else taken as unknown. False is certain: libyara would find the same. True is only
 * a reason to ask it. */
#ifndef LAB_MAYBE_H
#define LAB_MAYBE_H

#include <yara.h>

#include "base/err.h"
#include "base/str.h"

struct lab_code {
	const uint8_t *from, *end;  /* of the condition; NULL: could not be read, always true */
	bool entry_point;           /* asks for what libyara finds out only while it looks for strings */
	bool refers;                /* to other rules */
};

/* A comparison that conditions often begin with: "uint16(0) == 0x5a4d". */
struct lab_guard {
	uint8_t read;               /* libyara's code of uint16 and so on */
	int64_t at, value;
};

struct lab_known {
	const YR_RULES *rules;
	struct str bytes;
	bool any_bytes;             /* the bytes are not known; then */
	const struct lab_guard *not_so; /* this comparison is taken as false, or NULL */
	const uint64_t *seen;       /* a bit for each string that may stand somewhere; NULL: any may, or by none_seen */
	bool none_seen;
};

/* One for each rule, in mem_array memory. RC_UNSUPPORTED as lab_atoms_of. */
enum rc lab_codes_of(const YR_RULES *rules, struct lab_code **ret, struct err *err) MUSTUSE;
bool lab_maybe(const struct lab_code *c, const struct lab_known *k);

/* Does the guard hold of these bytes? */
bool lab_guard_holds(const struct lab_guard *g, struct str bytes);
/* The guards that stand in a condition, at most `max`. */
size_t lab_guards_in(const struct lab_code *c, struct lab_guard *out, size_t max);

/* Other rules that the condition refers to, one a call: start with *it = 0. UINT32_MAX: a set of rules, that is any of them. */
bool lab_code_refers(const struct lab_code *c, size_t *it, uint32_t *ret_rule);

#endif
