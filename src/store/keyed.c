#include "store/keyed.h"

#include <stdio.h>

#include "store/facts_internal.h"

#define PSEUDONYM_MAX 64
#define TEXT_MAX 2000
#define PARTNERS_MAX 8192
#define MEMBERS_MAX 10000
#define MATCHES_MAX 1000
#define DIGEST(p) DB_BYTES(str_make((const char *)(p), KEYED_DIGEST_LEN))

/* --- members --- */

struct member_change {
	const struct keyed_member *m;
	struct str member, half, actor;
	int role;
};

static enum rc member_job(struct store *s, void *ctx, struct err *err)
{
	const struct keyed_member *m = ((struct member_change *)ctx)->m;
	int64_t n;

	TRY(DB_ONE_INT(s->write_db, &n, err, "SELECT count(*) FROM community_member WHERE member <> $1", DB_TEXT(m->member)));
	if (n >= MEMBERS_MAX)
		return FAIL(err, RC_LIMIT, "community: more than %d members", MEMBERS_MAX);
	return DB_RUN(s->write_db, err,
		      "INSERT INTO community_member (member, community, pub, half_a, half_b, opened_a, opened_b, seen) VALUES ($1, $2, $3, $4, $5, '', '', $6)"
		      " ON CONFLICT (member) DO UPDATE SET half_a = excluded.half_a, half_b = excluded.half_b, seen = excluded.seen",
		      DB_TEXT(m->member), DB_TEXT(m->community), DB_TEXT(m->key), DB_TEXT(m->half[0]), DB_TEXT(m->half[1]), DB_INT(m->seen));
}

enum rc keyed_member_put(struct store *s, const struct keyed_member *m, struct err *err)
{
	struct member_change c = { .m = m };

	TRY(text_check(m->member, PSEUDONYM_MAX, "member", err));
	TRY(text_check(m->community, PSEUDONYM_MAX, "community", err));
	TRY(text_check(m->key, 2 * PSEUDONYM_MAX, "member: key", err));
	TRY(text_check(m->half[0], TEXT_MAX, "member: name", err));
	TRY(text_check(m->half[1], TEXT_MAX, "member: name", err));
	return writer_do(s->writer, member_job, &c, err);
}

struct member_listing {
	struct str one; /* or empty: all */
	struct arena *a;
	struct keyed_member *list;
	size_t n;
};

static enum rc read_members(struct db *d, void *ctx, struct err *err)
{
	struct member_listing *l = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	l->n = 0;
	TRY(DB_START(d, &q, err, "SELECT community, member, pub, half_a, half_b, opened_a, opened_b, seen FROM community_member WHERE member = $1 OR $1 = ''"
		     " ORDER BY member LIMIT $2", DB_TEXT(l->one), DB_INT(MEMBERS_MAX)));
	for (;;) {
		struct keyed_member *m = &l->list[l->n];
		struct str *const texts[] = { &m->community, &m->member, &m->key, &m->half[0], &m->half[1], &m->opened[0], &m->opened[1] };

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		for (size_t i = 0; i < COUNTOF(texts); i++) {
			*texts[i] = arena_dup(l->a, db_text(q, (int)i));
			if (texts[i]->p == NULL)
				return FAIL(err, RC_NOMEM, "members: the caller's memory is full");
		}
		m->seen = db_int(q, (int)COUNTOF(texts));
		l->n++;
	}
}

enum rc keyed_member_get(struct store *s, struct str member, struct arena *a, struct keyed_member *ret, struct err *err)
{
	struct keyed_member room[2];
	struct member_listing l = { .one = member, .a = a, .list = room };

	TRY(text_check(member, PSEUDONYM_MAX, "member", err));
	if (member.n > 0)
		TRY(store_read(s, read_members, &l, err));
	if (l.n == 0)
		return FAIL(err, RC_NOTFOUND, "no member '%.*s'", STR(member));
	*ret = room[0];
	return RC_OK;
}

enum rc keyed_member_list(struct store *s, struct arena *a, struct keyed_member **ret, size_t *ret_n, struct err *err)
{
	struct member_listing l = { .one = S(""), .a = a, .list = arena_array(a, MEMBERS_MAX + 1, sizeof *l.list) };

	if (l.list == NULL)
		return FAIL(err, RC_NOMEM, "members: the caller's memory is full");
	TRY(store_read(s, read_members, &l, err));
	*ret = l.list;
	*ret_n = l.n;
	return RC_OK;
}

static enum rc opened_job(struct store *s, void *ctx, struct err *err)
{
	const struct member_change *c = ctx;
	struct fact f = { .at = time_now(), .kind = S("community.open"), .actor = c->actor, .subject = c->member,
			  .body = c->role == 0 ? S("{\"role\":1}") : S("{\"role\":2}") };
	uint64_t changed;

