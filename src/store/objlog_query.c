/* Which entries a reader gets, in order of date_added. Three ways to them: along
 * the collection, along the postings of up to POSTINGS_MAX types, or by ids. All
 * end in the same test on the entry.
 *
 * The lock is held for SLICE entries at a time. Entries are only ever added at
 * the end, and a date names a place for ever, so nothing is lost or repeated in
 * between. */
#include "base/mem.h"
#include "store/objlog_int.h"

#define SLICE 4096u
#define POSTINGS_MAX 8u
#define IDS_SLICE 64u

struct wanted_version {
	struct object o;
	struct odd *odd;
};

struct filter {
	const struct page_query *q;
	uint32_t coll;
	usec after;
	uint32_t see;         /* kinds that pass */
	uint8_t levels;
	bool newest_spec, last, first, all, by_type;
	struct wanted_version *versions;
	size_t n_versions;
	uint16_t types[POSTINGS_MAX];
	size_t n_types;       /* distinct known ones, counted on beyond POSTINGS_MAX */
	uint64_t typeset[TYPES_MAX / 64];
};

static void filter_done(struct filter *f)
{
	for (size_t i = 0; i < f->n_versions; i++)
		mem_free(f->versions[i].odd);
	mem_free(f->versions);
}

static enum rc filter_versions(struct filter *f, const struct page_query *q, struct err *err)
{
	if (q->n_versions == 0)
		return RC_OK;
	f->versions = mem_array(q->n_versions, sizeof *f->versions);
	if (f->versions == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for a query");
	for (size_t i = 0; i < q->n_versions; i++, f->n_versions++) {
		bool odd;

		TRY(objlog_version_read(q->versions[i], &f->versions[i].o, &odd, err));
		if (odd)
			TRY(objlog_odd_new(S(""), q->versions[i], &f->versions[i].odd, err));
	}
	return RC_OK;
}

static void filter_kinds(struct filter *f, const struct page_query *q)
{
	unsigned specs = q->n_specs == 0 ? 3 : 0;

	f->levels = (uint8_t)(q->tlp_mask & 255u);
	f->newest_spec = q->n_specs == 0;
	for (size_t i = 0; i < q->n_specs; i++)
		specs |= q->specs[i] == 21 ? 2u : q->specs[i] == 20 ? 1u : 0u;
	f->see = (specs & 1u ? f->levels : 0u) | (specs & 2u ? (uint32_t)f->levels << 8 : 0u);
	f->all = q->want_all;
	f->first = q->want_first;
	f->last = q->want_last || (!q->want_all && !q->want_first && q->n_versions == 0);
}

static void filter_types(const struct objlog *l, struct filter *f, const struct page_query *q)
{
	f->by_type = q->n_types > 0;
	for (size_t i = 0; i < q->n_types; i++) {
		uint32_t code = objlog_type_find(l, q->types[i]);
		uint64_t bit = code == NONE ? 0 : (uint64_t)1 << code % 64;

		if (code == NONE || (f->typeset[code / 64] & bit))
			continue;
		f->typeset[code / 64] |= bit;
		if (f->n_types < POSTINGS_MAX)
			f->types[f->n_types] = (uint16_t)code;
		f->n_types++;
	}
}

static bool version_wanted(const struct objlog *l, const struct filter *f, uint32_t object)
{
	const struct object *o = objlog_object(l, object);
	const struct odd *odd = o->odd ? objlog_odd(l, object) : NULL;

	for (size_t i = 0; i < f->n_versions; i++)
		if (objlog_version_cmp(o, odd, &f->versions[i].o, f->versions[i].odd) == 0)
			return true;
	return false;
}

/* A dead entry's kind is a bit that no reader sees. */
static inline bool passes(const struct objlog *l, const struct filter *f, const struct entry *e)
{
	uint32_t rivals = f->see;

	if (!(f->see >> e->kind & 1u))
		return false;
	if (f->newest_spec) {
		if (e->kind < 8 && (e->seen21 & f->levels))
			return false;
		rivals = e->kind < 8 ? f->levels : (uint32_t)f->levels << 8;
	}
	if (!f->all && !(f->last && !(e->newer & rivals)) && !(f->first && !(e->older & rivals)) &&
	    (f->n_versions == 0 || !version_wanted(l, f, e->object)))
		return false;
	if (f->by_type && !(f->typeset[e->type / 64] >> e->type % 64 & 1u))
		return false;
	return f->q->flags_all == 0 || (objlog_object(l, e->object)->flags & f->q->flags_all) == f->q->flags_all;
}

static enum rc hits_grow(struct hits *h, struct err *err)
{
	uint32_t cap = h->cap == 0 ? 128 : h->cap * 2;
	struct hit *p = mem_resize(h->p, cap * sizeof *p);

