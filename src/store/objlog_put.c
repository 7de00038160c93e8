/* A batch becomes staged records. Each object is looked up among what is stored
 * and what this transaction has staged already, so the second of two equal
 * objects in one envelope, or in two that share a commit, is a duplicate.
 *
 * All memory is reserved here. Bodies stay the caller's until the commit. */
#include "base/hash.h"
#include "base/mem.h"
#include "store/objlog_int.h"

#define DATE_MAX INT64_C(253370764800000000) /* 9999-01-01: what is counted up from here still has four digits of year */

/* One object on its way in, parsed. */
struct incoming {
	const struct object_in *in;
	struct object o;
	struct odd *odd;     /* owned until staged */
	uint64_t hash;
	uint32_t newest;     /* stored versions of the id */
	uint32_t known;      /* the same version: stored or staged object number, or NONE */
	uint32_t known_at;   /* its staged record, or NONE when it is stored */
	bool here;           /* that version is in the batch's collection */
	usec here_added;
};

static uint32_t staged_first(const struct objlog *l, uint64_t hash)
{
	uint32_t mask = l->cap_staged_ids - 1, at = (uint32_t)hash & mask;

	if (l->cap_staged_ids == 0)
		return NONE;
	for (; l->staged_ids[at] != 0; at = (at + 1) & mask)
		if (l->staged[l->staged_ids[at] - 1].id_hash == hash)
			return l->staged_ids[at] - 1;
	return NONE;
}

static void staged_ids_put(struct objlog *l, uint32_t index)
{
	uint32_t mask = l->cap_staged_ids - 1, at = (uint32_t)l->staged[index].id_hash & mask;

	for (; l->staged_ids[at] != 0; at = (at + 1) & mask) {
		if (l->staged[l->staged_ids[at] - 1].id_hash == l->staged[index].id_hash)
			break;
	}
	l->staged[index].next_same_id = l->staged_ids[at] == 0 ? NONE : l->staged_ids[at] - 1;
	l->staged_ids[at] = index + 1;
}

enum rc objlog_staged_room(struct objlog *l, size_t n, struct err *err)
{
	uint64_t need = (uint64_t)l->n_staged + n;
	uint32_t cap = 64;

