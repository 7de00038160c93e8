/* Correlations made ready to run: which machine, what it counts up to, which
 * fields are asked for in which slot, and who feeds whom. */
#include "detect/correlate_int.h"

#include <math.h>
#include <stdlib.h>

#define DEPTH_MAX 32 /* of chains: inner correlations run inside the calls of outer ones */
#define SPAN_MAX ((usec)20 * 366 * 86400 * USEC_PER_SEC)

static bool rising(const struct sigma_corr *corr)
{
	for (uint32_t i = 0; i < corr->n_limits; i++)
		if (corr->limits[i].cmp != SIGMA_CMP_GT && corr->limits[i].cmp != SIGMA_CMP_GTE)
			return false;
	return true;
}

/* Every slot of the condition, and whether a `not` stands in it: then an event more may make it false. */
static bool condition_sound(const struct sigma_node *n, uint32_t slots, unsigned depth, bool *negated)
{
	if (depth > DEPTH_MAX)
		return false;
	switch (n->kind) {
	case SIGMA_TEST:
		return n->test->number >= 0 && n->test->number < slots;
	case SIGMA_NOT:
		*negated = true;
		return condition_sound(n->kids[0], slots, depth + 1, negated);
	case SIGMA_AND:
	case SIGMA_OR:
		for (uint32_t i = 0; i < n->n_kids; i++)
			if (!condition_sound(n->kids[i], slots, depth + 1, negated))
				return false;
		return true;
	case SIGMA_ALWAYS:
	case SIGMA_NEVER:
		return true;
	}
	return false;
}

bool condition_holds(const struct sigma_node *n, uint64_t slots)
{
	switch (n->kind) {
	case SIGMA_TEST:
		return (slots >> (uint32_t)n->test->number & 1) != 0;
	case SIGMA_NOT:
		return !condition_holds(n->kids[0], slots);
	case SIGMA_AND:
		for (uint32_t i = 0; i < n->n_kids; i++)
			if (!condition_holds(n->kids[i], slots))
				return false;
		return true;
	case SIGMA_OR:
		for (uint32_t i = 0; i < n->n_kids; i++)
			if (condition_holds(n->kids[i], slots))
				return true;
		return false;
	case SIGMA_ALWAYS:
		return true;
	case SIGMA_NEVER:
		return false;
	}
	return false;
}

bool limits_hold(const struct sigma_corr *corr, double value)
{
	for (uint32_t i = 0; i < corr->n_limits; i++) {
		double to = corr->limits[i].value;
		bool holds = false;

		switch (corr->limits[i].cmp) {
		case SIGMA_CMP_GT: holds = value > to; break;
		case SIGMA_CMP_GTE: holds = value >= to; break;
		case SIGMA_CMP_LT: holds = value < to; break;
		case SIGMA_CMP_LTE: holds = value <= to; break;
		case SIGMA_CMP_EQ: holds = !(value < to) && !(value > to); break;
		case SIGMA_CMP_NEQ: holds = value < to || value > to; break;
		}
		if (!holds)
			return false;
	}
	return true;
}

static bool is_temporal(const struct sigma_corr *corr)
{
	return corr->type == SIGMA_TEMPORAL || corr->type == SIGMA_TEMPORAL_ORDERED;
}

static bool is_count(const struct sigma_corr *corr)
{
	return is_temporal(corr) || corr->type == SIGMA_EVENT_COUNT || corr->type == SIGMA_VALUE_COUNT;
}

/* The least count that meets gt and gte, at least one; for windows one more than any limit tells apart. Counts are whole.
 * False: more than we count to. */
static bool threshold(const struct sigma_corr *corr, bool window, uint32_t *ret)
{
	double need = 1;

	for (uint32_t i = 0; i < corr->n_limits; i++) {
		double value = corr->limits[i].value;
		double least = corr->limits[i].cmp == SIGMA_CMP_GT ? floor(value) + 1 : ceil(value);

		if (window)
			least = floor(value) + 2;
		if (!(fabs(value) <= CORRELATE_COUNT_MAX))
			return false;
		need = least > need ? least : need;
	}
	*ret = (uint32_t)need;
	return need <= CORRELATE_COUNT_MAX;
}

