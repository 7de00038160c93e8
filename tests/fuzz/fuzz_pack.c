/* Any text as a pack: refused with a text, or whole enough to judge an incident. */
#include "desk/derive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char facts[] = "{\"id\":\"a\",\"at\":\"2026-01-31T00:00:00Z\",\"type\":\"aware\"}\n"
		"{\"id\":\"b\",\"at\":\"2026-02-01T00:00:00Z\",\"type\":\"contained\",\"level\":2}\n";
	struct arena *a = arena_new((size_t)64 << 20);
	struct incident_view *v = a == NULL ? NULL : arena_alloc(a, sizeof *v);
	const struct pack *p;
	struct desk_facts f;
	struct err err = { 0 };

	if (v != NULL && pack_parse(a, "p", str_make((const char *)data, size), &p, &err) != RC_OK) {
		if (err.text[0] == '\0')
			__builtin_trap();
	} else if (v != NULL && desk_facts_parse(a, "f", str_of(facts), &f, &err) == RC_OK) {
		(void)!derive(a, p, &f, 1800000000 * USEC_PER_SEC, v, &err);
	}
	arena_free(a);
	return 0;
}
