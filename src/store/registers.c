#include "store/registers.h"

#include <stdio.h>

#include "base/jsonw.h"
#include "base/text.h"
#include "store/facts_internal.h"

#define ID_MAX 64
#define ALIAS_MAX 200
#define LIST_MAX 1000
#define COLUMNS \
	"row, id, alias, owner, name, body, sector, level, tier, region, starts, ends, version, created, changed, changed_by, retired"

static const struct kind {
	const char *name, *prefix;
	int owner; /* enum register_kind of what it belongs to */
} KINDS[REGISTER_KINDS] = {
	[REGISTER_ORGANISATION] = { "organisation", "org", REGISTER_ORGANISATION },
	[REGISTER_SYSTEM] = { "system", "sys", REGISTER_ORGANISATION },
	[REGISTER_PERSON] = { "person", "person", REGISTER_ORGANISATION },
	[REGISTER_DUTY] = { "duty", "duty", REGISTER_PERSON },
};

const char *register_kind_name(enum register_kind kind)
{
	return KINDS[kind].name;
}

static enum rc check_entry(const struct register_entry *e, struct err *err)
{
	TRY(text_check(e->id, ID_MAX, "id", err));
	for (size_t i = 0; i < e->id.n; i++)
		if (memchr("abcdefghijklmnopqrstuvwxyz0123456789._-", e->id.p[i], 39) == NULL)
			return FAIL(err, RC_BAD, "id: expected 1 to 64 of a-z 0-9 . _ -");
	TRY(text_check(e->alias, ALIAS_MAX, "oid", err));
	TRY(text_check(e->owner, ALIAS_MAX, KINDS[KINDS[e->kind].owner].name, err));
	TRY(text_check(e->name, REGISTER_NAME_MAX, "name", err));
	TRY(text_check(e->sector, ALIAS_MAX, "sector", err));
	TRY(text_check(e->level, ALIAS_MAX, "level", err));
	TRY(text_check(e->tier, ALIAS_MAX, "tier", err));
	TRY(text_check(e->region, ALIAS_MAX, "region", err));
	return text_check(e->body, REGISTER_BODY_MAX, "entry", err);
}

/* --- changing; on the writer's thread --- */

struct change {
	const struct register_entry *list;
	struct register_entry *work;
	size_t n;
	enum register_how how;
	struct str actor;
	struct arena *a;
	struct register_done done;
};

/* What is known of an entry before it is changed. */
struct known {
	bool there, retired;
	int64_t row, version;
	usec created;
	char id[ID_MAX + 1], owner[ID_MAX + 1];
	bool same;
};

/* By id or by alias: two statements, each along its own index; one with OR would read all entries. */
#define BY_ID "kind = $1 AND id = $2"
#define BY_ALIAS "kind = $1 AND alias = $2 AND alias <> ''"

static enum rc look_by(struct db *d, const char *sql, enum register_kind kind, struct str id, const struct register_entry *compare, struct known *ret,
		       struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;

	*ret = (struct known){ .there = false };
	TRY(DB_START(d, &q, err, sql, DB_INT(kind), DB_TEXT(id)));
	TRY(db_next(q, &ret->there, err));
	if (!ret->there)
		return RC_OK;
	ret->row = db_int(q, 0);
	ret->version = db_int(q, 1);
	ret->created = db_int(q, 2);
	ret->retired = db_int(q, 3) != 0;
	snprintf(ret->id, sizeof ret->id, "%.*s", STR(db_text(q, 4)));
	snprintf(ret->owner, sizeof ret->owner, "%.*s", STR(db_text(q, 5)));
	ret->same = compare != NULL && str_eq(db_text(q, 6), compare->body) && str_eq(db_text(q, 7), compare->alias);
	return RC_OK;
}

#define KNOWN "SELECT row, version, created, retired, id, owner, body, alias FROM register_entry WHERE "
static enum rc look_up(struct db *d, enum register_kind kind, struct str id, const struct register_entry *compare, struct known *ret, struct err *err)
{
	TRY(look_by(d, KNOWN BY_ID, kind, id, compare, ret, err));
	return ret->there ? RC_OK : look_by(d, KNOWN BY_ALIAS, kind, id, compare, ret, err);
}

