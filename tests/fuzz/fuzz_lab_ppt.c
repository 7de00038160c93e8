/* Any bytes as the stream of a presentation. */
#include "fuzz/lab_one.h"
#include "lab/ppt.h"

static enum rc look(struct lab_node *n, struct err *err)
{
	(void)err;
	ppt_objects(n, S("x"), n->bytes);
	return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	lab_one(look, str_make((const char *)bytes, n), LAB_TYPE(LAB_OLE), "stream", "PowerPoint Document");
	return 0;
}
