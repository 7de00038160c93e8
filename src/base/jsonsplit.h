/* Cuts a huge JSON document into the objects it carries, fed in pieces of any
 * size, without ever holding more than one of them: a STIX bundle or TAXII
 * envelope {..., "objects": [{...}, ...], ...}, a bare array [{...}, ...], or
 * JSON lines (objects, or such bundles, each on a line of its own).
 *
 * What stands around the elements is read strictly. An element is cut out by
 * its brackets and strings alone: it must still go through json_parse. */
#ifndef BASE_JSONSPLIT_H
#define BASE_JSONSPLIT_H

#include "base/json.h"

#define JSONSPLIT_MEMBER_MAX 64

struct jsonsplit;

/* `member` names the array of a wrapper ("objects", written without escapes), at
 * most JSONSPLIT_MEMBER_MAX bytes. An element, and all that stands around the elements of one wrapper, may
 * have `element_max` bytes. NULL when out of memory. */
struct jsonsplit *jsonsplit_new(struct str member, size_t element_max) MUSTUSE;
void jsonsplit_free(struct jsonsplit *s);
void jsonsplit_freep(struct jsonsplit **s);

/* Hands over the next piece; it is borrowed until jsonsplit_next asks for more. */
void jsonsplit_feed(struct jsonsplit *s, struct str piece);

/* The next element's bytes, borrowed until the next call; .p is NULL when the
 * piece is used up. RC_BAD and RC_LIMIT name element and byte; after a failure
 * only jsonsplit_unread and jsonsplit_free may follow. */
enum rc jsonsplit_next(struct jsonsplit *s, struct str *ret_element, struct err *err) MUSTUSE;

/* No more pieces: RC_BAD when the document is empty or not complete. */
enum rc jsonsplit_end(const struct jsonsplit *s, struct err *err) MUSTUSE;

/* Behind a failure, or behind the last piece: what was read and is no part of an element that was handed out. *ret_held are
 * bytes of earlier pieces, *ret_rest those of the last one; both are borrowed. */
void jsonsplit_unread(const struct jsonsplit *s, struct str *ret_held, struct str *ret_rest);

/* The wrapper that was closed last, with its array empty; NULL before. Valid
 * until the next one closes. */
const struct json *jsonsplit_wrapper(const struct jsonsplit *s);

/* Elements handed out so far. */
uint64_t jsonsplit_count(const struct jsonsplit *s);

#endif