/* One fact for one version: it proves the version without telling what it says. */
static enum rc tell(struct store *s, enum register_kind kind, const char *what, struct str id, int64_t version, struct str body, struct str actor,
		    struct err *err)
{
	unsigned char digest[SHA256_LEN];
	char text[FACT_KIND_MAX], subject[FACT_KIND_MAX + ID_MAX];
	struct buf b, hex;
	struct jsonw w;
	struct fact f = { .at = time_now(), .actor = actor };
	enum rc rc;

	snprintf(text, sizeof text, "register.%s", what);
	snprintf(subject, sizeof subject, "%s:%.*s", KINDS[kind].name, STR(id));
	hash_sha256(body, digest);
	buf_init(&b, 4096);
	buf_init(&hex, 128);
	hex_put(&hex, str_make((const char *)digest, sizeof digest));
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_int(&w, "version", version);
	jsonw_m_str(&w, "sha256", buf_view(&hex));
	jsonw_object_end(&w);
	f.kind = str_of(text);
	f.subject = str_of(subject);
	f.body = buf_view(&b);
	rc = buf_check(&b, err, "register");
	if (rc == RC_OK)
		rc = fact_append_here(s, &f, err);
	buf_done(&b);
	buf_done(&hex);
	return rc;
}

static enum rc keep_version(struct store *s, const struct register_entry *e, const char *what, struct str actor, struct err *err)
{
	TRY(DB_RUN(s->write_db, err, "INSERT INTO register_version (entry, version, at, actor, body, retired) VALUES ($1, $2, $3, $4, $5, $6)",
		   DB_INT(e->row), DB_INT(e->version), DB_INT(e->changed), DB_TEXT(actor), DB_TEXT(e->body), DB_INT(e->retired)));
	return tell(s, e->kind, what, e->id, e->version, e->body, actor, err);
}

static enum rc own_id(struct store *s, struct register_entry *e, struct arena *a, struct err *err)
{
	char counter[40];
	struct known k;
	int64_t n;

	snprintf(counter, sizeof counter, "register-%s", KINDS[e->kind].name);
	do {
		TRY(db_count_on(s->write_db, str_of(counter), 1, &n, err));
		e->id = arena_fmt(a, "%s-%06lld", KINDS[e->kind].prefix, (long long)n);
		if (e->id.p == NULL)
			return FAIL(err, RC_NOMEM, "register: the caller's memory is full");
		TRY(look_up(s->write_db, e->kind, e->id, NULL, &k, err));
	} while (k.there);
	return RC_OK;
}

static enum rc insert(struct store *s, struct register_entry *e, struct str actor, struct err *err)
{
	TRY(db_count_on(s->write_db, S("register"), 1, &e->row, err));
	e->version = 1;
	e->created = e->changed = time_now();
	TRY(DB_RUN(s->write_db, err,
		   "INSERT INTO register_entry (kind, " COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $14, $15, 0)",
		   DB_INT(e->kind), DB_INT(e->row), DB_TEXT(e->id), DB_TEXT(e->alias), DB_TEXT(e->owner), DB_TEXT(e->name), DB_TEXT(e->body),
		   DB_TEXT(e->sector), DB_TEXT(e->level), DB_TEXT(e->tier), DB_TEXT(e->region), DB_INT(e->starts), DB_INT(e->ends), DB_INT(e->created),
		   DB_TEXT(actor)));
	return keep_version(s, e, "add", actor, err);
}

static enum rc update(struct store *s, struct register_entry *e, const struct known *k, struct str actor, struct err *err)
{
	e->row = k->row;
	e->version = k->version + 1;
	e->created = k->created;
	e->changed = time_now();
	TRY(DB_RUN(s->write_db, err,
		   "UPDATE register_entry SET alias = $2, owner = $3, name = $4, body = $5, sector = $6, level = $7, tier = $8, region = $9, starts = $10,"
		   " ends = $11, version = $12, changed = $13, changed_by = $14 WHERE row = $1",
		   DB_INT(e->row), DB_TEXT(e->alias), DB_TEXT(e->owner), DB_TEXT(e->name), DB_TEXT(e->body), DB_TEXT(e->sector), DB_TEXT(e->level),
		   DB_TEXT(e->tier), DB_TEXT(e->region), DB_INT(e->starts), DB_INT(e->ends), DB_INT(e->version), DB_INT(e->changed), DB_TEXT(actor)));
	return keep_version(s, e, "set", actor, err);
}

