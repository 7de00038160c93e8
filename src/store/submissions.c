#include "store/submissions.h"

#include <stdio.h>

#include "base/jsonw.h"
#include "base/text.h"
#include "store/facts_internal.h"

#define SHORT_MAX 256
#define RECEIPT_MAX 8192
#define LIST_MAX 1000
#define HOUR (3600 * USEC_PER_SEC)
#define MIB ((int64_t)1 << 20)
#define COLUMNS "row, id, owner, place, name, privacy, state, size, sha256, address, verdict, generation, done, at, finished, receipt"

static const char *const PRIVACY[] = { "hash", "verdict", "government", "public" };

const char *privacy_name(enum privacy p)
{
	return PRIVACY[p];
}

bool privacy_parse(struct str name, enum privacy *ret)
{
	for (size_t i = 0; i < COUNTOF(PRIVACY); i++)
		if (str_eq(name, str_of(PRIVACY[i]))) {
			*ret = (enum privacy)i;
			return true;
		}
	return false;
}

static enum rc check(const struct submission *r, struct err *err)
{
	struct uuid id;

	if (!uuid_parse(r->id, &id))
		return FAIL(err, RC_BAD, "submission: no id");
	if (r->size > INT64_MAX / 2)
		return FAIL(err, RC_LIMIT, "submission: too large");
	TRY(text_check(r->owner, SHORT_MAX, "owner", err));
	TRY(text_check(r->from, SHORT_MAX, "address", err));
	TRY(text_check(r->sha256, SHORT_MAX, "sha256", err));
	TRY(text_check(r->address, SHORT_MAX, "address", err));
	return text_check(r->name, SUBMISSION_NAME_MAX, "name", err);
}

/* --- facts --- */

/* Neither name nor digest: who may read the chain need not be who may know the file. */
static enum rc tell(struct store *s, const char *kind, struct str id, const char *class, uint64_t size, struct str actor, struct err *err)
{
	struct fact f = { .at = time_now(), .kind = str_of(kind), .actor = actor };
	char subject[SHORT_MAX];
	struct jsonw w;
	struct buf b;
	enum rc rc;

	snprintf(subject, sizeof subject, "submission:%.*s", STR(id));
	f.subject = str_of(subject);
	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "privacy", class);
	jsonw_m_int(&w, "size", (int64_t)size);
	jsonw_object_end(&w);
	f.body = buf_view(&b);
	rc = buf_check(&b, err, "submission");
	if (rc == RC_OK)
		rc = fact_append_here(s, &f, err);
	buf_done(&b);
	return rc;
}

/* --- quotas --- */

/* One more of this customer in this hour. Hours begin on the clock: simple to explain, and a row each. */
static enum rc count_in(struct store *s, const char *sort, struct str who, uint64_t size, int64_t files, int64_t mb, struct err *err)
{
	struct db *d = s->write_db;
	int64_t hour = time_now() / HOUR, n = 0, bytes = 0;
	char subject[SHORT_MAX + 16];
	struct dbq *q;
	enum rc rc;
	bool row;

	if (who.n == 0)
		return RC_OK;
	snprintf(subject, sizeof subject, "%s:%.*s", sort, STR(who));
	TRY(DB_START(d, &q, err,
		     "INSERT INTO lab_quota (subject, hour, n, bytes) VALUES ($1, $2, 1, $3)"
		     " ON CONFLICT (subject, hour) DO UPDATE SET n = lab_quota.n + 1, bytes = lab_quota.bytes + excluded.bytes RETURNING n, bytes",
		     DB_TEXT(str_of(subject)), DB_INT(hour), DB_INT(size)));
	rc = db_next(q, &row, err);
	if (rc == RC_OK && row) {
		n = db_int(q, 0);
		bytes = db_int(q, 1);
	}
	db_end(q);
	if (rc == RC_OK && files > 0 && n > files)
		return FAIL(err, RC_DENIED, "quota: %lld files an hour for each %s", (long long)files, sort);
	if (rc == RC_OK && mb > 0 && bytes > mb * MIB)
		return FAIL(err, RC_DENIED, "quota: %lld MiB an hour for each %s", (long long)mb, sort);
	if (rc == RC_OK && n == 1)
		rc = DB_RUN(d, err, "DELETE FROM lab_quota WHERE hour < $1", DB_INT(hour - 1));
	return rc;
}

