/* Design: recursive descent over the grammar of STIX 2.1 §9 with one token of
 * look-ahead. Operators of one level become one n-ary node, so a list of a
 * hundred thousand alternatives is flat; only parentheses recurse, and they
 * are counted. Precedence (§9.5.3): qualifiers bind to the expression directly
 * before them, then AND, OR, FOLLOWEDBY.
 *
 * Beside the grammar these rules are checked: WITHIN and REPEATS are positive,
 * a set holds one type (§9.6.1), no qualifier twice on one expression (§9.5.1).
 * The text is copied into the arena first; all strings of the tree point there. */
#include "stix/pattern.h"

#include <math.h>

#include "base/text.h"
#include "stix/pattern_ast.h"
#include "stix/pattern_hash.h"
#include "stix/pattern_lex.h"

struct parser {
	struct pat_lexer lx;
	struct pat_token t; /* look-ahead */
	struct arena *a;
	const struct stix_pattern_opts *opts;
	uint32_t depth, nodes;
	struct err *err;
};

const struct stix_pattern_opts STIX_PATTERN_STRICT = { .check_hashes = true };
const struct stix_pattern_opts STIX_PATTERN_LENIENT = { .repeat_qualifiers = true };

static enum rc advance(struct parser *p)
{
	return pat_lex_next(&p->lx, &p->t, p->err);
}

static enum rc unexpected(struct parser *p, const char *want)
{
	if (p->t.kind == TOK_END)
		return FAIL(p->err, RC_BAD, "pattern: byte %u: expected %s, found the end", p->t.at, want);
	return FAIL(p->err, RC_BAD, "pattern: byte %u: expected %s, found %.*s", p->t.at, want,
		    p->t.raw.n > 60 ? 60 : (int)p->t.raw.n, p->t.raw.p);
}

static enum rc expect(struct parser *p, enum pat_tok kind)
{
	return p->t.kind == kind ? advance(p) : unexpected(p, pat_tok_name(kind));
}

static bool accept(struct parser *p, enum pat_tok kind, enum rc *rc)
{
	if (p->t.kind != kind)
		return false;
	*rc = advance(p);
	return true;
}

static enum rc enter(struct parser *p)
{
	if (++p->depth > PATTERN_DEPTH_MAX)
		return FAIL(p->err, RC_LIMIT, "pattern: byte %u: more than %d nested parentheses", p->t.at,
			    PATTERN_DEPTH_MAX);
	return RC_OK;
}

/* `count` things of `size` bytes for the tree; their number is limited as a whole. */
static enum rc make(struct parser *p, uint32_t count, size_t size, void *ret)
{
	void *mem;

	p->nodes += count;
	if (p->nodes > PATTERN_NODES_MAX)
		return FAIL(p->err, RC_LIMIT, "pattern: byte %u: more than %d parts", p->t.at, PATTERN_NODES_MAX);
	mem = arena_array(p->a, count == 0 ? 1 : count, size);
	if (mem == NULL)
		return FAIL(p->err, RC_NOMEM, "pattern: out of memory");
	memcpy(ret, &mem, sizeof mem);
	return RC_OK;
}

/* --- constants ------------------------------------------------------------ */

/* The value of an integer or float token; digits beyond a double are rounded. */
static enum rc number(struct parser *p, struct str text, double *ret)
{
	struct str copy = arena_dup(p->a, text);

	if (copy.p == NULL)
		return FAIL(p->err, RC_NOMEM, "pattern: out of memory");
	*ret = strtod(copy.p, NULL);
	return RC_OK;
}

static bool constant_type(enum pat_tok kind, enum pat_type *ret)
{
	static const struct {
		enum pat_tok tok;
		enum pat_type type;
	} types[] = {
		{ TOK_INT, PAT_INT }, { TOK_FLOAT, PAT_FLOAT }, { TOK_STRING, PAT_STRING }, { TOK_BOOL, PAT_BOOL },
		{ TOK_BINARY, PAT_BINARY }, { TOK_HEX, PAT_HEX }, { TOK_TIME, PAT_TIME },
	};

	for (size_t i = 0; i < COUNTOF(types); i++)
		if (types[i].tok == kind) {
			*ret = types[i].type;
			return true;
		}
	return false;
}

static enum rc parse_const(struct parser *p, bool allow_bool, struct pat_const *ret)
{
	struct pat_const c = { .at = p->t.at, .text = p->t.value };

