/* Any text as facts, under two packs: the view does not depend on their order, and no clock stops being what it says. */
#include "desk/derive.h"

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct arena *a, const char *name, struct str text)
{
	struct incident_view *v = arena_alloc(a, sizeof *v);
	const struct pack *p;
	struct desk_facts f;
	struct err err;

	if (v == NULL || pack_load(a, name, &p, &err) != RC_OK || desk_facts_parse(a, "f", text, &f, &err) != RC_OK ||
	    derive(a, p, &f, 1800000000 * USEC_PER_SEC, v, &err) != RC_OK)
		return;
	for (size_t i = 0; i < v->n_clocks; i++)
		if ((v->clocks[i].verdict == CLOCK_BREACHED) != (v->clocks[i].breached != NO_TIME) || v->clocks[i].started == NULL)
			__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)64 << 20);

	if (a != NULL)
		look(a, "tw-2026", str_make((const char *)data, size)), look(a, "eu-nis2", str_make((const char *)data, size));
	arena_free(a);
	return 0;
}
