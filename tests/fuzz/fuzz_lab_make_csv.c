/* Any bytes as a table of plain text. */
#include "fuzz/lab_one.h"

extern const struct lab_maker LAB_MAKE_CSV;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_MAKE_CSV.make, str_make((const char *)bytes, n), LAB_TYPE(LAB_TEXT), "member", "x");
	return 0;
}
