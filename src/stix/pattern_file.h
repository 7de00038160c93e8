/* Patterns against documents as they come from a file: what the commands
 * `lianfang pattern check` and `lianfang pattern match` do. */
#ifndef STIX_PATTERN_FILE_H
#define STIX_PATTERN_FILE_H

#include "base/arena.h"

#define PATTERN_DOCUMENT_MAX ((size_t)256 << 20)

/* Does `pattern` (as STIX_PATTERN_LENIENT reads it) match `document`: JSON text of a STIX 2.0 or 2.1 bundle, an
 * array of bundles, an observed-data or an array of them? Errors, for exit status 2: RC_BAD (pattern, JSON or
 * observed-data is invalid, or a t'...' constant met a string that is no timestamp), RC_LIMIT, RC_NOMEM.
 * stix_pattern_check (pattern.h) is the other command. */
enum rc stix_pattern_match_document(struct str pattern, struct str document, bool *ret_match, struct err *err) MUSTUSE;

#endif