	if (!constant_type(p->t.kind, &c.type) || (c.type == PAT_BOOL && !allow_bool))
		return unexpected(p, allow_bool ? "a constant" : "a constant that has an order");
	if (c.type == PAT_BOOL)
		c.i = c.text.n == 4;
	if (c.type == PAT_INT)
		c.exact = str_to_i64(c.text.p[0] == '+' ? str_slice(c.text, 1, c.text.n) : c.text, &c.i);
	if (c.type == PAT_INT || c.type == PAT_FLOAT)
		TRY(number(p, c.text, &c.f));
	*ret = c;
	return advance(p);
}

/* Which constants may stand in one set: §9.6.1 wants one type; integers and floats compare with each other. */
static int set_class(enum pat_type type)
{
	switch (type) {
	case PAT_INT:
	case PAT_FLOAT:
		return 0;
	case PAT_STRING:
		return 1;
	case PAT_BOOL:
		return 2;
	case PAT_BINARY:
	case PAT_HEX:
		return 3;
	case PAT_TIME:
		return 4;
	}
	return -1;
}

/* Room for one more in an array that doubles. */
static enum rc grow(struct parser *p, void *items, uint32_t n, size_t size)
{
	void *old, *bigger;

	if (n != 0 && (n & (n - 1)) != 0)
		return RC_OK;
	TRY(make(p, n == 0 ? 1 : n * 2, size, &bigger));
	memcpy(&old, items, sizeof old);
	if (n > 0)
		memcpy(bigger, old, n * size);
	memcpy(items, &bigger, sizeof bigger);
	return RC_OK;
}

static enum rc parse_set(struct parser *p, struct pat_cmp *cmp)
{
	struct pat_const *items = NULL;
	uint32_t n = 0;
	enum rc rc = RC_OK;

	TRY(expect(p, TOK_LPAREN));
	if (accept(p, TOK_RPAREN, &rc))
		return rc;
	do {
		TRY(rc);
		TRY(grow(p, &items, n, sizeof *items));
		TRY(parse_const(p, true, &items[n]));
		if (set_class(items[n].type) != set_class(items[0].type))
			return FAIL(p->err, RC_BAD, "pattern: byte %u: a set must not mix types", items[n].at);
		n++;
	} while (accept(p, TOK_COMMA, &rc));
	cmp->consts = items;
	cmp->n_consts = n;
	return expect(p, TOK_RPAREN);
}

/* --- object paths (§9.7) -------------------------------------------------- */

static enum rc parse_key(struct parser *p, struct pat_step *step)
{
	if (p->t.kind != TOK_NAME && p->t.kind != TOK_STRING)
		return unexpected(p, p->t.kind == TOK_HYPHENATED ? "quotes around a name with '-'" : "a property name");
	*step = (struct pat_step){ .kind = PAT_KEY, .key = p->t.value };
	return advance(p);
}

static enum rc parse_index(struct parser *p, struct pat_step *step)
{
	if (p->t.kind == TOK_STAR) {
		step->kind = PAT_ANY;
	} else if (p->t.kind == TOK_INT) {
		struct str digits = p->t.raw;

		step->kind = PAT_INDEX;
		if (digits.p[0] == '+')
			digits = str_slice(digits, 1, digits.n);
		if (!str_to_u64(digits, &step->index))
			step->index = UINT64_MAX;
	} else {
		return unexpected(p, "an index or '*'");
	}
	TRY(advance(p));
	return expect(p, TOK_RBRACK);
}

static enum rc parse_path(struct parser *p, struct pat_cmp *cmp)
{
	struct pat_step *steps = NULL;
	uint32_t n = 0;
	enum rc rc = RC_OK;

	if (p->t.kind != TOK_NAME && p->t.kind != TOK_HYPHENATED)
		return unexpected(p, "an object type");
	cmp->object_type = p->t.value;
	TRY(advance(p));
	TRY(expect(p, TOK_COLON));
	TRY(grow(p, &steps, n, sizeof *steps));
	TRY(parse_key(p, &steps[n++]));
	while (p->t.kind == TOK_DOT || p->t.kind == TOK_LBRACK) {
		bool key = accept(p, TOK_DOT, &rc);

		if (!key)
			rc = advance(p);
		TRY(rc);
		if (n == PATTERN_STEPS_MAX)
			return FAIL(p->err, RC_LIMIT, "pattern: byte %u: more than %d steps in a path", p->t.at,
				    PATTERN_STEPS_MAX);
		TRY(grow(p, &steps, n, sizeof *steps));
		TRY(key ? parse_key(p, &steps[n]) : parse_index(p, &steps[n]));
		n++;
	}
	cmp->steps = steps;
	cmp->n_steps = n;
	return RC_OK;
}

