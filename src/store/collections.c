#include "store/collections.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/uuid.h"
#include "store/objects.h"
#include "store/small.h"

#define ROOT_NAME_MAX 200
#define TITLE_MAX 1024
#define DESCRIPTION_MAX 16384
#define COLLECTION_BYTES_MAX (1 << 20) /* one collection with its texts */

static enum rc no_root(struct str name, struct err *err)
{
	return FAIL(err, RC_NOTFOUND, "API root %.*s: not known", STR(str_slice(name, 0, 64)));
}

static enum rc no_collection(struct str id, struct err *err)
{
	return FAIL(err, RC_NOTFOUND, "collection %.*s: not known", STR(str_slice(id, 0, 64)));
}

static enum rc check_root(const struct api_root *r, struct err *err)
{
	if (r->name.n == 0 || r->name.p[0] == '/' || r->name.p[r->name.n - 1] == '/')
		return FAIL(err, RC_BAD, "API root: a name without slashes at its ends is needed");
	if (r->max_content_length <= 0)
		return FAIL(err, RC_BAD, "API root %.*s: max_content_length must be above 0", STR(r->name));
	if (r->page_size < 1 || r->page_size > PAGE_LIMIT_MAX)
		return FAIL(err, RC_BAD, "API root %.*s: page_size must be 1..%d", STR(r->name), PAGE_LIMIT_MAX);
	TRY(text_check(r->name, ROOT_NAME_MAX, "API root: name", err));
	TRY(text_check(r->title, TITLE_MAX, "API root: title", err));
	return text_check(r->description, DESCRIPTION_MAX, "API root: description", err);
}

static enum rc put_root(struct store *s, void *ctx, struct err *err)
{
	const struct api_root *r = ctx;

	return DB_RUN(s->write_db, err,
		      "INSERT INTO api_root (name, title, description, max_content_length, page_size, is_default, is_public)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET title = excluded.title,"
		      " description = excluded.description, max_content_length = excluded.max_content_length,"
		      " page_size = excluded.page_size, is_default = excluded.is_default, is_public = excluded.is_public",
		      DB_TEXT(r->name), DB_TEXT(r->title), DB_TEXT(r->description), DB_INT(r->max_content_length),
		      DB_INT(r->page_size), DB_INT(r->is_default), DB_INT(r->is_public));
}

enum rc root_put(struct store *s, const struct api_root *r, struct err *err)
{
	struct api_root copy = *r;

	TRY(check_root(r, err));
	return small_change(s, put_root, &copy, err);
}

static enum rc copy_root(struct arena *a, struct api_root *r, struct err *err)
{
	return SMALL_COPY(a, err, &r->name, &r->title, &r->description);
}

enum rc root_get(struct store *s, struct str name, struct arena *a, struct api_root *ret, struct err *err)
{
	const struct small_view *v;
	struct api_root r = { 0 };
	uint64_t at;
	enum rc rc;

	TRY(small_lock(s, &v, err));
	if (map_get(v->by[ROOT_BY_NAME], name, &at)) {
		r = v->roots[at];
		rc = copy_root(a, &r, err);
	} else {
		rc = no_root(name, err);
	}
	small_unlock(s);
	if (rc == RC_OK)
		*ret = r;
	return rc;
}

enum rc root_list(struct store *s, struct arena *a, struct api_root **ret, size_t *ret_n, struct err *err)
{
	const struct small_view *v;
	struct api_root *list;
	enum rc rc = RC_OK;

	TRY(small_lock(s, &v, err));
	list = arena_array(a, v->n_roots + 1, sizeof *list);
	if (list == NULL)
		rc = FAIL(err, RC_NOMEM, "API roots: the caller's memory is full");
	for (size_t i = 0; rc == RC_OK && i < v->n_roots; i++) {
		list[i] = v->roots[i];
		rc = copy_root(a, &list[i], err);
	}
	if (rc == RC_OK) {
		*ret = list;
		*ret_n = v->n_roots;
	}
	small_unlock(s);
	return rc;
}