	if (p == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for a page");
	h->p = p;
	h->cap = cap;
	return RC_OK;
}

/* Takes one that passed; `*ret_stop` when the page is full, and then there is more. */
static enum rc take(const struct objlog *l, const struct entry *e, const struct hit_limits *limits, struct hits *h,
		    bool *ret_stop, struct err *err)
{
	const struct object *o = objlog_object(l, e->object);

	if (limits->count_only) {
		h->count++;
		return RC_OK;
	}
	if (h->n == limits->n || (h->n > 0 && h->bytes + h->n + o->len > limits->bytes)) {
		h->more = *ret_stop = true;
		return RC_OK;
	}
	if (h->n == h->cap)
		TRY(hits_grow(h, err));
	h->p[h->n++] = (struct hit){ *o, o->odd ? objlog_odd(l, e->object) : NULL, e->added, e->object };
	h->bytes += o->len;
	return RC_OK;
}

/* Index in the collection of the first entry behind `after`. */
static uint32_t seek(const struct objlog *l, const struct coll *c, usec after)
{
	uint32_t low = 0, high = (c->n + CHUNK_ENTRIES - 1) / CHUNK_ENTRIES, end;
	const struct entry *e;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (c->refs[mid].first <= after)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return 0;
	e = l->chunks[c->refs[low - 1].chunk]->e;
	end = c->n - (low - 1) * CHUNK_ENTRIES;
	high = end < CHUNK_ENTRIES ? end : CHUNK_ENTRIES;
	end = 0;
	while (end < high) {
		uint32_t mid = end + (high - end) / 2;

		if (e[mid].added <= after)
			end = mid + 1;
		else
			high = mid;
	}
	return (low - 1) * CHUNK_ENTRIES + end;
}

static bool chunk_useless(const struct chunk *k, const struct filter *f)
{
	return k->live == 0 || !(k->kinds & f->see) || (k->flags & f->q->flags_all) != f->q->flags_all;
}

/* Up to SLICE entries from `*at` on. The lock is held. */
static enum rc scan_slice(const struct objlog *l, const struct filter *f, const struct hit_limits *limits, uint32_t *at,
			  struct hits *h, bool *ret_stop, struct err *err)
{
	const struct coll *c = l->colls[f->coll];
	uint32_t looked = 0;

	while (*at < c->n && looked < SLICE && !*ret_stop) {
		const struct chunk *k = l->chunks[c->refs[*at / CHUNK_ENTRIES].chunk];
		uint32_t from = *at % CHUNK_ENTRIES, end = c->n - (*at - from);

		end = end < CHUNK_ENTRIES ? end : CHUNK_ENTRIES;
		looked += chunk_useless(k, f) ? 1 : end - from;
		if (chunk_useless(k, f)) {
			*at += end - from;
			continue;
		}
		for (; from < end && !*ret_stop; from++, ++*at)
			if (passes(l, f, &k->e[from]))
				TRY(take(l, &k->e[from], limits, h, ret_stop, err));
	}
	if (*at >= c->n)
		*ret_stop = true;
	return RC_OK;
}

static enum rc scan(struct objlog *l, const struct filter *f, const struct hit_limits *limits, struct hits *h, struct err *err)
{
	bool stop = false, begun = false;
	enum rc rc = RC_OK;
	uint32_t at = 0;

