/* Conditions: identifiers, and, or, not, brackets, "1 of", "all of", "any of", "them", patterns with stars. Binding, from
 * weak to strong: or, and, not, of. */
#include "base/ascii.h"
#include "detect/sigma_int.h"

#define DEPTH_MAX 64
#define CHOICES_MAX 64 /* names in "N of": what it becomes grows with n * N */

struct parser {
	struct sigma_doc *d;
	const struct yaml *y;
	struct str text;
	size_t at;          /* behind `word` */
	struct str word;    /* the token at hand; empty at the end */
	size_t word_at;
	struct sigma_named *names;
	size_t n;
	unsigned depth;
};

static void advance(struct parser *p)
{
	size_t i = p->at;

	while (i < p->text.n && ascii_space(p->text.p[i]))
		i++;
	p->word_at = i;
	if (i < p->text.n && (p->text.p[i] == '(' || p->text.p[i] == ')' || p->text.p[i] == '|'))
		i++;
	else
		while (i < p->text.n && !ascii_space(p->text.p[i]) && p->text.p[i] != '(' && p->text.p[i] != ')' && p->text.p[i] != '|')
			i++;
	p->word = str_slice(p->text, p->word_at, i);
	p->at = i;
}

#define COND_BAD(p, ...) SIGMA_BAD((p)->d, (p)->y, (p)->word_at, __VA_ARGS__)

static struct sigma_named *named(const struct parser *p, struct str name)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->names[i].name, name))
			return &p->names[i];
	return NULL;
}

/* An operator, unless the rule has given its very name to a search identifier. */
static bool operator(const struct parser *p, struct str word)
{
	return str_eq_nocase(p->word, word) && named(p, p->word) == NULL;
}

/* `pattern` with stars at arbitrary positions. */
static bool fits(struct str name, struct str pattern)
{
	size_t i = 0, k = 0, star = SIZE_MAX, back = 0;

	while (i < name.n) {
		if (k < pattern.n && pattern.p[k] == '*') {
			star = k++;
			back = i;
		} else if (k < pattern.n && pattern.p[k] == name.p[i]) {
			k++;
			i++;
		} else if (star != SIZE_MAX) {
			k = star + 1;
			i = ++back;
		} else {
			return false;
		}
	}
	while (k < pattern.n && pattern.p[k] == '*')
		k++;
	return k == pattern.n;
}

/* At least `want` of kids[from ..]: with the first kid want - 1 of the others, or without it `want` of them. Shared parts
 * are one node each, found in `made` by (from, want). */
static enum rc choose(struct parser *p, const struct sigma_node *const *kids, size_t n, size_t want, const struct sigma_node **ret)
{
	size_t width = want + 1;
	const struct sigma_node **made;

	if (n > CHOICES_MAX)
		return COND_BAD(p, "a number of more than %d search identifiers", CHOICES_MAX);
	made = arena_array(p->d->scratch, (n + 1) * width, sizeof(const struct sigma_node *));
	if (made == NULL)
		return sigma_nomem(p->d);
	for (size_t from = n; from-- > 0;) {
		for (size_t k = 1; k <= want && k <= n - from; k++) {
			const struct sigma_node *both[2] = { kids[from], k > 1 ? made[(from + 1) * width + k - 1] : NULL }, *either[2];

			TRY(sigma_count(p->d, p->y, 4));
			TRY(sigma_group(p->d, SIGMA_AND, both, k > 1 ? 2 : 1, &either[0]));
			either[1] = made[(from + 1) * width + k];
			TRY(sigma_group(p->d, SIGMA_OR, either, either[1] == NULL ? 1 : 2, &made[from * width + k]));
		}
	}
	*ret = made[want];
	return RC_OK;
}

/* "1 of selection*": p->word stands on the pattern. `want` 0: all. */
static enum rc quantified(struct parser *p, uint64_t want, const struct sigma_node **ret)
{
	bool them = str_eq_nocase(p->word, S("them"));
	const struct sigma_node **kids = arena_array(p->d->scratch, p->n + 1, sizeof(const struct sigma_node *));
	size_t n = 0;

	if (kids == NULL)
		return sigma_nomem(p->d);
	if (p->word.n == 0)
		return COND_BAD(p, "\"of\" without the names that it speaks of");
	for (size_t i = 0; i < p->n; i++) {
		bool hidden = str_starts(p->names[i].name, S("_")) && !str_starts(p->word, S("_"));

		if (hidden || (!them && !fits(p->names[i].name, p->word)))
			continue;
		p->names[i].used = true;
		TRY(sigma_count(p->d, p->y, p->names[i].size));
		kids[n++] = p->names[i].node;
	}
	if (n == 0)
		return COND_BAD(p, "no search identifier is called \"%.*s\"", STR(p->word));
	if (want > n)
		return COND_BAD(p, "%zu search identifiers are called \"%.*s\", fewer than wanted", n, STR(p->word));
	TRY(sigma_count(p->d, p->y, 1));
	advance(p);
	if (want <= 1 || want == n)
		return sigma_group(p->d, want == 1 ? SIGMA_OR : SIGMA_AND, kids, n, ret);
	sigma_remark(p->d, "line %u: \"%u of\" goes beyond the specification", p->y->line, (unsigned)want);
	return choose(p, kids, n, (size_t)want, ret);
}