/* OIDs are names too: each belongs to one entry, and none looks like another's id. */
static enum rc check_alias(struct store *s, const struct register_entry *e, struct err *err)
{
	int64_t ours = 0, theirs = 0, taken = 0;

	TRY(DB_ONE_INT(s->write_db, &theirs, err, "SELECT count(*) FROM register_entry WHERE " BY_ALIAS " AND id <> $2", DB_INT(e->kind), DB_TEXT(e->id)));
	if (e->alias.n > 0) {
		TRY(DB_ONE_INT(s->write_db, &ours, err, "SELECT count(*) FROM register_entry WHERE " BY_ALIAS " AND id <> $3", DB_INT(e->kind), DB_TEXT(e->alias),
			       DB_TEXT(e->id)));
		TRY(DB_ONE_INT(s->write_db, &taken, err, "SELECT count(*) FROM register_entry WHERE " BY_ID " AND id <> $3", DB_INT(e->kind), DB_TEXT(e->alias),
			       DB_TEXT(e->id)));
	}
	return ours + theirs + taken == 0 ? RC_OK :
	       FAIL(err, RC_CONFLICT, "oid: another %s has '%.*s'", KINDS[e->kind].name, STR(theirs > 0 ? e->id : e->alias));
}

/* Whether this entry may be put as `how` says, with what is there. */
static enum rc may_put(const struct change *c, const struct register_entry *e, const struct known *k, struct err *err)
{
	const char *what = KINDS[e->kind].name;

	if (k->there && !str_eq(str_of(k->id), e->id))
		return FAIL(err, RC_CONFLICT, "id: '%.*s' is the OID of '%s'", STR(e->id), k->id);
	if (c->how == REGISTER_ADD && k->there)
		return FAIL(err, RC_CONFLICT, "id: %s '%.*s' is there already%s", what, STR(e->id), k->retired ? " (retired)" : "");
	if (c->how == REGISTER_SET && !k->there)
		return FAIL(err, RC_NOTFOUND, "no %s '%.*s'", what, STR(e->id));
	if (c->how == REGISTER_SET && k->version != e->version)
		return FAIL(err, RC_BUSY, "%s: somebody changed it meanwhile", what);
	if (k->there && k->retired)
		return FAIL(err, RC_CONFLICT, "id: %s '%.*s' is retired; take that back first", what, STR(e->id));
	return RC_OK;
}

/* The owner may be written as an OID: it is compared when it is known as an id. */
static enum rc same_owner(struct store *s, const struct register_entry *e, const struct known *k, bool *ret, struct err *err)
{
	struct known above;

	*ret = e->owner.n == 0 && k->owner[0] == '\0';
	if (e->owner.n == 0)
		return RC_OK;
	TRY(look_up(s->write_db, (enum register_kind)KINDS[e->kind].owner, e->owner, NULL, &above, err));
	*ret = above.there && str_eq(str_of(above.id), str_of(k->owner));
	return RC_OK;
}

static enum rc put_one(struct store *s, struct change *c, struct register_entry *e, struct err *err)
{
	struct known k = { .there = false };
	bool same;

	if (e->id.n == 0 && c->how == REGISTER_SET)
		return FAIL(err, RC_BAD, "id: is required");
	if (e->id.n == 0)
		TRY(own_id(s, e, c->a, err));
	else
		TRY(look_up(s->write_db, e->kind, e->id, e, &k, err));
	TRY(may_put(c, e, &k, err));
	TRY(check_alias(s, e, err));
	if (!k.there) {
		c->done.added++;
		return insert(s, e, c->actor, err);
	}
	TRY(same_owner(s, e, &k, &same, err));
	if (!same || !k.same) {
		c->done.set++;
		return update(s, e, &k, c->actor, err);
	}
	e->row = k.row;
	e->version = k.version;
	e->created = k.created;
	c->done.same++;
	return RC_OK;
}

