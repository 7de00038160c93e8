#include "store/intake.h"

#include <stdio.h>

#include "base/jsonw.h"
#include "base/text.h"
#include "store/facts_internal.h"

#define SHORT_MAX 200
#define REASON_MAX 4000
#define LIST_MAX 1000
#define COLUMNS "row, at, changed, number, channel, what, happened, contact, state, incident, duplicate_of, reason, changed_by, code"

static enum rc tell(struct store *s, const char *kind, struct str number, struct str actor, struct buf *body, struct err *err)
{
	char subject[SHORT_MAX + 8];
	struct fact f = { .at = time_now(), .kind = str_of(kind), .actor = actor };

	snprintf(subject, sizeof subject, "report:%.*s", STR(number));
	f.subject = str_of(subject);
	f.body = buf_view(body);
	TRY(buf_check(body, err, "report"));
	return fact_append_here(s, &f, err);
}

/* The chain proves what was said by its digest and holds no word of it: reports name people. */
static enum rc tell_received(struct store *s, const struct intake_report *r, struct str actor, struct err *err)
{
	struct hash_sha256_ctx *h = hash_sha256_new();
	const struct str texts[] = { r->what, r->when, r->contact };
	unsigned char digest[SHA256_LEN];
	struct buf b, hex;
	struct jsonw w;
	enum rc rc;

	if (h == NULL)
		return FAIL(err, RC_NOMEM, "report: out of memory");
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		hash_sha256_add(h, texts[i]);
		hash_sha256_add(h, str_make("", 1));
	}
	hash_sha256_end(h, digest);
	hash_sha256_free(h);
	buf_init(&b, 4096);
	buf_init(&hex, 128);
	hex_put(&hex, str_make((const char *)digest, sizeof digest));
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "channel", r->channel);
	jsonw_m_str(&w, "sha256", buf_view(&hex));
	jsonw_object_end(&w);
	rc = tell(s, "intake.received", r->number, actor, &b, err);
	buf_done(&b);
	buf_done(&hex);
	return rc;
}

struct putting {
	struct intake_report *r;
	struct str actor;
};

static enum rc put_job(struct store *s, void *ctx, struct err *err)
{
	struct putting *p = ctx;
	struct intake_report *r = p->r;
	char counter[40], text[TIME_TEXT_MAX];
	int64_t n;

	r->at = r->changed = time_now();
	time_format(r->at, text);
	snprintf(counter, sizeof counter, "intake-%s%.4s", r->exercise ? STORE_EXERCISE : "", text);
	TRY(db_count_on(s->write_db, str_of(counter), 1, &n, err));
	TRY(db_count_on(s->write_db, S("intake"), 1, &r->row, err));
	snprintf(r->number_text, sizeof r->number_text, "%sR%.4s-%06lld", r->exercise ? STORE_EXERCISE : "", text, (long long)n);
	r->number = str_of(r->number_text);
	TRY(DB_RUN(s->write_db, err,
		   "INSERT INTO intake (" COLUMNS ") VALUES ($1, $2, $2, $3, $4, $5, $6, $7, 'received', '', '', '', '', $8)", DB_INT(r->row), DB_INT(r->at),
		   DB_TEXT(r->number), DB_TEXT(r->channel), DB_TEXT(r->what), DB_TEXT(r->when), DB_TEXT(r->contact),
		   DB_BYTES(str_make((const char *)r->code, SHA256_LEN))));
	return tell_received(s, r, p->actor, err);
}

enum rc intake_put(struct store *s, struct intake_report *r, struct str actor, struct err *err)
{
	struct putting p = { r, actor };

	TRY(text_check(r->channel, SHORT_MAX, "channel", err));
	TRY(text_check(r->what, INTAKE_WHAT_MAX, "what", err));
	TRY(text_check(r->when, INTAKE_SHORT_MAX, "when", err));
	TRY(text_check(r->contact, INTAKE_SHORT_MAX, "contact", err));
	r->state = S("received");
	r->incident = r->duplicate_of = r->reason = r->changed_by = S("");
	return writer_do(s->writer, put_job, &p, err);
}

struct settling {
	const struct intake_report *r;
	struct str actor;
};

/* A report that others are doubles of has to be one of its own. */
static enum rc check_double(struct store *s, const struct intake_report *r, struct err *err)
{
	int64_t n;

	if (r->duplicate_of.n == 0)
		return RC_OK;
	if (str_eq(r->duplicate_of, r->number))
		return FAIL(err, RC_CONFLICT, "report %.*s: is no duplicate of itself", STR(r->number));
	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM intake WHERE number = $1", DB_TEXT(r->duplicate_of)));
	if (n == 0)
		return FAIL(err, RC_NOTFOUND, "no report '%.*s'", STR(r->duplicate_of));
	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM intake WHERE number = $1 AND state = 'duplicate'", DB_TEXT(r->duplicate_of)));
	return n == 0 ? RC_OK : FAIL(err, RC_CONFLICT, "report %.*s: is a duplicate itself: name the first one", STR(r->duplicate_of));
}

