#include "store/peers.h"

#include "store/small.h"

#define URL_MAX 2048
#define TEXT_MAX 1024

static enum rc no_peer(struct str name, struct err *err)
{
	return FAIL(err, RC_NOTFOUND, "peer %.*s: not known", STR(str_slice(name, 0, 64)));
}

static enum rc check_peer(const struct peer *p, struct err *err)
{
	TRY(name_check(p->name, "peer", err));
	if (!str_eq(p->relation, S("parent")) && !str_eq(p->relation, S("child")) && !str_eq(p->relation, S("partner")))
		return FAIL(err, RC_BAD, "peer %.*s: the relation must be parent, child or partner", STR(p->name));
	if (p->tlp_max >= TLP_LEVELS)
		return FAIL(err, RC_BAD, "peer %.*s: no such TLP level", STR(p->name));
	TRY(text_check(p->url, URL_MAX, "peer: url", err));
	TRY(text_check(p->cert_sha256, TEXT_MAX, "peer: certificate", err));
	TRY(text_check(p->user, TEXT_MAX, "peer: user", err));
	return text_check(p->last_error, TEXT_MAX, "peer: last error", err);
}

static enum rc put_peer(struct store *s, void *ctx, struct err *err)
{
	const struct peer *p = ctx;
	int64_t n;

	if (p->cert_sha256.n > 0) {
		TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM peer WHERE cert_sha256 = $1 AND name <> $2",
			       DB_TEXT(p->cert_sha256), DB_TEXT(p->name)));
		if (n > 0)
			return FAIL(err, RC_CONFLICT, "peer %.*s: this certificate is another peer's", STR(p->name));
	}
	return DB_RUN(s->write_db, err,
		      "INSERT INTO peer (name, relation, url, cert_sha256, account, tlp_max, disabled, last_ok, last_error)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (name) DO UPDATE SET"
		      " relation = excluded.relation, url = excluded.url, cert_sha256 = excluded.cert_sha256,"
		      " account = excluded.account, tlp_max = excluded.tlp_max, disabled = excluded.disabled,"
		      " last_ok = excluded.last_ok, last_error = excluded.last_error",
		      DB_TEXT(p->name), DB_TEXT(p->relation), DB_TEXT(p->url), DB_TEXT(p->cert_sha256), DB_TEXT(p->user),
		      DB_INT(p->tlp_max), DB_INT(p->disabled), DB_INT(p->last_ok), DB_TEXT(p->last_error));
}

enum rc peer_put(struct store *s, const struct peer *p, struct err *err)
{
	struct peer copy = *p;

	TRY(check_peer(p, err));
	return small_change(s, put_peer, &copy, err);
}

static enum rc copy_peer(struct arena *a, struct peer *p, struct err *err)
{
	return SMALL_COPY(a, err, &p->name, &p->relation, &p->url, &p->cert_sha256, &p->user, &p->last_error);
}

static enum rc find_peer(struct store *s, enum small_index index, struct str key, struct arena *a, struct peer *ret,
			 struct err *err)
{
	const struct small_view *v;
	struct peer p = { 0 };
	uint64_t at;
	enum rc rc;

	TRY(small_lock(s, &v, err));
	if (map_get(v->by[index], key, &at)) {
		p = v->peers[at];
		rc = copy_peer(a, &p, err);
	} else {
		rc = no_peer(key, err);
	}
	small_unlock(s);
	if (rc == RC_OK)
		*ret = p;
	return rc;
}

enum rc peer_get(struct store *s, struct str name, struct arena *a, struct peer *ret, struct err *err)
{
	return find_peer(s, PEER_BY_NAME, name, a, ret, err);
}

enum rc peer_by_cert(struct store *s, struct str cert_sha256, struct arena *a, struct peer *ret, struct err *err)
{
	return find_peer(s, PEER_BY_CERT, cert_sha256, a, ret, err);
}

enum rc peer_list(struct store *s, struct arena *a, struct peer **ret, size_t *ret_n, struct err *err)
{
	const struct small_view *v;
	struct peer *list;
	enum rc rc = RC_OK;

	TRY(small_lock(s, &v, err));
	list = arena_array(a, v->n_peers + 1, sizeof *list);
	if (list == NULL)
		rc = FAIL(err, RC_NOMEM, "peers: the caller's memory is full");
	for (size_t i = 0; rc == RC_OK && i < v->n_peers; i++) {
		list[i] = v->peers[i];
		rc = copy_peer(a, &list[i], err);
	}
	if (rc == RC_OK) {
		*ret = list;
		*ret_n = v->n_peers;
	}
	small_unlock(s);
	return rc;
}

