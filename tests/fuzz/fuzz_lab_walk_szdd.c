/* Any bytes as a file of COMPRESS.EXE. */
#include "fuzz/lab_one.h"

extern const struct lab_walker LAB_WALK_SZDD;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_WALK_SZDD.walk, str_make((const char *)bytes, n), LAB_TYPE(LAB_SZDD), "member", "x");
	return 0;
}
