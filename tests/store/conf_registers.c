/* Registers: versions, owners, retiring, all or nothing. */
#include "conformance.h"

#include "store/facts.h"
#include "store/registers.h"

static struct register_entry entry(enum register_kind kind, const char *id, const char *owner, const char *name)
{
	return (struct register_entry){ .kind = kind, .id = str_of(id), .alias = S(""), .owner = str_of(owner), .name = str_of(name), .body = S("{\"name\":\"x\"}"),
					.sector = S("energy"), .level = S("A"), .tier = S("sector"), .region = S("63000") };
}

static enum rc put(struct scene *sc, struct register_entry *e, enum register_how how)
{
	struct register_done done;

	return register_put(sc->s, e, 1, how, S("user:a"), sc->a, &done, &sc->err);
}

static bool count_one(void *ctx, const struct fact *f)
{
	int *n = ctx;

	*n += str_eq(f->subject, S("organisation:top"));
	return true;
}

static void versions(struct scene *sc)
{
	struct register_entry top = entry(REGISTER_ORGANISATION, "top", "", "Top 上"), again = top, got;
	struct register_version *list;
	size_t n;
	int facts = 0;

	top.alias = S("2.16.886.1");
	DONE(sc, put(sc, &top, REGISTER_ADD), "added");
	OK(top.row > 0 && top.version == 1 && top.created > 0, "numbered");
	GIVES(sc, RC_CONFLICT, put(sc, &again, REGISTER_ADD), "an id only once");
	DONE(sc, register_get(sc->s, REGISTER_ORGANISATION, S("2.16.886.1"), sc->a, &got, &sc->err), "found by its alias");
	EQ_STR(got.name, S("Top 上"), "name");
	EQ_STR(got.changed_by, S("user:a"), "by whom");
	OK(str_eq(got.sector, S("energy")) && str_eq(got.level, S("A")) && str_eq(got.tier, S("sector")) && str_eq(got.region, S("63000")), "what it is chosen by");
	got.body = S("{\"name\":\"y\"}");
	DONE(sc, put(sc, &got, REGISTER_SET), "set");
	got.version = 1;
	GIVES(sc, RC_BUSY, put(sc, &got, REGISTER_SET), "made from an old version: look again");
	DONE(sc, put(sc, &got, REGISTER_EITHER), "the same again");
	EQ_INT(got.version, 2, "is no version");
	DONE(sc, register_history(sc->s, top.row, sc->a, &list, &n, &sc->err), "history");
	OK(n == 2 && list[0].version == 2 && str_eq(list[0].body, S("{\"name\":\"y\"}")) && str_eq(list[1].body, S("{\"name\":\"x\"}")), "the newest first");
	DONE(sc, fact_each(sc->s, 0, S("register."), count_one, &facts, &sc->err), "the chain");
	EQ_INT(facts, 2, "has each version");
	again.id = S("none");
	GIVES(sc, RC_NOTFOUND, put(sc, &again, REGISTER_SET), "none such is set");
	again.alias = S("2.16.886.1");
	GIVES(sc, RC_CONFLICT, put(sc, &again, REGISTER_ADD), "an alias only once");
	again.alias = S("top");
	GIVES(sc, RC_CONFLICT, put(sc, &again, REGISTER_ADD), "nor like another's id");
	again.alias = S("");
	again.id = S("2.16.886.1");
	GIVES(sc, RC_CONFLICT, put(sc, &again, REGISTER_ADD), "nor an id like another's alias");
	again.id = S("Upper");
	GIVES(sc, RC_BAD, put(sc, &again, REGISTER_ADD), "an id is of small letters");
}

