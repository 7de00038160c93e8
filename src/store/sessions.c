#include "store/sessions.h"

#include "store/internal.h"
#include "store/small.h"

#define HEX_HASH 64
#define FROM_MAX 64

static enum rc hash_check(struct str hash, const char *what, struct err *err)
{
	TRY(text_check(hash, HEX_HASH, what, err));
	return hash.n == HEX_HASH ? RC_OK : FAIL(err, RC_BAD, "%s: expected the SHA-256 as 64 digits", what);
}

static enum rc copy(struct arena *a, struct str from, struct str *to, struct err *err)
{
	*to = arena_dup(a, from);
	return to->p != NULL ? RC_OK : FAIL(err, RC_NOMEM, "sessions: the caller's memory is full");
}

/* --- sessions --- */

static enum rc add_session(struct store *s, void *ctx, struct err *err)
{
	const struct session *x = ctx;
	int64_t n;

	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM account WHERE name = $1", DB_TEXT(x->user)));
	if (n == 0)
		return FAIL(err, RC_NOTFOUND, "session: no such user");
	TRY(DB_RUN(s->write_db, err, "DELETE FROM session WHERE created <= $1 OR seen <= $2", DB_INT(x->created - SESSION_LONGEST),
		   DB_INT(x->created - SESSION_IDLE)));
	TRY(DB_RUN(s->write_db, err,
		   "DELETE FROM session WHERE account = $1 AND hash NOT IN"
		   " (SELECT hash FROM session WHERE account = $1 ORDER BY seen DESC, hash LIMIT $2)",
		   DB_TEXT(x->user), DB_INT(SESSIONS_A_USER - 1)));
	return DB_RUN(s->write_db, err, "INSERT INTO session (hash, account, place, created, seen) VALUES ($1, $2, $3, $4, $5)",
		      DB_TEXT(x->hash), DB_TEXT(x->user), DB_TEXT(x->from), DB_INT(x->created), DB_INT(x->seen));
}

enum rc session_add(struct store *s, const struct session *x, struct err *err)
{
	struct session one = *x;

	TRY(hash_check(x->hash, "session", err));
	TRY(name_check(x->user, "session: user", err));
	TRY(text_check(x->from, FROM_MAX, "session: address", err));
	return writer_do(s->writer, add_session, &one, err);
}

struct finding {
	struct str hash;
	usec now;
	struct arena *a;
	struct session found;
};

static enum rc find_session(struct db *d, void *ctx, struct err *err)
{
	struct finding *f = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, "SELECT account, place, created, seen FROM session WHERE hash = $1 AND created > $2 AND seen > $3",
		     DB_TEXT(f->hash), DB_INT(f->now - SESSION_LONGEST), DB_INT(f->now - SESSION_IDLE)));
	TRY(db_next(q, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "session: not known, or over");
	f->found = (struct session){ .created = db_int(q, 2), .seen = db_int(q, 3) };
	TRY(copy(f->a, f->hash, &f->found.hash, err));
	TRY(copy(f->a, db_text(q, 0), &f->found.user, err));
	return copy(f->a, db_text(q, 1), &f->found.from, err);
}

static enum rc touch_session(struct store *s, void *ctx, struct err *err)
{
	const struct finding *f = ctx;

	return DB_RUN(s->write_db, err, "UPDATE session SET seen = $2 WHERE hash = $1 AND seen < $2", DB_TEXT(f->hash), DB_INT(f->now));
}

enum rc session_find(struct store *s, struct str hash, usec now, bool touch, struct arena *a, struct session *ret, struct err *err)
{
	struct finding f = { .hash = hash, .now = now, .a = a };

	TRY(hash_check(hash, "session", err));
	TRY(store_read(s, find_session, &f, err));
	if (touch && now - f.found.seen >= SESSION_TOUCH_EVERY) {
		TRY(writer_do(s->writer, touch_session, &f, err));
		f.found.seen = now;
	}
	*ret = f.found;
	return RC_OK;
}

static enum rc end_session(struct store *s, void *ctx, struct err *err)
{
	const struct str *hash = ctx;

	return DB_RUN(s->write_db, err, "DELETE FROM session WHERE hash = $1", DB_TEXT(*hash));
}

enum rc session_end(struct store *s, struct str hash, struct err *err)
{
	TRY(hash_check(hash, "session", err));
	return writer_do(s->writer, end_session, &hash, err);
}

static enum rc end_sessions(struct store *s, void *ctx, struct err *err)
{
	const struct str *x = ctx;

	return DB_RUN(s->write_db, err, "DELETE FROM session WHERE account = $1 AND hash <> $2", DB_TEXT(x[0]), DB_TEXT(x[1]));
}

enum rc sessions_end_of(struct store *s, struct str user, struct str but, struct err *err)
{
	struct str x[2] = { user, but.p == NULL ? S("") : but };

