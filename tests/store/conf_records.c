/* Accounts, collections, peers, cursors, statuses, alerts. */
#include "conformance.h"

#include "store/accounts.h"
#include "store/alerts.h"
#include "store/collections.h"
#include "store/peers.h"

#define SECRET_A S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
#define SECRET_B S("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")

static const struct user ALICE = { .name = { "alice", 5 }, .role = { "analyst", 7 }, .org = { "Örg 聯防", 11 },
				   .pass_hash = { "$argon2id$x", 11 }, .cert_sha256 = { "c1", 2 }, .tlp_max = 3,
				   .created = 77 };

static void users(struct scene *sc)
{
	struct user u = ALICE, got, *list;
	size_t n = 0;

	GIVES(sc, RC_NOTFOUND, user_get(sc->s, S("alice"), sc->a, &got, &sc->err), "no user at first");
	DONE(sc, user_put(sc->s, &u, &sc->err), "a user is made");
	DONE(sc, user_get(sc->s, S("alice"), sc->a, &got, &sc->err), "and read at once");
	EQ_STR(got.name, u.name, "name");
	EQ_STR(got.role, u.role, "role");
	EQ_STR(got.org, u.org, "organisation");
	EQ_STR(got.pass_hash, u.pass_hash, "hash");
	EQ_STR(got.cert_sha256, u.cert_sha256, "certificate");
	EQ_INT(got.tlp_max, 3, "tlp_max");
	EQ_INT(got.created, 77, "created");
	OK(!got.disabled && got.failures == 0 && got.locked_until == 0 && got.row > 0, "open and numbered");
	DONE(sc, user_by_cert(sc->s, S("c1"), sc->a, &got, &sc->err), "found by certificate");
	EQ_STR(got.name, u.name, "the same user");

	u.org = S("other");
	u.disabled = true;
	DONE(sc, user_put(sc->s, &u, &sc->err), "changed by name");
	DONE(sc, user_get(sc->s, S("alice"), sc->a, &got, &sc->err), "read again");
	EQ_STR(got.org, S("other"), "organisation changed");
	OK(got.disabled && got.created == 77, "disabled, created kept");

	u.name = S("bob");
	GIVES(sc, RC_CONFLICT, user_put(sc->s, &u, &sc->err), "a certificate signs in one user only");
	u.cert_sha256 = S("");
	DONE(sc, user_put(sc->s, &u, &sc->err), "without a certificate");
	u.name = S("carol");
	DONE(sc, user_put(sc->s, &u, &sc->err), "two without a certificate");
	DONE(sc, user_list(sc->s, sc->a, &list, &n, &sc->err), "list");
	OK(n == 3 && str_eq(list[0].name, S("alice")) && str_eq(list[2].name, S("carol")), "three by name");
	DONE(sc, user_delete(sc->s, S("bob"), &sc->err), "deleted");
	GIVES(sc, RC_NOTFOUND, user_delete(sc->s, S("bob"), &sc->err), "only once");
	GIVES(sc, RC_NOTFOUND, user_get(sc->s, S("bob"), sc->a, &got, &sc->err), "gone");
}

