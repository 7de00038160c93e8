/* Design: evaluation in two halves. First every [comparison] is tested against
 * every observation, which yields one bit set for each (pattern_cmp.c); then
 * the observation operators and qualifiers are a question about these sets and
 * the observations' times alone (pattern_direct.c, pattern_assign.c).
 *
 * In between the tree is made smaller, so that most patterns end in a direct
 * method: alternatives of single observations become one set; WITHIN on a single
 * observation asks nothing; START-STOP only narrows the sets; REPEATS on
 * expressions without windows and order multiplies what the leaves demand, other
 * REPEATS become copies; equal leaves under one AND add up; what cannot be
 * filled by number alone is decided at once.
 *
 * The common pattern, one observation expression, skips all that and touches no
 * allocator. */
#include "stix/pattern_match.h"

#include "base/mem.h"
#include "stix/pattern_assign.h"
#include "stix/pattern_ast.h"
#include "stix/pattern_cmp.h"

#define RUN_STEPS_MAX ((uint64_t)1 << 27)  /* [*], references and LIKE in one run */
#define RUN_REGEX_STEPS_MAX ((uint64_t)1 << 28)
#define VALUE_BYTES_MAX ((size_t)64 << 20) /* one decoded or normalised string */

/* An observation expression with its tests compiled. */
struct expr {
	enum pat_obs_kind kind;
	bool unit; /* satisfied by one observation alone */
	bool flat; /* only a number of units from sets: no window, no order, no alternative of several */
	const struct pat_test *test;
	usec within, start, stop;
	uint64_t times;
	struct expr *kids, *next;
};

struct stix_matcher {
	struct expr *root;
	struct pat_regex_env *env;
	struct buf value, norm;
	uint32_t one; /* result of the common case */
};

/* One evaluation. */
struct eval {
	const struct stix_observations *o;
	struct arena *a;
	struct pat_run *run;
	uint64_t units; /* all observations by number_observed */
	uint32_t slots;
	struct err *err;
};

struct window {
	usec start, stop;
};

/* --- compiling --------------------------------------------------------------- */

static void classify(struct expr *e)
{
	bool all_unit = true, all_flat = true;

	for (const struct expr *k = e->kids; k != NULL; k = k->next) {
		all_unit &= k->unit;
		all_flat &= k->flat;
	}
	switch (e->kind) {
	case PAT_OBSERVATION:
		e->unit = e->flat = true;
		break;
	case PAT_AND:
		e->flat = all_flat;
		break;
	case PAT_OR:
	case PAT_WITHIN:
		e->unit = e->flat = all_unit;
		break;
	case PAT_REPEATS:
		e->unit = all_unit && e->times == 1;
		e->flat = all_flat;
		break;
	case PAT_START_STOP:
		e->unit = all_unit;
		e->flat = all_flat;
		break;
	case PAT_FOLLOWEDBY:
		break;
	}
}

static enum rc compile_expr(struct arena *a, struct pat_regex_env *env, const struct pat_obs *p, struct expr **ret,
			    struct err *err)
{
	struct expr *e = arena_alloc(a, sizeof *e);
	struct expr *last = NULL;

	if (e == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	*e = (struct expr){ .kind = p->kind, .within = p->within, .times = p->times };
	if (p->kind == PAT_OBSERVATION)
		TRY(pat_test_compile(a, env, p->test, &e->test, err));
	if (p->kind == PAT_START_STOP) {
		TRY(time_parse(p->start, &e->start, NULL, err));
		TRY(time_parse(p->stop, &e->stop, NULL, err));
	}
	for (const struct pat_obs *k = p->kids; k != NULL; k = k->next) {
		struct expr *kid;

		TRY(compile_expr(a, env, k, &kid, err));
		if (last == NULL)
			e->kids = kid;
		else
			last->next = kid;
		last = kid;
	}
	classify(e);
	*ret = e;
	return RC_OK;
}

static enum rc compile_into(struct arena *a, struct str text, const struct stix_pattern_opts *opts,
			    struct stix_matcher *m, struct err *err)
{
	const struct pattern *p;

