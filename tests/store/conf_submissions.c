/* What was handed to the lab: coming in, quotas, verdicts, deletion. */
#include "conformance.h"

#include "store/facts.h"
#include "store/submissions.h"

static char ids[16][UUID_TEXT_LEN + 1];
static const struct quota NONE = { 0 };

static struct submission one(int i, const char *owner, enum privacy p, enum submission_state state)
{
	struct uuid u;

	uuid_v4(&u);
	uuid_format(&u, ids[i]);
	return (struct submission){ .id = str_of(ids[i]), .owner = str_of(owner), .from = S("aabb"), .name = S("\xE6\xAA\x94 name"), .privacy = p, .state = state,
				    .size = 1000, .sha256 = state == SUBMISSION_WAITING ? S("abcd") : S(""),
				    .address = state == SUBMISSION_WAITING ? S("1234") : S("") };
}

static enum rc add(struct scene *sc, struct submission *r, const struct quota *q)
{
	return submission_add(sc->s, r, q, S("user:a"), &sc->err);
}

static enum rc finish(struct scene *sc, struct submission *r, const char *verdict, bool keep)
{
	r->verdict = str_of(verdict);
	r->generation = S("g1");
	return submission_finish(sc->s, r, keep, &sc->err);
}

static bool count_facts(void *ctx, const struct fact *f)
{
	int *n = ctx;

	*n += str_starts(f->subject, S("submission:"));
	return true;
}

static void lives(struct scene *sc)
{
	struct submission up = one(0, "user:a", PRIVACY_PUBLIC, SUBMISSION_UPLOADING), now = one(1, "user:a", PRIVACY_VERDICT, SUBMISSION_WAITING), got, *list;
	struct submission bad = now;
	uint64_t others;
	int facts = 0;
	size_t n;

	DONE(sc, add(sc, &up, &NONE), "an upload begins");
	DONE(sc, add(sc, &now, &NONE), "a file comes whole");
	OK(now.row > up.row && now.at > 0, "in their order");
	bad.id = S("no id");
	GIVES(sc, RC_BAD, add(sc, &bad, &NONE), "what is no id");
	bad.id = str_of(ids[5]);
	EQ_INT(submission_count_waiting(sc->s), 1, "one waits");
	DONE(sc, submission_get(sc->s, up.id, sc->a, &got, &sc->err), "found");
	OK(str_eq(got.owner, S("user:a")) && str_eq(got.from, S("aabb")) && str_eq(got.name, S("\xE6\xAA\x94 name")) && got.privacy == PRIVACY_PUBLIC &&
	   got.state == SUBMISSION_UPLOADING && got.size == 1000 && got.sha256.n == 0 && got.done == 0 && got.receipt.n == 0, "all of it");
	up.sha256 = S("ffff");
	up.address = S("1234");
	DONE(sc, submission_complete(sc->s, &up, &NONE, S("user:a"), &sc->err), "complete");
	GIVES(sc, RC_CONFLICT, submission_complete(sc->s, &up, &NONE, S("user:a"), &sc->err), "once");
	DONE(sc, submission_waiting(sc->s, 0, 10, sc->a, &list, &n, &sc->err), "who waits");
	OK(n == 2 && str_eq(list[0].id, up.id) && str_eq(list[1].id, now.id) && str_eq(list[0].sha256, S("ffff")), "the oldest first");
	DONE(sc, submission_waiting(sc->s, up.row, 10, sc->a, &list, &n, &sc->err), "behind the first");
	OK(n == 1 && str_eq(list[0].id, now.id), "the second");
	DONE(sc, finish(sc, &now, "malicious", false), "a verdict");
	DONE(sc, finish(sc, &up, "no-finding", true), "another");
	GIVES(sc, RC_CONFLICT, finish(sc, &up, "no-finding", true), "once");
	EQ_INT(submission_count_waiting(sc->s), 0, "nobody waits");
	DONE(sc, submission_done_after(sc->s, 0, 10, sc->a, &list, &n, &sc->err), "verdicts");
	OK(n == 2 && list[0].done < list[1].done && str_eq(list[0].id, now.id) && str_eq(list[0].verdict, S("malicious")) && list[0].address.n == 0 &&
	   str_eq(list[1].address, S("1234")), "in their order; what is not kept has no address");
	DONE(sc, submission_stored(sc->s, 0, 10, sc->a, &list, &n, &sc->err), "what rests here");
	OK(n == 1 && str_eq(list[0].id, up.id), "the one that is kept");
	GIVES(sc, RC_CONFLICT, submission_again(sc->s, now.id, &sc->err), "what rests here no more is not inspected again");
	DONE(sc, submission_again(sc->s, up.id, &sc->err), "again");
	DONE(sc, finish(sc, &up, "suspicious", true), "with another verdict");
	OK(up.done > now.done && up.done > 2, "and a new number");
	DONE(sc, submission_forget_sample(sc->s, up.id, &others, &sc->err), "its content goes");
	EQ_INT(others, 0, "nobody else has it");
	DONE(sc, submission_delete(sc->s, up.id, S("{}"), S("user:a"), &sc->err), "deleted");
	GIVES(sc, RC_CONFLICT, submission_delete(sc->s, up.id, S("{}"), S("user:a"), &sc->err), "once");
	DONE(sc, submission_get(sc->s, up.id, sc->a, &got, &sc->err), "its tombstone");
	OK(got.state == SUBMISSION_DELETED && got.name.n == 0 && got.sha256.n == 0 && got.verdict.n == 0 && str_eq(got.receipt, S("{}")), "says that and no more");
	DONE(sc, fact_each(sc->s, 0, S("lab."), count_facts, &facts, &sc->err), "facts");
	EQ_INT(facts, 3, "two came, one went");
}

