/* Reading objects from PostgreSQL. A query becomes conditions on `member m`; what
 * is "the last" or "the newest spec" is a scalar sub-query on the index (collection,
 * id, vkey), written so that the planner cannot turn it into a join over everything. */
#include "base/mem.h"
#include "store/objects_pg.h"

#define SQL_MAX 8192
#define PAGE_BYTES_MAX ((size_t)512 << 20)

/* Another entry of the same id that this reader may see. */
#define RIVAL "FROM member h WHERE h.collection = $1 AND h.id = m.id AND ($3 >> h.tlp::int) & 1 = 1"

static void put_spec(struct buf *b, const struct page_query *q)
{
	if (q->n_specs > 0)
		buf_cstr(b, " AND m.spec = ANY ($8)");
	else
		buf_cstr(b, " AND m.spec = (SELECT max(h.spec) " RIVAL ")");
}

static void put_version(struct buf *b, const struct page_query *q)
{
	const char *rival_spec = q->n_specs > 0 ? " AND h.spec = ANY ($8)" : " AND h.spec = m.spec";
	bool last = q->want_last || (!q->want_all && !q->want_first && q->n_versions == 0);

	if (q->want_all)
		return;
	buf_cstr(b, " AND (false");
	if (last)
		buf_fmt(b, " OR m.vkey = (SELECT max(h.vkey) " RIVAL "%s)", rival_spec);
	if (q->want_first)
		buf_fmt(b, " OR m.vkey = (SELECT min(h.vkey) " RIVAL "%s)", rival_spec);
	if (q->n_versions > 0)
		buf_cstr(b, " OR m.vkey = ANY ($9)");
	buf_cstr(b, ")");
}

void pgo_where_conditions(struct pgo_where *w, const struct page_query *q)
{
	struct buf *b = &w->sql;

	buf_cstr(b, "m.collection = $1 AND m.added > $2 AND ($3 >> m.tlp::int) & 1 = 1");
	if (q->n_ids > 0)
		buf_cstr(b, " AND m.id = ANY ($6)");
	if (q->n_types > 0)
		buf_cstr(b, " AND m.type = ANY ($7)");
	if (q->flags_all != 0)
		buf_cstr(b, " AND m.flags & $10 = $10");
	put_spec(b, q);
	put_version(b, q);
}

static enum rc fill_lists(struct pgo_where *w, const struct page_query *q, struct err *err)
{
	char key[VERSION_KEY_MAX];

	/* What PostgreSQL would refuse as text cannot be an id of ours. */
	for (size_t i = 0; i < q->n_ids; i++)
		if (text_check(q->ids[i], 1024, "id", NULL) == RC_OK)
			pg_array_str(&w->ids, q->ids[i]);
	for (size_t i = 0; i < q->n_types; i++)
		if (text_check(q->types[i], 1024, "type", NULL) == RC_OK)
			pg_array_str(&w->types, q->types[i]);
	for (size_t i = 0; i < q->n_specs; i++)
		pg_array_int(&w->specs, q->specs[i]);
	for (size_t i = 0; i < q->n_versions; i++)
		pg_array_str(&w->vkeys, object_version_key(q->versions[i], key));
	TRY(pg_array_check(&w->ids, err));
	TRY(pg_array_check(&w->types, err));
	TRY(pg_array_check(&w->specs, err));
	return pg_array_check(&w->vkeys, err);
}

enum rc pgo_where_init(struct pgo_where *w, const struct page_query *q, usec after, struct err *err)
{
	buf_init(&w->sql, SQL_MAX);
	pg_array_init(&w->ids, 't');
	pg_array_init(&w->types, 't');
	pg_array_init(&w->specs, 'i');
	pg_array_init(&w->vkeys, 't');
	TRY(fill_lists(w, q, err));
	w->v[0] = DB_INT(q->collection);
	w->v[1] = DB_INT(after);
	w->v[2] = DB_INT(q->tlp_mask & 0xffu);
	w->v[3] = DB_INT((int64_t)q->limit + 1);
	w->v[4] = DB_INT(!q->bodies ? INT64_MAX : q->max_bytes == 0 || q->max_bytes > PAGE_BYTES_MAX / 2 ? PAGE_BYTES_MAX / 2 :
													     q->max_bytes);
	w->v[5] = pg_array_value(&w->ids);
	w->v[6] = pg_array_value(&w->types);
	w->v[7] = pg_array_value(&w->specs);
	w->v[8] = pg_array_value(&w->vkeys);
	w->v[9] = DB_INT(q->flags_all);
	return RC_OK;
}

void pgo_where_done(struct pgo_where *w)
{
	buf_done(&w->sql);
	pg_array_done(&w->ids);
	pg_array_done(&w->types);
	pg_array_done(&w->specs);
	pg_array_done(&w->vkeys);
}

/* `e` has the entries up to one more than the page, with what their bodies (and the commas between) add up to
 * before each; only the bodies that fit are sent over. */
static enum rc page_sql(struct pgo_where *w, const struct page_query *q, struct err *err)
{
	struct buf *b = &w->sql;

