#include "cli/rules.h"

#include "base/time.h"
#include "detect/rulebook.h"

#define RULES_ARENA ((size_t)2 << 30)
#define RULE_PATHS_MAX 64
#define ASSUMED_MAX 64

enum rc cli_taxonomy_load(const struct cli *c, struct arena *a, const struct taxonomy **ret, struct err *err)
{
	const struct taxonomy *t;
	struct taxonomy *copy;
	const char *source;

	TRY(taxonomy_load(a, cli_get(c, "sources", NULL), &t, err));
	for (int i = 0; (source = cli_get_nth(c, "assume", i)) != NULL; i++) {
		if (i == ASSUMED_MAX)
			return FAIL(err, RC_LIMIT, "--assume: more than %d sources", ASSUMED_MAX);
		if (taxonomy_assume(a, t, str_of(source), &t, err) != RC_OK) {
			err_prefix(err, "--assume");
			return err->rc;
		}
	}
	copy = arena_alloc(a, sizeof *copy);
	if (copy == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	*copy = *t;
	copy->all_sources = cli_has(c, "all-sources");
	*ret = copy;
	return RC_OK;
}

enum rc cli_rules_load(const struct cli *c, struct cli_rules *ret, struct err *err)
{
	return cli_rules_load_with(c, NULL, ret, err);
}

enum rc cli_rules_load_with(const struct cli *c, const struct stix_rules *patterns, struct cli_rules *ret, struct err *err)
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
	if (rc == RC_OK && patterns != NULL)
		rc = stix_rules_join(patterns, ret->arena, ret->set, &ret->set, err);
	if (rc == RC_OK)
		rc = cli_taxonomy_load(c, ret->arena, &ret->taxonomy, err);
	if (rc == RC_OK)
		rc = engine_image_build(ret->set, ret->taxonomy, &ret->image, err);
	if (rc == RC_OK)
		rc = rulebook_refusals(ret->arena, ret->set, ret->image, &ret->refused, &ret->n_refused, err);
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
	return r->set->refused + r->set->need_list + r->n_refused;
}

size_t cli_rules_loaded(const struct cli_rules *r)
{
	return r->set->loaded - r->n_refused;
}

static void print_one(FILE *to, struct str file, uint32_t line, struct str title, struct str reason)
{
	fprintf(to, "  %.*s:%u: %.*s: %.*s\n", STR(file), line, STR(title.n > 0 ? title : S("(no title)")), STR(reason));
}

void cli_rules_print_refused(const struct cli_rules *r, FILE *to)
{
	for (uint32_t i = 0; i < r->set->n_reports; i++) {
		const struct sigma_report *x = &r->set->reports[i];

		if (x->verdict == SIGMA_REFUSED || x->verdict == SIGMA_NEEDS_LIST)
			print_one(to, x->file, x->line, x->title, x->reason);
	}
	for (size_t i = 0; i < r->n_refused; i++) {
		const struct sigma_rule *rule = &r->set->rules[r->refused[i].rule];

		print_one(to, rule->file, rule->line, rule->title, r->refused[i].reason);
	}
}
