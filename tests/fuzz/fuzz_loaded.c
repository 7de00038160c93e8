/* Any object as a statement of what a detector has. */
#include "intel/loaded_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct loaded_statement s;
	const struct json *v;
	struct str again;

	if (a != NULL && json_parse(a, str_make((const char *)data, size), &JSON_LIMITS, &v, NULL) == RC_OK && loaded_read(a, v, &s, NULL) == RC_OK) {
		if (s.n > LOADED_INDICATORS_MAX || s.member.n > LOADED_MEMBER_MAX)
			__builtin_trap();
		(void)!loaded_object(a, &s, S("identity--aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"), S("k"), 1, &again, NULL);
	}
	arena_free(a);
	return 0;
}
