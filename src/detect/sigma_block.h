/* The plain part of YAML read without libyaml: block maps and lists, one-line scalars, block scalars. Inside detect/ only. */
#ifndef DETECT_SIGMA_BLOCK_H
#define DETECT_SIGMA_BLOCK_H

#include "detect/sigma_yaml.h"

/* The document that begins at `at`, which is line `line` (from 0): its tree as sigma_yaml.c would build it, with scalars
 * borrowed from `text` where they need no change, and in *ret_at, *ret_line where the next begins ("---", or the end).
 * False: it holds something else (flow style, anchors, tags, scalars over several lines, faults of any kind), and libyaml
 * has to read it; memory of `a` is lost then. */
bool yaml_block(struct arena *a, struct str text, size_t at, uint32_t line, const struct yaml **ret, size_t *ret_at, uint32_t *ret_line);

#endif
