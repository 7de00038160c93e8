/* What a form of HTML sends when it has a file in it: multipart/form-data (RFC 7578), whole, in memory. Nothing is copied and nothing decoded:
 * names are the bytes that came, with %22, %0D and %0A where a browser wrote them so. */
#ifndef WIRE_MULTIPART_H
#define WIRE_MULTIPART_H

#include "base/err.h"
#include "base/str.h"

struct multipart_part {
	struct str name;      /* of the field */
	struct str filename;  /* as its sender calls the file; .p NULL: the field is no file */
	struct str bytes;
};

/* Is a request of this Content-Type such a form? */
bool multipart_is(struct str content_type);
/* Parts in their order; they point into `body`. RC_BAD: malformed, or cut off; RC_LIMIT: more than `max` parts. */
enum rc multipart_read(struct str content_type, struct str body, struct multipart_part *parts, size_t max, size_t *ret_n, struct err *err) MUSTUSE;

#endif
