/* Any bytes as a part of a package, on a sheet of macros. */
#include "fuzz/lab_one.h"

extern const struct lab_maker LAB_MAKE_OOXML;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_MAKE_OOXML.make, str_make((const char *)bytes, n), LAB_TYPE(LAB_XML), "member", "xl/macrosheets/a.xml");
	return 0;
}
