/* Design: each comparison is prepared once (reference steps marked, constants
 * in the coding of the property, regular expressions compiled, ranges parsed)
 * and then tested by walking the object's JSON tree; nothing is allocated on
 * the way for plain equality.
 *
 * Semantics (STIX 2.1 §9.6, §9.7), where the text leaves room:
 * - A path that leads nowhere makes the comparison false, whatever the operator
 *   and with NOT as well (§9.6); only NOT EXISTS is true then, on an object of
 *   the right type.
 * - A path with [*] has many ends; one that satisfies the operator, NOT
 *   included, suffices.
 * - Types that do not compare: = is false and != true (§9.6.1), all other
 *   operators false; NOT turns that around.
 * - [*] on a dictionary means any of its values: the published examples write
 *   file:hashes[*].
 * - The name decides the coding: a property that ends in _hex or _bin holds
 *   octets (§9.6.3, §9.6.4), and a string constant then stands for octets by
 *   its code points.
 *
 * Limits: [*] behind [*] multiplies, LIKE may go back: both spend run->budget. */
#include "stix/pattern_cmp.h"

#include "base/text.h"
#include "stix/pattern_regex.h"
#include "stix/pattern_text.h"

#define NOT_COMPARABLE 2

enum coding { TEXT, OCTETS_HEX, OCTETS_BASE64 };

/* A constant in the form that testing wants. */
struct ready {
	struct str octets;  /* against octets; .p NULL when a character does not fit one */
	struct pat_net net; /* ISSUBSET, ISSUPERSET */
	bool good;          /* the range or the calendar date is valid */
};

struct cmp {
	const struct pat_cmp *ast;
	uint64_t follows; /* bit i: step i reads through a reference */
	enum coding coding;
	struct ready *ready; /* one a constant */
	struct str like;
	struct pat_regex *re; /* NULL: nothing can match */
};

struct pat_test {
	enum pat_bool_kind kind;
	struct cmp cmp;
	const struct pat_test *kids, *next;
};

/* --- compiling ------------------------------------------------------------- */

static enum rc no_memory(struct err *err)
{
	return FAIL(err, RC_NOMEM, "pattern: out of memory");
}

static bool names(const struct pat_step *s, struct str suffix)
{
	return s->kind == PAT_KEY && str_ends(s->key, suffix);
}

/* Steps behind `x_ref` and `x_refs[i]` (§9.7.4). */
static uint64_t reference_steps(const struct pat_cmp *c)
{
	uint64_t bits = 0;

	for (uint32_t i = 1; i < c->n_steps; i++)
		if (c->steps[i].kind == PAT_KEY &&
		    (names(&c->steps[i - 1], S("_ref")) ||
		     (i > 1 && c->steps[i - 1].kind != PAT_KEY && names(&c->steps[i - 2], S("_refs")))))
			bits |= (uint64_t)1 << i;
	return bits;
}

/* The last name on the path tells; an index behind it does not change it. */
static enum coding coding_of(const struct pat_cmp *c)
{
	uint32_t i = c->n_steps;

	while (i > 1 && c->steps[i - 1].kind != PAT_KEY)
		i--;
	if (names(&c->steps[i - 1], S("_hex")))
		return OCTETS_HEX;
	return names(&c->steps[i - 1], S("_bin")) ? OCTETS_BASE64 : TEXT;
}

/* The characters of `s` as octets, in the arena; ret->p NULL when one does not fit. */
static enum rc octets_of(struct arena *a, struct str s, struct str *ret, struct err *err)
{
	struct buf b;
	enum rc rc = RC_OK;

	*ret = (struct str){ NULL, 0 };
	buf_init(&b, s.n);
	if (pat_octets(&b, s)) {
		*ret = arena_dup(a, buf_view(&b));
		if (b.bad != RC_OK || ret->p == NULL)
			rc = no_memory(err);
	}
	buf_done(&b);
	return rc;
}

static enum rc prepare_constant(struct arena *a, const struct cmp *c, const struct pat_const *k, struct ready *r,
				struct err *err)
{
	if (k->type == PAT_BINARY || k->type == PAT_HEX)
		r->octets = k->text;
	else if (k->type == PAT_STRING && c->coding != TEXT)
		TRY(octets_of(a, k->text, &r->octets, err));
	if (k->type == PAT_TIME)
		r->good = time_parse(k->text, &(usec){ 0 }, NULL, NULL) == RC_OK;
	if (c->ast->op == PAT_ISSUBSET || c->ast->op == PAT_ISSUPERSET)
		r->good = pat_net_parse(k->text, &r->net);
	return RC_OK;
}

