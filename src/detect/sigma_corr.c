/* Correlation documents: type, rules, grouping, time span, condition. Rules are names here; the end of reading finds
 * them. Beyond specification 2.1: value_median, and boolean conditions of temporal correlations (both on their way into
 * 2.2), `percentile` in the condition of value_percentile, spans in weeks, months (30 days) and years (365 days). */
#include "base/ascii.h"
#include "detect/sigma_int.h"
#include "detect/sigma_scalar.h"

#define RULES_MAX 1000
#define SPAN_MAX_SECONDS 3155760000.0 /* a hundred years */

static const struct { struct str name; enum sigma_corr_type type; } types[] = {
	{ { "event_count", 11 }, SIGMA_EVENT_COUNT }, { { "value_count", 11 }, SIGMA_VALUE_COUNT },
	{ { "temporal", 8 }, SIGMA_TEMPORAL }, { { "temporal_ordered", 16 }, SIGMA_TEMPORAL_ORDERED },
	{ { "temporal_extended", 17 }, SIGMA_TEMPORAL }, { { "temporal_ordered_extended", 25 }, SIGMA_TEMPORAL_ORDERED },
	{ { "value_sum", 9 }, SIGMA_VALUE_SUM }, { { "value_avg", 9 }, SIGMA_VALUE_AVG },
	{ { "value_percentile", 16 }, SIGMA_VALUE_PERCENTILE }, { { "value_median", 12 }, SIGMA_VALUE_MEDIAN },
};

static const struct { struct str name; enum sigma_cmp cmp; } compares[] = {
	{ { "gt", 2 }, SIGMA_CMP_GT }, { { "gte", 3 }, SIGMA_CMP_GTE }, { { "lt", 2 }, SIGMA_CMP_LT }, { { "lte", 3 }, SIGMA_CMP_LTE },
	{ { "eq", 2 }, SIGMA_CMP_EQ }, { { "neq", 3 }, SIGMA_CMP_NEQ },
};

static bool temporal(const struct sigma_corr *c)
{
	return c->type == SIGMA_TEMPORAL || c->type == SIGMA_TEMPORAL_ORDERED;
}

static enum rc type_of(struct sigma_doc *d, const struct yaml *map, struct sigma_corr *c)
{
	const struct yaml *y = yaml_get(map, S("type"));

	if (y == NULL)
		return SIGMA_BAD(d, map, 0, "correlation without a type");
	for (size_t i = 0; i < COUNTOF(types); i++) {
		if (str_eq(types[i].name, y->text)) {
			c->type = types[i].type;
			return RC_OK;
		}
	}
	return SIGMA_BAD(d, y, 0, "unknown type of correlation \"%.*s\"", STR(y->text));
}

static enum rc timespan(struct sigma_doc *d, const struct yaml *map, struct sigma_corr *c)
{
	static const struct { char unit; double seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 }, { 'M', 2592000 }, { 'y', 31536000 },
	};
	const struct yaml *y = yaml_get(map, S("timespan"));
	uint64_t n;
	size_t i = 0;

	/* The word of a draft of the specification that still goes around. */
	if (y == NULL)
		y = yaml_get(map, S("timeframe"));
	if (y == NULL)
		return SIGMA_BAD(d, map, 0, "correlation without a timespan");
	while (i < COUNTOF(units) && (y->text.n < 2 || units[i].unit != y->text.p[y->text.n - 1]))
		i++;
	if (i == COUNTOF(units) || !str_to_u64(str_slice(y->text, 0, y->text.n - 1), &n) || n == 0 ||
	    (double)n * units[i].seconds > SPAN_MAX_SECONDS)
		return SIGMA_BAD(d, y, 0, "timespan \"%.*s\": expected a number and s, m, h or d", STR(y->text));
	c->timespan = (usec)n * (usec)units[i].seconds * USEC_PER_SEC;
	return RC_OK;
}

static enum rc limit_number(struct sigma_doc *d, const struct yaml *y, double *ret)
{
	if (y->kind == YAML_INT || y->kind == YAML_FLOAT)
		*ret = y->number;
	else if (y->kind != YAML_TEXT || !yaml_decimal(y->text, ret))
		return SIGMA_BAD(d, y, 0, "expected a number");
	return RC_OK;
}

static enum rc limits(struct sigma_doc *d, const struct yaml *map, struct sigma_corr *c)
{
	struct sigma_limit *list = arena_array(d->a, map->n + 1u, sizeof *list);
	bool percentile = false;

