#include "store/cases.h"

#include "store/facts_internal.h"

#define ID_MAX 200
#define TEXT_MAX_ 1000
#define LIST_MAX 20000 /* facts of one incident of all nodes, and receipts */

/* --- facts --- */

struct putting {
	struct case_row *r;
	const struct case_info *info;
};

/* How many rows a statement with two texts counts. */
static enum rc count(struct db *d, const char *sql, struct str x, struct str y, int64_t *ret, struct err *err)
{
	return DB_ONE_INT(d, ret, err, sql, DB_TEXT(x), DB_TEXT(y));
}

static enum rc put_info(struct db *d, const struct case_info *i, struct err *err)
{
	int64_t n;

	TRY(count(d, "SELECT count(*) FROM case_info WHERE incident = $1 AND opened_by <> $2", i->incident, i->opened_by, &n, err));
	if (n > 0)
		return FAIL(err, RC_CONFLICT, "incident: another node opened it");
	return DB_RUN(d, err, "INSERT INTO case_info (incident, opened_by, number, peer) VALUES ($1, $2, $3, $4) ON CONFLICT (incident) DO NOTHING",
		      DB_TEXT(i->incident), DB_TEXT(i->opened_by), DB_TEXT(i->number), DB_TEXT(i->from));
}

/* A fact that was stated here, and is no object yet, has its id too. */
static enum rc check_free(struct db *d, const struct case_row *r, struct err *err)
{
	int64_t n;

	TRY(count(d, "SELECT count(*) FROM case_fact WHERE incident = $1 AND fact = $2", r->incident, r->fact, &n, err));
	if (n == 0 && r->peer.n > 0)
		TRY(count(d, "SELECT count(*) FROM incident_fact f JOIN incident i ON i.row = f.incident WHERE i.id = $1 AND f.id = $2",
			  r->incident, r->fact, &n, err));
	if (n > 0)
		return FAIL(err, RC_CONFLICT, "another fact of the incident has this id");
	TRY(DB_ONE_INT(d, &n, err, "SELECT count(*) FROM case_fact WHERE incident = $1 AND author = $2 AND n = $3", DB_TEXT(r->incident),
		       DB_TEXT(r->author), DB_INT(r->n)));
	return n == 0 ? RC_OK : FAIL(err, RC_CONFLICT, "its author gave the number %lld to another fact", (long long)r->n);
}

/* With those of its neighbours that are here already: they may come in any order. */
static enum rc check_order(struct db *d, const struct case_row *r, struct err *err)
{
	int64_t before, behind;

	TRY(DB_ONE_INT(d, &before, err, "SELECT count(*) FROM case_fact WHERE incident = $1 AND author = $2 AND n = $3 AND hash <> $4",
		       DB_TEXT(r->incident), DB_TEXT(r->author), DB_INT(r->n - 1), DB_TEXT(r->previous)));
	TRY(DB_ONE_INT(d, &behind, err, "SELECT count(*) FROM case_fact WHERE incident = $1 AND author = $2 AND n = $3 AND previous <> $4",
		       DB_TEXT(r->incident), DB_TEXT(r->author), DB_INT(r->n + 1), DB_TEXT(r->hash)));
	return before + behind == 0 ? RC_OK : FAIL(err, RC_CONFLICT, "its author's facts do not follow from one another");
}

static enum rc put_job(struct store *s, void *ctx, struct err *err)
{
	struct putting *p = ctx;
	struct case_row *r = p->r;