/* --- comparison expressions (§9.6) ---------------------------------------- */

static const struct {
	enum pat_tok tok;
	enum pat_op op;
	const char *name;
} OPS[] = {
	{ TOK_EQ, PAT_EQ, "=" }, { TOK_NE, PAT_NE, "!=" }, { TOK_LT, PAT_LT, "<" }, { TOK_LE, PAT_LE, "<=" },
	{ TOK_GT, PAT_GT, ">" }, { TOK_GE, PAT_GE, ">=" }, { TOK_IN, PAT_IN, "IN" }, { TOK_LIKE, PAT_LIKE, "LIKE" },
	{ TOK_MATCHES, PAT_MATCHES, "MATCHES" }, { TOK_ISSUBSET, PAT_ISSUBSET, "ISSUBSET" },
	{ TOK_ISSUPERSET, PAT_ISSUPERSET, "ISSUPERSET" }, { TOK_EXISTS, PAT_EXISTS, "EXISTS" },
};

const char *stix_pattern_op_name(enum pat_op op)
{
	for (size_t i = 0; i < COUNTOF(OPS); i++)
		if (OPS[i].op == op)
			return OPS[i].name;
	return "?";
}

static bool operator_of(enum pat_tok tok, enum pat_op *ret)
{
	for (size_t i = 0; i < COUNTOF(OPS); i++)
		if (OPS[i].tok == tok && tok != TOK_EXISTS) {
			*ret = OPS[i].op;
			return true;
		}
	return false;
}

static enum rc parse_right_side(struct parser *p, struct pat_cmp *cmp)
{
	struct pat_const *c;

	if (cmp->op == PAT_IN)
		return parse_set(p, cmp);
	TRY(make(p, 1, sizeof *c, &c));
	if (cmp->op >= PAT_LIKE && p->t.kind != TOK_STRING)
		return unexpected(p, "a string");
	TRY(parse_const(p, cmp->op == PAT_EQ || cmp->op == PAT_NE, c));
	cmp->consts = c;
	cmp->n_consts = 1;
	return RC_OK;
}

/* EXISTS path, or path [NOT] operator constant. */
static enum rc parse_test(struct parser *p, struct pat_bool *node)
{
	struct pat_cmp *cmp = &node->cmp;
	enum rc rc = RC_OK;

	node->kind = PAT_TEST;
	cmp->at = p->t.at;
	cmp->op = PAT_EXISTS;
	cmp->negated = accept(p, TOK_NOT, &rc);
	TRY(rc);
	if (accept(p, TOK_EXISTS, &rc)) {
		TRY(rc);
		return parse_path(p, cmp);
	}
	if (cmp->negated)
		return unexpected(p, "EXISTS");
	TRY(parse_path(p, cmp));
	cmp->negated = accept(p, TOK_NOT, &rc);
	TRY(rc);
	if (!operator_of(p->t.kind, &cmp->op))
		return unexpected(p, "a comparison operator");
	TRY(advance(p));
	TRY(parse_right_side(p, cmp));
	return p->opts->check_hashes ? pat_hash_check(cmp, p->err) : RC_OK;
}

static enum rc parse_comparison(struct parser *p, struct pat_bool **ret);

static enum rc parse_comparison_term(struct parser *p, struct pat_bool **ret)
{
	enum rc rc = RC_OK;

	if (!accept(p, TOK_LPAREN, &rc)) {
		TRY(make(p, 1, sizeof **ret, ret));
		return parse_test(p, *ret);
	}
	TRY(rc);
	TRY(enter(p));
	TRY(parse_comparison(p, ret));
	p->depth--;
	return expect(p, TOK_RPAREN);
}

/* term (AND term)* as one node. */
static enum rc parse_comparison_and(struct parser *p, struct pat_bool **ret)
{
	struct pat_bool *all, *last;
	enum rc rc = RC_OK;