	TRY(name_check(user, "session: user", err));
	TRY(text_check(but, HEX_HASH, "session", err));
	return writer_do(s->writer, end_sessions, x, err);
}

/* --- second factors --- */

struct factoring {
	struct str user, key;
	int64_t step;
	const struct str *codes;
	size_t n;
	struct arena *a;
	struct factor found;
};

static enum rc get_factor(struct db *d, void *ctx, struct err *err)
{
	struct factoring *f = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	f->found = (struct factor){ S(""), S("") };
	TRY(DB_START(d, &q, err, "SELECT secret, proposed FROM factor WHERE account = $1", DB_TEXT(f->user)));
	TRY(db_next(q, &row, err));
	if (!row)
		return RC_OK;
	TRY(copy(f->a, db_text(q, 0), &f->found.key, err));
	return copy(f->a, db_text(q, 1), &f->found.proposed, err);
}

enum rc factor_get(struct store *s, struct str user, struct arena *a, struct factor *ret, struct err *err)
{
	struct factoring f = { .user = user, .a = a };

	TRY(name_check(user, "user", err));
	TRY(store_read(s, get_factor, &f, err));
	*ret = f.found;
	return RC_OK;
}

static enum rc propose(struct store *s, void *ctx, struct err *err)
{
	const struct factoring *f = ctx;

	return DB_RUN(s->write_db, err,
		      "INSERT INTO factor (account, secret, proposed, step) VALUES ($1, '', $2, 0)"
		      " ON CONFLICT (account) DO UPDATE SET proposed = excluded.proposed",
		      DB_TEXT(f->user), DB_TEXT(f->key));
}

static enum rc rekey(struct store *s, void *ctx, struct err *err)
{
	const struct str *x = ctx;

	return DB_RUN(s->write_db, err, "UPDATE factor SET secret = $3 WHERE account = $1 AND secret = $2", DB_TEXT(x[0]), DB_TEXT(x[1]), DB_TEXT(x[2]));
}

enum rc factor_rekey(struct store *s, struct str user, struct str from, struct str to, struct err *err)
{
	struct str x[3] = { user, from, to };

	TRY(name_check(user, "user", err));
	TRY(text_check(to, FACTOR_TEXT_MAX, "second factor", err));
	return writer_do(s->writer, rekey, x, err);
}

enum rc factor_propose(struct store *s, struct str user, struct str key, struct err *err)
{
	struct factoring f = { .user = user, .key = key };

	TRY(name_check(user, "user", err));
	TRY(text_check(key, FACTOR_TEXT_MAX, "second factor", err));
	return writer_do(s->writer, propose, &f, err);
}

static enum rc confirm(struct store *s, void *ctx, struct err *err)
{
	const struct factoring *f = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "UPDATE factor SET secret = proposed, proposed = '', step = $2 WHERE account = $1 AND proposed <> ''", DB_TEXT(f->user),
		      DB_INT(f->step)));
	if (changed == 0)
		return FAIL(err, RC_CONFLICT, "second factor: begin anew, nothing is waiting to be confirmed");
	TRY(DB_RUN(s->write_db, err, "DELETE FROM recovery WHERE account = $1", DB_TEXT(f->user)));
	for (size_t i = 0; i < f->n; i++)
		TRY(DB_RUN(s->write_db, err, "INSERT INTO recovery (account, hash) VALUES ($1, $2)", DB_TEXT(f->user), DB_TEXT(f->codes[i])));
	return RC_OK;
}

enum rc factor_confirm(struct store *s, struct str user, int64_t step, const struct str *codes, size_t n, struct err *err)
{
	struct factoring f = { .user = user, .step = step, .codes = codes, .n = n };

	TRY(name_check(user, "user", err));
	for (size_t i = 0; i < n; i++)
		TRY(hash_check(codes[i], "recovery code", err));
	return writer_do(s->writer, confirm, &f, err);
}

static enum rc use_step(struct store *s, void *ctx, struct err *err)
{
	const struct factoring *f = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE factor SET step = $2 WHERE account = $1 AND step < $2", DB_TEXT(f->user),
		      DB_INT(f->step)));
	return changed > 0 ? RC_OK : FAIL(err, RC_CONFLICT, "second factor: this code was used");
}

enum rc factor_use(struct store *s, struct str user, int64_t step, struct err *err)
{
	struct factoring f = { .user = user, .step = step };

	TRY(name_check(user, "user", err));
	return writer_do(s->writer, use_step, &f, err);
}

static enum rc recover(struct store *s, void *ctx, struct err *err)
{
	const struct factoring *f = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "DELETE FROM recovery WHERE account = $1 AND hash = $2", DB_TEXT(f->user), DB_TEXT(f->key)));
	return changed > 0 ? RC_OK : FAIL(err, RC_NOTFOUND, "recovery code: not known, or used");
}

