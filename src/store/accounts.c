#include "store/accounts.h"

#include "store/small.h"

#define TEXT_MAX 1024
#define ROLE_MAX 16

static const struct str ROLES[] = { { "admin", 5 }, { "analyst", 7 }, { "reader", 6 }, { "feeder", 6 }, { "peer", 4 } };

static enum rc check_user(const struct user *u, struct err *err)
{
	bool known = false;

	TRY(name_check(u->name, "user", err));
	for (size_t i = 0; i < COUNTOF(ROLES); i++)
		known = known || str_eq(u->role, ROLES[i]);
	if (!known)
		return FAIL(err, RC_BAD, "user %.*s: no such role", STR(u->name));
	if (u->tlp_max >= TLP_LEVELS)
		return FAIL(err, RC_BAD, "user %.*s: no such TLP level", STR(u->name));
	TRY(text_check(u->org, TEXT_MAX, "user: organisation", err));
	TRY(text_check(u->pass_hash, TEXT_MAX, "user: password hash", err));
	return text_check(u->cert_sha256, TEXT_MAX, "user: certificate", err);
}

static enum rc no_user(struct str name, struct err *err)
{
	return FAIL(err, RC_NOTFOUND, "user %.*s: not known", STR(str_slice(name, 0, 64)));
}

static enum rc insert_user(struct db *d, const struct user *u, struct err *err)
{
	int64_t row;

	TRY(db_count_on(d, S("account"), 1, &row, err));
	return DB_RUN(d, err,
		      "INSERT INTO account (name, row, role, org, pass_hash, cert_sha256, tlp_max, disabled, failures,"
		      " locked_until, created, pass_at, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
		      DB_TEXT(u->name), DB_INT(row), DB_TEXT(u->role), DB_TEXT(u->org), DB_TEXT(u->pass_hash),
		      DB_TEXT(u->cert_sha256), DB_INT(u->tlp_max), DB_INT(u->disabled), DB_INT(u->failures),
		      DB_INT(u->locked_until), DB_INT(u->created == 0 ? time_now() : u->created), DB_INT(time_now()),
		      DB_INT(u->expires));
}

/* A certificate signs in one user only; asked before writing, because after a broken
 * constraint PostgreSQL's whole transaction is lost. */
static enum rc check_cert(struct db *d, const char *sql, struct str cert, struct str name, struct err *err)
{
	int64_t others;

	if (cert.n == 0)
		return RC_OK;
	TRY(DB_ONE_INT(d, &others, err, sql, DB_TEXT(cert), DB_TEXT(name)));
	return others == 0 ? RC_OK : FAIL(err, RC_CONFLICT, "%.*s: this certificate belongs to another already", STR(name));
}

enum rc account_password_changes(struct db *d, struct str name, struct str new_hash, usec now, struct err *err)
{
	TRY(DB_RUN(d, err,
		   "INSERT INTO password_past (account, at, hash) SELECT name, $3, pass_hash FROM account WHERE name = $1 AND pass_hash <> $2"
		   " AND pass_hash <> '' ON CONFLICT (account, hash) DO UPDATE SET at = excluded.at",
		   DB_TEXT(name), DB_TEXT(new_hash), DB_INT(now)));
	TRY(DB_RUN(d, err,
		   "DELETE FROM password_past WHERE account = $1 AND hash NOT IN"
		   " (SELECT hash FROM password_past WHERE account = $1 ORDER BY at DESC, hash LIMIT $2)",
		   DB_TEXT(name), DB_INT(PASSWORDS_PAST)));
	return DB_RUN(d, err, "UPDATE account SET pass_at = $3 WHERE name = $1 AND pass_hash <> $2", DB_TEXT(name), DB_TEXT(new_hash), DB_INT(now));
}

static enum rc put_user(struct store *s, void *ctx, struct err *err)
{
	const struct user *u = ctx;
	uint64_t changed;

	TRY(account_password_changes(s->write_db, u->name, u->pass_hash, time_now(), err));

