/* Any bytes as a winmail.dat. */
#include "fuzz/lab_one.h"

extern const struct lab_walker LAB_WALK_TNEF;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_WALK_TNEF.walk, str_make((const char *)bytes, n), LAB_TYPE(LAB_TNEF), "member", "x");
	return 0;
}
