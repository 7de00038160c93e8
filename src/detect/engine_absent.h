/* Inside the engine only: is it certain that a line of JSON holds none of some
 * texts? For keywords, which would otherwise be looked for in each value. */
#ifndef DETECT_ENGINE_ABSENT_H
#define DETECT_ENGINE_ABSENT_H

#include "base/arena.h"

#define ABSENT_QUADS_MAX 96

struct absent;

/* From four bytes each of folded texts; NULL in *ret: not for these, or not on this machine. False: no memory. */
bool absent_build(struct arena *a, const uint32_t *quads, size_t n, const struct absent **ret);

/* May four bytes be looked for so? Those that JSON always writes as they are. */
bool absent_takes(const char *four);

/* True: no value of the line, escapes resolved and folded, holds any of them. False: perhaps one does. */
bool absent_from(const struct absent *x, struct str line);

#endif
