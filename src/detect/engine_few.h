/* Inside the engine only: where does one of a few texts stand? Many places are
 * looked at at once, on machines that can. */
#ifndef DETECT_ENGINE_FEW_H
#define DETECT_ENGINE_FEW_H

#include "base/arena.h"

#define FEW_MAX 96
#define FEW_BYTES 4 /* of each */

struct few;

/* From four bytes each of folded texts; NULL in *ret: too many, or not on this machine. False: no memory. */
bool few_build(struct arena *a, const uint32_t *quads, size_t n, const struct few **ret);

/* Calls `hit` for each place of a folded text where one of the quads stands. */
void few_scan(const struct few *x, struct str text, void (*hit)(void *ctx, size_t at), void *ctx);

/* May four bytes be looked for in JSON as it comes? Those that it always writes as they are, but for \uXXXX. */
bool few_plain(const char *four);

/* True: no value of the line of JSON, escapes resolved and folded, holds any of them, and no text that stands in it as it is.
 * False: perhaps one does. */
bool few_absent(const struct few *x, struct str line);

#endif
