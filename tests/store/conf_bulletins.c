/* Bulletins, their recipients, receipts and answers. */
#include "conformance.h"

#include "store/bulletins.h"
#include "store/facts.h"

#define ID(n) "x-lianfang-bulletin--00000000-0000-4000-8000-00000000000" n

static struct bulletin_row made(const char *id, const char *code)
{
	return (struct bulletin_row){ .id = str_of(id), .number = S(""), .code = str_of(code), .category = S("200"), .title = S("預警 warning"),
				      .source = S(""), .origin = S(""), .tlp = 2, .impact = 3, .due = 500, .body = S("{\"title\":\"x\"}") };
}

static struct bulletin_row came(const char *id, const char *number)
{
	struct bulletin_row b = made(id, "EWA");

	b.number = str_of(number);
	b.origin = S("nation");
	b.issued = 100;
	return b;
}

struct heard { int n; struct str kind; };

static bool count(void *ctx, const struct fact *f)
{
	struct heard *h = ctx;

	h->n += str_eq(f->kind, h->kind);
	return true;
}

static int facts_of(struct scene *sc, struct str kind)
{
	struct heard h = { 0, kind };

	DONE(sc, fact_each(sc->s, 0, kind, count, &h, &sc->err), "the chain");
	return h.n;
}

static void issuing(struct scene *sc)
{
	const struct str to[] = { S("north"), S("south") }, more[] = { S("south"), S("east") };
	struct bulletin_row b = made(ID("1"), "EWA"), c = made(ID("2"), "EWA"), d = made(ID("3"), "ANA"), drill = made(ID("7"), "ANA"), again = made(ID("1"), "EWA"), got;
	struct bulletin_to *list;
	size_t n;

	DONE(sc, bulletin_issue(sc->s, S("Water co"), &b, to, 2, S("user:a"), &sc->err), "issued to two");
	OK(str_starts(b.number, S("WATER-CO-EWA-20")) && str_ends(b.number, S("-0001")) && b.issued > 0 && b.is_out, "numbered: %.*s", STR(b.number));
	DONE(sc, bulletin_issue(sc->s, S("水 ab"), &c, NULL, 0, S("user:a"), &sc->err), "another");
	OK(str_starts(c.number, S("水-AB-EWA-20")) && str_ends(c.number, S("-0002")), "counts on: %.*s", STR(c.number));
	DONE(sc, bulletin_issue(sc->s, S("x"), &d, NULL, 0, S("user:a"), &sc->err), "of another code");
	OK(str_ends(d.number, S("-0001")), "counts by itself");
	drill.exercise = true;
	DONE(sc, bulletin_issue(sc->s, S("x"), &drill, NULL, 0, S("user:a"), &sc->err), "a drill");
	OK(str_starts(drill.number, S("X-ANA-EX20")) && str_ends(drill.number, S("-0001")), "counts by itself: %.*s", STR(drill.number));
	GIVES(sc, RC_CONFLICT, bulletin_issue(sc->s, S("x"), &again, NULL, 0, S("user:a"), &sc->err), "an id only once");
	DONE(sc, bulletin_send(sc->s, b.id, more, 2, S("user:a"), &sc->err), "to one more, and one that has it");
	GIVES(sc, RC_NOTFOUND, bulletin_send(sc->s, S(ID("9")), more, 2, S("user:a"), &sc->err), "none that is not there");
	GIVES(sc, RC_BAD, bulletin_send(sc->s, b.id, &S("No Such"), 1, S("user:a"), &sc->err), "nor to what is no name");
	DONE(sc, bulletin_get(sc->s, b.number, sc->a, &got, &sc->err), "found by number");
	OK(got.row == b.row && got.tlp == 2 && got.impact == 3 && got.due == 500 && got.is_out && !got.exercise && got.recipients == 3 && got.n_answered == 0,
	   "with its columns");
	EQ_STR(got.title, b.title, "title");
	EQ_STR(got.body, b.body, "content");
	EQ_STR(got.category, S("200"), "category");
	DONE(sc, bulletin_recipients(sc->s, b.row, sc->a, &list, &n, &sc->err), "recipients");
	OK(n == 3 && str_eq(list[0].who, S("east")) && str_eq(list[2].who, S("south")) && list[0].queued > 0 && list[0].sent == 0, "all three, none sent yet");
	EQ_INT(facts_of(sc, S("alert.new")), 4, "four were issued");
	EQ_INT(facts_of(sc, S("alert.send")), 3, "to three");
	GIVES(sc, RC_NOTFOUND, bulletin_get(sc->s, S("X-EWA-2026-0009"), sc->a, &got, &sc->err), "no such number");
}