	TRY(objlog_room(l, &l->staged, &l->cap_staged, need, sizeof *l->staged, STAGED_MAX, "objects in one transaction", err));
	while (cap < need * 2)
		cap *= 2;
	if (cap <= l->cap_staged_ids)
		return RC_OK;
	mem_free(l->staged_ids);
	l->cap_staged_ids = 0;
	l->staged_ids = mem_array(cap, sizeof *l->staged_ids);
	if (l->staged_ids == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for a transaction");
	l->cap_staged_ids = cap;
	for (uint32_t i = 0; i < l->n_staged; i++)
		staged_ids_put(l, i);
	return RC_OK;
}

static bool same_id(const struct object *a, const struct object *b)
{
	return a->type == b->type && memcmp(a->uuid, b->uuid, sizeof a->uuid) == 0;
}

/* Type, id, version. False with the reason in `err`: this object is refused, the batch goes on. */
static bool parse(struct objlog *l, const struct object_in *in, struct incoming *ret, struct err *err)
{
	bool odd_id, odd_version;
	struct str type;
	uint32_t code;

	*ret = (struct incoming){ .in = in, .known = NONE, .known_at = NONE };
	if (!objlog_id_split(in->id, &type, ret->o.uuid, &odd_id) || !str_eq(type, in->type) || in->id.n > ODD_ID_MAX) {
		err_set(err, RC_BAD, "object id: expected \"%.*s--<uuid>\"", STR(in->type));
		return false;
	}
	if (in->body.n == 0 || in->body.n > OBJECT_BODY_MAX || (in->spec != 20 && in->spec != 21) || in->tlp >= TLP_LEVELS) {
		err_set(err, RC_BAD, "%.*s: body, spec or TLP out of range", STR(in->id));
		return false;
	}
	if (objlog_version_read(in->version, &ret->o, &odd_version, err) != RC_OK ||
	    objlog_type_add(l, type, &code, err) != RC_OK)
		return false;
	if ((odd_id || odd_version) &&
	    objlog_odd_new(odd_id ? in->id : S(""), odd_version ? in->version : S(""), &ret->odd, err) != RC_OK)
		return false;
	ret->o.type = code & (TYPES_MAX - 1);
	ret->o.len = in->body.n & 0x1ffffffu;
	ret->o.tlp = in->tlp & 7u;
	ret->o.spec21 = in->spec == 21;
	ret->o.odd = ret->odd != NULL;
	ret->o.flags = in->flags;
	ret->o.confidence = in->confidence;
	ret->hash = objlog_id_hash(code, ret->o.uuid);
	ret->newest = objlog_find(l, ret->hash, code, ret->o.uuid);
	return true;
}

/* What is known of this version, and whether it is in the collection: stored or staged. */
static void look_up(const struct objlog *l, uint32_t coll, struct incoming *x)
{
	uint32_t first = staged_first(l, x->hash), entry;

	x->known = objlog_version_find(l, x->newest, &x->o, x->odd);
	if (x->known == TOO_DEEP)
		return;
	if (x->known != NONE && (entry = objlog_entry_of(l, x->known, coll)) != NONE) {
		x->here = true;
		x->here_added = objlog_entry(l, entry)->added;
	}
	for (uint32_t i = first; i != NONE && x->known == NONE; i = l->staged[i].next_same_id) {
		const struct record *r = &l->staged[i];

		if (r->kind != REC_STORE || !same_id(&r->o, &x->o) || r->o.spec21 != x->o.spec21 ||
		    objlog_version_cmp(&r->o, r->odd, &x->o, x->odd) != 0)
			continue;
		x->known = r->number;
		x->known_at = i;
	}
	for (uint32_t i = first; i != NONE && x->known != NONE && !x->here; i = l->staged[i].next_same_id) {
		const struct record *r = &l->staged[i];

		if (r->number != x->known || r->kind == REC_CLAIM || (r->coll != coll && (coll != 0 || r->kind != REC_STORE)))
			continue;
		x->here = true;
		x->here_added = coll == 0 ? r->added0 : r->added;
	}
}

/* The newest version of the id, stored or staged, is revoked and this one is newer. */
static bool is_late(const struct objlog *l, const struct incoming *x)
{
	const struct object *top = x->newest == NONE ? NULL : objlog_object(l, x->newest);
	const struct odd *odd = top != NULL && top->odd ? objlog_odd(l, x->newest) : NULL;
	bool revoked = top != NULL && (top->flags & OBJECT_REVOKED);
	uint32_t second = top == NULL ? NONE : top->next;

	/* A 2.0 twin of the newest instant counts as well. */
	if (second != NONE && !revoked && (objlog_object(l, second)->flags & OBJECT_REVOKED))
		revoked = objlog_version_cmp(objlog_object(l, second), objlog_object(l, second)->odd ? objlog_odd(l, second) : NULL,
					     top, odd) == 0;
	for (uint32_t i = staged_first(l, x->hash); i != NONE; i = l->staged[i].next_same_id) {
		const struct record *r = &l->staged[i];
		int order;

		if (r->kind != REC_STORE || !same_id(&r->o, &x->o))
			continue;
		order = top == NULL ? 1 : objlog_version_cmp(&r->o, r->odd, top, odd);
		if (order < 0)
			continue;
		revoked = (r->o.flags & OBJECT_REVOKED) || (order == 0 && revoked);
		top = &r->o;
		odd = r->odd;
	}
	return top != NULL && revoked && objlog_version_cmp(&x->o, x->odd, top, odd) > 0;
}

/* Equal bytes, or else equal JSON. */
static enum rc same_content(struct objlog *l, const struct incoming *x, bool *ret, struct err *err)
{
	struct str have, in = x->in->body;

