/* What parses also prints, parses again to the same value, and has a canonical form that is its own canonical form. */
#include <stdlib.h>

#include "base/json.h"

static const struct json *parse(struct arena *a, struct str text)
{
	const struct json *v;

	return json_parse(a, text, &JSON_LIMITS, &v, NULL) == RC_OK ? v : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new((size_t)64 << 20);
	const struct json *v = parse(a, str_make((const char *)bytes, n)), *again;
	struct buf printed, canonical, twice;

	buf_init(&printed, (size_t)64 << 20), buf_init(&canonical, (size_t)64 << 20), buf_init(&twice, (size_t)64 << 20);
	if (v != NULL) {
		json_print(v, &printed);
		again = parse(a, buf_view(&printed));
		if (again == NULL || !json_same(v, again))
			abort();
		if (json_canonical(v, &canonical, NULL) == RC_OK &&
		    (json_canonical(parse(a, buf_view(&canonical)), &twice, NULL) != RC_OK ||
		     !str_eq(buf_view(&canonical), buf_view(&twice))))
			abort();
	}
	buf_done(&printed), buf_done(&canonical), buf_done(&twice);
	arena_free(a);
	return 0;
}
