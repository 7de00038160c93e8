/* MATCHES: PCRE2 under limits that a hostile expression cannot lift. Used by
 * pattern_cmp.c only. */
#ifndef STIX_PATTERN_REGEX_H
#define STIX_PATTERN_REGEX_H

#include "stix/pattern_cmp.h"

struct pat_regex; /* freed with its environment */

/* Compiles for UTF-8 subjects (`utf8`) or for octets. RC_BAD: "pattern: byte 20: regular expression: ..." */
enum rc pat_regex_compile(struct pat_regex_env *env, struct str text, bool utf8, uint32_t at, struct pat_regex **ret,
			  struct err *err) MUSTUSE;

/* Searches `subject`, which must be UTF-8 when compiled so. Sets run->rc when a limit is hit. */
bool pat_regex_search(const struct pat_regex *re, struct str subject, struct pat_run *run);

#endif