	buf_cstr(b, "WITH e AS (SELECT m.added, m.id, m.type, m.spec, m.tlp, m.flags, o.row, o.version, o.source, o.confidence,"
		    " octet_length(o.body)::bigint AS len FROM member m JOIN object o ON o.row = m.object WHERE ");
	pgo_where_conditions(w, q);
	buf_cstr(b, " ORDER BY m.added LIMIT $4),"
		    " f AS (SELECT *, (sum(len + 1) OVER (ORDER BY added))::bigint - len - 1 AS before FROM e)"
		    " SELECT f.added, f.id, f.type, f.version, f.source, f.spec, f.tlp, f.flags, f.confidence,"
		    " (f.before = 0 OR f.before + f.len <= $5)::int::bigint");
	if (q->bodies)
		buf_cstr(b, ", CASE WHEN f.before = 0 OR f.before + f.len <= $5 THEN o.body END"
			    " FROM f JOIN object o ON o.row = f.row ORDER BY f.added");
	else
		buf_cstr(b, " FROM f ORDER BY f.added");
	return buf_check(b, err, "objects: query");
}

/* The bodies of a page with the commas between, until page_done. */
struct joined {
	struct page_hold hold;
	struct buf bodies;
};

struct paging {
	const struct page_query *q;
	struct page page;
	size_t cap;
	struct joined *joined;
};

static void release(struct page_hold *h)
{
	struct joined *j = (struct joined *)(void *)h;

	buf_done(&j->bodies);
	mem_free(j);
}

static struct page_entry *entry_new(struct paging *p)
{
	struct arena *a = p->page.arena_;

	if (p->page.n == p->cap) {
		size_t cap = p->cap == 0 ? 128 : p->cap * 2;
		struct page_entry *grown = arena_array(a, cap, sizeof *grown);

		if (grown == NULL)
			return NULL;
		if (p->page.n > 0)
			memcpy(grown, p->page.entries, p->page.n * sizeof *grown);
		p->page.entries = grown;
		p->cap = cap;
	}
	return &p->page.entries[p->page.n++];
}

/* The body is copied at once, since the row is gone with the next; where it lies is known at the end. */
static bool fill_entry(struct paging *p, const struct dbq *q, struct page_entry *e)
{
	struct arena *a = p->page.arena_;

	*e = (struct page_entry){
		.added = db_int(q, 0), .id = arena_dup(a, db_text(q, 1)), .type = arena_dup(a, db_text(q, 2)),
		.version = arena_dup(a, db_text(q, 3)), .source = (uint32_t)db_int(q, 4), .spec = (uint8_t)db_int(q, 5),
		.tlp = (uint8_t)db_int(q, 6), .flags = (uint8_t)db_int(q, 7), .confidence = (uint8_t)db_int(q, 8),
	};
	if (p->joined != NULL) {
		if (p->page.n > 1)
			buf_char(&p->joined->bodies, ',');
		e->body = db_bytes(q, 10);
		buf_str(&p->joined->bodies, e->body);
	}
	return e->id.p != NULL && e->type.p != NULL && e->version.p != NULL;
}

static enum rc place_bodies(struct paging *p, struct err *err)
{
	struct page *page = &p->page;
	const char *at = p->joined->bodies.p;

	TRY(buf_check(&p->joined->bodies, err, "objects: page"));
	if (page->n == 0)
		return RC_OK;
	page->runs = arena_alloc(page->arena_, sizeof *page->runs);
	if (page->runs == NULL)
		return FAIL(err, RC_NOMEM, "objects: no memory for a page");
	page->runs[page->n_runs++] = buf_view(&p->joined->bodies);
	for (size_t i = 0; i < page->n; i++) {
		page->entries[i].body.p = at;
		at += page->entries[i].body.n + 1;
	}
	return RC_OK;
}

static enum rc read_page(struct db *d, void *ctx, struct err *err)
{
	struct paging *p = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	struct pgo_where w;
	bool row = true;
	enum rc rc = pgo_where_init(&w, p->q, p->q->added_after, err);

	if (rc == RC_OK)
		rc = page_sql(&w, p->q, err);
	if (rc == RC_OK)
		rc = db_start(d, &q, w.sql.p, w.v, PGO_PARAMS, err);
	while (rc == RC_OK) {
		struct page_entry *e;

		rc = db_next(q, &row, err);
		if (rc != RC_OK || !row)
			break;
		if (p->page.n == p->q->limit || db_int(q, 9) == 0) {
			p->page.more = true;
			break;
		}
		e = entry_new(p);
		if (e == NULL || !fill_entry(p, q, e))
			rc = FAIL(err, RC_NOMEM, "objects: no memory for a page");
	}
	if (rc == RC_OK && p->joined != NULL)
		rc = place_bodies(p, err);
	pgo_where_done(&w);
	return rc;
}

enum rc pgo_page(struct store *s, const struct page_query *q, struct page *ret, struct err *err)
{
	struct paging p = { .q = q };
	enum rc rc;

