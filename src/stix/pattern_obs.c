/* Design: two passes over the document. The first collects every object with an
 * id and every observed-data; the second builds one record for each observed-
 * data from its `objects` dictionary (2.0, and 2.1's deprecated form) and its
 * `object_refs` (2.1). An observed-data is told by its content rather than its
 * type: anything with an `objects` dictionary, or type observed-data.
 *
 * A document may hold several versions of one observed-data (§3.6): the newest
 * counts, and an exact copy counts once. Two different objects under one id and
 * version are both kept: we cannot know which one is meant.
 *
 * Hostile: all of the document; it is parsed JSON, so only its shape is in
 * doubt. Lookups by id are keyed hash tables, so that no id can be crowded. */
#include "stix/pattern_obs.h"

#include "base/hash.h"

#define FEW_SCOS 8
#define NUMBER_OBSERVED_MAX 999999999

struct found {
	const struct json *v;
	struct str id;
	bool dead;     /* an older version, or a copy */
};

struct index {
	struct arena *a;
	struct found *observed;
	struct pat_sco *scos;
	size_t n_observed, n_scos;
	uint32_t *table; /* id -> index + 1 into scos */
	uint32_t *observed_table;
	size_t mask, observed_mask;
	struct err *err;
};

static enum rc no_memory(struct err *err)
{
	return FAIL(err, RC_NOMEM, "observed-data: out of memory");
}

/* A power of two of at least twice the entries. */
static size_t table_size(size_t n)
{
	size_t size = 16;

	while (size < n * 2)
		size *= 2;
	return size;
}

static bool is_observed(const struct json *v)
{
	return str_eq(json_get_str(v, S("type")), S("observed-data")) || json_is(json_get(v, S("objects")), JSON_OBJECT);
}

static bool is_bundle(const struct json *v)
{
	return str_eq(json_get_str(v, S("type")), S("bundle"));
}

/* Calls `visit` for every object at the top, in arrays and in bundles, in document order. Bundles do not nest
 * (§8), arrays of arrays are not read. */
static void each_object(const struct json *doc, void (*visit)(struct index *, const struct json *), struct index *ix)
{
	const struct json *list = json_is(doc, JSON_ARRAY) ? doc : NULL;
	const struct json *top = list == NULL ? doc : json_first(list);
	const struct json *end = list == NULL ? json_after(doc) : json_end(list);

	for (; top != NULL && top < end; top = json_after(top)) {
		const struct json *inner = json_get(top, S("objects"));

		if (!json_is(top, JSON_OBJECT))
			continue;
		if (!is_bundle(top)) {
			visit(ix, top);
			continue;
		}
		if (!json_is(inner, JSON_ARRAY))
			continue;
		JSON_EACH(item, inner)
			if (json_is(item, JSON_OBJECT))
				visit(ix, item);
	}
}

static void count_one(struct index *ix, const struct json *v)
{
	if (is_observed(v))
		ix->n_observed++;
	else if (json_get_str(v, S("id")).p != NULL)
		ix->n_scos++;
}

/* The slot of `id`: of its entry, or the free one where it belongs. */
static size_t sco_slot(const uint32_t *table, size_t mask, const struct pat_sco *scos, struct str id)
{
	size_t slot = hash_table(id) & mask;

	while (table[slot] != 0 && !str_eq(scos[table[slot] - 1].id, id))
		slot = (slot + 1) & mask;
	return slot;
}

static size_t observed_slot(const struct index *ix, struct str id)
{
	size_t slot = hash_table(id) & ix->observed_mask;

	while (ix->observed_table[slot] != 0 && !str_eq(ix->observed[ix->observed_table[slot] - 1].id, id))
		slot = (slot + 1) & ix->observed_mask;
	return slot;
}

