/* A batch into PostgreSQL in a fixed number of statements: what is known of all
 * its versions is asked at once, each object is decided here in its turn (so the
 * second of two equal objects in one batch is a duplicate), and the new rows go
 * over as lists. */
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/objects_pg.h"

#define CHUNK_BYTES ((size_t)32 << 20) /* of bodies in one statement */
#define KEY_TEXT_MAX 1024
#define TYPE_MAX 250
#define ID_MAX 512

/* A version that the batch names, as it is in the database and as the batch leaves it. */
struct slot {
	struct str id, vkey;
	uint8_t spec, tlp, flags;
	bool known, here, claimed;
	int64_t row;
	usec added;               /* in the batch's collection, when `here` */
	unsigned char sha[SHA256_LEN]; /* of the known body */
	struct str body;          /* when it came with this batch */
	uint8_t claim_tlp, claim_confidence;
	struct newest *newest;
};

/* The newest version of an id. */
struct newest {
	struct str id, vkey;
	bool there, revoked;
};

struct putting {
	struct pgo *o;
	struct object_batch *b;
	struct slot **of;         /* per object; NULL = refused */
	struct slot *slots;
	struct newest *newest;
	size_t n_slots, n_newest;
	struct map *by_version, *by_id;
	int64_t next_row;
	usec now;
	/* New rows: objects, and members of collection 0 and of the batch's. */
	struct pg_array rows, ids, vkeys, specs, types, versions, bodies, tlps, flags, confidences;
	struct pg_array m_coll, m_added, m_object, m_id, m_vkey, m_spec, m_type, m_tlp, m_flags;
};

/* Whether what follows the type is a UUID is for the validator to say; here it only has to be text. */
static bool good_id(const struct object_in *in)
{
	return in->type.n > 0 && in->type.n <= TYPE_MAX && in->id.n > in->type.n + 2 && str_starts(in->id, in->type) &&
	       in->id.p[in->type.n] == '-' && in->id.p[in->type.n + 1] == '-' &&
	       text_check(in->id, ID_MAX, "object id", NULL) == RC_OK;
}

/* False with the reason: this object is refused, the batch goes on. */
static bool valid(const struct object_in *in, struct err *err)
{
	usec t;

	if (!good_id(in)) {
		err_set(err, RC_BAD, "object id: expected \"%.*s--<uuid>\"", STR(in->type));
		return false;
	}
	if (in->body.n == 0 || in->body.n > OBJECT_BODY_MAX || (in->spec != 20 && in->spec != 21) || in->tlp >= TLP_LEVELS) {
		err_set(err, RC_BAD, "%.*s: body, spec or TLP out of range", STR(in->id));
		return false;
	}
	return text_check(in->type, TYPE_MAX, "object type", err) == RC_OK &&
	       (in->version.n == 0 || time_parse(in->version, &t, NULL, err) == RC_OK);
}

static struct newest *newest_of(struct putting *p, struct str id)
{
	uint64_t at;

	if (!map_get(p->by_id, id, &at)) {
		at = p->n_newest;
		if (map_put(p->by_id, id, at) != RC_OK)
			return NULL;
		p->newest[p->n_newest++] = (struct newest){ .id = id };
	}
	return &p->newest[at];
}

static struct slot *slot_of(struct putting *p, const struct object_in *in)
{
	char key_text[VERSION_KEY_MAX], text[KEY_TEXT_MAX];
	struct str vkey = arena_dup(p->o->arena, object_version_key(in->version, key_text)), id = arena_dup(p->o->arena, in->id);
	int n = snprintf(text, sizeof text, "%.*s\n%.*s\n%d", STR(id), STR(vkey), in->spec);
	uint64_t at;
	struct slot *slot;

	if (id.p == NULL || vkey.p == NULL || n < 0 || (size_t)n >= sizeof text)
		return NULL;
	if (map_get(p->by_version, str_make(text, (size_t)n), &at))
		return &p->slots[at];
	if (map_put(p->by_version, str_make(text, (size_t)n), p->n_slots) != RC_OK)
		return NULL;
	slot = &p->slots[p->n_slots++];
	*slot = (struct slot){ .id = id, .vkey = vkey, .spec = in->spec, .newest = newest_of(p, id) };
	return slot->newest == NULL ? NULL : slot;
}

static enum rc place_objects(struct putting *p, struct err *err)
{
	struct err why = { 0 };

