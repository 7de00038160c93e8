/* Any bytes as a program of Linux. */
#include "fuzz/lab_one.h"

extern const struct lab_maker LAB_MAKE_ELF;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_MAKE_ELF.make, str_make((const char *)bytes, n), LAB_TYPE(LAB_ELF), "member", "x");
	return 0;
}
