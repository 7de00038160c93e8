#include "store/credentials.h"

#include "store/internal.h"
#include "store/small.h"

#define ID_MAX 700   /* of 512 bytes */
#define KEY_MAX 1500
#define NAME_MAX_BYTES 200
#define RP_MAX 255
#define TEXT_MAX 1000
#define LIST_MAX 4096

/* What a job changes. */
struct work {
	const void *in;
	struct str user, a, b;
	int64_t counter;
	usec now;
};

static enum rc check_user(struct db *d, struct str user, const char *count_sql, int64_t most, struct err *err)
{
	int64_t n;

	TRY(DB_ONE_INT(d, &n, err, "SELECT count(*) FROM account WHERE name = $1", DB_TEXT(user)));
	if (n == 0)
		return FAIL(err, RC_NOTFOUND, "user %.*s: not known", STR(user));
	TRY(DB_ONE_INT(d, &n, err, count_sql, DB_TEXT(user)));
	return n < most ? RC_OK : FAIL(err, RC_LIMIT, "user %.*s: %lld of these at most", STR(user), (long long)most);
}

/* --- passkeys --- */

static enum rc add_passkey(struct store *s, void *ctx, struct err *err)
{
	const struct passkey *p = ((const struct work *)ctx)->in;
	int64_t n;

	TRY(check_user(s->write_db, p->user, "SELECT count(*) FROM passkey WHERE account = $1", PASSKEYS_A_USER, err));
	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM passkey WHERE id = $1", DB_TEXT(p->id)));
	if (n > 0)
		return FAIL(err, RC_CONFLICT, "passkey: known already");
	return DB_RUN(s->write_db, err,
		      "INSERT INTO passkey (id, account, name, rp, cose, counter, created, used) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
		      DB_TEXT(p->id), DB_TEXT(p->user), DB_TEXT(p->name), DB_TEXT(p->rp_id), DB_TEXT(p->key), DB_INT(p->counter),
		      DB_INT(p->created));
}

enum rc passkey_add(struct store *s, const struct passkey *p, struct err *err)
{
	struct work w = { .in = p };

	TRY(name_check(p->user, "passkey: user", err));
	TRY(text_check(p->id, ID_MAX, "passkey", err));
	TRY(text_check(p->name, NAME_MAX_BYTES, "passkey: name", err));
	TRY(text_check(p->rp_id, RP_MAX, "passkey: host", err));
	TRY(text_check(p->key, KEY_MAX, "passkey: key", err));
	if (p->id.n == 0 || p->key.n == 0)
		return FAIL(err, RC_BAD, "passkey: without a name or a key");
	return writer_do(s->writer, add_passkey, &w, err);
}

static bool fill_passkey(struct arena *a, const struct dbq *q, void *row)
{
	struct passkey *p = row;

	*p = (struct passkey){ .id = arena_dup(a, db_text(q, 0)), .user = arena_dup(a, db_text(q, 1)), .name = arena_dup(a, db_text(q, 2)),
			       .rp_id = arena_dup(a, db_text(q, 3)), .key = arena_dup(a, db_text(q, 4)), .counter = db_int(q, 5),
			       .created = db_int(q, 6), .used = db_int(q, 7) };
	return p->id.p != NULL && p->user.p != NULL && p->name.p != NULL && p->rp_id.p != NULL && p->key.p != NULL;
}

#define PASSKEY_SELECT "SELECT id, account, name, rp, cose, counter, created, used FROM passkey WHERE "

enum rc passkey_get(struct store *s, struct str id, struct arena *a, struct passkey *ret, struct err *err)
{
	struct listing l = { .what = "passkeys", .a = a, .size = sizeof *ret, .fill = fill_passkey, .sql = PASSKEY_SELECT "id = $1",
			     .n_v = 1, .v = { DB_TEXT(id) } };

	TRY(text_check(id, ID_MAX, "passkey", err));
	TRY(store_list(s, &l, 1, err));
	if (l.n == 0)
		return FAIL(err, RC_NOTFOUND, "passkey: not known");
	*ret = *(struct passkey *)l.rows;
	return RC_OK;
}

enum rc passkey_list(struct store *s, struct str user, struct arena *a, struct passkey **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "passkeys", .a = a, .size = sizeof **ret, .fill = fill_passkey, .n_v = 1, .v = { DB_TEXT(user) },
			     .sql = PASSKEY_SELECT "$1 = '' OR account = $1 ORDER BY created, id" };

	if (user.n > 0)
		TRY(name_check(user, "user", err));
	TRY(store_list(s, &l, LIST_MAX, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

static enum rc use_passkey(struct store *s, void *ctx, struct err *err)
{
	const struct work *w = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "UPDATE passkey SET counter = $2, used = $3 WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0))", DB_TEXT(w->a),
		      DB_INT(w->counter), DB_INT(w->now)));
	return changed > 0 ? RC_OK : FAIL(err, RC_CONFLICT, "passkey: its count of uses did not rise: there may be a copy of it");
}

enum rc passkey_used(struct store *s, struct str id, int64_t counter, usec now, struct err *err)
{
	struct work w = { .a = id, .counter = counter, .now = now };

	TRY(text_check(id, ID_MAX, "passkey", err));
	return writer_do(s->writer, use_passkey, &w, err);
}

