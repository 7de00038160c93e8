/* Any bytes as a program of Windows with something behind it. */
#include "fuzz/lab_one.h"

extern const struct lab_walker LAB_WALK_PE;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_WALK_PE.walk, str_make((const char *)bytes, n), LAB_TYPE(LAB_PE), "member", "x");
	return 0;
}
