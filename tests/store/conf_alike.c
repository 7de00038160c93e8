/* What submissions look like: put, found by keys and digests, replaced, and gone with the submission. */
#include "conformance.h"

#include "store/alike.h"
#include "store/submissions.h"

static const struct quota NONE = { 0 };
static char id[3][UUID_TEXT_LEN + 1];

static void begin(struct scene *sc, int i)
{
	struct submission r = { .id = S(""), .owner = S("user:a"), .from = S(""), .name = S("n"), .privacy = PRIVACY_PUBLIC, .state = SUBMISSION_WAITING, .size = 1,
				.sha256 = S("ab"), .address = S("1") };
	struct uuid u;

	uuid_v4(&u);
	r.id = uuid_format(&u, id[i]);
	DONE(sc, submission_add(sc->s, &r, &NONE, S("user:a"), &sc->err), "a submission");
}

static struct alike_part part(int i, uint32_t number, const int64_t *keys, size_t n)
{
	return (struct alike_part){ .submission = str_of(id[i]), .part = number, .path = number == 0 ? S("") : S("in"), .sha256 = S("00ff"), .sha1 = S(""), .md5 = S(""),
				    .ctph = S("3:a:b"), .tlsh = S("T1"), .keys = keys, .n_keys = n };
}

static size_t near(struct scene *sc, int64_t first, int64_t last)
{
	struct alike_keys ranges[2] = { { first, last }, { first, last } };
	struct alike_part *list;
	bool cut = true;
	size_t n = 0;

	DONE(sc, alike_near(sc->s, ranges, 2, sc->a, &list, &n, &cut, &sc->err), "looked");
	OK(!cut, "all of it");
	for (size_t i = 0; i < n; i++)
		OK(str_eq(list[i].ctph, S("3:a:b")) && str_eq(list[i].tlsh, S("T1")) && str_eq(list[i].sha256, S("00ff")) && list[i].submission.n == UUID_TEXT_LEN &&
		   str_eq(list[i].path, list[i].part == 0 ? S("") : S("in")), "each whole");
	return n;
}

static void looks(struct scene *sc)
{
	static const int64_t one[] = { 5, 7, 7 }, two[] = { 7, INT64_MAX }, many[ALIKE_KEYS_MAX + 1];
	struct alike_part parts[2], *list, missing;
	size_t n;

	begin(sc, 0);
	begin(sc, 1);
	parts[0] = part(0, 0, one, 3);
	parts[1] = part(0, 1, two, 2);
	DONE(sc, alike_put(sc->s, parts, 2, &sc->err), "two parts");
	parts[0] = part(1, 0, two, 2);
	DONE(sc, alike_put(sc->s, parts, 1, &sc->err), "another of one");
	EQ_INT(near(sc, 7, 7), 3, "three share a key, each once");
	EQ_INT(near(sc, 0, 6), 1, "one is in a range");
	EQ_INT(near(sc, 8, INT64_MAX - 1), 0, "none between");
	EQ_INT(near(sc, INT64_MAX, INT64_MAX), 2, "the last key");
	DONE(sc, alike_same(sc->s, S("00ff"), 10, sc->a, &list, &n, &sc->err), "by digest");
	DONE(sc, alike_put(sc->s, parts, 1, &sc->err), "again");
	EQ_INT(near(sc, 7, 7), 3, "is once");
	parts[0] = part(0, 0, one, 1);
	DONE(sc, alike_put(sc->s, parts, 1, &sc->err), "fewer than before");
	EQ_INT(near(sc, 7, 7), 1, "replace them");
	parts[0] = part(0, 0, many, COUNTOF(many));
	GIVES(sc, RC_LIMIT, alike_put(sc->s, parts, 1, &sc->err), "too many keys");
	GIVES(sc, RC_LIMIT, alike_put(sc->s, parts, 0, &sc->err), "no part");
	snprintf(id[2], sizeof id[2], "%s", "00000000-0000-4000-8000-000000000000");
	missing = part(2, 0, one, 1);
	GIVES(sc, RC_NOTFOUND, alike_put(sc->s, &missing, 1, &sc->err), "of no submission");
	DONE(sc, submission_delete(sc->s, str_of(id[1]), S("{}"), S("user:a"), &sc->err), "deleted");
	EQ_INT(near(sc, 0, INT64_MAX), 1, "and not found");
	missing = part(1, 0, one, 1);
	GIVES(sc, RC_NOTFOUND, alike_put(sc->s, &missing, 1, &sc->err), "nor put again");
}

const struct conformance_case CASES_ALIKE[] = {
	{ "looks of submissions", looks }, { NULL, NULL },
};
