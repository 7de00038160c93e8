/* Incidents, their facts and alarms. */
#include "conformance.h"

#include "store/facts.h"
#include "store/incidents.h"

static struct incident_row made(const char *id, usec due)
{
	return (struct incident_row){ .id = str_of(id), .title = S("Störung 事件"), .packs = S("tw-2026 eu-nis2"),
				      .now = { .open = true, .state = S("aware"), .due = due, .rung = due / 2 } };
}

#define AWARE_TEXT "{\"id\":\"f1\",\"type\":\"aware\"}"
#define REPORTED_TEXT "{\"id\":\"f2\",\"type\":\"reported\"}"
static const struct incident_fact AWARE = { { "f1", 2 }, { "aware", 5 }, { AWARE_TEXT, sizeof AWARE_TEXT - 1 } };
static const struct incident_fact REPORTED = { { "f2", 2 }, { "reported", 8 }, { REPORTED_TEXT, sizeof REPORTED_TEXT - 1 } };

static bool count_one(void *ctx, const struct fact *f)
{
	int *n = ctx;

	*n += str_eq(f->subject, S("incident--1"));
	return true;
}

static void facts(struct scene *sc)
{
	struct incident_row r = made("incident--1", 1000), again = made("incident--1", 1), got;
	struct incident_row drill = made("incident--1d", 1000), next = made("incident--1n", 1000);
	struct incident_fact both[2] = { AWARE, REPORTED };
	struct str text;
	size_t added = 9;
	int chained = 0;

	DONE(sc, incident_open(sc->s, &r, &AWARE, 1, S("user:a"), &sc->err), "opened");
	OK(r.row > 0 && r.number.n == 11 && str_ends(r.number, S("-000001")) && r.facts == 1, "numbered by year: %.*s", STR(r.number));
	GIVES(sc, RC_CONFLICT, incident_open(sc->s, &again, &AWARE, 1, S("user:a"), &sc->err), "an id only once");
	drill.exercise = true;
	DONE(sc, incident_open(sc->s, &drill, &AWARE, 1, S("user:a"), &sc->err), "a drill");
	OK(str_starts(drill.number, S("EX20")) && str_ends(drill.number, S("-000001")), "counts by itself: %.*s", STR(drill.number));
	DONE(sc, incident_open(sc->s, &next, &AWARE, 1, S("user:a"), &sc->err), "a real one behind it");
	OK(str_ends(next.number, S("-000002")), "has the number that it would have without: %.*s", STR(next.number));
	DONE(sc, incident_add(sc->s, r.row, 1, both, 2, &r.now, S("user:a"), &added, &sc->err), "a fact that is there, and one more");
	EQ_INT(added, 1, "only the new one was added");
	GIVES(sc, RC_BUSY, incident_add(sc->s, r.row, 1, both, 2, &r.now, S("user:a"), &added, &sc->err), "derived from an old state: look again");
	DONE(sc, incident_get(sc->s, r.number, sc->a, &got, &sc->err), "found by number");
	OK(got.facts == 2 && got.now.due == 1000 && got.now.rung == 500 && got.now.open && !got.exercise, "all of it");
	EQ_STR(got.title, r.title, "title");
	EQ_STR(got.packs, r.packs, "packs");
	DONE(sc, incident_facts(sc->s, r.row, sc->a, &text, &sc->err), "facts");
	EQ_STR(text, S(AWARE_TEXT "\n" REPORTED_TEXT "\n"), "in the order in which they came");
	DONE(sc, fact_each(sc->s, 0, S("incident."), count_one, &chained, &sc->err), "the chain");
	EQ_INT(chained, 2, "has them too");
	GIVES(sc, RC_NOTFOUND, incident_get(sc->s, S("incident--9"), sc->a, &got, &sc->err), "no such incident");
	GIVES(sc, RC_BUSY, incident_add(sc->s, 99, 0, both, 1, &r.now, S("user:a"), &added, &sc->err), "nothing is added to none");
}

static void together(struct scene *sc)
{
	struct incident_row old = made("incident--old", 5), fresh = made("incident--fresh", 6), got;
	struct incident_addition list[2] = { { .f = &REPORTED, .n = 1, .had = 1, .now = old.now }, { .fresh = &fresh, .f = &AWARE, .n = 1 } };

	DONE(sc, incident_open(sc->s, &old, &AWARE, 1, S("user:a"), &sc->err), "one that is there");
	list[0].row = old.row;
	list[0].now.due = 77;
	DONE(sc, incident_add_all(sc->s, list, 2, S("user:a"), &sc->err), "a fact to it, and a new one, at once");
	OK(list[0].added == 1 && list[1].added == 1 && fresh.row > 0 && fresh.facts == 1, "both");
	DONE(sc, incident_get(sc->s, old.id, sc->a, &got, &sc->err), "the old one");
	OK(got.facts == 2 && got.now.due == 77, "has what was derived");
	fresh = made("incident--never", 6);
	GIVES(sc, RC_BUSY, incident_add_all(sc->s, list, 2, S("user:a"), &sc->err), "somebody was quicker");
	GIVES(sc, RC_NOTFOUND, incident_get(sc->s, S("incident--never"), sc->a, &got, &sc->err), "then neither");
}

