/* Issuing, keeping, sending, answering; all on the writer's thread. */
#include "store/bulletins.h"

#include <stdio.h>

#include "base/ascii.h"
#include "base/hash.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "store/bulletins_internal.h"

#define FACT_BODY 4096
#define NODE_SHOWN 64

struct change {
	struct bulletin_row *b;
	struct str node, actor;
	const struct str *to;
	size_t n_to;
	struct str id;
	const struct bulletin_answer *answer;
	bool fresh;
};

static enum rc check_row(const struct bulletin_row *b, struct err *err)
{
	const struct { struct str s; const char *what; } shorts[] = {
		{ b->id, "bulletin: id" }, { b->number, "bulletin: number" }, { b->code, "bulletin: code" }, { b->category, "bulletin: category" },
		{ b->source, "bulletin: source" }, { b->origin, "bulletin: origin" },
	};

	for (size_t i = 0; i < COUNTOF(shorts); i++)
		TRY(text_check(shorts[i].s, SHORT_MAX, shorts[i].what, err));
	TRY(text_check(b->title, TITLE_MAX, "bulletin: title", err));
	return text_check(b->body, BULLETIN_CONTENT_MAX, "bulletin: content", err);
}

static void hex_digest(struct str s, char out[static 2 * SHA256_LEN + 1])
{
	unsigned char d[SHA256_LEN];

	hash_sha256(s, d);
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", d[i]);
}

struct said { const char *name; struct str value; };

/* Names and numbers only: a fact is read by other ways than the bulletin. */
static enum rc chain(struct store *s, const char *kind, struct str actor, struct str id, const struct said *said, size_t n, struct err *err)
{
	struct buf b;
	struct jsonw w;
	enum rc rc;

	buf_init(&b, FACT_BODY);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	for (size_t i = 0; i < n; i++)
		if (said[i].value.n > 0)
			jsonw_m_str(&w, said[i].name, said[i].value);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "alert");
	if (rc == RC_OK) {
		struct fact f = { .at = time_now(), .kind = str_of(kind), .actor = actor, .subject = id, .body = buf_view(&b) };

		rc = fact_append_here(s, &f, err);
	}
	buf_done(&b);
	return rc;
}

/* "Water Co" is WATER-CO in numbers; what is not ASCII stays as it is. */
static void number_prefix(struct str node, char out[static NODE_SHOWN + 4])
{
	size_t n = 0;

	for (size_t at = 0; at < node.n && n < NODE_SHOWN;) {
		size_t len = utf8_len(node, at);
		char c = node.p[at];

		if (len > 1 && n + len <= NODE_SHOWN)
			memcpy(out + n, node.p + at, len);
		else if (len > 1)
			break;
		else
			out[n] = ascii_alnum(c) ? (char)(ascii_lower(c) ? c - 'a' + 'A' : c) : '-';
		n += len == 0 ? 1 : len;
		at += len == 0 ? 1 : len;
	}
	out[n] = '\0';
}

/* Each code counts anew each year, in the order of commits; drills for themselves. */
static enum rc take_number(struct store *s, struct str node, struct bulletin_row *b, struct err *err)
{
	char counter[64], year[TIME_TEXT_MAX], prefix[NODE_SHOWN + 4];
	int64_t n;

	time_format(b->issued, year);
	snprintf(counter, sizeof counter, "bulletin-%.*s-%s%.4s", STR(str_slice(b->code, 0, 8)), b->exercise ? STORE_EXERCISE : "", year);
	TRY(db_count_on(s->write_db, str_of(counter), 1, &n, err));
	number_prefix(node, prefix);
	snprintf(b->number_text, sizeof b->number_text, "%s-%.*s-%s%.4s-%04lld", prefix, STR(str_slice(b->code, 0, 8)),
		 b->exercise ? STORE_EXERCISE : "", year, (long long)n);
	b->number = str_of(b->number_text);
	return RC_OK;
}

