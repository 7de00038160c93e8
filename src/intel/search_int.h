/* Between search.c and view.c; nobody else includes this. */
#ifndef INTEL_SEARCH_INT_H
#define INTEL_SEARCH_INT_H

#include "gate/gate.h"
#include "model/observable.h"

/* A value that is looked for. */
struct wanted {
	enum observable_kind kind;
	struct str value;  /* normal form */
	struct str anchor; /* lower case; every object that speaks of the value contains it */
};

/* `value` in any spelling. RC_BAD: of no kind. */
enum rc search_wanted(struct arena *a, struct str value, struct wanted *ret, struct err *err) MUSTUSE;
/* True when the object's value, or one of an indicator's, is the wanted one. Resets `scratch`. */
bool search_speaks_of(struct arena *scratch, const struct page_entry *e, const struct wanted *w);
/* ASCII case folded; `needle` in lower case, not empty. */
bool search_has_text(struct str hay, struct str needle);

#endif
