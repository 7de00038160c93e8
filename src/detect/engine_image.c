/* Building the image: the dictionary of fields, one program for each rule and
 * each way its fields are named, and for each log source variant the list of
 * programs that its events meet. What is made of that for a set of variants
 * that an event really has is made when it first comes (engine_group.c).
 *
 * Hostile is nothing here but the size: rules are the operator's. */
#include "detect/engine_group.h"

#include "base/hash.h"

struct builder {
	struct engine_image *m;
	struct compiler *c;
	uint32_t *lists;      /* pairs (variant, instance) in the order of rules */
	size_t n_lists, cap_lists;
	uint32_t cap_instances;
};

static enum rc no_memory(struct err *err)
{
	return FAIL(err, RC_NOMEM, "engine: out of memory");
}

/* ---- life cycle */

static void image_free(struct engine_image *m)
{
	groups_done(m);
	regex_env_free(m->regexes);
	fields_free(m->fields);
	mem_free(m->tests);
	mem_free(m->instances);
	mem_free(m->refusals);
	arena_free(m->arena);
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

struct engine_image *engine_image_ref(struct engine_image *m)
{
	atomic_fetch_add(&m->refs, 1);
	return m;
}

void engine_image_unref(struct engine_image *m)
{
	if (m != NULL && atomic_fetch_sub(&m->refs, 1) == 1)
		image_free(m);
}

void engine_image_unrefp(struct engine_image **m)
{
	engine_image_unref(*m);
	*m = NULL;
}

const struct fields *engine_image_fields(const struct engine_image *m)
{
	return m->fields;
}

size_t engine_image_refused(const struct engine_image *m, const struct engine_refusal **ret)
{
	*ret = m->refusals;
	return m->n_refusals;
}

static enum rc image_new(const struct sigma_set *rules, const struct taxonomy *t, struct engine_image **ret, struct err *err)
{
	struct engine_image *m = mem_alloc(sizeof *m);

	if (m == NULL)
		return no_memory(err);
	atomic_init(&m->refs, 1);
	pthread_mutex_init(&m->lock, NULL);
	m->rules = rules;
	m->taxonomy = t;
	m->arena = arena_new(IMAGE_BYTES_MAX);
	m->fields = fields_new();
	m->regexes = regex_env_new();
	m->typical = m->arena == NULL ? NULL : typical_new(m->arena);
	m->n_variants = t == NULL ? 0 : t->n;
	m->variant_words = m->n_variants / 64 + 1;
	if (m->typical != NULL)
		m->variants = arena_array(m->arena, m->n_variants + 1, sizeof *m->variants);
	if (m->variants != NULL)
		m->assumed = arena_array(m->arena, m->variant_words, sizeof *m->assumed);
	if (m->fields == NULL || m->regexes == NULL || m->assumed == NULL) {
		image_free(m);
		return no_memory(err);
	}
	*ret = m;
	return RC_OK;
}

/* ---- variants */

bool rule_meets(const struct engine_image *m, const struct sigma_logsource *rule, const struct taxonomy_variant *variant)
{
	return taxonomy_applies(rule, variant) || (variant->open && !taxonomy_knows(m->taxonomy, rule));
}

static int by_field(const void *a, const void *b)
{
	const struct guard *x = a, *y = b;

	return x->field != y->field ? (x->field > y->field) - (x->field < y->field) : (x->test > y->test) - (x->test < y->test);
}

static struct guard guard_of(const struct test *tests, uint32_t test)
{
	struct guard g = { .test = test };

	if (test == NO_GUARD)
		return g;
	g.field = tests[test].field;
	g.present = g.field != FIELD_NONE && tests[test].kind < TEST_EXISTS;
	g.whole = tests[test].kind == TEST_WHOLE && !tests[test].cased;
	g.hash = g.whole ? hash_table(tests[test].lit) : 0;
	return g;
}

/* Variants are asked for by guard: one wrong channel answers for all of its variants. */
static enum rc guards_build(struct engine_image *m, const struct test *tests, struct err *err)
{
	uint32_t *all = arena_array(m->arena, m->n_variants + 1, sizeof *all), n = 0;
	struct guard *guards = arena_array(m->arena, m->n_variants + 1, sizeof *guards);

	if (all == NULL || guards == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < m->n_variants; i++) {
		struct guard *g = guards;

		while (g < guards + m->n_guards && g->test != m->variants[i].guard)
			g++;
		if (g < guards + m->n_guards)
			continue;
		*g = guard_of(tests, m->variants[i].guard);
		g->first = n;
		for (uint32_t k = i; k < m->n_variants; k++)
			if (m->variants[k].guard == g->test)
				all[n++] = k;
		g->n = n - g->first;
		m->n_guards++;
	}
	qsort(guards, m->n_guards, sizeof *guards, by_field);
	m->by_guard = all;
	m->guards = guards;
	return RC_OK;
}

static enum rc variants_build(struct builder *b, struct err *err)
{
	struct engine_image *m = b->m;

	if (m->n_variants > VARIANTS_MAX)
		return FAIL(err, RC_LIMIT, "engine: more than %d log source variants", VARIANTS_MAX);
	for (uint32_t i = 0; i < m->n_variants; i++) {
		struct variant *v = &m->variants[i];
		struct instance when = { 0 };
		enum rc rc;

		v->from = &m->taxonomy->variants[i];
		if (v->from->assumed)
			m->assumed[i / 64] |= (uint64_t)1 << (i % 64);
		rc = compiler_add(b->c, v->from->when, NULL, 0, &when, err);
		if (rc != RC_OK) {
			err_prefix(err, "log source %.*s", STR(v->from->name));
			return rc;
		}
		v->entry = when.entry;
		v->steps = when.steps;
		v->n_steps = when.n_steps;
		v->guard = NO_GUARD;
		if (v->entry < STEP_REJECT && v->steps[v->entry].no == STEP_REJECT)
			v->guard = v->steps[v->entry].test;
	}
	return guards_build(m, compiler_tests(b->c), err);
}

static enum rc roles_build(struct builder *b, struct err *err)
{
	struct engine_image *m = b->m;

	m->field_role = arena_array(m->arena, fields_count(m->fields) + 1, sizeof *m->field_role);
	m->no_tests = arena_array(m->arena, m->n_tests / 64 + 1, sizeof *m->no_tests);
	if (m->field_role == NULL || m->no_tests == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < m->n_variants; i++)
		for (uint32_t j = 0; j < m->variants[i].n_steps; j++)
			m->field_role[m->tests[m->variants[i].steps[j].test].field] |= ROLE_ROUTE;
	m->format_field = fields_id(m->fields, S("_format"));
	m->field_role[m->format_field] = 0;
	m->field_role[FIELD_NONE] = 0;
	return RC_OK;
}

/* ---- instances */

static enum rc instance_add(struct builder *b, const struct instance *in, struct err *err)
{
	struct engine_image *m = b->m;

	if (m->n_instances == b->cap_instances) {
		uint32_t cap = b->cap_instances == 0 ? 1024 : b->cap_instances * 2;
		struct instance *all = mem_resize(m->instances, cap * sizeof *all);

		if (all == NULL)
			return no_memory(err);
		m->instances = all;
		b->cap_instances = cap;
	}
	m->always += in->always;
	m->n_own += in->own;
	m->instances[m->n_instances++] = *in;
	return RC_OK;
}

static enum rc list_add(struct builder *b, uint32_t variant, uint32_t instance, struct err *err)
{
	if (b->n_lists + 2 > b->cap_lists) {
		size_t cap = b->cap_lists == 0 ? 8192 : b->cap_lists * 2;
		uint32_t *lists = mem_resize(b->lists, cap * sizeof *lists);

		if (lists == NULL)
			return no_memory(err);
		b->lists = lists;
		b->cap_lists = cap;
	}
	b->lists[b->n_lists++] = variant;
	b->lists[b->n_lists++] = instance;
	return RC_OK;
}

/* Does the variant call a field of this program otherwise? */
static bool renames(const struct instance *in, const struct taxonomy_variant *v, const struct test *tests)
{
	for (uint32_t i = 0; v->n_maps > 0 && i < in->n_steps; i++) {
		const struct sigma_test *t = tests[in->steps[i].test].from;

		for (uint32_t k = 0; k < v->n_maps; k++)
			if (str_eq(v->maps[k].rule, t->field) || (t->op == SIGMA_FIELDREF && str_eq(v->maps[k].rule, t->text)))
				return true;
	}
	return false;
}

static bool same_program(const struct instance *a, const struct instance *b)
{
	return a->entry == b->entry && a->n_steps == b->n_steps &&
	       (a->n_steps == 0 || memcmp(a->steps, b->steps, a->n_steps * sizeof *a->steps) == 0);
}

/* The rule under the names of variant `v`; *ret: the instance that stands for it. */
static enum rc instance_for(struct builder *b, uint32_t first, uint32_t v, uint32_t *ret, struct err *err)
{
	struct engine_image *m = b->m;
	const struct taxonomy_variant *from = m->variants[v].from;
	struct instance in = { .rule = m->instances[first].rule };

	*ret = first;
	if (!renames(&m->instances[first], from, compiler_tests(b->c)))
		return RC_OK;
	TRY(compiler_add(b->c, m->rules->rules[in.rule].detection, from->maps, from->n_maps, &in, err));
	for (uint32_t i = first; i < m->n_instances; i++) {
		if (same_program(&m->instances[i], &in)) {
			*ret = i;
			return RC_OK;
		}
	}
	*ret = m->n_instances;
	return instance_add(b, &in, err);
}

static enum rc refuse(struct builder *b, uint32_t rule, const struct err *why, struct err *err)
{
	struct engine_image *m = b->m;
	struct engine_refusal *all = mem_resize(m->refusals, (m->n_refusals + 1) * sizeof *all);
	struct str reason = arena_dup(m->arena, str_of(why->text));

	if (all != NULL)
		m->refusals = all;
	if (all == NULL || reason.p == NULL)
		return no_memory(err);
	all[m->n_refusals++] = (struct engine_refusal){ rule, reason };
	return RC_OK;
}

/* The rule by its own names, and what of it is tried on events of no known source: a rule that names no source, or where none is
 * known at all, is meant for these too. */
static enum rc instances_own(struct builder *b, const struct sigma_rule *r, struct instance *own, struct err *err)
{
	const struct sigma_node *grounded = r->detection;
	bool any = r->source.product.n + r->source.category.n + r->source.service.n == 0 || b->m->n_variants == 0;
	struct instance in = { .rule = own->rule, .unrouted = true };

	if (!any && !b->m->taxonomy->all_sources)
		TRY(tree_grounded(b->m->arena, r->detection, &grounded, err));
	own->unrouted = grounded == r->detection;
	TRY(instance_add(b, own, err));
	if (own->unrouted || grounded == NULL)
		return RC_OK;
	TRY(compiler_add(b->c, grounded, NULL, 0, &in, err));
	in.unrouted = true;
	return instance_add(b, &in, err);
}

static enum rc rule_build(struct builder *b, uint32_t rule, struct err *err)
{
	struct engine_image *m = b->m;
	const struct sigma_rule *r = &m->rules->rules[rule];
	struct instance own = { .rule = rule };
	struct err why = { 0 };
	uint32_t first = m->n_instances, in;
	enum rc rc;

	if (r->kind != SIGMA_RULE)
		return RC_OK;
	rc = compiler_add(b->c, r->detection, NULL, 0, &own, &why);
	if (rc == RC_BAD)
		return refuse(b, rule, &why, err);
	if (rc != RC_OK)
		return FAIL(err, rc, "%s", why.text);
	own.own = true;
	TRY(instances_own(b, r, &own, err));
	for (uint32_t v = 0; v < m->n_variants; v++) {
		if (!rule_meets(m, &r->source, m->variants[v].from))
			continue;
		TRY(instance_for(b, first, v, &in, err));
		TRY(list_add(b, v, in, err));
	}
	return RC_OK;
}

/* The pairs, sorted out by variant. */
static enum rc lists_build(struct builder *b, struct err *err)
{
	struct engine_image *m = b->m;
	uint32_t *own = arena_array(m->arena, m->n_instances + 1, sizeof *own);
	uint32_t *all = arena_array(m->arena, b->n_lists / 2 + 1, sizeof *all), n = 0;

	if (own == NULL || all == NULL)
		return no_memory(err);
	for (size_t i = 0; i < b->n_lists; i += 2)
		m->variants[b->lists[i]].n_instances++;
	for (uint32_t v = 0; v < m->n_variants; v++) {
		m->variants[v].instances = all + n;
		n += m->variants[v].n_instances;
		m->variants[v].n_instances = 0;
	}
	for (size_t i = 0; i < b->n_lists; i += 2) {
		struct variant *v = &m->variants[b->lists[i]];

		all[(size_t)(v->instances - all) + v->n_instances++] = b->lists[i + 1];
	}
	for (uint32_t i = 0; i < m->n_instances; i++)
		if (m->instances[i].unrouted)
			own[m->n_unrouted++] = i;
	m->unrouted = own;
	return RC_OK;
}

/* ---- fields that are read though no rule tests them */

static enum rc field_asked(struct builder *b, struct str name, struct err *err)
{
	uint16_t id;

	if (name.n == 0)
		return RC_OK;
	TRY(fields_add(b->m->fields, name, &id, err));
	for (uint32_t v = 0; v < b->m->n_variants; v++) {
		const struct taxonomy_variant *from = b->m->variants[v].from;

		for (uint32_t k = 0; k < from->n_maps; k++)
			if (str_eq(from->maps[k].rule, name))
				TRY(fields_add(b->m->fields, from->maps[k].event, &id, err));
	}
	return RC_OK;
}

static enum rc correlation_fields(struct builder *b, const struct sigma_corr *c, struct err *err)
{
	for (uint32_t i = 0; i < c->n_group_by; i++)
		TRY(field_asked(b, c->group_by[i], err));
	for (uint32_t i = 0; i < c->n_fields; i++)
		TRY(field_asked(b, c->fields[i], err));
	for (uint32_t i = 0; i < c->n_aliases; i++)
		for (uint32_t k = 0; k < c->n_rules; k++)
			TRY(field_asked(b, c->aliases[i].fields[k], err));
	return RC_OK;
}

static enum rc build(struct builder *b, struct err *err)
{
	struct engine_image *m = b->m;

	TRY(fields_add_windows(m->fields, err));
	TRY(compiler_new(m, &b->c, err));
	TRY(variants_build(b, err));
	for (uint32_t i = 0; i < m->rules->n_rules; i++) {
		TRY(rule_build(b, i, err));
		if (m->rules->rules[i].kind == SIGMA_CORRELATION)
			TRY(correlation_fields(b, m->rules->rules[i].corr, err));
	}
	compiler_end(b->c);
	TRY(lists_build(b, err));
	return roles_build(b, err);
}

enum rc engine_image_build(const struct sigma_set *rules, const struct taxonomy *t, struct engine_image **ret, struct err *err)
{
	struct builder b = { 0 };
	enum rc rc;

	TRY(image_new(rules, t, &b.m, err));
	rc = build(&b, err);
	compiler_freep(&b.c);
	mem_free(b.lists);
	if (rc != RC_OK) {
		image_free(b.m);
		return rc;
	}
	*ret = b.m;
	return RC_OK;
}
