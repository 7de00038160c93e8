/* Any bytes as a text with blocks of uuencode. */
#include "fuzz/lab_one.h"

extern const struct lab_walker LAB_WALK_UU;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_WALK_UU.walk, str_make((const char *)bytes, n), LAB_TYPE(LAB_UU), "member", "x");
	return 0;
}
