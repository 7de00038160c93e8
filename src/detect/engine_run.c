/* Running the image over events, one thread's part. State of an event carries
 * the event's number, so that nothing has to be cleared between events. */
#include "detect/engine_run.h"

#include "base/hash.h"

/* ---- life cycle */

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	mem_free(e->places);
	mem_free(e->next);
	mem_free(e->texts);
	mem_free(e->text_gen);
	scratch_free(e->scratch);
	mem_free(e->known);
	mem_free(e->seen);
	mem_free(e->rule_seen);
	mem_free(e->candidates);
	cache_free(e->cache);
	mem_free(e->tried);
	mem_free(e->hits);
	mem_free(e->routes);
	mem_free(e->set);
	mem_free(e->spill.variants);
	regex_run_done(&e->regex);
	engine_image_unref(e->m);
	mem_free(e);
}

void engine_freep(struct engine **e)
{
	engine_free(*e);
	*e = NULL;
}

static bool spaces(struct engine *e)
{
	const struct engine_image *m = e->m;

	e->places = mem_array(fields_count(m->fields) + 1, sizeof *e->places);
	e->next = mem_array(VALUES, sizeof *e->next);
	e->texts = mem_array(VALUES, sizeof *e->texts);
	e->text_gen = mem_array(VALUES, sizeof *e->text_gen);
	e->scratch = scratch_new();
	e->known = mem_array(m->n_tests + 1, sizeof *e->known);
	e->seen = mem_array(m->n_instances + 1, sizeof *e->seen);
	e->rule_seen = mem_array(m->rules->n_rules + 1, sizeof *e->rule_seen);
	e->candidates = mem_array(m->n_instances + 1, sizeof *e->candidates);
	e->tried = mem_array(m->n_tests + 1, sizeof *e->tried);
	e->hits = mem_array(m->n_tests + 1, sizeof *e->hits);
	e->routes = mem_array(ROUTES, sizeof *e->routes);
	e->set = mem_array(m->variant_words, sizeof *e->set);
	e->spill.variants = mem_array(m->n_variants + 1, sizeof *e->spill.variants);
	return e->places != NULL && e->next != NULL && e->texts != NULL && e->text_gen != NULL && e->scratch != NULL &&
	       e->known != NULL && e->seen != NULL && e->rule_seen != NULL && e->candidates != NULL && e->routes != NULL &&
	       e->tried != NULL && e->hits != NULL &&
	       e->set != NULL && e->spill.variants != NULL;
}

enum rc engine_new(struct engine_image *m, struct engine **ret, struct err *err)
{
	struct engine *e = mem_alloc(sizeof *e);
	enum rc rc;

	if (e == NULL)
		return FAIL(err, RC_NOMEM, "engine: out of memory");
	e->m = engine_image_ref(m);
	e->assume = ENGINE_ASSUME_ALL;
	rc = regex_run_new(m->regexes, &e->regex, err);
	if (rc == RC_OK && !spaces(e))
		rc = FAIL(err, RC_NOMEM, "engine: out of memory");
	hash_secret_draw(&e->secret, 0);
	if (rc == RC_OK)
		rc = cache_new(&e->cache, err);
	if (rc != RC_OK) {
		engine_free(e);
		return rc;
	}
	*ret = e;
	return RC_OK;
}

void engine_assume(struct engine *e, uint32_t variant)
{
	e->assume = variant;
}

/* ---- an event */

/* A new number for the event. When they run out, all that carries one is cleared. */
static void number_next(struct engine *e)
{
	const struct engine_image *m = e->m;

	if (LIKELY(e->gen < INT32_MAX)) {
		e->gen++;
		return;
	}
	memset(e->places, 0, (fields_count(m->fields) + 1) * sizeof *e->places);
	memset(e->text_gen, 0, VALUES * sizeof *e->text_gen);
	memset(e->known, 0, m->n_tests * sizeof *e->known);
	memset(e->seen, 0, m->n_instances * sizeof *e->seen);
	memset(e->rule_seen, 0, m->rules->n_rules * sizeof *e->rule_seen);
	e->gen = 1;
}