	for (size_t i = 0; i < p->b->n; i++) {
		p->b->results[i] = PUT_REFUSED;
		p->of[i] = NULL;
		if (p->b->ret_added != NULL)
			p->b->ret_added[i] = 0;
		if (!valid(&p->b->objects[i], &why)) {
			/* The first refusal is the one that is told. */
			if (err != NULL && err->rc == RC_OK)
				*err = why;
			continue;
		}
		p->of[i] = slot_of(p, &p->b->objects[i]);
		if (p->of[i] == NULL)
			return FAIL(err, RC_NOMEM, "objects: no memory for a batch");
	}
	return RC_OK;
}

static enum rc ask_versions(struct putting *p, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	for (size_t i = 0; i < p->n_slots; i++) {
		pg_array_str(&p->ids, p->slots[i].id);
		pg_array_str(&p->vkeys, p->slots[i].vkey);
		pg_array_int(&p->specs, p->slots[i].spec);
	}
	TRY(pg_array_check(&p->ids, err));
	TRY(pg_array_check(&p->vkeys, err));
	TRY(pg_array_check(&p->specs, err));
	TRY(DB_START(p->o->d, &q, err,
		     "SELECT i.ord, o.row, o.tlp, o.flags, sha256(o.body), coalesce(m.added, -1)"
		     " FROM unnest($1, $2, $3) WITH ORDINALITY AS i(id, vkey, spec, ord)"
		     " JOIN object o ON o.id = i.id AND o.vkey = i.vkey AND o.spec = i.spec"
		     " LEFT JOIN member m ON m.object = o.row AND m.collection = $4",
		     pg_array_value(&p->ids), pg_array_value(&p->vkeys), pg_array_value(&p->specs), DB_INT(p->b->collection)));
	for (;;) {
		struct slot *s;

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		s = &p->slots[db_int(q, 0) - 1];
		s->known = true;
		s->row = db_int(q, 1);
		s->tlp = (uint8_t)db_int(q, 2);
		s->flags = (uint8_t)db_int(q, 3);
		memcpy(s->sha, db_bytes(q, 4).p, sizeof s->sha);
		s->added = db_int(q, 5);
		s->here = s->added >= 0;
	}
}

static enum rc ask_newest(struct putting *p, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	uint64_t at;
	bool row;

	pg_array_clear(&p->ids);
	for (size_t i = 0; i < p->n_newest; i++)
		pg_array_str(&p->ids, p->newest[i].id);
	TRY(pg_array_check(&p->ids, err));
	TRY(DB_START(p->o->d, &q, err,
		     "SELECT DISTINCT ON (id) id, vkey, flags & 1 FROM object WHERE id = ANY ($1)"
		     " ORDER BY id, vkey DESC, flags & 1 DESC",
		     pg_array_value(&p->ids)));
	for (;;) {
		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		if (!map_get(p->by_id, db_text(q, 0), &at))
			continue;
		p->newest[at].there = true;
		p->newest[at].revoked = db_int(q, 2) != 0;
		p->newest[at].vkey = arena_dup(p->o->arena, db_text(q, 1));
		if (p->newest[at].vkey.p == NULL)
			return FAIL(err, RC_NOMEM, "objects: no memory for a batch");
	}
}

/* Equal bytes, or else equal JSON. */
static enum rc same_content(struct putting *p, const struct slot *s, struct str body, bool *ret, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	unsigned char sha[SHA256_LEN];
	bool row;

	if (s->body.p != NULL) {
		*ret = str_eq(s->body, body) || object_same_json(s->body, body);
		return RC_OK;
	}
	hash_sha256(body, sha);
	*ret = memcmp(sha, s->sha, sizeof sha) == 0;
	if (*ret)
		return RC_OK;
	TRY(DB_START(p->o->d, &q, err, "SELECT body FROM object WHERE row = $1", DB_INT(s->row)));
	TRY(db_next(q, &row, err));
	*ret = row && object_same_json(db_bytes(q, 0), body);
	return RC_OK;
}

static enum put_result judge(const struct slot *s, bool same)
{
	if (s->known)
		return !same ? PUT_CONFLICT : s->here ? PUT_DUPLICATE : PUT_LINKED;
	return s->newest->there && s->newest->revoked && str_cmp(s->vkey, s->newest->vkey) > 0 ? PUT_REVOKED : PUT_STORED;
}

static void note_newest(struct slot *s)
{
	int order = s->newest->there ? str_cmp(s->vkey, s->newest->vkey) : 1;
	bool revoked = (s->flags & OBJECT_REVOKED) != 0;

	if (order < 0)
		return;
	s->newest->revoked = revoked || (order == 0 && s->newest->revoked);
	s->newest->vkey = s->vkey;
	s->newest->there = true;
}