/* LIKE and MATCHES: the constant in NFC against text, as octets against octets. */
static enum rc prepare_search(struct arena *a, struct pat_regex_env *env, struct cmp *c, struct err *err)
{
	const struct pat_const *k = c->ast->consts;
	struct str text = c->ready[0].octets;
	struct buf room;
	enum rc rc = RC_OK;

	if (c->coding == TEXT) {
		buf_init(&room, k->text.n * 4 + 64);
		rc = pat_nfc(&room, k->text, &text, err);
		if (rc == RC_OK) {
			text = arena_dup(a, text);
			rc = text.p == NULL ? no_memory(err) : RC_OK;
		}
		buf_done(&room);
	}
	if (rc != RC_OK || text.p == NULL)
		return rc;
	c->like = text;
	return c->ast->op == PAT_LIKE ? RC_OK
				      : pat_regex_compile(env, text, c->coding == TEXT, k->at, &c->re, err);
}

static enum rc compile_cmp(struct arena *a, struct pat_regex_env *env, const struct pat_cmp *ast, struct cmp *c,
			   struct err *err)
{
	*c = (struct cmp){ .ast = ast, .follows = reference_steps(ast), .coding = coding_of(ast) };
	c->ready = arena_array(a, ast->n_consts + 1, sizeof *c->ready);
	if (c->ready == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < ast->n_consts; i++)
		TRY(prepare_constant(a, c, &ast->consts[i], &c->ready[i], err));
	return ast->op == PAT_LIKE || ast->op == PAT_MATCHES ? prepare_search(a, env, c, err) : RC_OK;
}

static enum rc compile_test(struct arena *a, struct pat_regex_env *env, const struct pat_bool *b,
			    struct pat_test **ret, struct err *err)
{
	struct pat_test *t = arena_alloc(a, sizeof *t);
	struct pat_test *last = NULL;

	if (t == NULL)
		return no_memory(err);
	t->kind = b->kind;
	if (b->kind == PAT_TEST)
		TRY(compile_cmp(a, env, &b->cmp, &t->cmp, err));
	for (const struct pat_bool *k = b->kids; k != NULL; k = k->next) {
		struct pat_test *kid;

		TRY(compile_test(a, env, k, &kid, err));
		if (last == NULL)
			t->kids = kid;
		else
			last->next = kid;
		last = kid;
	}
	*ret = t;
	return RC_OK;
}

enum rc pat_test_compile(struct arena *a, struct pat_regex_env *env, const struct pat_bool *b,
			 const struct pat_test **ret, struct err *err)
{
	struct pat_test *t;

	TRY(compile_test(a, env, b, &t, err));
	*ret = t;
	return RC_OK;
}

/* --- comparing values ------------------------------------------------------ */

static bool spend(struct pat_run *run, uint64_t n)
{
	if (run->budget < n) {
		run->budget = 0;
		run->rc = FAIL(run->err, RC_LIMIT, "pattern: evaluation takes more steps than allowed");
		return false;
	}
	run->budget -= n;
	return true;
}

/* The octets that the property holds; false when it holds none. */
static bool value_octets(const struct cmp *c, const struct json *v, struct pat_run *run, struct str *ret)
{
	bool good;

	if (!json_is(v, JSON_STRING))
		return false;
	buf_clear(run->value);
	if (c->coding == OCTETS_HEX)
		good = hex_get(run->value, json_str(v));
	else if (c->coding == OCTETS_BASE64)
		good = base64_get(run->value, json_str(v));
	else
		good = pat_octets(run->value, json_str(v));
	if (run->value->bad != RC_OK) {
		run->rc = buf_check(run->value, run->err, "pattern: a value to be decoded");
		return false;
	}
	*ret = buf_view(run->value);
	return good;
}

static int sign_of(int order)
{
	return (order > 0) - (order < 0);
}

/* Integers compare exactly, mixed and fractional ones by value (§9.2: 1 != 1.5). long double holds every int64_t
 * and every double on the machines we build for. */