	TRY(DB_CHANGE(s->write_db, &changed, err, c->role == 0 ? "UPDATE community_member SET opened_a = $2 WHERE member = $1" :
		      "UPDATE community_member SET opened_b = $2 WHERE member = $1", DB_TEXT(c->member), DB_TEXT(c->half)));
	if (changed == 0)
		return FAIL(err, RC_NOTFOUND, "no member '%.*s'", STR(c->member));
	return fact_append_here(s, &f, err);
}

enum rc keyed_member_open(struct store *s, struct str member, int role, struct str half, struct str actor, struct err *err)
{
	struct member_change c = { .member = member, .half = half, .actor = actor, .role = role };

	TRY(text_check(member, PSEUDONYM_MAX, "member", err));
	TRY(text_check(half, TEXT_MAX, "half of a name", err));
	return writer_do(s->writer, opened_job, &c, err);
}

/* --- digests at the collector --- */

static enum rc batch_job(struct store *s, void *ctx, struct err *err)
{
	const struct keyed_batch *b = ctx;

	for (size_t i = 0; i < b->n; i++) {
		uint64_t changed;

		/* Once told, always told: it is the member's own word that was milder. */
		TRY(DB_CHANGE(s->write_db, &changed, err,
			      "INSERT INTO keyed (community, generation, epoch, digest, member, told) VALUES ($1, $2, $3, $4, $5, $6)"
			      " ON CONFLICT (community, generation, epoch, digest, member) DO UPDATE SET told = excluded.told"
			      " WHERE keyed.told < excluded.told",
			      DB_TEXT(b->community), DB_INT(b->generation), DB_INT(b->epoch), DIGEST(b->digests + i * KEYED_DIGEST_LEN),
			      DB_TEXT(b->member), DB_INT(i < b->n_told)));
		b->fresh[i] = changed > 0;
	}
	return RC_OK;
}

enum rc keyed_put(struct store *s, const struct keyed_batch *b, struct err *err)
{
	struct keyed_batch copy = *b;

	TRY(text_check(b->member, PSEUDONYM_MAX, "member", err));
	TRY(text_check(b->community, PSEUDONYM_MAX, "community", err));
	return writer_do(s->writer, batch_job, &copy, err);
}

struct holder_listing {
	struct str community;
	int64_t generation, epoch;
	const unsigned char *digest;
	struct arena *a;
	struct keyed_holder *list;
	size_t n;
};

static enum rc read_holders(struct db *d, void *ctx, struct err *err)
{
	struct holder_listing *l = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	l->n = 0;
	TRY(DB_START(d, &q, err, "SELECT member, told FROM keyed WHERE community = $1 AND generation = $2 AND epoch = $3 AND digest = $4 ORDER BY member"
		     " LIMIT $5", DB_TEXT(l->community), DB_INT(l->generation), DB_INT(l->epoch), DIGEST(l->digest), DB_INT(KEYED_HOLDERS_MAX + 1)));
	for (;;) {
		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		if (l->n == KEYED_HOLDERS_MAX)
			return FAIL(err, RC_LIMIT, "community: more than %d hold it", KEYED_HOLDERS_MAX);
		l->list[l->n] = (struct keyed_holder){ arena_dup(l->a, db_text(q, 0)), db_int(q, 1) != 0 };
		if (l->list[l->n++].member.p == NULL)
			return FAIL(err, RC_NOMEM, "community: the caller's memory is full");
	}
}

enum rc keyed_holders(struct store *s, struct str community, int64_t generation, int64_t epoch, const unsigned char digest[static KEYED_DIGEST_LEN],
		      struct arena *a, struct keyed_holder **ret, size_t *ret_n, struct err *err)
{
	struct holder_listing l = { .community = community, .generation = generation, .epoch = epoch, .digest = digest, .a = a,
				    .list = arena_array(a, KEYED_HOLDERS_MAX, sizeof *l.list) };

	if (l.list == NULL)
		return FAIL(err, RC_NOMEM, "community: the caller's memory is full");
	TRY(store_read(s, read_holders, &l, err));
	*ret = l.list;
	*ret_n = l.n;
	return RC_OK;
}

static enum rc forget_job(struct store *s, void *ctx, struct err *err)
{
	const int64_t *epoch = ctx;

	TRY(DB_RUN(s->write_db, err, "DELETE FROM keyed_own WHERE epoch < $1 AND others = 0", DB_INT(*epoch)));
	return DB_RUN(s->write_db, err, "DELETE FROM keyed WHERE epoch < $1", DB_INT(*epoch));
}

enum rc keyed_forget(struct store *s, int64_t epoch, struct err *err)
{
	return writer_do(s->writer, forget_job, &epoch, err);
}

/* --- a member's own --- */

