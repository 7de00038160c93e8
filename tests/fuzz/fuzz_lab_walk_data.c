/* Any bytes as a page with data in its addresses. */
#include "fuzz/lab_one.h"

extern const struct lab_walker LAB_WALK_DATA;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_WALK_DATA.walk, str_make((const char *)bytes, n), LAB_TYPE(LAB_HTML), "member", "x");
	return 0;
}
