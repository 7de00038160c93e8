/* Search identifiers: a map is the AND of its items, a list the OR of its entries, text the search for a keyword. An item
 * is the OR of its values (AND with `all`), each the OR of what its modifiers made of it. */
#include "detect/sigma_int.h"

#define DEPTH_MAX 32

/* Kids of a group while it grows. */
struct kids {
	const struct sigma_node **p;
	size_t n, cap;
};

static enum rc kid_add(struct sigma_doc *d, struct kids *k, const struct sigma_node *node)
{
	if (k->n == k->cap) {
		size_t cap = k->cap == 0 ? 8 : k->cap * 2;
		const struct sigma_node **p = arena_resize(d->scratch, k->p, k->cap * sizeof(const struct sigma_node *),
			cap * sizeof(const struct sigma_node *));

		if (p == NULL)
			return sigma_nomem(d);
		k->p = p;
		k->cap = cap;
	}
	k->p[k->n++] = node;
	return RC_OK;
}

static enum rc needs_field(struct sigma_doc *d, const struct sigma_key *k, const struct yaml *y, const struct sigma_value *v)
{
	if (k->field.n > 0 || v->kind == VALUE_STRING || v->kind == VALUE_NUMBER || v->kind == VALUE_BOOL || v->kind == VALUE_REGEX ||
	    v->kind == VALUE_CIDR)
		return RC_OK;
	return SIGMA_BAD(d, y, 0, "%s wants the name of a field", v->kind == VALUE_NULL ? "null" : "this modifier");
}

/* A keyword is found inside any value: as text, with ANY at both ends. */
static enum rc keyword(struct sigma_doc *d, const struct yaml *y, const struct sigma_value *v, struct sigma_test *t)
{
	struct sigma_piece *p = arena_array(d->scratch, v->n_pieces + 3u, sizeof *p);
	uint32_t n = 0;

	if (p == NULL)
		return sigma_nomem(d);
	p[n++].kind = SIGMA_ANY;
	if (v->kind != VALUE_STRING && y->text.n > 0)
		p[n++] = (struct sigma_piece){ SIGMA_LITERAL, y->text };
	for (uint32_t i = 0; i < v->n_pieces; i++)
		p[n++] = v->pieces[i];
	p[n++].kind = SIGMA_ANY;
	t->op = SIGMA_MATCH;
	t->number = 0;
	return sigma_pieces_tidy(d, p, n, &t->pieces, &t->n_pieces);
}

static enum rc test_of(struct sigma_doc *d, const struct sigma_key *k, const struct yaml *y, const struct sigma_value *v, struct sigma_test *t)
{
	*t = (struct sigma_test){ .field = k->field, .cased = v->cased, .written = y->text };
	TRY(needs_field(d, k, y, v));
	t->number = v->kind == VALUE_STRING ? 0 : v->number;
	t->text = v->kind == VALUE_REGEX || v->kind == VALUE_CIDR || v->kind == VALUE_FIELDREF ? v->text : S("");
	if (k->field.n == 0 && v->kind != VALUE_REGEX && v->kind != VALUE_CIDR)
		return keyword(d, y, v, t);
	switch (v->kind) {
	case VALUE_STRING: t->op = SIGMA_MATCH; return sigma_pieces_tidy(d, v->pieces, v->n_pieces, &t->pieces, &t->n_pieces);
	case VALUE_NUMBER: t->op = SIGMA_NUMBER; break;
	case VALUE_BOOL: t->op = SIGMA_BOOL; break;
	case VALUE_NULL: t->op = SIGMA_NULL; break;
	case VALUE_REGEX:
		t->op = SIGMA_REGEX;
		t->re_flags = v->re_flags;
		t->number = 0;
		t->cased = (v->re_flags & SIGMA_RE_I) == 0;
		break;
	case VALUE_CIDR: t->op = SIGMA_CIDR; t->number = 0; break;
	case VALUE_COMPARE: t->op = v->op; break;
	case VALUE_FIELDREF: t->op = SIGMA_FIELDREF; t->ref = v->ref; t->number = 0; break;
	case VALUE_EXISTS: t->op = SIGMA_EXISTS; t->number = 0; break;
	case VALUE_TIME: t->op = SIGMA_TIME_PART; t->part = v->part; break;
	}
	return RC_OK;
}