static void add_object(struct putting *p, struct slot *s, const struct object_in *in)
{
	s->known = true;
	s->row = p->next_row++;
	s->tlp = in->tlp;
	s->flags = in->flags;
	s->body = in->body;
	note_newest(s);
	pg_array_int(&p->rows, s->row);
	pg_array_str(&p->ids, s->id);
	pg_array_str(&p->vkeys, s->vkey);
	pg_array_int(&p->specs, s->spec);
	pg_array_str(&p->types, in->type);
	pg_array_str(&p->versions, in->version);
	pg_array_str(&p->bodies, in->body);
	pg_array_int(&p->tlps, s->tlp);
	pg_array_int(&p->flags, s->flags);
	pg_array_int(&p->confidences, in->confidence);
}

static enum rc add_member(struct putting *p, uint32_t collection, const struct slot *s, struct str type, usec at, usec *ret,
			  struct err *err)
{
	TRY(pgo_tick(p->o, collection, at, ret, err));
	TRY(pgo_count(p->o, collection, s->tlp, 1, s->id, s->vkey, s->spec, err));
	pg_array_int(&p->m_coll, collection);
	pg_array_int(&p->m_added, *ret);
	pg_array_int(&p->m_object, s->row);
	pg_array_str(&p->m_id, s->id);
	pg_array_str(&p->m_vkey, s->vkey);
	pg_array_int(&p->m_spec, s->spec);
	pg_array_str(&p->m_type, type);
	pg_array_int(&p->m_tlp, s->tlp);
	pg_array_int(&p->m_flags, s->flags);
	return RC_OK;
}

static enum rc tell(const struct putting *p, const struct slot *s, const struct object_in *in, struct event_list *events,
		    struct err *err)
{
	struct object_event e = { .collection = p->b->collection, .source = p->b->source,
				  .entry = { .id = in->id, .type = in->type, .version = in->version, .body = in->body,
					     .added = s->added, .source = p->b->source, .spec = in->spec, .tlp = s->tlp,
					     .flags = s->flags, .confidence = in->confidence } };

	return events == NULL ? RC_OK : events_add(events, &e, err);
}

static enum rc decide(struct putting *p, size_t i, struct event_list *events, struct err *err)
{
	const struct object_in *in = &p->b->objects[i];
	usec date = p->b->date_added == NULL ? p->now : p->b->date_added[i], ignored;
	enum put_result *result = &p->b->results[i];
	struct slot *s = p->of[i];
	bool same = true;

	if (s->known)
		TRY(same_content(p, s, in->body, &same, err));
	*result = judge(s, same);
	if (*result > PUT_DUPLICATE)
		return RC_OK;
	if (*result == PUT_STORED) {
		add_object(p, s, in);
		if (p->b->collection != NO_COLLECTION)
			TRY(add_member(p, NO_COLLECTION, s, in->type, p->now, &ignored, err));
	}
	if (*result != PUT_DUPLICATE)
		TRY(add_member(p, p->b->collection, s, in->type, date, &s->added, err));
	s->here = s->claimed = true;
	s->claim_tlp = in->tlp;
	s->claim_confidence = in->confidence;
	if (p->b->ret_added != NULL)
		p->b->ret_added[i] = s->added;
	return *result == PUT_DUPLICATE ? RC_OK : tell(p, s, in, events, err);
}

static struct pg_array *const *arrays_of(struct putting *p, struct pg_array *all[19])
{
	struct pg_array *list[] = { &p->rows, &p->ids, &p->vkeys, &p->specs, &p->types, &p->versions, &p->bodies, &p->tlps,
				    &p->flags, &p->confidences, &p->m_coll, &p->m_added, &p->m_object, &p->m_id, &p->m_vkey,
				    &p->m_spec, &p->m_type, &p->m_tlp, &p->m_flags };

	memcpy(all, list, sizeof list);
	return all;
}

static enum rc write_rows(struct putting *p, struct err *err)
{
	struct pg_array *all[19];