/* Up to the root: an organisation that meets itself there would be above itself. */
static enum rc check_circle(struct store *s, const struct register_entry *e, struct err *err)
{
	struct known k;
	char id[ID_MAX + 1];

	snprintf(id, sizeof id, "%.*s", STR(e->owner));
	for (int depth = 0; depth < REGISTER_DEPTH_MAX; depth++) {
		if (str_eq(str_of(id), e->id))
			return FAIL(err, RC_BAD, "parent: '%.*s' would be above itself", STR(e->id));
		TRY(look_up(s->write_db, REGISTER_ORGANISATION, str_of(id), NULL, &k, err));
		if (!k.there || k.owner[0] == '\0')
			return RC_OK;
		snprintf(id, sizeof id, "%s", k.owner);
	}
	return FAIL(err, RC_BAD, "parent: more than %d organisations above one another", REGISTER_DEPTH_MAX);
}

static const char *owner_member(enum register_kind kind)
{
	return kind == REGISTER_ORGANISATION ? "parent" : KINDS[KINDS[kind].owner].name;
}

/* When all entries are there: what one belongs to may stand behind it in the same file. */
static enum rc settle_owner(struct store *s, struct register_entry *e, struct arena *a, struct err *err)
{
	enum register_kind kind = (enum register_kind)KINDS[e->kind].owner;
	struct known k;

	if (e->owner.n == 0)
		return RC_OK;
	TRY(look_up(s->write_db, kind, e->owner, NULL, &k, err));
	if (!k.there)
		return FAIL(err, RC_BAD, "%s: no %s '%.*s'", owner_member(e->kind), KINDS[kind].name, STR(e->owner));
	if (k.retired)
		return FAIL(err, RC_BAD, "%s: '%s' is retired", owner_member(e->kind), k.id);
	if (!str_eq(str_of(k.id), e->owner)) {
		e->owner = arena_dup(a, str_of(k.id));
		if (e->owner.p == NULL)
			return FAIL(err, RC_NOMEM, "register: the caller's memory is full");
		TRY(DB_RUN(s->write_db, err, "UPDATE register_entry SET owner = $2 WHERE row = $1", DB_INT(e->row), DB_TEXT(e->owner)));
	}
	return e->kind == REGISTER_ORGANISATION ? check_circle(s, e, err) : RC_OK;
}

/* A job may run twice: it works on a copy, so that a number given by a transaction that failed is not taken for the caller's. */
static enum rc put_job(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;

	c->done = (struct register_done){ .which = 0 };
	memcpy(c->work, c->list, c->n * sizeof *c->work);
	for (; c->done.which < c->n; c->done.which++)
		TRY(put_one(s, c, &c->work[c->done.which], err));
	for (c->done.which = 0; c->done.which < c->n; c->done.which++)
		TRY(settle_owner(s, &c->work[c->done.which], c->a, err));
	c->done.which = SIZE_MAX;
	return RC_OK;
}

enum rc register_put(struct store *s, struct register_entry *list, size_t n, enum register_how how, struct str actor, struct arena *a,
		     struct register_done *ret, struct err *err)
{
	struct change c = { .list = list, .n = n, .how = how, .actor = actor, .a = a };
	enum rc rc;

	*ret = (struct register_done){ .which = SIZE_MAX };
	if (n > REGISTER_IMPORT_MAX)
		return FAIL(err, RC_LIMIT, "register: more than %d entries at a time", REGISTER_IMPORT_MAX);
	for (ret->which = 0; ret->which < n; ret->which++)
		TRY(check_entry(&list[ret->which], err));
	c.work = arena_array(a, n + 1, sizeof *c.work);
	if (c.work == NULL)
		return FAIL(err, RC_NOMEM, "register: the caller's memory is full");
	rc = writer_do(s->writer, put_job, &c, err);
	*ret = c.done;
	if (rc == RC_OK)
		memcpy(list, c.work, n * sizeof *list);
	return rc;
}

struct retiring {
	enum register_kind kind;
	struct str id, actor;
	bool retired;
};

