/* What a person and a correlation ask about a rule that matched: by which
 * tests, and the values of its fields. Slow beside running; for matches only. */
#include "detect/engine_run.h"


/* A field of a rule as this event's variants name it: the first that the event has. */
static uint16_t named(struct engine *e, const struct sigma_rule *r, struct str field)
{
	uint16_t own = fields_id(e->m->fields, field);

	for (uint32_t v = 0; v < e->group->n_variants; v++) {
		const struct taxonomy_variant *from = e->group->variants[v];

		for (uint32_t k = 0; k < from->n_maps && rule_meets(e->m, &r->source, from); k++) {
			uint16_t id = str_eq(from->maps[k].rule, field) ? fields_id(e->m->fields, from->maps[k].event) : FIELD_NONE;

			if (id != FIELD_NONE && event_first(e, id) != NO_VALUE)
				return id;
		}
	}
	return own;
}

bool engine_field(struct engine *e, struct flat *f, uint32_t rule, struct str field, struct str *ret)
{
	uint32_t i = NO_VALUE;
	uint16_t id;
	struct str text;

	if (e->f != f || e->group == NULL || rule >= e->m->rules->n_rules)
		return false;
	id = named(e, &e->m->rules->rules[rule], field);
	if (id != FIELD_NONE)
		i = event_first(e, id);
	if (i == NO_VALUE || event_value(e, i)->type == FLAT_NULL)
		return false;
	text = flat_text(f, event_value(e, i));
	if (text.p == NULL)
		return false;
	*ret = text;
	return true;
}

struct explanation {
	struct engine *e;
	struct engine_why *out;
	size_t n, max;
};

/* The first value that passes a test which held; NO_VALUE for those that ask of the field as a whole. */
static uint32_t passing(struct engine *e, const struct test *t)
{
	uint32_t i = t->field == FIELD_NONE ? 0 : event_first(e, t->field);

	if (t->kind >= TEST_EXISTS)
		return i;
	if (t->field != FIELD_NONE) {
		while (i != NO_VALUE && !event_value_passes(e, t, i))
			i = e->next[i];
		return i;
	}
	while (i < e->f->n && !event_value_passes(e, t, i))
		i++;
	return i < e->f->n ? i : VALUE_RAW;
}

static void add(struct explanation *x, const struct test *t)
{
	uint32_t i = passing(x->e, t);
	struct str value = { "", 0 };

	if (i != NO_VALUE && event_value(x->e, i)->p != NULL)
		value = flat_text(x->e->f, event_value(x->e, i));
	for (size_t k = 0; k < x->n; k++)
		if (x->out[k].test == t->from)
			return;
	if (x->n < x->max && value.p != NULL) {
		struct str field = t->field == FIELD_NONE ? S("") : fields_name(x->e->m->fields, t->field);

		x->out[x->n++] = (struct engine_why){ field, value, t->from };
	}
}

/* The instance of the rule that matched: of those in the event's group. */
static const struct instance *matched(struct engine *e, uint32_t rule)
{
	uint32_t n = e->group->n_instances;
	const uint32_t *list = e->group->instances;

	if (e->group == &e->spill) {
		n = group_instances(e->m, e->set, e->candidates);
		list = e->candidates;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct instance *in = &e->m->instances[list[i]];

		if (in->rule == rule && event_program(e, in->steps, in->entry))
			return in;
	}
	return NULL;
}

/* Does the test that the instance asks of this leaf hold? Leaves are found by the test they stand for. */
static const struct test *held(struct engine *e, const struct instance *in, const struct sigma_test *leaf)
{
	for (uint32_t i = 0; i < in->n_steps; i++)
		if (e->m->tests[in->steps[i].test].from == leaf && event_test(e, in->steps[i].test))
			return &e->m->tests[in->steps[i].test];
	return NULL;
}

/* Walks what holds of the tree, without what stands below a NOT; depth was checked when the rule was compiled. */
static bool walk(struct explanation *x, const struct instance *in, const struct sigma_node *node, bool tell)
{
	const struct test *t;
	bool any = false;

	switch (node->kind) {
	case SIGMA_TEST:
		t = held(x->e, in, node->test);
		if (t != NULL && tell)
			add(x, t);
		return t != NULL;
	case SIGMA_AND:
		for (uint32_t i = 0; i < node->n_kids; i++)
			if (!walk(x, in, node->kids[i], false))
				return false;
		for (uint32_t i = 0; tell && i < node->n_kids; i++)
			(void)walk(x, in, node->kids[i], true);
		return true;
	case SIGMA_OR:
		for (uint32_t i = 0; i < node->n_kids; i++)
			any |= walk(x, in, node->kids[i], tell);
		return any;
	case SIGMA_NOT: return !walk(x, in, node->kids[0], false);
	case SIGMA_ALWAYS: return true;
	case SIGMA_NEVER: break;
	}
	return false;
}

size_t engine_explain(struct engine *e, struct flat *f, uint32_t rule, struct engine_why *out, size_t max)
{
	struct explanation x = { e, out, 0, max };
	const struct instance *in;

	if (e->f != f || e->group == NULL || rule >= e->m->rules->n_rules || e->m->rules->rules[rule].kind != SIGMA_RULE)
		return 0;
	in = matched(e, rule);
	if (in != NULL)
		(void)walk(&x, in, e->m->rules->rules[rule].detection, true);
	return x.n;
}

size_t engine_why_once(struct engine_why *why, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < left && !(str_eq(why[k].field, why[i].field) && str_eq(why[k].value, why[i].value)))
			k++;
		if (k == left)
			why[left++] = why[i];
	}
	return left;
}