static int order_number(const struct pat_const *k, const struct json *v)
{
	int64_t i;
	double d;
	long double left, right = k->type == PAT_INT && k->exact ? (long double)k->i : (long double)k->f;

	if (v->type != JSON_NUMBER)
		return NOT_COMPARABLE;
	if (str_to_i64(str_make(v->p, v->n), &i))
		left = (long double)i;
	else if (json_double(v, &d))
		left = (long double)d;
	else
		return NOT_COMPARABLE;
	return (left > right) - (left < right);
}

static int order_time(const struct pat_const *k, const struct ready *r, const struct json *v, struct pat_run *run)
{
	struct str text = json_str(v);

	if (v->type != JSON_STRING)
		return NOT_COMPARABLE;
	if (time_parse(text, &(usec){ 0 }, NULL, NULL) != RC_OK) {
		if (run->strict_times)
			run->rc = FAIL(run->err, RC_BAD, "observed-data: \"%.*s\" is compared with a time and is none",
				       text.n > 80 ? 80 : (int)text.n, text.p);
		return NOT_COMPARABLE;
	}
	return r->good ? sign_of(time_text_cmp(text, k->text)) : NOT_COMPARABLE;
}

static int order_octets(const struct cmp *c, const struct ready *r, const struct json *v, struct pat_run *run)
{
	struct str octets;

	if (r->octets.p == NULL || !value_octets(c, v, run, &octets))
		return NOT_COMPARABLE;
	return sign_of(str_cmp(octets, r->octets));
}

/* -1, 0, 1, or NOT_COMPARABLE. Two booleans that differ have no order, but the grammar asks none. */
static int order(const struct cmp *c, uint32_t i, const struct json *v, struct pat_run *run)
{
	const struct pat_const *k = &c->ast->consts[i];

	switch (k->type) {
	case PAT_INT:
	case PAT_FLOAT:
		return order_number(k, v);
	case PAT_BOOL:
		return v->type == JSON_TRUE || v->type == JSON_FALSE ? (v->type == JSON_TRUE) != (k->i != 0)
								     : NOT_COMPARABLE;
	case PAT_TIME:
		return order_time(k, &c->ready[i], v, run);
	case PAT_BINARY:
	case PAT_HEX:
		return order_octets(c, &c->ready[i], v, run);
	case PAT_STRING:
		break;
	}
	if (c->coding != TEXT)
		return order_octets(c, &c->ready[i], v, run);
	/* Bytes of UTF-8 have the order of their code points (§9.6.2). */
	return v->type == JSON_STRING ? sign_of(str_cmp(json_str(v), k->text)) : NOT_COMPARABLE;
}

static bool in_set(const struct cmp *c, const struct json *v, struct pat_run *run)
{
	for (uint32_t i = 0; i < c->ast->n_consts && run->rc == RC_OK; i++)
		if (order(c, i, v, run) == 0)
			return true;
	return false;
}

static bool in_range(const struct cmp *c, const struct json *v)
{
	const struct ready *r = &c->ready[0];
	struct pat_net net;

	if (v->type != JSON_STRING || !r->good || !pat_net_parse(json_str(v), &net))
		return false;
	return c->ast->op == PAT_ISSUBSET ? pat_net_within(&net, &r->net) : pat_net_within(&r->net, &net);
}

static bool found_by_search(const struct cmp *c, const struct json *v, struct pat_run *run)
{
	struct str subject = json_str(v);
	bool hit;

	if (c->like.p == NULL || v->type != JSON_STRING)
		return false;
	if (c->coding != TEXT) {
		if (!value_octets(c, v, run, &subject))
			return false;
	} else {
		run->rc = pat_nfc(run->norm, subject, &subject, run->err);
		if (run->rc != RC_OK)
			return false;
	}
	if (c->ast->op == PAT_MATCHES)
		return pat_regex_search(c->re, subject, run);
	hit = pat_like(c->like, subject, c->coding == TEXT, &run->budget);
	return hit || (run->budget == 0 ? spend(run, 1) : false);
}

static bool compares(enum pat_op op, int o)
{
	switch (op) {
	case PAT_EQ:
		return o == 0;
	case PAT_NE:
		return o != 0;
	case PAT_LT:
		return o == -1;
	case PAT_LE:
		return o == -1 || o == 0;
	case PAT_GT:
		return o == 1;
	case PAT_GE:
		return o == 1 || o == 0;
	case PAT_IN:
	case PAT_LIKE:
	case PAT_MATCHES:
	case PAT_ISSUBSET:
	case PAT_ISSUPERSET:
	case PAT_EXISTS:
		break;
	}
	return false;
}