static bool followed_by_of(const struct parser *p)
{
	struct parser ahead = *p;

	advance(&ahead);
	return operator(&ahead, S("of"));
}

static enum rc expression(struct parser *p, const struct sigma_node **ret);

static enum rc operand(struct parser *p, const struct sigma_node **ret)
{
	struct sigma_named *name;
	uint64_t want = 0;

	if (p->word.n == 0)
		return COND_BAD(p, "the condition ends where a search identifier is expected");
	if (str_eq(p->word, S("("))) {
		advance(p);
		TRY(expression(p, ret));
		if (!str_eq(p->word, S(")")))
			return COND_BAD(p, "a bracket that is not closed");
		advance(p);
		return RC_OK;
	}
	if (followed_by_of(p)) {
		if (str_eq_nocase(p->word, S("any")))
			want = 1;
		else if (!str_eq_nocase(p->word, S("all")) && (!str_to_u64(p->word, &want) || want == 0))
			return COND_BAD(p, "\"%.*s of\": expected 1, any or all", STR(p->word));
		advance(p);
		advance(p);
		return quantified(p, want, ret);
	}
	name = named(p, p->word);
	if (name == NULL)
		return COND_BAD(p, "no search identifier is called \"%.*s\"", STR(p->word));
	name->used = true;
	*ret = name->node;
	TRY(sigma_count(p->d, p->y, name->size));
	advance(p);
	return RC_OK;
}

static enum rc negation(struct parser *p, const struct sigma_node **ret)
{
	bool negated = false;

	for (; operator(p, S("not")); advance(p))
		negated = !negated;
	TRY(operand(p, ret));
	return negated ? sigma_not(p->d, *ret, ret) : RC_OK;
}

/* Left to right, kids on one level. `level` 0: or, 1: and. */
static enum rc chain(struct parser *p, int level, const struct sigma_node **ret)
{
	const struct sigma_node **kids = NULL;
	size_t n = 0, cap = 0;

	for (;;) {
		if (n == cap) {
			size_t bytes = sizeof(const struct sigma_node *);

			kids = arena_resize(p->d->scratch, kids, cap * bytes, (cap * 2 + 4) * bytes);
			if (kids == NULL)
				return sigma_nomem(p->d);
			cap = cap * 2 + 4;
		}
		TRY(level == 0 ? chain(p, 1, &kids[n]) : negation(p, &kids[n]));
		n++;
		if (!operator(p, level == 0 ? S("or") : S("and")))
			break;
		advance(p);
	}
	TRY(sigma_count(p->d, p->y, n > 1));
	return sigma_group(p->d, level == 0 ? SIGMA_OR : SIGMA_AND, kids, n, ret);
}

static enum rc expression(struct parser *p, const struct sigma_node **ret)
{
	if (++p->depth > DEPTH_MAX)
		return COND_BAD(p, "brackets nested deeper than %d", DEPTH_MAX);
	TRY(chain(p, 0, ret));
	p->depth--;
	return RC_OK;
}

static enum rc one(struct sigma_doc *d, const struct yaml *y, struct sigma_named *names, size_t n, const struct sigma_node **ret)
{
	struct parser p = { .d = d, .y = y, .text = y->text, .names = names, .n = n };

	if (y->kind == YAML_LIST || y->kind == YAML_MAP || str_trim(y->text).n == 0)
		return SIGMA_BAD(d, y, 0, "the condition is no text");
	advance(&p);
	TRY(expression(&p, ret));
	if (str_eq(p.word, S("|")))
		return COND_BAD(&p, "aggregations in conditions are obsolete: a correlation rule says the same");
	if (p.word.n > 0)
		return COND_BAD(&p, "expected and, or, or the end instead of \"%.*s\"", STR(p.word));
	return RC_OK;
}

enum rc sigma_condition(struct sigma_doc *d, const struct yaml *y, struct sigma_named *names, size_t n, const struct sigma_node **ret)
{
	const struct sigma_node **kids;
	size_t k = 0;

	if (y->kind != YAML_LIST)
		return one(d, y, names, n, ret);
	if (y->n == 0)
		return SIGMA_BAD(d, y, 0, "an empty list of conditions");
	kids = arena_array(d->scratch, y->n, sizeof(const struct sigma_node *));
	if (kids == NULL)
		return sigma_nomem(d);
	for (const struct yaml_item *i = y->first; i != NULL; i = i->next)
		TRY(one(d, i->value, names, n, &kids[k++]));
	TRY(sigma_count(d, y, 1));
	return sigma_group(d, SIGMA_OR, kids, k, ret);
}
