/* Only what the store holds counts as known: a definition that was refused or never
 * stored lowers nothing. Ignorance is never remembered, so a definition that
 * another process stored is found at the next look. */
#include "gate/markings.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"

#define READ_MEMORY ((size_t)256 << 20)

struct memory {
	pthread_mutex_t lock;
	struct map *known; /* id -> kind << 8 | tlp */
};

static void memory_free(struct store *s, void *p)
{
	struct memory *m = p;

	(void)s;
	map_free(m->known);
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

static void *memory_make(struct store *s)
{
	struct memory *m = mem_alloc(sizeof *m);

	(void)s;
	if (m == NULL)
		return NULL;
	m->known = map_new(MARKINGS_KNOWN_MAX);
	if (m->known == NULL) {
		mem_free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

static bool recall(struct memory *m, struct str id, uint64_t *ret)
{
	bool found;

	pthread_mutex_lock(&m->lock);
	found = map_get(m->known, id, ret);
	pthread_mutex_unlock(&m->lock);
	return found;
}

static void remember(struct memory *m, struct str id, uint64_t value)
{
	pthread_mutex_lock(&m->lock);
	(void)!map_put(m->known, id, value); /* full: looked up again next time */
	pthread_mutex_unlock(&m->lock);
}

/* Reads the definition from the store. */
static enum stix_marking_kind look_up(struct store *s, struct str id, enum tlp *ret_tlp)
{
	static const uint8_t specs[] = { 20, 21 };
	struct page_query q = { .added_after = INT64_MIN, .ids = &id, .n_ids = 1, .specs = specs, .n_specs = COUNTOF(specs),
				.tlp_mask = UINT32_MAX, .limit = 1, .bodies = true };
	CLEANUP(arena_freep) struct arena *a = arena_new(READ_MEMORY);
	enum stix_marking_kind kind = STIX_MARKING_UNKNOWN;
	const struct json *v;
	struct page p = { 0 };
	struct err err;

	if (a == NULL || store_page(s, &q, &p, &err) != RC_OK)
		return STIX_MARKING_UNKNOWN;
	if (p.n == 1 && json_parse(a, p.entries[0].body, &JSON_LIMITS, &v, &err) == RC_OK)
		kind = stix_marking_read(v, ret_tlp);
	page_done(&p);
	return kind;
}

enum stix_marking_kind markings_known(void *ctx, struct str id, enum tlp *ret_tlp)
{
	struct store *s = ctx;
	struct memory *m = store_slot(s, STORE_SLOT_ADMIT, memory_make, memory_free);
	enum stix_marking_kind kind;
	enum tlp tlp = TLP_RED;
	uint64_t value;

	if (m != NULL && recall(m, id, &value)) {
		*ret_tlp = (enum tlp)(value & 0xff);
		return (enum stix_marking_kind)(value >> 8);
	}
	kind = look_up(s, id, &tlp);
	*ret_tlp = tlp;
	if (m != NULL && kind != STIX_MARKING_UNKNOWN)
		remember(m, id, (uint64_t)kind << 8 | (uint64_t)tlp);
	return kind;
}

void markings_level(struct store *s, const struct json *object, uint8_t fallback, uint8_t *ret_tlp, uint8_t *ret_flags)
{
	struct stix_level level;
	unsigned flags = 0;

	stix_level_of(object, markings_known, s, &level);
	if (fallback >= TLP_COUNT)
		fallback = TLP_RED;
	*ret_tlp = level.stated ? (uint8_t)level.tlp : fallback;
	if (level.granular)
		flags |= OBJECT_GRANULAR;
	if (level.unknown) {
		*ret_tlp = TLP_RED;
		flags |= OBJECT_MARKING_UNKNOWN | (unsigned)fallback << OBJECT_DEFAULT_SHIFT;
	}
	*ret_flags = (uint8_t)flags;
}

/* What is to be changed, copied out of the page: remarking moves entries while we read. */
struct change {
	struct str id, version;
	uint8_t tlp, flags;
};

static enum rc find_changes(struct store *s, const struct page *p, struct arena *keep, struct change *out, size_t *n, struct err *err)
{
	CLEANUP(arena_freep) struct arena *scratch = arena_new(READ_MEMORY);

	*n = 0;
	if (scratch == NULL)
		return FAIL(err, RC_NOMEM, "markings: no memory");
	for (size_t i = 0; i < p->n; i++) {
		const struct page_entry *e = &p->entries[i];
		struct change c = { 0 };
		const struct json *v;

		arena_reset(scratch);
		if (json_parse(scratch, e->body, &JSON_LIMITS, &v, err) != RC_OK)
			continue;
		markings_level(s, v, (uint8_t)(e->flags >> OBJECT_DEFAULT_SHIFT & 7), &c.tlp, &c.flags);
		if (c.flags & OBJECT_MARKING_UNKNOWN)
			continue;
		c.flags |= e->flags & (OBJECT_REVOKED | OBJECT_HAS_REFS);
		c.id = arena_dup(keep, e->id);
		c.version = arena_dup(keep, e->version);
		if (c.id.p == NULL || c.version.p == NULL)
			return FAIL(err, RC_NOMEM, "markings: no memory");
		out[(*n)++] = c;
	}
	return RC_OK;
}

static enum rc remark_page(struct store *s, struct page_query *q, bool *ret_more, struct err *err)
{
	CLEANUP(arena_freep) struct arena *keep = arena_new(READ_MEMORY);
	struct change *changes = keep == NULL ? NULL : arena_array(keep, q->limit, sizeof *changes);
	struct page p = { 0 };
	size_t n = 0;
	enum rc rc;

	if (changes == NULL)
		return FAIL(err, RC_NOMEM, "markings: no memory");
	TRY(store_page(s, q, &p, err));
	rc = find_changes(s, &p, keep, changes, &n, err);
	*ret_more = p.more && p.n > 0;
	if (p.n > 0)
		q->added_after = p.entries[p.n - 1].added;
	page_done(&p);
	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		rc = store_remark(s, changes[i].id, changes[i].version, changes[i].tlp, changes[i].flags, err);
		if (rc == RC_NOTFOUND) /* deleted meanwhile */
			rc = RC_OK;
	}
	return rc;
}

enum rc markings_remark(struct store *s, const struct str *ids, size_t n, struct err *err)
{
	static const uint8_t specs[] = { 20, 21 };
	struct page_query q = { .added_after = INT64_MIN, .ids = ids, .n_ids = n, .want_all = true,
				.specs = specs, .n_specs = COUNTOF(specs), .tlp_mask = UINT32_MAX, .flags_all = OBJECT_MARKING_UNKNOWN, .limit = 1000,
				.max_bytes = (size_t)32 << 20, .bodies = true };
	bool more = true;

	while (more)
		TRY(remark_page(s, &q, &more, err));
	return RC_OK;
}