static enum rc settle_job(struct store *s, void *ctx, struct err *err)
{
	const struct settling *x = ctx;
	const struct intake_report *r = x->r;
	char kind[FACT_KIND_MAX];
	uint64_t changed;
	struct buf b;
	struct jsonw w;
	int64_t n;
	enum rc rc;

	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM intake WHERE number = $1", DB_TEXT(r->number)));
	if (n == 0)
		return FAIL(err, RC_NOTFOUND, "no report '%.*s'", STR(r->number));
	TRY(check_double(s, r, err));
	TRY(DB_CHANGE(s->write_db, &changed, err,
		      "UPDATE intake SET state = $2, incident = $3, duplicate_of = $4, reason = $5, changed = $6, changed_by = $7"
		      " WHERE number = $1 AND state <> 'opened'",
		      DB_TEXT(r->number), DB_TEXT(r->state), DB_TEXT(r->incident), DB_TEXT(r->duplicate_of), DB_TEXT(r->reason), DB_INT(time_now()),
		      DB_TEXT(x->actor)));
	if (changed == 0)
		return FAIL(err, RC_CONFLICT, "report %.*s: is part of an incident already", STR(r->number));
	snprintf(kind, sizeof kind, "intake.%.*s", (int)(r->state.n < 40 ? r->state.n : 40), r->state.p);
	buf_init(&b, 65536);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "incident", r->incident);
	jsonw_m_str(&w, "duplicate_of", r->duplicate_of);
	jsonw_m_str(&w, "reason", r->reason);
	jsonw_object_end(&w);
	rc = tell(s, kind, r->number, x->actor, &b, err);
	buf_done(&b);
	return rc;
}

enum rc intake_settle(struct store *s, const struct intake_report *r, struct str actor, struct err *err)
{
	struct settling x = { r, actor };

	TRY(text_check(r->number, SHORT_MAX, "report", err));
	TRY(text_check(r->state, SHORT_MAX, "state", err));
	TRY(text_check(r->incident, SHORT_MAX, "incident", err));
	TRY(text_check(r->duplicate_of, SHORT_MAX, "duplicate_of", err));
	TRY(text_check(r->reason, REASON_MAX, "reason", err));
	return writer_do(s->writer, settle_job, &x, err);
}

/* --- reading --- */

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	struct intake_report *r = row;
	struct str *texts[] = { &r->number, &r->channel,      &r->what,   &r->when,      &r->contact, &r->state,
				&r->incident, &r->duplicate_of, &r->reason, &r->changed_by };
	struct str code = db_bytes(q, 13);

	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i] = arena_dup(a, db_text(q, 3 + (int)i));
		if (texts[i]->p == NULL)
			return false;
	}
	r->exercise = str_starts(r->number, S(STORE_EXERCISE));
	r->row = db_int(q, 0);
	r->at = db_int(q, 1);
	r->changed = db_int(q, 2);
	if (code.n == SHA256_LEN)
		memcpy(r->code, code.p, SHA256_LEN);
	return true;
}

#define LISTED(arena) .what = "reports", .size = sizeof(struct intake_report), .fill = fill, .a = (arena)

enum rc intake_get(struct store *s, struct str number, struct arena *a, struct intake_report *ret, struct err *err)
{
	struct listing l = { LISTED(a), .sql = "SELECT " COLUMNS " FROM intake WHERE number = $1", .v = { DB_TEXT(number) }, .n_v = 1 };

	TRY(text_check(number, SHORT_MAX, "report", err));
	TRY(store_list(s, &l, 1, err));
	if (l.n == 0)
		return FAIL(err, RC_NOTFOUND, "no report '%.*s'", STR(number));
	*ret = *(struct intake_report *)l.rows;
	return RC_OK;
}

enum rc intake_list(struct store *s, struct str state, int64_t before, uint32_t limit, struct arena *a, struct intake_report **ret, size_t *ret_n,
		    struct err *err)
{
	/* Of one state along its own index. */
	uint32_t most = limit < LIST_MAX ? limit : LIST_MAX;
	struct listing l = { LISTED(a), .sql = state.n == 0 ? "SELECT " COLUMNS " FROM intake WHERE row < $1 ORDER BY row DESC LIMIT $2"
							    : "SELECT " COLUMNS " FROM intake WHERE state = $3 AND row < $1 ORDER BY row DESC LIMIT $2",
			     .v = { DB_INT(before == 0 ? INT64_MAX : before), DB_INT(most), DB_TEXT(state) }, .n_v = state.n == 0 ? 2 : 3 };

	TRY(text_check(state, SHORT_MAX, "state", err));
	TRY(store_list(s, &l, most, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}