	TRY(pat_regex_env_new(&m->env, err));
	TRY(stix_pattern_parse(a, text, opts, &p, err));
	return compile_expr(a, m->env, p->root, &m->root, err);
}

enum rc stix_matcher_compile(struct arena *a, struct str text, const struct stix_pattern_opts *opts,
			     struct stix_matcher **ret, struct err *err)
{
	struct stix_matcher *m = arena_alloc(a, sizeof *m);
	enum rc rc;

	if (m == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	buf_init(&m->value, VALUE_BYTES_MAX);
	buf_init(&m->norm, VALUE_BYTES_MAX);
	rc = compile_into(a, text, opts, m, err);
	if (rc != RC_OK)
		stix_matcher_free(m);
	else
		*ret = m;
	return rc;
}

void stix_matcher_free(struct stix_matcher *m)
{
	if (m == NULL)
		return;
	pat_regex_env_free(m->env);
	m->env = NULL;
	buf_done(&m->value);
	buf_done(&m->norm);
}

void stix_matcher_freep(struct stix_matcher **m)
{
	stix_matcher_free(*m);
}

/* --- sets and slots ----------------------------------------------------------- */

static enum rc no_memory(struct eval *ev)
{
	return FAIL(ev->err, RC_NOMEM, "pattern: out of memory");
}

static struct window narrow(struct window w, const struct expr *e)
{
	return (struct window){ e->start > w.start ? e->start : w.start, e->stop < w.stop ? e->stop : w.stop };
}

/* Is there an instant of the observation in [start, stop)? (§9.5.1) */
static bool inside(const struct pat_observed *o, struct window w)
{
	return w.start < w.stop && o->first < w.stop && o->last >= w.start;
}

/* Adds the observations that satisfy the unit expression `e`. */
static void add_to_set(struct eval *ev, const struct expr *e, struct window w, uint64_t *set)
{
	if (e->kind == PAT_START_STOP)
		w = narrow(w, e);
	for (const struct expr *k = e->kids; k != NULL; k = k->next)
		add_to_set(ev, k, w, set);
	if (e->kind != PAT_OBSERVATION)
		return;
	for (size_t i = 0; i < ev->o->n && ev->run->rc == RC_OK; i++)
		if (!pat_set_has(set, i) && inside(&ev->o->by_first[i], w) &&
		    pat_test_run(e->test, &ev->o->by_first[i], ev->run))
			set[i / 64] |= (uint64_t)1 << i % 64;
}

static uint64_t sum_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t product_capped(uint64_t a, uint64_t b)
{
	uint64_t p;

	return __builtin_mul_overflow(a, b, &p) ? UINT64_MAX : p;
}

static enum rc new_slot(struct eval *ev, enum pat_slot_kind kind, struct pat_slot **ret)
{
	if (++ev->slots > PAT_SLOTS_MAX)
		return FAIL(ev->err, RC_LIMIT, "pattern: more than %d observations to be told apart", PAT_SLOTS_MAX);
	*ret = arena_alloc(ev->a, sizeof **ret);
	if (*ret == NULL)
		return no_memory(ev);
	(*ret)->kind = kind;
	return RC_OK;
}

static enum rc build_leaf(struct eval *ev, const struct expr *e, uint64_t times, struct window w, struct pat_slot **ret)
{
	uint64_t *set = arena_array(ev->a, ev->o->n / 64 + 1, sizeof *set);
	uint64_t units = 0;

