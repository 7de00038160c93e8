/* First line: an expression, the rest: a text. What is found, the literals that each match must hold are in. */
#include "base/fold.h"
#include "detect/engine_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_make((const char *)data, size > 4096 ? 4096 : size), pattern = str_slice(all, 0, str_find(all, S("\n"), 0));
	struct str text = str_slice(all, pattern.n + 1, all.n);
	struct arena *a = arena_new((size_t)4 << 20);
	struct typical *t = a == NULL ? NULL : typical_new(a);
	struct regex_env *env = regex_env_new();
	struct regex_run run = { 0 };
	const struct regex_need *needs;
	struct regex *re;
	char folded[FOLD_ROOM(4096)];

	if (t != NULL && env != NULL && regex_run_new(env, &run, NULL) == RC_OK && regex_compile(env, pattern, 0, &re, NULL) == RC_OK &&
	    regex_search(re, &(struct text){ .plain = text }, &run)) {
		struct str f = str_make(folded, fold_text(text, folded));
		size_t n = regex_needs(a, t, pattern, &needs);

		for (size_t i = 0; i < n; i++) {
			bool found = false;

			for (uint32_t k = 0; k < needs[i].n; k++)
				found |= str_find(f, needs[i].any[k], 0) != SIZE_MAX;
			if (!found)
				__builtin_trap();
		}
	}
	regex_run_done(&run);
	regex_env_free(env);
	arena_free(a);
	return 0;
}
