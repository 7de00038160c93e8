/* Removing and re-marking: changes that touch what is stored. Each is alone in
 * its transaction, so it is computed from the index as it stands. */
#include "base/mem.h"
#include "store/objlog_int.h"

static enum rc begin_change(struct objlog *l, const char *what, struct err *err)
{
	if (l->tx != TX_OPEN)
		return FAIL(err, RC_BUSY, "object log: a %s cannot share a transaction with another change", what);
	l->tx = TX_CHANGE;
	return RC_OK;
}

static enum rc stage(struct objlog *l, struct record *r, struct err *err)
{
	TRY(objlog_reserve(l, r, err));
	l->staged[l->n_staged++] = *r;
	return RC_OK;
}

static enum rc one_batch(struct objlog *l, uint32_t coll, struct err *err)
{
	TRY(objlog_room(l, &l->batches, &l->cap_batches, 1, sizeof *l->batches, STAGED_MAX, "batches", err));
	l->batches[0] = (struct staged_batch){ .n = l->n_staged, .coll = coll, .received = time_now() };
	l->n_batches = 1;
	return RC_OK;
}

/* What listeners are told of a stored version; the texts live as long as the transaction. */
static enum rc describe(struct objlog *l, const struct object *o, const struct odd *odd, bool with_body,
			struct object_event *e, struct err *err)
{
	const struct type_name *t = &l->types[o->type];
	char id[ID_TEXT_MAX], version[VERSION_TEXT_MAX];
	struct page_entry *x = &e->entry;

	x->type = str_make(t->p, t->n);
	x->id = arena_dup(l->texts, str_make(id, objlog_id_write(o, x->type, odd, id)));
	x->version = arena_dup(l->texts, str_make(version, objlog_version_write(o, odd, version)));
	x->source = o->source;
	x->spec = o->spec21 ? 21 : 20;
	x->tlp = (uint8_t)o->tlp;
	x->flags = o->flags;
	x->confidence = o->confidence;
	if (with_body && x->version.p != NULL) {
		char *body = arena_alloc(l->texts, o->len);

		x->body = str_make(body, o->len);
		if (body != NULL)
			TRY(objlog_read(l, o->pos, body, o->len, err));
	}
	if (x->id.p == NULL || x->version.p == NULL || (with_body && x->body.p == NULL))
		return FAIL(err, RC_NOMEM, "object log: no memory for an event");
	return RC_OK;
}

static enum rc tell_removed(struct objlog *l, const struct hit *h, uint32_t coll, struct event_list *events, struct err *err)
{
	struct object_event e = { .removed = true };
	bool only = h->o.entries != NONE && objlog_entry(l, h->o.entries)->next == NONE;

	if (events == NULL)
		return RC_OK;
	TRY(describe(l, &h->o, h->odd, false, &e, err));
	for (uint32_t at = h->o.entries; at != NONE; at = objlog_entry(l, at)->next) {
		uint32_t c = objlog_entry_coll(l, at);

		/* Leaving everything is told for each collection it was in. */
		if (coll == 0 ? c == 0 && !only : c != coll)
			continue;
		e.collection = l->colls[c]->row;
		e.source = e.entry.source;
		e.entry.added = objlog_entry(l, at)->added;
		TRY(events_add(events, &e, err));
	}
	return RC_OK;
}

enum rc objlog_remove(struct objlog *l, const struct page_query *q, uint64_t *ret_removed,
		      struct event_list *events, struct err *err)
{
	struct hit_limits limits = { .n = STAGED_MAX, .bytes = UINT64_MAX };
	uint32_t coll = objlog_coll_find(l, q->collection);
	struct page_query from_start = *q;
	struct hits hits;
	enum rc rc;

