/* From a rule's tree to a program. Tests are interned over all rules: the same
 * question of the same field is asked once an event. The tree becomes steps
 * that each name the next step for yes and for no, so that running needs neither
 * a stack nor recursion and NOT costs nothing. Operands of AND stand in the
 * order in which failing is cheapest.
 *
 * The witness of a rule is a set of tests one of which holds whenever the rule
 * matches: for AND the best set of an operand, for OR all of them together.
 * What lies below a NOT, and the tests that hold for absent fields, are none. */
#include "detect/engine_int.h"

#include <math.h>

#include "base/fold.h"

#define TESTS_MAX ((uint32_t)1 << 24)
#define WORK_BYTES_MAX ((size_t)256 << 20)

struct slot { /* of the table of interned tests */
	const struct sigma_test *from;
	uint16_t field, other;
	uint32_t test;
};

struct compiler {
	struct engine_image *m;
	struct arena *work; /* of the tree just compiled */
	struct slot *slots;
	uint32_t n_slots;
	struct test *tests;
	uint32_t n_tests, cap_tests;
	struct step *steps; /* of the tree just compiled */
	uint32_t n_steps, cap_steps;
};

/* A node of the tree with what is guessed of it. */
struct branch {
	enum sigma_node_kind kind;
	uint32_t test, n;
	struct branch **kids;
	float chance, cost;  /* that it holds; of finding out */
	float wake;          /* how often its witness holds; INFINITY: it has none */
};

enum rc compiler_new(struct engine_image *m, struct compiler **ret, struct err *err)
{
	struct compiler *c = mem_alloc(sizeof *c);

	if (c != NULL)
		c->work = arena_new(WORK_BYTES_MAX);
	if (c == NULL || c->work == NULL) {
		mem_free(c);
		return FAIL(err, RC_NOMEM, "engine: out of memory");
	}
	c->m = m;
	*ret = c;
	return RC_OK;
}

void compiler_freep(struct compiler **c)
{
	if (*c == NULL)
		return;
	arena_free((*c)->work);
	mem_free((*c)->slots);
	mem_free((*c)->tests);
	mem_free((*c)->steps);
	mem_free(*c);
	*c = NULL;
}

const struct test *compiler_tests(const struct compiler *c)
{
	return c->tests;
}

void compiler_end(struct compiler *c)
{
	struct test *tests = c->tests == NULL ? NULL : mem_resize(c->tests, c->n_tests * sizeof *tests);

	c->m->tests = tests == NULL ? c->tests : tests; /* a block that does not shrink is as good */
	c->m->n_tests = c->n_tests;
	c->tests = NULL;
}

/* ---- tests */

static enum rc no_memory(struct err *err)
{
	return FAIL(err, RC_NOMEM, "engine: out of memory");
}

static bool folded(struct arena *a, struct str s, bool cased, struct str *ret)
{
	char *to;

	if (cased || s.n == 0) {
		*ret = s;
		return true;
	}
	to = arena_alloc(a, FOLD_ROOM(s.n));
	if (to == NULL)
		return false;
	*ret = str_make(to, fold_text(s, to));
	return true;
}

/* Pieces without empty literals and repeated ANY, neighbouring literals joined; folded. In the work arena. */
static bool pieces_of(struct arena *work, const struct sigma_test *from, struct glob *ret)
{
	struct sigma_piece *out = arena_array(work, from->n_pieces == 0 ? 1 : from->n_pieces, sizeof *out);
	uint32_t n = 0;

	if (out == NULL)
		return false;
	for (uint32_t i = 0; i < from->n_pieces; i++) {
		struct sigma_piece p = from->pieces[i];

		if (p.kind == SIGMA_LITERAL && p.text.n == 0)
			continue;
		if (p.kind == SIGMA_ANY && n > 0 && out[n - 1].kind == SIGMA_ANY)
			continue;
		if (p.kind == SIGMA_LITERAL && !folded(work, p.text, from->cased, &p.text))
			return false;
		if (p.kind == SIGMA_LITERAL && n > 0 && out[n - 1].kind == SIGMA_LITERAL) {
			struct str *first = &out[n - 1].text;
			char *both = arena_alloc(work, first->n + p.text.n);

			if (both == NULL)
				return false;
			memcpy(both, first->p, first->n);
			memcpy(both + first->n, p.text.p, p.text.n);
			*first = str_make(both, first->n + p.text.n);
			continue;
		}
		out[n++] = p;
	}
	*ret = (struct glob){ out, n };
	return true;
}

