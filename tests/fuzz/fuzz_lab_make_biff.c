/* Any bytes as a workbook in records, and as a sheet of macros of the newer kind. */
#include "fuzz/lab_one.h"

extern const struct lab_maker LAB_MAKE_BIFF;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str s = str_make((const char *)bytes, n);

	lab_one(LAB_MAKE_BIFF.make, s, LAB_TYPE(LAB_OLE), "stream", "Workbook");
	lab_one(LAB_MAKE_BIFF.make, s, 0, "member", "xl/macrosheets/sheet1.bin");
	return 0;
}
