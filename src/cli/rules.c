#include "cli/rules.h"

#include "base/time.h"

#define RULES_ARENA ((size_t)2 << 30)
#define RULE_PATHS_MAX 64

enum rc cli_rules_load(const struct cli *c, struct cli_rules *ret, struct err *err)
{
	const char *paths[RULE_PATHS_MAX];
	usec begun = time_mono();
	enum rc rc;
	size_t n = 0;

	*ret = (struct cli_rules){ .arena = arena_new(RULES_ARENA) };
	if (ret->arena == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	while (n < RULE_PATHS_MAX && (paths[n] = cli_get_nth(c, "rules", (int)n)) != NULL)
		n++;
	rc = sigma_load(ret->arena, paths, n, cli_get(c, "lists", NULL), &ret->set, err);
	if (rc == RC_OK)
		rc = taxonomy_load(ret->arena, cli_get(c, "packs", NULL), &ret->taxonomy, err);
	if (rc == RC_OK)
		rc = engine_image_build(ret->set, ret->taxonomy, &ret->image, err);
	ret->seconds = (double)(time_mono() - begun) / (double)USEC_PER_SEC;
	if (rc != RC_OK)
		cli_rules_done(ret);
	return rc;
}

void cli_rules_done(struct cli_rules *r)
{
	engine_image_unref(r->image);
	arena_free(r->arena);
	*r = (struct cli_rules){ 0 };
}

size_t cli_rules_refused(const struct cli_rules *r)
{
	const struct engine_refusal *list;

	return r->set->refused + r->set->need_list + engine_image_refused(r->image, &list);
}

size_t cli_rules_loaded(const struct cli_rules *r)
{
	const struct engine_refusal *list;

	return r->set->loaded - engine_image_refused(r->image, &list);
}

static void print_one(FILE *to, struct str file, uint32_t line, struct str title, struct str reason)
{
	fprintf(to, "  %.*s:%u: %.*s: %.*s\n", STR(file), line, STR(title.n > 0 ? title : S("(no title)")), STR(reason));
}

void cli_rules_print_refused(const struct cli_rules *r, FILE *to)
{
	const struct engine_refusal *list;
	size_t n = engine_image_refused(r->image, &list);

	for (uint32_t i = 0; i < r->set->n_reports; i++) {
		const struct sigma_report *x = &r->set->reports[i];

		if (x->verdict == SIGMA_REFUSED || x->verdict == SIGMA_NEEDS_LIST)
			print_one(to, x->file, x->line, x->title, x->reason);
	}
	for (size_t i = 0; i < n; i++) {
		const struct sigma_rule *rule = &r->set->rules[list[i].rule];

		print_one(to, rule->file, rule->line, rule->title, list[i].reason);
	}
}
