/* Reading the small tables into one view: one SELECT and one row function for each. */
#include "base/mem.h"
#include "store/small.h"

/* Where rows of one table gather while they are read: grows in the view's arena by doubling. */
struct rows {
	char *p;
	size_t n, cap, size;
};

static void *row_new(struct arena *a, struct rows *r)
{
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? 16 : r->cap * 2;
		char *p = r->n >= SMALL_ROWS_MAX ? NULL : arena_array(a, cap, r->size);

		if (p == NULL)
			return NULL;
		if (r->n > 0)
			memcpy(p, r->p, r->n * r->size);
		r->p = p;
		r->cap = cap;
	}
	return r->p + r->n++ * r->size;
}

static struct str text(struct arena *a, const struct dbq *q, int col, bool *good)
{
	struct str copy = arena_dup(a, db_text(q, col));

	*good = *good && copy.p != NULL;
	return copy;
}

static bool flag(const struct dbq *q, int col)
{
	return db_int(q, col) != 0;
}

static bool user_row(struct arena *a, const struct dbq *q, void *row)
{
	struct user *u = row;
	bool good = true;

	*u = (struct user){
		.row = db_int(q, 0), .name = text(a, q, 1, &good), .role = text(a, q, 2, &good), .org = text(a, q, 3, &good),
		.pass_hash = text(a, q, 4, &good), .cert_sha256 = text(a, q, 5, &good), .tlp_max = (uint8_t)db_int(q, 6),
		.disabled = flag(q, 7), .failures = db_int(q, 8), .locked_until = db_int(q, 9), .created = db_int(q, 10), .pass_at = db_int(q, 11),
		.expires = db_int(q, 12),
	};
	return good;
}

static bool token_row(struct arena *a, const struct dbq *q, void *row)
{
	struct token *t = row;
	bool good = true;

	*t = (struct token){
		.id = text(a, q, 0, &good), .user = text(a, q, 1, &good), .secret_sha256 = text(a, q, 2, &good),
		.note = text(a, q, 3, &good), .created = db_int(q, 4), .expires = db_int(q, 5), .last_used = db_int(q, 6),
		.role = text(a, q, 7, &good), .tlp_max = (uint8_t)db_int(q, 8),
	};
	return good;
}

static bool root_row(struct arena *a, const struct dbq *q, void *row)
{
	struct api_root *r = row;
	bool good = true;

	*r = (struct api_root){
		.name = text(a, q, 0, &good), .title = text(a, q, 1, &good), .description = text(a, q, 2, &good),
		.max_content_length = db_int(q, 3), .page_size = db_int(q, 4), .is_default = flag(q, 5), .is_public = flag(q, 6),
	};
	return good;
}

static bool collection_row(struct arena *a, const struct dbq *q, void *row)
{
	struct collection *c = row;
	bool good = true;

	*c = (struct collection){
		.row = (uint32_t)db_int(q, 0), .root = text(a, q, 1, &good), .id = text(a, q, 2, &good),
		.alias = text(a, q, 3, &good), .title = text(a, q, 4, &good), .description = text(a, q, 5, &good),
		.media_types = text(a, q, 6, &good), .tlp_max = (uint8_t)db_int(q, 7), .all_read = flag(q, 8),
		.all_write = flag(q, 9), .anon_read = flag(q, 10), .shown = flag(q, 11),
	};
	return good;
}

static bool right_row(struct arena *a, const struct dbq *q, void *row)
{
	struct small_right *r = row;
	bool good = true;

	r->collection = (uint32_t)db_int(q, 0);
	r->right = (struct right){ .subject = text(a, q, 1, &good), .can_read = flag(q, 2), .can_write = flag(q, 3) };
	return good;
}

static bool peer_row(struct arena *a, const struct dbq *q, void *row)
{
	struct peer *p = row;
	bool good = true;

	*p = (struct peer){
		.name = text(a, q, 0, &good), .relation = text(a, q, 1, &good), .url = text(a, q, 2, &good),
		.cert_sha256 = text(a, q, 3, &good), .user = text(a, q, 4, &good), .tlp_max = (uint8_t)db_int(q, 5),
		.disabled = flag(q, 6), .last_ok = db_int(q, 7), .last_error = text(a, q, 8, &good),
	};
	return good;
}

static bool link_row(struct arena *a, const struct dbq *q, void *row)
{
	struct link *l = row;
	bool good = true;

	*l = (struct link){
		.row = db_int(q, 0), .peer = text(a, q, 1, &good), .direction = (uint8_t)db_int(q, 2),
		.collection = (uint32_t)db_int(q, 3), .their_root = text(a, q, 4, &good),
		.their_collection = text(a, q, 5, &good), .tlp_max = (uint8_t)db_int(q, 6),
	};
	return good;
}

static enum rc load(struct db *d, struct arena *a, const char *sql, bool (*fill)(struct arena *, const struct dbq *, void *),
		    struct rows *r, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, sql));
	for (;;) {
		void *place;

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		place = row_new(a, r);
		if (place == NULL || !fill(a, q, place))
			return FAIL(err, RC_NOMEM, "records: the small tables do not fit into memory");
	}
}

static enum rc load_tables(struct db *d, struct small_view *v, struct err *err)
{
	struct arena *a = v->arena;
	struct rows users = { .size = sizeof *v->users }, tokens = { .size = sizeof *v->tokens },
		    roots = { .size = sizeof *v->roots }, collections = { .size = sizeof *v->collections },
		    rights = { .size = sizeof *v->rights }, peers = { .size = sizeof *v->peers },
		    links = { .size = sizeof *v->links };