	TRY(check_cert(s->write_db, "SELECT count(*) FROM account WHERE cert_sha256 = $1 AND name <> $2", u->cert_sha256,
		       u->name, err));
	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "UPDATE account SET role = $2, org = $3, pass_hash = $4, cert_sha256 = $5, tlp_max = $6, disabled = $7,"
		      " failures = $8, locked_until = $9, expires = $10 WHERE name = $1",
		      DB_TEXT(u->name), DB_TEXT(u->role), DB_TEXT(u->org), DB_TEXT(u->pass_hash), DB_TEXT(u->cert_sha256),
		      DB_INT(u->tlp_max), DB_INT(u->disabled), DB_INT(u->failures), DB_INT(u->locked_until),
		      DB_INT(u->expires)));
	return changed > 0 ? RC_OK : insert_user(s->write_db, u, err);
}

enum rc user_put(struct store *s, const struct user *u, struct err *err)
{
	struct user copy = *u;

	TRY(check_user(u, err));
	return small_change(s, put_user, &copy, err);
}

static enum rc copy_user(struct arena *a, struct user *u, struct err *err)
{
	return SMALL_COPY(a, err, &u->name, &u->role, &u->org, &u->pass_hash, &u->cert_sha256);
}

static enum rc find_user(struct store *s, enum small_index index, struct str key, struct arena *a, struct user *ret,
			 struct err *err)
{
	const struct small_view *v;
	struct user u = { 0 };
	uint64_t at;
	enum rc rc;

	TRY(small_lock(s, &v, err));
	if (map_get(v->by[index], key, &at)) {
		u = v->users[at];
		rc = copy_user(a, &u, err);
	} else {
		rc = no_user(key, err);
	}
	small_unlock(s);
	if (rc == RC_OK)
		*ret = u;
	return rc;
}

enum rc user_get(struct store *s, struct str name, struct arena *a, struct user *ret, struct err *err)
{
	return find_user(s, USER_BY_NAME, name, a, ret, err);
}

enum rc user_by_cert(struct store *s, struct str cert_sha256, struct arena *a, struct user *ret, struct err *err)
{
	return find_user(s, USER_BY_CERT, cert_sha256, a, ret, err);
}

/* With its tokens, sessions and rights: a later user of the same name must not inherit them. */
static enum rc delete_user(struct store *s, void *ctx, struct err *err)
{
	const struct str *name = ctx;
	char subject[80];
	int n = snprintf(subject, sizeof subject, "user:%.*s", STR(*name));
	uint64_t changed;

	if (n < 0 || (size_t)n >= sizeof subject)
		return no_user(*name, err);
	TRY(DB_CHANGE(s->write_db, &changed, err, "DELETE FROM account WHERE name = $1", DB_TEXT(*name)));
	if (changed == 0)
		return no_user(*name, err);
	TRY(DB_RUN(s->write_db, err, "DELETE FROM token WHERE account = $1", DB_TEXT(*name)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM session WHERE account = $1", DB_TEXT(*name)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM factor WHERE account = $1", DB_TEXT(*name)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM recovery WHERE account = $1", DB_TEXT(*name)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM passkey WHERE account = $1", DB_TEXT(*name)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM password_past WHERE account = $1", DB_TEXT(*name)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM saved_search WHERE account = $1", DB_TEXT(*name)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM identity WHERE account = $1", DB_TEXT(*name)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM password_link WHERE account = $1", DB_TEXT(*name)));
	return DB_RUN(s->write_db, err, "DELETE FROM access_right WHERE subject = $1", DB_TEXT(str_make(subject, (size_t)n)));
}

enum rc user_delete(struct store *s, struct str name, struct err *err)
{
	TRY(name_check(name, "user", err));
	return small_change(s, delete_user, &name, err);
}

static bool fill_past(struct arena *a, const struct dbq *q, void *row)
{
	struct str *hash = row;

	*hash = arena_dup(a, db_text(q, 0));
	return hash->p != NULL;
}

