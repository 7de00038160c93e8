/* The set of facts, whatever came how often and in which order, as one order of moments. */
#include <stdlib.h>

#include "desk/derive_int.h"

#define AHEAD_MAX (300 * USEC_PER_SEC) /* clocks of two offices may differ by so much */

/* Of facts of one instant: what is known of the incident stands before what is done about it. */
static int rank(enum fact_type t)
{
	return t == FACT_AWARE ? 0 : t == FACT_LEVEL ? 1 : 2 + (int)t;
}

static int by_id(const void *a, const void *b)
{
	const struct desk_fact *x = *(const struct desk_fact *const *)a, *y = *(const struct desk_fact *const *)b;
	int order = str_cmp(x->id, y->id);

	if (order == 0 && x->origin != y->origin)
		return x->origin < y->origin ? -1 : 1;
	return order != 0 ? order : x->at != y->at ? (x->at < y->at ? -1 : 1) : x->line < y->line ? -1 : x->line > y->line;
}

static int by_time(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->fact->type != y->fact->type)
		return rank(x->fact->type) - rank(y->fact->type);
	if (x->fact->at != y->fact->at)
		return x->fact->at < y->fact->at ? -1 : 1;
	if (x->fact->origin != y->fact->origin)
		return x->fact->origin < y->fact->origin ? -1 : 1;
	return str_cmp(x->fact->id, y->fact->id);
}

/* Two facts under one id that say different things: the one recorded first counts, and of one instant the one whose text is less,
 * so that it does not matter which arrived first. */
static const struct desk_fact *settle(struct story *s, struct desk_facts *f, const struct desk_fact *kept, const struct desk_fact *other)
{
	struct buf x, y;
	const struct desk_fact *loser = other;

	if (json_same(kept->source, other->source))
		return kept;
	buf_init(&x, FACT_LINE_MAX);
	buf_init(&y, FACT_LINE_MAX);
	json_print(kept->source, &x);
	json_print(other->source, &y);
	if (other->at < kept->at || (other->at == kept->at && str_cmp(buf_view(&y), buf_view(&x)) < 0))
		loser = kept;
	buf_done(&x);
	buf_done(&y);
	desk_facts_problem(s->a, f, loser->line, loser->id, false, "another fact has this id and says something else");
	return loser == kept ? other : kept;
}

/* Stated in words in several of the incidents that are merged: it is one fact. `list`: of one id. */
static bool said_before(const struct desk_fact *const *list, size_t n, const struct desk_fact *f)
{
	for (size_t i = 0; i < n; i++)
		if (json_same(list[i]->source, f->source))
			return true;
	return false;
}

static size_t drop_said(const struct desk_fact **list, size_t n)
{
	size_t kept = 0, run = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept > run && !str_eq(list[run]->id, list[i]->id))
			run = kept;
		if (!said_before(list + run, kept - run, list[i]))
			list[kept++] = list[i];
	}
	return kept;
}

/* What was known at s->now, each fact once: an id is of one fact in each of the incidents that are merged. */
static enum rc distinct(struct story *s, struct desk_facts *f, const struct desk_fact ***ret, size_t *ret_n, struct err *err)
{
	const struct desk_fact **list = arena_array(s->a, f->n + 1, sizeof *list);
	size_t n = 0, kept = 0;

	if (list == NULL)
		return FAIL(err, RC_NOMEM, "facts: out of memory");
	for (size_t i = 0; i < f->n; i++)
		if (f->f[i].at <= s->now)
			list[n++] = &f->f[i];
	qsort(list, n, sizeof *list, by_id);
	for (size_t i = 0; i < n; i++)
		if (kept > 0 && str_eq(list[kept - 1]->id, list[i]->id) && list[kept - 1]->origin == list[i]->origin)
			list[kept - 1] = settle(s, f, list[kept - 1], list[i]);
		else
			list[kept++] = list[i];
	*ret = list;
	*ret_n = drop_said(list, kept);
	return RC_OK;
}

