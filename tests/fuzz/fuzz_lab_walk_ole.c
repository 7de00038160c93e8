/* Any bytes as a compound file. */
#include "fuzz/lab_one.h"

extern const struct lab_walker LAB_WALK_OLE;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_WALK_OLE.walk, str_make((const char *)bytes, n), LAB_TYPE(LAB_OLE), "member", "x");
	return 0;
}