static void receipts(struct scene *sc)
{
	const struct str to[] = { S("north"), S("south") };
	struct bulletin_row b = made(ID("1"), "EWA"), got;
	struct bulletin_errand *list, *rest;
	struct bulletin_to *r;
	size_t n;

	DONE(sc, bulletin_issue(sc->s, S("x"), &b, to, 2, S("user:a"), &sc->err), "issued");
	DONE(sc, bulletin_errands(sc->s, NULL, 10, sc->a, &list, &n, &sc->err), "what has to go");
	OK(n == 2 && !list[0].receipt && str_eq(list[0].id, b.id) && list[0].tlp == 2, "to both");
	DONE(sc, bulletin_errands(sc->s, &list[0], 10, sc->a, &rest, &n, &sc->err), "behind the first");
	OK(n == 1 && str_eq(rest[0].to, list[1].to), "is the second");
	DONE(sc, bulletin_errand_done(sc->s, &list[0], &sc->err), "one is in the outbox");
	DONE(sc, bulletin_errand_done(sc->s, &list[0], &sc->err), "said twice");
	DONE(sc, bulletin_errands(sc->s, NULL, 10, sc->a, &list, &n, &sc->err), "then");
	EQ_INT(n, 1, "the other is left");
	/* Read is told before received, and an earlier receipt late. */
	DONE(sc, bulletin_reach(sc->s, b.id, S("north"), BULLETIN_READ, 300, S("peer:north"), &sc->err), "read");
	DONE(sc, bulletin_reach(sc->s, b.id, S("north"), BULLETIN_RECEIVED, 250, S("peer:north"), &sc->err), "received");
	DONE(sc, bulletin_reach(sc->s, b.id, S("north"), BULLETIN_RECEIVED, 200, S("peer:north"), &sc->err), "received earlier");
	DONE(sc, bulletin_reach(sc->s, b.id, S("north"), BULLETIN_RECEIVED, 290, S("peer:north"), &sc->err), "and told again");
	GIVES(sc, RC_NOTFOUND, bulletin_reach(sc->s, b.id, S("east"), BULLETIN_READ, 1, S("peer:east"), &sc->err), "who did not get it reads nothing");
	DONE(sc, bulletin_recipients(sc->s, b.row, sc->a, &r, &n, &sc->err), "recipients");
	OK(n == 2 && r[0].received == 200 && r[0].read == 300 && r[1].received == 0, "the earliest counts");
	DONE(sc, bulletin_get(sc->s, b.id, sc->a, &got, &sc->err), "found by id");
	OK(got.recipients == 2 && got.n_received == 1 && got.n_read == 1, "counted");
	EQ_INT(facts_of(sc, S("alert.received")), 2, "each change is a fact");
	EQ_INT(facts_of(sc, S("alert.read")), 1, "and nothing else");
}