	if (x->known_at != NONE) {
		have = l->staged[x->known_at].body;
	} else {
		const struct object *o = objlog_object(l, x->known);
		char *room;

		buf_clear(&l->scratch);
		room = buf_room(&l->scratch, o->len);
		if (room == NULL)
			return buf_check(&l->scratch, err, "object log");
		TRY(objlog_read(l, o->pos, room, o->len, err));
		have = str_make(room, o->len);
	}
	*ret = str_eq(have, in) || object_same_json(have, in);
	return RC_OK;
}

/* Has this source said exactly this already? */
static bool claim_known(const struct objlog *l, const struct incoming *x, uint32_t source)
{
	const struct object *o;
	uint32_t at;

	for (uint32_t i = staged_first(l, x->hash); i != NONE; i = l->staged[i].next_same_id) {
		const struct record *r = &l->staged[i];

		/* The latest comes first, so this is what the source said last. */
		if (r->number == x->known && r->source == source)
			return r->tlp == x->in->tlp && r->confidence == x->in->confidence;
	}
	if (x->known_at != NONE)
		return false;
	o = objlog_object(l, x->known);
	for (at = o->claims; at != NONE; at = l->claims[at].next)
		if (l->claims[at].source == source)
			return l->claims[at].tlp == x->in->tlp && l->claims[at].confidence == x->in->confidence;
	return o->source == source && o->claim_tlp == x->in->tlp && o->confidence == x->in->confidence;
}

static enum rc stage(struct objlog *l, const struct object_batch *b, uint32_t coll, usec date, usec now,
		     struct incoming *x, enum put_result result, usec *ret_added, struct err *err)
{
	struct record r = { .kind = REC_CLAIM, .number = x->known, .coll = coll, .id_hash = x->hash, .tlp = x->in->tlp,
			    .confidence = x->in->confidence, .source = b->source, .body = x->in->body, .o = x->o };
	struct coll *c = l->colls[coll], *all = l->colls[0];

	if (result == PUT_STORED) {
		r.kind = REC_STORE;
		r.number = l->n_objects + l->staged_objects;
		r.body_hash = hash_stable(r.body);
		r.added0 = objlog_next_date(all, coll == 0 ? date : now);
		r.odd = x->odd;
	} else if (result == PUT_LINKED) {
		r.kind = REC_LINK;
	}
	r.added = coll == 0 ? r.added0 : objlog_next_date(c, date);
	if (r.kind != REC_CLAIM)
		objlog_print(l, &x->o, x->odd, r.print);
	TRY(objlog_reserve(l, &r, err));
	if (r.kind == REC_STORE) {
		all->staged_last = r.added0;
		x->odd = NULL;
		l->staged_bytes += r.body.n;
	}
	if (r.kind != REC_CLAIM)
		c->staged_last = *ret_added = r.added;
	l->staged[l->n_staged] = r;
	staged_ids_put(l, l->n_staged++);
	return RC_OK;
}

/* A link is told with the level of what is stored: its source may have claimed a milder one. */
static enum rc tell(const struct objlog *l, const struct object_batch *b, const struct incoming *x, usec added,
		    struct event_list *events, struct err *err)
{
	const struct object *o = x->known == NONE ? &x->o : x->known_at != NONE ? &l->staged[x->known_at].o :
										  objlog_object(l, x->known);
	const struct object_in *in = x->in;
	struct object_event e = { .collection = b->collection, .source = b->source, .entry = {
		.id = in->id, .type = in->type, .version = in->version, .body = in->body, .added = added, .source = b->source,
		.spec = in->spec, .tlp = (uint8_t)o->tlp, .flags = o->flags, .confidence = in->confidence } };

	return events == NULL ? RC_OK : events_add(events, &e, err);
}

static enum rc put_one(struct objlog *l, const struct object_batch *b, size_t i, uint32_t coll, usec now,
		       struct event_list *events, struct err *err)
{
	const struct object_in *in = &b->objects[i];
	enum put_result *result = &b->results[i];
	usec date = b->date_added == NULL ? now : b->date_added[i], added = 0;
	bool same = true;
	struct incoming x;
	enum rc rc = RC_OK;