	TRY(parse_comparison_term(p, &last));
	*ret = last;
	if (p->t.kind != TOK_AND)
		return RC_OK;
	TRY(make(p, 1, sizeof *all, &all));
	*all = (struct pat_bool){ .kind = PAT_ALL, .kids = last };
	while (accept(p, TOK_AND, &rc)) {
		struct pat_bool *next;

		TRY(rc);
		TRY(parse_comparison_term(p, &next));
		last->next = next;
		last = next;
	}
	*ret = all;
	return RC_OK;
}

static enum rc parse_comparison(struct parser *p, struct pat_bool **ret)
{
	struct pat_bool *some, *last;
	enum rc rc = RC_OK;

	TRY(parse_comparison_and(p, &last));
	*ret = last;
	if (p->t.kind != TOK_OR)
		return RC_OK;
	TRY(make(p, 1, sizeof *some, &some));
	*some = (struct pat_bool){ .kind = PAT_SOME, .kids = last };
	while (accept(p, TOK_OR, &rc)) {
		struct pat_bool *next;

		TRY(rc);
		TRY(parse_comparison_and(p, &next));
		last->next = next;
		last = next;
	}
	*ret = some;
	return RC_OK;
}

/* --- observation expressions (§9.5) --------------------------------------- */

static enum rc parse_within(struct parser *p, struct pat_obs *q)
{
	double seconds;

	if ((p->t.kind != TOK_INT && p->t.kind != TOK_FLOAT) || p->t.raw.p[0] == '-')
		return unexpected(p, "a positive number");
	TRY(number(p, p->t.raw, &seconds));
	if (!(seconds > 0))
		return FAIL(p->err, RC_BAD, "pattern: byte %u: WITHIN needs more than 0 seconds", p->t.at);
	/* A century of millennia stands for everything longer. */
	q->within = seconds > 3.2e12 ? (usec)3200000000000 * USEC_PER_SEC : (usec)ceil(seconds * 1e6);
	TRY(advance(p));
	return expect(p, TOK_SECONDS);
}

static enum rc parse_repeats(struct parser *p, struct pat_obs *q)
{
	if (p->t.kind != TOK_INT || p->t.raw.p[0] == '-')
		return unexpected(p, "a positive integer");
	if (!str_to_u64(p->t.raw.p[0] == '+' ? str_slice(p->t.raw, 1, p->t.raw.n) : p->t.raw, &q->times))
		q->times = UINT64_MAX;
	if (q->times == 0)
		return FAIL(p->err, RC_BAD, "pattern: byte %u: REPEATS needs at least 1", p->t.at);
	TRY(advance(p));
	return expect(p, TOK_TIMES);
}

static enum rc parse_instant(struct parser *p, struct str *ret)
{
	if (p->t.kind != TOK_TIME && !(p->opts->v20 && p->t.kind == TOK_STRING))
		return unexpected(p, "t'...'");
	if (time_parse(p->t.value, &(usec){ 0 }, NULL, NULL) != RC_OK)
		return FAIL(p->err, RC_BAD, "pattern: byte %u: no such point in time", p->t.at);
	*ret = p->t.value;
	return advance(p);
}

static enum rc parse_start_stop(struct parser *p, struct pat_obs *q)
{
	TRY(parse_instant(p, &q->start));
	TRY(expect(p, TOK_STOP));
	return parse_instant(p, &q->stop);
}

static bool qualifier_of(enum pat_tok tok, enum pat_obs_kind *ret)
{
	if (tok == TOK_WITHIN)
		*ret = PAT_WITHIN;
	else if (tok == TOK_REPEATS)
		*ret = PAT_REPEATS;
	else if (tok == TOK_START)
		*ret = PAT_START_STOP;
	else
		return false;
	return true;
}

static enum rc parse_qualifier(struct parser *p, enum pat_obs_kind kind, struct pat_obs **io)
{
	struct pat_obs *q;

	TRY(make(p, 1, sizeof *q, &q));
	*q = (struct pat_obs){ .kind = kind, .at = p->t.at, .kids = *io };
	TRY(advance(p));
	if (kind == PAT_WITHIN)
		TRY(parse_within(p, q));
	else if (kind == PAT_REPEATS)
		TRY(parse_repeats(p, q));
	else
		TRY(parse_start_stop(p, q));
	*io = q;
	return RC_OK;
}

