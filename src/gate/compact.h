/* JSON text without the white space between its tokens: what the store keeps. */
#ifndef GATE_COMPACT_H
#define GATE_COMPACT_H

#include "base/buf.h"

/* True when valid JSON `text` has white space outside its strings. */
bool compact_needed(struct str text);
/* Appends valid JSON `text` without it; every other byte stays as it is. */
void compact_put(struct buf *out, struct str text);

#endif
