/* Any text as a file of rules, twice (names and filters meet): a report for each document, trees that hold together. */
#include "detect/sigma.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct sigma_node *n, unsigned depth)
{
	size_t sum = 1;

	if (depth > 1000 || (n->kind == SIGMA_TEST) != (n->test != NULL) || (n->kind == SIGMA_NOT && n->n_kids != 1))
		__builtin_trap();
	for (uint32_t i = 0; i < n->n_kids && sum < 1000; i++)
		sum += walk(n->kids[i], depth + 1);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)64 << 20);
	CLEANUP(sigma_reader_freep) struct sigma_reader *r = NULL;
	const struct sigma_set *set;
	struct str values[] = { S("one"), S("t*o") };
	struct err err;
	bool read = a != NULL && sigma_reader_new(a, &r, &err) == RC_OK && sigma_reader_placeholder(r, S("list"), values, 2, &err) == RC_OK;

	for (int i = 0; i < 2 && read; i++)
		read = sigma_reader_add(r, S("f.yml"), str_make((const char *)data, size), &err) == RC_OK;
	if (read && sigma_reader_end(r, &set, &err) == RC_OK) {
		if (set->n_reports == 0 || set->n_rules != set->loaded)
			__builtin_trap();
		for (uint32_t i = 0; i < set->n_rules; i++)
			if ((set->rules[i].kind == SIGMA_RULE ? walk(set->rules[i].detection, 0) : set->rules[i].corr->n_rules) == 0)
				__builtin_trap();
	}
	arena_free(a);
	return 0;
}
