/* Boolean trees over shared tests. The same test in two rules is one leaf, found through a table of hashes: rules repeat
 * each other a lot ("\cmd.exe"), and whoever compiles the trees can compare pointers. */
#include "base/hash.h"
#include "base/mem.h"
#include "detect/sigma_int.h"

void sigma_pool_done(struct sigma_pool *p)
{
	mem_free(p->slots);
	*p = (struct sigma_pool){ 0 };
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ (h >> 29);
}

static uint64_t test_hash(const struct sigma_test *t)
{
	uint64_t number, h = hash_table(t->field);

	memcpy(&number, &t->number, sizeof number);
	h = mix(h, ((uint64_t)t->op << 32) | ((uint64_t)t->cased << 24) | ((uint64_t)t->re_flags << 16) | ((uint64_t)t->ref << 8) | t->part);
	h = mix(h, number);
	if (t->text.n > 0)
		h = mix(h, hash_table(t->text));
	for (uint32_t i = 0; i < t->n_pieces; i++)
		h = mix(h, t->pieces[i].kind == SIGMA_LITERAL ? hash_table(t->pieces[i].text) : t->pieces[i].kind);
	return h;
}

static bool test_same(const struct sigma_test *a, const struct sigma_test *b)
{
	if (a->op != b->op || a->cased != b->cased || a->re_flags != b->re_flags || a->ref != b->ref || a->part != b->part ||
	    memcmp(&a->number, &b->number, sizeof a->number) != 0 || a->n_pieces != b->n_pieces || !str_eq(a->field, b->field) ||
	    !str_eq(a->text, b->text))
		return false;
	for (uint32_t i = 0; i < a->n_pieces; i++)
		if (a->pieces[i].kind != b->pieces[i].kind || !str_eq(a->pieces[i].text, b->pieces[i].text))
			return false;
	return true;
}

static enum rc pool_grow(struct sigma_pool *p)
{
	struct sigma_pool bigger = { .cap = p->cap == 0 ? 1024 : p->cap * 2, .n = p->n };

	bigger.slots = mem_array(bigger.cap, sizeof *bigger.slots);
	if (bigger.slots == NULL)
		return RC_NOMEM;
	for (size_t i = 0; i < p->cap; i++) {
		size_t at;

		if (p->slots[i].leaf == NULL)
			continue;
		for (at = p->slots[i].hash & (bigger.cap - 1); bigger.slots[at].leaf != NULL; at = (at + 1) & (bigger.cap - 1))
			;
		bigger.slots[at] = p->slots[i];
	}
	mem_free(p->slots);
	*p = bigger;
	return RC_OK;
}

/* One piece of memory: leaf, pieces, and all their texts behind. */
static struct sigma_leaf *leaf_copy(struct sigma_doc *d, const struct sigma_test *t, struct str field)
{
	size_t bytes = sizeof(struct sigma_leaf) + t->n_pieces * sizeof(struct sigma_piece) + t->text.n;
	bool plain = t->n_pieces > 0 && t->written.n > 0;
	const struct str *same = NULL; /* the literal that reads like the value as written */
	struct sigma_leaf *l;
	struct sigma_piece *pieces;
	char *to;