static enum rc insert(struct store *s, const char *kind, struct bulletin_row *b, struct str actor, struct err *err)
{
	char digest[2 * SHA256_LEN + 1] = "";
	const struct said said[] = { { "number", b->number }, { "code", b->code }, { "source", b->source }, { "origin", b->origin },
				     { "sha256", { digest, 2 * SHA256_LEN } } };

	hex_digest(b->body, digest);
	TRY(db_count_on(s->write_db, S("bulletin"), 1, &b->row, err));
	TRY(DB_RUN(s->write_db, err,
		   "INSERT INTO bulletin (row, id, number, code, category, title, source, tlp, impact, exercise, is_out, origin, issued, came, due,"
		   " body, sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
		   DB_INT(b->row), DB_TEXT(b->id), DB_TEXT(b->number), DB_TEXT(b->code), DB_TEXT(b->category), DB_TEXT(b->title), DB_TEXT(b->source),
		   DB_INT(b->tlp), DB_INT(b->impact), DB_INT(b->exercise), DB_INT(b->is_out), DB_TEXT(b->origin), DB_INT(b->issued), DB_INT(b->came),
		   DB_INT(b->due), DB_TEXT(b->body), DB_TEXT(str_of(digest))));
	return chain(s, kind, actor, b->id, said, COUNTOF(said), err);
}

/* *ret_changed false: it was a recipient already. */
static enum rc add_recipient(struct store *s, int64_t row, struct str who, usec received, bool *ret_changed, struct err *err)
{
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "INSERT INTO bulletin_to (bulletin, who, queued, sent, received, read_at, answered, disposition, reason, incident, feedback, told, late)"
		      " VALUES ($1, $2, $3, 0, $4, 0, 0, '', '', '', '', 0, (SELECT CASE WHEN due > 0 AND code <> 'FBI' THEN 0 ELSE 2 END FROM bulletin"
		      " WHERE row = $1)) ON CONFLICT (bulletin, who) DO NOTHING",
		      DB_INT(row), DB_TEXT(who), DB_INT(time_now()), DB_INT(received)));
	*ret_changed = changed > 0;
	return RC_OK;
}

static enum rc add_recipients(struct store *s, int64_t row, const struct change *c, struct str id, struct err *err)
{
	int64_t there;

	for (size_t i = 0; i < c->n_to; i++) {
		const struct said said = { "to", c->to[i] };
		bool changed;

		TRY(add_recipient(s, row, c->to[i], 0, &changed, err));
		if (changed)
			TRY(chain(s, "alert.send", c->actor, id, &said, 1, err));
	}
	TRY(DB_ONE_INT(s->write_db, &there, err, "SELECT count(*) FROM bulletin_to WHERE bulletin = $1", DB_INT(row)));
	return there > BULLETIN_TO_MAX ? FAIL(err, RC_LIMIT, "bulletin: more than %d recipients", BULLETIN_TO_MAX) : RC_OK;
}

static enum rc row_of(struct store *s, struct str id, int64_t *ret, struct err *err)
{
	enum rc rc = DB_ONE_INT(s->write_db, ret, err, "SELECT row FROM bulletin WHERE id = $1", DB_TEXT(id));

	return rc == RC_NOTFOUND ? FAIL(err, rc, "no alert '%.*s'", STR(str_slice(id, 0, 64))) : rc;
}

static enum rc issue_here(struct store *s, struct change *c, struct err *err)
{
	struct bulletin_row *b = c->b;
	int64_t there;

	TRY(DB_ONE_INT(s->write_db, &there, err, "SELECT count(*) FROM bulletin WHERE id = $1", DB_TEXT(b->id)));
	if (there > 0)
		return FAIL(err, RC_CONFLICT, "bulletin: '%.*s' is there already", STR(b->id));
	b->issued = b->came = time_now();
	b->is_out = true;
	TRY(take_number(s, c->node, b, err));
	TRY(insert(s, "alert.new", b, c->actor, err));
	return add_recipients(s, b->row, c, b->id, err);
}

static enum rc issue_job(struct store *s, void *ctx, struct err *err)
{
	return issue_here(s, ctx, err);
}