static void bad_users(struct scene *sc)
{
	static const struct {
		const char *what;
		struct user u;
	} rows[] = {
		{ "no name", { .name = { "", 0 }, .role = { "admin", 5 } } },
		{ "slash in the name", { .name = { "a/b", 3 }, .role = { "admin", 5 } } },
		{ "NUL in the name", { .name = { "a\0b", 3 }, .role = { "admin", 5 } } },
		{ "no such role", { .name = { "x", 1 }, .role = { "root", 4 } } },
		{ "bad UTF-8", { .name = { "x", 1 }, .role = { "admin", 5 }, .org = { "\xff", 1 } } },
		{ "NUL in the text", { .name = { "x", 1 }, .role = { "admin", 5 }, .org = { "a\0b", 3 } } },
		{ "TLP out of range", { .name = { "x", 1 }, .role = { "admin", 5 }, .tlp_max = 99 } },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		GIVES(sc, RC_BAD, user_put(sc->s, &rows[i].u, &sc->err), rows[i].what);
}

/* 5 failures in a row lock for 15 minutes; more failures do not lengthen it. */
static void lockout(struct scene *sc)
{
	const usec t0 = 1000 * USEC_PER_SEC;
	struct user got;
	usec until = -1;

	DONE(sc, user_put(sc->s, &ALICE, &sc->err), "a user");
	for (int i = 1; i <= 4; i++) {
		DONE(sc, user_login_failed(sc->s, S("alice"), t0 + i, &until, &sc->err), "a failure");
		EQ_INT(until, 0, "still open");
	}
	DONE(sc, user_login_ok(sc->s, S("alice"), &sc->err), "a success forgets them");
	for (int i = 1; i <= 4; i++)
		DONE(sc, user_login_failed(sc->s, S("alice"), t0 + i, &until, &sc->err), "a failure");
	EQ_INT(until, 0, "four are not five");
	DONE(sc, user_login_failed(sc->s, S("alice"), t0 + 5, &until, &sc->err), "the fifth");
	EQ_INT(until, t0 + 5 + LOCKOUT_SPAN, "locks");
	DONE(sc, user_get(sc->s, S("alice"), sc->a, &got, &sc->err), "read");
	EQ_INT(got.locked_until, t0 + 5 + LOCKOUT_SPAN, "and is seen");
	DONE(sc, user_login_failed(sc->s, S("alice"), t0 + LOCKOUT_SPAN, &until, &sc->err), "one more while locked");
	EQ_INT(until, t0 + 5 + LOCKOUT_SPAN, "does not lengthen it");
	DONE(sc, user_login_failed(sc->s, S("alice"), t0 + 6 + LOCKOUT_SPAN, &until, &sc->err), "after the lock");
	EQ_INT(until, 0, "a new row of failures begins");
	DONE(sc, user_get(sc->s, S("alice"), sc->a, &got, &sc->err), "read");
	EQ_INT(got.failures, 1, "with one");
	GIVES(sc, RC_NOTFOUND, user_login_failed(sc->s, S("nobody"), t0, &until, &sc->err), "an unknown user");
	GIVES(sc, RC_NOTFOUND, user_login_ok(sc->s, S("nobody"), &sc->err), "an unknown user");
}

static void tokens(struct scene *sc)
{
	struct token t = { .id = S("t1"), .user = S("alice"), .secret_sha256 = SECRET_A, .note = S("for the tests") }, got, *list;
	size_t n = 0;

	GIVES(sc, RC_NOTFOUND, token_put(sc->s, &t, &sc->err), "a token needs its user");
	DONE(sc, user_put(sc->s, &ALICE, &sc->err), "a user");
	DONE(sc, token_put(sc->s, &t, &sc->err), "a token");
	DONE(sc, token_by_secret(sc->s, SECRET_A, sc->a, &got, &sc->err), "by its secret");
	EQ_STR(got.id, S("t1"), "id");
	EQ_STR(got.user, S("alice"), "user");
	EQ_STR(got.note, S("for the tests"), "note");
	OK(got.created > 0 && got.expires == 0, "never expires");
	GIVES(sc, RC_NOTFOUND, token_by_secret(sc->s, SECRET_B, sc->a, &got, &sc->err), "another secret");
	t.id = S("t2");
	GIVES(sc, RC_CONFLICT, token_put(sc->s, &t, &sc->err), "one secret, one token");
	t.secret_sha256 = SECRET_B;
	t.expires = 1;
	DONE(sc, token_put(sc->s, &t, &sc->err), "an old token");
	GIVES(sc, RC_DENIED, token_by_secret(sc->s, SECRET_B, sc->a, &got, &sc->err), "is refused");
	DONE(sc, token_list(sc->s, sc->a, &list, &n, &sc->err), "list");
	EQ_INT(n, 2, "both");
	DONE(sc, token_delete(sc->s, S("t2"), &sc->err), "deleted");
	DONE(sc, user_delete(sc->s, S("alice"), &sc->err), "the user goes");
	GIVES(sc, RC_NOTFOUND, token_by_secret(sc->s, SECRET_A, sc->a, &got, &sc->err), "and takes the token along");
}

#define UUID_A S("91a7b528-80eb-42ed-a74d-c6fbd5a26116")
#define UUID_B S("52892447-4d7e-4f70-b94d-d7f22742ff63")

static const struct api_root ROOT = { .name = { "intel", 5 }, .title = { "Intel", 5 }, .max_content_length = 1000,
				      .page_size = 100, .is_default = true };

static void make_root(struct scene *sc)
{
	DONE(sc, root_put(sc->s, &ROOT, &sc->err), "an API root");
}

static void collections(struct scene *sc)
{
	struct collection c = { .root = S("intel"), .id = UUID_A, .alias = S("feed"), .title = S("T"), .description = S("D"),
				.media_types = S("[\"application/stix+json;version=2.1\"]"), .tlp_max = 2, .all_read = true },
			  d = c, got, *list;
	struct api_root root, *roots;
	size_t n = 0;
	uint32_t row;

	GIVES(sc, RC_NOTFOUND, collection_put(sc->s, &c, &sc->err), "a collection needs its API root");
	make_root(sc);
	DONE(sc, root_get(sc->s, S("intel"), sc->a, &root, &sc->err), "root by name");
	OK(root.is_default && !root.is_public && root.page_size == 100 && root.max_content_length == 1000, "with its values");
	DONE(sc, root_list(sc->s, sc->a, &roots, &n, &sc->err), "roots");
	EQ_INT(n, 1, "one");
	DONE(sc, collection_put(sc->s, &c, &sc->err), "a collection");
	OK(c.row > 0, "gets a number");
	DONE(sc, collection_get(sc->s, S("intel"), S("feed"), sc->a, &got, &sc->err), "by alias");
	EQ_INT(got.row, c.row, "row");
	EQ_STR(got.id, UUID_A, "id");
	EQ_STR(got.title, S("T"), "title");
	EQ_STR(got.description, S("D"), "description");
	EQ_STR(got.media_types, c.media_types, "media types");
	OK(got.tlp_max == 2 && got.all_read && !got.all_write && !got.anon_read, "flags");
	d.id = UUID_B;
	GIVES(sc, RC_CONFLICT, collection_put(sc->s, &d, &sc->err), "an alias is taken once");
	d.alias = UUID_A;
	GIVES(sc, RC_CONFLICT, collection_put(sc->s, &d, &sc->err), "an alias may not be another's id");
	d.alias = S("");
	DONE(sc, collection_put(sc->s, &d, &sc->err), "a second one");
	row = d.row;
	OK(row > c.row, "with a new number");
	d.title = S("changed");
	DONE(sc, collection_put(sc->s, &d, &sc->err), "changed");
	EQ_INT(d.row, row, "keeps its number");
	DONE(sc, collection_list(sc->s, S("intel"), sc->a, &list, &n, &sc->err), "list");
	OK(n == 2 && list[0].row == c.row && str_eq(list[1].title, S("changed")), "by number");
	DONE(sc, collection_delete(sc->s, S("intel"), UUID_B, &sc->err), "deleted");
	GIVES(sc, RC_NOTFOUND, collection_get(sc->s, S("intel"), UUID_B, sc->a, &got, &sc->err), "gone");
	DONE(sc, collection_put(sc->s, &d, &sc->err), "made again");
	OK(d.row > row, "a number is never used twice");
	d.id = S("not-a-uuid");
	GIVES(sc, RC_BAD, collection_put(sc->s, &d, &sc->err), "an id must be a UUID");
}

static void rights(struct scene *sc)
{
	static const struct {
		const char *what;
		struct str user, role;
		bool all_read, all_write, anon_read, can_read, can_write;
	} rows[] = {
		{ "nobody", { "", 0 }, { "", 0 }, true, true, false, false, false },
		{ "nobody, public", { "", 0 }, { "", 0 }, false, false, true, true, false },
		{ "anyone signed in", { "zoe", 3 }, { "feeder", 6 }, true, false, false, true, false },
		{ "anyone may write", { "zoe", 3 }, { "feeder", 6 }, false, true, false, false, true },
		{ "own right", { "alice", 5 }, { "feeder", 6 }, false, false, false, true, false },
		{ "by role", { "zoe", 3 }, { "analyst", 7 }, false, false, false, false, true },
		{ "both", { "alice", 5 }, { "analyst", 7 }, false, false, false, true, true },
		{ "a name that looks like a role", { "analyst", 7 }, { "feeder", 6 }, false, false, false, false, false },
	};
	struct collection c = { .root = S("intel"), .id = UUID_A };
	struct right alice = { .subject = S("user:alice"), .can_read = true },
		     analyst = { .subject = S("role:analyst"), .can_write = true }, *list;
	bool can_read, can_write;
	size_t n = 0;

	make_root(sc);
	DONE(sc, collection_put(sc->s, &c, &sc->err), "a collection");
	DONE(sc, right_put(sc->s, c.row, &alice, &sc->err), "a right");
	DONE(sc, right_put(sc->s, c.row, &analyst, &sc->err), "a right");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		c.all_read = rows[i].all_read;
		c.all_write = rows[i].all_write;
		c.anon_read = rows[i].anon_read;
		can_read = !rows[i].can_read;
		can_write = !rows[i].can_write;
		DONE(sc, right_of(sc->s, &c, rows[i].user, rows[i].role, &can_read, &can_write, &sc->err), rows[i].what);
		OK(can_read == rows[i].can_read && can_write == rows[i].can_write, "%s", rows[i].what);
	}
	DONE(sc, right_list(sc->s, c.row, sc->a, &list, &n, &sc->err), "listed");
	EQ_INT(n, 2, "two rights");
	alice.can_read = false;
	DONE(sc, right_put(sc->s, c.row, &alice, &sc->err), "taken away");
	DONE(sc, right_list(sc->s, c.row, sc->a, &list, &n, &sc->err), "listed");
	OK(n == 1 && str_eq(list[0].subject, S("role:analyst")), "one is left");
	GIVES(sc, RC_NOTFOUND, right_put(sc->s, c.row + 7, &analyst, &sc->err), "no such collection");
	analyst.subject = S("analyst");
	GIVES(sc, RC_BAD, right_put(sc->s, c.row, &analyst, &sc->err), "a subject needs its kind");
}