static void coming(struct scene *sc)
{
	struct bulletin_row b = came(ID("1"), "NATION-EWA-2026-0007"), again = came(ID("1"), "NATION-EWA-2026-0007"), other = came(ID("1"), "NATION-EWA-2026-0007"),
			    twin = came(ID("2"), "NATION-EWA-2026-0007"), got;
	struct bulletin_query q = { .code = S(""), .source = S(""), .tlp_most = 2, .is_out = 0, .open = true, .limit = 10 };
	struct bulletin_row *rows;
	struct bulletin_errand *list;
	bool fresh = false;
	size_t n;

	DONE(sc, bulletin_keep(sc->s, &b, S("peer:nation"), &fresh, &sc->err), "came");
	OK(fresh && b.came > 0, "which is news");
	DONE(sc, bulletin_keep(sc->s, &again, S("peer:nation"), &fresh, &sc->err), "came again");
	OK(!fresh && again.row == b.row, "which is none");
	other.body = S("{\"title\":\"y\"}");
	GIVES(sc, RC_CONFLICT, bulletin_keep(sc->s, &other, S("peer:nation"), &fresh, &sc->err), "with other content");
	again.origin = S("north");
	GIVES(sc, RC_CONFLICT, bulletin_keep(sc->s, &again, S("peer:north"), &fresh, &sc->err), "nobody else sends it");
	DONE(sc, bulletin_errands(sc->s, NULL, 10, sc->a, &list, &n, &sc->err), "word of it");
	OK(n == 1 && list[0].receipt && str_eq(list[0].to, S("nation")) && list[0].received == b.came && list[0].read == 0, "goes to its origin");
	DONE(sc, bulletin_errand_done(sc->s, &list[0], &sc->err), "told");
	DONE(sc, bulletin_errands(sc->s, NULL, 10, sc->a, &list, &n, &sc->err), "then");
	EQ_INT(n, 0, "all is told");
	DONE(sc, bulletin_reach(sc->s, b.id, S(""), BULLETIN_READ, b.came + 5, S("user:a"), &sc->err), "read here");
	DONE(sc, bulletin_errands(sc->s, NULL, 10, sc->a, &list, &n, &sc->err), "that");
	OK(n == 1 && list[0].receipt && list[0].read == b.came + 5, "is told too");
	DONE(sc, bulletin_list(sc->s, &q, sc->a, &rows, &n, &sc->err), "what waits for an answer");
	OK(n == 1 && rows[0].row == b.row && rows[0].body.n == 0, "is it");
	q.tlp_most = 1;
	DONE(sc, bulletin_list(sc->s, &q, sc->a, &rows, &n, &sc->err), "who may see less");
	EQ_INT(n, 0, "sees none");
	DONE(sc, bulletin_keep(sc->s, &twin, S("peer:nation"), &fresh, &sc->err), "another of the same number");
	GIVES(sc, RC_CONFLICT, bulletin_get(sc->s, b.number, sc->a, &got, &sc->err), "a number of two names neither");
	b.id = S(ID("5"));
	b.number = twin.number;
	b.origin = S("");
	DONE(sc, bulletin_issue(sc->s, S("nation"), &b, NULL, 0, S("user:a"), &sc->err), "one of ours");
	twin.id = S(ID("6"));
	twin.number = b.number;
	GIVES(sc, RC_CONFLICT, bulletin_keep(sc->s, &twin, S("peer:nation"), &fresh, &sc->err), "nobody else gives our numbers");
	b.number = S("");
	b.id = S(ID("7"));
	GIVES(sc, RC_BAD, bulletin_keep(sc->s, &b, S("peer:nation"), &fresh, &sc->err), "one without a number");
}