	/* The generation first: a change that comes while we read is then noticed at the next look. */
	TRY(DB_ONE_INT(d, &v->generation, err, "SELECT coalesce(max(n), 0) FROM counter WHERE name = 'generation'"));
	TRY(load(d, a, "SELECT row, name, role, org, pass_hash, cert_sha256, tlp_max, disabled, failures, locked_until, created, pass_at, expires"
		       " FROM account ORDER BY name", user_row, &users, err));
	TRY(load(d, a, "SELECT id, account, secret_sha256, note, created, expires, last_used, role, tlp_max FROM token ORDER BY id",
		 token_row, &tokens, err));
	TRY(load(d, a, "SELECT name, title, description, max_content_length, page_size, is_default, is_public"
		       " FROM api_root ORDER BY name", root_row, &roots, err));
	TRY(load(d, a, "SELECT row, root, id, alias, title, description, media_types, tlp_max, all_read, all_write,"
		       " anon_read, shown FROM collection ORDER BY row", collection_row, &collections, err));
	TRY(load(d, a, "SELECT collection, subject, can_read, can_write FROM access_right ORDER BY collection, subject",
		 right_row, &rights, err));
	TRY(load(d, a, "SELECT name, relation, url, cert_sha256, account, tlp_max, disabled, last_ok, last_error"
		       " FROM peer ORDER BY name", peer_row, &peers, err));
	TRY(load(d, a, "SELECT row, peer, direction, collection, their_root, their_collection, tlp_max FROM link ORDER BY row",
		 link_row, &links, err));
	v->users = (void *)users.p, v->n_users = users.n;
	v->tokens = (void *)tokens.p, v->n_tokens = tokens.n;
	v->roots = (void *)roots.p, v->n_roots = roots.n;
	v->collections = (void *)collections.p, v->n_collections = collections.n;
	v->rights = (void *)rights.p, v->n_rights = rights.n;
	v->peers = (void *)peers.p, v->n_peers = peers.n;
	v->links = (void *)links.p, v->n_links = links.n;
	return RC_OK;
}

static enum rc index_accounts(struct small_view *v)
{
	for (size_t i = 0; i < v->n_users; i++) {
		TRY(map_put(v->by[USER_BY_NAME], v->users[i].name, i));
		if (v->users[i].cert_sha256.n > 0)
			TRY(map_put(v->by[USER_BY_CERT], v->users[i].cert_sha256, i));
	}
	for (size_t i = 0; i < v->n_tokens; i++)
		TRY(map_put(v->by[TOKEN_BY_SECRET], v->tokens[i].secret_sha256, i));
	for (size_t i = 0; i < v->n_peers; i++) {
		TRY(map_put(v->by[PEER_BY_NAME], v->peers[i].name, i));
		if (v->peers[i].cert_sha256.n > 0)
			TRY(map_put(v->by[PEER_BY_CERT], v->peers[i].cert_sha256, i));
	}
	return RC_OK;
}

enum rc small_key(struct str a, struct str b, char out[static SMALL_KEY_MAX], struct str *ret)
{
	if (a.n + b.n + 1 > SMALL_KEY_MAX)
		return RC_LIMIT;
	if (a.n > 0)
		memcpy(out, a.p, a.n);
	out[a.n] = '\n';
	if (b.n > 0)
		memcpy(out + a.n + 1, b.p, b.n);
	*ret = str_make(out, a.n + 1 + b.n);
	return RC_OK;
}

static enum rc put_pair(struct map *m, struct str a, struct str b, uint64_t value)
{
	char buf[SMALL_KEY_MAX];
	struct str key;

	TRY(small_key(a, b, buf, &key));
	return map_put(m, key, value);
}

static enum rc index_collections(struct small_view *v)
{
	for (size_t i = 0; i < v->n_roots; i++)
		TRY(map_put(v->by[ROOT_BY_NAME], v->roots[i].name, i));
	for (size_t i = 0; i < v->n_collections; i++) {
		const struct collection *c = &v->collections[i];

		TRY(put_pair(v->by[COLLECTION_BY_ID], c->root, c->id, i));
		if (c->alias.n > 0)
			TRY(put_pair(v->by[COLLECTION_BY_ID], c->root, c->alias, i));
	}
	for (size_t i = 0; i < v->n_rights; i++) {
		const struct small_right *r = &v->rights[i];

		TRY(put_pair(v->by[RIGHT_BY_SUBJECT], str_make((const char *)&r->collection, sizeof r->collection),
			     r->right.subject, i));
	}
	return RC_OK;
}

static bool maps_new(struct small_view *v)
{
	const size_t rows = v->n_users + v->n_tokens + v->n_roots + 2 * v->n_collections + v->n_rights + v->n_peers;

	for (size_t i = 0; i < SMALL_INDEXES; i++) {
		v->by[i] = map_new(rows + 1);
		if (v->by[i] == NULL)
			return false;
	}
	return true;
}

void small_view_free(struct small_view *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < SMALL_INDEXES; i++)
		map_free(v->by[i]);
	arena_free(v->arena);
	mem_free(v);
}

enum rc small_view_load(struct db *d, struct small_view **ret, struct err *err)
{
	struct small_view *v = mem_alloc(sizeof *v);
	enum rc rc;

	if (v == NULL)
		return FAIL(err, RC_NOMEM, "records: no memory for the small tables");
	v->arena = arena_new(SMALL_BYTES_MAX);
	rc = v->arena == NULL ? FAIL(err, RC_NOMEM, "records: no memory for the small tables") : load_tables(d, v, err);
	if (rc == RC_OK && (!maps_new(v) || index_accounts(v) != RC_OK || index_collections(v) != RC_OK))
		rc = FAIL(err, RC_NOMEM, "records: no memory for the small tables");
	if (rc != RC_OK) {
		small_view_free(v);
		return rc;
	}
	*ret = v;
	return RC_OK;
}
