/* UUIDs (RFC 4122): text form, random (version 4), by name (version 5). */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/str.h"

#define UUID_TEXT_LEN 36

struct uuid {
	unsigned char b[16];
};

/* Exactly 36 characters, either case on reading, variant 1; version 1-8. */
bool uuid_parse(struct str text, struct uuid *ret);
/* Lower case, NUL-terminated. */
struct str uuid_format(const struct uuid *u, char out[static UUID_TEXT_LEN + 1]);
int uuid_version(const struct uuid *u);

void uuid_v4(struct uuid *ret);
void uuid_v5(const struct uuid *space, struct str name, struct uuid *ret);

#endif