	arrays_of(p, all);
	for (size_t i = 0; i < COUNTOF(all); i++)
		TRY(pg_array_check(all[i], err));
	if (p->rows.n > 0)
		TRY(DB_RUN(p->o->d, err,
			   "INSERT INTO object (row, id, vkey, spec, type, version, body, tlp, flags, confidence, source, received)"
			   " SELECT u.*, $11, $12 FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS u",
			   pg_array_value(&p->rows), pg_array_value(&p->ids), pg_array_value(&p->vkeys),
			   pg_array_value(&p->specs), pg_array_value(&p->types), pg_array_value(&p->versions),
			   pg_array_value(&p->bodies), pg_array_value(&p->tlps), pg_array_value(&p->flags),
			   pg_array_value(&p->confidences), DB_INT(p->b->source), DB_INT(p->b->received)));
	if (p->m_coll.n > 0)
		TRY(DB_RUN(p->o->d, err,
			   "INSERT INTO member (collection, added, object, id, vkey, spec, type, tlp, flags)"
			   " SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			   pg_array_value(&p->m_coll), pg_array_value(&p->m_added), pg_array_value(&p->m_object),
			   pg_array_value(&p->m_id), pg_array_value(&p->m_vkey), pg_array_value(&p->m_spec),
			   pg_array_value(&p->m_type), pg_array_value(&p->m_tlp), pg_array_value(&p->m_flags)));
	for (size_t i = 0; i < COUNTOF(all); i++)
		pg_array_clear(all[i]);
	return RC_OK;
}

static enum rc write_claims(struct putting *p, struct err *err)
{
	for (size_t i = 0; i < p->n_slots; i++) {
		if (!p->slots[i].claimed)
			continue;
		pg_array_int(&p->rows, p->slots[i].row);
		pg_array_int(&p->tlps, p->slots[i].claim_tlp);
		pg_array_int(&p->confidences, p->slots[i].claim_confidence);
	}
	if (p->rows.n == 0)
		return RC_OK;
	TRY(pg_array_check(&p->rows, err));
	TRY(pg_array_check(&p->tlps, err));
	TRY(pg_array_check(&p->confidences, err));
	return DB_RUN(p->o->d, err,
		      "INSERT INTO claim (object, tlp, confidence, source, received)"
		      " SELECT u.*, $4, $5 FROM unnest($1, $2, $3) AS u ON CONFLICT (object, source) DO UPDATE"
		      " SET tlp = excluded.tlp, confidence = excluded.confidence"
		      " WHERE claim.tlp <> excluded.tlp OR claim.confidence <> excluded.confidence",
		      pg_array_value(&p->rows), pg_array_value(&p->tlps), pg_array_value(&p->confidences),
		      DB_INT(p->b->source), DB_INT(p->b->received));
}

static enum rc put_all(struct putting *p, struct event_list *events, struct err *err)
{
	TRY(place_objects(p, err));
	if (p->n_slots == 0)
		return RC_OK;
	TRY(ask_versions(p, err));
	TRY(ask_newest(p, err));
	TRY(db_count_on(p->o->d, S("object"), (int64_t)p->n_slots, &p->next_row, err));
	pg_array_clear(&p->ids);
	pg_array_clear(&p->vkeys);
	pg_array_clear(&p->specs);
	for (size_t i = 0; i < p->b->n; i++) {
		if (p->of[i] != NULL)
			TRY(decide(p, i, events, err));
		if (p->bodies.b.n > CHUNK_BYTES)
			TRY(write_rows(p, err));
	}
	TRY(write_rows(p, err));
	return write_claims(p, err);
}

static void init_arrays(struct putting *p)
{
	static const char types[] = "ittittbiii"
				    "iiittitii";
	struct pg_array *all[19];

	arrays_of(p, all);
	for (size_t i = 0; i < COUNTOF(all); i++)
		pg_array_init(all[i], types[i]);
}

static void done_arrays(struct putting *p)
{
	struct pg_array *all[19];

	arrays_of(p, all);
	for (size_t i = 0; i < COUNTOF(all); i++)
		pg_array_done(all[i]);
}

enum rc pgo_put(struct store *s, struct object_batch *b, struct event_list *events, struct err *err)
{
	struct pgo *o = pgo_of(s);
	struct putting p = { .o = o, .b = b, .now = time_now() };
	enum rc rc;

	p.of = arena_array(o->arena, b->n, sizeof *p.of);
	p.slots = arena_array(o->arena, b->n, sizeof *p.slots);
	p.newest = arena_array(o->arena, b->n, sizeof *p.newest);
	p.by_version = map_new(b->n);
	p.by_id = map_new(b->n);
	init_arrays(&p);
	if (p.of == NULL || p.slots == NULL || p.newest == NULL || p.by_version == NULL || p.by_id == NULL)
		rc = FAIL(err, RC_NOMEM, "objects: no memory for a batch");
	else
		rc = put_all(&p, events, err);
	done_arrays(&p);
	map_free(p.by_version);
	map_free(p.by_id);
	return rc;
}
