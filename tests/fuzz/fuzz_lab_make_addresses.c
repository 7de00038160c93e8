/* Any bytes as a file with addresses. */
#include "fuzz/lab_one.h"

extern const struct lab_maker LAB_MAKE_ADDRESSES;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_MAKE_ADDRESSES.make, str_make((const char *)bytes, n), LAB_TYPE(LAB_TEXT), "member", "x");
	return 0;
}