static enum rc check_waiting(struct store *s, const struct quota *q, struct err *err)
{
	int64_t n;

	if (q->waiting == 0)
		return RC_OK;
	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT n FROM lab_waiting WHERE one = 1"));
	return n < q->waiting ? RC_OK : FAIL(err, RC_BUSY, "%lld files wait for the lab: try again later", (long long)n);
}

static enum rc waiting_more(struct store *s, int64_t more, struct err *err)
{
	return DB_RUN(s->write_db, err, "UPDATE lab_waiting SET n = n + $1 WHERE one = 1", DB_INT(more));
}

/* --- coming in --- */

struct change {
	struct submission *r;
	const struct quota *q;
	struct str actor;
	bool keep;
	uint64_t n;
};

static enum rc add_job(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;
	struct submission *r = c->r;
	int64_t n;

	if (r->state == SUBMISSION_UPLOADING) {
		TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM submission WHERE state = 0 AND owner = $1", DB_TEXT(r->owner)));
		if (n >= (str_eq(r->owner, S(SUBMISSION_PUBLIC)) ? 64 * UPLOADS_PER_OWNER : UPLOADS_PER_OWNER))
			return FAIL(err, RC_LIMIT, "%lld uploads are under way: end them first", (long long)n);
		TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM submission WHERE state = 0"));
		if (c->q->uploading_mb > 0 && n + (int64_t)r->size > c->q->uploading_mb * MIB)
			return FAIL(err, RC_BUSY, "%lld MiB are on their way already: try again later", (long long)(n / MIB));
	}
	TRY(check_waiting(s, c->q, err));
	TRY(count_in(s, "account", str_eq(r->owner, S(SUBMISSION_PUBLIC)) ? S("") : r->owner, r->size, c->q->owner_files, c->q->owner_mb, err));
	TRY(count_in(s, "address", r->from, r->size, c->q->from_files, c->q->from_mb, err));
	r->at = time_now();
	TRY(db_count_on(s->write_db, S("submission"), 1, &r->row, err));
	TRY(DB_RUN(s->write_db, err, "INSERT INTO submission (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', '', 0, $11, 0, '')",
		   DB_INT(r->row), DB_TEXT(r->id), DB_TEXT(r->owner), DB_TEXT(r->from), DB_TEXT(r->name), DB_INT(r->privacy), DB_INT(r->state),
		   DB_INT(r->size), DB_TEXT(r->sha256), DB_TEXT(r->address), DB_INT(r->at)));
	if (r->state != SUBMISSION_WAITING)
		return RC_OK;
	TRY(waiting_more(s, 1, err));
	return tell(s, "lab.submit", r->id, PRIVACY[r->privacy], r->size, c->actor, err);
}

enum rc submission_add(struct store *s, struct submission *r, const struct quota *q, struct str actor, struct err *err)
{
	struct change c = { .r = r, .q = q, .actor = actor };

	TRY(check(r, err));
	r->verdict = r->generation = r->receipt = S("");
	return writer_do(s->writer, add_job, &c, err);
}

static enum rc complete_job(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;
	const struct submission *r = c->r;
	uint64_t changed;

	TRY(check_waiting(s, c->q, err));
	TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE submission SET state = 1, sha256 = $2, address = $3 WHERE id = $1 AND state = 0", DB_TEXT(r->id),
		      DB_TEXT(r->sha256), DB_TEXT(r->address)));
	if (changed == 0)
		return FAIL(err, RC_CONFLICT, "upload: is complete, or given up");
	TRY(waiting_more(s, 1, err));
	return tell(s, "lab.submit", r->id, PRIVACY[r->privacy], r->size, c->actor, err);
}

enum rc submission_complete(struct store *s, const struct submission *r, const struct quota *q, struct str actor, struct err *err)
{
	struct submission one = *r;
	struct change c = { .r = &one, .q = q, .actor = actor };

	TRY(check(r, err));
	return writer_do(s->writer, complete_job, &c, err);
}

static enum rc drop_job(struct store *s, void *ctx, struct err *err)
{
	const struct str *id = ctx;

	return DB_RUN(s->write_db, err, "DELETE FROM submission WHERE id = $1 AND state = 0", DB_TEXT(*id));
}

enum rc submission_drop(struct store *s, struct str id, struct err *err)
{
	TRY(text_check(id, SHORT_MAX, "id", err));
	return writer_do(s->writer, drop_job, &id, err);
}

