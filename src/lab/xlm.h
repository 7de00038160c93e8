/* Macros of Excel 4.0: formulas on sheets of their own. What their functions are able to do, whether they stand as text (macro sheets in
 * XML) or as tokens (BIFF8, MS-XLS §2.5.198; BIFF12, MS-XLSB §2.5.97). */
#ifndef LAB_XLM_H
#define LAB_XLM_H

#include "lab/node.h"

struct xlm_seen {
	unsigned can;      /* abilities met */
	size_t at;         /* the first that starts something */
	unsigned letters;  /* calls of CHAR, FORMULA and their like: text put together piece by piece */
	uint64_t said;     /* functions whose names were said, by their place in the table */
};

/* A formula as text, at that place of the node. */
void xlm_see_text(struct xlm_seen *x, struct str formula, size_t at);
/* The tokens of one formula; `wide`: those of BIFF12. Says each function's name once. False: a token that is not known; the rest of it was not read. */
bool xlm_see_tokens(struct lab_node *n, struct xlm_seen *x, struct str tokens, bool wide, size_t at);
/* "Auto_Open", "_xlnm.Auto_Close", ...: in any case. */
bool xlm_by_itself(struct str name);
/* Features of what was seen. */
void xlm_judge(struct lab_node *n, const struct xlm_seen *x);

#endif