/* The operator, with its NOT, on the value at the end of a path. */
static bool satisfies(const struct cmp *c, const struct json *v, struct pat_run *run)
{
	bool hit;

	switch (c->ast->op) {
	case PAT_EXISTS:
		return true;
	case PAT_IN:
		hit = in_set(c, v, run);
		break;
	case PAT_LIKE:
	case PAT_MATCHES:
		hit = found_by_search(c, v, run);
		break;
	case PAT_ISSUBSET:
	case PAT_ISSUPERSET:
		hit = in_range(c, v);
		break;
	case PAT_EQ:
	case PAT_NE:
	case PAT_LT:
	case PAT_LE:
	case PAT_GT:
	case PAT_GE:
	default:
		hit = compares(c->ast->op, order(c, 0, v, run));
		break;
	}
	return run->rc == RC_OK && hit != c->ast->negated;
}

/* --- walking paths (§9.7) -------------------------------------------------- */

static const struct json *step_key(const struct cmp *c, uint32_t i, const struct json *v, const struct pat_observed *o,
				   struct pat_run *run)
{
	if ((c->follows >> i & 1) != 0 && v->type == JSON_STRING) {
		if (!spend(run, 1))
			return NULL;
		v = pat_observed_find(o, json_str(v));
	}
	return json_is(v, JSON_OBJECT) ? json_get(v, c->ast->steps[i].key) : NULL;
}

static bool walk(const struct cmp *c, uint32_t i, const struct json *v, const struct pat_observed *o,
		 struct pat_run *run);

/* Any item of a list, any value of a dictionary. */
static bool walk_any(const struct cmp *c, uint32_t i, const struct json *v, const struct pat_observed *o,
		     struct pat_run *run)
{
	if (v->type == JSON_ARRAY)
		JSON_EACH(item, v)
			if (!spend(run, 1) || walk(c, i, item, o, run))
				return run->rc == RC_OK;
	if (v->type == JSON_OBJECT)
		JSON_MEMBERS(name, value, v)
			if (!spend(run, 1) || walk(c, i, value, o, run))
				return run->rc == RC_OK;
	return false;
}

/* From `v` over the steps from `i` on to a value that satisfies. Recursion: PATTERN_STEPS_MAX at most. */
static bool walk(const struct cmp *c, uint32_t i, const struct json *v, const struct pat_observed *o,
		 struct pat_run *run)
{
	for (; i < c->ast->n_steps; i++) {
		const struct pat_step *s = &c->ast->steps[i];

		if (s->kind == PAT_ANY)
			return walk_any(c, i + 1, v, o, run);
		if (s->kind == PAT_KEY)
			v = step_key(c, i, v, o, run);
		else
			v = v->type == JSON_ARRAY && s->index < v->n ? json_item(v, (uint32_t)s->index) : NULL;
		if (v == NULL)
			return false;
	}
	return satisfies(c, v, run);
}

static bool test_cmp(const struct cmp *c, const struct pat_sco *root, const struct pat_observed *o,
		     struct pat_run *run)
{
	if (!str_eq(root->type, c->ast->object_type))
		return false;
	return walk(c, 0, root->v, o, run) != (c->ast->op == PAT_EXISTS && c->ast->negated);
}

/* All comparisons that AND joins are about the same object (§9.5). Recursion: PATTERN_DEPTH_MAX. */
static bool test_one(const struct pat_test *t, const struct pat_sco *root, const struct pat_observed *o,
		     struct pat_run *run)
{
	if (t->kind == PAT_TEST)
		return test_cmp(&t->cmp, root, o, run);
	for (const struct pat_test *k = t->kids; k != NULL; k = k->next)
		if (test_one(k, root, o, run) != (t->kind == PAT_ALL))
			return t->kind == PAT_SOME;
	return t->kind == PAT_ALL;
}

bool pat_test_run(const struct pat_test *t, const struct pat_observed *o, struct pat_run *run)
{
	for (uint32_t i = 0; i < o->n_scos && run->rc == RC_OK; i++)
		if (test_one(t, &o->scos[i], o, run))
			return run->rc == RC_OK;
	return false;
}