static enum rc check_to(const struct str *to, size_t n, struct err *err)
{
	if (n > BULLETIN_TO_MAX)
		return FAIL(err, RC_LIMIT, "bulletin: more than %d recipients", BULLETIN_TO_MAX);
	for (size_t i = 0; i < n; i++)
		TRY(name_check(to[i], "recipient", err));
	return RC_OK;
}

enum rc bulletin_issue(struct store *s, struct str node, struct bulletin_row *b, const struct str *to, size_t n_to, struct str actor,
		       struct err *err)
{
	struct change c = { .b = b, .node = node, .to = to, .n_to = n_to, .actor = actor };

	TRY(check_row(b, err));
	TRY(check_to(to, n_to, err));
	return writer_do(s->writer, issue_job, &c, err);
}

/* Of a bulletin that is there: the same content, or a conflict. */
static enum rc same_content(struct store *s, struct bulletin_row *b, struct err *err)
{
	char digest[2 * SHA256_LEN + 1];
	int64_t same;

	hex_digest(b->body, digest);
	TRY(DB_ONE_INT(s->write_db, &same, err, "SELECT count(*) FROM bulletin WHERE row = $1 AND sha256 = $2 AND number = $3 AND origin = $4", DB_INT(b->row),
		       DB_TEXT(str_of(digest)), DB_TEXT(b->number), DB_TEXT(b->origin)));
	return same > 0 ? RC_OK : FAIL(err, RC_CONFLICT, "bulletin: '%.*s' is there with other content", STR(b->id));
}

static enum rc put_word(struct store *s, int64_t row, struct str who, struct str kind, struct err *err)
{
	return DB_RUN(s->write_db, err, "INSERT INTO bulletin_word (bulletin, who, kind, at) VALUES ($1, $2, $3, $4) ON CONFLICT (bulletin, who, kind) DO NOTHING",
		      DB_INT(row), DB_TEXT(who), DB_TEXT(kind), DB_INT(time_now()));
}

static enum rc keep_here(struct store *s, struct change *c, struct err *err)
{
	struct bulletin_row *b = c->b;
	enum rc rc = DB_ONE_INT(s->write_db, &b->row, NULL, "SELECT row FROM bulletin WHERE id = $1", DB_TEXT(b->id));
	int64_t ours;
	bool added;

	c->fresh = rc == RC_NOTFOUND;
	if (rc == RC_OK)
		return same_content(s, b, err);
	if (rc != RC_NOTFOUND)
		return FAIL(err, rc, "bulletin: the records cannot be read");
	TRY(DB_ONE_INT(s->write_db, &ours, err, "SELECT count(*) FROM bulletin WHERE number = $1 AND is_out = 1", DB_TEXT(b->number)));
	if (ours > 0)
		return FAIL(err, RC_CONFLICT, "bulletin: '%.*s' was issued here", STR(b->number));
	b->came = time_now();
	TRY(insert(s, "alert.came", b, c->actor, err));
	if (b->tell)
		TRY(put_word(s, b->row, S(""), S("came"), err));
	return add_recipient(s, b->row, S(""), b->came, &added, err);
}

static enum rc keep_job(struct store *s, void *ctx, struct err *err)
{
	return keep_here(s, ctx, err);
}

enum rc bulletin_keep(struct store *s, struct bulletin_row *b, struct str actor, bool *ret_fresh, struct err *err)
{
	struct change c = { .b = b, .actor = actor };

	TRY(check_row(b, err));
	if (b->number.n == 0)
		return FAIL(err, RC_BAD, "bulletin: it has no number");
	TRY(writer_do(s->writer, keep_job, &c, err));
	*ret_fresh = c.fresh;
	return RC_OK;
}

static enum rc send_job(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;
	int64_t row;

	TRY(row_of(s, c->id, &row, err));
	return add_recipients(s, row, c, c->id, err);
}

enum rc bulletin_send(struct store *s, struct str id, const struct str *to, size_t n_to, struct str actor, struct err *err)
{
	struct change c = { .id = id, .to = to, .n_to = n_to, .actor = actor };

