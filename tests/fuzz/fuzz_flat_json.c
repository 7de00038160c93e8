/* Each way to read a line gives what the plain way gives; what was read prints as JSON that reads again. */
#include <stdlib.h>

#include "wire/flat_json_path.h"

static bool same(const struct flat *a, const struct flat *b)
{
	for (uint32_t i = 0; a->n == b->n && i < a->n; i++)
		if (a->v[i].p != b->v[i].p || a->v[i].name != b->v[i].name || a->v[i].n != b->v[i].n ||
		    a->v[i].field != b->v[i].field || a->v[i].type != b->v[i].type || a->v[i].flags != b->v[i].flags)
			return false;
	return a->n == b->n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fields *dict = fields_new();
	struct flat *plain = NULL, *other = NULL;
	struct str line = str_make((const char *)bytes, n);
	struct flat_json_way ways[3];
	struct buf printed;
	enum rc rc = RC_NOMEM;
	uint16_t id;

	buf_init(&printed, (size_t)64 << 20);
	if (fields_add_windows(dict, NULL) != RC_OK || fields_add(dict, S("Image"), &id, NULL) != RC_OK ||
	    flat_new(&plain, NULL) != RC_OK || flat_new(&other, NULL) != RC_OK)
		abort();
	rc = flat_json_plain(plain, dict, line, NULL);
	for (size_t i = flat_json_ways(ways); i-- > 0;)
		if (flat_json_by(ways[i].read, other, dict, line, NULL) != rc || (rc == RC_OK && !same(plain, other)))
			abort();
	if (rc == RC_OK && (flat_json_print(plain, &printed), flat_json_plain(other, dict, buf_view(&printed), NULL) != RC_OK))
		abort();
	buf_done(&printed), flat_free(plain), flat_free(other), fields_free(dict);
	return 0;
}
