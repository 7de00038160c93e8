/* Any bytes as a compound file: every stream of it, and its paths; and as the list of modules of a macro project. */
#include "lab/cfb.h"
#include "lab/vba.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct vba_module modules[16];
	struct cfb c;
	struct err err;

	(void)vba_modules(str_make((const char *)bytes, n), a, modules, COUNTOF(modules));
	if (cfb_open(str_make((const char *)bytes, n), a, &c, NULL, NULL, &err) != RC_OK)
		return 0;
	for (uint32_t i = 0; i < c.n_entries; i++) {
		struct str s, path = cfb_path(&c, i, a);
		bool whole;

		if (path.n > 2 * CFB_PATH_MAX || cfb_stream(&c, &c.entry[i], &s, &whole, NULL, NULL, &err) != RC_OK)
			return 0;
	}
	return 0;
}