/* §9.5.1 forbids a second qualifier of one kind on an observation expression. The published validator applies that
 * to [...] and not to (...), and so do we. */
static enum rc parse_qualifiers(struct parser *p, bool compound, struct pat_obs **io)
{
	bool repeat = compound || p->opts->repeat_qualifiers;
	enum pat_obs_kind kind;
	unsigned seen = 0;
	uint32_t count = 0;

	while (qualifier_of(p->t.kind, &kind)) {
		if ((seen & 1u << kind) != 0 && !repeat)
			return FAIL(p->err, RC_BAD, "pattern: byte %u: second %s on one expression", p->t.at,
				    pat_tok_name(p->t.kind));
		/* Each one is a level of the tree. */
		if (++count > PATTERN_QUALIFIERS_MAX)
			return FAIL(p->err, RC_LIMIT, "pattern: byte %u: more than %d qualifiers", p->t.at,
				    PATTERN_QUALIFIERS_MAX);
		seen |= 1u << kind;
		TRY(parse_qualifier(p, kind, io));
	}
	return RC_OK;
}

static enum rc parse_observations(struct parser *p, unsigned level, struct pat_obs **ret);

/* '[' comparison ']' or '(' observations ')', and the qualifiers behind. */
static enum rc parse_observation(struct parser *p, struct pat_obs **ret)
{
	struct pat_bool *test;
	struct pat_obs *o;
	uint32_t at = p->t.at;
	bool compound = p->t.kind == TOK_LPAREN;
	enum rc rc = RC_OK;

	if (p->t.kind != TOK_LBRACK && !compound)
		return unexpected(p, "'['");
	if (accept(p, TOK_LBRACK, &rc)) {
		TRY(rc);
		TRY(parse_comparison(p, &test));
		TRY(make(p, 1, sizeof *o, &o));
		*o = (struct pat_obs){ .kind = PAT_OBSERVATION, .at = at, .test = test };
		TRY(expect(p, TOK_RBRACK));
	} else {
		TRY(enter(p));
		TRY(advance(p));
		TRY(parse_observations(p, 0, &o));
		p->depth--;
		TRY(expect(p, TOK_RPAREN));
	}
	*ret = o;
	return parse_qualifiers(p, compound, ret);
}

/* One level of the three binary operators, loosest first: level 0 FOLLOWEDBY, 1 OR, 2 AND, 3 operand. */
static enum rc parse_observations(struct parser *p, unsigned level, struct pat_obs **ret)
{
	static const struct {
		enum pat_tok tok;
		enum pat_obs_kind kind;
	} levels[] = { { TOK_FOLLOWEDBY, PAT_FOLLOWEDBY }, { TOK_OR, PAT_OR }, { TOK_AND, PAT_AND } };
	struct pat_obs *node, *last;
	enum rc rc = RC_OK;

	if (level == COUNTOF(levels))
		return parse_observation(p, ret);
	TRY(parse_observations(p, level + 1, &last));
	*ret = last;
	if (p->t.kind != levels[level].tok)
		return RC_OK;
	TRY(make(p, 1, sizeof *node, &node));
	*node = (struct pat_obs){ .kind = levels[level].kind, .at = last->at, .kids = last };
	while (accept(p, levels[level].tok, &rc)) {
		struct pat_obs *next;

		TRY(rc);
		TRY(parse_observations(p, level + 1, &next));
		last->next = next;
		last = next;
	}
	*ret = node;
	return RC_OK;
}

enum rc stix_pattern_parse(struct arena *a, struct str text, const struct stix_pattern_opts *opts,
			   const struct pattern **ret, struct err *err)
{
	struct parser p = { .a = a, .opts = opts, .err = err };
	struct pattern *pattern;
	struct pat_obs *root;
	struct str copy;

	if (text.n > PATTERN_BYTES_MAX)
		return FAIL(err, RC_LIMIT, "pattern: longer than %zu bytes", PATTERN_BYTES_MAX);
	copy = arena_dup(a, text);
	if (copy.p == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	TRY(pat_lex_init(&p.lx, a, copy, err));
	TRY(advance(&p));
	TRY(parse_observations(&p, 0, &root));
	if (p.t.kind != TOK_END)
		return unexpected(&p, "the end");
	TRY(make(&p, 1, sizeof *pattern, &pattern));
	pattern->root = root;
	*ret = pattern;
	return RC_OK;
}