static void quotas(struct scene *sc)
{
	const struct quota few = { .owner_files = 2, .owner_mb = 1, .from_files = 3, .from_mb = 100, .waiting = 3 };
	struct submission r = one(0, "user:a", PRIVACY_PUBLIC, SUBMISSION_WAITING);

	DONE(sc, add(sc, &r, &few), "the first");
	r = one(1, "user:a", PRIVACY_PUBLIC, SUBMISSION_WAITING);
	DONE(sc, add(sc, &r, &few), "the second");
	r = one(2, "user:a", PRIVACY_PUBLIC, SUBMISSION_WAITING);
	GIVES(sc, RC_DENIED, add(sc, &r, &few), "the third is too many for its owner");
	r = one(2, "user:b", PRIVACY_PUBLIC, SUBMISSION_WAITING);
	r.size = (uint64_t)2 << 20;
	GIVES(sc, RC_DENIED, add(sc, &r, &few), "too many bytes");
	r.size = 5;
	DONE(sc, add(sc, &r, &few), "another owner's; what was refused did not count");
	r = one(3, "user:c", PRIVACY_PUBLIC, SUBMISSION_WAITING);
	r.from = S("other");
	GIVES(sc, RC_BUSY, add(sc, &r, &few), "three wait");
	DONE(sc, finish(sc, &r, "no-finding", true) == RC_CONFLICT ? RC_OK : RC_BAD, "what never came has no verdict");
	r = one(4, "user:d", PRIVACY_PUBLIC, SUBMISSION_WAITING);
	GIVES(sc, RC_DENIED, add(sc, &r, &(struct quota){ .from_files = 3 }), "too many of one address");
	r.owner = S(SUBMISSION_PUBLIC);
	r.from = S("other");
	DONE(sc, add(sc, &r, &(struct quota){ .owner_files = 1, .from_files = 3 }), "people without an account count by address alone");
	for (int i = 0; i < UPLOADS_PER_OWNER; i++) {
		r = one(5, "user:e", PRIVACY_PUBLIC, SUBMISSION_UPLOADING);
		if (add(sc, &r, &NONE) != RC_OK)
			OK(false, "upload %d", i);
	}
	r = one(6, "user:f", PRIVACY_PUBLIC, SUBMISSION_UPLOADING);
	r.size = (uint64_t)1 << 20;
	GIVES(sc, RC_BUSY, add(sc, &r, &(struct quota){ .uploading_mb = 1 }), "more on its way than all may announce");
	DONE(sc, add(sc, &r, &(struct quota){ .uploading_mb = 2 }), "and no more than that");
	r = one(6, "user:e", PRIVACY_PUBLIC, SUBMISSION_UPLOADING);
	GIVES(sc, RC_LIMIT, add(sc, &r, &NONE), "too many uploads at a time");
	DONE(sc, submission_drop(sc->s, str_of(ids[5]), &sc->err), "one is given up");
	DONE(sc, add(sc, &r, &NONE), "and there is room");
}