static void peers(struct scene *sc)
{
	struct peer p = { .name = S("sector-a"), .relation = S("parent"), .url = S("https://sector-a.example:9443"),
			  .cert_sha256 = S("ab"), .user = S("sector"), .tlp_max = 2 }, got, *list;
	struct link l = { .peer = S("sector-a"), .direction = LINK_PULL, .collection = 3, .their_root = S("intel"),
			  .their_collection = UUID_A, .tlp_max = 2 }, *links;
	size_t n = 0;
	int64_t row;

	GIVES(sc, RC_NOTFOUND, link_put(sc->s, &l, &sc->err), "a link needs its peer");
	DONE(sc, peer_put(sc->s, &p, &sc->err), "a peer");
	DONE(sc, peer_by_cert(sc->s, S("ab"), sc->a, &got, &sc->err), "by certificate");
	EQ_STR(got.name, p.name, "name");
	EQ_STR(got.relation, p.relation, "relation");
	EQ_STR(got.url, p.url, "url");
	EQ_STR(got.user, p.user, "user");
	EQ_INT(got.tlp_max, 2, "tlp_max");
	DONE(sc, peer_seen(sc->s, p.name, 55, S(""), &sc->err), "an exchange");
	DONE(sc, peer_seen(sc->s, p.name, 66, S("refused"), &sc->err), "a failure");
	DONE(sc, peer_get(sc->s, p.name, sc->a, &got, &sc->err), "read");
	EQ_INT(got.last_ok, 55, "the last success stays");
	EQ_STR(got.last_error, S("refused"), "the error is kept");
	p.name = S("other");
	GIVES(sc, RC_CONFLICT, peer_put(sc->s, &p, &sc->err), "a certificate is one peer's");
	p.relation = S("cousin");
	GIVES(sc, RC_BAD, peer_put(sc->s, &p, &sc->err), "no such relation");
	DONE(sc, link_put(sc->s, &l, &sc->err), "a link");
	row = l.row;
	l.tlp_max = 1;
	DONE(sc, link_put(sc->s, &l, &sc->err), "changed");
	EQ_INT(l.row, row, "is the same link");
	l.direction = LINK_PUSH;
	DONE(sc, link_put(sc->s, &l, &sc->err), "the other way");
	DONE(sc, link_list(sc->s, S(""), sc->a, &links, &n, &sc->err), "links");
	OK(n == 2 && links[0].tlp_max == 1 && links[1].direction == LINK_PUSH && links[0].collection == 3, "both");
	EQ_STR(links[0].their_collection, UUID_A, "theirs");
	DONE(sc, peer_list(sc->s, sc->a, &list, &n, &sc->err), "peers");
	EQ_INT(n, 1, "one");
	DONE(sc, peer_delete(sc->s, S("sector-a"), &sc->err), "deleted");
	DONE(sc, link_list(sc->s, S("sector-a"), sc->a, &links, &n, &sc->err), "links");
	EQ_INT(n, 0, "went along");
}