static void answering_here(struct scene *sc)
{
	struct bulletin_row b = came(ID("1"), "NATION-EWA-2026-0007"), f = made(ID("2"), "FBI");
	struct bulletin_answer x = { .id = b.id, .who = S(""), .disposition = S("confirmed"), .reason = S(""), .incident = S("2026-000003"), .at = 900 };
	struct bulletin_query q = { .code = S(""), .source = S("NATION-EWA-2026-0007"), .tlp_most = 4, .is_out = -1, .limit = 10 };
	struct bulletin_row *rows;
	struct bulletin_errand *list;
	struct bulletin_to *r;
	bool fresh;
	size_t n;

	DONE(sc, bulletin_keep(sc->s, &b, S("peer:nation"), &fresh, &sc->err), "came");
	f.source = b.number;
	DONE(sc, bulletin_answer(sc->s, S("water"), &x, &f, S("user:a"), &fresh, &sc->err), "answered");
	OK(str_starts(f.number, S("WATER-FBI-20")), "by a feedback of ours: %.*s", STR(f.number));
	DONE(sc, bulletin_recipients(sc->s, b.row, sc->a, &r, &n, &sc->err), "here");
	OK(n == 1 && r[0].answered == 900 && str_eq(r[0].disposition, S("confirmed")) && str_eq(r[0].incident, S("2026-000003")) && str_eq(r[0].feedback, f.number),
	   "is kept");
	DONE(sc, bulletin_errands(sc->s, NULL, 10, sc->a, &list, &n, &sc->err), "what has to go");
	OK(n == 2 && str_eq(list[1].id, f.id) && str_eq(list[1].to, S("nation")) && !list[1].receipt, "the feedback, to the origin");
	DONE(sc, bulletin_list(sc->s, &q, sc->a, &rows, &n, &sc->err), "what speaks of it");
	OK(n == 1 && str_eq(rows[0].id, f.id), "is the feedback");
	EQ_INT(facts_of(sc, S("alert.answer")), 1, "a fact");
	f.id = S(ID("3"));
	x.id = S(ID("9"));
	GIVES(sc, RC_NOTFOUND, bulletin_answer(sc->s, S("water"), &x, &f, S("user:a"), &fresh, &sc->err), "none that is not there");
	DONE(sc, bulletin_list(sc->s, &q, sc->a, &rows, &n, &sc->err), "and");
	EQ_INT(n, 1, "nothing is left of it");
}

static struct bulletin_row feedback(const char *id, const char *number)
{
	struct bulletin_row f = came(id, number);

	f.code = S("FBI");
	f.origin = S("north");
	return f;
}

static void answers_that_come(struct scene *sc)
{
	struct bulletin_row b = made(ID("1"), "EWA"), late = feedback(ID("2"), "NORTH-FBI-2026-0002"), early = feedback(ID("3"), "NORTH-FBI-2026-0001");
	struct bulletin_answer second = { .id = b.id, .who = S("north"), .disposition = S("confirmed"), .reason = S(""), .incident = S("2026-000001"), .at = 20 };
	struct bulletin_answer first = { .id = b.id, .who = S("north"), .disposition = S("undetermined"), .reason = S("?"), .incident = S(""), .at = 10 };
	struct bulletin_to *r;
	bool fresh;
	size_t n;

	DONE(sc, bulletin_issue(sc->s, S("x"), &b, &S("north"), 1, S("user:a"), &sc->err), "issued");
	DONE(sc, bulletin_answer(sc->s, S(""), &second, &late, S("peer:north"), &fresh, &sc->err), "the second answer comes first");
	DONE(sc, bulletin_answer(sc->s, S(""), &first, &early, S("peer:north"), &fresh, &sc->err), "the first one second");
	DONE(sc, bulletin_answer(sc->s, S(""), &second, &late, S("peer:north"), &fresh, &sc->err), "and one of them again");
	OK(!fresh, "which is no news");
	DONE(sc, bulletin_recipients(sc->s, b.row, sc->a, &r, &n, &sc->err), "recipients");
	OK(n == 1 && r[0].answered == 20 && str_eq(r[0].disposition, S("confirmed")) && str_eq(r[0].feedback, S("NORTH-FBI-2026-0002")), "the later counts");
	second.who = S("east");
	late.id = S(ID("4"));
	GIVES(sc, RC_NOTFOUND, bulletin_answer(sc->s, S(""), &second, &late, S("peer:east"), &fresh, &sc->err), "who did not get it has no answer");
	EQ_INT(facts_of(sc, S("alert.answer")), 2, "two answers in the chain");
}