static void lists(struct scene *sc)
{
	static const struct { const char *owner; enum privacy privacy; } rows[] = {
		{ "user:a", PRIVACY_VERDICT }, { "user:a", PRIVACY_GOVERNMENT }, { "user:b", PRIVACY_VERDICT }, { "user:b", PRIVACY_GOVERNMENT }, { "public", PRIVACY_PUBLIC },
	};
	static const struct { const char *what; struct submission_filter f; size_t want; } asked[] = {
		{ "one's own", { .owner = { "user:a", 6 }, .state = -1, .limit = 10 }, 2 },
		{ "one's own and what is shared", { .or_owner = { "user:a", 6 }, .state = -1, .limit = 10 }, 4 },
		{ "one's own and what is public", { .or_owner = { "user:b", 6 }, .public_only = true, .state = -1, .limit = 10 }, 3 },
		{ "by a digest", { .or_owner = { "user:a", 6 }, .state = -1, .sha256 = { "abcd", 4 }, .limit = 10 }, 4 },
		{ "by another", { .or_owner = { "user:a", 6 }, .state = -1, .sha256 = { "abce", 4 }, .limit = 10 }, 0 },
		{ "by a verdict", { .owner = { "user:a", 6 }, .state = -1, .verdict = { "malicious", 9 }, .limit = 10 }, 1 },
		{ "by state", { .or_owner = { "user:a", 6 }, .state = SUBMISSION_WAITING, .limit = 10 }, 3 },
		{ "no more than asked", { .or_owner = { "user:a", 6 }, .state = -1, .limit = 3 }, 3 },
	};
	struct submission *list, due;
	size_t n;

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct submission r = one((int)i, rows[i].owner, rows[i].privacy, SUBMISSION_WAITING);

		DONE(sc, add(sc, &r, &NONE), "added");
		if (i == 0)
			DONE(sc, finish(sc, &r, "malicious", true), "with a verdict");
		if (i == 1)
			due = r;
	}
	for (size_t i = 0; i < COUNTOF(asked); i++) {
		DONE(sc, submission_list(sc->s, &asked[i].f, sc->a, &list, &n, &sc->err), asked[i].what);
		EQ_INT(n, asked[i].want, asked[i].what);
		OK(n < 2 || list[0].row > list[1].row, "the newest first");
	}
	DONE(sc, submission_next(sc->s, S(""), 10, sc->a, &list, &n, &sc->err), "whose turn it is");
	OK(n == 1 && str_eq(list[0].owner, S("public")), "the first's");
	DONE(sc, submission_next(sc->s, S("public"), 10, sc->a, &list, &n, &sc->err), "and then");
	OK(n == 1 && str_eq(list[0].owner, S("user:a")), "the next one's");
	DONE(sc, submission_next(sc->s, S("user:a"), 10, sc->a, &list, &n, &sc->err), "and then");
	OK(n == 2 && str_eq(list[0].owner, S("user:b")) && list[0].row < list[1].row, "another's, both of them, the oldest first");
	DONE(sc, submission_next(sc->s, S("user:b"), 1, sc->a, &list, &n, &sc->err), "and again");
	OK(n == 1 && str_eq(list[0].owner, S("public")), "the first's");
	DONE(sc, finish(sc, &due, "malicious", true), "another");
	DONE(sc, submission_overdue(sc->s, 0, (uint64_t)1 << 40, 10, sc->a, &list, &n, &sc->err), "retention");
	EQ_INT(n, 0, "nothing is old, nothing too much");
	DONE(sc, submission_overdue(sc->s, 0, 4000, 10, sc->a, &list, &n, &sc->err), "by bytes");
	OK(n == 1 && str_eq(list[0].id, str_of(ids[0])), "the oldest first, and no more than must");
	DONE(sc, submission_overdue(sc->s, INT64_MAX, (uint64_t)1 << 40, 10, sc->a, &list, &n, &sc->err), "by age");
	EQ_INT(n, 2, "all that have a verdict");
}

const struct conformance_case CASES_SUBMISSIONS[] = {
	{ "submissions", lives }, { "submissions' quotas", quotas }, { "submissions listed", lists }, { NULL, NULL },
};