/* Marks the one of two observed-data under one id that does not count. */
static void settle(struct found *old, struct found *new)
{
	struct str was = json_get_str(old->v, S("modified"));
	struct str is = json_get_str(new->v, S("modified"));
	usec a, b;

	if (old->dead)
		return;
	if (time_parse(was, &a, NULL, NULL) == RC_OK && time_parse(is, &b, NULL, NULL) == RC_OK &&
	    time_text_cmp(was, is) != 0) {
		if (time_text_cmp(was, is) < 0)
			old->dead = true;
		else
			new->dead = true;
	} else if (json_same(old->v, new->v)) {
		new->dead = true;
	}
}

static void add_observed(struct index *ix, const struct json *v)
{
	struct found *f = &ix->observed[ix->n_observed++];
	size_t slot;

	*f = (struct found){ .v = v, .id = json_get_str(v, S("id")) };
	if (f->id.p == NULL)
		return;
	slot = observed_slot(ix, f->id);
	/* Only the latest survivor is compared: a crowd under one id must not cost its square. */
	if (ix->observed_table[slot] != 0)
		settle(&ix->observed[ix->observed_table[slot] - 1], f);
	if (!f->dead)
		ix->observed_table[slot] = (uint32_t)ix->n_observed;
}

static void add_one(struct index *ix, const struct json *v)
{
	struct str id = json_get_str(v, S("id"));
	size_t slot;

	if (is_observed(v)) {
		add_observed(ix, v);
		return;
	}
	if (id.p == NULL)
		return;
	slot = sco_slot(ix->table, ix->mask, ix->scos, id);
	if (ix->table[slot] != 0)
		return;
	ix->scos[ix->n_scos++] = (struct pat_sco){ .type = json_get_str(v, S("type")), .id = id, .v = v };
	ix->table[slot] = (uint32_t)ix->n_scos;
}

static enum rc collect(struct index *ix, const struct json *doc)
{
	each_object(doc, count_one, ix);
	if (ix->n_observed > PATTERN_OBSERVATIONS_MAX || ix->n_scos > UINT32_MAX / 4)
		return FAIL(ix->err, RC_LIMIT, "observed-data: more than %zu in one document", PATTERN_OBSERVATIONS_MAX);
	ix->mask = table_size(ix->n_scos) - 1;
	ix->observed_mask = table_size(ix->n_observed) - 1;
	ix->observed = arena_array(ix->a, ix->n_observed + 1, sizeof *ix->observed);
	ix->scos = arena_array(ix->a, ix->n_scos + 1, sizeof *ix->scos);
	ix->table = arena_array(ix->a, ix->mask + 1, sizeof *ix->table);
	ix->observed_table = arena_array(ix->a, ix->observed_mask + 1, sizeof *ix->observed_table);
	if (ix->observed == NULL || ix->scos == NULL || ix->table == NULL || ix->observed_table == NULL)
		return no_memory(ix->err);
	ix->n_observed = ix->n_scos = 0;
	each_object(doc, add_one, ix);
	return RC_OK;
}

static enum rc read_times(const struct json *v, uint32_t position, struct pat_observed *o, struct err *err)
{
	int64_t count = 1;
	enum rc rc = time_parse(json_get_str(v, S("first_observed")), &o->first, NULL, err);

	if (rc == RC_OK)
		rc = time_parse(json_get_str(v, S("last_observed")), &o->last, NULL, err);
	if (rc != RC_OK) {
		err_prefix(err, "observed-data %u: first_observed, last_observed", position);
		return rc;
	}
	if (o->last < o->first)
		return FAIL(err, RC_BAD, "observed-data %u: last_observed is before first_observed", position);
	/* §4.14: an integer from 1 to 999,999,999; what is outside is taken as the nearest of these. */
	(void)json_int(json_get(v, S("number_observed")), &count);
	o->count = count < 1 ? 1 : count > NUMBER_OBSERVED_MAX ? NUMBER_OBSERVED_MAX : (uint64_t)count;
	return RC_OK;
}

