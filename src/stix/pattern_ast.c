/* The short form of a pattern: a list of (object type, path, value), any one of
 * which suffices. A gatherer walks the tree and gives up at the first node that
 * is no alternative of plain equalities, so the list never says more than the
 * pattern does. */
#include "stix/pattern_ast.h"

#include "base/ascii.h"
#include "base/buf.h"

#define SIMPLE_PATH_MAX 4096

struct gather {
	struct arena *a;
	struct pat_simple *out; /* NULL while counting */
	size_t n;
	struct err *err;
};

static enum rc not_simple(struct gather *g, uint32_t at)
{
	return FAIL(g->err, RC_UNSUPPORTED, "pattern: byte %u: more than a list of values", at);
}

static bool is_plain_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum(s.p[i]) && s.p[i] != '_')
			return false;
	return s.n > 0 && !ascii_digit(s.p[0]);
}

static void put_quoted(struct buf *b, struct str s)
{
	buf_char(b, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'' || s.p[i] == '\\')
			buf_char(b, '\\');
		buf_char(b, s.p[i]);
	}
	buf_char(b, '\'');
}

static enum rc path_text(struct gather *g, const struct pat_cmp *cmp, struct str *ret)
{
	struct buf b;

	buf_init(&b, SIMPLE_PATH_MAX);
	for (uint32_t i = 0; i < cmp->n_steps; i++) {
		if (i > 0)
			buf_char(&b, '.');
		if (is_plain_name(cmp->steps[i].key))
			buf_str(&b, cmp->steps[i].key);
		else
			put_quoted(&b, cmp->steps[i].key);
	}
	*ret = b.bad == RC_OK ? arena_dup(g->a, buf_view(&b)) : (struct str){ NULL, 0 };
	if (b.bad == RC_LIMIT) {
		buf_done(&b);
		return not_simple(g, cmp->at);
	}
	buf_done(&b);
	return ret->p == NULL ? FAIL(g->err, RC_NOMEM, "pattern: out of memory") : RC_OK;
}

static bool is_plain_path(const struct pat_cmp *cmp)
{
	for (uint32_t i = 0; i < cmp->n_steps; i++) {
		struct str key = cmp->steps[i].key;

		if (cmp->steps[i].kind != PAT_KEY)
			return false;
		/* Behind a reference stands a property of another object. */
		if (i + 1 < cmp->n_steps && (str_ends(key, S("_ref")) || str_ends(key, S("_refs"))))
			return false;
	}
	return true;
}

static enum rc gather_test(struct gather *g, const struct pat_cmp *cmp)
{
	struct str path = { NULL, 0 };

	if (cmp->negated || (cmp->op != PAT_EQ && cmp->op != PAT_IN && cmp->op != PAT_ISSUBSET) || !is_plain_path(cmp))
		return not_simple(g, cmp->at);
	if (g->out != NULL)
		TRY(path_text(g, cmp, &path));
	for (uint32_t i = 0; i < cmp->n_consts; i++, g->n++)
		if (g->out != NULL)
			g->out[g->n] = (struct pat_simple){
				.object_type = cmp->object_type,
				.path = path,
				.op = cmp->op == PAT_ISSUBSET ? PAT_ISSUBSET : PAT_EQ,
				.value = &cmp->consts[i],
			};
	return RC_OK;
}

/* Depth is bounded by the parser (PATTERN_DEPTH_MAX). */
static enum rc gather_bool(struct gather *g, const struct pat_bool *b)
{
	if (b->kind == PAT_TEST)
		return gather_test(g, &b->cmp);
	if (b->kind == PAT_ALL)
		return not_simple(g, b->kids->cmp.at);
	for (const struct pat_bool *k = b->kids; k != NULL; k = k->next)
		TRY(gather_bool(g, k));
	return RC_OK;
}

static enum rc gather_obs(struct gather *g, const struct pat_obs *o)
{
	if (o->kind == PAT_OBSERVATION)
		return gather_bool(g, o->test);
	if (o->kind != PAT_OR)
		return not_simple(g, o->at);
	for (const struct pat_obs *k = o->kids; k != NULL; k = k->next)
		TRY(gather_obs(g, k));
	return RC_OK;
}

enum rc stix_pattern_simples(struct arena *a, const struct pattern *p, const struct pat_simple **ret, size_t *ret_n,
			     struct err *err)
{
	struct gather g = { .a = a, .err = err };

	TRY(gather_obs(&g, p->root));
	g.out = arena_array(a, g.n == 0 ? 1 : g.n, sizeof *g.out);
	if (g.out == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	g.n = 0;
	TRY(gather_obs(&g, p->root));
	*ret = g.out;
	*ret_n = g.n;
	return RC_OK;
}