	if (set == NULL)
		return no_memory(ev);
	TRY(new_slot(ev, SLOT_LEAF, ret));
	add_to_set(ev, e, w, set);
	if (ev->run->rc != RC_OK)
		return ev->run->rc;
	for (size_t i = 0; i < ev->o->n; i++)
		if (pat_set_has(set, i))
			units += ev->o->by_first[i].count;
	(*ret)->set = set;
	(*ret)->demand = times;
	(*ret)->least = units < times ? UINT64_MAX : times;
	return RC_OK;
}

/* Nothing fills this. */
static enum rc build_never(struct eval *ev, struct pat_slot **ret)
{
	TRY(new_slot(ev, SLOT_ANY, ret));
	(*ret)->least = UINT64_MAX;
	return RC_OK;
}

static enum rc build(struct eval *ev, const struct expr *e, uint64_t times, struct window w, struct pat_slot **ret);

static bool same_set(const struct eval *ev, const struct pat_slot *a, const struct pat_slot *b)
{
	return memcmp(a->set, b->set, (ev->o->n / 64 + 1) * sizeof *a->set) == 0;
}

/* Appends a kid to an ALL: a nested ALL is spliced in, an equal leaf adds its demand. */
static void add_to_all(const struct eval *ev, struct pat_slot *all, struct pat_slot ***tail, struct pat_slot *kid)
{
	if (kid->kind == SLOT_ALL && !kid->copies) {
		for (struct pat_slot *k = kid->kids, *next; k != NULL; k = next) {
			next = k->next;
			k->next = NULL;
			add_to_all(ev, all, tail, k);
		}
		return;
	}
	for (struct pat_slot *k = all->kids; k != NULL && kid->kind == SLOT_LEAF; k = k->next)
		if (k->kind == SLOT_LEAF && same_set(ev, k, kid)) {
			k->demand = sum_capped(k->demand, kid->demand);
			k->least = k->demand;
			return;
		}
	**tail = kid;
	*tail = &kid->next;
}

/* AND and FOLLOWEDBY: all kids must be filled. */
static enum rc build_all(struct eval *ev, const struct expr *e, uint64_t times, struct window w, struct pat_slot **ret)
{
	struct pat_slot *all, **tail;

	TRY(new_slot(ev, e->kind == PAT_AND ? SLOT_ALL : SLOT_SEQ, &all));
	tail = &all->kids;
	for (const struct expr *k = e->kids; k != NULL; k = k->next) {
		struct pat_slot *kid;

		TRY(build(ev, k, times, w, &kid));
		if (kid->least > ev->units)
			return build_never(ev, ret);
		if (e->kind == PAT_AND) {
			add_to_all(ev, all, &tail, kid);
		} else {
			*tail = kid;
			tail = &kid->next;
		}
	}
	for (const struct pat_slot *k = all->kids; k != NULL; k = k->next)
		all->least = sum_capped(all->least, k->least);
	*ret = all->kids->next == NULL ? all->kids : all;
	return RC_OK;
}

static enum rc build_any(struct eval *ev, const struct expr *e, struct window w, struct pat_slot **ret)
{
	struct pat_slot *any, **tail;

	TRY(new_slot(ev, SLOT_ANY, &any));
	any->least = UINT64_MAX;
	tail = &any->kids;
	for (const struct expr *k = e->kids; k != NULL; k = k->next) {
		struct pat_slot *kid;

		TRY(build(ev, k, 1, w, &kid));
		if (kid->least > ev->units)
			continue;
		*tail = kid;
		tail = &kid->next;
		if (kid->least < any->least)
			any->least = kid->least;
	}
	*ret = any->kids != NULL && any->kids->next == NULL ? any->kids : any;
	return RC_OK;
}

static enum rc build_span(struct eval *ev, const struct expr *e, struct window w, struct pat_slot **ret)
{
	struct pat_slot *span;

	TRY(new_slot(ev, SLOT_SPAN, &span));
	TRY(build(ev, e->kids, 1, w, &span->kids));
	span->span = e->within;
	span->least = span->kids->least;
	*ret = span;
	return RC_OK;
}

static enum rc copy_slot(struct eval *ev, const struct pat_slot *from, struct pat_slot **ret)
{
	struct pat_slot **tail;

	TRY(new_slot(ev, from->kind, ret));
	**ret = *from;
	(*ret)->next = (*ret)->kids = NULL;
	tail = &(*ret)->kids;
	for (const struct pat_slot *k = from->kids; k != NULL; k = k->next) {
		TRY(copy_slot(ev, k, tail));
		tail = &(*tail)->next;
	}
	return RC_OK;
}

/* REPEATS on what has windows, order or alternatives inside. */
static enum rc build_copies(struct eval *ev, const struct expr *e, uint64_t times, struct window w,
			    struct pat_slot **ret)
{
	struct pat_slot *all, **tail;