static void place_value(struct engine *e, uint16_t field, uint16_t i)
{
	struct place *p = &e->places[field];

	e->next[i] = NO_VALUE;
	if (p->gen == e->gen)
		e->next[p->last] = i;
	else
		*p = (struct place){ .gen = e->gen, .first = i };
	p->last = i;
}

/* More of them than usual are counted and not remembered. */
static void route_value(struct engine *e, const struct flat_value *v)
{
	if (e->n_route_values < ROUTE_VALUES_MAX) {
		e->route_text[e->n_route_values] = str_make(v->p, v->n);
		e->route_how[e->n_route_values] = (uint32_t)v->field << 16 | (uint32_t)v->type << 8 | (v->flags & FLAT_ESCAPED);
	}
	e->n_route_values++;
}

static void event_begin(struct engine *e, struct flat *f)
{
	const char *format = log_format_name(f->format);
	bool lines = f->format != LOG_JSON && f->format != LOG_EVTX;

	number_next(e);
	scratch_reset(e->scratch);
	e->f = f;
	e->eager = e->m->no_tests;
	e->stats.events++;
	e->n_route_values = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		if (f->v[i].field == FIELD_NONE)
			continue;
		place_value(e, f->v[i].field, (uint16_t)i);
		if ((e->m->field_role[f->v[i].field] & ROLE_ROUTE) != 0)
			route_value(e, &f->v[i]);
	}
	e->extra[0] = (struct flat_value){ .p = format, .n = (uint32_t)strlen(format), .type = FLAT_STRING };
	/* The raw message: of formats whose line is the message. Keys of JSON and the bytes of a record are none. */
	e->extra[1] = (struct flat_value){ .type = FLAT_STRING };
	if (lines && f->raw.p != NULL) {
		e->extra[1].p = f->raw.p;
		e->extra[1].n = f->raw.n > FLAT_VALUE_MAX ? FLAT_VALUE_MAX : (uint32_t)f->raw.n;
	}
	if (e->m->format_field != FIELD_NONE) {
		e->places[e->m->format_field].gen = 0;
		place_value(e, e->m->format_field, VALUE_FORMAT);
	}
}

/* ---- witnesses */

static uint32_t wake(struct engine *e, uint32_t n, uint32_t instance)
{
	if (e->seen[instance] == e->gen)
		return n;
	e->seen[instance] = e->gen;
	e->candidates[n] = instance;
	return n + 1;
}

static uint32_t wake_all(struct engine *e, uint32_t n, const uint32_t *hits, uint32_t n_hits)
{
	const struct group *g = e->group;

	for (uint32_t i = 0; i < n_hits; i++) {
		const struct witness *w = &g->witnesses[hits[i]];

		e->known[g->witness_test[hits[i]]] = e->gen << 1 | 1;
		for (uint32_t k = 0; k < w->n; k++)
			n = wake(e, n, g->wakes[w->first + k]);
	}
	return n;
}

#define NOT_KNOWN UINT32_MAX

/* Witnesses that hold for value `i`, by a pass over it; NOT_KNOWN: no memory, and nothing to be remembered. */
static uint32_t value_run(struct engine *e, const struct matcher *m, uint32_t i)
{
	struct match_pass p = { .matcher = m, .tests = e->m->tests, .witness_test = e->group->witness_test,
		.type = (enum flat_type)event_value(e, i)->type, .regex = &e->regex, .tried = e->tried, .hits = e->hits };

	p.text = event_text(e, i);
	if (p.text == NULL)
		return NOT_KNOWN;
	if (++e->pass == 0) {
		memset(e->tried, 0, e->m->n_tests * sizeof *e->tried);
		e->pass = 1;
	}
	p.pass = e->pass;
	matcher_run(&p);
	return p.n_hits;
}

