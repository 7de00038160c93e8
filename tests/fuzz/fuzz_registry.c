/* Any JSON as an entry of each register, and as an item of the wizard: what was taken reads back as itself. */
#include "desk/wizard.h"

#include <stdlib.h>

#include "desk/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)64 << 20);
	const struct json *v, *body;
	struct register_entry e, again;
	struct wizard_item item;
	const struct pack *p;
	struct err err;

	if (a != NULL && json_parse(a, str_make((const char *)data, size), &JSON_LIMITS, &v, &err) == RC_OK && pack_load(a, "tw-2026", &p, &err) == RC_OK) {
		for (int kind = 0; kind < REGISTER_KINDS; kind++) {
			if (registry_entry((enum register_kind)kind, &p, 1, v, NULL, a, &e, &err) != RC_OK || json_parse(a, e.body, &JSON_LIMITS, &body, &err) != RC_OK)
				continue;
			if (registry_entry((enum register_kind)kind, &p, 1, body, &e, a, &again, &err) != RC_OK || !str_eq(e.body, again.body))
				abort();
		}
		item = (struct wizard_item){ .ict = v, .given = v };
		if (wizard_fill(p, &item, 0, 1800000000 * USEC_PER_SEC, &err) == RC_OK && item.turns != NO_TIME && item.back != NO_TIME)
			abort();
	}
	arena_free(a);
	return 0;
}
