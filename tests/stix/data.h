/* Finds the test material of others: $LIANFANG_DATA, else ../shared/data beside the
 * source tree. It is never part of the tree; who needs it and finds none says so and skips. */
#ifndef TESTS_STIX_DATA_H
#define TESTS_STIX_DATA_H

#include "base/buf.h"

/* Reads data/`name` whole into `out`; false when it is not there. */
__attribute__((unused)) static bool data_read(const char *name, struct buf *out)
{
	const char *data = getenv("LIANFANG_DATA"), *source = getenv("LIANFANG_SOURCE");
	struct buf path;
	FILE *f = NULL;
	size_t n;
	char *room;

	buf_init(&path, 4096);
	if (data != NULL)
		buf_fmt(&path, "%s/%s", data, name);
	else
		buf_fmt(&path, "%s/../shared/data/%s", source == NULL ? "." : source, name);
	if (path.bad == RC_OK)
		f = fopen(path.p, "rb");
	buf_done(&path);
	if (f == NULL)
		return false;
	while ((room = buf_room(out, 1 << 16)) != NULL && (n = fread(room, 1, 1 << 16, f)) > 0)
		buf_grew(out, n);
	fclose(f);
	return out->bad == RC_OK;
}

#endif
