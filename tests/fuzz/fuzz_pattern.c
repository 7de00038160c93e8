/* What the strict reading accepts, the lenient one accepts, and every list of values is no longer than the pattern. */
#include <stdlib.h>

#include "stix/pattern.h"
#include "stix/pattern_ast.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new((size_t)256 << 20);
	struct str text = str_make((const char *)bytes, n);
	const struct pattern *p;
	const struct pat_simple *list;
	struct err err;
	size_t count;
	bool strict = stix_pattern_check(text, &err) == RC_OK;
	bool lenient = stix_pattern_parse(a, text, &STIX_PATTERN_LENIENT, &p, &err) == RC_OK;

	if (strict && !lenient)
		abort();
	if (lenient && stix_pattern_simples(a, p, &list, &count, &err) == RC_OK && count > n)
		abort();
	arena_free(a);
	return 0;
}