	p.page.arena_ = arena_new(PAGE_BYTES_MAX);
	p.joined = q->bodies ? mem_alloc(sizeof *p.joined) : NULL;
	if (p.joined != NULL) {
		p.joined->hold.release = release;
		buf_init(&p.joined->bodies, PAGE_BYTES_MAX);
		p.page.hold_ = p.joined;
	}
	if (p.page.arena_ == NULL || (q->bodies && p.joined == NULL))
		rc = FAIL(err, RC_NOMEM, "objects: no memory for a page");
	else
		rc = store_read(s, read_page, &p, err);
	if (rc != RC_OK) {
		page_done(&p.page);
		return rc;
	}
	if (p.page.n > 0)
		p.page.last = p.page.entries[p.page.n - 1].added;
	*ret = p.page;
	return RC_OK;
}

struct total {
	const struct page_query *q;
	int64_t n;
};

static enum rc read_total(struct db *d, void *ctx, struct err *err)
{
	struct total *t = ctx;
	struct pgo_where w;
	enum rc rc = pgo_where_init(&w, t->q, INT64_MIN, err);

	if (rc == RC_OK) {
		buf_cstr(&w.sql, "SELECT count(*) FROM member m WHERE ");
		pgo_where_conditions(&w, t->q);
		rc = buf_check(&w.sql, err, "objects: query");
	}
	if (rc == RC_OK)
		rc = db_one_int(d, &t->n, w.sql.p, w.v, PGO_PARAMS, err);
	pgo_where_done(&w);
	return rc;
}

enum rc pgo_total(struct store *s, const struct page_query *q, uint64_t *ret, struct err *err)
{
	struct total t = { .q = q };

	TRY(store_read(s, read_total, &t, err));
	*ret = (uint64_t)t.n;
	return RC_OK;
}

struct claiming {
	struct str id;
	struct arena *a;
	struct claim *claims;
	size_t n, cap;
};

static enum rc add_claim(struct claiming *c, const struct dbq *q, struct err *err)
{
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 16 : c->cap * 2;
		struct claim *grown = arena_array(c->a, cap, sizeof *grown);

		if (grown == NULL)
			return FAIL(err, RC_NOMEM, "objects: the caller's memory is full");
		if (c->n > 0)
			memcpy(grown, c->claims, c->n * sizeof *grown);
		c->claims = grown;
		c->cap = cap;
	}
	c->claims[c->n] = (struct claim){ .source = (uint32_t)db_int(q, 0), .received = db_int(q, 1),
					  .tlp = (uint8_t)db_int(q, 2), .confidence = (uint8_t)db_int(q, 3),
					  .version = arena_dup(c->a, db_text(q, 4)) };
	if (c->claims[c->n++].version.p == NULL)
		return FAIL(err, RC_NOMEM, "objects: the caller's memory is full");
	return RC_OK;
}

static enum rc read_claims(struct db *d, void *ctx, struct err *err)
{
	struct claiming *c = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err,
		     "SELECT c.source, c.received, c.tlp, c.confidence, o.version FROM object o JOIN claim c ON c.object = o.row"
		     " WHERE o.id = $1 ORDER BY c.received, o.vkey, c.source",
		     DB_TEXT(c->id)));
	for (;;) {
		TRY(db_next(q, &row, err));
		if (!row)
			break;
		TRY(add_claim(c, q, err));
	}
	return c->n > 0 ? RC_OK : FAIL(err, RC_NOTFOUND, "object %.*s: not known", STR(c->id));
}

enum rc pgo_claims(struct store *s, struct str id, struct arena *a, struct claim **ret, size_t *ret_n, struct err *err)
{
	struct claiming c = { .id = id, .a = a };

	TRY(text_check(id, 1024, "object id", err));
	TRY(store_read(s, read_claims, &c, err));
	*ret = c.claims;
	*ret_n = c.n;
	return RC_OK;
}

struct digesting {
	uint32_t collection, mask;
	uint64_t n, lane[FINGERPRINT_LANES];
};

static enum rc read_digest(struct db *d, void *ctx, struct err *err)
{
	struct digesting *g = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, "SELECT n, a, b, c, d FROM digest WHERE collection = $1 AND ($2 >> tlp::int) & 1 = 1",
		     DB_INT(g->collection), DB_INT(g->mask & 0xffu)));
	for (;;) {
		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		g->n += (uint64_t)db_int(q, 0);
		for (int i = 0; i < FINGERPRINT_LANES; i++)
			g->lane[i] += (uint64_t)db_int(q, 1 + i);
	}
}

enum rc pgo_digest(struct store *s, uint32_t collection, uint32_t tlp_mask, uint64_t *ret_count, unsigned char out[static 32],
		   struct err *err)
{
	struct digesting g = { .collection = collection, .mask = tlp_mask };

	TRY(store_read(s, read_digest, &g, err));
	*ret_count = g.n;
	for (int i = 0; i < 32; i++)
		out[i] = (unsigned char)(g.lane[i / 8] >> (8 * (i % 8)));
	return RC_OK;
}
