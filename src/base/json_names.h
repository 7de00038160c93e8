/* Inside base/ only: the search for member names that stand twice (RFC 7493 §2.3). */
#ifndef BASE_JSON_NAMES_H
#define BASE_JSON_NAMES_H

#include "base/json.h"

/* RC_OK; RC_BAD with the second bearer of a name in *ret_twice; RC_NOMEM. */
enum rc json_names_check(const struct json *object, const struct json **ret_twice) MUSTUSE;

#endif
