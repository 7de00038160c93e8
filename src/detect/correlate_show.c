/* What a correlation's firing tells of its making. */
#include "detect/correlate.h"

void correlated_put(const struct correlated *x, struct jsonw *w)
{
	const struct sigma_corr *corr = x->set->rules[x->c->rule].corr;

	jsonw_name(w, "group");
	jsonw_object(w);
	for (uint32_t i = 0; i < x->c->n_group; i++) {
		jsonw_name_str(w, corr->group_by[i]);
		jsonw_str(w, x->c->group[i]);
	}
	jsonw_object_end(w);
	jsonw_name(w, "value");
	jsonw_double(w, x->c->value);
	jsonw_name(w, "rules");
	jsonw_array(w);
	for (uint32_t i = 0; i < corr->n_rules && x->set->rules[x->c->rule].indicator == NULL; i++) {
		const struct sigma_rule *r = &x->set->rules[corr->rules[i]];

		jsonw_object(w);
		jsonw_m_str(w, "rule_id", r->id);
		jsonw_m_str(w, "title", r->title);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	jsonw_m_time(w, "first", x->c->first);
}

bool correlated_copy(struct arena *a, const struct correlated *x, const struct correlated **ret)
{
	struct correlated *copy = arena_alloc(a, sizeof *copy);
	struct correlation *c = arena_alloc(a, sizeof *c);
	struct str *group = arena_array(a, x->c->n_group + 1, sizeof *group);

	if (copy == NULL || c == NULL || group == NULL)
		return false;
	*c = *x->c;
	for (uint32_t i = 0; i < c->n_group; i++) {
		group[i] = arena_dup(a, x->c->group[i]);
		if (group[i].p == NULL)
			return false;
	}
	c->group = group;
	c->events = NULL;
	c->n_events = 0;
	*copy = (struct correlated){ x->set, c };
	*ret = copy;
	return true;
}