/* Five groups of hexadecimal digits. Version and variant are not looked at: data sets of
 * others hold ids that only look like UUIDs, and clients know them by these. */
static bool looks_like_uuid(struct str s)
{
	if (s.n != UUID_TEXT_LEN)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] != '-' : hex_value(s.p[i]) < 0)
			return false;
	return true;
}

static enum rc check_collection(const struct collection *c, struct err *err)
{
	if (!looks_like_uuid(c->id))
		return FAIL(err, RC_BAD, "collection: its id must be a UUID");
	if (c->alias.n > 0)
		TRY(name_check(c->alias, "collection: alias", err));
	if (c->tlp_max >= TLP_LEVELS)
		return FAIL(err, RC_BAD, "collection %.*s: no such TLP level", STR(c->id));
	TRY(text_check(c->root, ROOT_NAME_MAX, "collection: API root", err));
	TRY(text_check(c->title, TITLE_MAX, "collection: title", err));
	TRY(text_check(c->description, DESCRIPTION_MAX, "collection: description", err));
	return text_check(c->media_types, DESCRIPTION_MAX, "collection: media types", err);
}

/* Row of (root, id), or 0. */
static enum rc collection_row_of(struct db *d, struct str root, struct str id, int64_t *ret, struct err *err)
{
	return DB_ONE_INT(d, ret, err, "SELECT coalesce(max(row), 0) FROM collection WHERE root = $1 AND id = $2",
			  DB_TEXT(root), DB_TEXT(id));
}

/* An alias may be neither the alias nor the id of another collection of its root: both name it in the URL. */
static enum rc check_alias(struct db *d, const struct collection *c, struct err *err)
{
	int64_t n;

	if (c->alias.n == 0)
		return RC_OK;
	TRY(DB_ONE_INT(d, &n, err,
		       "SELECT count(*) FROM collection WHERE root = $1 AND id <> $2 AND (alias = $3 OR id = $3)",
		       DB_TEXT(c->root), DB_TEXT(c->id), DB_TEXT(c->alias)));
	return n == 0 ? RC_OK : FAIL(err, RC_CONFLICT, "collection %.*s: the alias %.*s is taken", STR(c->id), STR(c->alias));
}

static enum rc put_collection(struct store *s, void *ctx, struct err *err)
{
	struct collection *c = ctx;
	struct db *d = s->write_db;
	int64_t n, row;

	TRY(DB_ONE_INT(d, &n, err, "SELECT count(*) FROM api_root WHERE name = $1", DB_TEXT(c->root)));
	if (n == 0)
		return no_root(c->root, err);
	TRY(check_alias(d, c, err));
	TRY(collection_row_of(d, c->root, c->id, &row, err));
	if (row == 0)
		TRY(db_count_on(d, S("collection"), 1, &row, err));
	c->row = (uint32_t)row;
	return DB_RUN(d, err,
		      "INSERT INTO collection (row, root, id, alias, title, description, media_types, tlp_max, all_read,"
		      " all_write, anon_read, shown) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
		      " ON CONFLICT (row) DO UPDATE SET alias = excluded.alias, title = excluded.title,"
		      " description = excluded.description, media_types = excluded.media_types, tlp_max = excluded.tlp_max,"
		      " all_read = excluded.all_read, all_write = excluded.all_write, anon_read = excluded.anon_read,"
		      " shown = excluded.shown",
		      DB_INT(row), DB_TEXT(c->root), DB_TEXT(c->id), DB_TEXT(c->alias), DB_TEXT(c->title),
		      DB_TEXT(c->description), DB_TEXT(c->media_types), DB_INT(c->tlp_max), DB_INT(c->all_read),
		      DB_INT(c->all_write), DB_INT(c->anon_read), DB_INT(c->shown));
}

enum rc collection_put(struct store *s, struct collection *c, struct err *err)
{
	TRY(check_collection(c, err));
	return small_change(s, put_collection, c, err);
}

static enum rc copy_collection(struct arena *a, struct collection *c, struct err *err)
{
	return SMALL_COPY(a, err, &c->root, &c->id, &c->alias, &c->title, &c->description, &c->media_types);
}