static bool keep(struct arena *a, struct str s, struct str *ret)
{
	char *to = arena_alloc(a, s.n == 0 ? 1 : s.n);

	if (to == NULL)
		return false;
	memcpy(to, s.p, s.n);
	*ret = str_make(to, s.n);
	return true;
}

static bool keep_glob(struct arena *a, struct glob g, struct glob *ret)
{
	struct sigma_piece *out = arena_array(a, g.n, sizeof *out);

	for (uint32_t i = 0; out != NULL && i < g.n; i++) {
		out[i] = g.pieces[i];
		if (out[i].kind == SIGMA_LITERAL && !keep(a, g.pieces[i].text, &out[i].text))
			return false;
	}
	*ret = (struct glob){ out, g.n };
	return out != NULL;
}

static const struct str *glob_literal(const struct glob *g, const struct typical *typical, float *ret_chance)
{
	const struct str *best = NULL;

	*ret_chance = 0.5F;
	for (uint32_t i = 0; i < g->n; i++) {
		float chance = g->pieces[i].kind == SIGMA_LITERAL ? typical_chance(typical, g->pieces[i].text, NULL) : 2;

		if (chance < 2 && (best == NULL || chance < *ret_chance)) {
			*ret_chance = chance;
			best = &g->pieces[i].text;
		}
	}
	return best;
}

static bool match_make(struct compiler *c, const struct sigma_test *from, struct test *t)
{
	struct arena *a = c->m->arena;
	const struct sigma_piece *p;
	struct glob g;
	bool any_first, any_last;

	if (!pieces_of(c->work, from, &g))
		return false;
	p = g.pieces;
	any_first = g.n > 0 && p[0].kind == SIGMA_ANY;
	any_last = g.n > 0 && p[g.n - 1].kind == SIGMA_ANY;
	(void)glob_literal(&g, c->m->typical, &t->chance);
	if (g.n == 0 || (g.n == 1 && p[0].kind == SIGMA_LITERAL)) {
		t->kind = TEST_WHOLE;
		t->chance = t->chance > 0.04F ? 0.04F : t->chance;
		if (g.n > 0 && (str_eq_nocase(p[0].text, S("true")) || str_eq_nocase(p[0].text, S("false"))))
			t->chance = 0.5F; /* a field that holds such a word holds few others */
		return keep(a, g.n == 0 ? S("") : p[0].text, &t->lit);
	}
	if (g.n == 1 && any_first) {
		t->kind = TEST_PRESENT;
		t->chance = 1;
		return true;
	}
	if (g.n == 2 && any_last && p[0].kind == SIGMA_LITERAL) {
		t->kind = TEST_PREFIX;
		return keep(a, p[0].text, &t->lit);
	}
	if (g.n == 2 && any_first && p[1].kind == SIGMA_LITERAL) {
		t->kind = TEST_SUFFIX;
		return keep(a, p[1].text, &t->lit);
	}
	if (g.n == 3 && any_first && any_last && p[1].kind == SIGMA_LITERAL) {
		t->kind = TEST_CONTAINS;
		return keep(a, p[1].text, &t->lit);
	}
	t->kind = TEST_GLOB;
	return keep_glob(a, g, &t->glob);
}

static enum rc regex_make(struct compiler *c, const struct sigma_test *from, struct test *t, struct err *err)
{
	t->kind = TEST_REGEX;
	TRY(regex_compile(c->m->regexes, from->text, from->re_flags, &t->regex, err));
	t->regex->n_needs = regex_needs(c->m->arena, c->m->typical, from->text, &t->regex->needs);
	t->chance = t->regex->n_needs == 0 ? 0.6F : 0;
	for (uint32_t i = 0; t->regex->n_needs > 0 && i < t->regex->needs[0].n; i++)
		t->chance += typical_chance(c->m->typical, t->regex->needs[0].any[i], NULL);
	return RC_OK;
}

static enum rc net_make(struct compiler *c, const struct sigma_test *from, struct test *t, struct err *err)
{
	struct net *net = arena_alloc(c->m->arena, sizeof *net);