	TRY(DB_ONE_INT(s->write_db, &r->row, err, "SELECT coalesce(max(row), 0) FROM case_fact WHERE object = $1", DB_TEXT(r->object)));
	if (r->row > 0)
		return DB_ONE_INT(s->write_db, &r->came, err, "SELECT came FROM case_fact WHERE object = $1", DB_TEXT(r->object));
	TRY(put_info(s->write_db, p->info, err));
	TRY(check_free(s->write_db, r, err));
	TRY(check_order(s->write_db, r, err));
	TRY(db_count_on(s->write_db, S("case_fact"), 1, &r->row, err));
	r->came = time_now();
	return DB_RUN(s->write_db, err,
		      "INSERT INTO case_fact (row, object, incident, fact, author, n, hash, peer, came, body, previous)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		      DB_INT(r->row), DB_TEXT(r->object), DB_TEXT(r->incident), DB_TEXT(r->fact), DB_TEXT(r->author), DB_INT(r->n), DB_TEXT(r->hash),
		      DB_TEXT(r->peer), DB_INT(r->came), DB_TEXT(r->body), DB_TEXT(r->previous));
}

enum rc case_put(struct store *s, struct case_row *r, const struct case_info *info, struct err *err)
{
	struct putting p = { r, info };

	TRY(text_check(r->object, ID_MAX, "case: object", err));
	TRY(text_check(r->incident, ID_MAX, "case: incident", err));
	TRY(text_check(r->fact, ID_MAX, "case: fact", err));
	TRY(text_check(r->author, ID_MAX, "case: author", err));
	TRY(text_check(r->hash, ID_MAX, "case: hash", err));
	TRY(text_check(r->previous, ID_MAX, "case: previous", err));
	TRY(text_check(r->peer, ID_MAX, "case: peer", err));
	TRY(text_check(r->body, CASE_BODY_MAX, "case: body", err));
	TRY(text_check(info->opened_by, ID_MAX, "case: opened by", err));
	TRY(text_check(info->number, ID_MAX, "case: number", err));
	return writer_do(s->writer, put_job, &p, err);
}

struct reading {
	struct str key, key2;
	int64_t after;
	struct arena *a;
	void *list;
	size_t n;
};

static enum rc more_room(struct reading *r, size_t size, struct err *err)
{
	void *more;

	if (r->n % 64 != 0)
		return RC_OK;
	if (r->n >= LIST_MAX)
		return FAIL(err, RC_LIMIT, "case: more than %d", LIST_MAX);
	more = arena_resize(r->a, r->list, r->n * size, (r->n + 64) * size);
	if (more == NULL)
		return FAIL(err, RC_NOMEM, "case: the caller's memory is full");
	r->list = more;
	return RC_OK;
}

/* Texts of columns from `first` on, one behind the other. */
static enum rc copy_columns(struct arena *a, const struct dbq *q, int first, struct str *const *to, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		*to[i] = arena_dup(a, db_text(q, first + (int)i));
		if (to[i]->p == NULL)
			return FAIL(err, RC_NOMEM, "case: the caller's memory is full");
	}
	return RC_OK;
}
#define COPY(a, q, err, first, ...) \
	copy_columns((a), (q), (first), (struct str *const[]){ __VA_ARGS__ }, sizeof((struct str *const[]){ __VA_ARGS__ }) / sizeof(struct str *), (err))

#define FACT_COLS "row, n, came, object, incident, fact, author, hash, previous, peer"

static enum rc fact_of(struct reading *r, const struct dbq *q, bool body, struct err *err)
{
	struct case_row *f;

	TRY(more_room(r, sizeof *f, err));
	f = (struct case_row *)r->list + r->n;
	*f = (struct case_row){ .row = db_int(q, 0), .n = db_int(q, 1), .came = db_int(q, 2) };
	TRY(COPY(r->a, q, err, 3, &f->object, &f->incident, &f->fact, &f->author, &f->hash, &f->previous, &f->peer));
	if (body)
		TRY(COPY(r->a, q, err, 10, &f->body));
	r->n++;
	return RC_OK;
}

static enum rc read_facts(struct db *d, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	r->n = 0;
	r->list = NULL;
	TRY(DB_START(d, &q, err, "SELECT " FACT_COLS ", body FROM case_fact WHERE incident = $1 AND row > $2 ORDER BY row", DB_TEXT(r->key),
		     DB_INT(r->after)));
	for (;;) {
		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		TRY(fact_of(r, q, true, err));
	}
}

