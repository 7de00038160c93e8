/* What a rule may say of an event whose log source nobody knows. A rule is written for one log; tried on any other text, one that
 * only excludes ("not ...") holds nearly always, and one of keywords holds wherever its words are spoken of. So there a match has to
 * rest on a field that the event has: on some test of a named field that holds and stands under no NOT (or under two, which are
 * none). `null` rests on nothing, for it holds where the field is absent.
 *
 * Made as a tree of its own, compiled beside the rule's, NOT pushed down to the tests by de Morgan: R(test of a field) = the test;
 * R(keyword, null, NOT test) = never; R(OR) = OR of R; R(AND) = the AND, and the OR of R of its operands. Where a tree cannot hold
 * without resting on a field, which is the rule, R is the tree itself. */
#include "detect/engine_int.h"

static bool is_and(const struct sigma_node *n, bool negated)
{
	return n->kind == (negated ? SIGMA_OR : SIGMA_AND);
}

/* Whenever this holds (negated: does not hold), it rests on a field. */
static bool always_rests(const struct sigma_node *n, bool negated, unsigned depth)
{
	bool some = is_and(n, negated);

	if (depth > TREE_DEPTH_MAX)
		return false;
	switch (n->kind) {
	case SIGMA_TEST: return !negated && n->test->field.n > 0 && n->test->op != SIGMA_NULL;
	case SIGMA_NOT: return always_rests(n->kids[0], !negated, depth + 1);
	case SIGMA_ALWAYS: return negated;
	case SIGMA_NEVER: return !negated;
	case SIGMA_AND:
	case SIGMA_OR: break;
	}
	for (uint32_t i = 0; i < n->n_kids; i++)
		if (always_rests(n->kids[i], negated, depth + 1) == some)
			return some;
	return !some;
}

static const struct sigma_node *joined(struct arena *a, enum sigma_node_kind kind, const struct sigma_node *x, const struct sigma_node *y)
{
	struct sigma_node *node = arena_alloc(a, sizeof *node);
	const struct sigma_node **kids = arena_array(a, 2, sizeof *kids);

	if (node == NULL || kids == NULL)
		return NULL;
	kids[0] = x;
	kids[1] = y;
	*node = (struct sigma_node){ .kind = kind, .kids = kids, .n_kids = y == NULL ? 1 : 2 };
	return node;
}

/* NULL: no memory. */
static const struct sigma_node *as_asked(struct arena *a, const struct sigma_node *n, bool negated)
{
	return negated ? joined(a, SIGMA_NOT, n, NULL) : n;
}

static enum rc grounded(struct arena *a, const struct sigma_node *n, bool negated, unsigned depth, const struct sigma_node **ret);

/* The OR of R of each operand; NULL: none can rest on a field. */
static enum rc any_grounded(struct arena *a, const struct sigma_node *n, bool negated, unsigned depth, const struct sigma_node **ret)
{
	const struct sigma_node **kids = arena_array(a, n->n_kids + 1, sizeof *kids);
	struct sigma_node *any = arena_alloc(a, sizeof *any);
	uint32_t kept = 0;

	*ret = NULL;
	if (kids == NULL || any == NULL)
		return RC_NOMEM;
	for (uint32_t i = 0; i < n->n_kids; i++) {
		TRY(grounded(a, n->kids[i], negated, depth + 1, &kids[kept]));
		kept += kids[kept] != NULL;
	}
	*any = (struct sigma_node){ .kind = SIGMA_OR, .kids = kids, .n_kids = kept };
	*ret = kept == 0 ? NULL : any;
	return RC_OK;
}

static enum rc grounded(struct arena *a, const struct sigma_node *n, bool negated, unsigned depth, const struct sigma_node **ret)
{
	const struct sigma_node *whole = NULL;

	*ret = NULL;
	if (depth > TREE_DEPTH_MAX)
		return RC_OK; /* the compiler refuses such a rule */
	if (always_rests(n, negated, depth)) {
		*ret = as_asked(a, n, negated);
		return *ret == NULL ? RC_NOMEM : RC_OK;
	}
	if (n->kind == SIGMA_NOT)
		return grounded(a, n->kids[0], !negated, depth + 1, ret);
	if (n->kind != SIGMA_AND && n->kind != SIGMA_OR)
		return RC_OK;
	TRY(any_grounded(a, n, negated, depth, ret));
	if (*ret == NULL || !is_and(n, negated))
		return RC_OK;
	whole = as_asked(a, n, negated);
	*ret = whole == NULL ? NULL : joined(a, SIGMA_AND, whole, *ret);
	return *ret == NULL ? RC_NOMEM : RC_OK;
}

enum rc tree_grounded(struct arena *a, const struct sigma_node *tree, const struct sigma_node **ret, struct err *err)
{
	enum rc rc = grounded(a, tree, false, 0, ret);

	return rc == RC_OK ? RC_OK : FAIL(err, rc, "engine: out of memory");
}
