/* Inside base/ only: the text of a JSON number as an exact decimal. */
#ifndef BASE_JSON_NUMBER_H
#define BASE_JSON_NUMBER_H

#include "base/json.h"

/* Same value; both are numbers. */
bool json_number_same(const struct json *a, const struct json *b);

#endif