	TRY(begin_change(l, "removal", err));
	if (q->n_ids == 0)
		return FAIL(err, RC_BAD, "object log: a removal names its objects");
	from_start.added_after = INT64_MIN;
	TRY(objlog_query(l, &from_start, &limits, &hits, err));
	rc = hits.more ? FAIL(err, RC_LIMIT, "object log: more than %u versions in one removal", STAGED_MAX) :
	     hits.n == 0 ? FAIL(err, RC_NOTFOUND, "no such object version here") : objlog_staged_room(l, hits.n, err);
	for (uint32_t i = 0; i < hits.n && rc == RC_OK; i++) {
		struct record r = { .kind = REC_REMOVE, .number = hits.p[i].number, .coll = coll };

		objlog_print(l, &hits.p[i].o, hits.p[i].odd, r.print);
		rc = stage(l, &r, err);
		if (rc == RC_OK)
			rc = tell_removed(l, &hits.p[i], coll, events, err);
	}
	*ret_removed = hits.n;
	mem_free(hits.p);
	return rc == RC_OK ? one_batch(l, coll, err) : rc;
}

/* New places at the end of its collections; the dates are those that applying will give. */
static enum rc tell_moved(struct objlog *l, const struct record *r, usec now, struct event_list *events, struct err *err)
{
	struct object_event e = { 0 };
	const struct object *o = objlog_object(l, r->number);
	bool only = objlog_entry(l, o->entries)->next == NONE;

	if (events != NULL)
		TRY(describe(l, o, o->odd ? objlog_odd(l, r->number) : NULL, true, &e, err));
	for (uint32_t at = o->entries; at != NONE; at = objlog_entry(l, at)->next) {
		uint32_t coll = objlog_entry_coll(l, at);
		struct coll *c = l->colls[coll];
		/* Reserving has counted this record already: only those before it moved the date. */
		usec last = c->staged > 1 ? c->staged_last : c->last;

		c->staged_last = now > last ? now : last + 1;
		if (events == NULL || (coll == 0 && !only))
			continue;
		e.collection = c->row;
		e.source = o->source;
		e.entry.added = c->staged_last;
		e.entry.tlp = r->tlp;
		e.entry.flags = r->flags;
		TRY(events_add(events, &e, err));
	}
	return RC_OK;
}

static enum rc remark_one(struct objlog *l, uint32_t number, const struct record *like, struct event_list *events, struct err *err)
{
	const struct object *o = objlog_object(l, number);
	struct record r = *like;

	if (o->tlp == r.tlp && o->flags == r.flags)
		return RC_OK;
	r.number = number;
	objlog_print(l, o, o->odd ? objlog_odd(l, number) : NULL, r.print);
	TRY(stage(l, &r, err));
	return r.tlp < o->tlp ? tell_moved(l, &r, r.added, events, err) : RC_OK;
}

enum rc objlog_remark(struct objlog *l, struct str id, struct str version, uint8_t tlp, uint8_t flags,
		      struct event_list *events, struct err *err)
{
	struct record like = { .kind = REC_REMARK, .tlp = tlp, .flags = flags, .added = time_now() };
	struct object want = { 0 };
	struct odd *odd = NULL;
	struct str type;
	uint32_t code, found = 0;
	bool unusual;
	enum rc rc;

	TRY(begin_change(l, "new marking", err));
	TRY(objlog_version_read(version, &want, &unusual, err));
	if (tlp >= TLP_LEVELS || !objlog_id_split(id, &type, want.uuid, &(bool){ false }))
		return FAIL(err, RC_BAD, "object log: no such id or TLP level");
	code = objlog_type_find(l, type);
	if (unusual)
		TRY(objlog_odd_new(S(""), version, &odd, err));
	rc = objlog_staged_room(l, 2, err);
	for (uint32_t x = code == NONE ? NONE : objlog_find(l, objlog_id_hash(code, want.uuid), code, want.uuid);
	     x != NONE && rc == RC_OK; x = objlog_object(l, x)->next) {
		const struct object *o = objlog_object(l, x);

		if (objlog_version_cmp(o, o->odd ? objlog_odd(l, x) : NULL, &want, odd) != 0)
			continue;
		found++;
		rc = remark_one(l, x, &like, events, err);
	}
	mem_free(odd);
	TRY(rc);
	if (found == 0)
		return FAIL(err, RC_NOTFOUND, "no such object version");
	return l->n_staged == 0 ? RC_OK : one_batch(l, 0, err);
}