static void texts(struct scene *sc)
{
	struct str got;

	GIVES(sc, RC_NOTFOUND, meta_get(sc->s, S("node.id"), sc->a, &got, &sc->err), "not set");
	DONE(sc, meta_put(sc->s, S("node.id"), S("n1"), &sc->err), "set");
	DONE(sc, meta_put(sc->s, S("node.id"), S("節點'\"\\"), &sc->err), "set again");
	DONE(sc, meta_get(sc->s, S("node.id"), sc->a, &got, &sc->err), "read");
	EQ_STR(got, S("節點'\"\\"), "byte for byte");
	GIVES(sc, RC_NOTFOUND, cursor_get(sc->s, S("node.id"), sc->a, &got, &sc->err), "cursors are apart");
	DONE(sc, cursor_put(sc->s, S("pull:a:3"), S("2026"), &sc->err), "a cursor");
	DONE(sc, cursor_get(sc->s, S("pull:a:3"), sc->a, &got, &sc->err), "read");
	EQ_STR(got, S("2026"), "as it was");
	GIVES(sc, RC_BAD, meta_put(sc->s, S("k"), S("\xed\xa0\x80"), &sc->err), "a surrogate is no UTF-8");
}

static void statuses(struct scene *sc)
{
	struct status_row r = { .root = S("intel"), .id = UUID_A, .user = S("alice"), .body = S("{\"id\":1}"), .created = 10 }, got;

	GIVES(sc, RC_NOTFOUND, status_get(sc->s, S("intel"), UUID_A, sc->a, &got, &sc->err), "none");
	DONE(sc, status_put(sc->s, &r, &sc->err), "put");
	DONE(sc, status_get(sc->s, S("intel"), UUID_A, sc->a, &got, &sc->err), "read");
	EQ_STR(got.body, r.body, "body");
	EQ_STR(got.user, r.user, "user");
	EQ_INT(got.created, 10, "created");
	GIVES(sc, RC_NOTFOUND, status_get(sc->s, S("other"), UUID_A, sc->a, &got, &sc->err), "of its root only");
	DONE(sc, status_expire(sc->s, 10, &sc->err), "nothing is older");
	DONE(sc, status_get(sc->s, S("intel"), UUID_A, sc->a, &got, &sc->err), "still there");
	DONE(sc, status_expire(sc->s, 11, &sc->err), "older");
	GIVES(sc, RC_NOTFOUND, status_get(sc->s, S("intel"), UUID_A, sc->a, &got, &sc->err), "gone");
}