static enum rc remove_passkey(struct store *s, void *ctx, struct err *err)
{
	const struct work *w = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "DELETE FROM passkey WHERE account = $1 AND ($2 = '' OR id = $2)", DB_TEXT(w->user),
		      DB_TEXT(w->a)));
	return changed > 0 || w->a.n == 0 ? RC_OK : FAIL(err, RC_NOTFOUND, "passkey: not known");
}

enum rc passkey_remove(struct store *s, struct str user, struct str id, struct err *err)
{
	struct work w = { .user = user, .a = id };

	TRY(name_check(user, "user", err));
	TRY(text_check(id, ID_MAX, "passkey", err));
	return writer_do(s->writer, remove_passkey, &w, err);
}

/* --- identities --- */

static enum rc check_identity(struct str issuer, struct str subject, struct err *err)
{
	TRY(text_check(issuer, TEXT_MAX, "identity: issuer", err));
	TRY(text_check(subject, RP_MAX, "identity: subject", err));
	return issuer.n > 0 && subject.n > 0 ? RC_OK : FAIL(err, RC_BAD, "identity: issuer and subject are wanted");
}

static enum rc add_identity(struct store *s, void *ctx, struct err *err)
{
	const struct identity *x = ((const struct work *)ctx)->in;
	int64_t n;

	TRY(check_user(s->write_db, x->user, "SELECT count(*) FROM identity WHERE account = $1", IDENTITIES_A_USER, err));
	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM identity WHERE issuer = $1 AND subject = $2", DB_TEXT(x->issuer),
		       DB_TEXT(x->subject)));
	if (n > 0)
		return FAIL(err, RC_CONFLICT, "identity: belongs to an account already");
	return DB_RUN(s->write_db, err, "INSERT INTO identity (issuer, subject, account, created, used) VALUES ($1, $2, $3, $4, 0)",
		      DB_TEXT(x->issuer), DB_TEXT(x->subject), DB_TEXT(x->user), DB_INT(x->created));
}

enum rc identity_add(struct store *s, const struct identity *x, struct err *err)
{
	struct work w = { .in = x };

	TRY(name_check(x->user, "identity: user", err));
	TRY(check_identity(x->issuer, x->subject, err));
	return writer_do(s->writer, add_identity, &w, err);
}

static bool fill_identity(struct arena *a, const struct dbq *q, void *row)
{
	struct identity *x = row;

	*x = (struct identity){ .issuer = arena_dup(a, db_text(q, 0)), .subject = arena_dup(a, db_text(q, 1)), .user = arena_dup(a, db_text(q, 2)),
				.created = db_int(q, 3), .used = db_int(q, 4) };
	return x->issuer.p != NULL && x->subject.p != NULL && x->user.p != NULL;
}

#define IDENTITY_SELECT "SELECT issuer, subject, account, created, used FROM identity WHERE "

enum rc identity_find(struct store *s, struct str issuer, struct str subject, struct arena *a, struct identity *ret, struct err *err)
{
	struct listing l = { .what = "identities", .a = a, .size = sizeof *ret, .fill = fill_identity, .n_v = 2,
			     .v = { DB_TEXT(issuer), DB_TEXT(subject) }, .sql = IDENTITY_SELECT "issuer = $1 AND subject = $2" };

	TRY(check_identity(issuer, subject, err));
	TRY(store_list(s, &l, 1, err));
	if (l.n == 0)
		return FAIL(err, RC_NOTFOUND, "identity: not known");
	*ret = *(struct identity *)l.rows;
	return RC_OK;
}

enum rc identity_list(struct store *s, struct str user, struct arena *a, struct identity **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "identities", .a = a, .size = sizeof **ret, .fill = fill_identity, .n_v = 1, .v = { DB_TEXT(user) },
			     .sql = IDENTITY_SELECT "$1 = '' OR account = $1 ORDER BY created, issuer, subject" };

	if (user.n > 0)
		TRY(name_check(user, "user", err));
	TRY(store_list(s, &l, LIST_MAX, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}

static enum rc use_identity(struct store *s, void *ctx, struct err *err)
{
	const struct work *w = ctx;

	return DB_RUN(s->write_db, err, "UPDATE identity SET used = $3 WHERE issuer = $1 AND subject = $2", DB_TEXT(w->a), DB_TEXT(w->b),
		      DB_INT(w->now));
}

enum rc identity_used(struct store *s, struct str issuer, struct str subject, usec now, struct err *err)
{
	struct work w = { .a = issuer, .b = subject, .now = now };

	TRY(check_identity(issuer, subject, err));
	return writer_do(s->writer, use_identity, &w, err);
}

static enum rc remove_identity(struct store *s, void *ctx, struct err *err)
{
	const struct work *w = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "DELETE FROM identity WHERE account = $1 AND ($3 = '' OR (issuer = $2 AND subject = $3))",
		      DB_TEXT(w->user), DB_TEXT(w->a), DB_TEXT(w->b)));
	return changed > 0 || w->b.n == 0 ? RC_OK : FAIL(err, RC_NOTFOUND, "identity: not known");
}

enum rc identity_remove(struct store *s, struct str user, struct str issuer, struct str subject, struct err *err)
{
	struct work w = { .user = user, .a = issuer, .b = subject };

	TRY(name_check(user, "user", err));
	if (subject.n > 0)
		TRY(check_identity(issuer, subject, err));
	return writer_do(s->writer, remove_identity, &w, err);
}