static void lists(struct scene *sc)
{
	static const usec dues[] = { 300, INCIDENT_NEVER, 100, 200 };
	struct incident_query q = { .limit = 2, .level = INCIDENT_ANY, .exercise = INCIDENT_ANY };
	struct incident_row *list;
	size_t n;

	for (int i = 0; i < 4; i++) {
		char id[32];
		struct incident_row r;

		snprintf(id, sizeof id, "incident--%d", i);
		r = made(id, dues[i]);
		r.now.open = i != 3;
		DONE(sc, incident_open(sc->s, &r, &AWARE, 1, S("user:a"), &sc->err), "opened");
	}
	DONE(sc, incident_list(sc->s, &q, sc->a, &list, &n, &sc->err), "the least time left first");
	OK(n == 2 && list[0].now.due == 100 && list[1].now.due == 300, "closed ones are not there");
	q.after_row = list[1].row;
	q.after.due = list[1].now.due;
	DONE(sc, incident_list(sc->s, &q, sc->a, &list, &n, &sc->err), "the next page");
	OK(n == 1 && list[0].now.due == INCIDENT_NEVER, "has the rest");
	q = (struct incident_query){ .all = true, .order = INCIDENT_BY_NEWEST, .limit = 10, .level = INCIDENT_ANY, .exercise = INCIDENT_ANY };
	DONE(sc, incident_list(sc->s, &q, sc->a, &list, &n, &sc->err), "all, newest first");
	OK(n == 4 && str_eq(list[0].id, S("incident--3")) && str_eq(list[3].id, S("incident--0")), "all four");
	DONE(sc, incident_ringing(sc->s, 100, 10, sc->a, &list, &n, &sc->err), "ringing");
	OK(n == 2 && list[0].now.rung == 50 && list[1].now.rung == 100, "the earliest first, none that is not due");
}

/* Does `b` come behind `a`? Written from the header, without a database. */
static bool ordered(enum incident_order order, const struct incident_row *a, const struct incident_row *b)
{
	int state = str_cmp(a->now.state, b->now.state);
	bool due = a->now.due != b->now.due ? a->now.due < b->now.due : a->row < b->row;

	switch (order) {
	case INCIDENT_BY_DUE: return due;
	case INCIDENT_BY_NEWEST: return a->row > b->row;
	case INCIDENT_BY_CHANGED: return a->changed != b->changed ? a->changed > b->changed : a->row > b->row;
	case INCIDENT_BY_LEVEL: return a->now.level != b->now.level ? a->now.level > b->now.level : due;
	case INCIDENT_BY_STATE: return state != 0 ? state < 0 : due;
	case INCIDENT_ORDERS: break;
	}
	return false;
}

/* All pages of a query: in order, without gap or repeat, and as many as `want`. */
static void pages(struct scene *sc, struct incident_query q, size_t want)
{
	struct incident_row last = { .row = 0 }, *list;
	size_t n, got = 0, wrong = 0;

	do {
		DONE(sc, incident_list(sc->s, &q, sc->a, &list, &n, &sc->err), "a page");
		for (size_t i = 0; i < n; i++) {
			wrong += got++ > 0 && !ordered(q.order, &last, &list[i]);
			wrong += (!q.all && !list[i].now.open) || (q.state.n > 0 && !str_eq(q.state, list[i].now.state)) ||
				 (q.level != INCIDENT_ANY && q.level != list[i].now.level) ||
				 (q.exercise != INCIDENT_ANY && q.exercise != (int)list[i].exercise);
			last = list[i];
		}
		q.after_row = last.row;
		q.after.due = last.now.due;
		q.after.changed = last.changed;
		q.after.level = last.now.level;
		q.after.state = last.now.state;
	} while (n == q.limit);
	OK(wrong == 0 && got == want, "order %d, all %d, state '%.*s', level %d, drills %d: %zu of %zu, %zu wrong", (int)q.order, q.all, STR(q.state),
	   q.level, q.exercise, got, want, wrong);
}