	for (uint32_t i = 0; i < t->n_pieces; i++) {
		bytes += t->pieces[i].text.n;
		if (plain && str_eq(t->pieces[i].text, t->written))
			same = &t->pieces[i].text;
	}
	if (str_eq(t->text, t->written))
		same = &t->text;
	l = arena_alloc(d->a, bytes + (same == NULL ? t->written.n : 0));
	if (l == NULL)
		return NULL;
	l->node = (struct sigma_node){ .kind = SIGMA_TEST, .test = &l->test };
	l->test = *t;
	l->test.field = field;
	pieces = (struct sigma_piece *)(void *)(l + 1);
	to = (char *)(pieces + t->n_pieces);
	for (uint32_t i = 0; i < t->n_pieces; i++) {
		pieces[i] = (struct sigma_piece){ t->pieces[i].kind, str_make(to, t->pieces[i].text.n) };
		if (t->pieces[i].text.n > 0)
			memcpy(to, t->pieces[i].text.p, t->pieces[i].text.n);
		if (same == &t->pieces[i].text)
			l->test.written = pieces[i].text;
		to += t->pieces[i].text.n;
	}
	l->test.pieces = t->n_pieces == 0 ? NULL : pieces;
	l->test.text = str_make(to, t->text.n);
	if (t->text.n > 0)
		memcpy(to, t->text.p, t->text.n);
	if (same == &t->text)
		l->test.written = l->test.text;
	to += t->text.n;
	if (same == NULL) {
		l->test.written = str_make(to, t->written.n);
		if (t->written.n > 0)
			memcpy(to, t->written.p, t->written.n);
	}
	return l;
}

enum rc sigma_leaf(struct sigma_doc *d, const struct sigma_test *t, const struct sigma_node **ret)
{
	struct sigma_pool *p = &d->r->pool;
	uint64_t h = test_hash(t);
	struct str field;
	size_t at;

	if (p->n * 2 >= p->cap && pool_grow(p) != RC_OK)
		return sigma_nomem(d);
	for (at = h & (p->cap - 1); p->slots[at].leaf != NULL; at = (at + 1) & (p->cap - 1)) {
		if (p->slots[at].hash == h && test_same(&p->slots[at].leaf->test, t)) {
			*ret = &p->slots[at].leaf->node;
			return RC_OK;
		}
	}
	field = sigma_intern(d->r, t->field);
	if (field.p == NULL)
		return sigma_nomem(d);
	p->slots[at].leaf = leaf_copy(d, t, field);
	if (p->slots[at].leaf == NULL)
		return sigma_nomem(d);
	p->slots[at].hash = h;
	p->n++;
	*ret = &p->slots[at].leaf->node;
	return RC_OK;
}

enum rc sigma_group(struct sigma_doc *d, enum sigma_node_kind kind, const struct sigma_node *const *kids, size_t n, const struct sigma_node **ret)
{
	struct sigma_node *g;
	const struct sigma_node **copy;

	if (n == 1) {
		*ret = kids[0];
		return RC_OK;
	}
	g = arena_alloc(d->a, sizeof *g + n * sizeof *kids);
	if (g == NULL)
		return sigma_nomem(d);
	copy = (const struct sigma_node **)(void *)(g + 1);
	memcpy(copy, kids, n * sizeof *kids);
	*g = (struct sigma_node){ .kind = kind, .n_kids = (uint32_t)n, .kids = copy };
	*ret = g;
	return RC_OK;
}

enum rc sigma_not(struct sigma_doc *d, const struct sigma_node *kid, const struct sigma_node **ret)
{
	struct sigma_node *g = arena_alloc(d->a, sizeof *g + sizeof(const struct sigma_node *));
	const struct sigma_node **copy;

	if (g == NULL)
		return sigma_nomem(d);
	copy = (const struct sigma_node **)(void *)(g + 1);
	copy[0] = kid;
	*g = (struct sigma_node){ .kind = SIGMA_NOT, .n_kids = 1, .kids = copy };
	*ret = g;
	return RC_OK;
}

enum rc sigma_room(struct sigma_doc *d, const struct yaml *at)
{
	if (arena_used(d->scratch) > d->before && arena_used(d->scratch) - d->before > SIGMA_BYTES_MAX)
		return SIGMA_BAD(d, at, 0, "the values of the rule become more than %zu bytes", SIGMA_BYTES_MAX);
	return RC_OK;
}

enum rc sigma_count(struct sigma_doc *d, const struct yaml *at, size_t n)
{
	if (n > SIGMA_NODES_MAX || d->size > SIGMA_NODES_MAX - n)
		return SIGMA_BAD(d, at, 0, "the rule becomes more than %d tests", SIGMA_NODES_MAX);
	d->size += (uint32_t)n;
	return sigma_room(d, at);
}