static enum rc drop_old_job(struct store *s, void *ctx, struct err *err)
{
	const usec *before = ctx;

	return DB_RUN(s->write_db, err, "DELETE FROM submission WHERE state = 0 AND at < $1", DB_INT(*before));
}

enum rc submission_drop_old(struct store *s, usec before, struct err *err)
{
	return writer_do(s->writer, drop_old_job, &before, err);
}

/* --- what becomes of it --- */

static enum rc finish_job(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;
	struct submission *r = c->r;
	uint64_t changed;

	r->finished = time_now();
	TRY(db_count_on(s->write_db, S("verdict"), 1, &r->done, err));
	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "UPDATE submission SET state = 2, verdict = $2, generation = $3, done = $4, finished = $5 WHERE id = $1 AND state = 1", DB_TEXT(r->id),
		      DB_TEXT(r->verdict), DB_TEXT(r->generation), DB_INT(r->done), DB_INT(r->finished)));
	if (changed == 0)
		return FAIL(err, RC_CONFLICT, "submission: was deleted meanwhile");
	if (!c->keep)
		TRY(DB_RUN(s->write_db, err, "UPDATE submission SET address = '' WHERE id = $1", DB_TEXT(r->id)));
	return waiting_more(s, -1, err);
}

enum rc submission_finish(struct store *s, struct submission *r, bool keep, struct err *err)
{
	struct change c = { .r = r, .keep = keep };

	TRY(check(r, err));
	TRY(text_check(r->verdict, SHORT_MAX, "verdict", err));
	TRY(text_check(r->generation, SHORT_MAX, "generation", err));
	TRY(writer_do(s->writer, finish_job, &c, err));
	r->state = SUBMISSION_DONE;
	if (!keep)
		r->address = S("");
	return RC_OK;
}

static enum rc again_job(struct store *s, void *ctx, struct err *err)
{
	const struct str *id = ctx;
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE submission SET state = 1 WHERE id = $1 AND state = 2 AND address <> ''", DB_TEXT(*id)));
	return changed == 1 ? waiting_more(s, 1, err) : FAIL(err, RC_CONFLICT, "submission: its bytes rest here no more, or it waits already");
}

enum rc submission_again(struct store *s, struct str id, struct err *err)
{
	TRY(text_check(id, SHORT_MAX, "id", err));
	return writer_do(s->writer, again_job, &id, err);
}

struct forgetting {
	struct str id, receipt, actor;
	uint64_t others;
};

/* Whoever counts the others and takes the last one away is one transaction: two that go at a time do not each leave it to the other. */
static enum rc forget_here(struct store *s, struct forgetting *f, struct err *err)
{
	int64_t n;

	TRY(DB_ONE_INT(s->write_db, &n, err,
		       "SELECT count(*) FROM submission WHERE address <> '' AND id <> $1 AND address = (SELECT address FROM submission WHERE id = $1)", DB_TEXT(f->id)));
	f->others = (uint64_t)n;
	return DB_RUN(s->write_db, err, "UPDATE submission SET address = '' WHERE id = $1", DB_TEXT(f->id));
}

static enum rc forget_job(struct store *s, void *ctx, struct err *err)
{
	return forget_here(s, ctx, err);
}

enum rc submission_forget_sample(struct store *s, struct str id, uint64_t *ret_others, struct err *err)
{
	struct forgetting f = { .id = id };

	TRY(text_check(id, SHORT_MAX, "id", err));
	TRY(writer_do(s->writer, forget_job, &f, err));
	*ret_others = f.others;
	return RC_OK;
}

static enum rc delete_job(struct store *s, void *ctx, struct err *err)
{
	const struct forgetting *f = ctx;
	uint64_t waited, changed;

	TRY(DB_CHANGE(s->write_db, &waited, err, "UPDATE submission SET state = 2 WHERE id = $1 AND state = 1", DB_TEXT(f->id)));
	if (waited > 0)
		TRY(waiting_more(s, -1, err));
	/* What it looks like goes with it. */
	TRY(DB_RUN(s->write_db, err, "DELETE FROM lab_near WHERE row = (SELECT row FROM submission WHERE id = $1)", DB_TEXT(f->id)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM lab_part WHERE row = (SELECT row FROM submission WHERE id = $1)", DB_TEXT(f->id)));
	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "UPDATE submission SET state = 3, name = '', sha256 = '', address = '', verdict = '', generation = '', finished = $2, receipt = $3"
		      " WHERE id = $1 AND state <> 3",
		      DB_TEXT(f->id), DB_INT(time_now()), DB_TEXT(f->receipt)));
	if (changed == 0)
		return FAIL(err, RC_CONFLICT, "submission: was deleted already");
	return tell(s, "lab.delete", f->id, "", 0, f->actor, err);
}