static enum rc check_dependents(struct store *s, const struct known *k, enum register_kind kind, struct err *err)
{
	for (int other = 0; other < REGISTER_KINDS; other++) {
		int64_t n;

		if (KINDS[other].owner != (int)kind)
			continue;
		TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM register_entry WHERE kind = $1 AND owner = $2 AND retired = 0"
			       " AND (ends = 0 OR ends > $3)", DB_INT(other), DB_TEXT(str_of(k->id)), DB_INT(time_now())));
		if (n > 0)
			return FAIL(err, RC_CONFLICT, "%s '%s' is in use: %lld entries (%s) belong to it", KINDS[kind].name, k->id, (long long)n, KINDS[other].name);
	}
	return RC_OK;
}

static enum rc check_owner_back(struct store *s, const struct known *k, enum register_kind kind, struct err *err)
{
	struct known above;

	if (k->owner[0] == '\0')
		return RC_OK;
	TRY(look_up(s->write_db, (enum register_kind)KINDS[kind].owner, str_of(k->owner), NULL, &above, err));
	return above.retired ? FAIL(err, RC_CONFLICT, "%s '%s' is retired: take that back first", KINDS[KINDS[kind].owner].name, above.id) : RC_OK;
}

static enum rc body_of(struct db *d, int64_t row, struct buf *ret, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool there;

	TRY(DB_START(d, &q, err, "SELECT body FROM register_entry WHERE row = $1", DB_INT(row)));
	TRY(db_next(q, &there, err));
	buf_str(ret, there ? db_text(q, 0) : S(""));
	return buf_check(ret, err, "register");
}

static enum rc retire_job(struct store *s, void *ctx, struct err *err)
{
	const struct retiring *r = ctx;
	struct register_entry e = { .kind = r->kind, .retired = r->retired, .changed = time_now() };
	struct known k;
	struct buf body;
	enum rc rc;

	TRY(look_up(s->write_db, r->kind, r->id, NULL, &k, err));
	if (!k.there)
		return FAIL(err, RC_NOTFOUND, "no %s '%.*s'", KINDS[r->kind].name, STR(r->id));
	if (k.retired == r->retired)
		return FAIL(err, RC_CONFLICT, "%s '%s' is %s", KINDS[r->kind].name, k.id, r->retired ? "retired already" : "not retired");
	TRY(r->retired ? check_dependents(s, &k, r->kind, err) : check_owner_back(s, &k, r->kind, err));
	e.id = str_of(k.id);
	e.row = k.row;
	e.version = k.version + 1;
	TRY(DB_RUN(s->write_db, err, "UPDATE register_entry SET retired = $2, version = $3, changed = $4, changed_by = $5 WHERE row = $1", DB_INT(k.row),
		   DB_INT(r->retired), DB_INT(e.version), DB_INT(e.changed), DB_TEXT(r->actor)));
	buf_init(&body, REGISTER_BODY_MAX + 1);
	rc = body_of(s->write_db, k.row, &body, err);
	e.body = buf_view(&body);
	if (rc == RC_OK)
		rc = keep_version(s, &e, r->retired ? "retire" : "restore", r->actor, err);
	buf_done(&body);
	return rc;
}

enum rc register_retire(struct store *s, enum register_kind kind, struct str id, bool retired, struct str actor, struct err *err)
{
	struct retiring r = { kind, id, actor, retired };

	TRY(text_check(id, ALIAS_MAX, "id", err));
	return writer_do(s->writer, retire_job, &r, err);
}

/* --- reading --- */

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	struct register_entry *e = row;
	struct { struct str *to; int col; } texts[] = { { &e->id, 1 },     { &e->alias, 2 }, { &e->owner, 3 },  { &e->name, 4 },       { &e->body, 5 },
							{ &e->sector, 6 }, { &e->level, 7 }, { &e->tier, 8 }, { &e->region, 9 }, { &e->changed_by, 15 } };

	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i].to = arena_dup(a, db_text(q, texts[i].col));
		if (texts[i].to->p == NULL)
			return false;
	}
	e->row = db_int(q, 0);
	e->starts = db_int(q, 10);
	e->ends = db_int(q, 11);
	e->version = db_int(q, 12);
	e->created = db_int(q, 13);
	e->changed = db_int(q, 14);
	e->retired = db_int(q, 16) != 0;
	return true;
}