static void alerts(struct scene *sc)
{
	struct alert_row in[3] = { { .at = 1, .seen = 2, .input = S("eve"), .observable = S("domain-name:evil.example"),
				     .indicator = S("indicator--1"), .sighting = S("s"), .where = S("h"), .body = S("{}"), .tlp = 2 },
				   { .at = 3 }, { .at = 4 } }, *got;
	size_t n = 0;

	DONE(sc, alert_put(sc->s, in, 3, &sc->err), "three");
	OK(in[0].row > 0 && in[1].row == in[0].row + 1 && in[2].row == in[1].row + 1, "numbered in order");
	DONE(sc, alert_list(sc->s, 0, 2, sc->a, &got, &n, &sc->err), "two of them");
	OK(n == 2 && got[0].row == in[0].row && got[1].row == in[1].row, "the oldest");
	OK(got[0].at == 1 && got[0].seen == 2 && got[0].tlp == 2 && got[1].seen > 0, "times");
	EQ_STR(got[0].observable, in[0].observable, "observable");
	EQ_STR(got[0].indicator, in[0].indicator, "indicator");
	EQ_STR(got[0].sighting, in[0].sighting, "sighting");
	EQ_STR(got[0].where, in[0].where, "where");
	EQ_STR(got[0].input, in[0].input, "input");
	EQ_STR(got[0].body, in[0].body, "body");
	DONE(sc, alert_list(sc->s, got[1].row, 2, sc->a, &got, &n, &sc->err), "the next page");
	OK(n == 1 && got[0].at == 4, "the last");
}