enum rc factor_recover(struct store *s, struct str user, struct str hash, struct err *err)
{
	struct factoring f = { .user = user, .key = hash };

	TRY(name_check(user, "user", err));
	TRY(hash_check(hash, "recovery code", err));
	return writer_do(s->writer, recover, &f, err);
}

static enum rc remove_factor(struct store *s, void *ctx, struct err *err)
{
	const struct str *user = ctx;

	TRY(DB_RUN(s->write_db, err, "DELETE FROM recovery WHERE account = $1", DB_TEXT(*user)));
	return DB_RUN(s->write_db, err, "DELETE FROM factor WHERE account = $1", DB_TEXT(*user));
}

enum rc factor_remove(struct store *s, struct str user, struct err *err)
{
	TRY(name_check(user, "user", err));
	return writer_do(s->writer, remove_factor, &user, err);
}

/* --- links --- */

struct linking {
	struct str user, hash, pass_hash;
	usec when; /* its end, or now */
	bool first;
	struct arena *a;
	struct str found;
};

static enum rc put_link(struct store *s, void *ctx, struct err *err)
{
	const struct linking *l = ctx;

	return DB_RUN(s->write_db, err,
		      "INSERT INTO password_link (account, hash, expires, is_first) VALUES ($1, $2, $3, $4)"
		      " ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, expires = excluded.expires, is_first = excluded.is_first",
		      DB_TEXT(l->user), DB_TEXT(l->hash), DB_INT(l->when), DB_INT(l->first));
}

enum rc passlink_put(struct store *s, struct str user, struct str hash, usec expires, bool first, struct err *err)
{
	struct linking l = { .user = user, .hash = hash, .when = expires, .first = first };

	TRY(name_check(user, "user", err));
	if (!first || hash.n > 0)
		TRY(hash_check(hash, "link", err));
	return writer_do(s->writer, put_link, &l, err);
}

static enum rc read_link(struct db *d, struct linking *l, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, "SELECT account FROM password_link WHERE hash = $1 AND expires > $2", DB_TEXT(l->hash), DB_INT(l->when)));
	TRY(db_next(q, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "link: not known, used, or older than a day");
	return copy(l->a, db_text(q, 0), &l->found, err);
}

static enum rc find_link(struct db *d, void *ctx, struct err *err)
{
	return read_link(d, ctx, err);
}

enum rc passlink_find(struct store *s, struct str hash, usec now, struct arena *a, struct str *ret_user, struct err *err)
{
	struct linking l = { .hash = hash, .when = now, .a = a };

	TRY(hash_check(hash, "link", err));
	TRY(store_read(s, find_link, &l, err));
	*ret_user = l.found;
	return RC_OK;
}

static enum rc use_link(struct store *s, void *ctx, struct err *err)
{
	struct linking *l = ctx;

	arena_reset(l->a);
	TRY(read_link(s->write_db, l, err));
	TRY(account_password_changes(s->write_db, l->found, l->pass_hash, l->when, err));
	TRY(DB_RUN(s->write_db, err, "UPDATE account SET pass_hash = $2, failures = 0, locked_until = 0 WHERE name = $1", DB_TEXT(l->found),
		   DB_TEXT(l->pass_hash)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM session WHERE account = $1", DB_TEXT(l->found)));
	return DB_RUN(s->write_db, err, "DELETE FROM password_link WHERE account = $1", DB_TEXT(l->found));
}

enum rc passlink_use(struct store *s, struct str hash, usec now, struct str pass_hash, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct linking l = { .hash = hash, .when = now, .pass_hash = pass_hash, .a = a };

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "link: out of memory");
	TRY(hash_check(hash, "link", err));
	TRY(text_check(pass_hash, 1024, "link: password", err));
	return small_change(s, use_link, &l, err);
}

static enum rc find_first(struct db *d, void *ctx, struct err *err)
{
	struct linking *l = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, "SELECT account FROM password_link WHERE is_first = 1 ORDER BY account LIMIT 1"));
	TRY(db_next(q, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "link: the first one was used");
	return copy(l->a, db_text(q, 0), &l->found, err);
}

enum rc passlink_first(struct store *s, struct arena *a, struct str *ret_user, struct err *err)
{
	struct linking l = { .a = a };

	TRY(store_read(s, find_first, &l, err));
	*ret_user = l.found;
	return RC_OK;
}

static enum rc remove_link(struct store *s, void *ctx, struct err *err)
{
	const struct str *user = ctx;

	return DB_RUN(s->write_db, err, "DELETE FROM password_link WHERE account = $1", DB_TEXT(*user));
}

enum rc passlink_remove(struct store *s, struct str user, struct err *err)
{
	TRY(name_check(user, "user", err));
	return writer_do(s->writer, remove_link, &user, err);
}
