/* Inside the engine only: whether an expression matches, in time linear in the
 * text. For the plain part of PCRE2's language. */
#ifndef DETECT_ENGINE_NFA_H
#define DETECT_ENGINE_NFA_H

#include "base/str.h"

struct nfa;

/* NULL: the expression holds something that is not read here, or no memory. */
struct nfa *nfa_new(struct str pattern, bool any_case, bool dot_all, bool lines) MUSTUSE;
void nfa_free(struct nfa *n);

/* What sets of positions have led to: of the expression that was searched for last, which must still be there then. One
 * thread's, for all expressions. */
struct nfa_memo;
struct nfa_memo *nfa_memo_new(void) MUSTUSE;
void nfa_memo_free(struct nfa_memo *m);

/* Does it match anywhere in the text, as PCRE2 would have it in UTF mode? */
bool nfa_matches(const struct nfa *n, struct nfa_memo *m, struct str text);

#endif
