/* Any bytes as a packed file, in pieces of a size that the first byte tells. */
#include "wire/unpack.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str all = str_make((const char *)bytes + 1, n > 0 ? n - 1 : 0);
	struct unpack *u CLEANUP(unpack_freep) = NULL;
	size_t piece = n > 0 ? (size_t)bytes[0] + UNPACK_ROOM_LEAST : 0, got, total = 0;
	char out[512];
	struct err err;

	if (n == 0 || packing_of(all) == PACKING_NONE || unpack_new(packing_of(all), &u, &err) != RC_OK)
		return 0;
	while (all.n > 0) {
		struct str part = str_slice(all, 0, piece);

		all = str_slice(all, part.n, all.n);
		do
			if (unpack_step(u, &part, out, piece, &got, &err) != RC_OK)
				return 0;
		while (got > 0 && (total += got) < (1 << 22));
	}
	return (void)!unpack_end(u, &err), 0;
}
