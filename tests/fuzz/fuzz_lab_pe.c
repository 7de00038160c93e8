/* Any bytes as a Windows program: every directory, section and text of it. */
#include "lab/pe.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct pe p;
	struct err err;
	volatile char seen = 0;

	if (pe_read(str_make((const char *)bytes, n), &p, &err) != RC_OK)
		return 0;
	for (unsigned d = 0; d < PE_DIRECTORIES; d++) {
		struct str s = pe_directory(&p, (enum pe_directory)d), t = pe_text(&p, p.directory[d].address, 100);

		seen ^= s.n > 0 ? s.p[0] ^ s.p[s.n - 1] : 0;
		seen ^= t.n > 0 ? t.p[t.n - 1] : 0;
	}
	for (size_t i = 0; i < p.n_sections; i++) {
		struct str s = pe_at(&p, p.section[i].address);

		seen ^= s.n > 0 ? s.p[s.n - 1] : 0;
	}
	return pe_end(&p) > n ? __builtin_trap(), 0 : 0;
}