	TRY(text_check(id, SHORT_MAX, "bulletin: id", err));
	TRY(check_to(to, n_to, err));
	return writer_do(s->writer, send_job, &c, err);
}

/* --- receipts --- */

static enum rc is_recipient(struct store *s, int64_t row, struct str who, struct err *err)
{
	int64_t there;

	TRY(DB_ONE_INT(s->write_db, &there, err, "SELECT count(*) FROM bulletin_to WHERE bulletin = $1 AND who = $2", DB_INT(row), DB_TEXT(who)));
	return there > 0 ? RC_OK : FAIL(err, RC_NOTFOUND, "alert: it was not sent to '%.*s'", STR(str_slice(who, 0, 64)));
}

static const struct { const char *sql, *kind; } stages[] = {
	[BULLETIN_SENT] = { "UPDATE bulletin_to SET sent = $3 WHERE bulletin = $1 AND who = $2 AND (sent = 0 OR sent > $3)", "alert.sent" },
	[BULLETIN_RECEIVED] = { "UPDATE bulletin_to SET received = $3 WHERE bulletin = $1 AND who = $2 AND (received = 0 OR received > $3)", "alert.received" },
	[BULLETIN_READ] = { "UPDATE bulletin_to SET read_at = $3 WHERE bulletin = $1 AND who = $2 AND (read_at = 0 OR read_at > $3)", "alert.read" },
};

struct reach {
	struct str id, who, actor;
	enum bulletin_stage stage;
	usec at;
};

static enum rc reach_job(struct store *s, void *ctx, struct err *err)
{
	const struct reach *r = ctx;
	struct dbv v[3] = { DB_INT(0), DB_TEXT(r->who), DB_INT(r->at) };
	const struct said said = { "who", r->who };
	uint64_t changed;
	int64_t row;

	TRY(row_of(s, r->id, &row, err));
	TRY(is_recipient(s, row, r->who, err));
	v[0].i = row;
	TRY(db_run(s->write_db, &changed, stages[r->stage].sql, v, COUNTOF(v), err));
	return changed == 0 ? RC_OK : chain(s, stages[r->stage].kind, r->actor, r->id, &said, 1, err);
}

enum rc bulletin_reach(struct store *s, struct str id, struct str who, enum bulletin_stage stage, usec at, struct str actor, struct err *err)
{
	struct reach r = { .id = id, .who = who, .actor = actor, .stage = stage, .at = at };

	TRY(text_check(id, SHORT_MAX, "bulletin: id", err));
	TRY(text_check(who, SHORT_MAX, "recipient", err));
	return writer_do(s->writer, reach_job, &r, err);
}

/* --- answers --- */

static enum rc put_answer(struct store *s, int64_t row, const struct change *c, struct err *err)
{
	const struct bulletin_answer *x = c->answer;
	const struct said said[] = { { "who", x->who }, { "disposition", x->disposition }, { "incident", x->incident }, { "feedback", c->b->number } };

	TRY(DB_RUN(s->write_db, err,
		   "UPDATE bulletin_to SET answered = $3, disposition = $4, reason = $5, incident = $6, feedback = $7,"
		   " late = CASE WHEN late = 0 THEN 2 ELSE late END WHERE bulletin = $1 AND who = $2"
		   " AND (answered < $3 OR (answered = $3 AND feedback < $7))",
		   DB_INT(row), DB_TEXT(x->who), DB_INT(x->at), DB_TEXT(x->disposition), DB_TEXT(x->reason), DB_TEXT(x->incident), DB_TEXT(c->b->number)));
	return chain(s, "alert.answer", c->actor, x->id, said, COUNTOF(said), err);
}

/* Whom our answer goes to: where the bulletin came from. */
static enum rc origin_of(struct store *s, int64_t row, char name[static SHORT_MAX + 1], struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool there;

	TRY(DB_START(s->write_db, &q, err, "SELECT origin FROM bulletin WHERE row = $1", DB_INT(row)));
	TRY(db_next(q, &there, err));
	snprintf(name, SHORT_MAX + 1, "%.*s", STR(there ? db_text(q, 0) : S("")));
	return RC_OK;
}