	if (net == NULL)
		return no_memory(err);
	if (!net_parse(from->text, net))
		return FAIL(err, RC_BAD, "\"%.*s\" is no block of addresses", STR(from->text));
	t->kind = TEST_CIDR;
	t->net = net;
	t->chance = 0.2F;
	return RC_OK;
}

static enum rc test_make(struct compiler *c, const struct sigma_test *from, struct test *t, struct err *err)
{
	static const uint8_t orders[] = { TEST_LT, TEST_LE, TEST_GT, TEST_GE };

	t->number = from->number;
	t->chance = 0.1F;
	switch (from->op) {
	case SIGMA_MATCH: return match_make(c, from, t) ? RC_OK : no_memory(err);
	case SIGMA_REGEX: return regex_make(c, from, t, err);
	case SIGMA_CIDR: return net_make(c, from, t, err);
	case SIGMA_NUMBER: t->kind = TEST_NUMBER; return RC_OK;
	case SIGMA_BOOL: t->kind = TEST_BOOL; t->chance = 0.5F; return RC_OK;
	case SIGMA_LT:
	case SIGMA_LE:
	case SIGMA_GT:
	case SIGMA_GE: t->kind = orders[from->op - SIGMA_LT]; t->chance = 0.4F; return RC_OK;
	case SIGMA_NULL: t->kind = TEST_NULL; t->chance = 0.3F; return RC_OK;
	case SIGMA_EXISTS: t->kind = TEST_EXISTS; t->chance = 1; return RC_OK;
	case SIGMA_FIELDREF: t->kind = TEST_FIELDREF; t->how = (uint8_t)from->ref; return RC_OK;
	case SIGMA_TIME_PART: t->kind = TEST_TIME_PART; t->how = (uint8_t)from->part; t->chance = 0.3F; return RC_OK;
	}
	t->kind = TEST_NEVER;
	return RC_OK;
}

static uint32_t slot_at(const struct slot *slots, uint32_t n, const struct sigma_test *from, uint16_t field, uint16_t other)
{
	uint64_t h = ((uint64_t)(uintptr_t)from >> 3) * 0x9e3779b97f4a7c15u ^ ((uint64_t)field << 16 | other) * 0xc2b2ae3d27d4eb4fu;
	uint32_t at = (uint32_t)(h >> 32) & (n - 1);

	while (slots[at].from != NULL && (slots[at].from != from || slots[at].field != field || slots[at].other != other))
		at = (at + 1) & (n - 1);
	return at;
}

static enum rc grow(struct compiler *c, struct err *err)
{
	uint32_t n_slots = c->n_slots == 0 ? 4096 : c->n_slots * 2;
	struct slot *slots;
	struct test *tests;

	if (c->n_tests == c->cap_tests) {
		uint32_t cap = c->cap_tests == 0 ? 2048 : c->cap_tests * 2;

		if (cap > TESTS_MAX)
			return FAIL(err, RC_LIMIT, "engine: more than %u tests", TESTS_MAX);
		tests = mem_resize(c->tests, cap * sizeof *tests);
		if (tests == NULL)
			return no_memory(err);
		c->tests = tests;
		c->cap_tests = cap;
	}
	if (c->n_tests * 2 < c->n_slots)
		return RC_OK;
	slots = mem_array(n_slots, sizeof *slots);
	if (slots == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < c->n_slots; i++)
		if (c->slots[i].from != NULL)
			slots[slot_at(slots, n_slots, c->slots[i].from, c->slots[i].field, c->slots[i].other)] = c->slots[i];
	mem_free(c->slots);
	c->slots = slots;
	c->n_slots = n_slots;
	return RC_OK;
}

static enum rc intern(struct compiler *c, const struct sigma_test *from, uint16_t field, uint16_t other, uint32_t *ret, struct err *err)
{
	struct test t = { .field = field, .other = other, .cased = from->cased, .from = from };
	uint32_t at;

	TRY(grow(c, err));
	at = slot_at(c->slots, c->n_slots, from, field, other);
	if (c->slots[at].from == NULL) {
		TRY(test_make(c, from, &t, err));
		c->slots[at] = (struct slot){ from, field, other, c->n_tests };
		c->tests[c->n_tests++] = t;
	}
	*ret = c->slots[at].test;
	return RC_OK;
}

/* ---- trees */