enum rc submission_delete(struct store *s, struct str id, struct str receipt, struct str actor, struct err *err)
{
	struct forgetting f = { .id = id, .receipt = receipt, .actor = actor };

	TRY(text_check(id, SHORT_MAX, "id", err));
	TRY(text_check(receipt, RECEIPT_MAX, "receipt", err));
	return writer_do(s->writer, delete_job, &f, err);
}

/* --- reading --- */

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	struct submission *r = row;
	const struct { struct str *to; int col; } texts[] = { { &r->id, 1 },	 { &r->owner, 2 },   { &r->from, 3 },	     { &r->name, 4 },	  { &r->sha256, 8 },
							       { &r->address, 9 }, { &r->verdict, 10 }, { &r->generation, 11 }, { &r->receipt, 15 } };

	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i].to = arena_dup(a, db_text(q, texts[i].col));
		if (texts[i].to->p == NULL)
			return false;
	}
	r->row = db_int(q, 0);
	r->privacy = (enum privacy)(db_int(q, 5) & 3);
	r->state = (enum submission_state)(db_int(q, 6) & 3);
	r->size = (uint64_t)db_int(q, 7);
	r->done = db_int(q, 12);
	r->at = db_int(q, 13);
	r->finished = db_int(q, 14);
	return true;
}

#define LISTED(arena) .what = "submissions", .size = sizeof(struct submission), .fill = fill, .a = (arena)

static enum rc listed(struct store *s, struct listing *l, uint32_t most, struct submission **ret, size_t *ret_n, struct err *err)
{
	TRY(store_list(s, l, most, err));
	*ret = l->rows;
	*ret_n = l->n;
	return RC_OK;
}

enum rc submission_get(struct store *s, struct str id, struct arena *a, struct submission *ret, struct err *err)
{
	struct listing l = { LISTED(a), .sql = "SELECT " COLUMNS " FROM submission WHERE id = $1", .v = { DB_TEXT(id) }, .n_v = 1 };

	TRY(text_check(id, SHORT_MAX, "id", err));
	TRY(store_list(s, &l, 1, err));
	if (l.n == 0)
		return FAIL(err, RC_NOTFOUND, "no submission '%.*s'", STR(id));
	*ret = *(struct submission *)l.rows;
	return RC_OK;
}

enum rc submission_list(struct store *s, const struct submission_filter *f, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err)
{
	uint32_t most = f->limit < LIST_MAX ? f->limit : LIST_MAX;
	/* One's own along the index of owners, all along the rows. */
	struct listing l = { LISTED(a),
			     .sql = f->owner.n > 0
				     ? "SELECT " COLUMNS " FROM submission WHERE owner = $1 AND row < $2 AND ($4 < 0 AND state > 0 OR state = $4)"
				       " AND ($5 = '' OR verdict = $5) AND ($6 = '' OR sha256 = $6) ORDER BY row DESC LIMIT $3"
				     : "SELECT " COLUMNS " FROM submission WHERE row < $2 AND ($4 < 0 AND state > 0 OR state = $4)"
				       " AND ($5 = '' OR verdict = $5) AND ($6 = '' OR sha256 = $6) AND (owner = $1 OR privacy >= $7) ORDER BY row DESC LIMIT $3",
			     .v = { DB_TEXT(f->owner.n > 0 ? f->owner : f->or_owner), DB_INT(f->before == 0 ? INT64_MAX : f->before), DB_INT(most),
				    DB_INT(f->state), DB_TEXT(f->verdict), DB_TEXT(f->sha256), DB_INT(f->every_class ? PRIVACY_HASH : f->public_only ? PRIVACY_PUBLIC : PRIVACY_GOVERNMENT) },
			     .n_v = f->owner.n > 0 ? 6 : 7 };

	TRY(text_check(f->owner, SHORT_MAX, "owner", err));
	TRY(text_check(f->or_owner, SHORT_MAX, "owner", err));
	TRY(text_check(f->verdict, SHORT_MAX, "verdict", err));
	TRY(text_check(f->sha256, SHORT_MAX, "sha256", err));
	return listed(s, &l, most, ret, ret_n, err);
}

