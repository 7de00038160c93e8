/* Collections and their entries. See objlog_int.h for what the masks say; the
 * rules they rest on:
 * - among the entries of one id in one collection, an older one's `newer` holds
 *   all that a newer one's holds, and more; `older` the other way round;
 * - entries of the same instant (2.0 and 2.1) have equal masks;
 * - `seen21` is the same in all of them.
 * So putting in the newest version stops at the first entry that knows already. */
#include "base/mem.h"
#include "store/objlog_int.h"

uint32_t objlog_coll_find(const struct objlog *l, uint32_t row)
{
	return row < l->cap_by_row && l->by_row[row] != 0 ? l->by_row[row] - 1 : NONE;
}

enum rc objlog_coll_add(struct objlog *l, uint32_t row, uint32_t *ret, struct err *err)
{
	struct coll *c;

	*ret = objlog_coll_find(l, row);
	if (*ret != NONE)
		return RC_OK;
	if (l->n_colls == COLLECTIONS_MAX)
		return FAIL(err, RC_LIMIT, "object log: more than %u collections", COLLECTIONS_MAX);
	TRY(objlog_room(l, &l->by_row, &l->cap_by_row, (uint64_t)row + 1, sizeof *l->by_row, COLLECTION_ROW_MAX,
			"collection numbers", err));
	TRY(objlog_room(l, &l->colls, &l->cap_colls, (uint64_t)l->n_colls + 1, sizeof(struct coll *), COLLECTIONS_MAX,
			"collections", err));
	c = mem_alloc(sizeof *c);
	if (c == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for a collection");
	c->row = row;
	c->last = INT64_MIN;
	pthread_rwlock_wrlock(&l->lock);
	l->colls[l->n_colls] = c;
	l->by_row[row] = ++l->n_colls;
	pthread_rwlock_unlock(&l->lock);
	*ret = l->n_colls - 1;
	return RC_OK;
}

static enum rc chunk_add(struct objlog *l, uint32_t coll, struct err *err)
{
	struct coll *c = l->colls[coll];
	struct chunk *k;

	TRY(objlog_room(l, &l->chunks, &l->cap_chunks, (uint64_t)l->n_chunks + 1, sizeof(struct chunk *),
			ENTRIES_MAX / CHUNK_ENTRIES, "entry chunks", err));
	TRY(objlog_room(l, &c->refs, &c->cap_refs, (uint64_t)c->n_refs + 1, sizeof *c->refs,
			ENTRIES_MAX / CHUNK_ENTRIES, "entry chunks", err));
	k = mem_alloc(sizeof *k);
	if (k == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for entries");
	k->coll = coll;
	/* Behind c->n, where no reader looks. */
	c->refs[c->n_refs++] = (struct chunk_ref){ INT64_MAX, l->n_chunks };
	l->chunks[l->n_chunks++] = k;
	return RC_OK;
}

enum rc objlog_entry_room(struct objlog *l, uint32_t coll, uint32_t type, struct err *err)
{
	struct coll *c = l->colls[coll];
	struct posting *p;