static void habit_add(struct habit *h, bool known)
{
	h->known = (uint8_t)(h->known + known);
	if (++h->asked < HABIT_ROUND)
		return;
	h->seldom = h->known < HABIT_ROUND / 6;
	h->asked = h->known = 0;
}

/* Runs the values that wait, by the cache where it knows them. In rounds, so that memory arrives meanwhile. */
static uint32_t pending_run(struct engine *e, uint32_t n_pending, uint32_t n)
{
	cache_ask(e->cache, e->pending_text, e->pending_key, n_pending);
	for (uint32_t i = 0; i < n_pending; i++) {
		struct pending *p = &e->pending[i];
		const uint32_t *hits = e->hits;
		uint32_t n_hits;
		bool known = cache_get(e->cache, &e->pending_key[i], &hits, &n_hits);

		habit_add(&e->habits[p->matcher->id % HABITS], known);
		if (LIKELY(known)) {
			e->stats.cache_hits++;
		} else {
			e->stats.cache_misses++;
			n_hits = value_run(e, p->matcher, p->value);
			if (n_hits == NOT_KNOWN)
				continue;
			cache_put(e->cache, &e->pending_key[i], hits, n_hits);
		}
		n = wake_all(e, n, hits, n_hits);
	}
	return n;
}

/* Without the cache: long values, and those of fields that hardly repeat. */
static uint32_t value_now(struct engine *e, const struct matcher *m, uint32_t i, uint32_t n)
{
	uint32_t n_hits = value_run(e, m, i);

	e->stats.cache_misses++;
	return wake_all(e, n, e->hits, n_hits == NOT_KNOWN ? 0 : n_hits);
}

/* Puts value `i` to those that wait. */
static uint32_t value_add(struct engine *e, const struct matcher *m, uint32_t i, uint32_t *n_pending, uint32_t n)
{
	const struct flat_value *v = event_value(e, i);
	struct habit *h = &e->habits[m->id % HABITS];

	if (UNLIKELY(v->n > CACHE_VALUE_MAX || (h->seldom && ++h->turn % 8 != 0)))
		return value_now(e, m, i, n);
	e->pending[*n_pending] = (struct pending){ m, i };
	e->pending_text[*n_pending] = str_make(v->p, v->n);
	e->pending_key[*n_pending] = (struct cache_key){ .matcher = m->id, .how = (uint32_t)(v->type << 1) | (v->flags & FLAT_ESCAPED) };
	if (++*n_pending == PENDING_MAX) {
		n = pending_run(e, PENDING_MAX, n);
		*n_pending = 0;
	}
	return n;
}

/* What the routing fields wake is the same for all events of a route. */
static uint32_t routed(struct engine *e, uint32_t n)
{
	const struct group *g = e->group;
	struct route *r = e->route;
	uint32_t found = 0;

	if (LIKELY(r != NULL && r->n_hits != ROUTE_UNKNOWN))
		return wake_all(e, n, r->hits, r->n_hits);
	for (uint32_t i = 0; i <= e->f->n; i++) {
		uint32_t at = i < e->f->n ? i : VALUE_FORMAT, n_hits;
		uint16_t field = i < e->f->n ? e->f->v[i].field : e->m->format_field, role = g->roles[field];

		if ((role & ROLE_ROUTED) == 0 && (i < e->f->n || role == 0))
			continue;
		n_hits = value_run(e, &g->matchers[(role & ~ROLE_ROUTED) - 1], at);
		if (n_hits == NOT_KNOWN) {
			r = NULL;
			continue;
		}
		n = wake_all(e, n, e->hits, n_hits);
		for (uint32_t k = 0; r != NULL && k < n_hits && found + k < ROUTE_HITS_MAX; k++)
			r->hits[found + k] = e->hits[k];
		found += n_hits;
	}
	if (r != NULL && found <= ROUTE_HITS_MAX)
		r->n_hits = found;
	return n;
}

/* Does this value stand in the event's own bytes as it is, or is it shorter than what is looked for there? Not where a parser
 * had to write it anew. */