static void late(struct scene *sc)
{
	const struct str to[] = { S("north"), S("south"), S("west") };
	struct bulletin_row b = made(ID("1"), "EWA"), none = made(ID("2"), "EWA"), f = feedback(ID("3"), "NORTH-FBI-2026-0001"), mine = came(ID("4"), "NATION-EWA-2026-0001");
	struct bulletin_answer x = { .id = b.id, .who = S("north"), .disposition = S("undetermined"), .reason = S("?"), .incident = S(""), .at = 400 };
	struct bulletin_late *list;
	bool fresh;
	size_t n;

	none.due = 0;
	DONE(sc, bulletin_issue(sc->s, S("x"), &b, to, 2, S("user:a"), &sc->err), "issued");
	DONE(sc, bulletin_send(sc->s, b.id, to + 2, 1, S("user:a"), &sc->err), "to a third");
	DONE(sc, bulletin_issue(sc->s, S("x"), &none, to, 3, S("user:a"), &sc->err), "another, without an end");
	DONE(sc, bulletin_keep(sc->s, &mine, S("peer:nation"), &fresh, &sc->err), "one that came");
	DONE(sc, bulletin_answer(sc->s, S(""), &x, &f, S("peer:north"), &fresh, &sc->err), "one answers");
	DONE(sc, bulletin_late_list(sc->s, 500, 10, sc->a, &list, &n, &sc->err), "at its end");
	EQ_INT(n, 0, "nobody is late");
	DONE(sc, bulletin_late_list(sc->s, 501, 10, sc->a, &list, &n, &sc->err), "behind it");
	OK(n == 3 && str_eq(list[0].who, S("south")) && str_eq(list[1].who, S("west")) && list[2].who.n == 0 && list[0].due == 500 && str_eq(list[2].number, mine.number),
	   "two are, and we");
	DONE(sc, bulletin_late_put(sc->s, &list[0], &sc->err), "noted");
	OK(list[0].fresh, "which is news");
	DONE(sc, bulletin_late_put(sc->s, &list[0], &sc->err), "noted again");
	OK(!list[0].fresh, "which is none");
	DONE(sc, bulletin_late_list(sc->s, 501, 10, sc->a, &list, &n, &sc->err), "left");
	EQ_INT(n, 2, "are the others");
	EQ_INT(facts_of(sc, S("alert.overdue")), 1, "one fact");
}

static void words(struct scene *sc)
{
	struct bulletin_row b = came(ID("1"), "NATION-EWA-2026-0001"), quiet = came(ID("2"), "NATION-EWA-2026-0002");
	struct bulletin_late *late_ones;
	struct bulletin_word *list;
	bool fresh;
	size_t n, n_late;

	b.tell = true;
	DONE(sc, bulletin_keep(sc->s, &b, S("peer:nation"), &fresh, &sc->err), "came");
	DONE(sc, bulletin_keep(sc->s, &b, S("peer:nation"), &fresh, &sc->err), "again");
	DONE(sc, bulletin_keep(sc->s, &quiet, S("peer:nation"), &fresh, &sc->err), "one that nobody is told of");
	DONE(sc, bulletin_late_list(sc->s, 501, 10, sc->a, &late_ones, &n_late, &sc->err), "late");
	late_ones[0].tell = true;
	DONE(sc, bulletin_late_put(sc->s, &late_ones[0], &sc->err), "noted");
	DONE(sc, bulletin_late_put(sc->s, &late_ones[1], &sc->err), "noted, nobody is told");
	DONE(sc, bulletin_words(sc->s, 10, sc->a, &list, &n, &sc->err), "word");
	OK(n == 2 && str_eq(list[0].kind, S("came")) && str_eq(list[1].kind, S("overdue")) && str_eq(list[0].number, b.number) && list[0].tlp == 2 && list[0].due == 500 &&
	   list[0].at > 0 && str_eq(list[0].origin, S("nation")) && str_eq(list[0].code, S("EWA")), "of both");
	EQ_STR(list[0].title, b.title, "title");
	DONE(sc, bulletin_word_done(sc->s, &list[0], &sc->err), "sent");
	DONE(sc, bulletin_words(sc->s, 10, sc->a, &list, &n, &sc->err), "left");
	OK(n == 1 && str_eq(list[0].kind, S("overdue")), "is the other");
}

const struct conformance_case CASES_BULLETINS[] = {
	{ "bulletins: words", words },
	{ "bulletins: late", late },
	{ "bulletins: issuing", issuing },
	{ "bulletins: receipts", receipts },
	{ "bulletins: coming", coming },
	{ "bulletins: answering here", answering_here },
	{ "bulletins: answers that come", answers_that_come },
	{ NULL, NULL },
};