	if (c->n + c->staged == c->n_refs * CHUNK_ENTRIES)
		TRY(chunk_add(l, coll, err));
	TRY(objlog_room(l, &c->postings, &c->cap_postings, (uint64_t)type + 1, sizeof *c->postings, TYPES_MAX,
			"object types", err));
	p = &c->postings[type];
	return objlog_room(l, &p->p, &p->cap, (uint64_t)p->n + p->staged + 1, sizeof *p->p, ENTRIES_MAX,
			   "entries of a type", err);
}

uint32_t objlog_entry_of(const struct objlog *l, uint32_t object, uint32_t coll)
{
	uint32_t at = objlog_object(l, object)->entries;

	while (at != NONE && objlog_entry_coll(l, at) != coll)
		at = objlog_entry(l, at)->next;
	return at;
}

/* Adds the fingerprint to, or takes it from, the digest of its level. */
static void tally_move(struct tally *t, const unsigned char print[static 32], bool in)
{
	for (size_t i = 0; i < COUNTOF(t->lanes); i++) {
		uint64_t lane;

		memcpy(&lane, print + 8 * i, sizeof lane);
		t->lanes[i] += in ? lane : ~lane + 1;
	}
	t->count += in ? 1 : UINT64_MAX;
}

static int order_of(const struct objlog *l, uint32_t a, uint32_t b)
{
	const struct object *x = objlog_object(l, a), *y = objlog_object(l, b);

	return objlog_version_cmp(x, x->odd ? objlog_odd(l, a) : NULL, y, y->odd ? objlog_odd(l, b) : NULL);
}

/* Lets the new entry and its relatives in this collection know of each other. */
static void masks_join(struct objlog *l, uint32_t coll, uint32_t object, struct entry *e, uint32_t newest)
{
	uint16_t bit = (uint16_t)(1u << e->kind);
	uint8_t level = (uint8_t)(1u << (e->kind & 7));
	bool is21 = e->kind >= 8, tell21 = is21;
	uint32_t stop = NONE;

	e->seen21 = is21 ? level : 0;
	for (uint32_t x = newest; x != NONE; x = objlog_object(l, x)->next) {
		uint32_t at = x == object ? NONE : objlog_entry_of(l, x, coll);
		struct entry *f;
		int order;

		if (at == NONE)
			continue;
		if (stop != NONE && order_of(l, stop, x) != 0)
			break;
		f = objlog_entry(l, at);
		order = order_of(l, object, x);
		tell21 = tell21 && !(f->seen21 & level);
		e->seen21 |= f->seen21;
		f->seen21 |= is21 ? level : 0;
		if (order < 0) {
			f->older |= bit;
			e->newer |= (uint16_t)(1u << f->kind);
		} else if (order == 0) {
			e->newer = f->newer;
			e->older = f->older;
		} else {
			stop = (f->newer & bit) && !tell21 ? x : NONE;
			f->newer |= bit;
			e->older |= (uint16_t)(f->older | 1u << f->kind);
		}
	}
}

void objlog_entry_in(struct objlog *l, uint32_t coll, uint32_t object, usec added, uint32_t newest,
		     const unsigned char print[static 32])
{
	struct coll *c = l->colls[coll];
	struct object *o = objlog_object(l, object);
	struct chunk_ref *ref = &c->refs[c->n / CHUNK_ENTRIES];
	struct chunk *k = l->chunks[ref->chunk];
	uint32_t number = ref->chunk * CHUNK_ENTRIES + c->n % CHUNK_ENTRIES;
	struct entry *e = objlog_entry(l, number);
	struct posting *p = &c->postings[o->type];

	*e = (struct entry){ .added = added, .object = object, .next = o->entries, .type = o->type, .kind = objlog_kind(o) };
	if (newest != object || o->next != NONE)
		masks_join(l, coll, object, e, newest);
	else
		e->seen21 = (uint8_t)(o->spec21 ? 1u << o->tlp : 0);
	o->entries = number;
	k->kinds |= (uint16_t)(1u << e->kind);
	k->flags |= o->flags;
	k->live++;
	if (c->n % CHUNK_ENTRIES == 0)
		ref->first = added;
	p->p[p->n++] = number;
	p->staged--;
	c->n++;
	c->staged--;
	c->last = added;
	tally_move(&c->tally[o->tlp], print, true);
}

void objlog_entry_out(struct objlog *l, uint32_t entry, const unsigned char print[static 32])
{
	struct entry *e = objlog_entry(l, entry);
	struct object *o = objlog_object(l, e->object);
	struct chunk *k = l->chunks[entry / CHUNK_ENTRIES];
	uint32_t *link = &o->entries;

	while (*link != entry)
		link = &objlog_entry(l, *link)->next;
	*link = e->next;
	tally_move(&l->colls[k->coll]->tally[e->kind & 7], print, false);
	e->kind = ENTRY_DEAD;
	k->live--;
}

void objlog_entry_rekind(struct objlog *l, uint32_t entry, uint8_t tlp, uint8_t flags, const unsigned char print[static 32])
{
	struct entry *e = objlog_entry(l, entry);
	struct chunk *k = l->chunks[entry / CHUNK_ENTRIES];
	struct coll *c = l->colls[k->coll];

	tally_move(&c->tally[e->kind & 7], print, false);
	tally_move(&c->tally[tlp], print, true);
	e->kind = (uint8_t)((e->kind & 8) | tlp);
	k->kinds |= (uint16_t)(1u << e->kind);
	k->flags |= flags;
}

/* The next of the chain from `x` on that has an entry in the collection. */
static struct entry *relative(const struct objlog *l, uint32_t coll, uint32_t *x)
{
	for (; *x != NONE; *x = objlog_object(l, *x)->next) {
		uint32_t at = objlog_entry_of(l, *x, coll);

		if (at != NONE)
			return objlog_entry(l, at);
	}
	return NULL;
}

/* From nothing, in two walks: what is left behind an entry is its `older`, what
 * was met before it is its `newer`; entries of one instant count together. */
void objlog_masks_rebuild(struct objlog *l, uint32_t coll, uint32_t newest)
{
	uint32_t left[16] = { 0 };
	uint16_t met = 0;
	uint8_t seen21 = 0;
	struct entry *e;

	for (uint32_t x = newest; (e = relative(l, coll, &x)) != NULL; x = objlog_object(l, x)->next) {
		left[e->kind & 15]++;
		if (e->kind >= 8)
			seen21 |= (uint8_t)(1u << (e->kind & 7));
	}
	for (uint32_t x = newest, y; (e = relative(l, coll, &x)) != NULL; x = y) {
		uint16_t here = 0, older = 0;

		for (y = x; (e = relative(l, coll, &y)) != NULL && order_of(l, x, y) == 0; y = objlog_object(l, y)->next) {
			here |= (uint16_t)(1u << e->kind);
			left[e->kind & 15]--;
		}
		for (unsigned i = 0; i < COUNTOF(left); i++)
			older |= (uint16_t)(left[i] > 0 ? 1u << i : 0);
		for (uint32_t z = x; z != y && (e = relative(l, coll, &z)) != NULL && z != y; z = objlog_object(l, z)->next) {
			e->newer = met;
			e->older = older;
			e->seen21 = seen21;
		}
		met |= here;
	}
}