	TRY(new_slot(ev, SLOT_ALL, &all));
	TRY(build(ev, e, 1, w, &all->kids));
	all->copies = true;
	all->least = product_capped(all->kids->least, times);
	*ret = all;
	if (all->least > ev->units)
		return RC_OK;
	tail = &all->kids->next;
	for (uint64_t i = 1; i < times; i++) {
		TRY(copy_slot(ev, all->kids, tail));
		tail = &(*tail)->next;
	}
	return RC_OK;
}

/* The slots for `times` times `e`. Recursion: the parser's depth. */
static enum rc build(struct eval *ev, const struct expr *e, uint64_t times, struct window w, struct pat_slot **ret)
{
	if (e->unit)
		return build_leaf(ev, e, times, w, ret);
	if (times > 1 && !e->flat)
		return build_copies(ev, e, times, w, ret);
	switch (e->kind) {
	case PAT_REPEATS:
		return build(ev, e->kids, product_capped(times, e->times), w, ret);
	case PAT_START_STOP:
		return build(ev, e->kids, times, narrow(w, e), ret);
	case PAT_AND:
	case PAT_FOLLOWEDBY:
		return build_all(ev, e, times, w, ret);
	case PAT_OR:
		return build_any(ev, e, w, ret);
	case PAT_WITHIN:
		return build_span(ev, e, w, ret);
	case PAT_OBSERVATION:
		break;
	}
	return FAIL(ev->err, RC_INTERNAL, "pattern: an observation that is no unit");
}

/* --- running ------------------------------------------------------------------ */

/* One observation expression alone. */
static void run_single(struct stix_matcher *m, const struct stix_observations *o, struct pat_run *run,
		       struct stix_match *ret)
{
	for (size_t i = 0; i < o->n && run->rc == RC_OK; i++)
		if (pat_test_run(m->root->test, &o->by_first[i], run)) {
			m->one = o->by_first[i].position;
			*ret = (struct stix_match){ .match = true, .used = &m->one, .n_used = 1 };
			return;
		}
	*ret = (struct stix_match){ .match = false };
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static enum rc list_used(struct eval *ev, const uint64_t *used, struct stix_match *ret)
{
	uint32_t *list = arena_array(ev->a, ev->o->n + 1, sizeof *list);

	if (list == NULL)
		return no_memory(ev);
	ret->n_used = 0;
	for (size_t i = 0; i < ev->o->n; i++)
		if (pat_set_has(used, i))
			list[ret->n_used++] = ev->o->by_first[i].position;
	qsort(list, ret->n_used, sizeof *list, by_number);
	ret->used = list;
	return RC_OK;
}

static enum rc run_tree(struct eval *ev, const struct expr *root, struct stix_match *ret)
{
	uint64_t *used = arena_array(ev->a, ev->o->n / 64 + 1, sizeof *used);
	struct pat_slot *slots;
	bool match = false, fits = false;

	if (used == NULL)
		return no_memory(ev);
	for (size_t i = 0; i < ev->o->n; i++)
		ev->units += ev->o->by_first[i].count;
	TRY(build(ev, root, 1, (struct window){ INT64_MIN, INT64_MAX }, &slots));
	*ret = (struct stix_match){ .match = false };
	if (slots->least > ev->units)
		return RC_OK;
	TRY(pat_assign_direct(slots, ev->o, ev->a, used, &match, &fits, ev->err));
	if (!fits)
		TRY(pat_assign(slots, ev->o, used, &match, ev->err));
	if (!match)
		return RC_OK;
	ret->match = true;
	return list_used(ev, used, ret);
}

enum rc stix_matcher_run(struct stix_matcher *m, const struct stix_observations *o, const struct stix_match_opts *opts,
			 struct arena *scratch, struct stix_match *ret, struct err *err)
{
	struct pat_run run = {
		.env = m->env,
		.value = &m->value,
		.norm = &m->norm,
		.budget = RUN_STEPS_MAX,
		.regex_budget = RUN_REGEX_STEPS_MAX,
		.strict_times = opts != NULL && opts->strict_times,
		.err = err,
	};
	struct eval ev = { .o = o, .a = scratch, .run = &run, .err = err };
	struct stix_match match = { .match = false };

	if (m->root->kind != PAT_OBSERVATION) {
		TRY(run_tree(&ev, m->root, &match));
	} else {
		run_single(m, o, &run, &match);
		if (run.rc != RC_OK)
			return run.rc;
	}
	*ret = match;
	return RC_OK;
}
