/* Reports of people without an account. */
#include "conformance.h"

#include "store/facts.h"
#include "store/intake.h"

static enum rc put(struct scene *sc, struct intake_report *r, struct str what)
{
	*r = (struct intake_report){ .channel = S("window"), .what = what, .when = S("today"), .contact = S("") };
	memset(r->code, 0x5A, sizeof r->code);
	return intake_put(sc->s, r, S("window"), &sc->err);
}

static bool count_one(void *ctx, const struct fact *f)
{
	int *n = ctx;

	*n += str_ends(f->subject, S("-000001"));
	return true;
}

static enum rc settle(struct scene *sc, struct str number, const char *state, struct str incident, struct str of)
{
	struct intake_report r = { .number = number, .state = str_of(state), .incident = incident, .duplicate_of = of, .reason = S("why") };

	return intake_settle(sc->s, &r, S("user:a"), &sc->err);
}

static void reports(struct scene *sc)
{
	static const char evil[] = "\xE2\x80\xAE<script>\x1B[2J\r\n\x7F'; DROP TABLE intake;--";
	struct intake_report first, second, third, drill, got, *list;
	char long_text[INTAKE_WHAT_MAX + 1];
	int facts = 0;
	size_t n;

	DONE(sc, put(sc, &first, str_of(evil)), "kept");
	OK(first.row > 0 && first.at > 0 && first.number.n == 12 && str_ends(first.number, S("-000001")), "numbered: %.*s", STR(first.number));
	DONE(sc, put(sc, &second, S("b")), "another");
	DONE(sc, put(sc, &third, S("c")), "and another");
	DONE(sc, intake_get(sc->s, first.number, sc->a, &got, &sc->err), "found");
	EQ_STR(got.what, str_of(evil), "to the letter");
	EQ_STR(got.when, S("today"), "when");
	OK(got.contact.n == 0 && str_eq(got.channel, S("window")) && str_eq(got.state, S("received")) && got.code[0] == 0x5A && got.code[31] == 0x5A, "all of it");
	memset(long_text, 'x', sizeof long_text);
	GIVES(sc, RC_LIMIT, put(sc, &got, str_make(long_text, sizeof long_text)), "too long");
	GIVES(sc, RC_BAD, put(sc, &got, str_make("a\0b", 3)), "a NUL");
	GIVES(sc, RC_BAD, put(sc, &got, S("\xFF")), "no UTF-8");
	drill = (struct intake_report){ .channel = S("window"), .what = S("d"), .when = S(""), .contact = S(""), .exercise = true };
	DONE(sc, intake_put(sc->s, &drill, S("window"), &sc->err), "of a drill");
	DONE(sc, intake_get(sc->s, drill.number, sc->a, &got, &sc->err), "found");
	OK(got.exercise && str_starts(got.number, S("EXR20")) && str_ends(got.number, S("-000001")), "says so, and counts by itself: %.*s", STR(got.number));
	DONE(sc, settle(sc, drill.number, "dismissed", S(""), S("")), "done with");
	DONE(sc, intake_list(sc->s, S("received"), 0, 2, sc->a, &list, &n, &sc->err), "listed");
	OK(n == 2 && list[0].row == third.row && list[1].row == second.row, "the newest first");
	OK(!list[0].exercise, "none of a drill");
	DONE(sc, intake_list(sc->s, S(""), list[1].row, 2, sc->a, &list, &n, &sc->err), "the next page");
	OK(n == 1 && list[0].row == first.row, "ends with the first");
	DONE(sc, settle(sc, second.number, "duplicate", S(""), first.number), "a duplicate");
	GIVES(sc, RC_CONFLICT, settle(sc, third.number, "duplicate", S(""), second.number), "of a duplicate: no");
	GIVES(sc, RC_CONFLICT, settle(sc, third.number, "duplicate", S(""), third.number), "of itself: no");
	GIVES(sc, RC_NOTFOUND, settle(sc, third.number, "duplicate", S(""), S("R1")), "of none: no");
	GIVES(sc, RC_NOTFOUND, settle(sc, S("R1"), "dismissed", S(""), S("")), "no such report");
	DONE(sc, settle(sc, first.number, "dismissed", S(""), S("")), "dismissed");
	DONE(sc, settle(sc, first.number, "opened", S("2026-000001"), S("")), "and opened after all");
	GIVES(sc, RC_CONFLICT, settle(sc, first.number, "dismissed", S(""), S("")), "an incident is no more dismissed");
	DONE(sc, intake_get(sc->s, first.number, sc->a, &got, &sc->err), "looked at again");
	OK(str_eq(got.state, S("opened")) && str_eq(got.incident, S("2026-000001")) && str_eq(got.reason, S("why")) && str_eq(got.changed_by, S("user:a")) &&
		   str_eq(got.what, str_of(evil)), "what was made of it, beside what was said");
	DONE(sc, intake_list(sc->s, S("opened"), 0, 10, sc->a, &list, &n, &sc->err), "by state");
	EQ_INT((int)n, 1, "the one");
	DONE(sc, fact_each(sc->s, 0, S("intake."), count_one, &facts, &sc->err), "the chain");
	EQ_INT(facts, 5, "has each step");
}

const struct conformance_case CASES_INTAKE[] = {
	{ "intake-reports", reports },
	{ NULL, NULL },
};
