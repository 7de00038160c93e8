/* A body of _bulk, plain or gzip: no item beyond the limits, and the reply has one for each. */
#include "input/bulk.h"
#include "input/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = str_make((const char *)data, size);
	struct arena *a = arena_new((size_t)16 << 20);
	struct fields *dict = fields_new();
	struct flat *f = NULL;
	struct buf out;
	struct bulk k;

	buf_init(&out, 1 << 20);
	if (a != NULL && dict != NULL && flat_new(&f, NULL) == RC_OK) {
		if (bulk_gunzip(body, &out, NULL) == RC_OK)
			body = buf_view(&out);
		if (bulk_read(a, body, S(""), f, dict, &k, NULL) == RC_OK)
			for (uint32_t i = 0; i < k.n; i++)
				if ((k.items[i].status == 201) != (k.items[i].type == NULL) || (k.items[i].status == 201 && k.items[i].document.n > INPUT_MESSAGE_MAX))
					__builtin_trap();
	}
	buf_done(&out);
	flat_free(f);
	fields_free(dict);
	arena_free(a);
	return 0;
}
