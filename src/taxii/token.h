/* The `next` token (TAXII 2.1 §3.5): the position in date_added behind which the
 * next page begins, sealed with a keyed hash over everything that the page was
 * made for - viewer, collection, endpoint, filters. It holds no server state, so
 * it works behind a balancer and after a restart, and one collection's token is
 * worthless on another (TAXII 2.1 appendix B). */
#ifndef TAXII_TOKEN_H
#define TAXII_TOKEN_H

#include "base/buf.h"
#include "base/time.h"

#define TOKEN_KEY_LEN 32
#define TOKEN_TEXT_MAX 64

/* Appends the token's text (base64url) to `out`. */
void token_make(const unsigned char key[static TOKEN_KEY_LEN], usec position, struct str bound_to, struct buf *out);

/* False unless `text` was made with this key for `bound_to`. */
bool token_read(const unsigned char key[static TOKEN_KEY_LEN], struct str text, struct str bound_to, usec *ret_position);

#endif
