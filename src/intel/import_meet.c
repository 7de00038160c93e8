/* What we make ourselves meets what is known under the same ids. An object made from
 * a list has an id that follows from source and value, so the same list imported
 * again meets its own objects. When nothing but the time is different, the stored
 * text is offered again: then the source's claim is noted and no new version is made
 * of an old statement. The same goes for cyber-observables, whose ids are everybody's.
 *
 * A list may say two things about one value (two rows, two remarks). The first row
 * keeps the value's own id; each that says something else gets an id that follows
 * from what it says too: a further claim about the same value, and the same one when
 * the list is imported again. For that an import remembers what it has spoken of,
 * eight bytes a value. */
#include "base/map.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "intel/import_int.h"
#include "stix/object.h"

#define SAID_MAX ((size_t)1 << 23) /* slots, half of them used: 64 MB. Values behind that are taken for new ones */

static bool is_time(struct str name)
{
	return str_eq(name, S("created")) || str_eq(name, S("modified")) || str_eq(name, S("valid_from"));
}

static uint32_t members_but_times(const struct json *v)
{
	uint32_t n = 0;

	JSON_MEMBERS(name, value, v) {
		(void)value;
		n += !is_time(json_str(name));
	}
	return n;
}

/* The same statement made at another time. */
static bool says_the_same(const struct json *a, const struct json *b)
{
	if (members_but_times(a) != members_but_times(b))
		return false;
	JSON_MEMBERS(name, value, a) {
		const struct json *other = json_get(b, json_str(name));

		if (!is_time(json_str(name)) && (other == NULL || !json_same(value, other)))
			return false;
	}
	return true;
}

/* Puts another text of the same length in a member's place; both are texts of our own making. */
static enum rc put_text(struct sink *s, size_t i, struct str member, struct str text, struct err *err)
{
	struct str now = json_get_str(s->trees[i], member);
	size_t at;
	char *raw;

	if (now.n == 0 || text.n != now.n)
		return RC_OK;
	at = (size_t)(now.p - s->raw[i].p);
	raw = arena_alloc(s->batch, s->raw[i].n + 1);
	if (raw == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	memcpy(raw, s->raw[i].p, s->raw[i].n);
	memcpy(raw + at, text.p, text.n);
	s->raw[i].p = raw;
	return json_parse(s->batch, s->raw[i], &JSON_LIMITS, &s->trees[i], err);
}

static enum rc meet(struct sink *s, size_t i, const struct page_entry *known, struct err *err)
{
	struct str body = arena_dup(s->batch, known->body);
	const struct json *old;

	/* Whoever imports below this level must not learn it from a refusal. */
	if (known->tlp > s->o->admit.tlp_ceiling)
		return RC_OK;
	if (body.p == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	TRY(json_parse(s->batch, body, &JSON_LIMITS, &old, err));
	if (known->version.n > 0 && !says_the_same(old, s->trees[i]))
		return put_text(s, i, S("created"), json_get_str(old, S("created")), err); /* never changes: STIX 2.1 §3.2 */
	s->raw[i] = body;
	s->trees[i] = old;
	return RC_OK;
}

/* The objects that may be known already: id -> place in the batch. An id that comes twice keeps its first place. */
static enum rc may_be_known(struct sink *s, struct map *index, struct str *ids, size_t *n, struct err *err)
{
	*n = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct str id = json_get_str(s->trees[i], S("id"));

		if (!s->made[i] || map_get(index, id, NULL))
			continue;
		if (map_put(index, id, i) != RC_OK)
			return FAIL(err, RC_NOMEM, "import: no memory");
		ids[(*n)++] = id;
	}
	return RC_OK;
}

/* A statement that comes again in the same batch goes the way of the first. */
static void follow_first(struct sink *s, const struct map *index)
{
	for (size_t i = 0; i < s->n; i++) {
		uint64_t first;

		if (s->made[i] && map_get(index, json_get_str(s->trees[i], S("id")), &first) && first != i &&
		    says_the_same(s->trees[first], s->trees[i])) {
			s->raw[i] = s->raw[first];
			s->trees[i] = s->trees[first];
		}
	}
}

/* Remembers that the import speaks of this id; true when it did before. */
static bool said_before(struct sink *s, struct str id)
{
	struct str type;
	struct uuid u;
	uint64_t key;
	size_t at;

	if (!stix_id_split(id, &type, &u))
		return false;
	memcpy(&key, u.b + 8, sizeof key); /* variant and node of a UUIDv5: 62 bits of its hash, and never 0 */
	for (at = key % s->said_cap; s->said[at] != 0; at = (at + 1) % s->said_cap) {
		if (s->said[at] == key)
			return true;
	}
	if (s->n_said < SAID_MAX / 2) {
		s->said[at] = key;
		s->n_said++;
	}
	return false;
}

/* Room for a batch, so that said_before finds a free place. */
static enum rc grow_said(struct sink *s, struct err *err)
{
	size_t cap = s->said_cap == 0 ? 4 * SINK_OBJECTS : s->said_cap * 2;
	uint64_t *bigger;