enum rc user_passwords_past(struct store *s, struct str name, struct arena *a, struct str ret[static PASSWORDS_PAST], size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "passwords", .a = a, .size = sizeof *ret, .fill = fill_past, .n_v = 1, .v = { DB_TEXT(name) },
			     .sql = "SELECT hash FROM password_past WHERE account = $1 ORDER BY at DESC, hash" };

	TRY(name_check(name, "user", err));
	TRY(store_list(s, &l, PASSWORDS_PAST, err));
	for (size_t i = 0; i < l.n; i++)
		ret[i] = ((struct str *)l.rows)[i];
	*ret_n = l.n;
	return RC_OK;
}

enum rc user_list(struct store *s, struct arena *a, struct user **ret, size_t *ret_n, struct err *err)
{
	const struct small_view *v;
	struct user *list;
	enum rc rc = RC_OK;

	TRY(small_lock(s, &v, err));
	list = arena_array(a, v->n_users + 1, sizeof *list);
	if (list == NULL)
		rc = FAIL(err, RC_NOMEM, "users: the caller's memory is full");
	for (size_t i = 0; rc == RC_OK && i < v->n_users; i++) {
		list[i] = v->users[i];
		rc = copy_user(a, &list[i], err);
	}
	if (rc == RC_OK) {
		*ret = list;
		*ret_n = v->n_users;
	}
	small_unlock(s);
	return rc;
}

struct failed_login {
	struct str name;
	usec now, locked_until;
};

/* A lock that has run out begins a new row of failures; failures during a lock do not lengthen it,
 * or anybody could keep a user out for ever. */
static enum rc count_failure(struct store *s, void *ctx, struct err *err)
{
	struct failed_login *f = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	int64_t failures;
	usec until;
	bool row;

	TRY(DB_START(s->write_db, &q, err, "SELECT failures, locked_until FROM account WHERE name = $1", DB_TEXT(f->name)));
	TRY(db_next(q, &row, err));
	if (!row)
		return no_user(f->name, err);
	failures = db_int(q, 0);
	until = db_int(q, 1);
	if (until > f->now) {
		f->locked_until = until;
		return RC_OK;
	}
	failures = until > 0 ? 1 : failures + 1;
	f->locked_until = failures >= LOCKOUT_FAILURES ? f->now + LOCKOUT_SPAN : 0;
	return DB_RUN(s->write_db, err, "UPDATE account SET failures = $2, locked_until = $3 WHERE name = $1",
		      DB_TEXT(f->name), DB_INT(failures), DB_INT(f->locked_until));
}

enum rc user_login_failed(struct store *s, struct str name, usec now, usec *ret_locked_until, struct err *err)
{
	struct failed_login f = { .name = name, .now = now };

	TRY(name_check(name, "user", err));
	TRY(small_change(s, count_failure, &f, err));
	*ret_locked_until = f.locked_until;
	return RC_OK;
}

static enum rc forget_failures(struct store *s, void *ctx, struct err *err)
{
	const struct str *name = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE account SET failures = 0, locked_until = 0 WHERE name = $1",
		      DB_TEXT(*name)));
	return changed > 0 ? RC_OK : no_user(*name, err);
}

/* Nearly always there is nothing to forget: then a log-in costs no write. */
enum rc user_login_ok(struct store *s, struct str name, struct err *err)
{
	const struct small_view *v;
	uint64_t at;
	bool found, clean;

	TRY(small_lock(s, &v, err));
	found = map_get(v->by[USER_BY_NAME], name, &at);
	clean = found && v->users[at].failures == 0 && v->users[at].locked_until == 0;
	small_unlock(s);
	if (!found)
		return no_user(name, err);
	return clean ? RC_OK : small_change(s, forget_failures, &name, err);
}

