/* Any bytes as an event log. A first byte tells where they stand: as they are, or as records of a chunk, so that what
 * is varied is binary XML and not the frame around it. */
#include "base/mem.h"
#include "wire/evtx.h"

#define FRAME (4096 + 512)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	CLEANUP(fields_freep) struct fields *dict = fields_new();
	CLEANUP(flat_freep) struct flat *f = NULL;
	CLEANUP(evtx_closep) struct evtx *e = NULL;
	CLEANUP(mem_freep) char *framed = mem_alloc(FRAME + n + 1);
	struct str file = { framed, FRAME + n };
	struct err err;

	if (dict == NULL || framed == NULL || flat_new(&f, &err) != RC_OK)
		return 0;
	if (n > 0)
		memcpy(framed + FRAME, bytes, n);
	memcpy(framed, "ElfFile\0", 8);
	memcpy(framed + 4096, "ElfChnk\0", 8);
	if (n > 0 && bytes[0] == 'E')
		file = str_make((const char *)bytes, n);
	if (evtx_open(file, dict, &e, &err) != RC_OK)
		return 0;
	while (evtx_next(e, f))
		;
	return 0;
}
