/* Any bytes through each filter of PDF and the rows of differences; and as a compressed container of macros. */
#include "lab/pdf_filter.h"
#include "lab/vba.h"

#include <stdint.h>

static bool put(void *ctx, struct str s)
{
	size_t *left = ctx;

	*left -= s.n < *left ? s.n : *left;
	return *left > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str in = str_make((const char *)bytes, n);
	size_t left = (size_t)1 << 20, read;
	struct pdf_parameters p = { 0 };

	if (n < 6)
		return 0;
	p = (struct pdf_parameters){ bytes[1] % 16, bytes[2], bytes[3], bytes[4], bytes[5] & 1 };
	(void)pdf_decode((enum pdf_coding)(bytes[0] % (PDF_UNKNOWN + 1)), &p, str_slice(in, 6, n), put, &left);
	left = (size_t)1 << 20;
	(void)vba_unpack(str_slice(in, 6, n), put, &left, &read);
	return 0;
}