enum rc case_list(struct store *s, struct str incident, int64_t after_row, struct arena *a, struct case_row **ret, size_t *ret_n, struct err *err)
{
	struct reading r = { .key = incident, .after = after_row, .a = a };

	TRY(store_read(s, read_facts, &r, err));
	*ret = r.list;
	*ret_n = r.n;
	return RC_OK;
}

static enum rc read_fact(struct db *d, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	r->n = 0;
	r->list = NULL;
	TRY(DB_START(d, &q, err, "SELECT " FACT_COLS " FROM case_fact WHERE object = $1", DB_TEXT(r->key)));
	TRY(db_next(q, &row, err));
	return row ? fact_of(r, q, false, err) : RC_OK;
}

enum rc case_get(struct store *s, struct str object, struct arena *a, struct case_row *ret, struct err *err)
{
	struct reading r = { .key = object, .a = a };

	TRY(text_check(object, ID_MAX, "case: object", err));
	TRY(store_read(s, read_fact, &r, err));
	if (r.n == 0)
		return FAIL(err, RC_NOTFOUND, "case: no such fact");
	*ret = *(struct case_row *)r.list;
	return RC_OK;
}

static enum rc read_info(struct db *d, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	struct case_info *i = r->list;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, "SELECT incident, opened_by, number, peer FROM case_info WHERE incident = $1", DB_TEXT(r->key)));
	TRY(db_next(q, &row, err));
	r->n = row;
	return row ? COPY(r->a, q, err, 0, &i->incident, &i->opened_by, &i->number, &i->from) : RC_OK;
}

enum rc case_info_get(struct store *s, struct str incident, struct arena *a, struct case_info *ret, struct err *err)
{
	struct case_info info = { .number = S("") };
	struct reading r = { .key = incident, .a = a, .list = &info };

	TRY(text_check(incident, ID_MAX, "case: incident", err));
	TRY(store_read(s, read_info, &r, err));
	if (r.n == 0)
		return FAIL(err, RC_NOTFOUND, "case: not shared");
	*ret = info;
	return RC_OK;
}

/* --- with whom it is shared --- */

struct linking {
	struct str incident;
	const struct case_link *l;
};

static enum rc link_job(struct store *s, void *ctx, struct err *err)
{
	const struct linking *k = ctx;

	return DB_RUN(s->write_db, err,
		      "INSERT INTO case_link (incident, peer, collection, sent) VALUES ($1, $2, $3, $4) ON CONFLICT (incident, peer) DO UPDATE SET"
		      " sent = CASE WHEN case_link.collection <> excluded.collection THEN 0 WHEN case_link.sent > excluded.sent THEN case_link.sent"
		      " ELSE excluded.sent END, collection = excluded.collection",
		      DB_TEXT(k->incident), DB_TEXT(k->l->peer), DB_INT(k->l->collection), DB_INT(k->l->sent));
}

enum rc case_link_put(struct store *s, struct str incident, const struct case_link *l, struct err *err)
{
	struct linking k = { incident, l };

	TRY(text_check(incident, ID_MAX, "case: incident", err));
	TRY(text_check(l->peer, ID_MAX, "case: peer", err));
	return writer_do(s->writer, link_job, &k, err);
}

static enum rc read_links(struct db *d, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	r->n = 0;
	r->list = NULL;
	TRY(DB_START(d, &q, err, "SELECT collection, sent, peer FROM case_link WHERE incident = $1 ORDER BY peer", DB_TEXT(r->key)));
	for (;; r->n++) {
		struct case_link *l;

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		TRY(more_room(r, sizeof *l, err));
		l = (struct case_link *)r->list + r->n;
		*l = (struct case_link){ .collection = (uint32_t)db_int(q, 0), .sent = db_int(q, 1) };
		TRY(COPY(r->a, q, err, 2, &l->peer));
	}
}

enum rc case_links(struct store *s, struct str incident, struct arena *a, struct case_link **ret, size_t *ret_n, struct err *err)
{
	struct reading r = { .key = incident, .a = a };