/* Members of the container, or of object_refs as far as the document holds them. */
static void gather_scos(const struct index *ix, const struct json *v, struct pat_sco *out, uint32_t *n)
{
	const struct json *container = json_get(v, S("objects"));
	const struct json *refs = json_get(v, S("object_refs"));

	*n = 0;
	if (json_is(container, JSON_OBJECT))
		JSON_MEMBERS(name, value, container)
			if (json_is(value, JSON_OBJECT))
				out[(*n)++] = (struct pat_sco){ json_get_str(value, S("type")), json_str(name), value };
	if (!json_is(refs, JSON_ARRAY))
		return;
	JSON_EACH(ref, refs) {
		uint32_t at = json_is(ref, JSON_STRING)
				      ? ix->table[sco_slot(ix->table, ix->mask, ix->scos, json_str(ref))] : 0;

		if (at != 0)
			out[(*n)++] = ix->scos[at - 1];
	}
}

static enum rc add_table(struct index *ix, struct pat_observed *o)
{
	size_t size = table_size(o->n_scos);
	uint32_t *table;

	if (o->n_scos <= FEW_SCOS)
		return RC_OK;
	table = arena_array(ix->a, size, sizeof *table);
	if (table == NULL)
		return no_memory(ix->err);
	for (uint32_t i = 0; i < o->n_scos; i++)
		table[sco_slot(table, size - 1, o->scos, o->scos[i].id)] = i + 1;
	o->table = table;
	o->mask = (uint32_t)(size - 1);
	return RC_OK;
}

static enum rc build(struct index *ix, const struct found *f, uint32_t position, struct pat_observed *o)
{
	const struct json *container = json_get(f->v, S("objects"));
	const struct json *refs = json_get(f->v, S("object_refs"));
	size_t most = (json_is(container, JSON_OBJECT) ? container->n : 0) + (json_is(refs, JSON_ARRAY) ? refs->n : 0);
	struct pat_sco *scos = arena_array(ix->a, most + 1, sizeof *scos);

	if (scos == NULL)
		return no_memory(ix->err);
	TRY(read_times(f->v, position, o, ix->err));
	gather_scos(ix, f->v, scos, &o->n_scos);
	o->scos = scos;
	o->position = position;
	return add_table(ix, o);
}

static int by_first(const void *a, const void *b)
{
	const struct pat_observed *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->position < y->position ? -1 : x->position > y->position;
}

enum rc stix_observations_index(struct arena *a, const struct json *doc, const struct stix_observations **ret,
				struct err *err)
{
	struct index ix = { .a = a, .err = err };
	struct stix_observations *out = arena_alloc(a, sizeof *out);
	struct pat_observed *list;
	struct str *ids;

	if (out == NULL)
		return no_memory(err);
	TRY(collect(&ix, doc));
	list = arena_array(a, ix.n_observed + 1, sizeof *list);
	ids = arena_array(a, ix.n_observed + 1, sizeof *ids);
	if (list == NULL || ids == NULL)
		return no_memory(err);
	for (size_t i = 0; i < ix.n_observed; i++) {
		ids[i] = ix.observed[i].id;
		if (!ix.observed[i].dead)
			TRY(build(&ix, &ix.observed[i], (uint32_t)i, &list[out->n++]));
	}
	qsort(list, out->n, sizeof *list, by_first);
	out->by_first = list;
	out->ids = ids;
	*ret = out;
	return RC_OK;
}

size_t stix_observations_count(const struct stix_observations *o)
{
	return o->n;
}

struct str stix_observations_id(const struct stix_observations *o, size_t position)
{
	return o->ids[position];
}

const struct json *pat_observed_find(const struct pat_observed *o, struct str id)
{
	if (o->table != NULL) {
		uint32_t at = o->table[sco_slot(o->table, o->mask, o->scos, id)];

		return at == 0 ? NULL : o->scos[at - 1].v;
	}
	for (uint32_t i = 0; i < o->n_scos; i++)
		if (str_eq(o->scos[i].id, id))
			return o->scos[i].v;
	return NULL;
}