static enum rc list_from(struct store *s, const char *sql, int64_t from, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err)
{
	uint32_t most = limit < LIST_MAX ? limit : LIST_MAX;
	struct listing l = { LISTED(a), .sql = sql, .v = { DB_INT(from), DB_INT(most) }, .n_v = 2 };

	return listed(s, &l, most, ret, ret_n, err);
}

enum rc submission_waiting(struct store *s, int64_t after, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err)
{
	return list_from(s, "SELECT " COLUMNS " FROM submission WHERE state = 1 AND row > $1 ORDER BY row LIMIT $2", after, limit, a, ret, ret_n, err);
}

enum rc submission_done_after(struct store *s, int64_t after, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err)
{
	return list_from(s, "SELECT " COLUMNS " FROM submission WHERE state = 2 AND done > $1 ORDER BY done LIMIT $2", after, limit, a, ret, ret_n, err);
}

enum rc submission_stored(struct store *s, int64_t after, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err)
{
	return list_from(s, "SELECT " COLUMNS " FROM submission WHERE state = 2 AND address <> '' AND row > $1 ORDER BY row LIMIT $2", after, limit, a, ret, ret_n, err);
}

static enum rc count_waiting(struct db *d, void *ctx, struct err *err)
{
	int64_t *n = ctx;

	return DB_ONE_INT(d, n, err, "SELECT n FROM lab_waiting WHERE one = 1");
}

static enum rc of_owner(struct store *s, const char *sql, struct str owner, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { LISTED(a), .sql = sql, .v = { DB_TEXT(owner), DB_INT(limit) }, .n_v = 2 };

	return listed(s, &l, limit, ret, ret_n, err);
}

enum rc submission_next(struct store *s, struct str owner, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err)
{
	static const char behind[] = "SELECT " COLUMNS " FROM submission WHERE state = 1 AND owner > $1 ORDER BY owner, row LIMIT $2";

	TRY(of_owner(s, behind, owner, 1, a, ret, ret_n, err));
	if (*ret_n == 0 && owner.n > 0)
		TRY(of_owner(s, behind, S(""), 1, a, ret, ret_n, err));
	if (*ret_n == 0 || limit == 1)
		return RC_OK;
	return of_owner(s, "SELECT " COLUMNS " FROM submission WHERE state = 1 AND owner = $1 ORDER BY row LIMIT $2", (*ret)->owner, limit < LIST_MAX ? limit : LIST_MAX,
			a, ret, ret_n, err);
}

uint64_t submission_count_waiting(struct store *s)
{
	int64_t n = 0;

	return store_read(s, count_waiting, &n, NULL) == RC_OK && n > 0 ? (uint64_t)n : 0;
}

struct counting {
	struct str address;
	int64_t n;
};

static enum rc count_at(struct db *d, void *ctx, struct err *err)
{
	struct counting *c = ctx;

	return DB_ONE_INT(d, &c->n, err, "SELECT count(*) FROM submission WHERE address = $1 AND address <> ''", DB_TEXT(c->address));
}

enum rc submission_count_at(struct store *s, struct str address, uint64_t *ret, struct err *err)
{
	struct counting c = { .address = address };

	TRY(text_check(address, SHORT_MAX, "address", err));
	TRY(store_read(s, count_at, &c, err));
	*ret = (uint64_t)c.n;
	return RC_OK;
}

struct measuring {
	int64_t bytes;
};

static enum rc measure(struct db *d, void *ctx, struct err *err)
{
	struct measuring *m = ctx;

	return DB_ONE_INT(d, &m->bytes, err, "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM submission WHERE address <> ''");
}

enum rc submission_overdue(struct store *s, usec before, uint64_t bytes, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err)
{
	struct measuring m = { 0 };
	struct submission *all;
	size_t n, due = 0;
	uint64_t over;

	TRY(store_read(s, measure, &m, err));
	TRY(submission_stored(s, 0, limit, a, &all, &n, err));
	over = (uint64_t)m.bytes > bytes ? (uint64_t)m.bytes - bytes : 0;
	while (due < n && (all[due].at < before || over > 0)) {
		over = over > all[due].size ? over - all[due].size : 0;
		due++;
	}
	*ret = all;
	*ret_n = due;
	return RC_OK;
}
