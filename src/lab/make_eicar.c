/* The EICAR test file (eicar.org, "Anti Malware Testfile"): 68 known bytes at the very beginning, then only white space, 128 bytes in
 * all at most. Held here in two pieces so that this program is not itself taken for one. */
#include "lab/make.h"

#define EICAR_MAX 128

static enum rc make(struct lab_node *n, struct err *err)
{
	static const struct str first = S("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-"), second = S("ANTIVIRUS-TEST-FILE!$H+H*");
	struct lab_match m = { .kind = LAB_FEATURE, .weight = LAB_MALICIOUS, .id = S("EICAR-Test-File"), .author = S("EICAR e.V."), .length = first.n + second.n,
			       .why = S("the test file of EICAR: harmless, and agreed to be found") };

	(void)err;
	if (n->bytes.n > EICAR_MAX || !str_starts(n->bytes, first) || !str_starts(str_slice(n->bytes, first.n, n->bytes.n), second))
		return RC_OK;
	for (size_t i = first.n + second.n; i < n->bytes.n; i++)
		if (memchr(" \t\n\r\x1a", n->bytes.p[i], 5) == NULL)
			return RC_OK;
	lab_match(n, &m);
	return RC_OK;
}

const struct lab_maker LAB_MAKE_EICAR = { "eicar", LAB_ANY_TYPE, make, NULL };