static bool find_collection(const struct small_view *v, struct str root, struct str id, uint64_t *ret)
{
	char buf[SMALL_KEY_MAX];
	struct str key;

	return small_key(root, id, buf, &key) == RC_OK && map_get(v->by[COLLECTION_BY_ID], key, ret);
}

enum rc collection_get(struct store *s, struct str root, struct str id, struct arena *a, struct collection *ret, struct err *err)
{
	const struct small_view *v;
	struct collection c = { 0 };
	uint64_t at;
	enum rc rc;

	TRY(small_lock(s, &v, err));
	if (find_collection(v, root, id, &at)) {
		c = v->collections[at];
		rc = copy_collection(a, &c, err);
	} else {
		rc = no_collection(id, err);
	}
	small_unlock(s);
	if (rc == RC_OK)
		*ret = c;
	return rc;
}

enum rc collection_list(struct store *s, struct str root, struct arena *a, struct collection **ret, size_t *ret_n, struct err *err)
{
	const struct small_view *v;
	struct collection *list;
	enum rc rc = RC_OK;
	size_t n = 0;

	TRY(small_lock(s, &v, err));
	list = arena_array(a, v->n_collections + 1, sizeof *list);
	if (list == NULL)
		rc = FAIL(err, RC_NOMEM, "collections: the caller's memory is full");
	for (size_t i = 0; rc == RC_OK && i < v->n_collections; i++) {
		if (root.n > 0 && !str_eq(root, v->collections[i].root))
			continue;
		list[n] = v->collections[i];
		rc = copy_collection(a, &list[n++], err);
	}
	if (rc == RC_OK) {
		*ret = list;
		*ret_n = n;
	}
	small_unlock(s);
	return rc;
}

static enum rc delete_collection(struct store *s, void *ctx, struct err *err)
{
	const struct collection *c = ctx;
	struct db *d = s->write_db;
	int64_t row;

	TRY(collection_row_of(d, c->root, c->id, &row, err));
	if (row == 0)
		return no_collection(c->id, err);
	TRY(DB_RUN(d, err, "DELETE FROM access_right WHERE collection = $1", DB_INT(row)));
	TRY(DB_RUN(d, err, "DELETE FROM link WHERE collection = $1", DB_INT(row)));
	return DB_RUN(d, err, "DELETE FROM collection WHERE row = $1", DB_INT(row));
}

enum rc collection_delete(struct store *s, struct str root, struct str id, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(COLLECTION_BYTES_MAX);
	struct collection found;
	uint64_t removed;

	TRY(text_check(root, ROOT_NAME_MAX, "collection: API root", err));
	TRY(text_check(id, UUID_TEXT_LEN, "collection: id", err));
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "collection: no memory");
	TRY(collection_get(s, root, id, a, &found, err));
	TRY(store_clear(s, found.row, &removed, err));
	TRY(small_change(s, delete_collection, &found, err));
	/* What came in between. */
	return store_clear(s, found.row, &removed, err);
}

struct put_right {
	uint32_t collection;
	const struct right *right;
};

static enum rc put_right(struct store *s, void *ctx, struct err *err)
{
	const struct put_right *p = ctx;
	struct db *d = s->write_db;
	int64_t n;

	if (!p->right->can_read && !p->right->can_write)
		return DB_RUN(d, err, "DELETE FROM access_right WHERE collection = $1 AND subject = $2", DB_INT(p->collection),
			      DB_TEXT(p->right->subject));
	TRY(DB_ONE_INT(d, &n, err, "SELECT count(*) FROM collection WHERE row = $1", DB_INT(p->collection)));
	if (n == 0)
		return FAIL(err, RC_NOTFOUND, "collection %u: not known", p->collection);
	return DB_RUN(d, err,
		      "INSERT INTO access_right (collection, subject, can_read, can_write) VALUES ($1, $2, $3, $4)"
		      " ON CONFLICT (collection, subject) DO UPDATE SET can_read = excluded.can_read, can_write = excluded.can_write",
		      DB_INT(p->collection), DB_TEXT(p->right->subject), DB_INT(p->right->can_read),
		      DB_INT(p->right->can_write));
}

