/* Inside base/ only: what may not stand in a JSON string as it is (RFC 8259 §7),
 * sixteen bytes at a time or one. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/vec16.h"

static inline vec16 json_special16(vec16 v)
{
	return (vec16)((v == '"') | (v == '\\') | (v < ' '));
}

static inline bool json_special(char c)
{
	return (unsigned char)c < ' ' || c == '"' || c == '\\';
}

#endif