static enum rc put_token(struct store *s, void *ctx, struct err *err)
{
	const struct token *t = ctx;
	int64_t n;

	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM account WHERE name = $1", DB_TEXT(t->user)));
	if (n == 0)
		return no_user(t->user, err);
	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM token WHERE secret_sha256 = $1 AND id <> $2",
		       DB_TEXT(t->secret_sha256), DB_TEXT(t->id)));
	if (n > 0)
		return FAIL(err, RC_CONFLICT, "token %.*s: this secret is in use", STR(t->id));
	return DB_RUN(s->write_db, err,
		      "INSERT INTO token (id, account, secret_sha256, note, created, expires, last_used, role, tlp_max)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET account = excluded.account,"
		      " secret_sha256 = excluded.secret_sha256, note = excluded.note, expires = excluded.expires, role = excluded.role,"
		      " tlp_max = excluded.tlp_max",
		      DB_TEXT(t->id), DB_TEXT(t->user), DB_TEXT(t->secret_sha256), DB_TEXT(t->note),
		      DB_INT(t->created == 0 ? time_now() : t->created), DB_INT(t->expires), DB_INT(t->last_used),
		      DB_TEXT(t->role.p == NULL ? S("") : t->role), DB_INT(t->tlp_max));
}

enum rc token_put(struct store *s, const struct token *t, struct err *err)
{
	struct token copy = *t;

	TRY(name_check(t->id, "token", err));
	TRY(name_check(t->user, "token: user", err));
	if (t->secret_sha256.n != 64)
		return FAIL(err, RC_BAD, "token %.*s: the secret's SHA-256 must be 64 hexadecimal digits", STR(t->id));
	TRY(text_check(t->secret_sha256, 64, "token: secret", err));
	TRY(text_check(t->note, TEXT_MAX, "token: note", err));
	TRY(text_check(t->role, ROLE_MAX, "token: role", err));
	return small_change(s, put_token, &copy, err);
}

static enum rc copy_token(struct arena *a, struct token *t, struct err *err)
{
	return SMALL_COPY(a, err, &t->id, &t->user, &t->secret_sha256, &t->note, &t->role);
}

enum rc token_by_secret(struct store *s, struct str secret_sha256, struct arena *a, struct token *ret, struct err *err)
{
	const struct small_view *v;
	struct token t = { 0 };
	usec now = time_now();
	uint64_t at;
	enum rc rc;

	TRY(small_lock(s, &v, err));
	if (!map_get(v->by[TOKEN_BY_SECRET], secret_sha256, &at)) {
		small_unlock(s);
		return FAIL(err, RC_NOTFOUND, "token: not known");
	}
	t = v->tokens[at];
	rc = copy_token(a, &t, err);
	small_unlock(s);
	if (rc != RC_OK)
		return rc;
	if (t.expires != 0 && t.expires <= now)
		return FAIL(err, RC_DENIED, "token %.*s: expired", STR(t.id));
	if (now - t.last_used >= 3600 * USEC_PER_SEC)
		small_token_used(s, t.id, now);
	*ret = t;
	return RC_OK;
}

static enum rc delete_token(struct store *s, void *ctx, struct err *err)
{
	const struct str *id = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "DELETE FROM token WHERE id = $1", DB_TEXT(*id)));
	return changed > 0 ? RC_OK : FAIL(err, RC_NOTFOUND, "token %.*s: not known", STR(*id));
}

enum rc token_delete(struct store *s, struct str id, struct err *err)
{
	TRY(name_check(id, "token", err));
	return small_change(s, delete_token, &id, err);
}

enum rc token_list(struct store *s, struct arena *a, struct token **ret, size_t *ret_n, struct err *err)
{
	const struct small_view *v;
	struct token *list;
	enum rc rc = RC_OK;

	TRY(small_lock(s, &v, err));
	list = arena_array(a, v->n_tokens + 1, sizeof *list);
	if (list == NULL)
		rc = FAIL(err, RC_NOMEM, "tokens: the caller's memory is full");
	for (size_t i = 0; rc == RC_OK && i < v->n_tokens; i++) {
		list[i] = v->tokens[i];
		rc = copy_token(a, &list[i], err);
	}
	if (rc == RC_OK) {
		*ret = list;
		*ret_n = v->n_tokens;
	}
	small_unlock(s);
	return rc;
}