struct own {
	int64_t epoch;
	const unsigned char *digest;
	const struct str *objects;
	size_t n;
	struct str with;
	uint64_t others;
	bool fresh;
};

static enum rc own_job(struct store *s, void *ctx, struct err *err)
{
	const struct own *o = ctx;

	for (size_t i = 0; i < o->n; i++)
		TRY(DB_RUN(s->write_db, err, "INSERT INTO keyed_own (epoch, digest, object, others, partners, at) VALUES ($1, $2, $3, 0, '', $4)"
			   " ON CONFLICT (epoch, digest) DO NOTHING",
			   DB_INT(o->epoch), DIGEST(o->digest + i * KEYED_DIGEST_LEN), DB_TEXT(o->objects[i]), DB_INT(time_now())));
	return RC_OK;
}

enum rc keyed_own_put(struct store *s, int64_t epoch, const unsigned char *digests, const struct str *objects, size_t n, struct err *err)
{
	struct own o = { .epoch = epoch, .digest = digests, .objects = objects, .n = n };

	for (size_t i = 0; i < n; i++)
		TRY(text_check(objects[i], TEXT_MAX, "object", err));
	return n == 0 ? RC_OK : writer_do(s->writer, own_job, &o, err);
}

static enum rc own_object(struct store *s, const struct own *o, char out[static TEXT_MAX + 1], struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(s->write_db, &q, err, "SELECT object FROM keyed_own WHERE epoch = $1 AND digest = $2", DB_INT(o->epoch), DIGEST(o->digest)));
	TRY(db_next(q, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "community: a match of a digest that is none of ours");
	snprintf(out, TEXT_MAX + 1, "%.*s", STR(db_text(q, 0)));
	return RC_OK;
}

static enum rc match_job(struct store *s, void *ctx, struct err *err)
{
	struct own *o = ctx;
	char object[TEXT_MAX + 1], body[64];
	struct fact f = { .at = time_now(), .kind = S("community.match"), .actor = S("community") };
	uint64_t changed;

	TRY(own_object(s, o, object, err));
	/* Only more is news: messages may come twice and in any order. */
	TRY(DB_CHANGE(s->write_db, &changed, err, "UPDATE keyed_own SET others = $3, partners = $4, at = $5 WHERE epoch = $1 AND digest = $2 AND others < $3",
		      DB_INT(o->epoch), DIGEST(o->digest), DB_INT((int64_t)o->others), DB_TEXT(o->with), DB_INT(time_now())));
	o->fresh = changed > 0;
	if (!o->fresh)
		return RC_OK;
	f.subject = str_of(object);
	snprintf(body, sizeof body, "{\"others\":%llu}", (unsigned long long)o->others);
	f.body = str_of(body);
	return fact_append_here(s, &f, err);
}

enum rc keyed_own_match(struct store *s, int64_t epoch, const unsigned char digest[static KEYED_DIGEST_LEN], uint64_t others, struct str with,
			bool *ret_fresh, struct err *err)
{
	struct own o = { .epoch = epoch, .digest = digest, .others = others > INT32_MAX ? INT32_MAX : others, .with = with };

	TRY(text_check(with, PARTNERS_MAX, "partners", err));
	TRY(writer_do(s->writer, match_job, &o, err));
	*ret_fresh = o.fresh;
	return RC_OK;
}

struct match_listing {
	uint32_t limit;
	struct arena *a;
	struct keyed_match *list;
	size_t n;
};

static enum rc read_matches(struct db *d, void *ctx, struct err *err)
{
	struct match_listing *l = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	l->n = 0;
	TRY(DB_START(d, &q, err, "SELECT object, partners, epoch, others, at FROM keyed_own WHERE others > 0 ORDER BY at DESC LIMIT $1", DB_INT(l->limit)));
	for (;;) {
		struct keyed_match *m = &l->list[l->n];

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		*m = (struct keyed_match){ arena_dup(l->a, db_text(q, 0)), arena_dup(l->a, db_text(q, 1)), db_int(q, 2), db_int(q, 3), db_int(q, 4) };
		if (m->object.p == NULL || m->with.p == NULL)
			return FAIL(err, RC_NOMEM, "matches: the caller's memory is full");
		l->n++;
	}
}

enum rc keyed_matches(struct store *s, uint32_t limit, struct arena *a, struct keyed_match **ret, size_t *ret_n, struct err *err)
{
	struct match_listing l = { .limit = limit < MATCHES_MAX ? limit : MATCHES_MAX, .a = a };

	l.list = arena_array(a, (size_t)l.limit + 1, sizeof *l.list);
	if (l.list == NULL)
		return FAIL(err, RC_NOMEM, "matches: the caller's memory is full");
	TRY(store_read(s, read_matches, &l, err));
	*ret = l.list;
	*ret_n = l.n;
	return RC_OK;
}
