/* Whatever the bytes and however they are cut, the reader of misp takes them or says what is wrong with them. */
#include "intel/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct import_opts o = { .format = IMPORT_MISP, .dry_run = true, .source_name = S("fuzz"), .confidence = 255, .now = 1 };
	struct str text = str_make((const char *)bytes, n);
	size_t piece = n == 0 ? 1 : bytes[0] % 61 + 1;
	struct import *im;
	struct err err;
	enum rc rc = RC_OK;

	if (import_new(NULL, &o, &im, &err) != RC_OK)
		return 0;
	while (rc == RC_OK && text.n > 0) {
		rc = import_feed(im, str_slice(text, 0, piece), &err);
		text = str_slice(text, piece, text.n);
	}
	if (rc == RC_OK)
		(void)!import_end(im, &err);
	import_free(im);
	return 0;
}
