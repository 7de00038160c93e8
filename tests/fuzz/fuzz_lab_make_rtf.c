/* Any bytes as Rich Text with fields. */
#include "fuzz/lab_one.h"

extern const struct lab_maker LAB_MAKE_RTF;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_MAKE_RTF.make, str_make((const char *)bytes, n), LAB_TYPE(LAB_RTF), "member", "x");
	return 0;
}