static enum machine machine_of(const struct plan *p, bool window)
{
	if (window)
		return MACHINE_WINDOW;
	switch (p->corr->type) {
	case SIGMA_EVENT_COUNT:
		return p->need <= RING_MAX ? MACHINE_RING : MACHINE_TIMES;
	case SIGMA_VALUE_COUNT:
		return p->need <= RECENT_MAX ? MACHINE_RECENT : MACHINE_DISTINCT;
	case SIGMA_TEMPORAL:
		return MACHINE_SLOTS;
	case SIGMA_TEMPORAL_ORDERED:
		return MACHINE_CHAIN;
	case SIGMA_VALUE_SUM:
	case SIGMA_VALUE_AVG:
		return MACHINE_SUM;
	case SIGMA_VALUE_PERCENTILE:
	case SIGMA_VALUE_MEDIAN:
		return MACHINE_RANK;
	}
	return MACHINE_WINDOW;
}

/* Ages inside a group stay below twice the timespan. */
static unsigned width_of(usec span)
{
	if (span < (usec)1 << 31)
		return 4;
	return span < (usec)1 << 39 ? 5 : 8;
}

/* NULL, or why it cannot be run. */
static const char *shape(struct plan *p)
{
	const struct sigma_corr *corr = p->corr;
	bool negated = false, window;

	if (corr->n_rules == 0 || corr->n_rules > CORRELATE_SLOTS_MAX)
		return "a correlation refers to 1 to 64 rules";
	if (corr->n_group_by > CORRELATE_FIELDS_MAX || corr->n_fields > CORRELATE_FIELDS_MAX)
		return "more than 16 fields in group-by or in the condition";
	if (corr->timespan <= 0 || corr->timespan > SPAN_MAX)
		return "a timespan is longer than nothing and at most 20 years";
	if (corr->n_limits == 0 && !is_temporal(corr))
		return "no condition";
	if (!is_temporal(corr) && corr->type != SIGMA_EVENT_COUNT && corr->n_fields == 0)
		return "the condition names no field";
	if (corr->type != SIGMA_VALUE_COUNT && corr->n_fields > 1)
		return "only value_count counts more than one field";
	if (corr->type == SIGMA_VALUE_PERCENTILE && !(corr->percentile >= 0 && corr->percentile <= 100))
		return "a percentile lies between 0 and 100";
	if (corr->condition != NULL && corr->type != SIGMA_TEMPORAL)
		return "a condition over rules belongs to type temporal";
	if (corr->condition != NULL && !condition_sound(corr->condition, corr->n_rules, 0, &negated))
		return "the condition names a rule that is not in the list, or nests too deep";
	window = negated || !rising(corr);
	if (is_count(corr) && !threshold(corr, window, &p->need))
		return "the threshold is higher than 1000000";
	if (is_temporal(corr) && corr->n_limits == 0)
		p->need = corr->condition != NULL ? 1 : corr->n_rules;
	if (is_temporal(corr) && !window && p->need > corr->n_rules)
		return "the threshold is higher than the number of rules";
	p->machine = machine_of(p, window);
	p->span = corr->timespan;
	p->width = width_of(p->span);
	p->n_group = corr->n_group_by;
	p->n_values = is_temporal(corr) || corr->type == SIGMA_EVENT_COUNT ? 0 : corr->n_fields;
	step_plan(p);
	return NULL;
}

/* What `name` of the correlation is called in the events of slot `s`. */
static struct str resolve(const struct sigma_corr *corr, struct str name, uint32_t s)
{
	for (uint32_t i = 0; i < corr->n_aliases; i++)
		if (str_eq(corr->aliases[i].name, name) && corr->aliases[i].fields[s].n > 0)
			return corr->aliases[i].fields[s];
	return name;
}

static bool has_name(const struct plan *p, struct str name)
{
	for (uint32_t i = 0; i < p->n_group + p->n_carried; i++)
		if (str_eq(p->names[i], name))
			return true;
	return false;
}

struct plan *plan_of(const struct correlator *c, uint32_t rule)
{
	for (uint32_t i = 0; i < c->n_plans; i++)
		if (c->plans[i].rule == rule)
			return &c->plans[i];
	return NULL;
}

struct plan *plan_by_print(const struct correlator *c, uint64_t print)
{
	for (uint32_t i = 0; i < c->n_plans; i++)
		if (c->plans[i].print == print)
			return &c->plans[i];
	return NULL;
}

/* Group-by and carried names; the array has room for all that may be carried. */
static bool names_begin(struct correlator *c, struct plan *p)
{
	p->names = arena_array(c->arena, 2 * CORRELATE_FIELDS_MAX, sizeof *p->names);
	if (p->names == NULL)
		return false;
	for (uint32_t i = 0; i < p->n_group; i++)
		p->names[i] = p->corr->group_by[i];
	return true;
}