struct names {
	const struct taxonomy_map *maps;
	uint32_t n;
};

static enum rc field_of(struct compiler *c, struct str name, const struct names *names, uint16_t *ret, struct err *err)
{
	for (uint32_t i = 0; i < names->n; i++) {
		if (str_eq(names->maps[i].rule, name)) {
			name = names->maps[i].event;
			break;
		}
	}
	*ret = FIELD_NONE;
	return name.n == 0 ? RC_OK : fields_add(c->m->fields, name, ret, err);
}

static float cost_of(const struct test *t)
{
	static const uint8_t cost[] = {
		[TEST_WHOLE] = 1, [TEST_PREFIX] = 1, [TEST_SUFFIX] = 1, [TEST_CONTAINS] = 3, [TEST_GLOB] = 5, [TEST_REGEX] = 20,
		[TEST_PRESENT] = 1, [TEST_CIDR] = 8, [TEST_NUMBER] = 2, [TEST_BOOL] = 1, [TEST_LT] = 2, [TEST_LE] = 2, [TEST_GT] = 2,
		[TEST_GE] = 2, [TEST_TIME_PART] = 3, [TEST_EXISTS] = 1, [TEST_NULL] = 1, [TEST_FIELDREF] = 4, [TEST_NEVER] = 1,
	};

	return t->field == FIELD_NONE ? 40 : cost[t->kind];
}

#define WAKE_OF_ORDER 0.03F

static enum rc leaf_build(struct compiler *c, const struct sigma_test *from, const struct names *names, struct branch *b, struct err *err)
{
	const struct test *t;
	uint16_t field, other = FIELD_NONE;

	TRY(field_of(c, from->field, names, &field, err));
	if (from->op == SIGMA_FIELDREF)
		TRY(field_of(c, from->text, names, &other, err));
	TRY(intern(c, from, field, other, &b->test, err));
	t = &c->tests[b->test];
	b->chance = t->chance;
	b->cost = cost_of(t);
	/* A keyword is looked for in all values: any other witness is better. Thresholds are found by their order: there may be
	 * thousands, and what kind of event it is wakes all of them. A field that is not there, or holds an object, wakes nobody. */
	if (t->kind >= TEST_LT && t->kind <= TEST_GE)
		b->wake = WAKE_OF_ORDER;
	else
		b->wake = t->kind >= TEST_EXISTS ? INFINITY : t->chance + b->cost / 1000 + (field == FIELD_NONE ? 2 : 0);
	return RC_OK;
}

static int by_failing(const void *a, const void *b)
{
	const struct branch *x = *(struct branch *const *)a, *y = *(struct branch *const *)b;
	float left = x->cost * (1.01F - y->chance), right = y->cost * (1.01F - x->chance);

	return (left > right) - (left < right);
}

static void sum_and(struct branch *b)
{
	qsort(b->kids, b->n, sizeof *b->kids, by_failing);
	b->chance = 1;
	b->wake = INFINITY;
	for (uint32_t i = 0; i < b->n; i++) {
		b->cost += b->kids[i]->cost * b->chance;
		b->chance *= b->kids[i]->chance;
		if (b->kids[i]->wake < b->wake)
			b->wake = b->kids[i]->wake;
	}
}

static void sum_or(struct branch *b)
{
	float miss = 1;

	for (uint32_t i = 0; i < b->n; i++) {
		b->cost += b->kids[i]->cost * miss;
		miss *= 1 - b->kids[i]->chance;
		b->wake += b->kids[i]->wake;
	}
	b->chance = 1 - miss;
}

static enum rc branch_build(struct compiler *c, const struct sigma_node *node, const struct names *names, unsigned depth,
			    struct branch **ret, struct err *err)
{
	struct branch *b = arena_alloc(c->work, sizeof *b);

