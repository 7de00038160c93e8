/* One record into the index. objlog_reserve makes all the room beforehand, so
 * that nothing can fail once the record is on disk; replay at start takes the
 * same two steps for each record. */
#include "base/mem.h"
#include "store/objlog_int.h"

static enum rc reserve_store(struct objlog *l, const struct record *r, struct err *err)
{
	TRY(objlog_objects_room(l, 1, err));
	TRY(objlog_id_room(l, r->id_hash, err));
	if (r->odd != NULL)
		TRY(objlog_room(l, &l->odds, &l->cap_odds, (uint64_t)l->n_odds + l->staged_odds + 1,
				sizeof(struct odd *), OBJECTS_MAX, "unusual texts", err));
	TRY(objlog_entry_room(l, 0, r->o.type, err));
	if (r->coll != 0)
		TRY(objlog_entry_room(l, r->coll, r->o.type, err));
	l->staged_objects++;
	l->shards[r->id_hash >> 56].staged++;
	l->staged_odds += r->odd != NULL;
	return RC_OK;
}

static void count_entry(struct objlog *l, uint32_t coll, uint32_t type)
{
	l->colls[coll]->staged++;
	l->colls[coll]->postings[type].staged++;
}

static enum rc reserve_claim(struct objlog *l, struct err *err)
{
	TRY(objlog_room(l, &l->claims, &l->cap_claims, (uint64_t)l->n_claims + l->staged_claims + 1,
			sizeof *l->claims, NONE - 1, "claims", err));
	l->staged_claims++;
	return RC_OK;
}

/* An entry whose level falls is made anew at the end of each of its collections. */
static enum rc reserve_remark(struct objlog *l, const struct record *r, struct err *err)
{
	const struct object *o = objlog_object(l, r->number);

	for (uint32_t at = o->entries; r->tlp < o->tlp && at != NONE; at = objlog_entry(l, at)->next) {
		uint32_t coll = objlog_entry_coll(l, at);

		TRY(objlog_entry_room(l, coll, o->type, err));
		count_entry(l, coll, o->type);
	}
	return RC_OK;
}

enum rc objlog_reserve(struct objlog *l, const struct record *r, struct err *err)
{
	switch ((enum record_kind)r->kind) {
	case REC_STORE:
		TRY(reserve_store(l, r, err));
		count_entry(l, 0, r->o.type);
		if (r->coll != 0)
			count_entry(l, r->coll, r->o.type);
		return RC_OK;
	case REC_LINK:
		TRY(objlog_entry_room(l, r->coll, r->o.type, err));
		count_entry(l, r->coll, r->o.type);
		return reserve_claim(l, err);
	case REC_CLAIM: return reserve_claim(l, err);
	case REC_REMARK: return reserve_remark(l, r, err);
	case REC_TYPE:
	case REC_REMOVE:
	case REC_EMPTIED: /* replayed as REC_STORE */
	case REC_CLOSE: return RC_OK;
	}
	return FAIL(err, RC_INTERNAL, "object log: record kind %u", r->kind);
}

void objlog_reserve_undo(struct objlog *l)
{
	for (uint32_t i = 0; i < l->n_colls; i++) {
		struct coll *c = l->colls[i];

		for (uint32_t t = 0; c->staged > 0 && t < c->cap_postings; t++)
			c->postings[t].staged = 0;
		c->staged = 0;
	}
	for (size_t i = 0; i < SHARDS; i++)
		l->shards[i].staged = 0;
	l->staged_objects = l->staged_odds = l->staged_claims = 0;
}

static void apply_store(struct objlog *l, struct record *r, const struct staged_batch *b)
{
	uint32_t n = l->n_objects++, newest;
	struct object *o = objlog_object(l, n);

	*o = r->o;
	o->claims = o->entries = NONE;
	o->source = b->source;
	o->received = b->received;
	o->claim_tlp = o->tlp;
	if (r->odd != NULL) {
		r->odd->object = n;
		l->odds[l->n_odds++] = r->odd;
		r->odd = NULL;
		l->staged_odds--;
	}
	l->staged_objects--;
	l->shards[r->id_hash >> 56].staged--;
	newest = objlog_chain_in(l, r->id_hash, n);
	objlog_entry_in(l, 0, n, r->added0, newest, r->print);
	if (r->coll != 0)
		objlog_entry_in(l, r->coll, n, r->added, newest, r->print);
	l->versions++;
}

static uint32_t newest_of(const struct objlog *l, const struct object *o)
{
	return objlog_find(l, objlog_id_hash(o->type, o->uuid), o->type, o->uuid);
}

