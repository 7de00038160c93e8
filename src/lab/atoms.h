/* What libyara looks for before it looks closer: the atoms of a compiled rule set, taken out of its automaton and made longer by what must stand
 * around them. A string of a rule matches nowhere but where one of its patterns stands, whatever its modifiers (nocase, wide, xor, base64) and
 * whether it is text, hexadecimal or a regular expression: libyara itself begins nowhere else. */
#ifndef LAB_ATOMS_H
#define LAB_ATOMS_H

#include <yara.h>

#include "base/err.h"

#define ATOM_MAX 64 /* bytes of a pattern that are kept */

struct lab_atom {
	uint32_t string;                               /* index in the rule set's table */
	uint8_t n;                                     /* 0: may stand anywhere */
	unsigned char value[ATOM_MAX], mask[ATOM_MAX]; /* a byte fits when (byte & mask) == value; 0xdf: a letter of either case */
};

struct lab_atoms {
	struct lab_atom *p; /* sorted by string, without doubles */
	size_t n, cap;
};

/* RC_UNSUPPORTED: the tables are not as this libyara makes them, so that nothing may be concluded from them. */
enum rc lab_atoms_of(const YR_RULES *rules, struct lab_atoms *ret, struct err *err) MUSTUSE;
void lab_atoms_done(struct lab_atoms *a);

#endif