	if (list == NULL)
		return sigma_nomem(d);
	c->percentile = 50;
	for (const struct yaml_item *i = map->first; i != NULL; i = i->next) {
		size_t k = 0;

		if (str_eq(i->key->text, S("field"))) {
			TRY(sigma_strings(d, i->value, "field", &c->fields, &c->n_fields));
			continue;
		}
		if (str_eq(i->key->text, S("percentile"))) {
			percentile = true;
			TRY(limit_number(d, i->value, &c->percentile));
			if (!(c->percentile >= 0 && c->percentile <= 100))
				return SIGMA_BAD(d, i->value, 0, "a percentile is between 0 and 100");
			continue;
		}
		while (k < COUNTOF(compares) && !str_eq(compares[k].name, i->key->text))
			k++;
		if (k == COUNTOF(compares))
			return SIGMA_BAD(d, i->key, 0, "condition: expected gt, gte, lt, lte, eq, neq or field instead of \"%.*s\"", STR(i->key->text));
		list[c->n_limits].cmp = compares[k].cmp;
		TRY(limit_number(d, i->value, &list[c->n_limits++].value));
	}
	c->limits = list;
	if (c->n_limits == 0)
		return SIGMA_BAD(d, map, 0, "the condition has no limit (gt, gte, lt, lte, eq, neq)");
	if (c->type == SIGMA_VALUE_PERCENTILE && !percentile)
		sigma_remark(d, "line %u: no percentile given, 50 is taken", map->line);
	return RC_OK;
}

/* "rule_a and not rule_b": a test whose number is the place of the rule in `rules`. */
static enum rc boolean(struct sigma_doc *d, const struct yaml *y, struct sigma_wants *w)
{
	struct sigma_named *names = arena_array(d->scratch, w->n + 1u, sizeof *names);

	if (names == NULL)
		return sigma_nomem(d);
	for (uint32_t i = 0; i < w->n; i++) {
		struct sigma_test t = { .field = S(""), .text = w->names[i], .written = w->names[i], .op = SIGMA_NUMBER, .number = i };

		names[i].name = w->names[i];
		names[i].size = 1;
		TRY(sigma_leaf(d, &t, &names[i].node));
	}
	TRY(sigma_condition(d, y, names, w->n, &w->corr.condition));
	for (uint32_t i = 0; i < w->n; i++)
		if (!names[i].used)
			sigma_remark(d, "\"%.*s\" is not used in the condition", STR(names[i].name));
	return RC_OK;
}

/* The words of a boolean condition that are no operators, each once, when `rules` is left out. */
static enum rc rules_of_condition(struct sigma_doc *d, const struct yaml *y, struct sigma_wants *w)
{
	struct str *names = arena_array(d->a, y->text.n / 2 + 1, sizeof *names), s = y->text;

	if (names == NULL)
		return sigma_nomem(d);
	for (size_t i = 0, end; i < s.n; i = end) {
		struct str word;
		bool known;

		for (; i < s.n && (ascii_space(s.p[i]) || s.p[i] == '(' || s.p[i] == ')'); i++)
			;
		for (end = i; end < s.n && !ascii_space(s.p[end]) && s.p[end] != '(' && s.p[end] != ')'; end++)
			;
		word = str_slice(s, i, end);
		known = word.n == 0 || str_eq_nocase(word, S("and")) || str_eq_nocase(word, S("or")) || str_eq_nocase(word, S("not"));
		for (uint32_t k = 0; k < w->n && !known; k++)
			known = str_eq(names[k], word);
		if (known)
			continue;
		if (w->n >= RULES_MAX)
			return SIGMA_BAD(d, y, 0, "more than %d rules", RULES_MAX);
		names[w->n] = sigma_intern(d->r, word);
		if (names[w->n++].p == NULL)
			return sigma_nomem(d);
	}
	w->names = names;
	return RC_OK;
}

static enum rc aliases(struct sigma_doc *d, const struct yaml *map, struct sigma_wants *w)
{
	struct sigma_alias *list;
	struct sigma_mapped *mapped;
	uint32_t n = 0;