static void owners(struct scene *sc)
{
	struct register_entry list[] = { entry(REGISTER_ORGANISATION, "child", "2.16.886.1", "Child"), entry(REGISTER_ORGANISATION, "top", "", "Top") };
	struct register_entry bad[] = { entry(REGISTER_ORGANISATION, "", "", "Good"), entry(REGISTER_ORGANISATION, "lost", "nobody", "Lost") };
	struct register_entry sys = entry(REGISTER_SYSTEM, "", "child", "System"), circle = entry(REGISTER_ORGANISATION, "top", "child", "Top"), got;
	struct register_query q = { .kind = REGISTER_ORGANISATION, .limit = 1 };
	struct register_entry *found;
	struct register_done done;
	size_t n;

	list[1].alias = S("2.16.886.1");
	DONE(sc, register_put(sc->s, list, 2, REGISTER_EITHER, S("a"), sc->a, &done, &sc->err), "what is above may come behind");
	OK(done.added == 2 && done.set == 0 && done.same == 0, "both added");
	EQ_STR(list[0].owner, S("top"), "named by its id from here on");
	GIVES(sc, RC_BAD, register_put(sc->s, bad, 2, REGISTER_EITHER, S("a"), sc->a, &done, &sc->err), "no such owner");
	EQ_INT((int)done.which, 1, "names the entry");
	EQ_INT((int)bad[0].id.n, 0, "the other one got no number");
	GIVES(sc, RC_NOTFOUND, register_get(sc->s, REGISTER_ORGANISATION, S("org-000001"), sc->a, &got, &sc->err), "and was not kept");
	circle.alias = S("2.16.886.1");
	GIVES(sc, RC_BAD, put(sc, &circle, REGISTER_EITHER), "no circle");
	DONE(sc, put(sc, &sys, REGISTER_ADD), "a system");
	EQ_STR(sys.id, S("sys-000001"), "numbered by its kind");
	DONE(sc, register_list(sc->s, &q, sc->a, &found, &n, &sc->err), "listed");
	OK(n == 1 && str_eq(found[0].id, S("child")), "by id, as many as asked for");
	q.after = S("child");
	q.limit = 10;
	DONE(sc, register_list(sc->s, &q, sc->a, &found, &n, &sc->err), "the next");
	OK(n == 1 && str_eq(found[0].id, S("top")), "behind it");
	q = (struct register_query){ .kind = REGISTER_ORGANISATION, .limit = 10, .owner = S("top"), .sector = S("energy"), .level = S("A"), .tier = S("sector"), .region = S("63000") };
	DONE(sc, register_list(sc->s, &q, sc->a, &found, &n, &sc->err), "by all columns");
	EQ_INT((int)n, 1, "one");
	q.level = S("B");
	DONE(sc, register_list(sc->s, &q, sc->a, &found, &n, &sc->err), "of another level");
	EQ_INT((int)n, 0, "none");
}

static void retiring(struct scene *sc)
{
	struct register_entry top = entry(REGISTER_ORGANISATION, "top", "", "Top"), who = entry(REGISTER_PERSON, "who", "top", "Who");
	struct register_entry past = entry(REGISTER_DUTY, "past", "who", ""), ahead = entry(REGISTER_DUTY, "ahead", "who", ""), got;
	struct register_query q = { .kind = REGISTER_DUTY, .limit = 10, .at = 150 };
	struct register_entry *found;
	size_t n;

	past.starts = 100;
	past.ends = 200;
	ahead.starts = INT64_MAX - 2;
	ahead.ends = INT64_MAX - 1;
	DONE(sc, put(sc, &top, REGISTER_ADD), "an organisation");
	DONE(sc, put(sc, &who, REGISTER_ADD), "a person");
	DONE(sc, put(sc, &past, REGISTER_ADD), "a turn");
	DONE(sc, put(sc, &ahead, REGISTER_ADD), "another");
	DONE(sc, register_list(sc->s, &q, sc->a, &found, &n, &sc->err), "on duty then");
	OK(n == 1 && str_eq(found[0].id, S("past")), "the one");
	q.at = 200;
	DONE(sc, register_list(sc->s, &q, sc->a, &found, &n, &sc->err), "at its end");
	EQ_INT((int)n, 0, "nobody");
	GIVES(sc, RC_CONFLICT, register_retire(sc->s, REGISTER_ORGANISATION, S("top"), true, S("a"), &sc->err), "somebody works there");
	GIVES(sc, RC_CONFLICT, register_retire(sc->s, REGISTER_PERSON, S("who"), true, S("a"), &sc->err), "and will be on duty");
	DONE(sc, register_retire(sc->s, REGISTER_DUTY, S("ahead"), true, S("a"), &sc->err), "not any more");
	DONE(sc, register_retire(sc->s, REGISTER_PERSON, S("who"), true, S("a"), &sc->err), "a turn that is over holds nobody");
	GIVES(sc, RC_CONFLICT, register_retire(sc->s, REGISTER_PERSON, S("who"), true, S("a"), &sc->err), "once");
	GIVES(sc, RC_CONFLICT, register_retire(sc->s, REGISTER_DUTY, S("ahead"), false, S("a"), &sc->err), "back only after its person");
	DONE(sc, register_retire(sc->s, REGISTER_PERSON, S("who"), false, S("a"), &sc->err), "who comes back");
	DONE(sc, register_get(sc->s, REGISTER_PERSON, S("who"), sc->a, &got, &sc->err), "is there");
	OK(!got.retired && got.version == 3 && str_eq(got.owner, S("top")), "as before, two versions on");
	GIVES(sc, RC_NOTFOUND, register_retire(sc->s, REGISTER_PERSON, S("nobody"), true, S("a"), &sc->err), "none such");
}

const struct conformance_case CASES_REGISTERS[] = {
	{ "registers-versions", versions },
	{ "registers-owners", owners },
	{ "registers-retiring", retiring },
	{ NULL, NULL },
};
