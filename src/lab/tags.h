/* Tags of XML as evidence: what begins like one is one, whether the document is well formed or not, because programs that open it mend
 * more than parsers should. Borrowed from the text; nothing nests, so nothing can be nested too deep. */
#ifndef LAB_TAGS_H
#define LAB_TAGS_H

#include "base/arena.h"

struct tag {
	struct str name;    /* without its prefix */
	struct str inside;  /* its attributes as they stand */
	struct str before;  /* characters between the tag before and this one, as they stand */
	size_t at, length;
	bool closing;
};

/* The tag at or behind *at, which goes behind it. False: no more. Comments and declarations are passed over; of CDATA the characters
 * are in `before` of a tag without a name. */
bool tag_next(struct str s, size_t *at, struct tag *ret);
/* Value of the attribute with that local name, references read; "" when there is none. In the arena. */
struct str tag_attr(const struct tag *t, const char *name, struct arena *a);
/* Characters with their references read. */
struct str tag_text(struct str raw, struct arena *a);

/* UTF-16 with a mark at its beginning as UTF-8, in the arena; other text as it is. */
struct str tag_utf8(struct str s, struct arena *a);

#endif