static void orders(struct scene *sc)
{
	static const char *const states[] = { "aware", "reported", "contained" };

	for (int i = 0; i < 60; i++) {
		char id[32];
		struct incident_row r;

		snprintf(id, sizeof id, "incident--%d", i);
		r = made(id, i % 7 == 0 ? INCIDENT_NEVER : (i * 37) % 20);
		r.now.open = i % 4 != 0;
		r.now.state = str_of(states[i % 3]);
		r.now.level = i % 5;
		r.exercise = i % 6 == 1;
		DONE(sc, incident_open(sc->s, &r, &AWARE, 1, S("user:a"), &sc->err), "opened");
	}
	for (int order = 0; order < INCIDENT_ORDERS; order++) {
		struct incident_query q = { .order = (enum incident_order)order, .limit = 4, .level = INCIDENT_ANY, .exercise = INCIDENT_ANY };

		pages(sc, q, 45);
		q.state = S("aware");
		pages(sc, q, 15);
		q.level = 3;
		pages(sc, q, 3);
		q.all = true;
		pages(sc, q, 4);
		q = (struct incident_query){ .order = q.order, .limit = 7, .all = true, .level = INCIDENT_ANY, .exercise = INCIDENT_ANY };
		pages(sc, q, 60);
		q.exercise = 1;
		pages(sc, q, 10);
	}
}

static void alarms(struct scene *sc)
{
	struct incident_row r = made("incident--1", 1000), got;
	struct incident_alarm a[2] = { { .clock = S("tw K1 f1"), .percent = 50, .due = 1000, .at = 600 },
				       { .clock = S("tw K1 f1"), .percent = 100, .due = 1000, .at = 1001 } }, *list;
	struct incident_untold *waiting;
	size_t n, n_waiting;
	int chained = 0;

	DONE(sc, incident_open(sc->s, &r, &AWARE, 1, S("user:a"), &sc->err), "opened");
	r.now.rung = 1001;
	DONE(sc, incident_alarm_put(sc->s, r.row, 1, a, 1, &r.now, &sc->err), "half of the time is gone");
	OK(a[0].fresh, "which is news");
	r.now.rung = INCIDENT_NEVER;
	DONE(sc, incident_alarm_put(sc->s, r.row, 1, a, 2, &r.now, &sc->err), "and all of it");
	OK(!a[0].fresh && a[1].fresh, "only the breach is news now");
	GIVES(sc, RC_BUSY, incident_alarm_put(sc->s, r.row, 5, a, 2, &r.now, &sc->err), "derived from another state");
	DONE(sc, incident_alarms(sc->s, r.row, sc->a, &list, &n, &sc->err), "alarms");
	DONE(sc, incident_untold(sc->s, 10, sc->a, &waiting, &n_waiting, &sc->err), "who has had no word of them");
	OK(n_waiting == 2 && waiting[0].alarm.percent == 50 && str_eq(waiting[1].incident.id, S("incident--1")), "both wait, the oldest first");
	DONE(sc, incident_told(sc->s, r.row, a[0].clock, 50, &sc->err), "word of one");
	DONE(sc, incident_untold(sc->s, 10, sc->a, &waiting, &n_waiting, &sc->err), "and then");
	OK(n_waiting == 1 && waiting[0].alarm.percent == 100, "the other waits");
	OK(n == 2 && list[0].percent == 50 && list[1].percent == 100 && list[1].due == 1000, "both are kept");
	DONE(sc, incident_get(sc->s, r.id, sc->a, &got, &sc->err), "the incident");
	OK(got.now.rung == INCIDENT_NEVER && got.facts == 1, "does not ring again");
	DONE(sc, fact_each(sc->s, 0, S("incident."), count_one, &chained, &sc->err), "the chain");
	EQ_INT(chained, 3, "has awareness, alarm and breach");
}

static void bad(struct scene *sc)
{
	struct incident_row r = made("incident--1", 1);
	struct incident_fact f = AWARE;

	f.body = S("{\n}");
	GIVES(sc, RC_BAD, incident_open(sc->s, &r, &f, 1, S("user:a"), &sc->err), "a fact of two lines");
	r.title = S("\xff");
	GIVES(sc, RC_BAD, incident_open(sc->s, &r, &AWARE, 1, S("user:a"), &sc->err), "a title that is no text");
}

const struct conformance_case CASES_INCIDENTS[] = {
	{ "incidents: facts", facts },
	{ "incidents: several at once", together },
	{ "incidents: lists", lists },
	{ "incidents: orders", orders },
	{ "incidents: alarms", alarms },
	{ "incidents: bad input", bad },
	{ NULL, NULL },
};
