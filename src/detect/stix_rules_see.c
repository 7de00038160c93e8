/* One observation over all ways of seeing. AND is about one object: where a type is asked for more than once, each object
 * of that type which an event of this sort holds is tried by itself ("some address in this block, but not that one" is not
 * met by two addresses). Objects of different types need only stand in the same event. */
#include "detect/stix_rules_int.h"

struct type { struct str name; uint32_t asked, objects, pick; };

struct seeing {
	struct stix_work *w;
	const struct stix_map *map;
	const struct stix_view *view;
	struct type types[STIX_TYPES_MAX];
	uint32_t n_types;
	struct { const struct pat_cmp *cmp; struct str path; bool seen; } cmps[STIX_CMPS_MAX];
	uint32_t n_cmps, at; /* `at`: of the comparison at hand, in the order of the tree */
};

static enum rc list_cmps(struct seeing *s, const struct pat_bool *b)
{
	uint32_t t = 0;

	if (b->kind != PAT_TEST) {
		for (const struct pat_bool *k = b->kids; k != NULL; k = k->next)
			TRY(list_cmps(s, k));
		return RC_OK;
	}
	if (s->n_cmps == STIX_CMPS_MAX)
		return FAIL(s->w->err, RC_UNSUPPORTED, "more than %d comparisons", STIX_CMPS_MAX);
	s->cmps[s->n_cmps].cmp = &b->cmp;
	s->cmps[s->n_cmps].path = stix_path(s->w->d.scratch, &b->cmp);
	if (s->cmps[s->n_cmps++].path.p == NULL)
		return stix_work_nomem(s->w);
	while (t < s->n_types && !str_eq(s->types[t].name, b->cmp.object_type))
		t++;
	if (t == STIX_TYPES_MAX)
		return FAIL(s->w->err, RC_UNSUPPORTED, "more than %d types of objects in one observation", STIX_TYPES_MAX);
	s->types[t].name = b->cmp.object_type;
	s->types[t].asked++;
	s->n_types += t == s->n_types;
	return RC_OK;
}

static const struct type *type_of(const struct seeing *s, struct str name)
{
	uint32_t t = 0;

	while (!str_eq(s->types[t].name, name))
		t++;
	return &s->types[t];
}

/* Is there an object of that type at all? For NOT EXISTS. */
static enum rc object_exists(struct seeing *s, const struct pat_cmp *cmp, uint32_t pick, const struct sigma_node **ret)
{
	const struct sigma_node *kids[64];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->view->n && n < COUNTOF(kids); i++) {
		const struct stix_entry *e = &s->view->entries[i];

		if (str_eq(e->type, cmp->object_type) && !e->list && pick < e->n && e->fields[pick].name.n > 0)
			TRY(stix_exists_node(s->w, cmp, &e->fields[pick], &kids[n++]));
	}
	*ret = NULL;
	return n == 0 ? RC_OK : sigma_group(&s->w->d, SIGMA_OR, kids, n, ret) == RC_OK ? RC_OK : stix_work_nomem(s->w);
}

static enum rc lacks(struct seeing *s, const struct pat_cmp *cmp, uint32_t pick, const struct sigma_node **ret)
{
	const struct sigma_node *there, *not;

	if (*ret == NULL)
		return RC_OK;
	if (sigma_not(&s->w->d, *ret, &not) != RC_OK)
		return stix_work_nomem(s->w);
	TRY(object_exists(s, cmp, pick, &there));
	*ret = NULL;
	if (there == NULL)
		return RC_OK;
	return sigma_group(&s->w->d, SIGMA_AND, (const struct sigma_node *[]){ there, not }, 2, ret) == RC_OK ? RC_OK : stix_work_nomem(s->w);
}

/* All fields that may hold the property, any of which will do; or the one of the object at hand. */
static enum rc comparison(struct seeing *s, const struct pat_cmp *cmp, struct str path, const struct sigma_node **ret)
{
	const struct stix_entry *e = stix_view_find(s->view, cmp->object_type, path);
	const struct type *t = type_of(s, cmp->object_type);
	const struct sigma_node *kids[64];
	uint32_t n = 0;

	*ret = NULL;
	for (uint32_t i = 0; e != NULL && i < e->n && n < COUNTOF(kids); i++) {
		if (e->fields[i].name.n == 0 || (!e->list && t->objects > 1 && i != t->pick))
			continue;
		TRY(stix_cmp_node(s->w, cmp, &e->fields[i], &kids[n]));
		if (cmp->op == PAT_EXISTS && cmp->negated)
			TRY(lacks(s, cmp, i, &kids[n]));
		n += kids[n] != NULL;
	}
	return n == 0 ? RC_OK : sigma_group(&s->w->d, SIGMA_OR, kids, n, ret) == RC_OK ? RC_OK : stix_work_nomem(s->w);
}