	while (!stop && rc == RC_OK) {
		pthread_rwlock_rdlock(&l->lock);
		if (!begun)
			at = seek(l, l->colls[f->coll], f->after);
		begun = true;
		rc = scan_slice(l, f, limits, &at, h, &stop, err);
		pthread_rwlock_unlock(&l->lock);
	}
	return rc;
}

/* Index of the first posting whose entry lies behind `after`. */
static uint32_t posting_seek(const struct objlog *l, const struct posting *p, usec after)
{
	uint32_t low = 0, high = p->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (objlog_entry(l, p->p[mid])->added <= after)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const struct posting *posting_of(const struct objlog *l, const struct filter *f, size_t i)
{
	static const struct posting nothing;
	const struct coll *c = l->colls[f->coll];

	return f->types[i] < c->cap_postings ? &c->postings[f->types[i]] : &nothing;
}

/* Merges the postings of the types; `at` has a place in each. The lock is held. */
static enum rc merge_slice(const struct objlog *l, const struct filter *f, const struct hit_limits *limits,
			   uint32_t at[static POSTINGS_MAX], struct hits *h, bool *ret_stop, struct err *err)
{
	for (uint32_t looked = 0; looked < SLICE && !*ret_stop; looked++) {
		uint32_t least = NONE;
		size_t which = 0;

		for (size_t i = 0; i < f->n_types; i++) {
			const struct posting *p = posting_of(l, f, i);

			if (at[i] < p->n && p->p[at[i]] < least) {
				least = p->p[at[i]];
				which = i;
			}
		}
		if (least == NONE) {
			*ret_stop = true;
			break;
		}
		at[which]++;
		if (passes(l, f, objlog_entry(l, least)))
			TRY(take(l, objlog_entry(l, least), limits, h, ret_stop, err));
	}
	return RC_OK;
}

static enum rc merge(struct objlog *l, const struct filter *f, const struct hit_limits *limits, struct hits *h, struct err *err)
{
	uint32_t at[POSTINGS_MAX] = { 0 };
	bool stop = false, begun = false;
	enum rc rc = RC_OK;

	while (!stop && rc == RC_OK) {
		pthread_rwlock_rdlock(&l->lock);
		for (size_t i = 0; !begun && f->after != INT64_MIN && i < f->n_types; i++)
			at[i] = posting_seek(l, posting_of(l, f, i), f->after);
		begun = true;
		rc = merge_slice(l, f, limits, at, h, &stop, err);
		pthread_rwlock_unlock(&l->lock);
	}
	return rc;
}

struct numbers {
	uint32_t *p;
	size_t n, cap;
};

static enum rc numbers_add(struct numbers *a, uint32_t v, struct err *err)
{
	if (a->n == a->cap) {
		size_t cap = a->cap == 0 ? 64 : a->cap * 2;
		uint32_t *p = mem_resize(a->p, cap * sizeof *p);

		if (p == NULL)
			return FAIL(err, RC_NOMEM, "object log: no memory for a query");
		a->p = p;
		a->cap = cap;
	}
	a->p[a->n++] = v;
	return RC_OK;
}

static int number_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* All entries of the id's versions in the collection that pass. The lock is held. */
static enum rc gather_id(const struct objlog *l, const struct filter *f, struct str id, struct numbers *a, struct err *err)
{
	unsigned char uuid[16];
	uint32_t code, entry;
	struct str type;
	bool odd;

	if (!objlog_id_split(id, &type, uuid, &odd))
		return RC_OK;
	code = objlog_type_find(l, type);
	if (code == NONE)
		return RC_OK;
	for (uint32_t x = objlog_find(l, objlog_id_hash(code, uuid), code, uuid); x != NONE; x = objlog_object(l, x)->next) {
		entry = objlog_entry_of(l, x, f->coll);
		if (entry != NONE && passes(l, f, objlog_entry(l, entry)))
			TRY(numbers_add(a, entry, err));
	}
	return RC_OK;
}

/* Between two holds of the lock an entry may have gone or ceased to be the last: it is tested again. */
static enum rc take_numbers(struct objlog *l, const struct filter *f, const struct hit_limits *limits,
			    const struct numbers *a, struct hits *h, struct err *err)
{
	bool stop = false;
	enum rc rc = RC_OK;

	pthread_rwlock_rdlock(&l->lock);
	for (size_t i = 0; i < a->n && !stop && rc == RC_OK; i++) {
		const struct entry *e = objlog_entry(l, a->p[i]);

		if ((i > 0 && a->p[i] == a->p[i - 1]) || e->added <= f->after || !passes(l, f, e))
			continue;
		rc = take(l, e, limits, h, &stop, err);
	}
	pthread_rwlock_unlock(&l->lock);
	return rc;
}

static enum rc by_ids(struct objlog *l, const struct filter *f, const struct hit_limits *limits, struct hits *h, struct err *err)
{
	const struct page_query *q = f->q;
	struct numbers a = { 0 };
	enum rc rc = RC_OK;

	for (size_t i = 0; i < q->n_ids && rc == RC_OK;) {
		pthread_rwlock_rdlock(&l->lock);
		do
			rc = gather_id(l, f, q->ids[i++], &a, err);
		while (rc == RC_OK && i < q->n_ids && i % IDS_SLICE != 0);
		pthread_rwlock_unlock(&l->lock);
	}
	if (a.n > 1)
		qsort(a.p, a.n, sizeof *a.p, number_cmp);
	if (rc == RC_OK)
		rc = take_numbers(l, f, limits, &a, h, err);
	mem_free(a.p);
	return rc;
}

enum rc objlog_query(struct objlog *l, const struct page_query *q, const struct hit_limits *limits, struct hits *ret,
		     struct err *err)
{
	struct filter f = { .q = q, .after = limits->count_only ? INT64_MIN : q->added_after };
	enum rc rc;

	*ret = (struct hits){ 0 };
	filter_kinds(&f, q);
	rc = filter_versions(&f, q, err);
	pthread_rwlock_rdlock(&l->lock);
	filter_types(l, &f, q);
	f.coll = objlog_coll_find(l, q->collection);
	pthread_rwlock_unlock(&l->lock);
	if (rc == RC_OK && f.coll != NONE && !(f.by_type && f.n_types == 0))
		rc = q->n_ids > 0 ? by_ids(l, &f, limits, ret, err) :
		     f.by_type && f.n_types <= POSTINGS_MAX ? merge(l, &f, limits, ret, err) : scan(l, &f, limits, ret, err);
	filter_done(&f);
	if (rc != RC_OK) {
		mem_free(ret->p);
		*ret = (struct hits){ 0 };
	}
	return rc;
}
