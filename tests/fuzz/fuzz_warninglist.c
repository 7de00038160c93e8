/* A list from the first half of the bytes; the second half is looked up in it as every kind of value. */
#include "intel/warninglist.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct warninglists *w = warninglists_new();
	struct str text = str_make((const char *)bytes, n), names[WARNINGLIST_NAMES_MAX], list, value;
	size_t cut = str_find(text, S("\n"), 0);
	struct err err;

	list = str_slice(text, 0, cut);
	value = cut == SIZE_MAX ? S("evil.example") : str_slice(text, cut + 1, text.n);
	if (w != NULL && warninglists_add(w, list, &err) == RC_OK && warninglists_ready(w, &err) == RC_OK) {
		for (int kind = 0; kind <= OBS_KINDS; kind++)
			(void)warninglists_find(w, (enum observable_kind)kind, value, names, WARNINGLIST_NAMES_MAX);
	}
	warninglists_free(w);
	return 0;
}