/* The fields of `p` by slot, and what it asks of the correlations among its slots: they carry it on from their events. */
static enum rc fields_end(struct correlator *c, struct plan *p, struct err *err)
{
	uint32_t each = p->n_group + p->n_values + p->n_carried;
	struct str *fields = arena_array(c->arena, (size_t)p->corr->n_rules * each + 1, sizeof *fields);

	if (fields == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	p->fields = fields;
	for (uint32_t s = 0; s < p->corr->n_rules; s++) {
		struct plan *inner = plan_of(c, p->corr->rules[s]);

		for (uint32_t i = 0; i < each; i++, fields++) {
			struct str name = i < p->n_group		? p->corr->group_by[i] :
					  i < p->n_group + p->n_values	? p->corr->fields[i - p->n_group] :
									  p->names[i - p->n_values];

			*fields = resolve(p->corr, name, s);
			if (inner == NULL || has_name(inner, *fields))
				continue;
			if (inner->n_carried == CORRELATE_FIELDS_MAX)
				return FAIL(err, RC_LIMIT, "correlation %.*s: asked for more than 16 fields by outer correlations",
					    STR(inner->r->title));
			inner->names[inner->n_group + inner->n_carried++] = *fields;
		}
	}
	return RC_OK;
}

static uint32_t fields_each(const struct plan *p)
{
	return p->n_group + p->n_values + p->n_carried;
}

static void ask(struct asked *q, struct str field)
{
	for (uint32_t i = 0; i < q->n; i++)
		if (str_eq(q->fields[i], field))
			return;
	q->fields[q->n++] = field;
}

/* How deep chains go below `p`, itself included; 0: a slot is no rule that runs. Plans of the slots come before. */
static unsigned depth_of(const struct correlator *c, const struct plan *p, const unsigned char *depths)
{
	unsigned depth = 1;

	for (uint32_t s = 0; s < p->corr->n_rules; s++) {
		uint32_t rule = p->corr->rules[s];
		const struct plan *inner;

		if (rule >= p->rule)
			return 0;
		if (c->set->rules[rule].kind == SIGMA_RULE)
			continue;
		inner = plan_of(c, rule);
		if (inner == NULL)
			return 0;
		depth = depths[inner - c->plans] + 1u > depth ? depths[inner - c->plans] + 1u : depth;
	}
	return depth;
}

static void refuse(struct correlator *c, uint32_t rule, const char *why)
{
	c->refused[c->n_refused].rule = rule;
	c->refused[c->n_refused++].reason = str_of(why);
}

/* Two runs of the program have the same state for the same print only. */
static void print_of(const struct correlator *c, struct plan *p, struct buf *b)
{
	buf_clear(b);
	buf_fmt(b, "1 %d %d %u %u %lld %a", (int)p->corr->type, (int)p->machine, p->need, p->width, (long long)p->span,
		p->corr->percentile);
	for (uint32_t i = 0; i < p->corr->n_limits; i++)
		buf_fmt(b, " %d %a", (int)p->corr->limits[i].cmp, p->corr->limits[i].value);
	for (uint32_t s = 0; s < p->corr->n_rules; s++) {
		const struct sigma_rule *r = &c->set->rules[p->corr->rules[s]];

		buf_fmt(b, "\nrule %.*s %.*s %.*s", STR(r->id), STR(r->name), STR(r->title));
		for (uint32_t i = 0; i < p->n_group + p->n_values + p->n_carried; i++)
			buf_fmt(b, "\n%.*s", STR(p->fields[s * (p->n_group + p->n_values + p->n_carried) + i]));
	}
	buf_fmt(b, "\n%.*s %.*s %.*s", STR(p->r->id), STR(p->r->name), STR(p->r->title));
	p->print = hash_stable(buf_view(b));
}

static int use_order(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->plan != y->plan)
		return x->plan < y->plan ? -1 : 1;
	/* The later slot first: one match does not stand for two neighbours in an order. */
	return x->slot == y->slot ? 0 : x->slot > y->slot ? -1 : 1;
}

static enum rc uses_all(struct correlator *c, struct err *err)
{
	uint32_t n_rules = c->set->n_rules, total = 0;
	uint32_t *fill;

