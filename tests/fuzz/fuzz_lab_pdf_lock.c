/* Any bytes as a PDF that is locked, with a word; what its key opens. */
#include "lab/pdf_lock.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct str in = str_make((const char *)bytes, n);
	unsigned char *out = arena_alloc(a, n + 1);
	struct pdf_lock l;
	const char *why;

	if (out != NULL && pdf_lock_read(in, a, &l, &why)) {
		(void)pdf_lock_try(&l, S("word"));
		if (pdf_lock_open(&l, 7, 0, in, out) > n && pdf_lock_open(&l, 7, 0, in, out) != SIZE_MAX)
			abort();
	}
	arena_free(a);
	return 0;
}