static void reopen(struct scene *sc)
{
	struct store *reader = NULL;
	struct user got;

	DONE(sc, user_put(sc->s, &ALICE, &sc->err), "a user");
	if (sc->engine->server == 0)
		GIVES(sc, RC_BUSY, engine_reopen(sc->engine, false, &reader, &sc->err), "a second writer in the folder");
	DONE(sc, engine_reopen(sc->engine, true, &reader, &sc->err), "a reader beside the writer");
	if (reader != NULL) {
		DONE(sc, user_get(reader, S("alice"), sc->a, &got, &sc->err), "it reads");
		GIVES(sc, RC_DENIED, user_put(reader, &ALICE, &sc->err), "it may not write");
		store_close(reader);
	}
	store_close(sc->s);
	sc->s = NULL;
	DONE(sc, engine_reopen(sc->engine, false, &sc->s, &sc->err), "opened again");
	if (sc->s != NULL)
		DONE(sc, user_get(sc->s, S("alice"), sc->a, &got, &sc->err), "the user is there");
}

/* A schema from the future is not touched. */
static void newer_schema(struct scene *sc)
{
	store_close(sc->s);
	sc->s = NULL;
	OK(engine_tamper(sc->engine, "INSERT INTO migration (n, at) VALUES (9999, 0)"), "a newer version was here");
	GIVES(sc, RC_UNSUPPORTED, engine_reopen(sc->engine, false, &sc->s, &sc->err), "refused");
	GIVES(sc, RC_UNSUPPORTED, engine_reopen(sc->engine, true, &sc->s, &sc->err), "also for reading");
}

/* The server drops every connection: one read may fail for it, no write does, since nothing was begun. */
static void cut(struct scene *sc)
{
	struct user got;
	struct str value;
	enum rc rc;

	if (sc->engine->server == 0)
		return;
	DONE(sc, user_put(sc->s, &ALICE, &sc->err), "a user");
	DONE(sc, meta_put(sc->s, S("k"), S("v"), &sc->err), "a text");
	DONE(sc, meta_get(sc->s, S("k"), sc->a, &value, &sc->err), "read");
	OK(engine_tamper(sc->engine, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
				     " WHERE pid <> pg_backend_pid() AND datname = current_database()"), "all connections are cut");
	DONE(sc, meta_put(sc->s, S("k"), S("w"), &sc->err), "a write goes on");
	rc = meta_get(sc->s, S("k"), sc->a, &value, &sc->err);
	OK(rc == RC_OK || rc == RC_PEER, "a read tells that the server was away: %s", rc_name(rc));
	DONE(sc, meta_get(sc->s, S("k"), sc->a, &value, &sc->err), "the next goes on");
	EQ_STR(value, S("w"), "with what was written");
	DONE(sc, user_get(sc->s, S("alice"), sc->a, &got, &sc->err), "the cache goes on");
}

static void missing(struct scene *sc)
{
	struct store_config c = { .dir = "/nonexistent/lianfang" };
	struct store *s = NULL;

	GIVES(sc, RC_NOTFOUND, store_open(&c, &s, &sc->err), "no store where there is none");
}

const struct conformance_case CASES_RECORDS[] = {
	{ "users", users }, { "bad users", bad_users }, { "lockout", lockout }, { "tokens", tokens },
	{ "collections", collections }, { "rights", rights }, { "peers", peers }, { "texts", texts },
	{ "statuses", statuses }, { "alerts", alerts }, { "reopen", reopen }, { "newer schema", newer_schema },
	{ "cut", cut }, { "missing", missing }, { NULL, NULL },
};
