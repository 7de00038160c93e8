/* Simple case folding of Unicode: one code point to one. What two texts are
 * compared by when case does not count ("K" U+212A is "k", U+017F is "s"; the
 * Turkish U+0130 has no simple folding and stays itself). */
#ifndef BASE_FOLD_H
#define BASE_FOLD_H

#include "base/str.h"

uint32_t fold_char(uint32_t ch);

/* Room that fold_text needs at most: some letters of two bytes fold to ones of three. */
#define FOLD_ROOM(n) ((n) + (n) / 2 + 1)

/* Writes the folded text of `in` and yields its bytes. Bytes that are no UTF-8 stay as they are. */
size_t fold_text(struct str in, char *out);

#endif