	if (map == NULL || map->kind == YAML_NULL)
		return RC_OK;
	if (map->kind != YAML_MAP)
		return SIGMA_BAD(d, map, 0, "aliases are no map");
	for (const struct yaml_item *i = map->first; i != NULL; i = i->next) {
		if (i->value->kind != YAML_MAP)
			return SIGMA_BAD(d, i->value, 0, "alias \"%.*s\" is no map of rules to fields", STR(i->key->text));
		n += i->value->n;
	}
	list = arena_array(d->a, map->n + 1u, sizeof *list);
	mapped = arena_array(d->a, n + 1u, sizeof *mapped);
	if (list == NULL || mapped == NULL)
		return sigma_nomem(d);
	for (const struct yaml_item *i = map->first; i != NULL; i = i->next) {
		for (const struct yaml_item *k = i->value->first; k != NULL; k = k->next) {
			if (k->value->kind == YAML_LIST || k->value->kind == YAML_MAP || k->value->text.n == 0)
				return SIGMA_BAD(d, k->value, 0, "alias \"%.*s\": the field is no text", STR(i->key->text));
			mapped[w->n_mapped++] = (struct sigma_mapped){ w->corr.n_aliases, sigma_intern(d->r, k->key->text),
				sigma_intern(d->r, k->value->text) };
			if (mapped[w->n_mapped - 1].rule.p == NULL || mapped[w->n_mapped - 1].field.p == NULL)
				return sigma_nomem(d);
		}
		list[w->corr.n_aliases].name = sigma_intern(d->r, i->key->text);
		if (list[w->corr.n_aliases++].name.p == NULL)
			return sigma_nomem(d);
	}
	w->corr.aliases = list;
	w->mapped = mapped;
	return RC_OK;
}

static enum rc condition(struct sigma_doc *d, const struct yaml *map, struct sigma_wants *w)
{
	const struct yaml *y = yaml_get(map, S("condition")), *field = yaml_get(map, S("field"));
	struct sigma_corr *c = &w->corr;

	if (y == NULL || y->kind == YAML_NULL) {
		if (!temporal(c))
			return SIGMA_BAD(d, map, 0, "correlation without a condition");
		return RC_OK;
	}
	if (y->kind == YAML_MAP)
		TRY(limits(d, y, c));
	else if (temporal(c))
		return boolean(d, y, w);
	else
		return SIGMA_BAD(d, y, 0, "the condition is no map");
	if (c->n_fields == 0 && field != NULL)
		TRY(sigma_strings(d, field, "field", &c->fields, &c->n_fields));
	if (!temporal(c) && c->type != SIGMA_EVENT_COUNT && c->n_fields == 0)
		return SIGMA_BAD(d, y, 0, "the condition names no field");
	if (c->type != SIGMA_VALUE_COUNT && c->n_fields > 1)
		return SIGMA_BAD(d, y, 0, "more than one field: only value_count takes several");
	return RC_OK;
}

static void unknown_keys(struct sigma_doc *d, const struct yaml *map)
{
	static const char *const known[] = { "type", "rules", "group-by", "timespan", "timeframe", "condition", "aliases", "generate", "field", NULL };

	for (const struct yaml_item *i = map->first; i != NULL; i = i->next) {
		size_t k = 0;

		while (known[k] != NULL && !str_eq(i->key->text, str_of(known[k])))
			k++;
		if (known[k] == NULL)
			sigma_remark(d, "line %u: unknown key \"%.*s\" of the correlation", i->key->line, STR(i->key->text));
	}
}

static bool says_generate(const struct yaml *map)
{
	const struct yaml *y = yaml_get(map, S("generate"));

	return y != NULL && (y->number != 0 || str_eq_nocase(y->text, S("true")));
}

enum rc sigma_correlation(struct sigma_doc *d, const struct yaml *y, struct sigma_draft *ret)
{
	const struct yaml *map = yaml_get(y, S("correlation")), *rules = yaml_get(map, S("rules")), *cond = yaml_get(map, S("condition"));
	struct sigma_wants *w = arena_alloc(d->a, sizeof *w);

	if (w == NULL)
		return sigma_nomem(d);
	if (map->kind != YAML_MAP)
		return SIGMA_BAD(d, map, 0, "the correlation is no map");
	ret->rule.kind = SIGMA_CORRELATION;
	ret->wants = w;
	w->generate = says_generate(map) || says_generate(y);
	TRY(type_of(d, map, &w->corr));
	TRY(sigma_strings(d, rules, "rules", &w->names, &w->n));
	if (w->n == 0 && cond != NULL && cond->kind == YAML_TEXT && temporal(&w->corr))
		TRY(rules_of_condition(d, cond, w));
	if (w->n == 0)
		return SIGMA_BAD(d, map, 0, "correlation without rules");
	if (w->n > RULES_MAX)
		return SIGMA_BAD(d, rules, 0, "more than %d rules", RULES_MAX);
	TRY(sigma_strings(d, yaml_get(map, S("group-by")), "group-by", &w->corr.group_by, &w->corr.n_group_by));
	TRY(timespan(d, map, &w->corr));
	TRY(aliases(d, yaml_get(map, S("aliases")), w));
	TRY(condition(d, map, w));
	unknown_keys(d, map);
	return RC_OK;
}