static enum rc answer_job(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;
	char origin[SHORT_MAX + 1];
	struct str to;
	int64_t row;

	TRY(row_of(s, c->answer->id, &row, err));
	TRY(is_recipient(s, row, c->answer->who, err));
	if (c->node.n == 0) {
		TRY(keep_here(s, c, err));
	} else {
		TRY(origin_of(s, row, origin, err));
		to = str_of(origin);
		c->to = &to;
		c->n_to = to.n > 0 ? 1 : 0;
		c->fresh = true;
		TRY(issue_here(s, c, err));
	}
	return c->fresh ? put_answer(s, row, c, err) : RC_OK;
}

enum rc bulletin_answer(struct store *s, struct str node, const struct bulletin_answer *x, struct bulletin_row *feedback, struct str actor,
			bool *ret_fresh, struct err *err)
{
	struct change c = { .b = feedback, .node = node, .answer = x, .actor = actor };

	TRY(check_row(feedback, err));
	TRY(text_check(x->id, SHORT_MAX, "bulletin: id", err));
	TRY(text_check(x->who, SHORT_MAX, "recipient", err));
	TRY(text_check(x->disposition, SHORT_MAX, "disposition", err));
	TRY(text_check(x->reason, REASON_MAX, "reason", err));
	TRY(text_check(x->incident, TITLE_MAX, "incident", err));
	TRY(writer_do(s->writer, answer_job, &c, err));
	*ret_fresh = c.fresh;
	return RC_OK;
}

static enum rc done_job(struct store *s, void *ctx, struct err *err)
{
	const struct bulletin_errand *e = ctx;
	const struct said said = { "to", e->to };

	if (e->receipt)
		return DB_RUN(s->write_db, err, "UPDATE bulletin_to SET told = $2 WHERE bulletin = $1 AND who = '' AND told < $2", DB_INT(e->row),
			      DB_INT(e->read > 0 ? 2 : 1));
	TRY(DB_RUN(s->write_db, err, "UPDATE bulletin_to SET sent = $3 WHERE bulletin = $1 AND who = $2 AND sent = 0", DB_INT(e->row), DB_TEXT(e->to),
		   DB_INT(time_now())));
	return chain(s, "alert.sent", S("node"), e->id, &said, 1, err);
}

enum rc bulletin_errand_done(struct store *s, const struct bulletin_errand *e, struct err *err)
{
	struct bulletin_errand copy = *e;

	return writer_do(s->writer, done_job, &copy, err);
}

static enum rc late_job(struct store *s, void *ctx, struct err *err)
{
	struct bulletin_late *l = ctx;
	const struct said said[] = { { "number", l->number }, { "who", l->who } };
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE bulletin_to SET late = 1 WHERE bulletin = $1 AND who = $2 AND late = 0", DB_INT(l->row),
		      DB_TEXT(l->who)));
	l->fresh = changed > 0;
	if (l->fresh && l->tell)
		TRY(put_word(s, l->row, l->who, S("overdue"), err));
	return l->fresh ? chain(s, "alert.overdue", S("node"), l->id, said, COUNTOF(said), err) : RC_OK;
}

enum rc bulletin_late_put(struct store *s, struct bulletin_late *l, struct err *err)
{
	return writer_do(s->writer, late_job, l, err);
}

static enum rc word_job(struct store *s, void *ctx, struct err *err)
{
	const struct bulletin_word *w = ctx;

	return DB_RUN(s->write_db, err, "DELETE FROM bulletin_word WHERE bulletin = $1 AND who = $2 AND kind = $3", DB_INT(w->row), DB_TEXT(w->who),
		      DB_TEXT(w->kind));
}

enum rc bulletin_word_done(struct store *s, const struct bulletin_word *w, struct err *err)
{
	struct bulletin_word copy = *w;

	return writer_do(s->writer, word_job, &copy, err);
}