static bool said_by_line(const struct flat *f, const struct flat_value *v)
{
	uintptr_t from = (uintptr_t)f->raw.p, at = (uintptr_t)v->p;

	return v->n < FEW_BYTES || (at >= from && at + v->n <= from + f->raw.n);
}

/* Keywords are looked for in each value, unless the whole line is known to hold none. */
static uint32_t keywords(struct engine *e, uint32_t n)
{
	const struct group *g = e->group;
	const struct flat *f = e->f;
	bool absent = g->absent != NULL && f->raw.p != NULL && f->format != LOG_EVTX && few_absent(g->absent, f->raw);
	uint32_t n_pending = 0;

	if (absent && f->format == LOG_JSON)
		return n;
	for (uint32_t i = 0; i < f->n; i++)
		if (!absent || !said_by_line(f, &f->v[i]))
			n = value_add(e, g->keywords, i, &n_pending, n);
	if (!absent && e->extra[1].p != NULL)
		n = value_add(e, g->keywords, VALUE_RAW, &n_pending, n);
	return pending_run(e, n_pending, n);
}

/* The instances that some witness wakes; behind it every witness is known. */
static uint32_t candidates(struct engine *e)
{
	const struct group *g = e->group;
	const uint16_t *roles = g->roles;
	uint32_t n = routed(e, 0), n_pending = 0;

	for (uint32_t i = 0; i < e->f->n; i++) {
		uint16_t role = roles[e->f->v[i].field];

		if (role != 0 && (role & ROLE_ROUTED) == 0)
			n = value_add(e, &g->matchers[role - 1], i, &n_pending, n);
	}
	n = pending_run(e, n_pending, n);
	if (g->keywords != NULL)
		n = keywords(e, n);
	for (uint32_t i = 0; i < g->n_always; i++)
		n = wake(e, n, g->always[i]);
	e->eager = g->eager;
	return n;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Tries the candidates; what matches stands in e->matches. */
static size_t evaluate(struct engine *e, const uint32_t *candidates, uint32_t n)
{
	size_t found = 0;

	e->stats.candidates += n;
	for (uint32_t i = 0; i < n; i++) {
		const struct instance *in = &e->m->instances[candidates[i]];

		if (e->rule_seen[in->rule] == e->gen || !event_program(e, in->steps, in->entry))
			continue;
		e->rule_seen[in->rule] = e->gen;
		if (found == ENGINE_MATCHES_MAX)
			e->stats.matches_left_out++;
		else
			e->matches[found++] = in->rule;
	}
	e->stats.matches += found;
	if (found > 1)
		qsort(e->matches, found, sizeof *e->matches, by_number);
	return found;
}

/* Without a group: each of its rules is tried. */
static size_t run_spill(struct engine *e)
{
	uint32_t n = group_instances(e->m, e->set, e->candidates);

	e->group = &e->spill;
	return evaluate(e, e->candidates, n);
}

size_t engine_run_all(struct engine *e, struct flat *f, const uint32_t **ret)
{
	event_begin(e, f);
	e->group = event_route(e);
	*ret = e->matches;
	if (e->group != NULL)
		return evaluate(e, e->group->instances, e->group->n_instances);
	return run_spill(e);
}

size_t engine_run(struct engine *e, struct flat *f, const uint32_t **ret)
{
	event_begin(e, f);
	e->group = event_route(e);
	*ret = e->matches;
	if (UNLIKELY(e->group == NULL))
		return run_spill(e);
	e->stats.unrouted += e->group->n_variants == 0;
	return evaluate(e, e->candidates, candidates(e));
}

size_t engine_variants(const struct engine *e, const struct taxonomy_variant *const **ret)
{
	*ret = e->group == NULL ? NULL : (const struct taxonomy_variant *const *)e->group->variants;
	return e->group == NULL ? 0 : e->group->n_variants;
}

void engine_stats(const struct engine *e, struct engine_stats *ret)
{
	*ret = e->stats;
	ret->regex_limits = e->regex.limits;
}
