/* Removing and re-marking in PostgreSQL. Both first gather the entries they concern,
 * inside the transaction that holds all clocks, then change them by key. */
#include "base/mem.h"
#include "store/objects_pg.h"

#define ENTRIES_MAX 1000000

/* An entry of a collection with its version. */
struct entry {
	uint32_t collection, source;
	usec added;
	int64_t row;
	struct str id, type, version, vkey, body;
	uint8_t spec, tlp, flags, confidence;
};

struct entries {
	struct pgo *o;
	struct entry *p;
	size_t n, cap;
};

#define ENTRY_COLUMNS \
	"m.collection, m.added, o.row, o.id, o.type, o.version, o.vkey, o.spec, m.tlp, m.flags, o.confidence, o.source"

static enum rc add_entry(struct entries *l, const struct dbq *q, struct err *err)
{
	struct arena *a = l->o->arena;
	struct entry *e;

	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 64 : l->cap * 2;
		struct entry *grown = cap > ENTRIES_MAX ? NULL : arena_array(a, cap, sizeof *grown);

		if (grown == NULL)
			return FAIL(err, RC_NOMEM, "objects: too many entries for one change");
		if (l->n > 0)
			memcpy(grown, l->p, l->n * sizeof *grown);
		l->p = grown;
		l->cap = cap;
	}
	e = &l->p[l->n++];
	*e = (struct entry){
		.collection = (uint32_t)db_int(q, 0), .added = db_int(q, 1), .row = db_int(q, 2),
		.id = arena_dup(a, db_text(q, 3)), .type = arena_dup(a, db_text(q, 4)), .version = arena_dup(a, db_text(q, 5)),
		.vkey = arena_dup(a, db_text(q, 6)), .spec = (uint8_t)db_int(q, 7), .tlp = (uint8_t)db_int(q, 8),
		.flags = (uint8_t)db_int(q, 9), .confidence = (uint8_t)db_int(q, 10), .source = (uint32_t)db_int(q, 11),
	};
	if (e->id.p == NULL || e->type.p == NULL || e->version.p == NULL || e->vkey.p == NULL)
		return FAIL(err, RC_NOMEM, "objects: no memory for a change");
	return RC_OK;
}

static enum rc gather(struct entries *l, struct dbq *q, struct err *err)
{
	bool row;

	for (;;) {
		enum rc rc = db_next(q, &row, err);

		if (rc != RC_OK || !row)
			return rc;
		rc = add_entry(l, q, err);
		if (rc != RC_OK) {
			db_end(q);
			return rc;
		}
	}
}

/* The entries of all collections (0 too) that hold the versions `rows`, in order of version and collection. */
static enum rc entries_of_rows(struct entries *l, struct pg_array *rows, struct err *err)
{
	struct dbq *q;

	TRY(pg_array_check(rows, err));
	TRY(DB_START(l->o->d, &q, err,
		     "SELECT " ENTRY_COLUMNS " FROM member m JOIN object o ON o.row = m.object WHERE m.object = ANY ($1)"
		     " ORDER BY o.row, m.collection",
		     pg_array_value(rows)));
	return gather(l, q, err);
}

static enum rc tell(const struct entry *e, bool removed, struct event_list *events, struct err *err)
{
	struct object_event ev = { .collection = e->collection, .source = e->source, .removed = removed,
				   .entry = { .id = e->id, .type = e->type, .version = e->version, .body = e->body,
					      .added = e->added, .source = e->source, .spec = e->spec, .tlp = e->tlp,
					      .flags = e->flags, .confidence = e->confidence } };

	return events == NULL ? RC_OK : events_add(events, &ev, err);
}

static enum rc leave(struct pgo *o, const struct entry *e, struct err *err)
{
	TRY(DB_RUN(o->d, err, "DELETE FROM member WHERE collection = $1 AND added = $2", DB_INT(e->collection), DB_INT(e->added)));
	return pgo_count(o, e->collection, e->tlp, -1, e->id, e->vkey, e->spec, err);
}

/* How many of the entries of e[0]'s version follow each other from here. */
static size_t same_row(const struct entries *l, size_t from)
{
	size_t n = 1;

	while (from + n < l->n && l->p[from + n].row == l->p[from].row)
		n++;
	return n;
}

/* Takes one version out of `collection`, or out of everything when that is 0; when collection 0 is all
 * that is left, the version goes. Collection 0 is told of only when there was no other. */
static enum rc remove_version(struct pgo *o, const struct entry *e, size_t n, uint32_t collection, struct event_list *events,
			      struct err *err)
{
	bool gone = collection == NO_COLLECTION || n <= 2;

	for (size_t i = 0; i < n; i++) {
		bool is_all = e[i].collection == NO_COLLECTION, wanted = collection == NO_COLLECTION ? !is_all || n == 1 :
									 e[i].collection == collection;

		if (wanted || (is_all && gone))
			TRY(leave(o, &e[i], err));
		if (wanted)
			TRY(tell(&e[i], true, events, err));
	}
	if (!gone)
		return RC_OK;
	TRY(DB_RUN(o->d, err, "DELETE FROM claim WHERE object = $1", DB_INT(e->row)));
	return DB_RUN(o->d, err, "DELETE FROM object WHERE row = $1", DB_INT(e->row));
}