/* NULL in *ret: events of this sort cannot meet it. Recursion: PATTERN_DEPTH_MAX. */
static enum rc tree(struct seeing *s, const struct pat_bool *b, const struct sigma_node **ret)
{
	const struct sigma_node **kids, *kid;
	uint32_t n = 0, all = 0;

	if (b->kind == PAT_TEST) {
		uint32_t at = s->at++;

		TRY(comparison(s, &b->cmp, s->cmps[at].path, ret));
		s->cmps[at].seen |= *ret != NULL;
		return RC_OK;
	}
	for (const struct pat_bool *k = b->kids; k != NULL; k = k->next)
		all++;
	kids = arena_array(s->w->d.scratch, all + 1, sizeof *kids);
	if (kids == NULL)
		return stix_work_nomem(s->w);
	for (const struct pat_bool *k = b->kids; k != NULL; k = k->next) {
		TRY(tree(s, k, &kid));
		kids[n] = kid;
		n += kid != NULL;
	}
	*ret = NULL;
	if (n == 0 || (b->kind == PAT_ALL && n < all))
		return RC_OK;
	return sigma_group(&s->w->d, b->kind == PAT_ALL ? SIGMA_AND : SIGMA_OR, kids, n, ret) == RC_OK ? RC_OK : stix_work_nomem(s->w);
}

/* How many objects of each type that is asked for more than once; the ways to pick one of each, 0 = too many. */
static uint32_t count_objects(struct seeing *s)
{
	uint32_t ways = 1;

	for (uint32_t t = 0; t < s->n_types; t++) {
		s->types[t].objects = 1;
		s->types[t].pick = 0;
		for (uint32_t i = 0; i < s->view->n && s->types[t].asked > 1; i++) {
			const struct stix_entry *e = &s->view->entries[i];

			if (str_eq(e->type, s->types[t].name) && !e->list && e->n > s->types[t].objects)
				s->types[t].objects = e->n;
		}
		ways *= s->types[t].objects;
		if (ways > STIX_OBJECTS_MAX)
			return 0;
	}
	return ways;
}

static void next_objects(struct seeing *s)
{
	for (uint32_t t = 0; t < s->n_types; t++) {
		if (++s->types[t].pick < s->types[t].objects)
			return;
		s->types[t].pick = 0;
	}
}

static enum rc view_tree(struct seeing *s, const struct pat_bool *test, const struct sigma_node **ret)
{
	uint32_t ways = count_objects(s), n = 0;
	const struct sigma_node **kids, *any;

	if (ways == 0)
		return FAIL(s->w->err, RC_UNSUPPORTED, "more than %d ways to pick its objects from one event", STIX_OBJECTS_MAX);
	kids = arena_array(s->w->d.scratch, ways, sizeof *kids);
	if (kids == NULL)
		return stix_work_nomem(s->w);
	for (uint32_t i = 0; i < ways; i++, next_objects(s)) {
		s->at = 0;
		TRY(tree(s, test, &kids[n]));
		n += kids[n] != NULL;
	}
	*ret = NULL;
	if (n == 0)
		return RC_OK;
	if (sigma_group(&s->w->d, SIGMA_OR, kids, n, &any) != RC_OK ||
	    sigma_group(&s->w->d, SIGMA_AND, (const struct sigma_node *[]){ s->view->when, any }, 2, ret) != RC_OK)
		return stix_work_nomem(s->w);
	return RC_OK;
}

/* The comparison that no log shows, for a person. */
static bool unseen(struct seeing *s)
{
	for (uint32_t i = 0; i < s->n_cmps; i++) {
		if (s->cmps[i].seen)
			continue;
		stix_work_cannot(s->w, "no log has a field for %.*s:%.*s", STR(s->cmps[i].cmp->object_type), STR(str_slice(s->cmps[i].path, 0, 120)));
		return true;
	}
	return false;
}

enum rc stix_observation_node(struct stix_work *w, const struct stix_map *map, const struct pat_bool *test, const struct sigma_node **ret,
			      bool *ret_partial)
{
	struct seeing *s = arena_alloc(w->d.scratch, sizeof *s);
	const struct sigma_node **kids = arena_array(w->d.scratch, map->n + 1, sizeof *kids);
	uint32_t n = 0;

	if (s == NULL || kids == NULL)
		return stix_work_nomem(w);
	s->w = w;
	s->map = map;
	w->d.size = 0;
	TRY(list_cmps(s, test));
	for (uint32_t v = 0; v < map->n; v++) {
		s->view = &map->views[v];
		TRY(view_tree(s, test, &kids[n]));
		n += kids[n] != NULL;
	}
	*ret_partial = unseen(s) || w->why[0] != '\0';
	if (n == 0) {
		stix_work_cannot(w, "no log shows all of its properties in one event");
		return FAIL(w->err, RC_UNSUPPORTED, "%s", w->why);
	}
	return sigma_group(&w->d, SIGMA_OR, kids, n, ret) == RC_OK ? RC_OK : stix_work_nomem(w);
}