static enum rc read_entries(struct store *s, struct listing *l, enum register_kind kind, size_t max, struct register_entry **ret, struct err *err)
{
	l->what = "register";
	l->size = sizeof **ret;
	l->fill = fill;
	TRY(store_list(s, l, max, err));
	*ret = l->rows;
	for (size_t i = 0; i < l->n; i++)
		(*ret)[i].kind = kind;
	return RC_OK;
}

enum rc register_get(struct store *s, enum register_kind kind, struct str id, struct arena *a, struct register_entry *ret, struct err *err)
{
	static const char *const ways[] = { "SELECT " COLUMNS " FROM register_entry WHERE " BY_ID, "SELECT " COLUMNS " FROM register_entry WHERE " BY_ALIAS };

	TRY(text_check(id, ALIAS_MAX, "id", err));
	for (size_t i = 0; i < COUNTOF(ways); i++) {
		struct listing l = { .sql = ways[i], .v = { DB_INT(kind), DB_TEXT(id) }, .n_v = 2, .a = a };
		struct register_entry *list;

		TRY(read_entries(s, &l, kind, 1, &list, err));
		if (l.n == 0)
			continue;
		*ret = list[0];
		return RC_OK;
	}
	return FAIL(err, RC_NOTFOUND, "no %s '%.*s'", KINDS[kind].name, STR(id));
}

enum rc register_list(struct store *s, const struct register_query *q, struct arena *a, struct register_entry **ret, size_t *ret_n, struct err *err)
{
	const struct str texts[] = { q->owner, q->sector, q->level, q->tier, q->region, q->after };
	struct listing l = { .v = { DB_INT(q->kind), DB_INT(q->retired) }, .n_v = 2, .a = a };

	for (size_t i = 0; i < COUNTOF(texts); i++) {
		TRY(text_check(texts[i], ALIAS_MAX, "register: what is looked for", err));
		l.v[l.n_v++] = DB_TEXT(texts[i].p == NULL ? S("") : texts[i]);
	}
	l.v[l.n_v++] = DB_INT(q->at);
	/* The limit is the reader's own: it stops there. */
	l.sql = "SELECT " COLUMNS " FROM register_entry WHERE kind = $1 AND id > $8 AND ($2 = 1 OR retired = 0) AND ($3 = '' OR owner = $3)"
		" AND ($4 = '' OR sector = $4) AND ($5 = '' OR level = $5) AND ($6 = '' OR tier = $6) AND ($7 = '' OR region = $7)"
		" AND ((starts <= $9 AND ends > $9) OR $9 = 0) ORDER BY id";
	TRY(read_entries(s, &l, q->kind, q->limit < LIST_MAX ? q->limit : LIST_MAX, ret, err));
	*ret_n = l.n;
	return RC_OK;
}

struct history {
	int64_t row;
	struct arena *a;
	struct register_version *list;
	size_t n;
};

static enum rc read_history(struct db *d, void *ctx, struct err *err)
{
	struct history *h = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	h->n = 0;
	TRY(DB_START(d, &q, err, "SELECT version, at, actor, body, retired FROM register_version WHERE entry = $1 ORDER BY version DESC", DB_INT(h->row)));
	for (;;) {
		struct register_version *v = &h->list[h->n];

		TRY(db_next(q, &row, err));
		if (!row || h->n == LIST_MAX)
			return RC_OK;
		*v = (struct register_version){ .version = db_int(q, 0), .at = db_int(q, 1), .actor = arena_dup(h->a, db_text(q, 2)),
						.body = arena_dup(h->a, db_text(q, 3)), .retired = db_int(q, 4) != 0 };
		if (v->actor.p == NULL || v->body.p == NULL)
			return FAIL(err, RC_NOMEM, "register: the caller's memory is full");
		h->n++;
	}
}

enum rc register_history(struct store *s, int64_t row, struct arena *a, struct register_version **ret, size_t *ret_n, struct err *err)
{
	struct history h = { .row = row, .a = a, .list = arena_array(a, LIST_MAX + 1, sizeof *h.list) };

	if (h.list == NULL)
		return FAIL(err, RC_NOMEM, "register: the caller's memory is full");
	TRY(store_read(s, read_history, &h, err));
	*ret = h.list;
	*ret_n = h.n;
	return RC_OK;
}