/* The fact that `by` is about: of its own incident, else of whichever has it. */
static const struct desk_fact *find(const struct desk_fact *const *list, size_t n, const struct desk_fact *by)
{
	size_t lo = 0, hi = n;

	while (hi > lo) {
		size_t mid = lo + (hi - lo) / 2;

		if (str_cmp(list[mid]->id, by->ref) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo; i < n && str_eq(list[i]->id, by->ref); i++)
		if (list[i]->origin == by->origin)
			return list[i];
	return lo < n && str_eq(list[lo]->id, by->ref) ? list[lo] : NULL;
}

struct correction {
	const struct desk_fact *of, *by;
};

static int by_corrected(const void *a, const void *b)
{
	const struct correction *x = a, *y = b;
	int order = str_cmp(x->of->id, y->of->id);

	if (order != 0)
		return order;
	if (x->of->origin != y->of->origin)
		return x->of->origin < y->of->origin ? -1 : 1;
	return x->by->at != y->by->at ? (x->by->at < y->by->at ? -1 : 1) : str_cmp(x->by->id, y->by->id);
}

/* The corrections that hold: of each fact the one recorded last. They stand in order of the ids that they are about. */
static enum rc corrections(struct story *s, struct desk_facts *f, const struct desk_fact *const *list, size_t n, struct correction **ret, size_t *ret_n,
			   struct err *err)
{
	struct correction *c = arena_array(s->a, n + 1, sizeof *c);
	size_t all = 0, kept = 0;

	if (c == NULL)
		return FAIL(err, RC_NOMEM, "facts: out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct desk_fact *of;

		if (list[i]->type != FACT_CORRECTED)
			continue;
		of = find(list, n, list[i]);
		if (of == NULL || of->type == FACT_CORRECTED)
			desk_facts_problem(s->a, f, list[i]->line, list[i]->id, false, "there is no fact '%.*s' to be corrected", STR(str_slice(list[i]->ref, 0, 100)));
		else
			c[all++] = (struct correction){ of, list[i] };
	}
	qsort(c, all, sizeof *c, by_corrected);
	for (size_t i = 0; i < all; i++)
		if (kept > 0 && c[kept - 1].of == c[i].of)
			c[kept - 1] = c[i];
		else
			c[kept++] = c[i];
	*ret = c;
	*ret_n = kept;
	return RC_OK;
}

/* An office may state only what its role allows; who is unknown here is heard, and named. */
static bool may_state(struct story *s, struct desk_facts *f, const struct desk_fact *fact)
{
	const struct pack *p = s->pack;
	const struct pack_role *role = pack_role_find(p, fact->by);

	if (role != NULL && (role->facts >> fact->type & 1) == 0) {
		desk_facts_problem(s->a, f, fact->line, fact->id, false, "pack %.*s: a %.*s may not state '%s'", STR(p->id), STR(fact->by),
			      desk_fact_name(fact->type));
		return false;
	}
	if (role == NULL && fact->by.n > 0)
		desk_facts_problem(s->a, f, fact->line, fact->id, true, "pack %.*s knows no role '%.*s'", STR(p->id), STR(str_slice(fact->by, 0, 100)));
	return true;
}

/* The level that a fact claims, and what its items tell of each dimension. */
static void read_claim(struct story *s, struct desk_facts *f, struct moment *m)
{
	const struct desk_fact *fact = m->fact;
	struct level l;
	struct err err = { 0 };
	int level = fact->level;

	if (fact->items != NULL && level_of(s->pack, fact->items, &l, &err) != RC_OK) {
		desk_facts_problem(s->a, f, fact->line, fact->id, true, "%s", err.text);
	} else if (fact->items != NULL) {
		level = level == 0 ? l.overall : level;
		memcpy(m->of, l.of, sizeof m->of);
		m->tells = true;
	}
	if (level > s->pack->level_most || (level != 0 && level < s->pack->level_least))
		desk_facts_problem(s->a, f, fact->line, fact->id, true, "pack %.*s has no level %d", STR(s->pack->id), level);
	else
		m->claim = (uint8_t)level;
}

static void add_moment(struct story *s, struct desk_facts *f, const struct desk_fact *fact, usec time)
{
	if (!may_state(s, f, fact))
		return;
	if (time > fact->at + AHEAD_MAX) {
		desk_facts_problem(s->a, f, fact->line, fact->id, false, "it is said to have happened after it was recorded");
		return;
	}
	s->m[s->n] = (struct moment){ .fact = fact, .time = time };
	read_claim(s, f, &s->m[s->n++]);
}

static bool claims(const struct desk_fact *f)
{
	return f->type == FACT_LEVEL || f->type == FACT_REPORTED;
}

/* Levels in force, and which facts made a change known. A re-review is final until the reporter claims another level. */
static void walk(struct story *s)
{
	uint32_t count[FACT_TYPES] = { 0 };
	bool final = false, pending = true; /* pending: the next report tells something new */
	uint8_t level = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct moment *m = &s->m[i];
		enum fact_type t = m->fact->type;
		uint8_t before = level;

		m->nth = ++count[t];
		if (m->claim > 0 && (claims(m->fact) || t == FACT_REREVIEWED || (t == FACT_REVIEWED && !final))) {
			final = t == FACT_REREVIEWED;
			level = m->claim;
		}
		if (claims(m->fact) && level != before && count[FACT_REPORTED] > (t == FACT_REPORTED))
			m->changed = pending = true;
		if (t == FACT_REPORTED) {
			m->changed = pending;
			pending = false;
		}
		m->level = level;
	}
}

enum rc story_gather(struct story *s, struct desk_facts *f, struct err *err)
{
	const struct desk_fact **list;
	struct correction *fixed;
	size_t n, n_fixed, at = 0;

	TRY(distinct(s, f, &list, &n, err));
	TRY(corrections(s, f, list, n, &fixed, &n_fixed, err));
	s->m = arena_array(s->a, n + 1, sizeof *s->m);
	if (s->m == NULL)
		return FAIL(err, RC_NOMEM, "facts: out of memory");
	for (size_t i = 0; i < n; i++) {
		bool corrected = at < n_fixed && fixed[at].of == list[i];

		if (list[i]->type != FACT_CORRECTED)
			add_moment(s, f, list[i], corrected ? fixed[at].by->claimed : list[i]->claimed);
		at += corrected;
	}
	qsort(s->m, s->n, sizeof *s->m, by_time);
	walk(s);
	return RC_OK;
}
