/* First line a pattern, the rest a document: a match names the observations it used, and says the same again. */
#include <stdlib.h>

#include "stix/pattern_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new((size_t)256 << 20);
	struct str rest = str_make((const char *)bytes, n), pattern = { "", 0 };
	const struct stix_observations *o;
	struct stix_match first = { 0 }, second = { 0 };
	struct stix_matcher *m = NULL;
	const struct json *doc;

	(void)str_next(&rest, '\n', &pattern);
	if (rest.p != NULL && stix_matcher_compile(a, pattern, &STIX_PATTERN_LENIENT, &m, NULL) == RC_OK &&
	    json_parse(a, rest, &JSON_LIMITS, &doc, NULL) == RC_OK && stix_observations_index(a, doc, &o, NULL) == RC_OK) {
		enum rc rc = stix_matcher_run(m, o, NULL, a, &first, NULL);

		if (rc != stix_matcher_run(m, o, NULL, a, &second, NULL) || first.match != second.match ||
		    first.match != (first.n_used > 0))
			abort();
	}
	stix_matcher_free(m);
	arena_free(a);
	return 0;
}