enum rc right_put(struct store *s, uint32_t collection, const struct right *r, struct err *err)
{
	struct put_right p = { collection, r };

	if (!str_starts(r->subject, S("user:")) && !str_starts(r->subject, S("role:")))
		return FAIL(err, RC_BAD, "right: the subject must be user:NAME or role:ROLE");
	TRY(name_check(str_slice(r->subject, 5, r->subject.n), "right: subject", err));
	return small_change(s, put_right, &p, err);
}

static void add_right(const struct small_view *v, uint32_t collection, struct str prefix, struct str name, bool *rd, bool *wr)
{
	char subject[80], buf[SMALL_KEY_MAX];
	struct str key;
	uint64_t at;

	if (name.n == 0 || prefix.n + name.n > sizeof subject)
		return;
	memcpy(subject, prefix.p, prefix.n);
	memcpy(subject + prefix.n, name.p, name.n);
	if (small_key(str_make((const char *)&collection, sizeof collection), str_make(subject, prefix.n + name.n), buf, &key) !=
		    RC_OK ||
	    !map_get(v->by[RIGHT_BY_SUBJECT], key, &at))
		return;
	*rd = *rd || v->rights[at].right.can_read;
	*wr = *wr || v->rights[at].right.can_write;
}

enum rc right_of(struct store *s, const struct collection *c, struct str user, struct str role, bool *ret_read, bool *ret_write,
		 struct err *err)
{
	bool signed_in = user.n > 0, can_read = c->anon_read || (signed_in && c->all_read), can_write = signed_in && c->all_write;
	const struct small_view *v;

	if (signed_in) {
		TRY(small_lock(s, &v, err));
		add_right(v, c->row, S("user:"), user, &can_read, &can_write);
		add_right(v, c->row, S("role:"), role, &can_read, &can_write);
		small_unlock(s);
	}
	*ret_read = can_read;
	*ret_write = can_write;
	return RC_OK;
}

enum rc readable_rows(struct store *s, struct str user, struct str role, struct arena *a, uint32_t **ret, size_t *ret_n,
		      struct err *err)
{
	const struct small_view *v;
	uint32_t *rows;
	size_t n = 0;

	TRY(small_lock(s, &v, err));
	rows = arena_array(a, v->n_collections + 1, sizeof *rows);
	for (size_t i = 0; rows != NULL && i < v->n_collections; i++) {
		const struct collection *c = &v->collections[i];
		bool can_read = c->anon_read || (user.n > 0 && c->all_read), can_write = false;

		if (user.n > 0) {
			add_right(v, c->row, S("user:"), user, &can_read, &can_write);
			add_right(v, c->row, S("role:"), role, &can_read, &can_write);
		}
		if (can_read)
			rows[n++] = c->row;
	}
	small_unlock(s);
	if (rows == NULL)
		return FAIL(err, RC_NOMEM, "rights: the caller's memory is full");
	*ret = rows;
	*ret_n = n;
	return RC_OK;
}

enum rc right_list(struct store *s, uint32_t collection, struct arena *a, struct right **ret, size_t *ret_n, struct err *err)
{
	const struct small_view *v;
	struct right *list;
	enum rc rc = RC_OK;
	size_t n = 0;

	TRY(small_lock(s, &v, err));
	for (size_t i = 0; i < v->n_rights; i++)
		n += v->rights[i].collection == collection;
	list = arena_array(a, n + 1, sizeof *list);
	if (list == NULL)
		rc = FAIL(err, RC_NOMEM, "rights: the caller's memory is full");
	n = 0;
	for (size_t i = 0; rc == RC_OK && i < v->n_rights; i++) {
		if (v->rights[i].collection != collection)
			continue;
		list[n] = v->rights[i].right;
		rc = SMALL_COPY(a, err, &list[n].subject);
		n++;
	}
	if (rc == RC_OK) {
		*ret = list;
		*ret_n = n;
	}
	small_unlock(s);
	return rc;
}
