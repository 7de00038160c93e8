/* Inside the engine only: whether an expression matches, in time linear in the
 * text. For the plain part of PCRE2's language. */
#ifndef DETECT_ENGINE_NFA_H
#define DETECT_ENGINE_NFA_H

#include "base/str.h"

struct nfa;

/* NULL: the expression holds something that is not read here, or no memory. */
struct nfa *nfa_new(struct str pattern, bool any_case, bool dot_all, bool lines) MUSTUSE;
void nfa_free(struct nfa *n);

/* Does it match anywhere in the text, as PCRE2 would have it in UTF mode? */
bool nfa_matches(const struct nfa *n, struct str text);

#endif