/* The versions that the query names in its collection. */
static enum rc rows_of_query(struct pgo *o, const struct page_query *q, struct pg_array *rows, struct err *err)
{
	struct dbq *found = NULL;
	struct pgo_where w;
	bool row = true;
	enum rc rc = pgo_where_init(&w, q, INT64_MIN, err);

	if (rc == RC_OK) {
		buf_cstr(&w.sql, "SELECT m.object FROM member m WHERE ");
		pgo_where_conditions(&w, q);
		rc = buf_check(&w.sql, err, "objects: query");
	}
	if (rc == RC_OK)
		rc = db_start(o->d, &found, w.sql.p, w.v, PGO_PARAMS, err);
	while (rc == RC_OK) {
		rc = db_next(found, &row, err);
		if (rc != RC_OK || !row)
			break;
		pg_array_int(rows, db_int(found, 0));
	}
	pgo_where_done(&w);
	return rc;
}

static enum rc remove_rows(struct pgo *o, const struct page_query *q, struct pg_array *rows, struct event_list *events,
			   struct err *err)
{
	struct entries l = { .o = o };

	TRY(entries_of_rows(&l, rows, err));
	for (size_t i = 0, n; i < l.n; i += n) {
		n = same_row(&l, i);
		TRY(remove_version(o, &l.p[i], n, q->collection, events, err));
	}
	return RC_OK;
}

enum rc pgo_remove(struct store *s, const struct page_query *q, uint64_t *ret_removed, struct event_list *events, struct err *err)
{
	struct pgo *o = pgo_of(s);
	struct pg_array rows;
	enum rc rc;

	pg_array_init(&rows, 'i');
	rc = rows_of_query(o, q, &rows, err);
	if (rc == RC_OK && rows.n == 0)
		rc = FAIL(err, RC_NOTFOUND, "objects: no such object version here");
	if (rc == RC_OK)
		rc = remove_rows(o, q, &rows, events, err);
	*ret_removed = rows.n;
	pg_array_done(&rows);
	return rc;
}

static enum rc fetch_body(struct pgo *o, struct entry *e, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(o->d, &q, err, "SELECT body FROM object WHERE row = $1", DB_INT(e->row)));
	TRY(db_next(q, &row, err));
	e->body = arena_dup(o->arena, row ? db_bytes(q, 0) : S(""));
	return e->body.p != NULL ? RC_OK : FAIL(err, RC_NOMEM, "objects: no memory for an event");
}

struct marking {
	uint8_t tlp, flags;
	usec now;
};

/* One entry gets its new level; a milder one also a new place at the end of its collection. */
static enum rc remark_entry(struct pgo *o, struct entry *e, const struct marking *m, struct err *err)
{
	usec old = e->added;

	TRY(pgo_count(o, e->collection, e->tlp, -1, e->id, e->vkey, e->spec, err));
	TRY(pgo_count(o, e->collection, m->tlp, 1, e->id, e->vkey, e->spec, err));
	if (m->tlp < e->tlp)
		TRY(pgo_tick(o, e->collection, m->now, &e->added, err));
	return DB_RUN(o->d, err, "UPDATE member SET added = $3, tlp = $4, flags = $5 WHERE collection = $1 AND added = $2",
		      DB_INT(e->collection), DB_INT(old), DB_INT(e->added), DB_INT(m->tlp), DB_INT(m->flags));
}

static enum rc remark_version(struct pgo *o, struct entry *e, size_t n, const struct marking *m, struct event_list *events,
			      struct err *err)
{
	bool milder = m->tlp < e->tlp;

	if (e->tlp == m->tlp && e->flags == m->flags)
		return RC_OK;
	TRY(DB_RUN(o->d, err, "UPDATE object SET tlp = $2, flags = $3 WHERE row = $1", DB_INT(e->row), DB_INT(m->tlp),
		   DB_INT(m->flags)));
	if (milder)
		TRY(fetch_body(o, e, err));
	for (size_t i = 0; i < n; i++) {
		TRY(remark_entry(o, &e[i], m, err));
		e[i].body = e[0].body;
		e[i].tlp = m->tlp;
		e[i].flags = m->flags;
		if (milder && (e[i].collection != NO_COLLECTION || n == 1))
			TRY(tell(&e[i], false, events, err));
	}
	return RC_OK;
}

enum rc pgo_remark(struct store *s, struct str id, struct str version, uint8_t tlp, uint8_t flags, struct event_list *events,
		   struct err *err)
{
	struct pgo *o = pgo_of(s);
	struct entries l = { .o = o };
	struct marking m = { tlp, flags, time_now() };
	char key[VERSION_KEY_MAX];
	struct dbq *q;

	TRY(text_check(id, 1024, "object id", err));
	TRY(text_check(version, VERSION_KEY_MAX, "object version", err));
	TRY(DB_START(o->d, &q, err,
		     "SELECT " ENTRY_COLUMNS " FROM member m JOIN object o ON o.row = m.object WHERE o.id = $1 AND o.vkey = $2"
		     " ORDER BY o.spec DESC, o.row, m.collection",
		     DB_TEXT(id), DB_TEXT(object_version_key(version, key))));
	TRY(gather(&l, q, err));
	if (l.n == 0)
		return FAIL(err, RC_NOTFOUND, "objects: no such object version");
	for (size_t i = 0, n; i < l.n; i += n) {
		n = same_row(&l, i);
		TRY(remark_version(o, &l.p[i], n, &m, events, err));
	}
	return RC_OK;
}