static uint32_t *claim_new(struct objlog *l, uint32_t *link, usec received, uint32_t source, uint8_t tlp, uint8_t confidence)
{
	l->claims[l->n_claims] = (struct claim_more){ received, source, NONE, tlp, confidence };
	*link = l->n_claims++;
	return &l->claims[*link].next;
}

/* The first claim lives in the object as long as it says what was said first;
 * after that an ordinary one of the same source leads the list in its place. */
static void apply_claim(struct objlog *l, const struct record *r, const struct staged_batch *b)
{
	struct object *o = objlog_object(l, r->number);
	uint32_t *link = &o->claims, rest = o->claims;
	bool inside = rest == NONE || l->claims[rest].source != o->source;

	l->staged_claims--;
	if (inside && o->source == b->source) {
		if (o->claim_tlp == r->tlp && o->confidence == r->confidence)
			return;
		*claim_new(l, link, o->received, o->source, r->tlp, r->confidence) = rest;
		return;
	}
	for (; *link != NONE; link = &l->claims[*link].next) {
		if (l->claims[*link].source != b->source)
			continue;
		l->claims[*link].tlp = r->tlp;
		l->claims[*link].confidence = r->confidence;
		return;
	}
	claim_new(l, link, b->received, b->source, r->tlp, r->confidence);
}

/* An object in no collection any more leaves its chain and is not found again. */
static void forget(struct objlog *l, uint32_t number)
{
	struct object *o = objlog_object(l, number);

	objlog_chain_out(l, objlog_id_hash(o->type, o->uuid), number);
	l->versions--;
	if (o->pos == 0) {
		l->emptied--;
		return;
	}
	l->dead += o->len;
	objlog_segment(l, (uint32_t)(o->pos >> 32))->dead += o->len;
}

static void apply_remove(struct objlog *l, const struct record *r)
{
	struct object *o = objlog_object(l, r->number);
	uint32_t newest, at, next;

	for (at = o->entries; at != NONE; at = next) {
		uint32_t coll = objlog_entry_coll(l, at);

		next = objlog_entry(l, at)->next;
		if (r->coll != 0 && coll != r->coll)
			continue;
		objlog_entry_out(l, at, r->print);
		objlog_masks_rebuild(l, coll, newest_of(l, o));
	}
	if (o->entries != NONE && (objlog_entry(l, o->entries)->next != NONE || objlog_entry_coll(l, o->entries) != 0))
		return;
	if (o->entries != NONE) {
		objlog_entry_out(l, o->entries, r->print);
		objlog_masks_rebuild(l, 0, newest_of(l, o));
	}
	newest = newest_of(l, o);
	if (newest != NONE)
		forget(l, r->number);
}

static void apply_remark(struct objlog *l, const struct record *r)
{
	struct object *o = objlog_object(l, r->number);
	bool moves = r->tlp < o->tlp;
	uint32_t newest = newest_of(l, o), at, next;

	/* Out everywhere at the old level, then in again: at the end, or in place. */
	for (at = o->entries; at != NONE; at = next) {
		struct entry *e = objlog_entry(l, at);
		uint32_t coll = objlog_entry_coll(l, at);

		next = e->next;
		if (moves) {
			struct coll *c = l->colls[coll];
			usec added = r->added > c->last ? r->added : c->last + 1;
			uint8_t was = o->tlp;

			objlog_entry_out(l, at, r->print);
			o->tlp = r->tlp & 7u;
			o->flags = r->flags;
			objlog_entry_in(l, coll, r->number, added, newest, r->print);
			o->tlp = was & 7u;
		} else {
			objlog_entry_rekind(l, at, r->tlp, r->flags, r->print);
		}
	}
	o->tlp = r->tlp & 7u;
	o->flags = r->flags;
	for (at = o->entries; at != NONE; at = objlog_entry(l, at)->next)
		objlog_masks_rebuild(l, objlog_entry_coll(l, at), newest);
}

void objlog_apply(struct objlog *l, struct record *r, const struct staged_batch *b)
{
	switch ((enum record_kind)r->kind) {
	case REC_STORE: apply_store(l, r, b); break;
	case REC_LINK: {
		struct object *o = objlog_object(l, r->number);

		objlog_entry_in(l, r->coll, r->number, r->added, newest_of(l, o), r->print);
		apply_claim(l, r, b);
		break;
	}
	case REC_CLAIM: apply_claim(l, r, b); break;
	case REC_REMOVE: apply_remove(l, r); break;
	case REC_REMARK: apply_remark(l, r); break;
	case REC_TYPE:
	case REC_EMPTIED:
	case REC_CLOSE: break;
	}
}