	c->use_at = arena_array(c->arena, (size_t)n_rules + 2, sizeof *c->use_at);
	if (c->use_at == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	fill = c->use_at + 1;
	for (uint32_t i = 0; i < c->n_plans; i++)
		for (uint32_t s = 0; s < c->plans[i].corr->n_rules; s++, total++)
			fill[c->plans[i].corr->rules[s] + 1]++;
	for (uint32_t r = 0; r < n_rules; r++)
		fill[r + 1] += fill[r];
	c->uses = arena_array(c->arena, (size_t)total + 1, sizeof *c->uses);
	if (c->uses == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	for (uint32_t i = 0; i < c->n_plans; i++)
		for (uint32_t s = 0; s < c->plans[i].corr->n_rules; s++)
			c->uses[fill[c->plans[i].corr->rules[s]]++] = (struct use){ i, s };
	for (uint32_t r = 0; r < n_rules; r++)
		qsort(c->uses + c->use_at[r], c->use_at[r + 1] - c->use_at[r], sizeof *c->uses, use_order);
	return RC_OK;
}

/* For each rule the fields of all slots that it stands in, each once. */
static enum rc asked_all(struct correlator *c, struct err *err)
{
	c->asked = arena_array(c->arena, (size_t)c->set->n_rules + 1, sizeof *c->asked);
	if (c->asked == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	for (uint32_t r = 0; r < c->set->n_rules; r++) {
		struct asked *q = &c->asked[r];
		size_t room = 0;

		for (uint32_t i = c->use_at[r]; i < c->use_at[r + 1]; i++)
			room += fields_each(&c->plans[c->uses[i].plan]);
		if (room == 0)
			continue;
		q->fields = arena_array(c->arena, room, sizeof *q->fields);
		if (q->fields == NULL)
			return FAIL(err, RC_NOMEM, "correlation: out of memory");
		for (uint32_t i = c->use_at[r]; i < c->use_at[r + 1]; i++) {
			const struct plan *p = &c->plans[c->uses[i].plan];

			for (uint32_t k = 0; k < fields_each(p); k++)
				ask(q, p->fields[c->uses[i].slot * fields_each(p) + k]);
		}
	}
	return RC_OK;
}

static enum rc shapes_all(struct correlator *c, size_t n, struct err *err)
{
	unsigned char *depths = arena_alloc(c->arena, n + 1);

	if (depths == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	for (uint32_t i = 0; i < c->set->n_rules; i++) {
		struct plan *p = &c->plans[c->n_plans];
		const char *why;
		unsigned depth;

		if (c->set->rules[i].kind != SIGMA_CORRELATION)
			continue;
		*p = (struct plan){ .rule = i, .r = &c->set->rules[i], .corr = c->set->rules[i].corr };
		why = shape(p);
		depth = why != NULL ? 0 : depth_of(c, p, depths);
		if (why == NULL && depth == 0)
			why = "refers to a correlation that is refused";
		else if (depth > DEPTH_MAX)
			why = "chains of correlations are at most 32 deep";
		if (why != NULL) {
			refuse(c, i, why);
			continue;
		}
		if (!names_begin(c, p))
			return FAIL(err, RC_NOMEM, "correlation: out of memory");
		depths[c->n_plans++] = (unsigned char)depth;
	}
	return RC_OK;
}

enum rc plan_all(struct correlator *c, struct err *err)
{
	size_t n = 0;
	struct buf text CLEANUP(buf_done);

	buf_init(&text, (size_t)64 << 20);
	for (uint32_t i = 0; i < c->set->n_rules; i++)
		n += c->set->rules[i].kind == SIGMA_CORRELATION;
	c->plans = arena_array(c->arena, n + 1, sizeof *c->plans);
	c->refused = arena_array(c->arena, n + 1, sizeof *c->refused);
	if (c->plans == NULL || c->refused == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	TRY(shapes_all(c, n, err));
	/* Outer ones first: what they ask for, the inner ones carry. */
	for (uint32_t i = c->n_plans; i > 0; i--)
		TRY(fields_end(c, &c->plans[i - 1], err));
	for (uint32_t i = 0; i < c->n_plans; i++) {
		struct plan *p = &c->plans[i];

		print_of(c, p, &text);
		TRY(buf_check(&text, err, "correlation"));
		p->key_max = plan_key_max(p);
		p->scratch = arena_alloc(c->arena, p->key_max + 1);
		if (p->scratch == NULL)
			return FAIL(err, RC_NOMEM, "correlation: out of memory");
	}
	TRY(uses_all(c, err));
	TRY(asked_all(c, err));
	return route_all(c, err);
}