static enum rc delete_peer(struct store *s, void *ctx, struct err *err)
{
	const struct str *name = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "DELETE FROM peer WHERE name = $1", DB_TEXT(*name)));
	if (changed == 0)
		return no_peer(*name, err);
	return DB_RUN(s->write_db, err, "DELETE FROM link WHERE peer = $1", DB_TEXT(*name));
}

enum rc peer_delete(struct store *s, struct str name, struct err *err)
{
	TRY(name_check(name, "peer", err));
	return small_change(s, delete_peer, &name, err);
}

struct seen {
	struct str name, error;
	usec at;
};

/* A failure leaves the time of the last success as it is. */
static enum rc put_seen(struct store *s, void *ctx, struct err *err)
{
	const struct seen *seen = ctx;
	uint64_t changed;

	if (seen->error.n == 0)
		TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE peer SET last_ok = $2, last_error = '' WHERE name = $1",
			      DB_TEXT(seen->name), DB_INT(seen->at)));
	else
		TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE peer SET last_error = $2 WHERE name = $1",
			      DB_TEXT(seen->name), DB_TEXT(seen->error)));
	return changed > 0 ? RC_OK : no_peer(seen->name, err);
}

enum rc peer_seen(struct store *s, struct str name, usec at, struct str error, struct err *err)
{
	struct seen seen = { .name = name, .error = error, .at = at };

	TRY(name_check(name, "peer", err));
	TRY(text_check(error, TEXT_MAX, "peer: last error", err));
	return small_change(s, put_seen, &seen, err);
}

static enum rc put_link(struct store *s, void *ctx, struct err *err)
{
	struct link *l = ctx;
	struct db *d = s->write_db;
	int64_t n;

	TRY(DB_ONE_INT(d, &n, err, "SELECT count(*) FROM peer WHERE name = $1", DB_TEXT(l->peer)));
	if (n == 0)
		return no_peer(l->peer, err);
	TRY(DB_ONE_INT(d, &l->row, err,
		       "SELECT coalesce(max(row), 0) FROM link WHERE peer = $1 AND direction = $2 AND collection = $3"
		       " AND their_root = $4 AND their_collection = $5",
		       DB_TEXT(l->peer), DB_INT(l->direction), DB_INT(l->collection), DB_TEXT(l->their_root),
		       DB_TEXT(l->their_collection)));
	if (l->row == 0)
		TRY(db_count_on(d, S("link"), 1, &l->row, err));
	return DB_RUN(d, err,
		      "INSERT INTO link (row, peer, direction, collection, their_root, their_collection, tlp_max)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (row) DO UPDATE SET tlp_max = excluded.tlp_max",
		      DB_INT(l->row), DB_TEXT(l->peer), DB_INT(l->direction), DB_INT(l->collection), DB_TEXT(l->their_root),
		      DB_TEXT(l->their_collection), DB_INT(l->tlp_max));
}

enum rc link_put(struct store *s, struct link *l, struct err *err)
{
	if (l->direction != LINK_PULL && l->direction != LINK_PUSH)
		return FAIL(err, RC_BAD, "link: the direction must be pull or push");
	if (l->tlp_max >= TLP_LEVELS)
		return FAIL(err, RC_BAD, "link: no such TLP level");
	TRY(name_check(l->peer, "link: peer", err));
	TRY(text_check(l->their_root, TEXT_MAX, "link: their API root", err));
	TRY(text_check(l->their_collection, TEXT_MAX, "link: their collection", err));
	return small_change(s, put_link, l, err);
}

enum rc link_list(struct store *s, struct str peer, struct arena *a, struct link **ret, size_t *ret_n, struct err *err)
{
	const struct small_view *v;
	struct link *list;
	enum rc rc = RC_OK;
	size_t n = 0;

	TRY(small_lock(s, &v, err));
	list = arena_array(a, v->n_links + 1, sizeof *list);
	if (list == NULL)
		rc = FAIL(err, RC_NOMEM, "links: the caller's memory is full");
	for (size_t i = 0; rc == RC_OK && i < v->n_links; i++) {
		if (peer.n > 0 && !str_eq(peer, v->links[i].peer))
			continue;
		list[n] = v->links[i];
		rc = SMALL_COPY(a, err, &list[n].peer, &list[n].their_root, &list[n].their_collection);
		n++;
	}
	if (rc == RC_OK) {
		*ret = list;
		*ret_n = n;
	}
	small_unlock(s);
	return rc;
}