	if (b == NULL)
		return no_memory(err);
	if (depth > TREE_DEPTH_MAX)
		return FAIL(err, RC_BAD, "the condition nests more than %d deep", TREE_DEPTH_MAX);
	b->kind = node->kind;
	b->n = node->kind == SIGMA_TEST ? 0 : node->n_kids;
	b->kids = arena_array(c->work, b->n == 0 ? 1 : b->n, sizeof *b->kids);
	if (b->kids == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < b->n; i++)
		TRY(branch_build(c, node->kids[i], names, depth + 1, &b->kids[i], err));
	if (b->kind == SIGMA_TEST)
		TRY(leaf_build(c, node->test, names, b, err));
	if (b->kind == SIGMA_AND)
		sum_and(b);
	if (b->kind == SIGMA_OR)
		sum_or(b);
	if (b->kind == SIGMA_NOT) {
		b->chance = 1 - b->kids[0]->chance;
		b->cost = b->kids[0]->cost;
		b->wake = INFINITY;
	}
	if (b->kind == SIGMA_ALWAYS) {
		b->chance = 1;
		b->wake = INFINITY;
	}
	*ret = b;
	return RC_OK;
}

/* Writes steps from the last to the first: a target is there before the step that names it. */
static enum rc steps_build(struct compiler *c, const struct branch *b, uint32_t yes, uint32_t no, uint32_t *ret, struct err *err)
{
	switch (b->kind) {
	case SIGMA_AND:
		for (uint32_t i = b->n; i-- > 0;)
			TRY(steps_build(c, b->kids[i], yes, no, &yes, err));
		*ret = yes;
		return RC_OK;
	case SIGMA_OR:
		for (uint32_t i = b->n; i-- > 0;)
			TRY(steps_build(c, b->kids[i], yes, no, &no, err));
		*ret = no;
		return RC_OK;
	case SIGMA_NOT: return steps_build(c, b->kids[0], no, yes, ret, err);
	case SIGMA_ALWAYS: *ret = yes; return RC_OK;
	case SIGMA_NEVER: *ret = no; return RC_OK;
	case SIGMA_TEST: break;
	}
	if (c->n_steps == c->cap_steps) {
		uint32_t cap = c->cap_steps == 0 ? 256 : c->cap_steps * 2;
		struct step *steps = mem_resize(c->steps, cap * sizeof *steps);

		if (steps == NULL)
			return no_memory(err);
		c->steps = steps;
		c->cap_steps = cap;
	}
	c->steps[c->n_steps] = (struct step){ b->test, yes, no };
	*ret = c->n_steps++;
	return RC_OK;
}

/* The tests of the best witness, which is there: wake is finite. */
static void witness_collect(const struct branch *b, uint32_t *out, uint32_t *n)
{
	const struct branch *best = NULL;

	if (b->kind == SIGMA_TEST)
		out[(*n)++] = b->test;
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->kind == SIGMA_OR)
			witness_collect(b->kids[i], out, n);
		else if (best == NULL || b->kids[i]->wake < best->wake)
			best = b->kids[i];
	}
	if (best != NULL)
		witness_collect(best, out, n);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static enum rc witness_build(struct compiler *c, const struct branch *b, struct instance *in, struct err *err)
{
	uint32_t *all = arena_array(c->work, c->n_steps + 1, sizeof *all), *out, n = 0, kept = 0;

	in->always = isinf(b->wake);
	if (all == NULL)
		return no_memory(err);
	if (in->always)
		return RC_OK;
	witness_collect(b, all, &n);
	qsort(all, n, sizeof *all, by_number);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || all[i] != all[kept - 1])
			all[kept++] = all[i];
	out = arena_array(c->m->arena, kept + 1, sizeof *out);
	if (out == NULL)
		return no_memory(err);
	memcpy(out, all, kept * sizeof *out);
	in->witness = out;
	in->n_witness = kept;
	return RC_OK;
}

enum rc compiler_add(struct compiler *c, const struct sigma_node *tree, const struct taxonomy_map *maps, uint32_t n_maps,
		     struct instance *ret, struct err *err)
{
	struct names names = { maps, n_maps };
	struct instance in = { .rule = ret->rule };
	struct branch *b;
	struct step *steps;

	arena_reset(c->work);
	c->n_steps = 0;
	TRY(branch_build(c, tree, &names, 0, &b, err));
	TRY(steps_build(c, b, STEP_ACCEPT, STEP_REJECT, &in.entry, err));
	TRY(witness_build(c, b, &in, err));
	steps = arena_array(c->m->arena, c->n_steps + 1, sizeof *steps);
	if (steps == NULL)
		return no_memory(err);
	if (c->n_steps > 0)
		memcpy(steps, c->steps, c->n_steps * sizeof *steps);
	in.steps = steps;
	in.n_steps = c->n_steps;
	*ret = in;
	return RC_OK;
}
