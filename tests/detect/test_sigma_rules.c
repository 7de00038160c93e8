/* The rules of SigmaHQ, all of them: each is loaded or waits for a list, and says which. */
#include "detect/material.h"
#include "detect/sigma.h"
#include "tap.h"

static const char *const folders[] = { "sigma/rules", "sigma/rules-emerging-threats", "sigma/rules-threat-hunting",
	"sigma/rules-placeholder", "sigma/rules-compliance" };

int main(void)
{
	char paths[COUNTOF(folders)][4096];
	const char *list[COUNTOF(folders)];
	const struct sigma_set *set;
	struct arena *a = arena_new((size_t)256 << 20);
	struct err err;
	uint32_t named = 0, needing = 0;

	for (size_t i = 0; i < COUNTOF(folders); i++) {
		list[i] = paths[i];
		if (material(folders[i], paths[i]))
			continue;
		SKIP("no sigma/ in LIANFANG_DATA or ../shared/data", "SigmaHQ's rules");
		arena_free(a);
		return tap_done();
	}
	if (OK(sigma_load(a, list, COUNTOF(list), NULL, &set, &err) == RC_OK, "SigmaHQ's rules are read")) {
		EQ_INT(set->n_reports, 3780, "a report for each rule");
		EQ_INT(set->loaded, 3755, "loaded");
		EQ_INT(set->n_rules, 3755, "in the set");
		EQ_INT(set->need_list, 25, "wait for a list");
		EQ_INT(set->refused, 0, "refused");
		for (uint32_t i = 0; i < set->n_reports; i++) {
			needing += set->reports[i].verdict == SIGMA_NEEDS_LIST;
			named += set->reports[i].verdict == SIGMA_NEEDS_LIST && str_find(set->reports[i].reason, S("%"), 0) != SIZE_MAX;
		}
		EQ_INT(named, needing, "each of them names its list");
		OK(arena_used(a) < (size_t)16 << 20, "in %zu bytes", arena_used(a));
	} else {
		printf("# %s\n", err.text);
	}
	arena_free(a);
	return tap_done();
}
