/* Any bytes as a ZIP archive. */
#include "fuzz/lab_one.h"

extern const struct lab_walker LAB_WALK_ZIP;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_WALK_ZIP.walk, str_make((const char *)bytes, n), LAB_TYPE(LAB_ZIP), "member", "x");
	return 0;
}
