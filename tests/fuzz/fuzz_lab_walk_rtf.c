/* Any bytes as Rich Text. */
#include "fuzz/lab_one.h"

extern const struct lab_walker LAB_WALK_RTF;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_WALK_RTF.walk, str_make((const char *)bytes, n), LAB_TYPE(LAB_RTF), "member", "x");
	return 0;
}
