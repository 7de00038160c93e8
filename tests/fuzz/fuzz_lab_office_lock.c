/* Any bytes as the description of a lock of Office, with a word that costs little, and as what is locked. */
#include "lab/office_lock.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct str in = str_make((const char *)bytes, n);
	unsigned char out[OFFICE_LOCK_PIECE];
	struct office_lock l;

	if (office_lock_read(in, a, &l)) {
		l.spins = 1;
		(void)office_lock_try(&l, in);
		(void)office_lock_open(&l, 0, str_slice(in, 0, OFFICE_LOCK_PIECE), out);
	}
	arena_free(a);
	return 0;
}