	if (s->said_cap == SAID_MAX || s->n_said + SINK_OBJECTS < s->said_cap / 2)
		return RC_OK;
	if (cap > SAID_MAX)
		cap = SAID_MAX;
	bigger = mem_array(cap, sizeof *bigger);
	if (bigger == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	for (size_t i = 0; i < s->said_cap; i++) {
		size_t at = s->said[i] % cap;

		while (bigger[at] != 0)
			at = (at + 1) % cap;
		bigger[at] = s->said[i];
	}
	mem_free(s->said);
	s->said = bigger;
	s->said_cap = cap;
	return RC_OK;
}

/* The statement that an earlier batch of this import left under an id; NULL: it was refused. */
static enum rc earlier(struct sink *s, struct str id, const struct json **ret, struct err *err)
{
	struct page_query q = { .added_after = INT64_MIN, .tlp_mask = UINT32_MAX, .limit = 1, .bodies = true, .ids = &id, .n_ids = 1 };
	struct page p = { 0 };
	struct str body = S("");

	*ret = NULL;
	TRY(store_page(s->store, &q, &p, err));
	if (p.n == 1)
		body = arena_dup(s->batch, p.entries[0].body);
	page_done(&p);
	if (body.p == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	return body.n == 0 ? RC_OK : json_parse(s->batch, body, &JSON_LIMITS, ret, err);
}

/* Rows that say something else about a value than its first row get their own ids. */
static enum rc part_rows(struct sink *s, struct err *err)
{
	CLEANUP(map_freep) struct map *here = map_new(SINK_OBJECTS);

	if (here == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	TRY(grow_said(s, err));
	for (size_t i = 0; i < s->n; i++) {
		struct str id = json_get_str(s->trees[i], S("id"));
		const struct json *first = NULL;
		uint64_t k;

		if (s->further[i].n == 0)
			continue;
		if (said_before(s, id)) {
			if (map_get(here, id, &k))
				first = s->trees[k];
			else
				TRY(earlier(s, id, &first, err));
			if (first != NULL && !says_the_same(first, s->trees[i]))
				TRY(put_text(s, i, S("id"), s->further[i], err));
		} else if (map_put(here, id, i) != RC_OK) {
			return FAIL(err, RC_NOMEM, "import: no memory");
		}
	}
	return RC_OK;
}

/* Compares what we made with what is stored under the same ids. */
enum rc sink_meet(struct sink *s, struct err *err)
{
	struct page_query q = { .added_after = INT64_MIN, .tlp_mask = UINT32_MAX, .limit = PAGE_LIMIT_MAX, .bodies = true };
	CLEANUP(map_freep) struct map *index = map_new(SINK_OBJECTS);
	struct str *ids = arena_array(s->batch, s->n + 1, sizeof *ids);
	struct page p = { 0 };
	enum rc rc = RC_OK;

	if (ids == NULL || index == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	TRY(part_rows(s, err));
	TRY(may_be_known(s, index, ids, &q.n_ids, err));
	if (q.n_ids == 0)
		return RC_OK;
	q.ids = ids;
	TRY(store_page(s->store, &q, &p, err));
	for (size_t k = 0; k < p.n && rc == RC_OK; k++) {
		uint64_t i;

		if (map_get(index, p.entries[k].id, &i))
			rc = meet(s, (size_t)i, &p.entries[k], err);
	}
	page_done(&p);
	if (rc == RC_OK)
		follow_first(s, index);
	return rc;
}