	*result = PUT_REFUSED;
	if (!parse(l, in, &x, err))
		return err != NULL && err->rc == RC_NOMEM ? RC_NOMEM : RC_OK;
	look_up(l, coll, &x);
	if (x.known == TOO_DEEP) {
		err_set(err, RC_LIMIT, "%.*s: more than %u newer versions are held", STR(in->id), CHAIN_WALK_MAX);
		mem_free(x.odd);
		return RC_OK;
	}
	if (x.known != NONE)
		rc = same_content(l, &x, &same, err);
	if (rc == RC_OK) {
		*result = !same ? PUT_CONFLICT : x.here ? PUT_DUPLICATE : x.known != NONE ? PUT_LINKED :
			is_late(l, &x) ? PUT_REVOKED : PUT_STORED;
		added = x.here_added;
		if (*result == PUT_STORED || *result == PUT_LINKED || (*result == PUT_DUPLICATE && !claim_known(l, &x, b->source)))
			rc = stage(l, b, coll, date, now, &x, *result, &added, err);
	}
	mem_free(x.odd);
	if (b->ret_added != NULL)
		b->ret_added[i] = *result <= PUT_DUPLICATE ? added : 0;
	if (rc == RC_OK && (*result == PUT_STORED || *result == PUT_LINKED))
		rc = tell(l, b, &x, added, events, err);
	return rc;
}

static enum rc check_dates(const struct object_batch *b, struct err *err)
{
	for (size_t i = 0; b->date_added != NULL && i < b->n; i++) {
		if (b->date_added[i] > DATE_MAX)
			return FAIL(err, RC_BAD, "date_added of object %zu is too far in the future", i);
		if (i > 0 && b->date_added[i] < b->date_added[i - 1])
			return FAIL(err, RC_BAD, "date_added of object %zu is before that of the one before", i);
	}
	return RC_OK;
}

static enum rc batch_room(struct objlog *l, const struct object_batch *b, struct err *err)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < b->n; i++)
		bytes += b->objects[i].body.n + 1;
	if (bytes > FRAME_BODY_MAX)
		return FAIL(err, RC_LIMIT, "object log: more than %llu bytes in one batch", (unsigned long long)FRAME_BODY_MAX);
	if (l->n_batches > 0 && (l->n_staged + b->n > STAGED_MAX || l->staged_bytes + bytes > STAGED_BYTES_MAX))
		return FAIL(err, RC_BUSY, "object log: the transaction is full");
	TRY(objlog_staged_room(l, b->n, err));
	return objlog_room(l, &l->batches, &l->cap_batches, (uint64_t)l->n_batches + 1, sizeof *l->batches, STAGED_MAX,
			   "batches in one transaction", err);
}

enum rc objlog_put(struct objlog *l, struct object_batch *b, struct event_list *events, struct err *err)
{
	struct staged_batch sb = { .first = l->n_staged, .source = b->source };
	usec now = time_now();
	struct err refusal = { .rc = RC_OK };

	if (l->tx != TX_OPEN && l->tx != TX_PUT)
		return FAIL(err, RC_BUSY, "object log: a put cannot share a transaction with another change");
	TRY(check_dates(b, err));
	TRY(batch_room(l, b, err));
	TRY(objlog_coll_add(l, b->collection, &sb.coll, err));
	sb.received = b->received == 0 ? now : b->received;
	l->tx = TX_PUT;
	for (size_t i = 0; i < b->n; i++) {
		struct err why = { .rc = RC_OK };
		enum rc rc = put_one(l, b, i, sb.coll, now, events, &why);

		/* The first refusal is the one that is told. */
		if (rc != RC_OK || refusal.rc == RC_OK)
			refusal = why;
		if (rc != RC_OK) {
			l->tx = TX_FAILED;
			break;
		}
	}
	if (refusal.rc != RC_OK && err != NULL)
		*err = refusal;
	if (l->tx == TX_FAILED)
		return refusal.rc;
	for (uint32_t i = sb.first; i < l->n_staged; i++)
		if (l->staged[i].kind == REC_STORE)
			sb.body_bytes += l->staged[i].o.len + (sb.body_bytes > 0 ? 1u : 0u);
	sb.n = l->n_staged - sb.first;
	if (sb.n > 0)
		l->batches[l->n_batches++] = sb;
	return RC_OK;
}