	TRY(store_read(s, read_links, &r, err));
	*ret = r.list;
	*ret_n = r.n;
	return RC_OK;
}

/* --- receipts --- */

struct receiving {
	const struct case_receipt *r;
	bool fresh;
};

static enum rc receipt_job(struct store *s, void *ctx, struct err *err)
{
	struct receiving *x = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "INSERT INTO case_receipt (object, by_id, at, refused, incident) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (object, by_id) DO UPDATE"
		      " SET at = excluded.at, refused = excluded.refused WHERE case_receipt.refused <> '' AND excluded.refused = ''",
		      DB_TEXT(x->r->object), DB_TEXT(x->r->by), DB_INT(x->r->at), DB_TEXT(x->r->refused), DB_TEXT(x->r->incident)));
	x->fresh = changed > 0;
	return RC_OK;
}

enum rc case_receipt_put(struct store *s, const struct case_receipt *r, bool *ret_fresh, struct err *err)
{
	struct receiving x = { r, false };

	TRY(text_check(r->object, ID_MAX, "receipt: object", err));
	TRY(text_check(r->incident, ID_MAX, "receipt: incident", err));
	TRY(text_check(r->by, ID_MAX, "receipt: by", err));
	TRY(text_check(r->refused, TEXT_MAX_, "receipt: refused", err));
	TRY(writer_do(s->writer, receipt_job, &x, err));
	*ret_fresh = x.fresh;
	return RC_OK;
}

static enum rc read_receipts(struct db *d, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	r->n = 0;
	r->list = NULL;
	TRY(DB_START(d, &q, err, "SELECT at, object, incident, by_id, refused FROM case_receipt WHERE incident = $1 ORDER BY at, object, by_id", DB_TEXT(r->key)));
	for (;; r->n++) {
		struct case_receipt *x;

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		TRY(more_room(r, sizeof *x, err));
		x = (struct case_receipt *)r->list + r->n;
		*x = (struct case_receipt){ .at = db_int(q, 0) };
		TRY(COPY(r->a, q, err, 1, &x->object, &x->incident, &x->by, &x->refused));
	}
}

enum rc case_receipts(struct store *s, struct str incident, struct arena *a, struct case_receipt **ret, size_t *ret_n, struct err *err)
{
	struct reading r = { .key = incident, .a = a };

	TRY(store_read(s, read_receipts, &r, err));
	*ret = r.list;
	*ret_n = r.n;
	return RC_OK;
}

/* --- who states facts --- */

struct naming {
	const struct case_author *n;
	struct str via;
	bool direct;
};

/* Another key than the one that is known: only the node itself may say so, over the connection on which it was known. */
static enum rc check_key(struct db *d, const struct naming *x, struct err *err)
{
	int64_t other, own;

	TRY(count(d, "SELECT count(*) FROM case_author WHERE id = $1 AND key <> $2", x->n->id, x->n->key, &other, err));
	TRY(DB_ONE_INT(d, &own, err, "SELECT count(*) FROM case_via WHERE id = $1 AND peer = $2 AND direct = 1", DB_TEXT(x->n->id), DB_TEXT(x->via)));
	if (other > 0 && !(x->direct && own > 0))
		return FAIL(err, RC_CONFLICT, "%.*s is another node's identity: it has another key", STR(x->n->id));
	if (!x->direct)
		return RC_OK;
	TRY(DB_ONE_INT(d, &other, err, "SELECT count(*) FROM case_via v JOIN peer p ON p.name = v.peer WHERE v.id = $1 AND v.peer <> $2"
		       " AND v.direct = 1", DB_TEXT(x->n->id), DB_TEXT(x->via)));
	return other == 0 ? RC_OK : FAIL(err, RC_CONFLICT, "%.*s is the identity of another peer", STR(x->n->id));
}

static enum rc author_job(struct store *s, void *ctx, struct err *err)
{
	const struct naming *x = ctx;