static enum rc value_node(struct sigma_doc *d, const struct sigma_key *k, const struct yaml *y, const struct sigma_node **ret)
{
	struct sigma_value *v;
	struct kids kids = { 0 };

	TRY(sigma_value_make(d, k, y, &v));
	*ret = NULL;
	if (v == NULL) /* the list is missing: the rule will not be loaded, its other faults are looked for */
		return RC_OK;
	for (; v != NULL; v = v->next) {
		const struct sigma_node *n;
		struct sigma_test t;

		TRY(sigma_count(d, y, 1));
		TRY(test_of(d, k, y, v, &t));
		TRY(sigma_leaf(d, &t, &n));
		if (v->kind == VALUE_EXISTS && v->number == 0)
			TRY(sigma_not(d, n, &n));
		TRY(kid_add(d, &kids, n));
	}
	return sigma_group(d, SIGMA_OR, kids.p, kids.n, ret);
}

static const struct sigma_node never = { .kind = SIGMA_NEVER };

static enum rc item(struct sigma_doc *d, const struct yaml *key, const struct yaml *value, const struct sigma_node **ret)
{
	struct sigma_key k;
	struct kids kids = { 0 };
	const struct sigma_node *n;
	bool nulls = false, others = false;

	TRY(sigma_key_parse(d, key, &k));
	if (value->kind == YAML_LIST && value->n == 0)
		return SIGMA_BAD(d, value, 0, "an empty list of values");
	if (value->kind != YAML_LIST) {
		TRY(value_node(d, &k, value, &n));
		if (n != NULL)
			TRY(kid_add(d, &kids, n));
	}
	for (const struct yaml_item *i = value->kind == YAML_LIST ? value->first : NULL; i != NULL; i = i->next) {
		TRY(value_node(d, &k, i->value, &n));
		nulls |= i->value->kind == YAML_NULL;
		others |= i->value->kind != YAML_NULL;
		/* A tree of alternatives inside alternatives says no more than one. */
		for (uint32_t j = 0; n != NULL && !k.all && n->kind == SIGMA_OR && j < n->n_kids; j++)
			TRY(kid_add(d, &kids, n->kids[j]));
		if (n != NULL && (k.all || n->kind != SIGMA_OR))
			TRY(kid_add(d, &kids, n));
	}
	if (nulls && others)
		sigma_remark(d, "line %u: null among other values of \"%.*s\" is against the specification, read as one more alternative", value->line,
			STR(k.field));
	if (kids.n == 0) {
		*ret = &never;
		return RC_OK;
	}
	TRY(sigma_count(d, value, kids.n > 1));
	TRY(sigma_group(d, k.all ? SIGMA_AND : SIGMA_OR, kids.p, kids.n, ret));
	return k.neq ? sigma_not(d, *ret, ret) : RC_OK;
}

static enum rc definition(struct sigma_doc *d, const struct yaml *y, unsigned depth, const struct sigma_node **ret)
{
	static const struct yaml no_field = { .kind = YAML_TEXT };
	struct kids kids = { 0 };

	if (depth > DEPTH_MAX)
		return SIGMA_BAD(d, y, 0, "lists nested deeper than %d", DEPTH_MAX);
	if (y->kind == YAML_NULL || (y->n == 0 && (y->kind == YAML_MAP || y->kind == YAML_LIST)))
		return SIGMA_BAD(d, y, 0, "an empty search identifier");
	if (y->kind != YAML_MAP && y->kind != YAML_LIST)
		return item(d, &no_field, y, ret);
	for (const struct yaml_item *i = y->first; i != NULL; i = i->next) {
		const struct sigma_node *n;

		if (y->kind == YAML_MAP)
			TRY(item(d, i->key, i->value, &n));
		else
			TRY(definition(d, i->value, depth + 1, &n));
		TRY(kid_add(d, &kids, n));
	}
	TRY(sigma_count(d, y, kids.n));
	return sigma_group(d, y->kind == YAML_MAP ? SIGMA_AND : SIGMA_OR, kids.p, kids.n, ret);
}

enum rc sigma_selection(struct sigma_doc *d, const struct yaml *y, const struct sigma_node **ret)
{
	return definition(d, y, 0, ret);
}
