/* Any bytes as a mail. */
#include "fuzz/lab_one.h"

extern const struct lab_walker LAB_WALK_MAIL;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(LAB_WALK_MAIL.walk, str_make((const char *)bytes, n), LAB_TYPE(LAB_EML), "member", "x");
	return 0;
}