	TRY(check_key(s->write_db, x, err));
	TRY(DB_RUN(s->write_db, err,
		   "INSERT INTO case_author (id, name, tier, key, body, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET name ="
		   " excluded.name, tier = excluded.tier, key = excluded.key, body = excluded.body, at = excluded.at WHERE case_author.at < excluded.at",
		   DB_TEXT(x->n->id), DB_TEXT(x->n->name), DB_TEXT(x->n->tier), DB_TEXT(x->n->key), DB_TEXT(x->n->body), DB_INT(x->n->at)));
	return DB_RUN(s->write_db, err,
		      "INSERT INTO case_via (id, peer, direct) VALUES ($1, $2, $3) ON CONFLICT (id, peer) DO UPDATE SET direct ="
		      " CASE WHEN case_via.direct = 1 THEN 1 ELSE excluded.direct END",
		      DB_TEXT(x->n->id), DB_TEXT(x->via), DB_INT(x->direct));
}

enum rc case_author_put(struct store *s, const struct case_author *n, struct str via, bool direct, struct err *err)
{
	struct naming x = { n, via, direct };

	TRY(text_check(n->id, ID_MAX, "node: id", err));
	TRY(text_check(n->name, ID_MAX, "node: name", err));
	TRY(text_check(n->tier, ID_MAX, "node: tier", err));
	TRY(text_check(n->key, ID_MAX, "node: key", err));
	TRY(text_check(n->body, CASE_BODY_MAX, "node", err));
	TRY(text_check(via, ID_MAX, "node: peer", err));
	return writer_do(s->writer, author_job, &x, err);
}

static enum rc read_author(struct db *d, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	struct case_author *n = r->list;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	if (r->key2.n > 0)
		TRY(DB_START(d, &q, err, "SELECT a.at, a.id, a.name, a.tier, a.key, a.body FROM case_author a JOIN case_via v ON v.id = a.id"
			     " WHERE v.peer = $1 AND v.direct = 1 ORDER BY a.at DESC", DB_TEXT(r->key2)));
	else
		TRY(DB_START(d, &q, err, "SELECT at, id, name, tier, key, body FROM case_author WHERE id = $1", DB_TEXT(r->key)));
	TRY(db_next(q, &row, err));
	r->n = row;
	if (!row)
		return RC_OK;
	n->at = db_int(q, 0);
	return COPY(r->a, q, err, 1, &n->id, &n->name, &n->tier, &n->key, &n->body);
}

enum rc case_author_get(struct store *s, struct str id, struct arena *a, struct case_author *ret, struct err *err)
{
	struct case_author n = { .at = 0 };
	struct reading r = { .key = id, .a = a, .list = &n };

	TRY(text_check(id, ID_MAX, "node: id", err));
	TRY(store_read(s, read_author, &r, err));
	if (r.n == 0)
		return FAIL(err, RC_NOTFOUND, "%.*s: no node that is known here", STR(id));
	*ret = n;
	return RC_OK;
}

enum rc case_author_of(struct store *s, struct str peer, struct arena *a, struct case_author *ret, struct err *err)
{
	struct case_author n = { .at = 0 };
	struct reading r = { .key2 = peer, .a = a, .list = &n };

	TRY(store_read(s, read_author, &r, err));
	if (r.n == 0)
		return FAIL(err, RC_NOTFOUND, "%.*s has not said who it is", STR(peer));
	*ret = n;
	return RC_OK;
}

static enum rc read_via(struct db *d, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, "SELECT direct FROM case_via WHERE id = $1 AND peer = $2", DB_TEXT(r->key), DB_TEXT(r->key2)));
	TRY(db_next(q, &row, err));
	r->n = row;
	r->after = row ? db_int(q, 0) : 0;
	return RC_OK;
}

enum rc case_author_via(struct store *s, struct str id, struct str peer, bool *ret_known, bool *ret_direct, struct err *err)
{
	struct reading r = { .key = id, .key2 = peer };

	TRY(text_check(id, ID_MAX, "node: id", err));
	TRY(store_read(s, read_via, &r, err));
	*ret_known = r.n > 0;
	*ret_direct = r.after != 0;
	return RC_OK;
}
